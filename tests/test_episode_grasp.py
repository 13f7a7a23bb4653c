"""The hand holds what it grasped, also where the vessel's edge lies between its pads."""

import numpy as np
import pytest

from multigen.episode import kinova, plan_pour
from multigen.episode import plan as plan_module
from multigen.episode.world import World
from multigen.scene import cups, draw_scene, load_world
from multigen.types import Clock

EDGE_RAD = float(np.radians(15))
"""Between two flats of a twelve-sided prism."""


def swing_rad() -> float:
    """How far the source turns in the hand during a pour, grasped edge on."""
    scene = draw_scene(load_world("train"), 22_000_003)
    plan = plan_pour(scene, kinova(), Clock())
    assert plan.azimuth_rad == EDGE_RAD
    world, first, worst = World(scene, Clock()), None, 0.0
    for row in plan.actions:
        world.command(row)
        for i in range(world.steps_per_control):
            world.tick((i + 1) / world.steps_per_control)
        if world.is_lifted():
            world.refresh()
            axis = world.scene.pinch_pose()[1].T @ world.scene.source_pose()[1][:, 2]
            first = axis if first is None else first
            worst = max(worst, float(np.arccos(np.clip(axis @ first, -1, 1))))
    assert world.in_hand()
    return worst


@pytest.fixture(autouse=True)
def _edge_on(monkeypatch) -> None:
    monkeypatch.setattr(plan_module, "AZIMUTHS_RAD", (EDGE_RAD,))


def test_a_vessel_grasped_edge_on_does_not_swing() -> None:
    assert swing_rad() < np.radians(2)


def test_it_is_the_friction_of_the_pads_patch_that_holds_it(monkeypatch) -> None:
    monkeypatch.setattr(cups, "TOUCH", {"friction": [1, 0.01, 0.001]})
    assert swing_rad() > np.radians(5)
