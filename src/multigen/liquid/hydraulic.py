"""The hydraulic pour, step by step: where every millilitre is while a vessel is being tilted.

Reads:  two Vessels, a Liquid, the lip's pose per step.   Makes: LiquidState, PourTrace.
Used by: episode (inside the physics loop), audio and benchmark through the trace.
Thousands of times faster than real time (benchmarks/liquid_terms.py); the ledger closes to 1e-9 mL.
Equations: liquid.core.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from ..errors import ClockError, SceneError
from ..types import Liquid, PourTrace, Vessel
from . import core
from .pose import VesselPose, lip_pose
from .stream import Stream, stream_of
from .table import pour_table

LIQUID_HZ = 100


@dataclass(frozen=True)
class HydraulicParams:
    """Constants of the model.

    ``discharge``, ``inertia``, ``run_down``, those of sliding and those of the launch were fitted to
    62 pours of water by particles (1,000 each; cylinders, frusta, thermoses, bottles, carafes;
    1.5-4.5 s to between a sip and empty, half tilted back) and judged on others:
    benchmarks/liquid.py --calibrate, docs/measured.md. Particles know no air, no surface tension and
    next to no viscosity, so ``flooding``, the lip's heads, ``reynolds_half`` and ``dribble_s`` are from
    the literature or plain guesses. ``lid`` was fitted to 20 cans (2,000 particles each). None of it
    was held against a real pour.
    """

    discharge: float = 0.59
    """Weir coefficient Cd; critical flow has 0.577, particle pours fit 0.50-0.60."""
    onset_head: float = 0.6
    """Head that starts the flow, in capillary lengths (2.7 mm for water)."""
    stop_head: float = 0.3
    """Head that ends it, in capillary lengths."""
    inertia: float = 1.5
    """Lag of the head behind hydrostatics, in times of the first sloshing mode; 0 = none."""
    reynolds_half: float = 10.0
    """Film Reynolds number at which viscosity halves the flow."""
    run_down: float = 0.07
    """Share of the height lost along the wall that speeds the outflow up."""
    flooding: float = 0.2
    """Full-bore limit, flow / (area sqrt(g D)): C^2 / 4 with C = 0.9."""
    slide: float = 2.0
    """Acceleration of liquid that slides out as a whole, in g times the mean slope of its way."""
    neck: float = 0.74
    """That acceleration falls like (throat / widest radius) to this power."""
    lid: float = 0.19
    """Share of that acceleration that is left where a lid stands in the way."""
    slide_length: float = 0.72
    """Length over which such liquid is spread, in depths of the cavity."""
    drag: float = 1.0
    """Way on which it reaches its final speed, in depths of the cavity."""
    filled: float = 0.69
    """Share of the throat that sliding liquid fills at most."""
    launch: float = 1.28
    """Share of the height lost along the wall that turns into speed at the lip."""
    launch_down_rad: float = 0.064
    """Angle below the horizontal at which liquid leaves a level wall."""
    launch_slope: float = 0.70
    """How much of the wall's own slope at the lip is added to that angle."""
    dribble_s: float = 0.4
    """Time in which the last flow dies away after the stop."""


DEFAULT_PARAMS = HydraulicParams()


@dataclass(frozen=True)
class LiquidState:
    """Everything about the liquid at one instant."""

    time_s: float
    source_ml: float
    in_flight_ml: float
    receiver_ml: float
    spilled_ml: float
    flow_out_ml_s: float
    """Over the lip in the last step."""
    receiver_level_m: float
    """Surface above the receiver's inner floor."""
    head_m: float
    """Surface in the source above its lip, as it acts on the flow; negative below the lip."""
    stream: Stream | None
    """What hangs in the air; None when nothing does."""

    @property
    def total_ml(self) -> float:
        return self.source_ml + self.in_flight_ml + self.receiver_ml + self.spilled_ml


