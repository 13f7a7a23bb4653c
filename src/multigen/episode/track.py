"""Can the arm follow? Rows are tried on the inverse kinematics, as the rollout will try them.

Reads:  action rows, an Arm.   Makes: the joint path, or why not.   Used by: episode.plan.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from ..types import Clock
from .ik import Arm

PACES = (1.0, 1.25, 1.6, 2.0, 2.6)
"""Stretches of a part's duration, tried until the joints can keep up."""
TOLERATED_M, TOLERATED_RAD, TOP_SPEED = 1e-3, 1e-2, 0.95

Rows = Float32[np.ndarray, "n 10"]


@dataclass(frozen=True)
class Tracked:
    """A part of the motion that is reachable, and where it takes the joints."""

    rows: Rows
    joints: Float[np.ndarray, "n 7"]
    """At the end of each row [rad]."""
    effort: float
    """Highest speed asked for, as a share of the fastest the joints can do."""

    @property
    def q(self) -> Float[np.ndarray, " 7"]:
        return self.joints[-1]


def track(arm: Arm, q: Float[np.ndarray, " 7"], rows: Rows, clock: Clock) -> Tracked | None:
    """Follow ``rows`` from ``q`` as the rollout will; None where a pose is out of reach.

    Ends early where the joints are too slow (``effort`` above TOP_SPEED).
    """
    effort, joints = 0.0, []
    for row in rows:
        step = arm.follow(q, row, 1 / clock.control_hz)
        q, effort = step.q, max(effort, step.effort)
        joints.append(q)
        if effort > TOP_SPEED:
            break
        if not step.reached.within(TOLERATED_M, TOLERATED_RAD):
            return None
    return Tracked(rows, np.array(joints), effort)


def paced(
    arm: Arm, q: Float[np.ndarray, " 7"], clock: Clock, rows_at: Callable[[float], Rows]
) -> Tracked | None:
    """The fastest pace the joints can keep; None when a pose is out of reach or none suffices."""
    for pace in PACES:
        tracked = track(arm, q, rows_at(pace), clock)
        if tracked is None or tracked.effort <= TOP_SPEED:
            return tracked
    return None
