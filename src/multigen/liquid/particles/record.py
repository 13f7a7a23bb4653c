"""From particles that arrive one by one to a trace that can be heard.

Reads:  what left, landed and how fast, per step.   Makes: rows of a PourTrace.
Used by: liquid.particles.pour.
A particle of 0.15 mL per 10 ms is 15 mL/s on or off: a rattle no liquid makes. Flows spread each
over the windows that follow, weights falling linearly to zero. What has been read never changes,
every millilitre is in the flow exactly once, and the flow is exactly zero 0.15 s after the last
one. The price: flows and level lag by 47 ms on the mean (the ledger's volumes do not).
"""

import numpy as np
from jaxtyping import Float

from ...types import PourTrace, Vessel
from ..hydraulic import LIQUID_HZ, as_trace

WINDOWS = 15
"""Windows of 10 ms over which a particle is spread: about 11 of them worth of averaging."""
WEIGHTS: Float[np.ndarray, " W"] = np.arange(WINDOWS, 0, -1) / np.arange(1, WINDOWS + 1).sum()
COLUMNS = 11
MIN_SPEED_M_S = 0.05


class Meter:
    """Smooths amounts per window. Mutable: ``push`` once per window."""

    def __init__(self) -> None:
        self._ahead = np.zeros(WINDOWS)
        self._debt = 0.0

    def push(self, amount: float) -> float:
        """The smoothed amount of this window.

        A negative one (liquid that slid back) is held against what comes next: no flow is negative.
        """
        net = amount - self._debt
        self._debt = max(-net, 0.0)
        self._ahead += max(net, 0.0) * WEIGHTS
        out = float(self._ahead[0])
        self._ahead = np.append(self._ahead[1:], 0.0)
        return out


class Recorder:
    """Rows of a trace in the making. Mutable: ``step`` once per step."""

    def __init__(self, receiver: Vessel, stride: int, ledger_ml: Float[np.ndarray, "4"]) -> None:
        self._receiver, self._stride = receiver, stride
        self._before = ledger_ml
        self._sums = np.zeros(2)
        self._steps, self._smooth_ml = 0, float(ledger_ml[2])
        self._out, self._in, self._landed, self._momentum = (Meter() for _ in range(4))
        self._rows = np.zeros((1024, COLUMNS))
        self.flow_out_ml_s = 0.0

    def step(
        self,
        ledger_ml: Float[np.ndarray, "4"],
        landed_ml: float,
        landed_ml_m_s: float,
        tilt_rad: float,
        drop_m: float,
    ) -> None:
        """One step: the ledger after it, what landed anywhere in it, the same times its speed."""
        self._sums += landed_ml, landed_ml_m_s
        self._steps += 1
        if self._steps % self._stride:
            return
        k = self._steps // self._stride - 1
        if k == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        change = ledger_ml - self._before
        flow_out, flow_in = self._out.push(-change[0]), self._in.push(change[2])
        landed, momentum = self._landed.push(self._sums[0]), self._momentum.push(self._sums[1])
        self._before, self._sums = ledger_ml, np.zeros(2)
        self._smooth_ml += flow_in
        speed = momentum / landed if landed > 0 else 0.0
        area = landed * 1e-6 * LIQUID_HZ / max(speed, MIN_SPEED_M_S)
        self.flow_out_ml_s = flow_out * LIQUID_HZ
        self._rows[k] = (
            *ledger_ml, self.flow_out_ml_s, flow_in * LIQUID_HZ, tilt_rad, drop_m,
            speed, np.sqrt(4 * area / np.pi), self._receiver.level_m(self._smooth_ml),
        )  # fmt: skip

    def trace(self) -> PourTrace:
        """Everything so far; a window that has not ended yet is left out."""
        return as_trace(self._rows[: self._steps // self._stride])
