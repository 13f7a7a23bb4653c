"""Where rates meet: control 10 Hz, front camera 25 Hz, liquid 100 Hz, sound 16 kHz.

Reads:  nothing.   Makes: Clock.   Used by: every room that counts frames or samples.
"""

from dataclasses import dataclass

from ..errors import ClockError


@dataclass(frozen=True)
class Clock:
    """Rates that divide, so that no frame ever owns a fraction of a sample."""

    control_hz: int = 10
    """Control, ego camera and dataset rows."""
    front_hz: int = 25
    """Front camera and its masks: what the sound model sees."""
    liquid_hz: int = 100
    """Rate of PourTrace."""
    audio_hz: int = 16_000

    def __post_init__(self) -> None:
        for name in ("control_hz", "front_hz", "liquid_hz"):
            rate = getattr(self, name)
            if rate < 1 or self.audio_hz % rate:
                raise ClockError(
                    f"audio_hz={self.audio_hz} is not a multiple of {name}={rate}; "
                    "choose rates that divide, such as 10, 20, 25, 50 or 100 for 16000"
                )

    @property
    def samples_per_frame(self) -> int:
        """Sound samples per control frame: 1600."""
        return self.audio_hz // self.control_hz

    @property
    def samples_per_front_frame(self) -> int:
        """Sound samples per front frame: 640."""
        return self.audio_hz // self.front_hz
