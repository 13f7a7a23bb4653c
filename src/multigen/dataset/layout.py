"""The layout: LeRobot v3.0, what is in a row, and where every file of an episode lies.

Reads:  a Clock, picture sizes, a Demonstration.   Makes: names, paths, the feature table, columns.
Used by: the rest of this room; policy and report take the feature names from here.

A row is one control frame, at ``timestamp = frame_index / control_hz``. In row t
* both pictures and all ``label.*`` are the state AT the row's time. The front camera runs faster
  (25 Hz): its row shows the newest front frame at or before the row's time. Labels are the newest
  liquid step that has ended by then; row 0 takes the end of the first step (10 ms later), since a
  trace holds nothing earlier;
* ``action`` is commanded at the row's time and acts in the interval that follows;
* ``observation.audio.mic`` covers the interval that FOLLOWS, [t, t + 1) / control_hz, so that all
  rows of an episode in a line are its sound. A causal listener at row t uses rows before t only.

Beyond LeRobot (which ignores these folders): ``audio/`` (FLAC), ``masks/`` (role image per row,
FFV1) and ``clips/`` (the 25 Hz front view with its roles, for sound models). Masks are no feature:
LeRobot feeds every video feature to every policy, whatever its name. Labels are ``label.*`` and
never ``observation.*`` for the same reason.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..files.sound import to_int16
from ..types import Clock, Demonstration

EGO = "observation.images.ego"
FRONT = "observation.images.front"
CAMERAS = (EGO, FRONT)
MIC = "observation.audio.mic"
STATE = "observation.state"
EEF = "observation.eef"
ACTION = "action"
SOURCE_ML, RECEIVER_ML = "label.source_ml", "label.receiver_ml"
LABELS = (
    SOURCE_ML,
    RECEIVER_ML,
    "label.spilled_ml",
    "label.in_flight_ml",
    "label.flow_ml_s",
    "label.fill",
    "label.tilt_rad",
)
"""Privileged, one float32 a row: volumes, flow over the source's lip, receiver volume as a
fraction of its capacity, tilt of the source from the vertical."""
LEDGER = (SOURCE_ML, "label.in_flight_ml", RECEIVER_ML, "label.spilled_ml")
"""These four always add up to the same number of millilitres."""
COUNTERS = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}

VERSION = "v3.0"
CHUNK = 1000
"""Files a folder. A limit too: LeRobot sorts by name, and file-1000 sorts before file-101."""
ROWS = 100
"""Episodes a metadata file: one each would cost 50 kB apiece, one for all would be rewritten."""

INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
MANIFEST = "meta/manifest.json"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
HASHES_PATH = "meta/manifest/chunk-{chunk_index:03d}/file-{file_index:03d}.json"
_SIDE = "chunk-{chunk_index:03d}/episode-{episode_index:06d}"
AUDIO_PATH = "audio/{audio_key}/" + _SIDE + ".flac"
MASK_PATH = "masks/{video_key}/" + _SIDE + ".mkv"
CLIP_PATH = "clips/{video_key}/" + _SIDE + ".mp4"
CLIP_ROLES_PATH = "clips/{video_key}/" + _SIDE + ".roles.mkv"
OURS = ("data", "videos", "audio", "masks", "clips", "meta/episodes", "meta/manifest")
"""Folders in which every file belongs to an episode."""

_POSE = ("x", "y", "z", *(f"r6d_{i}" for i in range(6)), "gripper")
_ENCODING = (
    "pinch pose in the world frame: x, y, z [m]; first two rows of the rotation matrix, "
    "row-major; gripper 0 open .. 1 closed"
)


@dataclass(frozen=True)
class EpisodeFiles:
    """Where one episode lies, relative to the dataset; ``None`` where an edit dropped sidecars."""

    data: str
    videos: dict[str, str]
    sound: str | None
    masks: dict[str, str]
    clip: str | None
    clip_roles: str | None

    def all(self) -> list[str]:
        """Every file, in the order in which they are written."""
        optional = [self.sound, *self.masks.values(), self.clip, self.clip_roles]
        return [self.data, *self.videos.values(), *(p for p in optional if p is not None)]


def shard(episode: int) -> dict[str, int]:
    """Chunk and file of the metadata that holds this episode's row."""
    chunk, file = divmod(episode // ROWS, CHUNK)
    return {"chunk_index": chunk, "file_index": file}


def new_files(episode: int) -> EpisodeFiles:
    """Where the writer puts an episode. A reader follows the indices in its row instead."""
    chunk, file = divmod(episode, CHUNK)
    at = {"chunk_index": chunk, "file_index": file}
    videos = {k: VIDEO_PATH.format(video_key=k, **at) for k in CAMERAS}
    return EpisodeFiles(DATA_PATH.format(**at), videos, **sidecars(chunk, episode))


def sidecars(chunk: int, episode: int) -> dict[str, Any]:
    """The files LeRobot does not know, as arguments of EpisodeFiles."""
    at = {"chunk_index": chunk, "episode_index": episode}
    return {
        "sound": AUDIO_PATH.format(audio_key=MIC, **at),
        "masks": {k: MASK_PATH.format(video_key=k, **at) for k in CAMERAS},
        "clip": CLIP_PATH.format(video_key=FRONT, **at),
        "clip_roles": CLIP_ROLES_PATH.format(video_key=FRONT, **at),
    }


def features(clock: Clock, sizes: dict[str, tuple[int, int]]) -> dict[str, dict[str, Any]]:
    """``features`` of info.json; ``sizes`` is (height, width) per camera."""
    target = [f"target_{name}" for name in _POSE]
    mic = {
        "audio.sample_rate": clock.audio_hz,
        "audio.channels": 1,
        "audio.grid": "int16 / 32768",
        "audio.covers": "[timestamp, timestamp + 1 / fps)",
    }
    table = {key: _camera(clock.control_hz, *sizes[key]) for key in CAMERAS}
    table[STATE] = _vector([f"joint_{i}" for i in range(7)], {"unit": "rad"})
    table[EEF] = _vector(list(_POSE), {"encoding": _ENCODING})
    table[ACTION] = _vector(target, {"encoding": f"absolute target: {_ENCODING}"})
    table[MIC] = {
        "dtype": "float32",
        "shape": [clock.samples_per_frame],
        "names": None,
        "info": mic,
    }
    table |= {k: {"dtype": "float32", "shape": [1], "names": None} for k in LABELS}
    table |= {k: {"dtype": d, "shape": [1], "names": None} for k, d in COUNTERS.items()}
    return table


def _vector(names: list[str], info: dict[str, str]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": [len(names)], "names": names, "info": info}


def _camera(fps: int, height: int, width: int) -> dict[str, Any]:
    return {
        "dtype": "video",
        "shape": [height, width, 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": height,
            "video.width": width,
            "video.channels": 3,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.fps": fps,
            "is_depth_map": False,
            "has_audio": False,
        },
    }


def front_rows(clock: Clock, length: int) -> np.ndarray:
    """Front frame shown in each of ``length`` rows: the newest at or before the row's time."""
    return np.arange(length) * clock.front_hz // clock.control_hz


def columns(demo: Demonstration, episode: int, start: int, task: int) -> dict[str, np.ndarray]:
    """The data file of one episode: name → [T] or [T, n]; ``start`` is its first global index."""
    one, clock = demo.episode, demo.episode.clock
    t = np.arange(len(one))
    sound = to_int16(demo.sound.samples).reshape(len(one), clock.samples_per_frame)
    return {
        STATE: one.state.astype(np.float32),
        EEF: one.eef.astype(np.float32),
        ACTION: one.action.astype(np.float32),
        MIC: (sound / 32768).astype(np.float32),
        **_labels(demo),
        "timestamp": (t / clock.control_hz).astype(np.float32),
        "frame_index": t,
        "episode_index": np.full(len(t), episode),
        "index": start + t,
        "task_index": np.full(len(t), task),
    }


def _labels(demo: Demonstration) -> dict[str, np.ndarray]:
    one, trace, clock = demo.episode, demo.episode.trace, demo.episode.clock
    step = np.maximum(np.arange(len(one)) * clock.liquid_hz // clock.control_hz - 1, 0)
    values = (
        trace.source_ml,
        trace.receiver_ml,
        trace.spilled_ml,
        trace.in_flight_ml,
        trace.flow_out_ml_s,
        trace.receiver_ml / one.scene.receiver.capacity_ml,
        trace.tilt_rad,
    )
    return {k: v[step].astype(np.float32) for k, v in zip(LABELS, values, strict=True)}


def facts(demo: Demonstration) -> dict[str, int | float | str]:
    """Our columns of meta/episodes, without the scene's JSON."""
    scene, end = demo.episode.scene, demo.episode.outcome
    return {
        "pour/seed": int(scene.seed),
        "pour/condition": scene.condition,
        "pour/command": float(scene.command),
        "pour/initial_ml": float(end.initial_ml),
        "pour/target_ml": float(end.target_ml),
        "pour/poured_ml": float(end.poured_ml),
        "pour/left_source_ml": float(end.left_source_ml),
        "pour/spilled_ml": float(end.spilled_ml),
        "pour/completed": bool(end.completed),
        "pour/ended_because": end.ended_because,
    }