def steps_per_row(dt_s: float) -> int:
    """How many steps make one row of a PourTrace. Raises ClockError unless 10 ms divides."""
    stride = round(1 / (LIQUID_HZ * dt_s)) if dt_s > 0 else 0
    if stride < 1 or abs(stride * dt_s * LIQUID_HZ - 1) > 1e-9:
        raise ClockError(f"a liquid step must divide 10 ms (such as 0.002 s), got {dt_s} s")
    return stride


def make_setup(
    source: Vessel, receiver: Vessel, liquid: Liquid, dt_s: float, params: HydraulicParams
) -> core.Setup:
    """Tables and constants of one pour, in the order liquid.core reads them; the constants are a copy
    that may be changed."""
    setup = _setup(source, receiver, liquid, dt_s, params)
    return setup._replace(constants=setup.constants.copy())


@lru_cache(maxsize=128)
def _setup(
    source: Vessel, receiver: Vessel, liquid: Liquid, dt_s: float, params: HydraulicParams
) -> core.Setup:
    """Kept: whoever looks for a tilt pours the same liquid from the same vessel many times."""
    table = pour_table(source)
    z = np.array([source.depth_m - min(0.01, 0.2 * source.depth_m), source.depth_m])
    below, rim = source.inner_radius_m(z)
    levels = np.linspace(0.0, receiver.depth_m, 257)
    capillary = (liquid.surface_tension_n_m / (liquid.density_kg_m3 * core.G)) ** 0.5
    profile = np.array(source.inner, float)[:, 1]
    constants = np.zeros(core.C_COUNT)
    constants[core.C_DT] = dt_s
    constants[core.C_DENSITY] = liquid.density_kg_m3
    constants[core.C_VISCOSITY] = liquid.viscosity_pa_s
    constants[core.C_ON] = params.onset_head * capillary
    constants[core.C_OFF] = params.stop_head * capillary
    constants[core.C_CD] = params.discharge
    lag_s = params.inertia * np.sqrt(profile.max() / (1.84 * core.G))
    constants[core.C_FOLLOW] = dt_s / (lag_s + dt_s)
    constants[core.C_RE_HALF] = params.reynolds_half
    constants[core.C_RUN] = params.run_down
    constants[core.C_FLOOD] = params.flooding
    constants[core.C_DRIBBLE] = params.dribble_s
    constants[core.C_THROAT] = min(profile[profile.argmax() :].min(), source.opening_radius_m)
    if source.mouth_radius_m is None:  # liquid leaves a hole in a lid along no wall
        constants[core.C_WALL_ANGLE] = np.arctan2(rim - below, z[1] - z[0])
    constants[core.C_RECV_RIM] = receiver.rim_radius_m
    constants[core.C_RECV_DEPTH] = receiver.depth_m
    constants[core.C_STRIDE] = steps_per_row(dt_s)
    constants[core.C_LENGTH] = source.depth_m
    constants[core.C_REST] = params.slide_length
    constants[core.C_DRAG] = params.drag
    narrowing = float(constants[core.C_THROAT]) / float(profile.max())
    held_back = 1.0 if source.mouth_radius_m is None else params.lid
    constants[core.C_SLIDE] = params.slide * held_back * narrowing**params.neck
    constants[core.C_FILLED] = params.filled
    constants[core.C_LAUNCH] = params.launch
    constants[core.C_DOWN] = params.launch_down_rad
    constants[core.C_DOWN_SLOPE] = params.launch_slope
    return core.Setup(
        table.heads_m,
        table.volumes_m3,
        table.sill_radius_m,
        table.run_down_m,
        table.slide_m,
        core.WEIR_Q,
        core.WEIR_AREA,
        receiver.volume_ml(levels) * 1e-6,
        levels,
        constants,
    )


