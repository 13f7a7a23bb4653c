"""A nudged hand leaves its way and is brought back; what was intended is what is kept."""

from dataclasses import replace

import numpy as np
import pytest

from multigen.episode import Expert, rollout_blind
from multigen.episode.nudge import SAFE_M, Nudges
from multigen.errors import ConfigError
from multigen.scene import draw_scene, load_world
from multigen.types import Clock
from multigen.types.pose import decode_pose, encode_pose

SCENE = replace(
    draw_scene(load_world("nominal"), 0, condition="water-white_cup-red_cup", command="half"),
    tilt_seconds=2.0,
)
SIZE_M = 0.018


def test_the_expert_still_pours_and_its_intentions_are_kept() -> None:
    calm = rollout_blind(SCENE, Expert(), seed=3)
    nudged = rollout_blind(SCENE, Expert(), seed=3, nudge_m=SIZE_M)
    n = min(len(calm.action), len(nudged.action))
    assert np.array_equal(calm.action[:n], nudged.action[:n])
    off = np.linalg.norm(decode_pose(calm.eef[:n])[0] - decode_pose(nudged.eef[:n])[0], axis=1)
    assert np.median(off) > 0.004
    assert off.max() > SIZE_M
    assert nudged.outcome.completed
    o = nudged.outcome
    assert o.poured_ml + o.left_source_ml + o.spilled_ml == pytest.approx(o.initial_ml, abs=1e-6)


def test_the_same_seed_pushes_the_same_way_and_another_another_way() -> None:
    first, again, other = (
        rollout_blind(SCENE, Expert(), seed=seed, nudge_m=SIZE_M).eef for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    n = min(len(first), len(other))
    assert not np.array_equal(first[:n], other[:n])


def test_nothing_is_pushed_where_it_would_hurt() -> None:
    """Around the vessel before the grasp, while the fingers close, before the vessel is lifted."""
    nudges = Nudges(SCENE, Clock(), 100, size_m=SIZE_M, seed=0)
    rotation = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    grasp = np.array([*SCENE.source_xy_m, 0.5 * SCENE.source.height_m])
    near, far = grasp - [0.9 * SAFE_M, 0, 0], grasp - [0.3, 0, 0]
    for frame in range(20):
        for place, closed in ((near, 0.0), (far, 0.5), (grasp, 1.0)):
            action = encode_pose(place, rotation, closed)
            assert np.allclose(nudges(frame, action), action, atol=1e-6)
        free = encode_pose(far, rotation, 0.0)
        assert not np.allclose(nudges(frame, free), free, atol=1e-4)


@pytest.mark.parametrize("size_m", [-0.001, 0.2, float("nan")])
def test_a_size_no_hand_can_bear_is_refused(size_m: float) -> None:
    with pytest.raises(ConfigError, match="between 0"):
        rollout_blind(SCENE, Expert(), seed=0, nudge_m=size_m)
