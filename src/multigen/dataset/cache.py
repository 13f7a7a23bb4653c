"""The training cache: a dataset unpacked into flat files that a policy reads by memory map.

Reads:  a Dataset.   Makes: PolicyCache.   Used by: policy (training), benchmark.

Decoding video is what starves training (tens of milliseconds an item), so each video is decoded
once, front to back; after that a batch is a gather from pages. Values stay as stored (uint8,
int16): converting and normalising belong to the batch. Open the cache again in each process, do
not send it there.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int16, Int64, UInt8
from PIL import Image
from rich.progress import Progress

from ..errors import FormatError, OutputError
from ..files import read_json, to_json, write_json
from ..files.sound import to_int16
from ..types import SceneConfig
from .layout import ACTION, EEF, EGO, MIC, RECEIVER_ML, SOURCE_ML, STATE
from .manifest import dataset_hash
from .reader import Dataset

VERSION = 3
"""Of the cache's form; another number means: build it again."""
HEADER = "header.json"


@dataclass(frozen=True)
class PolicyCache:
    """N rows of E episodes, end to end; every array is a read-only memory map."""

    folder: Path
    size: int
    fps: int
    sample_rate: int
    dataset_sha256: str
    rgb: UInt8[np.ndarray, "N H W 3"]
    """Ego view."""
    sound: Int16[np.ndarray, " M"]
    """M = N * samples_per_frame; divide by 32768. Row r is [r, r + 1) * samples_per_frame, the
    interval AFTER the row's time: a causal policy at row r hears up to r * samples_per_frame."""
    state: Float32[np.ndarray, "N 7"]
    eef: Float32[np.ndarray, "N 10"]
    action: Float32[np.ndarray, "N 10"]
    starts: Int64[np.ndarray, " E1"]
    """First row of each episode, and N: episode e is rows [starts[e], starts[e + 1])."""
    command: Float32[np.ndarray, " E"]
    """Fraction of the initial volume asked for."""
    landed: Float32[np.ndarray, " N"]
    """Share of the source's initial volume that has landed at the row's time: privileged, to learn from
    only. NaN where the dataset has no ledger (a real robot's)."""
    sizes: Float32[np.ndarray, "E 2"]
    """The receiver's capacity over the source's initial volume, and the depth of its cavity [m]: privileged,
    too. NaN where the dataset has no scenes."""
    glimpsed: Int64[np.ndarray, " G"] | None = None
    """None: every row was seen. Else only these rows were (dataset.glimpses), ``rgb`` is [G 2 H W 3], the
    picture before and the row's own, and there is no sound."""

    def __len__(self) -> int:
        """Rows."""
        return len(self.state)

    @property
    def episodes(self) -> int:
        return len(self.command)

    @property
    def samples_per_frame(self) -> int:
        return self.sample_rate // self.fps


def area_resize(frames: UInt8[np.ndarray, "T H W 3"], size: int) -> UInt8[np.ndarray, "T S S 3"]:
    """Each picture averaged over pixel areas to ``size`` x ``size`` (a box filter, any ratio).

    What training saw: a policy must see its live pictures through the same function.
    """
    if frames.shape[1:3] == (size, size):
        return np.ascontiguousarray(frames)
    box = Image.Resampling.BOX
    small = [np.asarray(Image.fromarray(f).resize((size, size), box)) for f in frames]
    return np.stack(small) if small else np.zeros((0, size, size, 3), np.uint8)


def open_cache(
    root: Path, *, size: int = 96, folder: Path | None = None, progress: bool = True
) -> PolicyCache:
    """The cache of a dataset, built first if it is missing or the dataset has changed.

    It lies in ``root/.cache/policy-<size>`` or in ``folder`` (for a read-only dataset).
    Raises FormatError for a dataset without a feature it needs, OutputError when it cannot be
    written.
    """
    root = Path(root)
    folder = Path(folder) if folder else root / ".cache" / f"policy-{size}"
    want = {"version": VERSION, "size": size, "dataset_sha256": dataset_hash(root)}
    if not _is_current(folder, want):
        _build(Dataset(root), folder, want, progress)
    return _open(folder)


