"""Laws of the benchmark: the paper's 96 trials, bars by arithmetic, intervals that cover."""

from dataclasses import replace

import numpy as np
import pytest

from multigen.benchmark import (
    PAPER_NMAE,
    TrialResult,
    bars_with,
    compare,
    mean_ci,
    plan_trials,
    protocol,
    summarise,
    thin_out,
)
from multigen.benchmark.contestants import controller, needs_eyes
from multigen.benchmark.score import OPAQUE
from multigen.errors import ConfigError
from multigen.scene import CONDITIONS
from multigen.types import COMMANDS, Outcome, Teacher


def row(condition: str, command: str, poured: float) -> TrialResult:
    target = COMMANDS[command] * 200
    outcome = Outcome(200, target, poured, poured, 0.0, True, "done")
    return TrialResult(
        condition, command, 0, 1, 200, target, poured, poured, 0.0, outcome.nmae, "done"
    )


def test_the_protocol_is_the_papers() -> None:
    trials = plan_trials()
    assert len(trials) == 96
    assert len({t.condition for t in trials}) == 8
    assert len(set(trials)) == 96


def test_the_commands_of_one_position_share_a_seed_and_no_other_position_does() -> None:
    seeds = {}
    for t in plan_trials():
        seeds.setdefault(t.seed, set()).add((t.condition, t.position))
    assert all(len(v) == 1 for v in seeds.values())
    assert len(seeds) == 24


@pytest.mark.parametrize("n", [4, 8, 16, 40])
def test_fewer_trials_stay_spread_over_conditions_and_commands(n: int) -> None:
    kept = thin_out(plan_trials(), n)
    assert len(kept) == n
    per_command = [sum(t.command == c for t in kept) for c in COMMANDS]
    per_condition = [
        sum(t.condition == c for t in kept) for c in {t.condition for t in plan_trials()}
    ]
    assert max(per_command) - min(per_command) <= 1
    assert max(per_condition) - min(per_condition) <= 1


def test_more_trials_than_the_papers_take_more_positions() -> None:
    assert protocol(96) == plan_trials()
    assert set(protocol(24)) < set(plan_trials())
    many = protocol(200)
    assert len(many) == len(set(many)) == 200
    per_condition = [sum(t.condition == c for t in many) for c in {t.condition for t in many}]
    assert min(per_condition) >= 24
    assert {t for t in many if t.position < 3} == set(plan_trials())


def test_a_policy_can_be_put_to_the_test_with_senses_closed() -> None:
    assert controller("lab_ear@vision,state").senses == ("vision", "state")
    assert controller("lab_ear").senses == ("vision", "audio", "state")
    with pytest.raises(ConfigError, match="smell"):
        controller("lab_ear@smell")


def test_a_policy_is_asked_to_pour_for_as_long_as_its_name_says():
    asked = controller("lab_ear@vision,state,4.5s")
    assert (asked.senses, asked.pour_s) == (("vision", "state"), 4.5)
    assert 0 < controller("lab_ear").pour_s != 4.5
    assert controller("lab_ear@0.1s").pour_s == 0.1


def test_policies_are_compared_trial_by_trial() -> None:
    """A difference that every trial shows is certain, however much the trials themselves differ."""
    first = [row(c, command, 20 * k) for k, c in enumerate(CONDITIONS) for command in COMMANDS]
    worse = [replace(r, nmae=r.nmae + 0.1) for r in first]
    said = compare(first, worse)
    assert said["nmae"]["mean"] == pytest.approx(0.1)
    assert said["nmae"]["ci95"] == pytest.approx([0.1, 0.1])
    assert said["opaque"]["n"] == said["transparent"]["n"] == 16
    a, b = (float(np.mean([r.nmae for r in rows])) for rows in (first, worse))
    assert said["nmae"]["lower_by"]["mean"] == pytest.approx(1 - a / b)
    assert compare(first, first)["nmae"]["lower_by"]["mean"] == 0
    with pytest.raises(ValueError, match="shorter"):
        compare(first, worse[:-1])


@pytest.mark.parametrize(
    ("fraction", "nmae"), [(0.25, 0.479), (0.5, 0.458), (0.75, 0.688), (1.0, 1.083)]
)
def test_constant_pours_score_what_arithmetic_says(fraction: float, nmae: float) -> None:
    rows = [row(OPAQUE[0], c, fraction * 200) for c in COMMANDS]
    assert summarise(rows)["nmae"]["mean"] == pytest.approx(nmae, abs=1e-3)


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        lo, hi = mean_ci(list(rng.exponential(1.0, 40)), resamples=400)["ci95"]
        hits += lo <= 1.0 <= hi
    assert 0.85 < hits / 200 < 0.99


def test_the_papers_table_is_copied_right() -> None:
    assert np.mean(PAPER_NMAE["V"]) == pytest.approx(0.518, abs=1e-3)
    assert np.mean(PAPER_NMAE["V+A"]) == pytest.approx(0.399, abs=1e-3)


def test_either_expert_can_be_the_bar_and_only_one_of_them_watches_the_ledger() -> None:
    planned, feedback = bars_with("planned"), bars_with("feedback")
    assert planned[:-1] == feedback[:-1]
    assert (planned[-1], feedback[-1]) == ("expert", "feedback expert")
    assert not isinstance(controller("expert"), Teacher)
    assert isinstance(controller("feedback expert"), Teacher)
    assert not any(needs_eyes(bar) for bar in (*planned, *feedback))
