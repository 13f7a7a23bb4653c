"""What was seen and heard: clips, waveforms, silent episodes, demonstrations.

Reads:  nothing.   Makes: Clip, Waveform, Episode, Demonstration, Outcome.   Used by: every room.
Two types rather than one optional field: an Episode is silent, a Demonstration is not.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from ..errors import ClockError
from .clock import Clock
from .scene import SceneConfig
from .trace import PourTrace


@dataclass(frozen=True)
class Clip:
    """Front view: frames and roles; what a sound model sees."""

    fps: float
    rgb: UInt8[np.ndarray, "F H W 3"]
    roles: UInt8[np.ndarray, "F H W"] | None
    """Role per pixel, or None where nobody segmented the video."""

    def __len__(self) -> int:
        return len(self.rgb)

    @property
    def duration_s(self) -> float:
        return len(self.rgb) / self.fps


@dataclass(frozen=True)
class Waveform:
    """Mono sound."""

    sample_rate: int
    samples: Float32[np.ndarray, " N"]
    """In [-1, 1]."""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Outcome:
    """How a pour ended."""

    initial_ml: float
    target_ml: float
    poured_ml: float
    """Landed in the receiver."""
    left_source_ml: float
    spilled_ml: float
    completed: bool
    """The controller ended the episode by itself, the vessel still in the hand."""
    ended_because: str
    """'done', 'timeout' or 'dropped'."""

    @property
    def nmae(self) -> float:
        """|poured - target| / target (paper, equation 1), with the volume that landed."""
        return abs(self.poured_ml - self.target_ml) / self.target_ml


@dataclass(frozen=True)
class Episode:
    """One pour as the simulator saw it; silent."""

    clock: Clock
    scene: SceneConfig
    ego: UInt8[np.ndarray, "T H W 3"]
    ego_roles: UInt8[np.ndarray, "T H W"]
    front: UInt8[np.ndarray, "F H W 3"]
    front_roles: UInt8[np.ndarray, "F H W"]
    state: Float32[np.ndarray, "T 7"]
    eef: Float32[np.ndarray, "T 10"]
    action: Float32[np.ndarray, "T 10"]
    """Commanded at frame t; see Controller.act for the encoding."""
    trace: PourTrace
    outcome: Outcome

    def __post_init__(self) -> None:
        t, f, s = len(self.state), len(self.front), len(self.trace)
        c = self.clock
        if f * c.control_hz != t * c.front_hz or s * c.control_hz != t * c.liquid_hz:
            raise ClockError(
                f"{t} control frames need {t * c.front_hz / c.control_hz:g} front frames and "
                f"{t * c.liquid_hz // c.control_hz} liquid steps; got {f} and {s}"
            )

    def __len__(self) -> int:
        return len(self.state)

    @property
    def duration_s(self) -> float:
        return len(self) / self.clock.control_hz

    @property
    def clip(self) -> Clip:
        return Clip(float(self.clock.front_hz), self.front, self.front_roles)


@dataclass(frozen=True)
class Demonstration:
    """An episode and its sound, of equal length by construction."""

    episode: Episode
    sound: Waveform

    def __post_init__(self) -> None:
        want = len(self.episode) * self.episode.clock.samples_per_frame
        if (got := len(self.sound.samples)) != want:
            raise ClockError(
                f"sound has {got} samples, {len(self.episode)} frames need {want}; "
                "cut or pad with audio.waveform.fit"
            )
