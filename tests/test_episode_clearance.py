"""Nothing touches anything: motions are walked with collisions on, and those that hit are not planned."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from multigen.episode import Plan, kinova, plan_pour
from multigen.episode import plan as plan_module
from multigen.episode.clearance import FAR_M, Surroundings
from multigen.episode.path import LEVEL, pour_path
from multigen.scene import draw_scene, load_world
from multigen.types import Clock, SceneConfig
from multigen.types.pose import decode_pose


def scene() -> SceneConfig:
    world = load_world("nominal")
    drawn = draw_scene(world, 0, condition="water-white_cup-red_cup", command="half")
    return replace(drawn, tilt_seconds=2.0)


def in_the_way() -> SceneConfig:
    """The receiver stands where the hand would come from."""
    return replace(scene(), source_xy_m=(0.64, 0.0), receiver_xy_m=(0.48, -0.06))


@lru_cache(maxsize=1)
def plan() -> Plan:
    return plan_pour(scene(), kinova(), Clock())


def test_a_plan_touches_nothing_and_says_how_close_it_comes() -> None:
    found = plan()
    assert found.joints.shape == (len(found.actions), 7)
    assert 0.001 <= found.clearance.metres < FAR_M
    walked = Surroundings(scene()).clearance(found.joints, found.actions[:, 9])
    assert walked.metres == pytest.approx(found.clearance.metres, abs=1e-9)


def test_a_vessel_moved_into_the_motion_is_hit() -> None:
    found = plan()
    hand = decode_pose(found.actions[round(found.tilt_starts_s * 10) // 2])[0]
    moved = replace(scene(), receiver_xy_m=(float(hand[0]), float(hand[1])))
    hit = Surroundings(moved).clearance(found.joints, found.actions[:, 9])
    assert hit.metres < 0
    assert "receiver" in hit.between
    first = Surroundings(moved).clearance(found.joints, found.actions[:, 9], enough_m=0.0)
    assert first.metres < 0
    assert first.row <= hit.row


def test_a_hand_in_the_table_is_told_from_one_above_it() -> None:
    arm, around = kinova(), Surroundings(scene())
    q = arm.home
    heights = (0.30, 0.20, 0.12, 0.06, 0.02)
    found = []
    for z in heights:
        q = arm.solve(q, np.array([0.5, 0.3, z]), LEVEL, iterations=60).q
        found.append(around.clearance(q[None], np.zeros(1)))
    assert found[0].metres == FAR_M
    assert found[-1].metres < 0
    assert found[-1].between[1] == "table"
    # straight down onto the table, the distance falls as the height does
    assert found[-2].metres - found[-1].metres == pytest.approx(0.04, abs=0.002)


def test_links_that_fold_into_each_other_are_found() -> None:
    arm, around = kinova(), Surroundings(scene())
    folded = arm.home.copy()
    folded[3], folded[5] = -2.55, -2.0
    assert around.clearance(arm.home[None], np.zeros(1)).metres == FAR_M
    assert around.clearance(folded[None], np.zeros(1)).metres < 0


def test_the_planner_goes_around_what_stands_in_the_way(monkeypatch) -> None:
    careful = plan_pour(in_the_way(), kinova(), Clock())
    assert careful.clearance.metres >= plan_module.LEAST_M
    monkeypatch.setattr(plan_module, "LEAST_M", -1.0)
    careless = plan_pour(in_the_way(), kinova(), Clock())
    assert careless.clearance.metres < 0
    assert careless.azimuth_rad != careful.azimuth_rad


def test_the_tilt_turns_the_hand_about_its_own_axis_alone() -> None:
    found = plan()
    first = round(found.tilt_starts_s * 10)
    _, rot, _ = decode_pose(found.actions[first:])
    approach = rot[:, :, 2]
    np.testing.assert_allclose(approach, np.tile(approach[0], (len(approach), 1)), atol=1e-6)
    turned = np.unwrap(found.joints[first:, 6])
    assert np.ptp(turned) == pytest.approx(found.tilt.angle_rad, rel=0.05)


def test_a_tall_vessel_poured_into_a_low_one_stays_off_the_table() -> None:
    name = "water-metal_thermos-metal_mug"
    low = replace(draw_scene(load_world("nominal"), 0, condition=name), pour_height_m=0.01)
    path = pour_path(low, np.array([0.6, 0.0, 0.0]), 0.0, 1.0, -0.02)
    upright = path.lip(0.0)[2] - path.rim_m
    assert low.receiver.height_m + 0.01 < path.rim_m  # by the pour height alone it would stand
    assert upright >= 0.02 - 1e-9
