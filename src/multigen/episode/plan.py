"""The expert's whole motion, decided before it starts: grasp, carry, tilt, hold, untilt.

Reads:  SceneConfig.   Makes: Plan (action rows at control rate).   Used by: episode.expert.
Paper, section 3.3: from the same home posture, a side grasp within 5 % of the container's centre,
carried above the receiver's opening at a drawn height, tilted, untilted, end. Every part is tried on
the arm's own inverse kinematics, at a pace its motors can keep; nothing is random.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

import numpy as np
from jaxtyping import Float, Float32

from ..errors import SceneError
from ..liquid import HydraulicParams
from ..types import Clock, SceneConfig
from ..types.pose import encode_pose
from .amount import MAX_TILT_RAD, Tilt, find_tilt
from .clearance import Clearance, Surroundings
from .ik import Arm
from .path import (
    LEVEL,
    UP,
    Leg,
    Manner,
    PourPath,
    along,
    ease,
    grasp_height_m,
    pour_path,
    turn_about,
    whole_frames,
)
from .track import TOLERATED_M, TOLERATED_RAD, TOP_SPEED, Rows, Tracked, paced, track

HAND_SPEED_M_S = 0.30
"""Mean speed of the hand between rests, where the joints allow it."""
CLOSE_S, SETTLE_S = 0.6, 0.3
"""Closing the gripper; resting after a motion."""
LEAST_M = 0.001
"""Clearance below which a motion is rejected: fingers pass a vessel by a few millimetres."""
OPENING_M = 0.083
"""The widest the gripper goes around."""
AZIMUTHS_RAD = tuple(float(np.radians(a)) for a in (0, 30, -30, 60, -60, 15, -15, 45, -45))
"""Directions of approach, straight ahead first: close to the base only oblique ones are reachable.

