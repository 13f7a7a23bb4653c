"""The expert's whole motion, decided before it starts: grasp, carry, tilt, hold, untilt.

Reads:  SceneConfig.   Makes: Plan (action rows at control rate).   Used by: episode.expert.
Paper, section 3.3: home, grasp within 5 % of the centre, carry above the opening at a drawn height,
a deterministic tilt for the asked fraction, untilt, end. How far to tilt is found by pouring in the
hydraulic model along the very path the arm will take; nothing is measured during the pour.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32

from ..errors import SceneError
from ..liquid import simulate_pour
from ..types import Clock, SceneConfig
from ..types.pose import encode_pose
from .ik import JOINT_SPEED_RAD_S, Arm
from .path import (
    CLEAR_M,
    LEVEL,
    UP,
    Leg,
    PourPath,
    along,
    ease,
    grasp_height_m,
    pour_path,
    turn_about,
)

HAND_SPEED_M_S = 0.30
"""Mean speed of the hand between rests."""
CLOSE_S, SETTLE_S, HOLD_S = 0.6, 0.3, 1.0
"""Closing the gripper; resting after a motion; holding the final tilt while it drains."""
PLAN_DT_S = 0.005
"""Liquid step while planning."""
MAX_TILT_RAD = float(np.radians(145))
OPENING_M = 0.083
"""The widest the gripper goes around."""
AZIMUTHS_RAD = (0.0, 0.3, -0.3, 0.6, -0.6, 0.9, -0.9, 1.2, -1.2)
"""Directions of approach, straight ahead first: close to the base only oblique ones are reachable."""
BACKOFFS_M = (0.10, 0.06, 0.03, 0.0)
SLOWER = (1.0, 1.4, 1.9)


@dataclass(frozen=True)
class Tilt:
    """How far, how fast, and with the lip where."""

    angle_rad: float
    seconds: float
    hold_s: float
    untilt_s: float
    lip_offset_m: float
    landed_ml: float
    spilled_ml: float

    @property
    def total_s(self) -> float:
        return self.seconds + self.hold_s + self.untilt_s

    def at(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Tilt [rad] at ``times`` after the tilt begins."""
        up = ease(times / self.seconds)
        down = ease((times - self.seconds - self.hold_s) / self.untilt_s)
        return self.angle_rad * (up - down)


@dataclass(frozen=True)
class Plan:
    """What the expert will command, and what it expects to land."""

    actions: Float32[np.ndarray, "K 10"]
    tilt: Tilt
    azimuth_rad: float
    tilt_starts_s: float


