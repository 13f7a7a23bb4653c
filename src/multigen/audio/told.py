"""What can be told about the receiver beside pictures: how large it is, and how full, where known.

Reads:  a scene and its trace, or a user's ruler.   Makes: Told, and the numbers a network reads.
Used by: audio.windows (training), audio.generator, audio.flow_ears, pipeline.sonify.
A picture holds no scale: a far large cup and a near small one look alike and ring an octave apart. And
an opaque cup shows no level. A simulator knows both, a person with a ruler the first; a video from
the street neither. So each can be left out, and training leaves each out often. The pitch that
follows goes in as well, as waves over octaves: a network learns a place on the frequency axis from
its phase in a period of a quarter octave far sooner than from a length.
"""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float, Float32

from ..errors import ClockError, ConfigError
from ..types import PourTrace, SceneConfig, Vessel
from .acoustics.air_column import (
    END_CORRECTION,
    air_column,
    air_temperature_c,
    speed_of_sound_m_s,
)

Tell = Literal["all", "size", "nothing"]
PITCH_OCTAVES = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
"""Periods of the waves a pitch is coded in; half a semitone is a sixth of the shortest."""
USUAL_HZ = 1000.0
_SIZE = 3 + 2 * len(PITCH_OCTAVES)
TOLD = 2 * _SIZE
"""Numbers per frame; see ``told_features``."""
USUAL_DEPTH_M, USUAL_RADIUS_M = 0.1, 0.035
LEAST_COLUMN_M = 0.004
"""Air above a full vessel is never less: end correction and a heap of liquid rule there."""


@dataclass(frozen=True)
class Told:
    """The receiver's inside, and where its liquid stands."""

    depth_m: float
    """From the rim to the inner floor."""
    rim_radius_m: float
    level_m: Float32[np.ndarray, " F"] | None = None
    """Surface above the inner floor, one per frame; None: not known."""
    empty_hz: float | None = None
    """Lowest resonance of the air in the empty receiver; None: a cylinder's of this size."""
    pitch_hz: Float32[np.ndarray, " F"] | None = None
    """Lowest resonance of the air above ``level_m``; None: a cylinder's."""

    def __post_init__(self) -> None:
        for name, value in (("depth_m", self.depth_m), ("rim_radius_m", self.rim_radius_m)):
            if not 0.002 <= value <= 1.0:
                raise ConfigError(
                    f"{name} = {value:g}: a receiver measures between 0.002 and 1 m; metres are asked for"
                )
        if self.level_m is not None and not np.isfinite(self.level_m).all():
            raise ConfigError("level_m holds NaN or infinity; leave it None where it is not known")


class Listener(Protocol):
    """A generator that says whether it takes ``Told``."""

    @property
    def can_be_told(self) -> bool: ...


def refuse_untold(generator: Listener, told: Told | None) -> None:
    """ConfigError where something is told to weights that take nothing."""
    if told is not None and not generator.can_be_told:
        raise ConfigError(
            "these sound weights were trained on pictures alone and cannot be told the receiver's size; "
            "leave it out, or use weights of multigen train-sound"
        )


def told_of_vessel(receiver: Vessel, celsius: float = 20.0) -> Told:
    """Its size alone, and the pitch it has while empty; ``celsius``: of the air inside."""
    empty_hz = float(air_column(receiver).resonance_hz(0.0, celsius)[0])
    return Told(float(receiver.depth_m), float(receiver.rim_radius_m), empty_hz=empty_hz)


def told_of_pour(scene: SceneConfig, trace: PourTrace, frames: int, fps: float) -> Told:
    """Everything a simulator knows, for ``frames`` instants at ``fps``; never a row of the future."""
    celsius = air_temperature_c(scene.liquid.temperature_c)
    size = told_of_vessel(scene.receiver, celsius)
    level_m = levels_at(trace, frames, fps)
    column = air_column(scene.receiver)
    wavenumber = np.interp(level_m, column.level_m, column.wavenumber[:, 0])
    pitch_hz = wavenumber * speed_of_sound_m_s(celsius) / (2 * np.pi)
    return replace(size, level_m=level_m, pitch_hz=pitch_hz.astype(np.float32))


def told_so_far(
    scene: SceneConfig, trace: PourTrace, frames: int, fps: float, tell: Tell
) -> Told | None:
    """As much of it as ``tell`` says: 'all', the receiver's 'size', or 'nothing'."""
    if tell == "nothing":
        return None
    if tell == "size":
        return told_of_vessel(scene.receiver, air_temperature_c(scene.liquid.temperature_c))
    return told_of_pour(scene, trace, frames, fps)


def levels_at(trace: PourTrace, frames: int, fps: float) -> Float32[np.ndarray, " F"]:
    """Level at the instants of frames: row s of a trace is the state at (s + 1) / liquid_hz."""
    if len(trace) == 0:
        return np.zeros(frames, np.float32)
    rows = np.floor(np.arange(frames) * trace.liquid_hz / fps + 1e-6).astype(int) - 1
    return trace.receiver_level_m[np.clip(rows, 0, len(trace) - 1)].astype(np.float32)


def quarter_wave_hz(column_m: Float[np.ndarray, " n"], radius_m: float) -> Float[np.ndarray, " n"]:
    """``c / (4 (L + 0.61 R))``: the air in a cylinder, closed at the liquid, at 20 C."""
    return speed_of_sound_m_s(20.0) / (4 * (column_m + END_CORRECTION * radius_m))


def pitch_code(hz: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n P"]:
    """Cosine and sine of a pitch's place in each of PITCH_OCTAVES."""
    phase = 2 * np.pi * np.log2(np.asarray(hz)[:, None] / USUAL_HZ) / np.array(PITCH_OCTAVES)
    return np.hstack([np.cos(phase), np.sin(phase)])


def told_features(told: Told | None, frames: int) -> Float32[np.ndarray, "F T"]:
    """Per frame: size known, ln depth, ln rim radius, the empty receiver's pitch (``pitch_code``); level
    known, ln air column, share of the depth, the pitch now.

    Zero is 'not known'. Raises ClockError when there are not as many levels as frames.
    """
    made = np.zeros((frames, TOLD), np.float32)
    if told is None:
        return made
    made[:, 0] = 1.0
    made[:, 1] = np.log(told.depth_m / USUAL_DEPTH_M)
    made[:, 2] = np.log(told.rim_radius_m / USUAL_RADIUS_M)
    empty = told.empty_hz or quarter_wave_hz(np.array([told.depth_m]), told.rim_radius_m)[0]
    made[:, 3:_SIZE] = pitch_code(np.array([empty]))
    if told.level_m is not None:
        if len(told.level_m) != frames:
            raise ClockError(f"{len(told.level_m)} levels for {frames} frames; give one per frame")
        column = np.maximum(told.depth_m - told.level_m, LEAST_COLUMN_M)
        pitch = told.pitch_hz
        if pitch is None:
            pitch = quarter_wave_hz(column, told.rim_radius_m)
        now = made[:, _SIZE:]
        now[:, 0] = 1.0
        now[:, 1] = np.log(column / USUAL_DEPTH_M)
        now[:, 2] = np.clip(told.level_m / told.depth_m, 0.0, 1.0)
        now[:, 3:] = pitch_code(pitch)
    return made


def hide(
    features: Float32[np.ndarray, "F T"], *, all_of_it: bool, level: bool
) -> Float32[np.ndarray, "F T"]:
    """The same with everything, or the level alone, not known."""
    kept = features.copy()
    if all_of_it:
        kept[:] = 0.0
    elif level:
        kept[:, _SIZE:] = 0.0
    return kept
