"""A corpus at training resolution: memory maps that give any window in about a millisecond.

Comes in:  a corpus folder (``corpus``).
Goes out:  ``ClipCache``: rgb, role coverage and sound of every clip on one clock, 25 frames and
           16,000 samples per second, exactly 640 samples per frame.
Used by:   the sound model's training, the codec study.

On disk: ``rgb.bin`` uint8 [sum F, S, S, 3], ``roles.bin`` uint8 [sum F, 3, S, S] (two roles per
byte in twelfths of a pixel, see ``shrink``), ``sound.bin`` int16 [640 sum F], and ``index.json``,
written last. A build happens in a folder beside and is renamed when whole. At 64 px a thousand clips
of 8 s take 2.5 GB of frames, 2.5 GB of roles and 0.26 GB of sound.
"""

import hashlib
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int16, UInt8
from rich.progress import track

from ..errors import ClockError, FormatError, OutputError
from ..files import from_json, read_json, read_roles, read_sound, read_video, to_json, write_json
from ..files.sound import to_int16
from .corpus import CorpusClip, read_corpus
from .shrink import pack_roles, resample_frames, shrink_frames, unpack_roles

FPS = 25
SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
_LAYOUT = 1
"""Raise when the meaning of the files changes: old caches are then rebuilt."""


@dataclass(frozen=True)
class CachedClip:
    """Where one clip lies in the maps."""

    id: str
    split: str
    frame_start: int
    frames: int
    has_roles: bool
    caption: str
    has_picture: bool = True
    """False: a sound without pictures; its frames are black and mean nothing."""


@dataclass(frozen=True)
class _Index:
    layout: int
    listing: str
    size: int
    clips: list[CachedClip]


