"""How a hand pours: random paths of a vessel's lip and tilt over another vessel.

Reads:  two vessels, millilitres, a random stream.   Makes: PourMotion (tilt and lip per step).
Used by: episode.tabletop. Pure numpy: no simulator.
People steer the flow, not the angle. So a pour is planned as the volume that shall be left in the
source over time; the tilt is the one at which just that much is held. Between pours the tilt falls
back below the onset.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from ..liquid import MAX_TILT_RAD, held_ml
from ..types import Vessel

STYLES = ("single", "interrupted", "modulated", "trickle", "splash", "empty", "never")
"""'never' does not reach the lip: a silent clip."""


@dataclass(frozen=True)
class PourMotion:
    """The source's lip and tilt at every step of ``dt_s``; row 0 is the start."""

    dt_s: float
    tilt_rad: Float[np.ndarray, " n"]
    lip_m: Float[np.ndarray, "n 3"]
    """Lowest point of the mouth, world frame."""
    azimuth_rad: float
    """Horizontal direction of the pour."""

    @property
    def out_xy(self) -> Float[np.ndarray, " 2"]:
        return np.array([np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)])

    def rotation(self, step: int) -> Float[np.ndarray, "3 3"]:
        """Attitude of the source: its +x side is the low one."""
        c, s = np.cos(self.tilt_rad[step]), np.sin(self.tilt_rad[step])
        x, y = self.out_xy
        return np.array([[x * c, -y, x * s], [y * c, x, y * s], [-s, 0.0, c]])

    def pose(self, step: int, source: Vessel) -> tuple[np.ndarray, np.ndarray]:
        """Position and rotation of the source's frame (centre of its bottom)."""
        rot = self.rotation(step)
        return self.lip_m[step] - rot @ [source.rim_radius_m, 0.0, source.height_m], rot


@dataclass(frozen=True)
class Reach:
    """A hand that comes to a source that stands, and then holds it."""

    away_m: tuple[float, float, float]
    """Where it comes from, in the source's frame."""
    leave_s: float
    arrive_s: float

    def at(self, time_s: float) -> Float[np.ndarray, " 3"]:
        """How far the hand is from where it holds, in the source's frame [m]."""
        return float(_left(np.array(time_s), self.leave_s, self.arrive_s)) * np.array(self.away_m)


def _left(time_s: np.ndarray, leave_s: float, arrive_s: float) -> np.ndarray:
    """Share of a journey that is left: 1 before, 0 after, minimum jerk between."""
    u = np.clip((time_s - leave_s) / max(arrive_s - leave_s, 1e-3), 0, 1)
    return 1 - u**3 * (10 - 15 * u + 6 * u * u)


def with_wait(tilt_rad: Float[np.ndarray, " n"], wait_s: float, dt_s: float) -> np.ndarray:
    """The same tilt, begun later: as it starts until then; as many steps, the end is cut off."""
    n = min(round(wait_s / dt_s), len(tilt_rad))
    return np.concatenate([np.full(n, tilt_rad[0]), tilt_rad[: len(tilt_rad) - n]])


def with_journey(
    motion: PourMotion,
    away_m: Float[np.ndarray, " 2"],
    drop_m: float,
    leave_s: float,
    arrive_s: float,
) -> PourMotion:
    """The same pour, whose source first stands ``away_m`` aside and ``drop_m`` lower and then comes.

    It rises before it draws near, so that it passes over the rim of the receiver.
    """
    t = np.arange(len(motion.tilt_rad)) * motion.dt_s
    left = _left(t, leave_s, arrive_s)
    lip = motion.lip_m.copy()
    lip[:, :2] += left[:, None] * away_m
    lip[:, 2] -= left**2 * drop_m
    return replace(motion, lip_m=lip)


@dataclass(frozen=True)
class TiltOfVolume:
    """The tilt at which a vessel holds just so much, tabulated."""

    tilts: Float[np.ndarray, " n"]
    held: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, vessel: Vessel) -> "TiltOfVolume":
        tilts = np.linspace(0.0, MAX_TILT_RAD, 61)
        held = np.array([held_ml(vessel, float(t)) for t in tilts])
        return cls(tilts, np.minimum.accumulate(held))

    def __call__(self, ml: np.ndarray | float) -> np.ndarray:
        """Tilt [rad]; falls with the volume."""
        return np.interp(-np.asarray(ml, float), -self.held, self.tilts)