Multiples of 30 degrees before others: vessels collide as twelve-sided prisms and sit firmest
between pads that press on flats (benchmarks/grasp.py)."""
PACES = (1.0, 1.4, 1.9)
"""How much slower than drawn the tilt may become."""
BACKOFFS_M = (0.10, 0.06, 0.03, 0.0)
"""How far behind the source the hand comes down; 0: straight over it, fingers on both sides."""


@dataclass(frozen=True)
class Plan:
    """What the expert will command, and what it expects to land."""

    actions: Float32[np.ndarray, "K 10"]
    tilt: Tilt
    azimuth_rad: float
    tilt_starts_s: float
    path: PourPath
    """Where the hand is at any tilt: for one who decides the tilt on the way."""
    limit_rad: float
    """The largest tilt the arm was tried at: the planned one and what was asked to spare."""
    joints: Float[np.ndarray, "K 7"]
    """Where the rows take the joints [rad]."""
    clearance: Clearance
    """Of everything that must not touch, by hulls; at least LEAST_M."""


class _Hurry(Enum):
    TOO_FAST = "too fast"


TOO_FAST = _Hurry.TOO_FAST


def plan_pour(
    scene: SceneConfig,
    arm: Arm,
    clock: Clock,
    *,
    params: HydraulicParams = HydraulicParams(),
    spare_rad: float = 0.0,
    manner: Manner = Manner(),
) -> Plan:
    """A motion the arm can make from its home posture.

    ``params`` is how the liquid is believed to flow; ``spare_rad`` more tilt than planned shall be
    in reach; ``manner`` chooses among what is possible. Raises SceneError when the source does not
    fit the gripper or no direction is reachable.
    """
    _check_grip(scene)
    around = Surroundings(scene)
    ways = [(turn, azimuth) for turn in _turns(scene) for azimuth in AZIMUTHS_RAD]
    at_pace = cache(lambda slower: find_tilt(scene, slower, clock, params, manner))

    def attempt(turn: float, azimuth: float, slower: float) -> Plan | _Hurry | None:
        tilt, clear_m = at_pace(slower), manner.clear_m
        return _motion(scene, arm, tilt, azimuth, turn, clock, spare_rad, around, clear_m)

    for some in [[way] for way in ways] if manner.steady else [ways]:
        if plan := _first(some, attempt):
            return plan
    raise SceneError(
        f"the arm finds no side grasp and carry from {scene.source_xy_m} to {scene.receiver_xy_m} m "
        "that touches nothing; "
        "keep both vessels within 0.45 < x < 0.70 and |y| < 0.25 m"
    )


def _check_grip(scene: SceneConfig) -> None:
    wide = 2 * float(scene.source.outer_radius_m(np.array([grasp_height_m(scene)]))[0])
    if wide > OPENING_M:
        raise SceneError(
            f"{scene.source.name} is {1e3 * wide:.0f} mm wide where it is grasped; the gripper "
            f"opens {1e3 * OPENING_M:.0f} mm, choose a narrower source"
        )


def _turns(scene: SceneConfig) -> tuple[float, float]:
    """Both senses of the roll, first the one that lifts the wrist camera above the cup."""
    first = 1.0 if scene.ego.position[1] >= 0 else -1.0
    return first, -first


def _first(
    ways: list[tuple[float, float]],
    attempt: Callable[[float, float, float], Plan | _Hurry | None],
) -> Plan | None:
    """The first of ``ways`` (sense of roll, azimuth) that can be done, all of them at one pace first."""
    for slower in PACES:
        hurried = []
        for way in ways:
            plan = attempt(*way, slower)
            if isinstance(plan, Plan):
                return plan
            if plan is TOO_FAST:
                hurried.append(way)
        ways = hurried  # no slower tilt brings the others into reach
    return None


def _motion(
    scene: SceneConfig,
    arm: Arm,
    tilt: Tilt,
    azimuth: float,
    turn: float,
    clock: Clock,
    spare_rad: float,
    around: Surroundings,
    clear_m: float,
) -> Plan | _Hurry | None:
    """The whole motion for one direction of approach and sense of roll.

    TOO_FAST when only the wrist is too slow for this tilt, None when it cannot be at all.
    """
    receiver = np.array([*scene.receiver_xy_m, 0.0])
    path = pour_path(scene, receiver, azimuth, turn, tilt.lip_offset_m, clear_m)
    limit = min(tilt.angle_rad + spare_rad, MAX_TILT_RAD)
    grasp = _grasp_if_reachable(arm, scene, path, limit)
    if grasp is None or around.clearance(grasp, np.zeros(1), enough_m=LEAST_M).metres < LEAST_M:
        return None
    pour = _pour(path, tilt, clock)
    for backoff in BACKOFFS_M:
        reach = paced(
            arm, arm.home, clock, lambda p, b=backoff: _reach(scene, arm, azimuth, b, p, clock)
        )
        carry = reach and paced(arm, reach.q, clock, lambda p: _carry(scene, path, p, clock))
        if reach and carry:
            end = track(arm, carry.q, pour, clock)
            if not end or end.effort > TOP_SPEED:
                return TOO_FAST if end else None
            parts = (reach, carry, end)
            rows = np.concatenate([part.rows for part in parts])
            joints = np.concatenate([part.joints for part in parts])
            more = _tilted_on(arm, end, path, tilt, limit, clock)
            walked = np.concatenate([joints, more])
            closed = np.concatenate([rows[:, 9], np.ones(len(more))])
            clear = around.clearance(walked, closed, enough_m=LEAST_M)
            if clear.metres >= LEAST_M:
                starts = (len(reach.rows) + len(carry.rows)) / clock.control_hz
                return Plan(rows, tilt, azimuth, starts, path, limit, joints, clear)
            if clear.row >= len(reach.rows):
                return None  # however the hand comes down, it will carry and pour like this
    return None


def _tilted_on(
    arm: Arm, pour: Tracked, path: PourPath, tilt: Tilt, limit_rad: float, clock: Clock
) -> Float[np.ndarray, "n 7"]:
    """Joints on the way from the planned tilt to the limit."""
    q, joints = pour.joints[round(tilt.seconds * clock.control_hz) - 1], []
    for angle in np.arange(tilt.angle_rad, limit_rad, 0.1)[1:]:
        q = arm.solve(q, *path.pinch(float(angle))).q
        joints.append(q)
    return np.array(joints).reshape(-1, 7)


def _grasp_if_reachable(
    arm: Arm, scene: SceneConfig, path: PourPath, limit_rad: float
) -> Float[np.ndarray, "1 7"] | None:
    """A quick look before the whole motion is tried: grasp, start of the pour, its end.

    Returns the joints at the grasp, None where one of them is out of reach.
    """
    q, grasp = arm.home, None
    for k, (pos, rot) in enumerate(_key_poses(scene, path, limit_rad)):
        reached = arm.solve(q, pos, rot, iterations=40)
        if k > 0 and not reached.within(2 * TOLERATED_M, TOLERATED_RAD):
            return None
        q = reached.q
        if k == GRASP_POSE:
            grasp = q[None]
    return grasp


GRASP_POSE = 2
"""Which of the key poses is the grasp."""


def _key_poses(
    scene: SceneConfig, path: PourPath, limit_rad: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    grasp = np.array([*scene.source_xy_m, path.grip_m])
    _, level = path.pinch(0.0)
    for up in (0.25, 0.12, 0.0, 0.12):
        yield grasp + up * UP, level
    for angle in np.linspace(0, limit_rad, 6):
        yield path.pinch(angle)


def _reach(
    scene: SceneConfig, arm: Arm, azimuth: float, backoff: float, pace: float, clock: Clock
) -> Rows:
    """Home, over and behind the source, down, forward around it, close."""
    home, _ = arm.pose(arm.home)
    ahead = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    grasp = np.array([*scene.source_xy_m, grasp_height_m(scene)])
    tall = max(scene.source.height_m, scene.receiver.height_m)
    above = grasp - backoff * ahead
    above[2] = min(home[2], max(tall + 0.05, grasp[2] + 0.12))
    moves = (above - home, (grasp[2] - above[2]) * UP, backoff * ahead)
    legs, end = _legs(moves, (0.0, 0.2, 0.35), pace, clock)
    times = _times(end + CLOSE_S + SETTLE_S, clock)
    yaws = azimuth * ease(times / legs[0].seconds)
    rotations = np.stack([turn_about(UP, a) @ LEVEL for a in yaws])
    return encode_pose(along(home, legs, times), rotations, np.clip((times - end) / CLOSE_S, 0, 1))


def _carry(scene: SceneConfig, path: PourPath, pace: float, clock: Clock) -> Rows:
    """Lift, across, down to where the tilt begins; always high enough to pass the receiver's rim.

    The two motions overlap as far as that allows.
    """
    grasp = np.array([*scene.source_xy_m, path.grip_m])
    start, level = path.pinch(0.0)
    high = max(start[2], scene.receiver.height_m + path.grip_m + 2 * path.clear_m)
    moves = ((high - grasp[2]) * UP, (start - grasp) * [1, 1, 0], (start[2] - high) * UP)
    positions = np.empty((0, 3))
    for early in ((0.0, 0.45, 0.4), (0.0, 0.25, 0.2), (0.0, 0.0, 0.0)):
        legs, end = _legs(moves, early, pace, clock)
        positions = along(grasp, legs, _times(end, clock))
        if _passes_over(scene, positions, path):
            break
    return encode_pose(positions, np.tile(level, (len(positions), 1, 1)), 1.0)


def _passes_over(scene: SceneConfig, positions: Float[np.ndarray, "n 3"], path: PourPath) -> bool:
    """Whether the upright source stays above the receiver's rim wherever their outlines overlap."""
    apart = np.linalg.norm(positions[:, :2] - scene.receiver_xy_m, axis=1)
    touching = apart < scene.source.outer[0][1] + max(r for _, r in scene.receiver.outer)
    base = positions[:, 2] - path.grip_m
    return bool((base[touching] > scene.receiver.height_m + 0.5 * path.clear_m).all())


