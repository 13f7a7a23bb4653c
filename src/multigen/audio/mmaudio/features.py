"""Features of a clip: computed once, then read from disk.

Reads:  frames, text, the eyes' files.   Makes: CLIP, Synchformer and text features.   Used by:
mmaudio.generator, finetuning.
A feature's name on disk is a hash of the pixels (or the text), of the extractor's file and of this
module's version: the same picture in another video is found again, another weight file is not
confused. The eyes are loaded when the first feature is missing.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from ...errors import WeightsError
from ...learning import load_tensors, save_tensors
from .clip import Clip
from .files import Files, read_clip, read_synchformer
from .frames import for_clip, for_synchformer, segments_of
from .synchformer import Synchformer
from .tokens import tokenise

VERSION = 1
"""Raise when a feature's meaning changes: what is on disk is then made anew."""
_BATCH = 8


def default_cache() -> Path:
    """``$XDG_CACHE_HOME`` or ``~/.cache``, then multigen/features."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multigen/features"


@lru_cache(maxsize=8)
def _fingerprint(path: Path, size: int, changed_ns: int) -> str:
    """Hash of a large file's size and of 64 blocks spread over it."""
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for i in range(64):
            file.seek(max(0, (size - 2**16) * i // 63))
            digest.update(file.read(2**16))
    return digest.hexdigest()


def fingerprint(path: Path) -> str:
    """Tells one weight file from another without reading gigabytes."""
    stat = path.stat()
    return _fingerprint(path, stat.st_size, stat.st_mtime_ns)


class FeatureCache:
    """A folder of features by content; None: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, kind: str, content: list[bytes], make: Callable[[], Tensor]) -> Tensor:
        """The feature of this content, made where it is not on disk (or damaged there)."""
        if self.folder is None:
            return make()
        digest = hashlib.sha256(f"{VERSION} {kind}".encode())
        for part in content:
            digest.update(f" {len(part)} ".encode())
            digest.update(part)
        path = self.folder / f"{kind}-{digest.hexdigest()[:40]}.safetensors"
        if path.is_file():
            try:
                return load_tensors(path)["features"]
            except (WeightsError, KeyError):
                path.unlink()
        features = make().cpu()
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, {"features": features})
        return features


class Eyes:
    """CLIP and Synchformer of a user's files, behind a cache."""

    def __init__(self, files: Files, cache: FeatureCache, device: str = "cpu") -> None:
        self.files, self.cache, self.device = files, cache, device

    @cached_property
    def clip(self) -> Clip:
        return read_clip(self.files.clip).to(self.device)

    @cached_property
    def synchformer(self) -> Synchformer:
        return read_synchformer(self.files.synchformer).to(self.device)

    @torch.no_grad()
    def appearance(
        self, frames: UInt8[np.ndarray, "F H W 3"], index: Int64[np.ndarray, " T"]
    ) -> Float[Tensor, "1 T 1024"]:
        """A unit vector for each of the frames at ``index``; a repeated frame is looked at once."""
        used, back = np.unique(index, return_inverse=True)

        def make() -> Tensor:
            parts = [used[i : i + _BATCH] for i in range(0, len(used), _BATCH)]
            return torch.cat([self.clip.see(for_clip(frames[p]).to(self.device)) for p in parts])

        seen = self.cache.get("clip", self._content(frames[used], self.files.clip), make)
        return seen[torch.from_numpy(back)][None].to(self.device)

    @torch.no_grad()
    def motion(
        self, frames: UInt8[np.ndarray, "F H W 3"], index: Int64[np.ndarray, " S"]
    ) -> Float[Tensor, "1 S 768"]:
        """Eight vectors for each segment of the frames at ``index``."""
        shown = frames[index]

        def make() -> Tensor:
            each = [
                self.synchformer(for_synchformer(s)[None, None].to(self.device))[0, 0]
                for s in segments_of(shown)
            ]
            return torch.cat(each)

        content = self._content(shown, self.files.synchformer)
        return self.cache.get("synchformer", content, make)[None].to(self.device)

    @torch.no_grad()
    def text(self, text: str) -> Float[Tensor, "1 77 1024"]:
        """A unit vector for each of the 77 token positions."""
        tokens = tokenise(text, self.files.clip.parent)

        def make() -> Tensor:
            return self.clip.read(tokens.to(self.device))[0]

        content = [tokens.numpy().tobytes(), fingerprint(self.files.clip).encode()]
        return self.cache.get("text", content, make)[None].to(self.device)

    def _content(self, frames: np.ndarray, extractor: Path) -> list[bytes]:
        return [
            repr(frames.shape).encode(),
            hashlib.sha256(np.ascontiguousarray(frames).data).digest(),
            fingerprint(extractor).encode(),
        ]
