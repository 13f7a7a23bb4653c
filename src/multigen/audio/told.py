"""What can be told about the receiver beside pictures: how large it is, and how full, where known.

Reads:  a scene and its trace, or a user's ruler.   Makes: Told, and the numbers a network reads.
Used by: audio.windows (training), audio.generator, audio.flow_ears, pipeline.sonify.
A picture holds no scale: a far large cup and a near small one look alike and ring an octave apart. And
an opaque cup shows no level. A simulator knows both, a person with a ruler the first; a video from
the street neither. So each can be left out, and training leaves each out often.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

from ..errors import ClockError, ConfigError
from ..types import PourTrace, SceneConfig, Vessel

Tell = Literal["all", "size", "nothing"]
TOLD = 6
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

    def __post_init__(self) -> None:
        for name, value in (("depth_m", self.depth_m), ("rim_radius_m", self.rim_radius_m)):
            if not 0.002 <= value <= 1.0:
                raise ConfigError(
                    f"{name} = {value:g}: a receiver measures between 0.002 and 1 m; metres are asked for"
                )
        if self.level_m is not None and not np.isfinite(self.level_m).all():
            raise ConfigError("level_m holds NaN or infinity; leave it None where it is not known")


def told_of_vessel(receiver: Vessel) -> Told:
    """Its size alone."""
    return Told(float(receiver.depth_m), float(receiver.rim_radius_m))


def told_of_pour(scene: SceneConfig, trace: PourTrace, frames: int, fps: float) -> Told:
    """Everything a simulator knows, for ``frames`` instants at ``fps``; never a row of the future."""
    size = told_of_vessel(scene.receiver)
    return Told(size.depth_m, size.rim_radius_m, levels_at(trace, frames, fps))


def told_so_far(
    scene: SceneConfig, trace: PourTrace, frames: int, fps: float, tell: Tell
) -> Told | None:
    """As much of it as ``tell`` says: 'all', the receiver's 'size', or 'nothing'."""
    if tell == "nothing":
        return None
    if tell == "size":
        return told_of_vessel(scene.receiver)
    return told_of_pour(scene, trace, frames, fps)


def levels_at(trace: PourTrace, frames: int, fps: float) -> Float32[np.ndarray, " F"]:
    """Level at the instants of frames: row s of a trace is the state at (s + 1) / liquid_hz."""
    if len(trace) == 0:
        return np.zeros(frames, np.float32)
    rows = np.floor(np.arange(frames) * trace.liquid_hz / fps + 1e-6).astype(int) - 1
    return trace.receiver_level_m[np.clip(rows, 0, len(trace) - 1)].astype(np.float32)


def told_features(told: Told | None, frames: int) -> Float32[np.ndarray, "F 6"]:
    """Per frame: size known, ln depth, ln rim radius, level known, ln air column, share of the depth.

    Zero is 'not known'. Raises ClockError when there are not as many levels as frames.
    """
    made = np.zeros((frames, TOLD), np.float32)
    if told is None:
        return made
    made[:, 0] = 1.0
    made[:, 1] = np.log(told.depth_m / USUAL_DEPTH_M)
    made[:, 2] = np.log(told.rim_radius_m / USUAL_RADIUS_M)
    if told.level_m is not None:
        if len(told.level_m) != frames:
            raise ClockError(f"{len(told.level_m)} levels for {frames} frames; give one per frame")
        column = np.maximum(told.depth_m - told.level_m, LEAST_COLUMN_M)
        made[:, 3] = 1.0
        made[:, 4] = np.log(column / USUAL_DEPTH_M)
        made[:, 5] = np.clip(told.level_m / told.depth_m, 0.0, 1.0)
    return made


def hide(
    features: Float32[np.ndarray, "F 6"], *, all_of_it: bool, level: bool
) -> Float32[np.ndarray, "F 6"]:
    """The same with everything, or the level alone, not known."""
    kept = features.copy()
    if all_of_it:
        kept[:] = 0.0
    elif level:
        kept[:, 3:] = 0.0
    return kept
