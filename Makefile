# The whole project in four verbs. Each sets up .venv by itself, with the pinned versions.
#   make demo   [CLIP=path.mp4] [OVERWRITE=1] [OUT=out/demo]     the main job, then open OUT/report.html
#   make test   the whole suite        make check   format, lint, types, import contracts
#   make bench  performance benchmarks, JSON under out/bench
#   make pour_micro   the packaged sound model from nothing: clips, training (two hours; continues where it stopped)
#   make lab_va the older packaged policy from nothing: pours, sounds, training (three hours; continues where it stopped)
#   make lab_ear  the packaged policy with the packaged ear from nothing: pours, glimpses, training (35 minutes)
PYTHON ?= python3
PY := .venv/bin/python
OUT ?= out/demo
CLIP ?=
OVERWRITE ?=
PIP_FLAGS ?=
# one JIT cache for all runs; quiet, reproducible threads
export NUMBA_CACHE_DIR ?= $(CURDIR)/.venv/numba-cache

.PHONY: demo test check bench lab_va lab_ear pour_micro setup clean

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

# by the commit that made it: what a policy is made of has changed since
lab_va:
	[ -d out/lab_va_source ] || git worktree add --detach out/lab_va_source 2f8bfb4
	$(MAKE) -C out/lab_va_source lab_va

# heard pours for ears and hands, many more glimpsed vessels for the eyes
lab_ear: .venv/.installed
	.venv/bin/multigen generate --world lab --episodes 48 --seed 1000 --expert misjudging --nudge-mm 18 --out out/lab --resume
	.venv/bin/multigen glimpse --world lab --scenes 939 --seed 3000 --nudge-mm 18 --out out/lab_glimpses --resume
	.venv/bin/multigen train-policy out/lab out/lab_glimpses --out out/lab_ear --half --steps 6870 --seed 0 --resume

# clean masks first, then with masks as poor as a real video's
pour_micro: .venv/.installed
	.venv/bin/multigen corpus synth --clips 800 --seed 0 --out out/corpus --resume
	.venv/bin/multigen train-sound out/corpus --rough 0 --steps 2200 --seed 0 --out out/sound_exact --resume
	.venv/bin/multigen train-sound out/corpus --start-from out/sound_exact --steps 900 --seed 1 --out out/pour_micro --resume

clean:
	rm -rf .venv out build dist
