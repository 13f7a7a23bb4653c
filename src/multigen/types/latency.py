"""How late a robot sees, hears and moves: three numbers in seconds.

Reads:  nothing.   Makes: Latency.   Used by: episode.session (a simulator as late as hardware),
policy.controller (who leaves out what should already have been done), benchmark, cli.
ManiWAV's robot code (Liu et al. 2024) has the same three as constants.
"""

import math
from dataclasses import dataclass

from ..errors import ConfigError
from .clock import Clock

LONGEST_S = 1.0


@dataclass(frozen=True)
class Latency:
    """Times from an event to its use. The default is a simulator's own: none."""

    camera_s: float = 0.0
    """Age of a picture when it is given to whoever decides."""
    microphone_s: float = 0.0
    """Age of the newest sound then."""
    action_s: float = 0.0
    """From the decision to its effect, computing included."""
    compensated: bool = False
    """Postures are given as they were when the picture was taken, so that what is seen and felt agree,
    and a chunk decided from them loses the rows whose time has passed (``overdue``)."""

    def __post_init__(self) -> None:
        for name in ("camera_s", "microphone_s", "action_s"):
            late_s = getattr(self, name)
            if not (math.isfinite(late_s) and 0 <= late_s <= LONGEST_S):
                raise ConfigError(
                    f"{name} is {late_s:g} s late; give seconds between 0 and {LONGEST_S:g}"
                )

    def camera_frames(self, clock: Clock = Clock()) -> int:
        """Control intervals between a picture and its use."""
        return round(self.camera_s * clock.control_hz)

    def action_frames(self, clock: Clock = Clock()) -> int:
        """Control intervals between a decision and its effect."""
        return round(self.action_s * clock.control_hz)

    def overdue(self, clock: Clock = Clock()) -> int:
        """Rows of a chunk that are too late for anything: chunks begin when the picture was taken."""
        late = self.camera_frames(clock) + self.action_frames(clock)
        return late if self.compensated else 0
