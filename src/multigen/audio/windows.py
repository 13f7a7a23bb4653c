"""Training windows of a corpus: pure functions of (seed, step) over memory maps.

Reads:  a ClipCache and a codec.   Makes: batches {rgb, roles, statistics, colour, valid, blind,
told, latents}.   Used by: audio.train. A window starts at a multiple of 0.16 s, where a frame (25 per
second) and a latent (31.25 per second) start together.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from rich.progress import track
from torch import Tensor

from ..errors import ConfigError
from .cache import FPS, ClipCache
from .codec import PcaCodec
from .corpus import CorpusClip, read_scene, read_trace
from .eyes import ROLE_SIDE, ROLES, STATISTICS, View, halve, role_statistics
from .mel import log_mel
from .rough import roughen
from .shrink import unpack_roles
from .sound_model import FRAMES_PER_UNIT, LATENTS_PER_UNIT, latents_for
from .told import TOLD, hide, told_features, told_of_pour

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Augmentation:
    """What is varied, and how often something is hidden."""

    flip: float = 0.5
    """Chance to mirror frames and roles."""
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.5
    tint: float = 0.1
    grey: float = 0.1
    """Chance of no colour at all."""
    blind: float = 0.1
    """Chance that nothing is seen: teaches the unconditional branch."""
    no_masks: float = 0.35
    """Chance that roles alone are hidden: a real video comes without. Only then are the frames also:"""
    zoom: float = 0.75
    """cut to a square of at least this share of the side,"""
    noise: int = 10
    """and given noise of up to this many grey levels."""
    rough: float = 0.25
    """Chance that the roles are as poor as those found in a real video (``audio.rough``), where known."""
    untold: float = 0.35
    """Chance that nothing is told about the receiver."""
    no_level: float = 0.25
    """Chance, else, that its size is told without its level."""


def latents_of(cache: ClipCache, codec: PcaCodec) -> list[Float32[Tensor, "L C"]]:
    """Latents of every clip, silence after the end so that every frame is covered."""
    made = []
    for entry, sound in zip(cache.clips, cache.sounds(), strict=True):
        need = latents_for(entry.frames) * 512
        wave = torch.from_numpy(np.pad(sound, (0, need - len(sound))).astype(np.float32) / 32768)
        made.append(codec.encode(log_mel(wave[None]))[0])
    return made


def fit_codec(cache: ClipCache, latent_dim: int, seed: int) -> PcaCodec:
    """The codec of a corpus' training sounds."""
    mels = (
        log_mel(torch.from_numpy(sound.astype(np.float32) / 32768)[None])[0].numpy()
        for sound in cache.sounds("train")
    )
    return PcaCodec.fit(mels, latent_dim, seed=seed)


def told_of_clips(
    cache: ClipCache, clips: list[CorpusClip]
) -> list[Float32[np.ndarray, "F T"] | None]:
    """What can be told of every cached clip; None where its pour is not known."""
    by_id = {clip.id: clip for clip in clips}
    made: list[Float32[np.ndarray, "F T"] | None] = []
    for entry in track(cache.clips, "Reading pours", transient=True):
        clip = by_id[entry.id]
        scene = read_scene(clip) if clip.trace else None
        if clip.trace is None or scene is None:
            made.append(None)
            continue
        told = told_of_pour(scene, read_trace(clip.trace), entry.frames, FPS)
        made.append(told_features(told, entry.frames))
    return made


class RoleMaps:
    """Role coverage at 32 pixels and its statistics for every cached frame, made once beside the cache."""

    def __init__(self, cache: ClipCache) -> None:
        folder = cache.folder
        count = cache.total_frames
        self.coverage_path, self.statistics_path = folder / "roles32.bin", folder / "statistics.bin"
        shapes = (count, ROLES, ROLE_SIDE, ROLE_SIDE), (count, STATISTICS)
        if not (self.coverage_path.is_file() and self.statistics_path.is_file()):
            self._build(cache, *shapes)
        self.coverage = np.memmap(self.coverage_path, np.uint8, "r", shape=shapes[0])
        self.statistics = np.memmap(self.statistics_path, np.float32, "r", shape=shapes[1])

    def _build(self, cache: ClipCache, shape: tuple[int, ...], flat: tuple[int, int]) -> None:
        parts = [Path(f"{p}.part") for p in (self.coverage_path, self.statistics_path)]
        coverage = np.memmap(parts[0], np.uint8, "w+", shape=shape)
        statistics = np.memmap(parts[1], np.float32, "w+", shape=flat)
        for first in track(range(0, len(coverage), 500), "Measuring roles", transient=True):
            part = slice(first, first + 500)
            whole = torch.from_numpy(unpack_roles(np.asarray(cache.packed_roles[part])))
            small = halve(whole)
            coverage[part] = small.numpy()
            statistics[part] = role_statistics(small.float() / 255).numpy()
        coverage.flush()
        statistics.flush()
        os.replace(parts[0], self.coverage_path)
        os.replace(parts[1], self.statistics_path)