def plan_tilt(
    rng: np.random.Generator,
    style: str,
    tilt_of: TiltOfVolume,
    initial_ml: float,
    room_ml: float,
    seconds: float,
    dt_s: float,
) -> Float[np.ndarray, " n"]:
    """Tilt [rad] over time for one of STYLES; pours at most ``room_ml``."""
    onset = float(tilt_of(initial_ml))
    most = min(room_ml, initial_ml - float(tilt_of.held[-1]))
    knots = _Knots(rng, tilt_of, initial_ml, initial_ml - most, seconds)
    knots.start(onset)
    if style == "never":
        for _ in range(int(rng.integers(1, 4))):
            knots.move(onset - np.radians(rng.uniform(4, 25)), rng.uniform(0.5, 2.0))
            knots.rest(rng.uniform(0.1, 1.5))
    elif style == "interrupted":
        parts = int(rng.integers(2, 5))
        for share in rng.dirichlet(np.full(parts, 3.0)):
            knots.pour(share * rng.uniform(0.6, 1.0) * most, _rate(rng, 15, 120))
            knots.stop()
            knots.rest(rng.uniform(0.05, 0.9))
    elif style == "trickle":
        knots.pour(min(most, rng.uniform(20, 90)), _rate(rng, 3, 14))
        knots.stop()
    elif style == "splash":
        knots.pour(rng.uniform(0.3, 0.9) * most, _rate(rng, 100, 260))
        knots.stop()
    elif style == "modulated":
        left = rng.uniform(0.5, 1.0) * most
        while left > 1 and knots.now < seconds:
            part = min(left, rng.uniform(15, 60))
            knots.pour(part, _rate(rng, 10, 150))
            if rng.random() < 0.3:
                knots.ease_off()
            left -= part
        knots.stop()
    else:
        knots.pour(most * (1.0 if style == "empty" else rng.uniform(0.3, 1.0)), _rate(rng, 12, 110))
        if style == "empty" and room_ml > initial_ml:
            knots.move(float(MAX_TILT_RAD) * rng.uniform(0.85, 0.97), rng.uniform(0.4, 1.0))
            knots.rest(rng.uniform(0.2, 1.2))
        knots.stop()
    n = round(seconds / dt_s)
    t = np.arange(n) * dt_s
    tilt = np.interp(t, knots.times, knots.tilts)
    wobble = gaussian_filter1d(rng.normal(size=n), 0.25 / dt_s)
    wobble *= np.radians(rng.uniform(0.0, 0.8)) / max(float(wobble.std()), 1e-12)
    smooth = gaussian_filter1d(tilt, rng.uniform(0.05, 0.16) / dt_s, mode="nearest")
    ceiling = onset - np.radians(3) if style == "never" else MAX_TILT_RAD - 0.02
    return np.clip(smooth + wobble * np.clip(smooth / 0.5, 0, 1), 0.0, max(ceiling, 0.0))


