"""Anyone's recordings to a corpus: cut into windows, judged one by one, kept or refused with a reason.

Reads:  a folder of videos, or Segments that a data set's annotations name (``import_epic``,
        ``import_esc50``, ``import_soundofwater``).
Makes:  a corpus (see ``corpus``), and beside it ``import.json`` (counts and every verdict) and
        ``verdicts/<id>.json|jpg|png``: what was decided, three frames, the sound's mel picture.
Used by: the corpus commands, report.imports (the summary page).
Every window is durable by itself: run again, finished ones are neither judged nor written again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from ..errors import FormatError, MediaError
from ..files import from_json, read_json, replacing, write_json
from ..files.excerpt import frames_between, has_sound, length_s, shrunk, sound_between
from ..types import Clip, Waveform
from .corpus import WINDOW_S, CorpusClip, Split, read_clip, write_clip
from .fitness import RATE, fitness
from .limits import Limits
from .metrics import mel_matrix, power_frames
from .waveform import fit, resample

VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"}
SHORTEST_S = 1.0
SHORT_SIDE = 384
"""Larger frames are shrunk: no sound model looks at more."""
FPS = 25.0
VERDICTS = "verdicts"
SUMMARY = "import.json"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Segment:
    """A stretch of one recording that is to become clips of at most 8 s."""

    id: str
    path: Path
    split: Split
    start_s: float = 0.0
    stop_s: float | None = None
    """None: to the end."""
    caption: str = ""
    source: str = "videos"
    licence: str = "unknown"
    redistributable: bool = False
    geometry: dict[str, float] | None = None
    pictured: bool = True
    """False: a sound without pictures."""


@dataclass(frozen=True)
class Verdict:
    """What became of one window, or of a file that could not be cut into any."""

    id: str
    file: str
    start_s: float
    duration_s: float
    why: str | None
    """None: kept. Else 'silent', 'clipped', 'static', 'speech', 'short' or 'unusable' (no sound,
    damaged)."""
    reason: str
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """Clips that were kept, and every verdict."""

    clips: list[CorpusClip]
    verdicts: list[Verdict]

    @property
    def counts(self) -> dict[str, int | dict[str, int]]:
        """``{"windows", "kept", "refused": {why: number}}``."""
        refused = Counter(v.why for v in self.verdicts if v.why is not None)
        return {
            "windows": len(self.verdicts),
            "kept": len(self.verdicts) - refused.total(),
            "refused": {why: n for why, n in refused.most_common()},
        }


def import_videos(
    videos: Path,
    out: Path,
    *,
    val_every: int = 10,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Every video of a folder, cut into windows of at most 8 s; role images stay unknown.

    ``progress(file name, done, total)`` is called after each file. A file that cannot be used is a
    verdict, not an error. Raises like ``video_segments``.
    """
    segments = video_segments(videos, val_every=val_every)
    return import_segments(segments, out, limits=limits, progress=progress)