class Windows:
    """Batches of random windows; ``batch(step)`` depends on the seed and the step alone."""

    def __init__(
        self,
        cache: ClipCache,
        latents: list[Tensor],
        *,
        split: str,
        window_s: float,
        batch_size: int,
        seed: int,
        augmentation: Augmentation | None,
        told: list[Float32[np.ndarray, "F T"] | None] | None = None,
    ) -> None:
        """``told``: what ``told_of_clips`` says of each clip; None: nothing of any.

        Raises ConfigError when no clip of the split is as long as a window.
        """
        self.units = round(window_s * FPS / FRAMES_PER_UNIT)
        self.frames = self.units * FRAMES_PER_UNIT
        self.cache, self.latents, self.roles = cache, latents, RoleMaps(cache)
        self.told = told or [None] * len(cache)
        self.batch_size, self.seed, self.augmentation = batch_size, seed, augmentation
        self.clips = [i for i in cache.of_split(split) if cache.clips[i].frames >= self.frames]
        if not self.clips:
            raise ConfigError(
                f"{cache.folder} has no '{split}' clip of at least {self.frames / FPS:.2f} s; "
                "choose a shorter window_s or add clips"
            )
        # A clip is drawn as often as it has places for a window.
        places = [self._places(i) for i in self.clips]
        self.chance = np.array(places, float) / sum(places)

    def _places(self, clip: int) -> int:
        return (self.cache.clips[clip].frames - self.frames) // FRAMES_PER_UNIT + 1

    def batch(self, step: int) -> Batch:
        """One training batch."""
        rng = np.random.default_rng([self.seed, step])
        clips = rng.choice(len(self.clips), self.batch_size, p=self.chance)
        places = [int(rng.integers(self._places(self.clips[c]))) for c in clips]
        return self.gather([self.clips[c] for c in clips], places, rng)

    def fixed(self, count: int) -> list[Batch]:
        """The same windows every time, spread over the clips, for validation."""
        rng = np.random.default_rng([self.seed, 1 << 40])
        order = np.arange(count) % len(self.clips)
        places = [int(rng.integers(self._places(self.clips[c]))) for c in order]
        size = min(self.batch_size, count)
        cuts = [slice(i, i + size) for i in range(0, count, size)]
        return [self.gather([self.clips[c] for c in order[s]], places[s], None) for s in cuts]

    def gather(self, clips: list[int], places: list[int], rng: np.random.Generator | None) -> Batch:
        """Copy windows out of the maps; ``rng`` None: nothing varied, nothing hidden."""
        n, frames, length = len(clips), self.frames, self.units * LATENTS_PER_UNIT
        a = self.augmentation if rng is not None else None
        rgb = np.empty((n, frames, *self.cache.rgb.shape[1:]), np.uint8)
        roles = np.empty((n, frames, *self.roles.coverage.shape[1:]), np.uint8)
        statistics = np.empty((n, frames, STATISTICS), np.float32)
        sound = torch.empty(n, length, self.latents[0].shape[1])
        told = np.zeros((n, frames, TOLD), np.float32)
        valid = np.array([self.cache.clips[c].has_roles for c in clips])
        unseen = np.array([not self.cache.clips[c].has_picture for c in clips])
        for i, (clip, place) in enumerate(zip(clips, places, strict=True)):
            first = self.cache.clips[clip].frame_start + place * FRAMES_PER_UNIT
            part = slice(first, first + frames)
            rgb[i], roles[i] = self.cache.rgb[part], self.roles.coverage[part]
            statistics[i] = self.roles.statistics[part]
            start = place * LATENTS_PER_UNIT
            sound[i] = self.latents[clip][start : start + length]
            if (
                a is not None
                and rng is not None
                and a.rough
                and valid[i]
                and rng.random() < a.rough
            ):
                roles[i] = roughen(roles[i], rng)
                statistics[i] = role_statistics(torch.from_numpy(roles[i]).float() / 255).numpy()
            known = self.told[clip]
            if known is not None:
                told[i] = known[place * FRAMES_PER_UNIT :][:frames]
            if a is not None and rng is not None and rng.random() < a.flip:
                rgb[i], roles[i] = rgb[i][:, :, ::-1].copy(), roles[i][..., ::-1].copy()
                statistics[i] = mirror_statistics(statistics[i])
        batch = {
            "rgb": torch.from_numpy(rgb),
            "roles": torch.from_numpy(roles),
            "statistics": torch.from_numpy(statistics),
            "latents": sound,
            "told": torch.from_numpy(told),
            "valid": torch.from_numpy(valid),
            "blind": torch.from_numpy(unseen),
            "colour": torch.eye(3, 4).repeat(n, 1, 1),
        }
        if a is not None and rng is not None:
            batch["blind"] = torch.from_numpy(unseen | (rng.random(n) < a.blind))
            batch["valid"] = torch.from_numpy(valid & (rng.random(n) >= a.no_masks))
            for i in np.flatnonzero(~batch["valid"].numpy()):
                batch["rgb"][i] = as_filmed(batch["rgb"][i], a, rng)
            batch["colour"] = torch.from_numpy(np.stack([colour_map(a, rng) for _ in range(n)]))
            nothing, no_level = rng.random((2, n)) < np.array([[a.untold], [a.no_level]])
            for i in range(n):
                told[i] = hide(told[i], all_of_it=bool(nothing[i]), level=bool(no_level[i]))
        return batch


