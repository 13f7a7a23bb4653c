"""What the ear learns from: a pour's sound as band power, and the truth beside every frame.

Reads:  (samples, PourTrace, receiver), whoever made the sound.   Makes: Lesson; folders of them.
Used by: teachers (write), train and benchmarks (read). A folder holds ``lessons-NNNNN.npz``, each whole
or absent, so that a killed run continues; pictures, vessels and waveforms are not kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float16, Float32

from ..errors import ClockError, FormatError
from ..files import read_arrays, write_arrays
from ..types import PourTrace, Vessel
from .bands import BANDS, RATE, SAMPLE_RATE, band_power

POURING_ML_S = 0.5
"""Flow below this is a drop now and then, not a pour."""


@dataclass(frozen=True)
class Lesson:
    """One pour, T frames at 10 a second; frame m ends at (m + 1) / 10 s, and so do its labels."""

    log_power: Float16[np.ndarray, "T 80"]
    """See ``bands``."""
    fill: Float32[np.ndarray, " T"]
    """Volume in the receiver over its capacity."""
    air_m: Float32[np.ndarray, " T"]
    """Length of the air column: from the surface to the brim."""
    flow_ml_s: Float32[np.ndarray, " T"]
    """Landing in the receiver, mean over the frame."""
    height_m: float
    """Depth of the receiver's cavity."""

    def __len__(self) -> int:
        return len(self.fill)

    @property
    def pouring(self) -> np.ndarray:
        """Frames in which a pour lands, bool [T]."""
        return self.flow_ml_s > POURING_ML_S

    def cut(self, start: int, stop: int | None = None) -> "Lesson":
        """The frames [start, stop)."""
        part = slice(start, stop)
        return Lesson(
            self.log_power[part], self.fill[part], self.air_m[part], self.flow_ml_s[part], self.height_m
        )  # fmt: skip


def labels_of(trace: PourTrace, receiver: Vessel, frames: int) -> dict[str, np.ndarray]:
    """fill, air_m and flow_ml_s, float32 [frames], of a trace that lasts that long."""
    ends = np.ceil((np.arange(frames) + 1) * trace.liquid_hz / RATE - 1e-9).astype(int)
    landed = np.concatenate([[0.0], np.cumsum(trace.flow_in_ml_s)])
    starts = np.concatenate([[0], ends[:-1]])
    row = np.minimum(ends, len(trace)) - 1
    flow = (landed[row + 1] - landed[np.minimum(starts, row)]) / np.maximum(ends - starts, 1)
    values = {
        "fill": trace.receiver_ml[row] / receiver.capacity_ml,
        "air_m": receiver.depth_m - trace.receiver_level_m[row],
        "flow_ml_s": flow,
    }
    return {name: value.astype(np.float32) for name, value in values.items()}


def make_lesson(samples: Float[np.ndarray, " N"], trace: PourTrace, receiver: Vessel) -> Lesson:
    """A lesson from a sound at 16 kHz and the trace it belongs to.

    Raises ClockError when they differ in length by more than a tenth of a second.
    """
    if abs(len(samples) / SAMPLE_RATE - trace.duration_s) > 0.1 + 1e-6:
        raise ClockError(
            f"the sound lasts {len(samples) / SAMPLE_RATE:.2f} s and its trace {trace.duration_s:.2f} s; "
            "a lesson needs both of the same pour"
        )
    power = band_power(samples).astype(np.float16)
    return Lesson(power, **labels_of(trace, receiver, len(power)), height_m=float(receiver.depth_m))


_COLUMNS = tuple(f.name for f in fields(Lesson) if f.name != "height_m")


def write_lessons(path: Path, lessons: Sequence[Lesson]) -> None:
    """One shard; equal lessons give equal bytes."""
    arrays = {name: np.concatenate([getattr(x, name) for x in lessons]) for name in _COLUMNS}
    arrays["length"] = np.array([len(x) for x in lessons])
    arrays["height_m"] = np.array([x.height_m for x in lessons])
    write_arrays(path, arrays)


def shard_path(folder: Path, number: int) -> Path:
    """Where shard ``number`` lies."""
    return Path(folder) / f"lessons-{number:05d}.npz"


def read_lessons(folder: Path) -> list[Lesson]:
    """Every lesson under ``folder``, in order. Raises FormatError where there is none or one is broken."""
    found = [
        lesson for path in sorted(Path(folder).glob("lessons-*.npz")) for lesson in _read(path)
    ]
    if not found:
        raise FormatError(f"{folder} holds no lessons (lessons-*.npz); make some with train-ear")
    return found


def _read(path: Path) -> Iterable[Lesson]:
    arrays = read_arrays(path)
    wanted = {*_COLUMNS, "length", "height_m"}
    if set(arrays) != wanted:
        raise FormatError(
            f"{path} holds {sorted(arrays)}, lessons need {sorted(wanted)}; make it again"
        )
    ends = np.cumsum(arrays["length"])
    power = arrays["log_power"]
    if power.ndim != 2 or power.shape[1] != BANDS or len(power) != (ends[-1] if len(ends) else 0):
        raise FormatError(
            f"{path} holds band power {list(power.shape)}; make it again with this version"
        )
    for start, end, height in zip(ends - arrays["length"], ends, arrays["height_m"], strict=True):
        yield Lesson(*(arrays[name][start:end] for name in _COLUMNS), height_m=float(height))
