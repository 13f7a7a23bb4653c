"""Reads a dataset back: rows, sound, pictures, masks, clips.

Reads:  a dataset folder (ours, or one that LeRobot's tools have edited).   Makes: EpisodeInfo,
arrays, Clip.   Used by: cache, validate, policy, benchmark, report, cli.

File names come from the indices in an episode's row, never from its number: LeRobot's
``delete_episodes`` renumbers episodes and keeps the files' names, and its ``aggregate_datasets``
joins episodes into one file. Those tools drop sidecars and our columns; what is then missing is
NaN or "" in EpisodeInfo, and an error only when asked for.
"""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from ..errors import ConfigError, FormatError
from ..files import from_json, read_json, read_roles, read_video
from ..types import Clip, Clock, SceneConfig, parse_command
from . import layout, tables
from .layout import MIC, EpisodeFiles


@dataclass(frozen=True)
class EpisodeInfo:
    """One episode's row; NaN, -1 or "" where another tool dropped our columns."""

    index: int
    length: int
    """Rows."""
    from_index: int
    to_index: int
    """Global rows [from_index, to_index)."""
    task: str
    seed: int
    condition: str
    command: float
    """Fraction asked for; parsed from the task when the column is gone."""
    initial_ml: float
    target_ml: float
    poured_ml: float
    left_source_ml: float
    spilled_ml: float
    scene_json: str
    files: EpisodeFiles
    video_from_s: dict[str, float]
    """Where the episode begins inside each camera's file; 0 as we write it."""

    @property
    def scene(self) -> SceneConfig:
        """The drawn scene. Raises FormatError when the column is gone."""
        if not self.scene_json:
            raise FormatError(
                f"episode {self.index} has no pour/scene_json; another tool dropped it"
            )
        return from_json(SceneConfig, json.loads(self.scene_json), f"scene of episode {self.index}")