def view_of(batch: Batch) -> View:
    """The eyes' part of a batch."""
    return View(*(batch[k] for k in ("rgb", "roles", "statistics", "valid", "colour", "told")))


def as_filmed(
    rgb: UInt8[Tensor, "F H W 3"], a: Augmentation, rng: np.random.Generator
) -> UInt8[Tensor, "F H W 3"]:
    """Another frame around the same event, and a camera's noise."""
    side = rgb.shape[1]
    kept = round(side * rng.uniform(a.zoom, 1.0))
    y, x = rng.integers(side - kept + 1, size=2)
    cut = rgb[:, y : y + kept, x : x + kept].permute(0, 3, 1, 2).float()
    large = torch.nn.functional.interpolate(cut, size=(side, side), mode="bilinear")
    most = int(rng.integers(a.noise + 1))
    grain = rng.integers(-most, most + 1, size=tuple(large.shape), dtype=np.int8)
    noisy = large + torch.from_numpy(grain)
    return noisy.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def colour_map(a: Augmentation, rng: np.random.Generator) -> Float32[np.ndarray, "3 4"]:
    """Random affine map of centred colours: saturation, tint, contrast, brightness."""
    luma = np.full((3, 3), [0.299, 0.587, 0.114])
    keep = 0.0 if rng.random() < a.grey else 1 + a.saturation * rng.uniform(-1, 1)
    matrix = luma + keep * (np.eye(3) - luma)
    matrix = (1 + a.tint * rng.uniform(-1, 1, 3))[:, None] * matrix
    matrix *= 1 + a.contrast * rng.uniform(-1, 1)
    offset = np.full((3, 1), a.brightness * rng.uniform(-1, 1))
    return np.hstack([matrix, offset]).astype(np.float32)


def mirror_statistics(s: Float[np.ndarray, "F S"]) -> Float[np.ndarray, "F S"]:
    """What ``role_statistics`` would say of the mirrored picture."""
    out = s.reshape(len(s), ROLES + 1, -1).copy()
    cx, left, right = 4, 9, 10
    out[..., cx] *= -1
    out[..., left], out[..., right] = -out[..., right].copy(), -out[..., left].copy()
    return out.reshape(s.shape)


def masks_to_roles(coverage: UInt8[np.ndarray, "F R H W"]) -> tuple[Tensor, Tensor]:
    """Roles and statistics, as the eyes take them, of full-size coverage (see ``shrink``)."""
    small = halve(torch.from_numpy(coverage))
    return small, role_statistics(small.float() / 255)