def video_segments(videos: Path, *, val_every: int = 10) -> list[Segment]:
    """A segment per video below a folder; every ``val_every``-th is held out (0: none).

    Raises FormatError when the folder holds no video.
    """
    paths = sorted(p for p in Path(videos).rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    if not paths:
        kinds = ", ".join(sorted(VIDEO_SUFFIXES))
        raise FormatError(f"{videos} holds no video ({kinds}); check the folder")
    return [
        Segment(
            id="-".join(path.relative_to(videos).with_suffix("").parts).lstrip("."),
            path=path,
            split="val" if val_every and number % val_every == 0 else "train",
        )
        for number, path in enumerate(paths, 1)
    ]


def import_segments(
    segments: Sequence[Segment],
    out: Path,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Judge and write all windows of all segments; ``out/import.json`` is written at the end.

    Raises FormatError when two segments share an id.
    """
    limits, out = limits or Limits(), Path(out)
    twice = [id for id, n in Counter(s.id for s in segments).items() if n > 1]
    if twice:
        raise FormatError(
            f"two recordings would both be called '{twice[0]}'; rename one of the files"
        )
    verdicts: list[Verdict] = []
    for done, segment in enumerate(segments, 1):
        verdicts += _import_one(segment, out, limits)
        if progress:
            progress(segment.path.name, done, len(segments))
    clips = [clip for v in verdicts if v.why is None and (clip := read_clip(out, v.id))]
    imported = Imported(clips, verdicts)
    write_json(out / SUMMARY, {"counts": imported.counts, "limits": limits, "verdicts": verdicts})
    return imported


def _import_one(segment: Segment, out: Path, limits: Limits) -> list[Verdict]:
    try:
        if not has_sound(segment.path):
            raise MediaError("it has no audio stream")
        stop = length_s(segment.path) if segment.stop_s is None else segment.stop_s
    except MediaError as error:
        return [Verdict(segment.id, segment.path.name, 0.0, 0.0, "unusable", str(error))]
    starts = np.arange(segment.start_s, max(stop - 1e-3, segment.start_s + 1e-3), WINDOW_S)
    made = []
    for number, start in enumerate(starts):
        if number and stop - start < SHORTEST_S:
            break  # the rest of a long recording; a short one is told that it is short
        window = (float(start), float(min(start + WINDOW_S, stop)))
        made.append(_window(segment, f"{segment.id}-{number:03d}", window, out, limits))
    return made


def _window(
    segment: Segment, id: str, window: tuple[float, float], out: Path, limits: Limits
) -> Verdict:
    """Decide on one window, unless that was done before; write it when it is fit."""
    record = out / VERDICTS / f"{id}.json"
    if record.is_file():
        found = from_json(Verdict, read_json(record), str(record))
        if found.why is not None or read_clip(out, id) is not None:
            return found
    start_s, stop_s = window
    try:
        channels, rate = sound_between(segment.path, start_s, stop_s)
        rgb = None
        if not segment.pictured:
            channels = without_padding(channels)
        else:
            rgb = frames_between(segment.path, start_s, stop_s, fps=FPS, short_side=SHORT_SIDE)
    except MediaError as error:
        why = (id, segment.path.name, start_s, stop_s - start_s, "unusable", str(error))
        return _decided(Verdict(*why), record)
    seconds = channels.shape[1] / rate if rgb is None else len(rgb) / FPS
    at = (id, segment.path.name, start_s, round(seconds, 3))
    mono = resample(channels.mean(0), rate, RATE)
    _write_looks(record, mono, rgb)
    if min(seconds, channels.shape[1] / rate) < SHORTEST_S:
        reason = f"{min(seconds, channels.shape[1] / rate):.2f} s of picture and sound, needs {SHORTEST_S:g}"
        return _decided(Verdict(*at, "short", reason), record)
    judged = fitness(channels, rate, rgb, FPS, limits)
    if judged.why is None:
        sound = Waveform(RATE, fit(np.clip(mono, -1, 1), round(seconds * RATE)))
        write_clip(
            out, id, None if rgb is None else Clip(FPS, rgb, None), sound,
            split=segment.split, source=segment.source, caption=segment.caption,
            licence=segment.licence, redistributable=segment.redistributable,
            geometry=segment.geometry,
        )  # fmt: skip
    return _decided(Verdict(*at, judged.why, judged.reason, judged.measures), record)


def without_padding(channels: Float[np.ndarray, "C N"]) -> Float[np.ndarray, "C n"]:
    """Digital zeros at the end cut off: sound libraries fill up short takes with them."""
    heard = np.flatnonzero(channels.any(axis=0))
    return channels[:, : heard[-1] + 1] if len(heard) else channels


def _decided(verdict: Verdict, record: Path) -> Verdict:
    write_json(record, verdict)
    return verdict


def _write_looks(
    record: Path, mono: Float[np.ndarray, " N"], rgb: UInt8[np.ndarray, "F H W 3"] | None
) -> None:
    """Three frames (jpg) and the mel picture (png), small, for the summary page."""
    with replacing(record.with_suffix(".png")) as part:
        Image.fromarray(mel_picture(mono)).save(part, format="PNG")
    if rgb is not None:
        few = [shrunk(rgb[i], 96) for i in (len(rgb) // 6, len(rgb) // 2, 5 * len(rgb) // 6)]
        with replacing(record.with_suffix(".jpg")) as part:
            Image.fromarray(np.concatenate(few, axis=1)).save(part, format="JPEG", quality=80)


def mel_picture(mono: Float[np.ndarray, " N"], width: int = 320) -> UInt8[np.ndarray, "64 W"]:
    """Mel level over time, low notes below; 0 is 75 dB under the loudest band, 255 that band."""
    padded = np.pad(np.asarray(mono, np.float64), (0, max(0, 400 - len(mono))))
    db = 10 * np.log10(power_frames(padded, 400, 160, 512) @ mel_matrix() + 1e-12)
    columns = np.linspace(0, len(db), min(width, len(db)) + 1).astype(int)
    db = np.maximum.reduceat(db, columns[:-1], axis=0)
    level = np.clip((db - max(db.max(), -60.0) + 75) / 75, 0, 1)
    return np.rint(255 * level.T[::-1]).astype(np.uint8)


def read_verdicts(out: Path) -> Imported:
    """What ``import_segments`` wrote. Raises FormatError when the folder is no import."""
    path = Path(out) / SUMMARY
    verdicts = [from_json(Verdict, v, str(path)) for v in _listed(read_json(path), path)]
    clips = [clip for v in verdicts if v.why is None and (clip := read_clip(out, v.id))]
    return Imported(clips, verdicts)


def _listed(data: object, path: Path) -> Iterable[object]:
    verdicts = data.get("verdicts") if isinstance(data, dict) else None
    if not isinstance(verdicts, list):
        raise FormatError(f"{path} lists no verdicts; run the import again")
    return verdicts
