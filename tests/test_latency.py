"""A simulator as late as a robot: old pictures, old sound, late hands, and what a policy does about it."""

from functools import cache as once

import numpy as np
import pytest

from multigen.episode import rollout, rollout_blind
from multigen.errors import ConfigError
from multigen.policy.controller import PolicyController
from multigen.types import Episode, Latency, Observation
from test_episode import Counting, Still, scene
from test_policy_learning import SMALL, cache, observe, small_policy

__all__ = ["cache"]  # the made-up demonstrations, as a fixture

FRAMES = 8
LATE = {"camera_s": 0.2, "microphone_s": 0.3}


class Moving(Still):
    """Lowers the hand a centimetre a frame, wherever it is."""

    def act(self, seen: Observation) -> np.ndarray | None:
        if super().act(seen) is None:
            return None
        row = self.seen[0].eef[-1:].copy()
        row[0, 2] -= 0.01 * len(self.seen)
        return row


@once
def watched(compensated: bool) -> tuple[Episode, list[Observation]]:
    moving = Moving(FRAMES)
    latency = Latency(**LATE, compensated=compensated)
    episode = rollout(scene(), moving, ears=Counting(), seed=0, size=64, latency=latency)
    return episode, moving.seen


@pytest.mark.parametrize("compensated", [False, True])
def test_pictures_and_sound_are_as_old_as_was_said(compensated: bool) -> None:
    episode, seen = watched(compensated)
    for t, observed in enumerate(seen[:FRAMES]):
        pictured = max(t - 2, 0)
        assert np.array_equal(observed.ego[-1], episode.ego[pictured])
        felt = pictured if compensated else t
        assert np.array_equal(observed.eef[-1], episode.eef[felt])
        assert np.array_equal(observed.state[-1], episode.state[felt])
        assert len(observed.sound) == max(t - 3, 0) * 1600
        assert observed.time_s == pytest.approx(t / 10)


def test_sound_that_has_arrived_is_what_was_heard_then() -> None:
    _, seen = watched(False)
    last = seen[FRAMES - 1].sound
    assert np.array_equal(last, np.arange(1, len(last) + 1, dtype=np.float32) * np.float32(1e-6))


def test_a_late_hand_goes_the_same_way_later() -> None:
    prompt = rollout_blind(scene(), Moving(FRAMES), seed=0)
    late = rollout_blind(scene(), Moving(FRAMES), seed=0, latency=Latency(action_s=0.2))
    assert np.array_equal(prompt.action[:FRAMES], late.action[:FRAMES])  # what was told
    height = prompt.eef[:, 2]
    assert height[0] - height[FRAMES - 1] > 0.03
    assert late.eef[2:FRAMES, 2] == pytest.approx(height[: FRAMES - 2], abs=1e-3)


def test_a_policy_that_knows_leaves_out_what_is_overdue(cache) -> None:
    policy, seen = small_policy(cache), observe(cache, 0, 4)
    chunks = {}
    for latency in (Latency(), Latency(0.1, 0.0, 0.1), Latency(0.1, 0.0, 0.1, compensated=True)):
        controller = PolicyController(policy, latency=latency)
        controller.reset(0.5, seed=1)
        chunks[latency] = controller.act(seen)
    prompt, ignorant, knowing = chunks.values()
    assert np.array_equal(prompt, ignorant)
    assert np.array_equal(knowing[:2], prompt[2:])
    assert knowing.shape == prompt.shape
    assert not np.array_equal(knowing[2:], prompt[:2])


def test_latencies_no_chunk_can_make_up_for_are_refused(cache) -> None:
    most = (SMALL.horizon - SMALL.n_action_steps) / 10
    policy = small_policy(cache)
    PolicyController(policy, latency=Latency(camera_s=min(most, 1.0), compensated=True))
    with pytest.raises(ConfigError, match="overdue"):
        PolicyController(policy, latency=Latency(1.0, 0.0, 1.0, compensated=True))
    for wrong in (-0.1, float("nan"), 3.0):
        with pytest.raises(ConfigError, match="microphone_s"):
            Latency(microphone_s=wrong)
