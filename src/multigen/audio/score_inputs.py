"""Sounds to be scored, by name: a plain folder of sound files, or a corpus with what it knows.

Reads:  wav and flac files, corpora.   Makes: Sounds by name, pairs.   Used by: score, pipeline.score.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..errors import MediaError
from ..files import read_sound
from ..types import PourTrace, Vessel
from .corpus import read_corpus, read_scene, read_trace
from .metrics import RATE
from .waveform import rms

SUFFIXES = {".wav", ".flac"}
LONGEST_DIFFERENCE = RATE // 10
"""Samples: one control frame. Lengths within it are cut to the shorter one."""


@dataclass(frozen=True)
class Sound:
    """A wave at 16 kHz and, where the pour is known, what happened in it."""

    wave: Float[np.ndarray, " N"]
    trace: PourTrace | None = None
    receiver: Vessel | None = None
    """With ``trace``: what is needed to ask whether the sound belongs to this pour."""


@dataclass(frozen=True)
class Pair:
    """A sound, and the reference it is compared with, cut to one length."""

    wave: Float[np.ndarray, " N"]
    reference: Sound


def read_sounds(folder: Path) -> dict[str, Sound]:
    """Sounds by name: clips of a corpus by id, with trace and receiver where known; else every wav
    and flac below the folder by relative name.

    Raises MediaError when there is none, or a name is there twice.
    """
    if any((Path(folder) / "clips").glob("*.json")):
        return _of_corpus(Path(folder))
    return {name: Sound(read_sound(path, RATE).samples) for name, path in _names(folder).items()}


def _of_corpus(folder: Path) -> dict[str, Sound]:
    found = {}
    for clip in read_corpus(folder):
        scene = read_scene(clip)
        known = scene is not None and clip.trace is not None
        found[clip.id] = Sound(
            read_sound(clip.sound, RATE).samples,
            read_trace(clip.trace) if known and clip.trace is not None else None,
            scene.receiver if known and scene is not None else None,
        )
    return found


def _names(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise MediaError(f"{folder} is no folder; give a folder of wav or flac files")
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise MediaError(f"{folder} holds '{name}' twice (wav and flac); keep one of them")
        found[name] = path
    if not found:
        raise MediaError(f"{folder} holds no wav or flac file; give a folder of sounds")
    return found


def pair_up(generated: Mapping[str, Sound], reference: Mapping[str, Sound]) -> list[Pair]:
    """Pairs by name, sorted by name.

    Raises MediaError when names do not match, a sound is silent, or lengths differ by more than one
    control frame (0.1 s).
    """
    lonely = sorted(generated.keys() ^ reference.keys())
    if lonely:
        where = "generated" if lonely[0] in generated else "reference"
        raise MediaError(
            f"{len(lonely)} sounds have no partner of the same name, first '{lonely[0]}' "
            f"(only among the {where}); name both alike"
        )
    return [_pair(name, generated[name].wave, reference[name]) for name in sorted(generated)]


def _pair(name: str, wave: np.ndarray, reference: Sound) -> Pair:
    for which, samples in (("generated", wave), ("reference", reference.wave)):
        if rms(samples) < 1e-5:
            raise MediaError(f"{which} '{name}' is silent; a score needs a sound that is heard")
    if abs(len(wave) - len(reference.wave)) > LONGEST_DIFFERENCE:
        raise MediaError(
            f"'{name}' lasts {len(wave) / RATE:.2f} s and its reference "
            f"{len(reference.wave) / RATE:.2f} s; cut both to the same length"
        )
    return cut(wave, reference)


def cut(wave: np.ndarray, reference: Sound) -> Pair:
    """Both at the shorter length."""
    n = min(len(wave), len(reference.wave))
    return Pair(wave[:n], Sound(reference.wave[:n], reference.trace, reference.receiver))