def plan_pour(scene: SceneConfig, arm: Arm, clock: Clock) -> Plan:
    """A motion the arm can make from its home posture.

    Raises SceneError when the source does not fit the gripper or no direction is reachable.
    """
    _check_grip(scene)
    worst = np.inf
    for slower in SLOWER:
        tilt = find_tilt(scene, slower, clock)
        for turn in _turns(scene):
            for azimuth in AZIMUTHS_RAD:
                for actions, starts in _motions(scene, arm, tilt, azimuth, turn, slower, clock):
                    error = track_error(arm, actions, clock)
                    if error <= 1.0:
                        return Plan(actions, tilt, azimuth, starts)
                    worst = min(worst, error)
    raise SceneError(
        f"no side grasp and carry found from {scene.source_xy_m} to {scene.receiver_xy_m} m "
        f"(best try misses the tolerance {worst:.1f} times); keep vessels within "
        "0.45 < x < 0.70 and |y| < 0.25 m"
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


def track_error(arm: Arm, actions: Float32[np.ndarray, "K 10"], clock: Clock) -> float:
    """How badly the arm can follow, as a multiple of what is tolerated (1 mm, 10 mrad, 95 % speed)."""
    q, worst = arm.home, 0.0
    for action in actions:
        step = arm.follow(q, action, 1 / clock.control_hz)
        r = step.reached
        worst = max(
            worst, r.position_error_m / 1e-3, r.rotation_error_rad / 1e-2, step.effort / 0.95
        )
        if worst > 1.0:
            return worst
        q = step.q
    return worst


def find_tilt(scene: SceneConfig, slower: float, clock: Clock) -> Tilt:
    """The tilt after which the asked amount has landed, the lip placed where least is spilled."""
    inner = scene.receiver.rim_radius_m
    tries = [
        _tilt_for_amount(scene, share * inner, slower, clock) for share in (-0.75, -0.5, -0.25, 0.0)
    ]
    return min(tries, key=lambda t: (round(t.spilled_ml, 1), abs(t.lip_offset_m + 0.5 * inner)))


def _tilt_for_amount(scene: SceneConfig, offset_m: float, slower: float, clock: Clock) -> Tilt:
    """Bisection over the final angle; landed volume grows with it until the receiver is full."""
    low, high = 0.0, MAX_TILT_RAD
    tilt = _poured(scene, high, offset_m, slower, clock)
    if tilt.landed_ml <= scene.target_ml:
        high = low = _least_angle_like(scene, tilt, slower, clock)
        return _poured(scene, high, offset_m, slower, clock)
    for _ in range(13):
        middle = (low + high) / 2
        tilt = _poured(scene, middle, offset_m, slower, clock)
        enough = max(tilt.landed_ml, tilt.landed_ml + tilt.spilled_ml - 0.1 * scene.target_ml)
        low, high = (low, middle) if enough > scene.target_ml else (middle, high)
    return tilt


def _least_angle_like(scene: SceneConfig, best: Tilt, slower: float, clock: Clock) -> float:
    """The smallest tilt that lands as much as the largest, to half a per cent: no need to go further."""
    low, high = 0.0, best.angle_rad
    for _ in range(8):
        middle = (low + high) / 2
        tilt = _poured(scene, middle, best.lip_offset_m, slower, clock)
        if tilt.landed_ml >= best.landed_ml - 0.003 * scene.target_ml:
            high = middle
        else:
            low = middle
    return high


def _poured(scene: SceneConfig, angle: float, offset_m: float, slower: float, clock: Clock) -> Tilt:
    """Pour in the model with this final angle along the path the hand will take."""
    fastest = 1.5 * angle / (0.80 * float(JOINT_SPEED_RAD_S[-1]))
    seconds = _frames(max(scene.tilt_seconds, fastest) * slower, clock)
    untilt = _frames(max(1.0, fastest) * slower, clock)
    tilt = Tilt(angle, seconds, HOLD_S, untilt, offset_m, 0.0, 0.0)
    receiver = np.array([*scene.receiver_xy_m, 0.0])
    path = pour_path(scene, receiver, 0.0, 1.0, offset_m)
    coarse = np.arange(0, tilt.total_s + 1.0, 1 / clock.control_hz)
    fine = np.arange(0, coarse[-1], PLAN_DT_S)
    theta = np.interp(fine, coarse, tilt.at(coarse))
    lips = path.lips(theta)
    trace = simulate_pour(
        scene.source, scene.receiver, scene.liquid,
        initial_ml=scene.initial_ml, receiver_initial_ml=scene.receiver_initial_ml,
        tilt_rad=theta, lip_m=lips, out_xy=path.direction[:2],
        receiver_floor_m=receiver + scene.receiver.floor_m * UP, dt_s=PLAN_DT_S,
    )  # fmt: skip
    landed = float(trace.receiver_ml[-1] + trace.in_flight_ml[-1]) - scene.receiver_initial_ml
    return replace(tilt, landed_ml=landed, spilled_ml=float(trace.spilled_ml[-1]))


def _frames(seconds: float, clock: Clock) -> float:
    """Rounded up to whole control intervals."""
    return float(np.ceil(seconds * clock.control_hz - 1e-9)) / clock.control_hz


def _motions(
    scene: SceneConfig,
    arm: Arm,
    tilt: Tilt,
    azimuth: float,
    turn: float,
    slower: float,
    clock: Clock,
) -> Iterator[tuple[Float32[np.ndarray, "K 10"], float]]:
    """Action rows for each way to come near the source, and when the tilt begins [s]."""
    receiver = np.array([*scene.receiver_xy_m, 0.0])
    path = pour_path(scene, receiver, azimuth, turn, tilt.lip_offset_m)
    if not _key_poses_reachable(arm, scene, path, tilt):
        return
    for backoff in BACKOFFS_M:
        reach = _approach(scene, arm, azimuth, backoff, slower, clock)
        rest = _carry_and_pour(scene, path, tilt, slower, clock)
        actions = np.concatenate([reach, rest[0]])
        yield actions, len(reach) / clock.control_hz + rest[1]


def _key_poses_reachable(arm: Arm, scene: SceneConfig, path: PourPath, tilt: Tilt) -> bool:
    """A quick look before the whole motion is tried: grasp, start of the pour, its end."""
    q = arm.home
    grasp = np.array([*scene.source_xy_m, path.grip_m])
    _, level = path.pinch(0.0)
    poses = [(grasp + 0.25 * UP, level), (grasp + 0.12 * UP, level), (grasp, level)]
    poses += [(grasp + 0.12 * UP, level), path.pinch(0.0)]
    poses += [path.pinch(a) for a in np.linspace(0, tilt.angle_rad, 6)[1:]]
    for k, (pos, rot) in enumerate(poses):
        reached = arm.solve(q, pos, rot, iterations=40)
        q = reached.q
        if k > 0 and not reached.within(2e-3, 1e-2):
            return False
    return True


def _approach(
    scene: SceneConfig, arm: Arm, azimuth: float, backoff: float, slower: float, clock: Clock
) -> Float32[np.ndarray, "n 10"]:
    """Home, over and behind the source, down, forward around it, close."""
    home, _ = arm.pose(arm.home)
    ahead = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    grasp = np.array([*scene.source_xy_m, grasp_height_m(scene)])
    tall = max(scene.source.height_m, scene.receiver.height_m)
    above = grasp - backoff * ahead
    above[2] = min(home[2], max(tall + 0.05, grasp[2] + 0.12))
    moves = (above - home, (grasp[2] - above[2]) * UP, backoff * ahead)
    legs = _legs(moves, overlap=(0.0, 0.2, 0.35), slower=slower)
    end = _frames(max(leg.start_s + leg.seconds for leg in legs), clock)
    times = (
        np.arange(1, round((end + CLOSE_S + SETTLE_S) * clock.control_hz) + 1) / clock.control_hz
    )
    positions = along(home, legs, times)
    yaw = azimuth * ease(times / legs[0].seconds)
    rotations = np.stack([turn_about(UP, a) @ LEVEL for a in yaw])
    closing = np.clip((times - end) / CLOSE_S, 0, 1)
    return encode_pose(positions, rotations, closing)


def _legs(
    moves: tuple[np.ndarray, ...], *, overlap: tuple[float, ...], slower: float
) -> tuple[Leg, ...]:
    """Legs at the hand's mean speed, each begun when a share of the one before is still to go."""
    legs: list[Leg] = []
    start = 0.0
    for move, early in zip(moves, overlap, strict=True):
        seconds = max(0.5, float(np.linalg.norm(move)) / HAND_SPEED_M_S) * slower
        if legs:
            start = legs[-1].start_s + (1 - early) * legs[-1].seconds
        legs.append(Leg(start, seconds, move))
    return tuple(legs)


def _carry_and_pour(
    scene: SceneConfig, path: PourPath, tilt: Tilt, slower: float, clock: Clock
) -> tuple[Float32[np.ndarray, "n 10"], float]:
    """Lift, across, tilt, hold, untilt, rest; and when the tilt begins."""
    grasp = np.array([*scene.source_xy_m, path.grip_m])
    start, level = path.pinch(0.0)
    high = max(start[2], scene.receiver.height_m + path.grip_m + CLEAR_M)
    across = (start - grasp) * [1, 1, 0]
    moves = ((high - grasp[2]) * UP, across, (start[2] - high) * UP)
    legs = _legs(moves, overlap=(0.0, 0.45, 0.4), slower=slower)
    begin = _frames(max(leg.start_s + leg.seconds for leg in legs), clock)
    times = np.arange(1, round(begin * clock.control_hz) + 1) / clock.control_hz
    carried = encode_pose(
        along(grasp, legs, times), np.broadcast_to(level, (len(times), 3, 3)), 1.0
    )
    n = round((tilt.total_s + SETTLE_S) * clock.control_hz)
    poses = [path.pinch(a) for a in tilt.at(np.arange(1, n + 1) / clock.control_hz)]
    poured = encode_pose(np.stack([p for p, _ in poses]), np.stack([r for _, r in poses]), 1.0)
    return np.concatenate([carried, poured]), begin
