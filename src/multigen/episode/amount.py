"""How far to tilt for an asked amount: pouring in the model until the right amount has landed.

Reads:  SceneConfig.   Makes: Tilt.   Used by: episode.plan.
Paper, section 3.3: a deterministic tilt from initial fill and asked fraction. Here the fraction that
lands is computed by the hydraulic model along the very path the hand will take, and the final angle
is found by bisection. This is planning: nothing is measured during the pour.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..liquid import MAX_TILT_RAD as MODEL_LIMIT_RAD
from ..liquid import HydraulicParams, simulate_pour
from ..types import Clock, PourTrace, SceneConfig
from .ik import JOINT_SPEED_RAD_S
from .path import UP, Manner, PourPath, ease, pour_path, whole_frames

HOLD_S = 1.0
"""Rest at the final tilt while the source drains."""
LANDING_S = 1.0
LONGEST_DRAIN_S = 6.0
DT_S = 0.005
"""Liquid step while planning."""
MAX_TILT_RAD = min(float(np.radians(145)), MODEL_LIMIT_RAD)
LIP_SHARES = np.arange(-2.0, 0.3, 0.25)
"""Places tried for the lip: offset from the receiver's axis over its inner radius, near side first."""
USUAL_SHARE = -0.5
TOLERATED_SPILL = 0.01
STEADY_SHARE, STEADY_SPILL, BEGINNER_OFF_M = -0.75, 0.02, 0.01
"""A steady teacher's usual place; the share of the target, more than at the best place, that it may cost;
how far off (standard deviation) the hand is that shall be able to do the same."""
FIRST_DROP_ML_S, BEFORE_ONSET_RAD = 1.0, 0.05
"""A pour counts as begun at this flow; a gentle one slows down that much before it."""
WRIST_SHARE = 0.8
"""Share of the wrist's top speed a tilt may use."""


