"""Where every millilitre was, over time: the ledger and the stream.

Reads:  nothing.   Makes: PourTrace.   Used by: liquid (writes it), audio.acoustics (sounds it),
dataset (labels), benchmark (scores), report (curves). Privileged: never shown to a policy.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from ..errors import ClockError


@dataclass(frozen=True)
class PourTrace:
    """One pour at ``liquid_hz``; row s is the state at the end of step s, at (s + 1) / liquid_hz."""

    liquid_hz: int
    source_ml: Float[np.ndarray, " S"]
    in_flight_ml: Float[np.ndarray, " S"]
    receiver_ml: Float[np.ndarray, " S"]
    spilled_ml: Float[np.ndarray, " S"]
    flow_out_ml_s: Float[np.ndarray, " S"]
    """Leaving the source's lip (mean over the step)."""
    flow_in_ml_s: Float[np.ndarray, " S"]
    """Landing in the receiver (mean over the step)."""
    tilt_rad: Float[np.ndarray, " S"]
    """Angle between the source's axis and the vertical."""
    drop_m: Float[np.ndarray, " S"]
    """Height of the source's lip above the surface (or floor) it would land on."""
    impact_speed_m_s: Float[np.ndarray, " S"]
    """Speed of the jet at impact; 0 where nothing lands."""
    jet_diameter_m: Float[np.ndarray, " S"]
    """Diameter of the jet at impact; 0 where nothing lands."""
    receiver_level_m: Float[np.ndarray, " S"]
    """Liquid surface in the receiver above its inner floor."""

    def __post_init__(self) -> None:
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self)[1:]}
        if len(set(lengths.values())) > 1:
            raise ClockError(f"columns of a PourTrace differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.source_ml)

    @property
    def duration_s(self) -> float:
        return len(self) / self.liquid_hz

    @property
    def total_ml(self) -> Float[np.ndarray, " S"]:
        """Source + in flight + receiver + spilled: constant, or liquid was lost."""
        return self.source_ml + self.in_flight_ml + self.receiver_ml + self.spilled_ml

    def upto(self, seconds: float) -> "PourTrace":
        """The part a listener has lived through by ``seconds``."""
        n = round(seconds * self.liquid_hz)
        return PourTrace(self.liquid_hz, *(getattr(self, f.name)[:n] for f in fields(self)[1:]))