def _is_current(folder: Path, want: dict[str, Any]) -> bool:
    path = folder / HEADER
    return path.is_file() and want.items() <= read_json(path).items()


def _shapes(dataset: Dataset, size: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """File → dtype and shape."""
    n, e = dataset.frames, len(dataset)
    return {
        "rgb.u8": ("uint8", (n, size, size, 3)),
        "sound.i16": ("int16", (n * dataset.clock.samples_per_frame,)),
        "state.f32": ("float32", (n, 7)),
        "eef.f32": ("float32", (n, 10)),
        "action.f32": ("float32", (n, 10)),
        "starts.i64": ("int64", (e + 1,)),
        "command.f32": ("float32", (e,)),
        "landed.f32": ("float32", (n,)),
        "sizes.f32": ("float32", (e, 2)),
    }


def _build(dataset: Dataset, folder: Path, want: dict[str, Any], progress: bool) -> None:
    """Fill a folder beside the final one, then swap: another process sees all or nothing."""
    if missing := {EGO, MIC, STATE, EEF, ACTION} - set(dataset.info["features"]):
        raise FormatError(f"{dataset.root} has no {', '.join(sorted(missing))}; a policy needs it")
    shapes = _shapes(dataset, want["size"])
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _fill(dataset, part, shapes, want["size"], progress)
        clock = {"fps": dataset.clock.control_hz, "sample_rate": dataset.clock.audio_hz}
        write_json(part / HEADER, {**want, **clock, "arrays": to_json(shapes)})
        if not _is_current(folder, want):
            shutil.rmtree(folder, ignore_errors=True)
            part.replace(folder)
    except OSError as e:
        raise OutputError(
            f"cannot write the cache {folder}: {e.strerror}; free some space or give another folder"
        ) from e
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(
    dataset: Dataset,
    part: Path,
    shapes: dict[str, tuple[str, tuple[int, ...]]],
    size: int,
    progress: bool,
) -> None:
    out = {n: np.memmap(part / n, dtype, "w+", shape=shape) for n, (dtype, shape) in shapes.items()}
    per_row, row = dataset.clock.samples_per_frame, 0
    with Progress(disable=not progress, transient=True) as bar:
        for i in bar.track(range(len(dataset)), description="Unpacking for training"):
            columns, info = dataset.rows(i), dataset.episodes[i]
            to = row + info.length
            out["starts.i64"][i], out["command.f32"][i] = row, info.command
            out["rgb.u8"][row:to] = area_resize(dataset.video(i, EGO), size)
            out["sound.i16"][row * per_row : to * per_row] = to_int16(columns[MIC].reshape(-1))
            for name, key in (("state.f32", STATE), ("eef.f32", EEF), ("action.f32", ACTION)):
                out[name][row:to] = columns[key]
            out["landed.f32"][row:to] = _landed(columns)
            out["sizes.f32"][i] = sizes_of(info.scene) if info.scene_json else np.nan
            row = to
    out["starts.i64"][-1] = row
    for array in out.values():
        array.flush()


def _landed(columns: Mapping[str, np.ndarray]) -> np.ndarray | float:
    """Landed over initial volume, per row."""
    if not {SOURCE_ML, RECEIVER_ML} <= set(columns):
        return np.nan
    receiver = columns[RECEIVER_ML]
    return (receiver - receiver[0]) / columns[SOURCE_ML][0]


def sizes_of(scene: SceneConfig) -> tuple[float, float]:
    """One row of PolicyCache.sizes."""
    return scene.receiver.capacity_ml / scene.initial_ml, scene.receiver.depth_m


def _open(folder: Path) -> PolicyCache:
    header = read_json(folder / HEADER)
    arrays = {
        name.split(".")[0]: np.memmap(folder / name, dtype, "r", shape=tuple(shape))
        for name, (dtype, shape) in header["arrays"].items()
    }
    return PolicyCache(
        folder=folder,
        size=header["size"],
        fps=header["fps"],
        sample_rate=header["sample_rate"],
        dataset_sha256=header["dataset_sha256"],
        **arrays,
    )
