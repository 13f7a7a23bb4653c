"""Writes demonstrations into a LeRobot v3.0 folder, one durable episode at a time.

Reads:  Demonstration, optionally videos that are encoded already.   Makes: the dataset folder.
Used by: pipeline (pack), cli (generate, pack, demo).

The order is the guarantee: data, videos, sound, masks, clip; then the row of the episode,
statistics, tasks and hashes; ``info.json`` last. Everything is written under ``.part`` and renamed.
A killed run therefore leaves a valid dataset that is one episode short, and ``resume=True``
continues as if nothing had happened: same demonstrations, same bytes. Nothing written here holds a
date, a host or a path.
"""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..errors import ClockError, FormatError, MediaError, OutputError
from ..files import (
    read_json,
    read_video,
    replacing,
    to_json,
    write_json,
    write_roles,
    write_sound,
)
from ..types import Clock, Demonstration
from . import layout, statistics, tables
from .layout import CAMERAS, EGO, FRONT, EpisodeFiles
from .manifest import Manifest
from .media import encode, require_ours

Size = tuple[int, int] | int


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


class DatasetWriter:
    """Adds demonstrations to a folder; the folder is a valid dataset after each ``add``.

    ``size`` and ``front_size`` are (height, width) in even pixels, or one number for squares.
    ``made_by`` is kept in info.json and must be the same on resume, so give it what was asked for
    (version, seed, config), never when; ``"sound": "none"`` in it, or in its ``"config"``, declares
    that silence is intended. Earlier episodes in ``root`` are kept and the next one follows them.
    Raises OutputError when ``root`` holds a dataset of other settings, or any with ``resume=False``.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock = Clock(),
        size: Size = (224, 224),
        made_by: dict[str, Any] | None = None,
        *,
        front_size: Size | None = None,
        robot: str = "kinova_gen3",
        resume: bool = True,
    ) -> None:
        self.root, self.clock, self.robot = Path(root), clock, robot
        self.sizes: dict[str, tuple[int, int]] = {
            EGO: _pair(size),
            FRONT: _pair(front_size or size),
        }
        self.made_by = to_json(made_by or {})
        if any(side % 2 for pair in self.sizes.values() for side in pair):
            raise FormatError(f"pictures of {self.sizes} cannot be h264 yuv420p; use even sides")
        self.frames, self.tasks, self.stats = 0, [], {}
        self._rows: list[dict[str, Any]] = []
        self._episodes = 0
        self._manifest = Manifest(self.root)
        if not resume and any((self.root / d.split("/")[0]).exists() for d in layout.OURS):
            raise OutputError(
                f"{self.root} already holds a dataset; add --resume to continue it or --overwrite"
            )
        if resume:
            self._resume()

    @property
    def episodes(self) -> int:
        """Finished ones; also the index of the next."""
        return self._episodes

    def __len__(self) -> int:
        return self._episodes

    def close(self) -> None:
        """Remove what a failed ``add`` may have left. Nothing is ever open between episodes."""
        self._clear(self._manifest.files() if self._episodes else set())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(
        self,
        demo: Demonstration,
        *,
        ego_video: Path | None = None,
        front_25: Path | None = None,
    ) -> int:
        """Write one episode and return its index.

        ``ego_video`` (a row's rate) and ``front_25`` (the front camera's rate) are finished h264
        files of the same frames; they are copied instead of encoding a second time.
        Sound is rounded to the 16-bit grid. Raises ClockError, FormatError or MediaError for
        streams that do not fit this dataset, OutputError when the disk does not take it.
        """
        self._check(demo, ego_video, front_25)
        task = demo.episode.scene.command_text
        tasks = self.tasks if task in self.tasks else [*self.tasks, task]
        files = layout.new_files(self._episodes)
        columns = layout.columns(demo, self._episodes, self.frames, tasks.index(task))

        tables.write_columns(self.root / files.data, columns)
        pictures = self._write_pictures(demo, files, ego_video, front_25)
        write_sound(self.root / str(files.sound), demo.sound)

        stats = statistics.episode_stats(columns, pictures)
        row = self._row(demo, stats)
        self._rows = [*self._rows, row] if self._episodes % layout.ROWS else [row]
        self._manifest.add(self._episodes, files.all())
        self._episodes += 1
        self.frames += len(demo.episode)
        self.tasks, self.stats = tasks, statistics.merge(self.stats, stats)
        self._write_meta()
        return self._episodes - 1

    def _write_pictures(
        self, demo: Demonstration, files: EpisodeFiles, ego: Path | None, front: Path | None
    ) -> dict[str, np.ndarray]:
        """Videos, masks and the clip; returns the rows' pictures as a reader will see them.

        Each file depends on its own frames alone: threads share them (codecs release the lock).
        """
        one, clock = demo.episode, self.clock
        rows = layout.front_rows(clock, len(one))
        frames = {EGO: (one.ego, ego), FRONT: (one.front[rows], None)}
        roles = {EGO: one.ego_roles, FRONT: one.front_roles[rows]}

        def rows_of(key: str) -> np.ndarray:
            self._video(files.videos[key], frames[key][0], clock.control_hz, frames[key][1])
            write_roles(self.root / files.masks[key], roles[key], clock.control_hz)
            return read_video(self.root / files.videos[key])[0]

        def clip() -> None:
            self._video(str(files.clip), one.front, clock.front_hz, front)
            write_roles(self.root / str(files.clip_roles), one.front_roles, clock.front_hz)

        with ThreadPoolExecutor(3) as pool:
            beside = pool.submit(clip)
            pictures: dict[str, np.ndarray] = dict(
                zip(CAMERAS, pool.map(rows_of, CAMERAS), strict=True)
            )
            beside.result()
        return pictures

    def _video(self, name: str, frames: np.ndarray, fps: int, done: Path | None) -> None:
        if done is None:
            encode(self.root / name, frames, fps)
            return
        with replacing(self.root / name) as part:
            shutil.copyfile(done, part)

    def _check(self, demo: Demonstration, ego: Path | None, front: Path | None) -> None:
        """Everything that could fail later, before the first byte is written."""
        one = demo.episode
        if one.clock != self.clock:
            raise ClockError(f"episode runs on {one.clock}, this dataset on {self.clock}")
        if demo.sound.sample_rate != self.clock.audio_hz:
            raise ClockError(
                f"sound is at {demo.sound.sample_rate} Hz, this dataset at {self.clock.audio_hz}; "
                "resample it first"
            )
        if not one.scene.command_text:
            raise FormatError("the scene has an empty command_text; a dataset needs the sentence")
        n, f = len(one), len(one.front)
        for name, got, want in (
            ("ego", one.ego.shape, (n, *self.sizes[EGO], 3)),
            ("ego_roles", one.ego_roles.shape, (n, *self.sizes[EGO])),
            ("front", one.front.shape, (f, *self.sizes[FRONT], 3)),
            ("front_roles", one.front_roles.shape, (f, *self.sizes[FRONT])),
            ("state", one.state.shape, (n, 7)),
            ("eef", one.eef.shape, (n, 10)),
            ("action", one.action.shape, (n, 10)),
        ):
            if got != want:
                raise FormatError(f"episode's {name} has shape {got}, this dataset needs {want}")
        for name in ("state", "eef", "action"):
            if not np.isfinite(getattr(one, name)).all():
                raise FormatError(
                    f"episode's {name} holds NaN or infinite values; drop the episode"
                )
        if not np.isfinite(demo.sound.samples).all():
            raise MediaError("the sound holds NaN or infinite samples; make it again")
        for path, key, frames, fps in (
            (ego, EGO, n, self.clock.control_hz),
            (front, FRONT, f, self.clock.front_hz),
        ):
            if path is not None:
                require_ours(path, self.sizes[key], frames, fps)

    def _row(self, demo: Demonstration, stats: statistics.Stats) -> dict[str, Any]:
        """The episode's line in meta/episodes; its position there must equal its index."""
        chunk, file = divmod(self._episodes, layout.CHUNK)
        at = {"chunk_index": chunk, "file_index": file}
        n = len(demo.episode)
        row: dict[str, Any] = {
            "episode_index": self._episodes,
            "tasks": [demo.episode.scene.command_text],
            "length": n,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + n,
            **{f"data/{k}": v for k, v in at.items()},
        }
        for key in CAMERAS:
            row |= {f"videos/{key}/{k}": v for k, v in at.items()}
            row |= {
                f"videos/{key}/from_timestamp": 0.0,
                f"videos/{key}/to_timestamp": n / self.clock.control_hz,
            }
        row |= {f"meta/episodes/{k}": v for k, v in layout.shard(self._episodes).items()}
        row |= {"sidecar/chunk_index": chunk, "sidecar/episode_index": self._episodes}
        row |= layout.facts(demo)
        row["pour/scene_json"] = json.dumps(to_json(demo.episode.scene), ensure_ascii=False)
        return row | statistics.to_row(stats)

    def _write_meta(self) -> None:
        at = layout.shard(self._episodes - 1)
        tables.write_rows(self.root / layout.EPISODES_PATH.format(**at), self._rows)
        tables.write_tasks(self.root / layout.TASKS, self.tasks)
        write_json(self.root / layout.STATS, self.stats)
        sealed = {"manifest_sha256": self._manifest.write()}
        write_json(self.root / layout.INFO, self._settings() | self._totals() | sealed)

    def _settings(self) -> dict[str, Any]:
        """What of info.json stays the same from the first episode to the last."""
        return {
            "codebase_version": layout.VERSION,
            "robot_type": self.robot,
            "fps": self.clock.control_hz,
            "chunks_size": layout.CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH,
            "audio_path": layout.AUDIO_PATH,
            "mask_path": layout.MASK_PATH,
            "clip_path": layout.CLIP_PATH,
            "clip_roles_path": layout.CLIP_ROLES_PATH,
            "clock": to_json(self.clock),
            "made_by": self.made_by,
            "features": layout.features(self.clock, self.sizes),
        }

    def _totals(self) -> dict[str, Any]:
        return {
            "total_episodes": self._episodes,
            "total_frames": self.frames,
            "total_tasks": len(self.tasks),
            "splits": {"train": f"0:{self._episodes}"},
        }

    def _resume(self) -> None:
        """Take over the finished episodes of an earlier run and clear away its leftovers."""
        if not (self.root / layout.INFO).is_file():
            self._clear(keep=set())
            return
        info = read_json(self.root / layout.INFO)
        for name, want in self._settings().items():
            if info.get(name) != want:
                raise OutputError(
                    f"{self.root} was begun with another '{name}'; resume it with the same settings "
                    "or choose another folder"
                )
        done = int(info["total_episodes"])
        for first in range(0, done, layout.ROWS):
            path = self.root / layout.EPISODES_PATH.format(**layout.shard(first))
            self._rows = tables.read_rows(path)[: done - first]
            for row in self._rows:
                self._take_over(row)
        self._manifest.cut(done)
        keep = self._manifest.files()
        if missing := sorted(n for n in keep if not (self.root / n).is_file()):
            raise FormatError(
                f"{self.root} has lost {missing[0]} (and {len(missing) - 1} more); "
                "validate and repair it before resuming"
            )
        self._clear(keep)
        self._write_meta()

    def _take_over(self, row: dict[str, Any]) -> None:
        self._episodes += 1
        self.frames += row["length"]
        self.tasks += [t for t in row["tasks"] if t not in self.tasks]
        self.stats = statistics.merge(self.stats, statistics.from_row(row))

    def _clear(self, keep: set[str]) -> None:
        """Remove what a killed run left: unfinished episodes and ``.part`` files."""
        for folder in (*layout.OURS, "meta"):
            for path in sorted((self.root / folder).rglob("*")):
                name = path.relative_to(self.root).as_posix()
                left_over = name not in keep if folder != "meta" else name.endswith(".part")
                if path.is_file() and left_over:
                    path.unlink()