class Dataset:
    """A dataset folder, opened read-only. Raises FormatError when it is none."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.info: dict[str, Any] = read_json(self.root / layout.INFO)
        for name in ("features", "fps", "data_path", "total_episodes"):
            if name not in self.info:
                raise FormatError(f"{self.root / layout.INFO} has no '{name}'; is it LeRobot v3.0?")
        if not isinstance(self.info["total_episodes"], int):
            raise FormatError(f"{self.root / layout.INFO}: total_episodes needs a whole number")
        if self.info.get("codebase_version") != layout.VERSION:
            raise FormatError(
                f"{self.root} is LeRobot {self.info.get('codebase_version')}; needs {layout.VERSION}"
            )

    def __len__(self) -> int:
        """Episodes."""
        return len(self.episodes)

    @property
    def frames(self) -> int:
        """Rows of all episodes."""
        return sum(e.length for e in self.episodes)

    @cached_property
    def clock(self) -> Clock:
        """The rates; only control_hz and audio_hz are known of a foreign dataset."""
        if "clock" in self.info:
            return from_json(Clock, self.info["clock"], layout.INFO)
        mic = self.info["features"].get(MIC, {}).get("info", {})
        return Clock(int(self.info["fps"]), audio_hz=mic.get("audio.sample_rate", 16_000))

    @cached_property
    def tasks(self) -> list[str]:
        """The sentences, by task_index."""
        return tables.read_tasks(self.root / layout.TASKS)

    @cached_property
    def episodes(self) -> list[EpisodeInfo]:
        """In order; only those that info.json counts."""
        rows = self.raw_rows(stats=False)
        count = self.info["total_episodes"]
        if len(rows) < count:
            raise FormatError(
                f"{self.root} counts {count} episodes and describes {len(rows)}; run repair"
            )
        return [self.describe(row) for row in rows[:count]]

    def raw_rows(self, *, stats: bool = True) -> list[dict[str, Any]]:
        """Lines of meta/episodes as they are, also those that info.json does not count (yet)."""
        paths = sorted((self.root / "meta" / "episodes").glob("*/*.parquet"))
        rows = [row for path in paths for row in tables.read_rows(path, stats=stats)]
        keys = [k for k, f in self.info["features"].items() if f.get("dtype") == "video"]
        needed = [*_NEEDED, *(f"videos/{k}/{at}" for k in keys for at in _AT)]
        for row in rows:
            if lost := [name for name in needed if row.get(name) is None]:
                raise FormatError(f"{self.root}: meta/episodes lacks '{lost[0]}'; is it v3.0?")
        return rows

    def rows(self, episode: int) -> dict[str, np.ndarray]:
        """Columns of one episode: name → [T] or [T, n] (vectors as in info.json)."""
        one = self.episodes[episode]
        columns = tables.read_columns(self.root / one.files.data, one.index)
        got = len(next(iter(columns.values())))
        if got != one.length:
            raise FormatError(f"{one.files.data} holds {got} rows of {one.length}; validate it")
        return columns

    def sound(self, episode: int) -> Float32[np.ndarray, " N"]:
        """The sound column in a line, at clock.audio_hz: the truth, equal to the FLAC."""
        column = self.rows(episode).get(MIC)
        if column is None:
            raise FormatError(f"{self.root} has no {MIC}; it was recorded without sound")
        return column.reshape(-1)

    def video(self, episode: int, key: str) -> UInt8[np.ndarray, "T H W 3"]:
        """Pictures of a camera, one a row."""
        one = self.episodes[episode]
        if key not in one.files.videos:
            raise FormatError(f"no camera '{key}'; this dataset has {', '.join(one.files.videos)}")
        frames, _ = read_video(self.root / one.files.videos[key])
        start = round(one.video_from_s[key] * self.clock.control_hz)
        frames = frames[start : start + one.length]
        if len(frames) != one.length:
            raise FormatError(
                f"{one.files.videos[key]} shows {len(frames)} of {one.length} rows; validate it"
            )
        return frames

    def masks(self, episode: int, key: str) -> UInt8[np.ndarray, "T H W"]:
        """Role images of a camera, one a row."""
        path = self.episodes[episode].files.masks.get(key)
        return read_roles(self._sidecar(path, f"masks of '{key}'"))

    def clip(self, episode: int) -> Clip:
        """The front view at clock.front_hz with its roles: what a sound model sees."""
        files = self.episodes[episode].files
        frames, _ = read_video(self._sidecar(files.clip, "clip"))
        roles = read_roles(self._sidecar(files.clip_roles, "clip's roles"))
        return Clip(float(self.clock.front_hz), frames, roles)

    def sound_file(self, episode: int) -> Path:
        """The lossless FLAC of the episode. Raises FormatError when another tool dropped it."""
        return self._sidecar(self.episodes[episode].files.sound, "FLAC")

    def _sidecar(self, name: str | None, what: str) -> Path:
        if name is None or not (self.root / name).is_file():
            raise FormatError(
                f"{self.root} has no {what} here ({name}); tools that copy datasets drop our folders"
            )
        return self.root / name

    def describe(self, row: dict[str, Any]) -> EpisodeInfo:
        """The episode a line of meta/episodes stands for."""
        task = row["tasks"][0] if row["tasks"] else ""
        files, starts = self._files(row)
        number = {k: row.get(f"pour/{k}") for k in _NUMBERS}
        return EpisodeInfo(
            row["episode_index"],
            row["length"],
            row["dataset_from_index"],
            row["dataset_to_index"],
            task,
            row.get("pour/seed", -1),
            row.get("pour/condition", ""),
            _command(row.get("pour/command"), task),
            **{k: math.nan if v is None else v for k, v in number.items()},
            scene_json=row.get("pour/scene_json") or "",
            files=files,
            video_from_s=starts,
        )

    def _files(self, row: dict[str, Any]) -> tuple[EpisodeFiles, dict[str, float]]:
        keys = [k for k, f in self.info["features"].items() if f["dtype"] == "video"]
        videos, starts = {}, {}
        for key in keys:
            at = {k: row[f"videos/{key}/{k}"] for k in _AT}
            videos[key] = self.info["video_path"].format(video_key=key, **at)
            starts[key] = row.get(f"videos/{key}/from_timestamp", 0.0)
        data = self.info["data_path"].format(**{k: row[f"data/{k}"] for k in _AT})
        chunk, number = row.get("sidecar/chunk_index"), row.get("sidecar/episode_index")
        if chunk is None or number is None:
            return EpisodeFiles(data, videos, None, {}, None, None), starts
        return EpisodeFiles(data, videos, **layout.sidecars(chunk, number)), starts


_AT = ("chunk_index", "file_index")
_NEEDED = (
    "episode_index",
    "tasks",
    "length",
    "dataset_from_index",
    "dataset_to_index",
    *(f"data/{k}" for k in _AT),
)
_NUMBERS = ("initial_ml", "target_ml", "poured_ml", "left_source_ml", "spilled_ml")


def _command(column: float | None, task: str) -> float:
    if column is not None:
        return column
    try:
        return parse_command(task)
    except ConfigError:
        return math.nan
