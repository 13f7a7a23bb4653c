"""Audio-visual corpora on disk: clips to learn sound from, ours or a user's.

Comes in:  clips with their sound (synthetic pours), or a folder of videos that have sound.
Goes out:  ``clips/<id>.mp4`` frames, ``<id>.roles.mkv`` role images, ``<id>.flac`` sound,
           ``<id>.npz`` trace, and ``<id>.json``, the record, written LAST: a clip without it is
           unfinished and is not read. CorpusClip records.
Used by:   cache (training arrays), score-sound, the corpus commands.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from ..errors import ClockError, ConfigError, FormatError, MediaError
from ..files import (
    from_json,
    read_arrays,
    read_json,
    read_sound,
    to_json,
    write_arrays,
    write_json,
    write_roles,
    write_sound,
    write_video,
)
from ..files.video import frames_of
from ..types import Clip, PourTrace, SceneConfig, Waveform

Split = Literal["train", "val"]
WINDOW_S = 8.0
"""Longest clip: the training window of the MMAudio family."""
_SHORTEST_S = 1.0
_SILENT_PEAK = 1e-4
_SHORT_SIDE = 384
"""Imported frames larger than this are shrunk: no sound model looks at more."""


@dataclass(frozen=True)
class CorpusClip:
    """One finished clip; paths are absolute, None where there is no such file."""

    id: str
    source: str
    """Where it is from: 'synthetic', 'videos', 'epic-kitchens', ..."""
    split: Split
    video: Path
    roles: Path | None
    sound: Path
    trace: Path | None
    duration_s: float
    fps: float
    caption: str
    licence: str
    redistributable: bool
    geometry: dict[str, float] | None = None
    """Container geometry where known, SI units, unit in the name ('receiver_depth_m')."""


@dataclass(frozen=True)
class _Record:
    """What ``<id>.json`` holds: CorpusClip with bare file names, and the scene that was drawn."""

    id: str
    source: str
    split: Split
    video: str
    roles: str | None
    sound: str
    trace: str | None
    duration_s: float
    fps: float
    caption: str
    licence: str
    redistributable: bool
    geometry: dict[str, float] | None = None
    scene: dict[str, Any] | None = None


def write_clip(
    folder: Path,
    id: str,
    clip: Clip,
    sound: Waveform,
    *,
    split: Split,
    trace: PourTrace | None = None,
    scene: SceneConfig | None = None,
    source: str = "synthetic",
    caption: str = "",
    licence: str = "Apache-2.0",
    redistributable: bool = True,
    geometry: dict[str, float] | None = None,
) -> CorpusClip:
    """Add one clip to ``folder``; an unfinished one of the same id is written over.

    ``caption`` and ``geometry`` default to what ``scene`` says. Raises ClockError when frames and
    sound differ by more than a frame, ConfigError for an id that is no plain file name.
    """
    if not id or id != Path(id).name or id.startswith("."):
        raise ConfigError(f"'{id}' cannot name a clip; use letters, digits, '-' and '_'")
    if abs(clip.duration_s - sound.duration_s) > 1 / clip.fps + 1e-6:
        raise ClockError(
            f"clip {id} shows {clip.duration_s:.3f} s and sounds {sound.duration_s:.3f} s; "
            "cut or pad the sound to the frames"
        )
    base = Path(folder) / "clips"
    (base / f"{id}.json").unlink(missing_ok=True)
    if scene is not None:
        caption = caption or _caption(scene)
        geometry = geometry or _geometry(scene)
    names = {
        "video": f"{id}.mp4",
        "roles": None if clip.roles is None else f"{id}.roles.mkv",
        "sound": f"{id}.flac",
        "trace": None if trace is None else f"{id}.npz",
    }
    write_video(base / f"{id}.mp4", clip.rgb, clip.fps)
    if clip.roles is not None:
        write_roles(base / f"{id}.roles.mkv", clip.roles, clip.fps)
    write_sound(base / f"{id}.flac", sound)
    if trace is not None:
        write_trace(base / f"{id}.npz", trace)
    record = _Record(
        id=id, source=source, split=split, **names,
        duration_s=clip.duration_s, fps=clip.fps, caption=caption, licence=licence,
        redistributable=redistributable, geometry=geometry,
        scene=None if scene is None else to_json(scene),
    )  # fmt: skip
    write_json(base / f"{id}.json", record)
    return _resolve(record, base)


def read_corpus(folder: Path) -> list[CorpusClip]:
    """Finished clips, sorted by id. Raises FormatError when there is none or a file is missing."""
    base = Path(folder) / "clips"
    found = [_resolve(_read_record(path), base) for path in sorted(base.glob("*.json"))]
    if not found:
        raise FormatError(
            f"{folder} holds no finished clip (clips/*.json); build or import a corpus there first"
        )
    for clip in found:
        for path in (clip.video, clip.roles, clip.sound, clip.trace):
            if path is not None and not path.is_file():
                raise FormatError(f"{path} is missing although clip {clip.id} lists it; remake it")
    return sorted(found, key=lambda clip: clip.id)


def read_scene(clip: CorpusClip) -> SceneConfig | None:
    """The scene a synthetic clip was drawn from; None for real videos."""
    path = clip.video.with_name(f"{clip.id}.json")
    scene = _read_record(path).scene
    return None if scene is None else from_json(SceneConfig, scene, str(path))


def _read_record(path: Path) -> _Record:
    try:
        return from_json(_Record, read_json(path), str(path))
    except ConfigError as error:
        raise FormatError(f"not a corpus clip: {error}") from error


def _resolve(record: _Record, base: Path) -> CorpusClip:
    base = base.resolve()

    def at(name: str | None) -> Path | None:
        return None if name is None else base / name

    kept = {f.name: getattr(record, f.name) for f in fields(CorpusClip)}
    kept |= {name: at(kept[name]) for name in ("video", "roles", "sound", "trace")}
    return CorpusClip(**kept)


def write_trace(path: Path, trace: PourTrace) -> None:
    """A PourTrace as npz, exactly: the acoustics makes the same sound from what is read back."""
    columns = {
        f.name: np.asarray(getattr(trace, f.name), np.float64)
        for f in dataclasses.fields(trace)
        if f.name != "liquid_hz"
    }
    write_arrays(path, {"liquid_hz": np.array([trace.liquid_hz]), **columns})


def read_trace(path: Path) -> PourTrace:
    """What ``write_trace`` wrote. Raises FormatError when columns are missing."""
    arrays = read_arrays(path)
    names = [f.name for f in dataclasses.fields(PourTrace)]
    if set(arrays) != set(names):
        raise FormatError(
            f"{path} holds {sorted(arrays)}, a trace needs {names}; write the clip again"
        )
    return PourTrace(int(arrays["liquid_hz"][0]), **{n: arrays[n] for n in names[1:]})


def _caption(scene: SceneConfig) -> str:
    return (
        f"pouring {scene.liquid.name} from a {scene.source.material} {_words(scene.source.kind)} "
        f"into a {scene.receiver.material} {_words(scene.receiver.kind)}"
    )


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _geometry(scene: SceneConfig) -> dict[str, float]:
    vessels = (("source", scene.source), ("receiver", scene.receiver))
    return {
        f"{name}_{key}": round(float(value), 6)
        for name, vessel in vessels
        for key, value in (
            ("depth_m", vessel.depth_m),
            ("rim_radius_m", vessel.rim_radius_m),
            ("capacity_ml", vessel.capacity_ml),
        )
    }


def import_videos(
    videos: Path,
    out: Path,
    *,
    source: str = "videos",
    licence: str = "unknown",
    redistributable: bool = False,
    val_every: int = 10,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[list[CorpusClip], list[str]]:
    """Cut every video of a folder into windows of at most 8 s; role images stay unknown.

    ``progress(file name, done, total)`` is called after each file. Every ``val_every``-th file,
    windows together, is held out for validation. Windows already finished are kept. Returns the
    clips and one note per file that was skipped (no audio stream, silent, unreadable, too short).
    Raises FormatError when the folder holds no video.
    """
    kinds = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"}
    paths = sorted(p for p in Path(videos).rglob("*") if p.suffix.lower() in kinds)
    if not paths:
        raise FormatError(f"{videos} holds no video ({', '.join(sorted(kinds))}); check the folder")
    made: list[CorpusClip] = []
    notes: list[str] = []
    for done, path in enumerate(paths, 1):
        split: Split = "val" if val_every and done % val_every == 0 else "train"
        name = "-".join(path.relative_to(videos).with_suffix("").parts).lstrip(".")
        about = {"source": source, "licence": licence, "redistributable": redistributable}
        try:
            clips = _import_one(path, Path(out), name, split, about)
        except MediaError as error:
            clips = []
            notes.append(f"{path.name} skipped: {error}")
        made += clips
        if progress:
            progress(path.name, done, len(paths))
    return made, notes


def _import_one(
    path: Path, out: Path, name: str, split: Split, about: dict[str, Any]
) -> list[CorpusClip]:
    """Windows of one video, decoded one window at a time. Raises MediaError when unusable."""
    sound = read_sound(path)
    if np.abs(sound.samples).max() < _SILENT_PEAK:
        raise MediaError("its sound is silent throughout")
    clips: list[CorpusClip] = []
    for number, (frames, fps) in enumerate(_windows(path)):
        length = round(len(frames) / fps * sound.sample_rate)
        start = round(number * WINDOW_S * sound.sample_rate)
        part = sound.samples[start : start + length]
        if len(frames) / fps < _SHORTEST_S or len(part) < length / 2:
            continue
        if np.abs(part).max() < _SILENT_PEAK:
            continue
        padded = np.pad(part, (0, length - len(part)))
        id = f"{name}-{number:03d}"
        done = out / "clips" / f"{id}.json"
        if done.is_file():
            clips.append(_resolve(_read_record(done), done.parent))
            continue
        clip = Clip(fps, frames, None)
        clips.append(
            write_clip(out, id, clip, Waveform(sound.sample_rate, padded), split=split, **about)
        )
    if not clips:
        raise MediaError(f"no window of at least {_SHORTEST_S:g} s with sound")
    return clips


def _moderate(rgb: np.ndarray) -> np.ndarray:
    """The frame with its shorter side at most 384 pixels, aspect ratio kept."""
    height, width = rgb.shape[:2]
    ratio = _SHORT_SIDE / min(height, width)
    if ratio >= 1:
        return rgb
    size = (round(width * ratio / 2) * 2, round(height * ratio / 2) * 2)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))


def _windows(path: Path):
    """(frames, 25.0) for [0, 8) s, [8, 16) s ...: frames picked by timestamp at 25 per second."""
    per_window, frames, shown, last = round(25 * WINDOW_S), [], 0, None
    for time_s, rgb in frames_of(path):
        # The frame on screen until now fills every tick before this one appears.
        while last is not None and shown / 25 < time_s - 1e-6:
            frames.append(last)
            shown += 1
            if len(frames) == per_window:
                yield np.stack(frames), 25.0
                frames = []
        last = _moderate(rgb)
    if last is not None:
        frames.append(last)
    if frames:
        yield np.stack(frames), 25.0
