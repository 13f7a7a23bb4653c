# The whole project in four verbs. Each sets up .venv by itself, with the pinned versions.
#   make demo   [CLIP=path.mp4] [OVERWRITE=1] [OUT=out/demo]     the main job, then open OUT/report.html
#   make test   the whole suite        make check   format, lint, types, import contracts
#   make bench  performance benchmarks, JSON under out/bench
#   make pour_micro   the packaged sound model from nothing: clips, training (two hours; continues where it stopped)
#   make lab_ear lab_v lab_a lab_blind   the packaged policy, and those it is compared with, from nothing (85 minutes; then 5 to 18 each)
#   make pour_ear robot_ear   the packaged ears from nothing (20 and 12 minutes)
PYTHON ?= python3
PY := .venv/bin/python
OUT ?= out/demo
CLIP ?=
OVERWRITE ?=
PIP_FLAGS ?=
# one JIT cache for all runs; quiet, reproducible threads
export NUMBA_CACHE_DIR ?= $(CURDIR)/.venv/numba-cache

POLICIES := lab_ear lab_v lab_a lab_blind

.PHONY: demo test check bench lab_data $(POLICIES) pour_ear robot_ear pour_micro setup clean

setup: .venv/.installed

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "multigen needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt torch hatchling
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e .
	-@.venv/bin/multigen doctor --compile
	@touch $@

.venv/.installed-test: .venv/.installed
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[test]'
	@touch $@

demo: .venv/.installed
	.venv/bin/multigen demo --out $(OUT) $(if $(CLIP),--clip "$(CLIP)") $(if $(OVERWRITE),--overwrite)

test: .venv/.installed-test
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile -q

check: .venv/.installed-test
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: .venv/.installed-test
	for b in benchmarks/*.py; do $(PY) $$b || exit 1; done

# what all four have in common: heard pours, and silent ones for the eyes
lab_data: .venv/.installed
	.venv/bin/multigen generate --world lab --episodes 200 --seed 1000 --expert misjudging --nudge-mm 18 --out out/lab --resume
	.venv/bin/multigen glimpse --world lab --scenes 1500 --seed 3000 --nudge-mm 18 --out out/lab_glimpses --resume

lab_ear: SENSES = vision,audio,state
lab_v: SENSES = vision,state
lab_a: SENSES = audio,state
lab_blind: SENSES = state
lab_ear lab_v: STEPS = 9500
# without pictures there is less to learn
lab_a lab_blind: STEPS = 6000
$(POLICIES): lab_data
	.venv/bin/multigen train-policy out/lab out/lab_glimpses --out out/$@ --senses $(SENSES) --half --steps $(STEPS) --seed 0 --resume

pour_ear: .venv/.installed
	.venv/bin/multigen train-ear --from acoustics --pours 3000 --steps 6000 --seed 0 --out out/pour_ear --resume

robot_ear: .venv/.installed
	.venv/bin/multigen train-ear --from acoustics --own-pours --pours 3000 --steps 6000 --threads 2 --seed 0 --out out/robot_ear --resume

# clean masks first, then with masks as poor as a real video's
pour_micro: .venv/.installed
	.venv/bin/multigen corpus synth --clips 800 --seed 0 --out out/corpus --resume
	.venv/bin/multigen train-sound out/corpus --rough 0 --steps 2200 --seed 0 --out out/sound_exact --resume
	.venv/bin/multigen train-sound out/corpus --start-from out/sound_exact --steps 900 --seed 1 --out out/pour_micro --resume

clean:
	rm -rf .venv out build dist
