"""What would still land: the hydraulic model kept in step with the ledger, and asked about motions.

Reads:  PourTrace (the ledger so far), a scene, the path of the lip.   Makes: millilitres to come.
Used by: episode.feedback. An observer: the measured tilt drives the model, the measured volume
replaces the model's after every control interval, and where more or less flows than the model says,
its discharge coefficients are scaled by the ratio, so that the model becomes the liquid at hand.
"""

import numpy as np
from jaxtyping import Float

from ..liquid import HydraulicParams, core
from ..liquid.hydraulic import make_setup, start_state
from ..types import PourTrace, SceneConfig
from .amount import DT_S, LANDING_S
from .path import PourPath

ARM_LAG_S = 0.025
"""The held vessel trails the commanded angle by this (measured: 25 ms with every source)."""
LEARNING = 0.5
"""Exponent of the measured over the expected outflow by which a control interval scales the model."""
MISFIT = (0.2, 5.0)
"""Least and largest scale altogether."""
LITTLE_ML = 0.3
"""Outflow per control interval that is added to both sides of the ratio: drops teach little."""


class Foresight:
    """The believed liquid. Mutable: ``watch`` moves it along the ledger; ``lands`` only asks it."""

    def __init__(self, scene: SceneConfig, path: PourPath, params: HydraulicParams) -> None:
        self._scene, self._path = scene, path
        self._setup = make_setup(scene.source, scene.receiver, scene.liquid, DT_S, params)
        self._state, self._ring = start_state(
            scene.source, scene.receiver, scene.initial_ml, scene.receiver_initial_ml, DT_S
        )
        self._floor = np.array([*scene.receiver_xy_m, scene.receiver.floor_m])
        self._seen = 0
        self._tilt_rad = 0.0
        self.misfit = 1.0
        """How many times faster than believed the liquid was found to flow."""

    def watch(self, trace: PourTrace) -> None:
        """Live through the rows of the ledger that are new."""
        new = len(trace) - self._seen
        if new <= 0:
            return
        tilts = np.concatenate([[self._tilt_rad], trace.tilt_rad[self._seen :]])
        steps = round(new / trace.liquid_hz / DT_S)
        inner = np.linspace(0, new, steps + 1)[1:]
        before = self._state[core.SOURCE]
        self._run(self._state, self._ring, np.interp(inner, np.arange(new + 1), tilts))
        self._believe(before, trace)
        self._seen, self._tilt_rad = len(trace), float(trace.tilt_rad[-1])

    def _believe(self, before_m3: float, trace: PourTrace) -> None:
        """Put the ledger's volumes in place of the model's, and scale its outflow by the ratio."""
        state = self._state
        expected_ml = (before_m3 - state[core.SOURCE]) * 1e6
        measured_ml = before_m3 * 1e6 - float(trace.source_ml[-1])
        if expected_ml > 0:
            ratio = (max(measured_ml, 0.0) + LITTLE_ML) / (expected_ml + LITTLE_ML)
            self._scale_outflow(float(np.clip(self.misfit * ratio**LEARNING, *MISFIT)))
        elif measured_ml > LITTLE_ML:
            state[core.FLOWING] = 1.0  # it began to flow at a smaller head than believed
        there = float(trace.receiver_ml[-1] + trace.in_flight_ml[-1])
        state[core.SOURCE] = core.grain(float(trace.source_ml[-1]) * 1e-6)
        state[core.RECEIVER] = core.grain(min(there, self._scene.receiver.capacity_ml) * 1e-6)
        state[core.FLIGHT] = state[core.SPILLED] = 0.0
        self._ring[:] = 0.0

    def _scale_outflow(self, misfit: float) -> None:
        """Weir and full-bore limit alike: which of the two acts is not seen from outside."""
        for constant in (core.C_CD, core.C_FLOOD):
            self._setup.constants[constant] *= misfit / self.misfit
        self.misfit = misfit

    def _run(
        self, state: np.ndarray, ring: np.ndarray, tilts: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, "rows columns"]:
        stride = int(self._setup.constants[core.C_STRIDE])
        rows = np.zeros((len(tilts) // stride, core.TRACE_COLUMNS))
        out = np.broadcast_to(self._path.direction[:2], (len(tilts), 2))
        core.run_path(
            self._setup, state, ring, np.ascontiguousarray(tilts), self._path.lips(tilts),
            np.ascontiguousarray(out), self._floor, rows,
        )  # fmt: skip
        return rows

    def lands(self, angles: Float[np.ndarray, " n"], period_s: float) -> tuple[float, float]:
        """(landed, left the source) [mL since the start of the pour] after a motion from now.

        ``angles`` are commanded tilts [rad], the first one the present command, ``period_s`` apart;
        the vessel trails them. What is in the air counts as landed.
        """
        late = np.concatenate([[self._tilt_rad], angles])
        times = np.concatenate([[0.0], ARM_LAG_S + period_s * np.arange(len(angles))])
        at = np.arange(DT_S, times[-1] + LANDING_S, DT_S)
        state, ring = self._state.copy(), self._ring.copy()
        self._run(state, ring, np.interp(at, times, late))
        scene = self._scene
        landed = (state[core.RECEIVER] + state[core.FLIGHT]) * 1e6 - scene.receiver_initial_ml
        return float(landed), float(scene.initial_ml - state[core.SOURCE] * 1e6)
