"""One finished episode, one folder: written beside its final name, then renamed.

Reads:  Episode.   Makes: episode folders, and Episodes from them.   Used by: pipeline, dataset, cli.
A folder that carries its final name is complete; a killed write leaves only ``<name>.part``, which
the next write of the same episode clears away. Frames are kept as h264 (lossy, what a dataset will
hold anyway), everything else exactly.
"""

import os
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import FormatError, OutputError
from ..files import (
    from_json,
    read_arrays,
    read_json,
    read_roles,
    read_video,
    write_arrays,
    write_json,
    write_roles,
    write_video,
)
from ..types import Clock, Episode, Outcome, PourTrace, SceneConfig

EGO, FRONT = "ego.mp4", "front.mp4"
EGO_ROLES, FRONT_ROLES = "ego_roles.mkv", "front_roles.mkv"
SCENE, OUTCOME, ARRAYS = "scene.json", "outcome.json", "arrays.npz"
FILES = (SCENE, OUTCOME, ARRAYS, EGO, FRONT, EGO_ROLES, FRONT_ROLES)
TRACE = "trace_"


@dataclass(frozen=True)
class _Ended:
    """What outcome.json holds."""

    clock: Clock
    outcome: Outcome


def _columns() -> list[str]:
    return ["state", "eef", "action", *(TRACE + f.name for f in fields(PourTrace)[1:])]


def write_episode(folder: Path, episode: Episode) -> None:
    """Write ``episode`` as ``folder``; there afterwards whole, or not at all.

    An unfinished folder of that name is replaced. Raises OutputError when it holds a finished
    episode, or cannot be written.
    """
    folder = Path(folder)
    if is_complete(folder):
        raise OutputError(f"{folder} exists already; remove it or choose another name")
    part = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write_files(part, episode)
        _to_disk(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as e:
        shutil.rmtree(part, ignore_errors=True)
        raise OutputError(
            f"cannot write {folder}: {e.strerror or e}; free some space or choose another folder"
        ) from e


def _write_files(part: Path, episode: Episode) -> None:
    clock = episode.clock
    write_json(part / SCENE, episode.scene)
    write_json(part / OUTCOME, _Ended(clock, episode.outcome))
    rows = {"state": episode.state, "eef": episode.eef, "action": episode.action}
    trace = {TRACE + f.name: getattr(episode.trace, f.name) for f in fields(PourTrace)[1:]}
    write_arrays(part / ARRAYS, rows | trace)
    write_video(part / EGO, episode.ego, clock.control_hz, crf=20, gop=2)  # as datasets have it
    write_video(part / FRONT, episode.front, clock.front_hz)
    write_roles(part / EGO_ROLES, episode.ego_roles, clock.control_hz)
    write_roles(part / FRONT_ROLES, episode.front_roles, clock.front_hz)


def _to_disk(part: Path) -> None:
    """Make sure that what the rename promises survives a power cut."""
    for path in (*(part / name for name in FILES), part):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_complete(folder: Path) -> bool:
    """Whether ``folder`` holds a finished episode."""
    folder = Path(folder)
    return not folder.name.endswith(".part") and all((folder / name).is_file() for name in FILES)


def read_episode(folder: Path) -> Episode:
    """The episode kept in ``folder``; frames as decoded from its videos.

    Raises FormatError when a file is missing or does not fit the others, MediaError for a damaged video.
    """
    folder = Path(folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise FormatError(
            f"{folder} is no finished episode ({', '.join(missing)} missing); simulate it again"
        )
    ended = from_json(_Ended, read_json(folder / OUTCOME), str(folder / OUTCOME))
    arrays = read_arrays(folder / ARRAYS)
    if lacking := [name for name in _columns() if name not in arrays]:
        raise FormatError(
            f"{folder / ARRAYS} lacks {', '.join(lacking)}; it was not written by write_episode"
        )
    columns = {f.name: arrays[TRACE + f.name] for f in fields(PourTrace)[1:]}
    return Episode(
        clock=ended.clock,
        scene=from_json(SceneConfig, read_json(folder / SCENE), str(folder / SCENE)),
        ego=_frames(folder / EGO, len(arrays["state"])),
        ego_roles=read_roles(folder / EGO_ROLES),
        front=read_video(folder / FRONT)[0],
        front_roles=read_roles(folder / FRONT_ROLES),
        state=arrays["state"],
        eef=arrays["eef"],
        action=arrays["action"],
        trace=PourTrace(ended.clock.liquid_hz, **columns),
        outcome=ended.outcome,
    )


def _frames(path: Path, want: int) -> np.ndarray:
    frames, _ = read_video(path)
    if len(frames) != want:
        raise FormatError(
            f"{path} holds {len(frames)} frames, its arrays {want}; simulate it again"
        )
    return frames