def start_state(
    source: Vessel, receiver: Vessel, initial_ml: float, receiver_initial_ml: float, dt_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """State vector and empty ring of a pour that has not begun. Raises SceneError on overfill."""
    for vessel, volume in ((source, initial_ml), (receiver, receiver_initial_ml)):
        if not 0 <= volume <= vessel.capacity_ml * (1 + 1e-9):
            raise SceneError(
                f"{vessel.name} holds {vessel.capacity_ml:.0f} mL: cannot start with {volume:.1f} mL"
            )
    state = np.zeros(core.STATE_SIZE)
    state[core.SOURCE] = core.grain(initial_ml * 1e-6)
    state[core.RECEIVER] = core.grain(receiver_initial_ml * 1e-6)
    state[core.LAST_LANDING] = -1.0
    state[core.LEVEL] = receiver.level_m(receiver_initial_ml)
    return state, np.zeros((int(core.RING_S / dt_s) + 4, 3))


def as_trace(rows: Float[np.ndarray, "S C"]) -> PourTrace:
    """Rows of liquid.core as a PourTrace (columns copied)."""
    return PourTrace(LIQUID_HZ, *rows.T.copy())


class HydraulicPour:
    """A pour in progress: call ``step`` once per ``dt_s``; read ``state`` whenever needed.

    Volumes in mL, lengths in m, world frame with z up. Raises SceneError when a vessel starts
    overfilled, ClockError for a step that does not divide 10 ms.
    """

    def __init__(
        self,
        source: Vessel,
        receiver: Vessel,
        liquid: Liquid,
        *,
        initial_ml: float,
        receiver_initial_ml: float = 0.0,
        dt_s: float = 0.002,
        params: HydraulicParams = DEFAULT_PARAMS,
    ):
        self.dt_s = dt_s
        self.source, self.receiver = source, receiver
        self._setup = make_setup(source, receiver, liquid, dt_s, params)
        self._stride = steps_per_row(dt_s)
        self._state, self._ring = start_state(
            source, receiver, initial_ml, receiver_initial_ml, dt_s
        )
        self._rows = np.zeros((1024, core.TRACE_COLUMNS))
        self._steps = 0

    def step(
        self,
        tilt_rad: float,
        lip_m: Float[np.ndarray, "3"],
        out_xy: Float[np.ndarray, "2"],
        receiver_floor_m: Float[np.ndarray, "3"],
        sill_rise_m: float = 0.0,
    ) -> None:
        """Advance by ``dt_s``.

        ``tilt_rad``: angle between the source's axis and the vertical; ``lip_m``: lowest point of
        its mouth; ``out_xy``: horizontal unit vector it pours towards (the horizontal part of its
        axis); ``receiver_floor_m``: centre of the receiver's inner floor; ``sill_rise_m``: for a hole
        in a lid that is not on the low side, see LipPose (exact up to 90 degrees of tilt).
        """
        core.advance(
            self._setup,
            self._state,
            self._ring,
            float(tilt_rad),
            np.ascontiguousarray(lip_m, np.float64),
            np.ascontiguousarray(out_xy, np.float64),
            np.ascontiguousarray(receiver_floor_m, np.float64),
            float(sill_rise_m),
        )
        self._steps += 1
        if self._steps % self._stride == 0:
            row = self._steps // self._stride - 1
            if row == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            core.write_row(self._setup, self._state, self._rows[row])

    def follow(self, source: VesselPose, receiver: VesselPose) -> None:
        """Advance by ``dt_s`` while both vessels move to these poses."""
        at, rot = receiver
        floor = np.asarray(at, float) + self.receiver.floor_m * np.asarray(rot, float)[:, 2]
        tilt, lip, out, rise = lip_pose(self.source, *source)
        self.step(tilt, lip, out, floor, rise)

    @property
    def state(self) -> LiquidState:
        """The liquid now."""
        s = self._state
        return LiquidState(
            time_s=self._steps * self.dt_s,
            source_ml=float(s[core.SOURCE] * 1e6),
            in_flight_ml=float(s[core.FLIGHT] * 1e6),
            receiver_ml=float(s[core.RECEIVER] * 1e6),
            spilled_ml=float(s[core.SPILLED] * 1e6),
            flow_out_ml_s=float(s[core.FLOW] * 1e6),
            receiver_level_m=float(s[core.LEVEL]),
            head_m=float(s[core.HEAD]),
            stream=stream_of(s),
        )

    def trace(self) -> PourTrace:
        """Everything so far at 100 Hz; a window that has not ended yet is left out."""
        return as_trace(self._rows[: self._steps // self._stride])