class ClipCache:
    """Read-only maps; cheap to open, safe to share between threads and forked or spawned workers."""

    def __init__(self, folder: Path) -> None:
        """Open a finished cache. Raises FormatError when it is unfinished or cut off."""
        self.folder = Path(folder)
        index = from_json(
            _Index, read_json(self.folder / "index.json"), str(self.folder / "index.json")
        )
        self.size, self.clips, self.listing = index.size, tuple(index.clips), index.listing
        total, s = sum(c.frames for c in self.clips), self.size
        self.rgb: np.memmap = _open_map(self.folder / "rgb.bin", np.uint8, (total, s, s, 3))
        self.packed_roles: np.memmap = _open_map(
            self.folder / "roles.bin", np.uint8, (total, 3, s, s)
        )
        self.sound: np.memmap = _open_map(
            self.folder / "sound.bin", np.int16, (total * SAMPLES_PER_FRAME,)
        )

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def total_frames(self) -> int:
        return len(self.rgb)

    def of_split(self, split: str) -> list[int]:
        """Numbers of the clips of 'train' or 'val'."""
        return [i for i, clip in enumerate(self.clips) if clip.split == split]

    def window(
        self, clip: int, start_frame: int, n_frames: int
    ) -> tuple[UInt8[np.ndarray, "n H W 3"], UInt8[np.ndarray, "n 7 H W"], Int16[np.ndarray, " N"]]:
        """Frames [start, start + n) of clip number ``clip``: rgb, role coverage (0..255, all zero
        where the clip has no roles) and their 640 n samples, copied out of the maps.

        Raises ClockError when the window leaves the clip.
        """
        entry = self.clips[clip]
        if start_frame < 0 or n_frames < 1 or start_frame + n_frames > entry.frames:
            raise ClockError(
                f"clip {entry.id} has {entry.frames} frames; a window of {n_frames} from "
                f"{start_frame} does not fit, choose a shorter one"
            )
        first = entry.frame_start + start_frame
        frames = slice(first, first + n_frames)
        samples = slice(first * SAMPLES_PER_FRAME, (first + n_frames) * SAMPLES_PER_FRAME)
        rgb = np.array(self.rgb[frames])
        if entry.has_roles:
            roles = unpack_roles(np.asarray(self.packed_roles[frames]))
        else:
            roles = np.zeros((n_frames, 7, self.size, self.size), np.uint8)
        return rgb, roles, np.array(self.sound[samples])

    def whole(self, clip: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The window that is the whole clip."""
        return self.window(clip, 0, self.clips[clip].frames)

    def sounds(self, split: str | None = None) -> Iterable[Int16[np.ndarray, " N"]]:
        """Sound of every clip (of a split), one after the other."""
        for entry in self.clips:
            if split in (None, entry.split):
                first = entry.frame_start * SAMPLES_PER_FRAME
                yield np.array(self.sound[first : first + entry.frames * SAMPLES_PER_FRAME])


def open_cache(
    corpus: Path, *, size: int = 64, folder: Path | None = None, workers: int = 2
) -> ClipCache:
    """The cache of a corpus folder at ``size`` pixels, built when absent or when the corpus changed.

    ``folder`` defaults to ``<corpus>/cache/<size>px``. Frames at other rates are picked by time at
    25 per second. Raises FormatError for an empty corpus, MediaError for a damaged clip (named).
    """
    clips = read_corpus(corpus)
    folder = Path(folder or Path(corpus) / "cache" / f"{size}px")
    listing = _listing(clips, size)
    if (folder / "index.json").is_file():
        found = read_json(folder / "index.json")
        if isinstance(found, dict) and found.get("listing") == listing:
            return ClipCache(folder)
    _build(clips, listing, size, folder, workers)
    return ClipCache(folder)


def _listing(clips: list[CorpusClip], size: int) -> str:
    """Hash of everything a cache depends on, without reading the media."""
    digest = hashlib.sha256(f"{_LAYOUT} {size}".encode())
    for clip in clips:
        digest.update(repr(to_json(clip)).encode())
        for path in (clip.video, clip.roles, clip.sound):
            if path is not None:
                stat = path.stat()
                digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()


def _build(clips: list[CorpusClip], listing: str, size: int, folder: Path, workers: int) -> None:
    """Write the maps beside ``folder`` and rename; threads, since decoding releases the GIL."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    entries, start = [], 0
    for clip in clips:
        frames = int(clip.duration_s * FPS + 1e-6)
        if frames:
            has_roles = clip.roles is not None
            entries.append(
                CachedClip(
                    clip.id,
                    clip.split,
                    start,
                    frames,
                    has_roles,
                    clip.caption,
                    clip.video is not None,
                )
            )
            start += frames
    by_id = {clip.id: clip for clip in clips}
    try:
        part.mkdir(parents=True)
        maps = (
            _make_map(part / "rgb.bin", np.uint8, (start, size, size, 3)),
            _make_map(part / "roles.bin", np.uint8, (start, 3, size, size)),
            _make_map(part / "sound.bin", np.int16, (start * SAMPLES_PER_FRAME,)),
        )
        with ThreadPoolExecutor(workers) as pool:
            work = [pool.submit(_fill, by_id[e.id], e, size, maps) for e in entries]
            try:
                for done in track(work, f"Caching {len(entries)} clips at {size} px"):
                    done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        for array in maps:
            array.flush()
        write_json(part / "index.json", _Index(_LAYOUT, listing, size, entries))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as error:
        raise OutputError(
            f"cannot write the cache {folder} ({error.strerror or error}); free some space or "
            "choose another folder"
        ) from error


def _fill(clip: CorpusClip, entry: CachedClip, size: int, maps: tuple[np.memmap, ...]) -> None:
    """Decode one clip into its place."""
    rgb, roles, sound = maps
    if clip.video is not None:
        _fill_pictures(clip, clip.video, entry, size, rgb, roles)
    heard = to_int16(read_sound(clip.sound, SAMPLE_RATE).samples)
    wanted = entry.frames * SAMPLES_PER_FRAME
    heard = heard[:wanted]
    first = entry.frame_start * SAMPLES_PER_FRAME
    sound[first : first + len(heard)] = heard


def _fill_pictures(
    clip: CorpusClip, path: Path, entry: CachedClip, size: int, rgb: np.memmap, roles: np.memmap
) -> None:
    video, fps = read_video(path)
    index = _fit(resample_frames(len(video), fps, FPS), entry.frames)
    place = slice(entry.frame_start, entry.frame_start + entry.frames)
    rgb[place] = _every(shrink_frames(video, size), index)
    if clip.roles is not None:
        images = read_roles(clip.roles)
        if len(images) != len(video):
            raise ClockError(
                f"clip {clip.id} has {len(video)} frames and {len(images)} role images; remake it"
            )
        roles[place] = _every(pack_roles(images, size), index)


def _fit(index: np.ndarray, frames: int) -> np.ndarray:
    """Exactly ``frames`` indices: cut, or the last one held."""
    return np.pad(index[:frames], (0, max(0, frames - len(index))), mode="edge")


def _every(images: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Images at ``index``, without a copy where that is all of them."""
    same = len(index) == len(images) and bool((index == np.arange(len(index))).all())
    return images if same else images[index]


def _make_map(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    return np.memmap(path, dtype=dtype, mode="w+", shape=shape)


def _open_map(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    want = int(np.prod(shape)) * np.dtype(dtype).itemsize
    got = path.stat().st_size if path.is_file() else 0
    if got != want or want == 0:
        raise FormatError(
            f"{path} has {got} bytes, its index needs {want}; delete the cache folder to rebuild it"
        )
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)