@dataclass(frozen=True)
class Tilt:
    """How far, how fast, with the lip where; and what the model says comes of it."""

    angle_rad: float
    seconds: float
    hold_s: float
    untilt_s: float
    lip_offset_m: float
    """Of the lip from the receiver's axis along the pour; negative on the near side."""
    landed_ml: float
    spilled_ml: float
    onset_rad: float = 0.0
    """Of a gentle pour: up to here quickly."""
    onset_s: float = 0.0
    """How long that takes; part of ``seconds``."""

    @property
    def total_s(self) -> float:
        return self.seconds + self.hold_s + self.untilt_s

    @property
    def out_ml(self) -> float:
        """What leaves the source."""
        return self.landed_ml + self.spilled_ml

    def at(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Tilt [rad] at ``times`` after the tilt begins."""
        up = self.angle_rad * ease(times / self.seconds)
        if self.onset_s:
            near = self.onset_rad * ease(times / self.onset_s)
            flowing_s = np.clip(times - self.onset_s, 0.0, self.seconds - self.onset_s)
            up = near + self.gentle_rad_s * flowing_s
        down = ease((times - self.seconds - self.hold_s) / self.untilt_s)
        return up - self.angle_rad * down

    @property
    def gentle_rad_s(self) -> float:
        """How fast a gentle pour tilts on from where it flows; 0 for any other."""
        if not self.onset_s:
            return 0.0
        return max(0.0, self.angle_rad - self.onset_rad) / (self.seconds - self.onset_s)


def find_tilt(
    scene: SceneConfig,
    slower: float,
    clock: Clock,
    params: HydraulicParams = HydraulicParams(),
    manner: Manner = Manner(),
) -> Tilt:
    """The tilt after which the asked amount has landed, the lip placed where least is spilled.

    ``params`` is how the liquid is believed to flow; ``slower`` stretches the drawn tilt_seconds;
    more so where a fast jet cannot be caught at all.
    Where even the largest tilt pours out less than was asked (liquid that clings), the smallest
    tilt that pours out as much as the largest.
    """
    pourer = _Pourer(scene, 0.0, slower, clock, params, manner)
    if manner.pours_s:
        pourer = replace(pourer, onset_rad=pourer.begins_to_flow_rad())
    best = _best_place(pourer)
    for more in (1.5, 2.2):
        if best.spilled_ml <= TOLERATED_SPILL * scene.target_ml:
            break
        slow = replace(pourer, slower=more * slower)
        best = min(best, _best_place(slow), key=lambda t: t.spilled_ml)
    return best


def _best_place(pourer: "_Pourer") -> Tilt:
    """Where to hang the lip: what leaves the source hardly depends on it, what is caught does."""
    offsets = LIP_SHARES * pourer.scene.receiver.rim_radius_m
    places = [replace(pourer, offset_m=float(o)) for o in offsets]
    tilt = places[-3].find()
    spilled = np.array([place.pour_again(tilt).spilled_ml for place in places])
    if pourer.manner.steady:
        return places[_steady_place(offsets, spilled / pourer.scene.target_ml)].find()
    beside = np.pad(spilled, 1, mode="edge")
    cost = spilled + 0.3 * (beside[:-2] + beside[2:])  # the hand is a few millimetres off
    rank = np.round(cost, 1) + 1e-3 * np.abs(LIP_SHARES - USUAL_SHARE)
    return places[int(np.argmin(rank))].find()


def _steady_place(offsets_m: Float[np.ndarray, " n"], spilled: Float[np.ndarray, " n"]) -> int:
    """Which of the offsets: the usual one as long as a hand that is a centimetre off loses little there.

    ``spilled`` is the share of the target that goes beside the receiver.
    """
    apart = (offsets_m[:, None] - offsets_m) / BEGINNER_OFF_M
    chance = np.exp(-0.5 * apart**2)
    expected = (chance @ spilled) / chance.sum(1)
    good = expected <= expected.min() + STEADY_SPILL
    return int(np.argmin(np.where(good, np.abs(LIP_SHARES - STEADY_SHARE), np.inf)))


@dataclass(frozen=True)
class _Pourer:
    """Pours one scene in the model, with the lip at one place."""

    scene: SceneConfig
    offset_m: float
    slower: float
    clock: Clock
    params: HydraulicParams
    manner: Manner
    onset_rad: float | None = None
    """From where a gentle pour tilts slowly; None: the whole tilt in one movement."""

    def begins_to_flow_rad(self) -> float:
        """Tilt a little before the first drop."""
        trace = self._trace(self._path(), self._timed(MAX_TILT_RAD, MAX_TILT_RAD))
        flows = np.flatnonzero(trace.flow_out_ml_s > FIRST_DROP_ML_S)
        first = float(trace.tilt_rad[flows[0]]) if len(flows) else MAX_TILT_RAD
        return max(0.0, first - BEFORE_ONSET_RAD)

    def find(self) -> Tilt:
        """Bisection over the final angle: what has left the source grows with it.

        Twice: the first answer tells how much time such an angle takes the wrist.
        """
        path = self._path()
        rough = self._search(path, MAX_TILT_RAD)
        return self._search(path, min(1.05 * rough.angle_rad, MAX_TILT_RAD))

    def pour_again(self, tilt: Tilt) -> Tilt:
        """The same motion with the lip at this pourer's place."""
        return self.pour(self._path(), tilt.angle_rad, tilt.angle_rad)

    def _drain_s(self) -> float:
        """Longer rest for what leaves through the hole in a lid no faster than air comes in: the
        flow of liquid.core's full bore, less what the tilt itself gives time for.
        """
        source = self.scene.source
        if source.mouth_radius_m is None:
            return 0.0
        r = source.mouth_radius_m
        flow_ml_s = self.params.flooding * np.pi * r**2 * (9.81 * 2 * r) ** 0.5 * 1e6
        lasts = self.scene.target_ml / flow_ml_s - 0.4 * self.scene.tilt_seconds
        lasts -= self.manner.pours_s or 0.0
        return float(np.clip(lasts, 0.0, LONGEST_DRAIN_S))

    def _path(self) -> PourPath:
        clear_m = self.manner.clear_m
        return pour_path(self.scene, np.zeros(3), 0.0, 1.0, self.offset_m, clear_m)

    def _search(self, path: PourPath, room_for: float) -> Tilt:
        target = self.scene.target_ml
        most = self.pour(path, MAX_TILT_RAD, room_for).out_ml
        if most <= 1.005 * target:
            return self._smallest(path, room_for, lambda t: t.out_ml > most - 0.004 * target)
        # a full receiver stops filling: 110 % out of the source counts as enough too
        return self._smallest(
            path, room_for, lambda t: max(t.landed_ml, t.out_ml - 0.1 * target) >= target
        )

    def _smallest(self, path: PourPath, room_for: float, enough: Callable[[Tilt], bool]) -> Tilt:
        low, high = 0.0, MAX_TILT_RAD
        for _ in range(12):
            middle = (low + high) / 2
            tilt = self.pour(path, middle, room_for)
            low, high = (low, middle) if enough(tilt) else (middle, high)
        return self.pour(path, high, room_for)

    def pour(self, path: PourPath, angle: float, room_for: float) -> Tilt:
        """What lands with this final angle, in the time the wrist needs for ``room_for`` [rad].

        Moves as the arm does: straight between control frames.
        """
        scene, tilt = self.scene, self._timed(angle, room_for)
        trace = self._trace(path, tilt)
        landed = float(trace.receiver_ml[-1] + trace.in_flight_ml[-1]) - scene.receiver_initial_ml
        return replace(tilt, landed_ml=landed, spilled_ml=float(trace.spilled_ml[-1]))

    def _timed(self, angle: float, room_for: float) -> Tilt:
        scene, clock = self.scene, self.clock
        fastest = 1.5 / (WRIST_SHARE * float(JOINT_SPEED_RAD_S[-1]))  # seconds per radian
        seconds = whole_frames(max(scene.tilt_seconds, fastest * room_for) * self.slower, clock)
        onset_rad = onset_s = 0.0
        if self.onset_rad is not None and self.manner.pours_s:
            onset_rad = min(self.onset_rad, angle)
            onset_s = whole_frames(seconds * onset_rad / room_for, clock)
            seconds = onset_s + whole_frames(self.manner.pours_s, clock)
        return Tilt(
            angle,
            seconds,
            whole_frames(HOLD_S + self._drain_s(), clock),
            whole_frames(max(1.0, fastest * room_for) * self.slower, clock),
            self.offset_m, 0.0, 0.0, onset_rad, onset_s,
        )  # fmt: skip

    def _trace(self, path: PourPath, tilt: Tilt) -> PourTrace:
        scene, clock = self.scene, self.clock
        coarse = np.arange(0, tilt.total_s + LANDING_S, 1 / clock.control_hz)
        theta = np.interp(np.arange(0, coarse[-1], DT_S), coarse, tilt.at(coarse))
        return simulate_pour(
            scene.source, scene.receiver, scene.liquid,
            initial_ml=scene.initial_ml, receiver_initial_ml=scene.receiver_initial_ml,
            tilt_rad=theta, lip_m=path.lips(theta), out_xy=path.direction[:2],
            receiver_floor_m=scene.receiver.floor_m * UP, dt_s=DT_S,
            params=self.params,
        )  # fmt: skip