class _Knots:
    """Corner points of a tilt over time, appended move by move."""

    def __init__(
        self,
        rng: np.random.Generator,
        tilt_of: TiltOfVolume,
        initial_ml: float,
        least_ml: float,
        seconds: float,
    ) -> None:
        self.rng, self.tilt_of, self.left_ml, self.least_ml = rng, tilt_of, initial_ml, least_ml
        self.times, self.tilts = [0.0], [0.0]
        self.seconds = seconds

    @property
    def now(self) -> float:
        return self.times[-1]

    def start(self, onset: float) -> None:
        """Upright and waiting, or, as in a cut from a longer video, already on the way."""
        u = self.rng.uniform
        if self.rng.random() < 0.35:
            self.tilts[0] = onset * u(0.4, 0.9)
            self.rest(u(0.0, 0.8))
        else:
            self.tilts[0] = onset * u(0.0, 0.15)
            self.rest(u(0.0, 1.5))
            self.move(onset - np.radians(u(2, 12)), u(0.5, 1.8))

    def move(self, tilt: float, seconds: float) -> None:
        self.times.append(self.now + float(seconds))
        self.tilts.append(max(float(tilt), 0.0))

    def rest(self, seconds: float) -> None:
        self.move(self.tilts[-1], seconds)

    def pour(self, ml: float, rate_ml_s: float) -> None:
        """Tilt on so that about ``rate_ml_s`` flows until ``ml`` are gone; never below ``least_ml``.

        What flows stands above the lip as a layer that is still in the source when the tilt would
        already let it go, so the tilt leads by that layer: some 10 mL, more for faster pours.
        """
        layer = self.rng.uniform(6, 20) + 0.25 * rate_ml_s
        ml = min(ml + layer, self.left_ml - self.least_ml)
        if ml <= 0.5:
            return
        first = float(self.tilt_of(self.left_ml))
        if first > self.tilts[-1]:
            self.move(first, max(0.15, (first - self.tilts[-1]) / self.rng.uniform(0.3, 1.2)))
        begin, last = self.now, self.left_ml
        for left in np.linspace(last, last - ml, 12)[1:]:
            self.times.append(begin + (last - float(left)) / rate_ml_s)
            self.tilts.append(max(float(self.tilt_of(left)), self.tilts[-1]))
        self.left_ml = last - ml
        if self.rng.random() < 0.5:
            self.rest(self.rng.uniform(0.05, 0.6))

    def ease_off(self) -> None:
        """A little back, without stopping."""
        self.move(self.tilts[-1] - np.radians(self.rng.uniform(0.5, 3)), self.rng.uniform(0.1, 0.3))

    def stop(self) -> None:
        """Back below the onset, briskly."""
        back = np.radians(self.rng.uniform(8, 45))
        self.move(float(self.tilt_of(self.left_ml)) - back, self.rng.uniform(0.25, 0.9))
        self.rest(self.rng.uniform(0.1, 1.0))


def _rate(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def plan_motion(
    rng: np.random.Generator, tilt: Float[np.ndarray, " n"], source: Vessel, receiver: Vessel,
    receiver_xy: tuple[float, float], azimuth_rad: float, height_m: tuple[float, float],
    launch_m_s: float, dt_s: float,
) -> PourMotion:  # fmt: skip
    """A lip path for a tilt: over the receiver while pouring, clear of it and of the table else.

    ``height_m``: clearance between lip and rim at the start and the end of the clip;
    ``launch_m_s``: how fast the liquid is expected to leave, hence how far ahead it lands. While the
    source is little tilted its wall hangs below the lip, so the lip stays outside the receiver.
    """
    n = len(tilt)
    s = np.linspace(0, 1, n)
    rise = height_m[0] + (height_m[1] - height_m[0]) * s * s * (3 - 2 * s)
    # The bottom's low corner stays above the table.
    over_table = source.height_m * np.cos(tilt) + 0.004 + 0.02 * np.sin(tilt)
    lip_z = np.logaddexp((receiver.height_m + rise) / 0.004, over_table / 0.004) * 0.004
    radius = max(r for _, r in receiver.outer)
    above = lip_z - receiver.height_m
    fall = np.sqrt(2 * (height_m[0] + height_m[1]) / 2 / 9.81)
    throw = launch_m_s * fall + 0.15 * radius * rng.uniform(-1, 1)
    beside = -radius - 0.006 + np.clip(above, 0, None) * np.tan(np.minimum(tilt, 1.4))
    along = -np.logaddexp(throw / 0.006, -beside / 0.006) * 0.006
    aside = rng.uniform(-0.2, 0.2) * receiver.rim_radius_m
    approach = rng.uniform(0.0, 0.12) * np.exp(
        -((np.arange(n) * dt_s / rng.uniform(0.3, 0.9)) ** 2)
    )
    ahead = np.array([np.cos(azimuth_rad), np.sin(azimuth_rad)])
    sideways = np.array([-ahead[1], ahead[0]])
    sway = gaussian_filter1d(rng.normal(size=(n, 3)), 0.3 / dt_s, axis=0)
    sway *= rng.uniform(0.0, 0.002) / np.maximum(sway.std(0), 1e-12)
    xy = np.array(receiver_xy) + (along - approach)[:, None] * ahead + aside * sideways
    lip = np.column_stack([xy, lip_z + 0.3 * approach]) + sway * [1, 1, 0.5]
    return PourMotion(dt_s, tilt, lip, azimuth_rad)