def _pour(path: PourPath, tilt: Tilt, clock: Clock) -> Rows:
    """Tilt, hold, untilt, rest."""
    poses = [path.pinch(angle) for angle in tilt.at(_times(tilt.total_s + SETTLE_S, clock))]
    return encode_pose(np.stack([p for p, _ in poses]), np.stack([r for _, r in poses]), 1.0)


def _times(seconds: float, clock: Clock) -> Float[np.ndarray, " n"]:
    """Ends of the control intervals in ``seconds``: when each row is to be reached."""
    return np.arange(1, round(seconds * clock.control_hz) + 1) / clock.control_hz


def _legs(
    moves: tuple[np.ndarray, ...], early: tuple[float, ...], pace: float, clock: Clock
) -> tuple[tuple[Leg, ...], float]:
    """Legs, each begun when a share of the one before is still to go; and when all are done [s].

    A move of no length takes no time.
    """
    legs: list[Leg] = []
    for move, share in zip(moves, early, strict=True):
        length = float(np.linalg.norm(move))
        if length < 1e-6:
            continue
        start = legs[-1].start_s + (1 - share) * legs[-1].seconds if legs else 0.0
        legs.append(Leg(start, max(0.4, length / HAND_SPEED_M_S) * pace, move))
    end = max(leg.start_s + leg.seconds for leg in legs)
    return tuple(legs), whole_frames(end, clock)
