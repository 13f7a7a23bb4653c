"""A pour of particles, read like the hydraulic one: a ledger, a trace at 100 Hz, and points to draw.

Reads:  two Vessels, a Liquid, both vessels' poses per step.   Makes: LiquidState, PourTrace, points.
Used by: episode (through liquid.start_pour), benchmarks, tests. Volumes are counts of particles.
"""

import numpy as np
from jaxtyping import Float, Float32, Int8

from ...errors import ConfigError, SceneError
from ...types import Liquid, PourTrace, Vessel
from ..hydraulic import LiquidState, steps_per_row
from ..pose import VesselPose, lip_pose
from ..table import MAX_TILT_RAD, head_m
from . import walls
from .fill import settled
from .fluid import Fluid, poses
from .record import Recorder

PARTICLES = 2000
"""In the source at the start."""
LANDED_SPACINGS = 1.5
"""A particle has landed this far above the level of those before it, in spacings."""
GRAIN = 2.0**40
"""Particles hold whole multiples of 1 / GRAIN mL, so that adding them is exact in any order."""


def particle_count(
    initial_ml: float, receiver_initial_ml: float, particles: int = PARTICLES
) -> int:
    """Particles of both vessels when the source starts with ``particles``."""
    already = round(receiver_initial_ml / initial_ml * particles)
    return particles + (max(already, 1) if receiver_initial_ml > 0 else 0)


class ParticlePour:
    """A pour in progress: call ``follow`` once per ``dt_s``; read ``state`` whenever needed.

    The liquid starts at rest, settled upright, where the vessels are at the start. ``particles`` is
    their number in the source; the receiver's liquid gets as many per millilitre. Raises SceneError
    when a vessel starts overfilled, ConfigError for fewer than 20 particles, ClockError for a step
    that does not divide 10 ms. At 2,000 particles steps above 2.5 ms compress the liquid.
    """

    def __init__(
        self,
        source: Vessel,
        receiver: Vessel,
        liquid: Liquid,
        *,
        initial_ml: float,
        receiver_initial_ml: float = 0.0,
        source_pose: VesselPose,
        receiver_pose: VesselPose,
        dt_s: float = 0.002,
        particles: int = PARTICLES,
        table_m: float = 0.0,
    ) -> None:
        if particles < 20 or initial_ml <= 0:
            raise ConfigError(
                f"{particles} particles for {initial_ml} mL; a particle pour needs at least 20 and some liquid"
            )
        for vessel, volume in ((source, initial_ml), (receiver, receiver_initial_ml)):
            if not 0 <= volume <= vessel.capacity_ml:
                raise SceneError(
                    f"{vessel.name} holds {vessel.capacity_ml:.0f} mL: cannot start with {volume:.1f} mL"
                )
        self.dt_s, self.source, self.receiver = dt_s, source, receiver
        self.spacing_m = float((initial_ml * 1e-6 / particles) ** (1 / 3))
        self.table_m = table_m
        already = particle_count(initial_ml, receiver_initial_ml, particles) - particles
        points, labels, volumes = [], [], []
        for vessel, (pos, rot), ml, n, label in (
            (source, source_pose, initial_ml, particles, walls.SOURCE),
            (receiver, receiver_pose, receiver_initial_ml, already, walls.RECEIVER),
        ):
            if n:
                still = settled(vessel, ml, n, self.spacing_m, dt_s)
                points.append(still @ np.asarray(rot, float).T + np.asarray(pos, float))
                labels.append(np.full(n, label))
                volumes.append(shares(ml, n))
        self._fluid = Fluid(
            (source, receiver), np.concatenate(points), poses(source_pose, receiver_pose),
            label=np.concatenate(labels), volume_ml=np.concatenate(volumes),
            spacing_m=self.spacing_m, dt_s=dt_s, table_m=table_m,
            viscosity_m2_s=liquid.viscosity_pa_s / liquid.density_kg_m3,
        )  # fmt: skip
        self._entered, self._gone = (np.zeros(len(self._fluid.x), bool) for _ in range(2))
        self._steps, self._tilt = 0, 0.0
        self._recorder = Recorder(receiver, steps_per_row(dt_s), self._ledger())

    def follow(self, source: VesselPose, receiver: VesselPose) -> None:
        """Advance by ``dt_s`` while both vessels move to these poses."""
        fluid = self._fluid
        fluid.step(poses(source, receiver))
        n = fluid.active
        surface = self._level() + self.receiver.floor_m + LANDED_SPACINGS * self.spacing_m
        table = self.table_m + 0.6 * self.spacing_m
        walls.classify(
            fluid.x, n, fluid.sections, *fluid.where, fluid.label, np.float32(surface),
            np.float32(table), self._entered, self._gone,
        )  # fmt: skip
        landed = self._entered[:n]
        volume, speed = fluid.volume_ml[:n][landed], np.linalg.norm(fluid.v[:n][landed], axis=1)
        self._steps += 1
        self._tilt, lip, *_ = lip_pose(self.source, *source)
        self._recorder.step(
            self._ledger(), float(volume.sum()), float((volume * speed).sum()),
            self._tilt, self._drop(lip, receiver),
        )  # fmt: skip
        if self._gone[:n].any():
            fluid.retire(self._gone[:n])

    def _ledger(self) -> Float[np.ndarray, "4"]:
        """Millilitres in source, in flight, in receiver, spilled."""
        return np.bincount(self._fluid.label, weights=self._fluid.volume_ml, minlength=4)

    def _level(self) -> float:
        return float(self.receiver.level_m(self._ledger()[walls.RECEIVER]))

    def _drop(self, lip: Float[np.ndarray, "3"], receiver: VesselPose) -> float:
        """Height of the lip above the surface below it, or above the receiver's floor beside it."""
        pos, rot = receiver
        floor = np.asarray(pos, float) + self.receiver.floor_m * np.asarray(rot, float)[:, 2]
        over = np.hypot(*(lip[:2] - floor[:2])) < self.receiver.rim_radius_m
        return float(max(lip[2] - floor[2] - (self._level() if over else 0.0), 0.0))

    @property
    def state(self) -> LiquidState:
        """The liquid now; ``stream`` is None, ``points`` has what can be drawn."""
        source, flight, received, spilled = (float(ml) for ml in self._ledger())
        return LiquidState(
            time_s=self._steps * self.dt_s,
            source_ml=source,
            in_flight_ml=flight,
            receiver_ml=received,
            spilled_ml=spilled,
            flow_out_ml_s=self._recorder.flow_out_ml_s,
            receiver_level_m=self._level(),
            head_m=head_m(self.source, min(self._tilt, MAX_TILT_RAD), source),
            stream=None,
        )

    @property
    def points(self) -> tuple[Float32[np.ndarray, "N 3"], Int8[np.ndarray, " N"]]:
        """Positions [m, world frame] and places (0 source, 1 in flight, 2 receiver, 3 spilled).

        In no lasting order: particles are sorted anew in every step. Copies.
        """
        return self._fluid.x.copy(), self._fluid.label.copy()

    def trace(self) -> PourTrace:
        """Everything so far at 100 Hz; a window that has not ended yet is left out."""
        return self._recorder.trace()


def shares(volume_ml: float, count: int) -> Float[np.ndarray, " count"]:
    """A volume in ``count`` nearly equal parts whose sum is exact however they are added."""
    grains = round(volume_ml * GRAIN)
    parts = np.full(count, grains // count, np.float64)
    parts[: grains % count] += 1
    return parts / GRAIN
