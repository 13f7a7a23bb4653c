"""Laws of the sound benchmark: what the acoustics and the controls score, and what a number means."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multigen.audio import sound_of_pour

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from sound_pours import FIRST_SEED, Pours, make_pour, read_pour, take
from sound_rows import ROWS, Case, measure
from sound_table import METRICS, Metric, show, summarise, verdicts

ALONE = tuple(r for r in ROWS if not r.startswith("generated"))
KEYS = (20_000_001, 20_000_003)
OTHERS = tuple(range(FIRST_SEED["others"], FIRST_SEED["others"] + 12))


@pytest.fixture(scope="module")
def pours(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    made = Pours(root, "tabletop")
    assert all(make_pour((made, key)) for key in KEYS)
    return made


@pytest.fixture(scope="module")
def measured(pours):
    others = replace(pours, group="others")
    keys = tuple(key for key in OTHERS if make_pour((others, key)))
    return [
        measure(Case(pours, key, after, None, rows=ALONE, others=keys))
        for key, after in zip(KEYS, reversed(KEYS), strict=True)
    ]


def test_the_acoustics_pass_and_the_controls_do_not(measured):
    for rows in measured:
        for row in ("acoustics", "second take"):
            assert rows[row]["onset_ms"] < 150
            assert rows[row]["offset_ms"] < 150
            assert rows[row]["pitch_error"] < 0.1
            assert rows[row]["false_sound"] == 0
        assert rows["acoustics"]["onset_beside_ms"] == 0
        assert rows["acoustics"]["lsd"] is None
        assert rows["second take"]["lsd"] < rows["shuffled"]["lsd"] < rows["white noise"]["lsd"]
        assert rows["white noise"]["onset_ms"] == pytest.approx(8000)
        assert rows["white noise"]["false_sound"] == 1
        assert rows["reversed"]["pitch_error"] > rows["acoustics"]["pitch_error"]
    ranks = [np.mean([rows[row]["rank"] for rows in measured]) for row in ALONE]
    assert min(ranks[:2]) > max(ranks[2:])


def test_a_pour_is_drawn_once_and_its_sound_can_be_made_again(pours):
    trace, scene = read_pour(pours, KEYS[0])
    before = pours.path(KEYS[0], ".npz").stat().st_mtime_ns
    assert make_pour((pours, KEYS[0]))
    assert pours.path(KEYS[0], ".npz").stat().st_mtime_ns == before
    rng = np.random.default_rng([KEYS[0], 1])
    again = sound_of_pour(trace, scene.source, scene.receiver, scene.liquid, rng=rng)
    assert np.array_equal(take(trace, scene, KEYS[0], 1), again)
    assert not np.array_equal(take(trace, scene, KEYS[0], 0), again)


def test_a_pour_that_does_not_belong_is_not_kept(pours):
    # 20000000 runs on to the end of the clip
    assert not make_pour((pours, 20_000_000))
    assert not pours.path(20_000_000, ".json").exists()
    never = replace(pours, group="never")
    key = FIRST_SEED["never"]
    assert make_pour((never, key))
    found = measure(Case(never, key, key, None, rows=("acoustics",), levels=(("acoustics", 0.05),)))
    assert found["acoustics"] == {"never_level_db": -120, "never_false_sound": 0}


def test_sets_of_other_looks_or_groups_are_kept_apart(pours):
    shifted = replace(pours, look="shifted")
    assert pours.path(1, ".mp4").parent != shifted.path(1, ".mp4").parent
    assert shifted.config.elevation_deg != pours.config.elevation_deg
    assert shifted.config.styles == pours.config.styles
    assert replace(pours, group="modulated").config.styles == (("modulated", 1.0),)


def test_intervals_hold_the_value_and_ratios_pair_pours():
    rng = np.random.default_rng(0)
    own = list(rng.uniform(0.3, 0.5, 50))
    twice = [2 * x for x in own]
    values = {
        "generated": {"lsd": twice, "rank": [None, *rng.uniform(0.9, 1, 49)]},
        "second take": {"lsd": own},
    }
    table = summarise(values, resamples=200)
    assert table == summarise(values, resamples=200)
    assert table["rank"]["generated"]["n"] == 49
    low, high = table["lsd"]["generated"]["ci95"]
    assert low < table["lsd"]["generated"]["value"] < high
    # every pour is twice as far: the ratio is certain although the distances are not
    assert table["lsd_ratio"]["generated"]["ci95"] == pytest.approx([2, 2])
    assert verdicts(table)["lsd_ratio"] is False
    assert verdicts(table, "second take") == {"lsd": None, "lsd_ratio": True}


def test_controls_are_judged_together():
    rows = {"generated": 0.99, "white noise": 0.5, "shuffled": 0.6, "reversed": 0.31}
    table = summarise({row: {"rank": [x, x]} for row, x in rows.items()}, resamples=10)
    assert verdicts(table) == {"rank": True, "controls": True}
    rows["reversed"] = 0.2
    table = summarise({row: {"rank": [x, x]} for row, x in rows.items()}, resamples=10)
    assert verdicts(table)["controls"] is False
    assert show(table, list(rows), "title", "generated").row_count == 1


def test_every_line_of_the_table_says_what_it_means():
    assert len({m.name for m in METRICS}) == len(METRICS)
    assert all(m.definition for m in METRICS)
    limit = Metric("x", "x", "mean", low=1, high=2)
    assert [limit.holds(x) for x in (0.5, 1, 2, 2.5)] == [False, True, True, False]
