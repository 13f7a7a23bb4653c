"""Silent pours seen at a few moments each: flat files that a policy reads by memory map.

Reads:  scenes/scene-NNNNNN.npz, each whole or absent.   Makes: a PolicyCache of them all.
Used by: pipeline.glimpses (writes), policy.train (reads).
No dataset: nothing is to be played back, and LeRobot has no form for rows that nobody saw. What a row
holds is as in ``cache``; there is no sound.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from ..errors import FormatError
from ..files import read_arrays, read_json, replacing, write_arrays, write_json
from .cache import PolicyCache

HEADER = "glimpses.json"
VERSION = 2
_ROWS = ("state", "eef", "action", "landed")


@dataclass(frozen=True)
class GlimpsedEpisode:
    """One pour of T rows, G of them seen."""

    state: Float32[np.ndarray, "T 7"]
    eef: Float32[np.ndarray, "T 10"]
    action: Float32[np.ndarray, "T 10"]
    landed: Float32[np.ndarray, " T"]
    """Share of the source's initial volume that has landed."""
    row: Int64[np.ndarray, " G"]
    rgb: UInt8[np.ndarray, "G 2 S S 3"]
    command: float
    sizes: Float32[np.ndarray, " 2"]
    """As PolicyCache.sizes."""


def scene_path(folder: Path, index: int) -> Path:
    """Where one scene lies until all are joined."""
    return Path(folder) / "scenes" / f"scene-{index:06d}.npz"


def write_scene(path: Path, one: GlimpsedEpisode) -> None:
    """Durable at once; equal episodes give equal bytes."""
    write_arrays(path, {**vars(one), "command": np.array(one.command, np.float32)})


def join_scenes(folder: Path, count: int, *, fps: int, sample_rate: int) -> None:
    """Flat files of scenes 0 to ``count`` - 1, in order, and a header, written last."""
    folder = Path(folder)
    paths = [scene_path(folder, i) for i in range(count)]
    scenes, size = [], 0
    with replacing(folder / "rgb.u8") as part, part.open("wb") as file:
        for path in paths:  # the pictures of one scene in memory at a time
            scene = _checked(path)
            rgb = scene.pop("rgb")
            size = rgb.shape[2]
            file.write(np.ascontiguousarray(rgb).tobytes())
            scenes.append(scene)
    rows = np.array([len(s["state"]) for s in scenes])
    starts = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    arrays: dict[str, np.ndarray] = {
        name: np.concatenate([s[name] for s in scenes]).astype(np.float32) for name in _ROWS
    }
    arrays |= {
        "starts": starts,
        "command": np.concatenate([s["command"].reshape(1) for s in scenes]).astype(np.float32),
        "sizes": np.stack([s["sizes"] for s in scenes]).astype(np.float32),
        "glimpsed": np.concatenate([s["row"] + at for s, at in zip(scenes, starts, strict=False)]),
    }
    for name, values in arrays.items():
        _save(folder / f"{name}.npy", values)
    write_json(
        folder / HEADER,
        {
            "version": VERSION,
            "size": int(size),
            "fps": fps,
            "sample_rate": sample_rate,
            "scenes": count,
            "seen": len(arrays["glimpsed"]),
        },
    )


def _checked(path: Path) -> dict[str, np.ndarray]:
    arrays = read_arrays(path)
    wanted = {*_ROWS, "row", "rgb", "command", "sizes"}
    if set(arrays) != wanted or len(arrays["row"]) != len(arrays["rgb"]):
        raise FormatError(
            f"{path} holds {sorted(arrays)}, a glimpsed scene {sorted(wanted)}; delete it and go on "
            "with --resume"
        )
    return arrays


def _save(path: Path, values: np.ndarray) -> None:
    with replacing(path) as part, part.open("wb") as file:
        np.lib.format.write_array(file, values, allow_pickle=False)


def holds_glimpses(root: Path) -> bool:
    """Whether ``root`` was made by ``multigen glimpse`` (and finished)."""
    return (Path(root) / HEADER).is_file()


def open_glimpses(root: Path) -> PolicyCache:
    """What ``join_scenes`` wrote, memory-mapped.

    Raises FormatError where a file is missing, damaged or of another version.
    """
    root = Path(root)
    header = read_json(root / HEADER)
    if header.get("version") != VERSION:
        raise FormatError(
            f"{root} is of version {header.get('version')}, this one reads {VERSION}; make it again"
        )
    try:
        size, seen = header["size"], header["seen"]
        shape = (seen, 2, size, size, 3)
        rgb = np.memmap(root / "rgb.u8", np.uint8, "r", shape=shape)
        arrays: dict[str, Any] = {
            name: np.load(root / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in (*_ROWS, "starts", "command", "sizes", "glimpsed")
        }
    except (OSError, ValueError, KeyError) as e:
        raise FormatError(f"{root} is damaged ({e}); make it again with multigen glimpse") from e
    return PolicyCache(
        folder=root,
        size=size,
        fps=header["fps"],
        sample_rate=header["sample_rate"],
        dataset_sha256="",
        rgb=rgb,
        sound=np.zeros(0, np.int16),
        **arrays,
    )
