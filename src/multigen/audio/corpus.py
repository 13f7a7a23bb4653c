"""Audio-visual corpora on disk: clips to learn sound from, ours or a user's.

Comes in:  clips with their sound: synthetic pours, or windows of recordings (``imports``).
Goes out:  ``clips/<id>.mp4`` frames, ``<id>.roles.mkv`` role images, ``<id>.flac`` sound,
           ``<id>.npz`` trace, and ``<id>.json``, the record, written LAST: a clip without it is
           unfinished and is not read. CorpusClip records.
Used by:   cache (training arrays), imports, score-sound, the corpus commands.
A recording without pictures has no mp4: ``video`` is None, like ``roles`` where nobody segmented.
"""

import dataclasses
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import ClockError, ConfigError, FormatError
from ..files import (
    from_json,
    read_arrays,
    read_json,
    to_json,
    write_arrays,
    write_json,
    write_roles,
    write_sound,
    write_video,
)
from ..types import Clip, PourTrace, SceneConfig, Waveform

Split = Literal["train", "val"]
WINDOW_S = 8.0
"""Longest clip: the training window of the MMAudio family."""
PICTURELESS_FPS = 25.0
"""The rate a clip without pictures is counted at: the cache's own."""


@dataclass(frozen=True)
class CorpusClip:
    """One finished clip; paths are absolute, None where there is no such file."""

    id: str
    source: str
    """Where it is from: 'synthetic', 'videos', 'epic-kitchens', ..."""
    split: Split
    video: Path | None
    """None: a sound without pictures."""
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
    video: str | None
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
    clip: Clip | None,
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

    ``clip`` None: a sound without pictures; nothing is invented for them, training sees it blind.
    ``caption`` and ``geometry`` default to what ``scene`` says. Raises ClockError when frames and
    sound differ by more than a frame, ConfigError for an id that is no plain file name.
    """
    if not id or id != Path(id).name or id.startswith("."):
        raise ConfigError(f"'{id}' cannot name a clip; use letters, digits, '-' and '_'")
    if clip is not None and abs(clip.duration_s - sound.duration_s) > 1 / clip.fps + 1e-6:
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
        "video": None if clip is None else f"{id}.mp4",
        "roles": None if clip is None or clip.roles is None else f"{id}.roles.mkv",
        "sound": f"{id}.flac",
        "trace": None if trace is None else f"{id}.npz",
    }
    if clip is not None:
        write_video(base / f"{id}.mp4", clip.rgb, clip.fps)
        if clip.roles is not None:
            write_roles(base / f"{id}.roles.mkv", clip.roles, clip.fps)
    write_sound(base / f"{id}.flac", sound)
    if trace is not None:
        write_trace(base / f"{id}.npz", trace)
    record = _Record(
        id=id, source=source, split=split, **names,
        duration_s=sound.duration_s if clip is None else clip.duration_s,
        fps=PICTURELESS_FPS if clip is None else clip.fps, caption=caption, licence=licence,
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
    path = clip.sound.with_name(f"{clip.id}.json")
    scene = _read_record(path).scene
    return None if scene is None else from_json(SceneConfig, scene, str(path))


def read_clip(folder: Path, id: str) -> CorpusClip | None:
    """One finished clip of a corpus; None when there is none of that id."""
    path = Path(folder) / "clips" / f"{id}.json"
    return _resolve(_read_record(path), path.parent) if path.is_file() else None


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
