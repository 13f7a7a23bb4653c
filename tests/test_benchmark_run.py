"""Laws of running trials: nobody has to watch, what is watched is the same, and a run is not mixed with another."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multigen.benchmark import protocol
from multigen.benchmark.contestants import controller, looks
from multigen.benchmark.protocol import scene_of
from multigen.benchmark.run import film_worst, plan_tasks, run_all
from multigen.envs.ears import find_ears
from multigen.episode import rollout, rollout_blind, rollout_unfilmed
from multigen.episode.session import RolloutLimits
from multigen.files import read_sound
from multigen.scene import load_world
from multigen.types import Observation

WORLD = replace(load_world("nominal"), shadows=False)
TRIALS = protocol(2)


class Curious:
    """Moves as it is told by what it sees and hears, so that any difference would show."""

    def __init__(self) -> None:
        self.saw: list[float] = []

    def reset(self, scene: object, seed: int) -> None:
        self.saw = []

    def act(self, seen: Observation) -> np.ndarray:
        self.saw.append(float(seen.ego.mean()) + float(np.abs(seen.sound).sum()))
        action = seen.eef[-1].copy()
        action[2] += 0.01 * np.sin(self.saw[-1])
        return np.repeat(action[None], 4, 0)


def test_a_trial_that_nobody_watches_is_the_same_trial() -> None:
    scene, short = scene_of(TRIALS[0], WORLD), RolloutLimits(max_seconds=1.6, settle_seconds=0.2)
    watched, alone = Curious(), Curious()
    kept = {"seed": 3, "limits": short, "size": 64}
    one = rollout(scene, watched, ears=find_ears("recorded"), **kept)
    other = rollout_unfilmed(scene, alone, ears=find_ears("recorded"), **kept)
    assert watched.saw == alone.saw
    assert len(set(alone.saw)) > 1
    assert one.outcome == other.outcome
    assert np.array_equal(one.action, other.action)
    assert np.array_equal(one.eef, other.eef)


def test_who_does_not_look_acts_the_same_without_pictures() -> None:
    scene, short = scene_of(TRIALS[0], WORLD), RolloutLimits(max_seconds=1.6, settle_seconds=0.2)
    guests = [controller("lab_ear@audio,state") for _ in range(2)]
    assert not any(looks(guest) for guest in guests)
    assert looks(controller("lab_ear"))
    seen, blind = (
        play(scene, guest, ears=find_ears("recorded"), seed=3, limits=short)
        for play, guest in zip((rollout_unfilmed, rollout_blind), guests, strict=True)
    )
    assert np.array_equal(seen.action, blind.action)
    assert seen.outcome == blind.outcome


def test_the_worst_trials_are_filmed_and_play_with_what_was_heard(tmp_path: Path) -> None:
    tasks = plan_tasks({"p": "lab_ear"}, TRIALS, world=WORLD, out=tmp_path, size=64)
    rows = run_all(tasks, workers=2)
    assert not list(tmp_path.rglob("*.mp4"))
    film_worst(tasks["p"], rows["p"], 1)
    (film,) = tmp_path.rglob("*.mp4")
    worst = int(np.argmax([r.nmae for r in rows["p"]]))
    assert film == tasks["p"][worst].film
    assert np.abs(read_sound(film).samples).max() > 0.001
    again = run_all(tasks)
    assert again == rows


@pytest.mark.parametrize(
    "changed", [("--sound", "none"), ("--world", "shifted"), ("--latency-ms", "100", "0", "0")]
)
def test_a_bench_is_not_continued_under_other_conditions(tmp_path: Path, changed: tuple) -> None:
    begun = ("bench", "--policy", "expert", "--trials", "1", "--out", str(tmp_path), "--resume")
    told = [sys.executable, "-m", "multigen.cli", *begun]
    assert subprocess.run(told, capture_output=True, check=False).returncode == 0
    refused = subprocess.run([*told, *changed], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "was begun with" in refused.stderr + refused.stdout
    assert len(list(tmp_path.rglob("trials/expert/*.json"))) == 1
