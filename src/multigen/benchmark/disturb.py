"""The same policy with its senses tampered with: the only way to know what it uses them for.

Reads:  Observations, a Controller.   Makes: Controllers that are shown something else.
Used by: benchmark.listen. Nothing of the world is changed, only what the policy is told of it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from ..files import read_sound
from ..types import Controller, Observation, SceneConfig

SAMPLE_RATE = 16_000
REMEMBERED_S = 30.0
"""Only the newest seconds are worked on: longer than any of our trials lasts."""
WINDOW, HOP = 1024, 256


@dataclass(frozen=True)
class Disturbance:
    """What is done to an Observation."""

    muted: bool = False
    swapped: bool = False
    """Another trial's sound at the same time of the episode."""
    delay_s: float = 0.0
    semitones: float = 0.0
    noise_db: float | None = None
    """RMS of white noise added, dB re full scale."""
    dark: bool = False
    """The pictures are black."""


AS_IT_IS = "as it is"
DISTURBANCES: dict[str, Disturbance] = {
    AS_IT_IS: Disturbance(),
    "muted": Disturbance(muted=True),
    "another pour's sound": Disturbance(swapped=True),
    "100 ms late": Disturbance(delay_s=0.1),
    "200 ms late": Disturbance(delay_s=0.2),
    "400 ms late": Disturbance(delay_s=0.4),
    "4 semitones lower": Disturbance(semitones=-4),
    "4 semitones higher": Disturbance(semitones=4),
    "in noise (-26 dB)": Disturbance(noise_db=-26.0),
    "in the dark": Disturbance(dark=True),
}


@dataclass
class Disturbed:
    """Implements types.Controller around another one."""

    inner: Controller
    disturbance: Disturbance
    other: Path | None = None
    """The sound file of another trial, for ``swapped``."""

    def reset(self, scene: SceneConfig, seed: int) -> None:
        self.inner.reset(scene, seed)
        self._seed = seed

    def act(self, seen: Observation) -> Float32[np.ndarray, "n 10"] | None:
        return self.inner.act(disturb(seen, self.disturbance, other=self.other, seed=self._seed))


def disturb(
    seen: Observation, how: Disturbance, *, other: Path | None = None, seed: int = 0
) -> Observation:
    """``seen`` as the disturbed policy gets it; sound keeps its length."""
    sound = seen.sound
    if how.muted:
        sound = np.zeros_like(sound)
    if how.swapped:
        assert other is not None, "another trial's sound has to be given"
        theirs = _heard(other)[: len(sound)]
        sound = np.pad(theirs, (0, len(sound) - len(theirs)))
    if how.delay_s:
        late = min(round(how.delay_s * SAMPLE_RATE), len(sound))
        sound = np.concatenate([np.zeros(late, np.float32), sound[: len(sound) - late]])
    if how.semitones:
        sound = _newest(sound, lambda x: pitched(x, how.semitones))
    if how.noise_db is not None:
        sound = np.clip(sound + _noise(len(sound), how.noise_db, seed), -1, 1).astype(np.float32)
    ego = np.zeros_like(seen.ego) if how.dark else seen.ego
    return replace(seen, sound=sound, ego=ego)


def pitched(x: Float32[np.ndarray, " n"], semitones: float) -> Float32[np.ndarray, " n"]:
    """Every frequency times 2^(semitones / 12), in the same time, by moving the spectrum's magnitudes.

    Phases stay where they are: what is heard is a log-mel, and pouring is nearly noise.
    """
    if len(x) < 2 * WINDOW:
        return x
    stft = ShortTimeFFT(hann(WINDOW, sym=False), HOP, SAMPLE_RATE)
    z = stft.stft(x.astype(np.float64))
    bins = np.arange(len(z))
    source = bins / 2 ** (semitones / 12)
    level = np.abs(z)
    moved = np.stack([np.interp(source, bins, row, right=0.0) for row in level.T], 1)
    out = stft.istft(moved * np.exp(1j * np.angle(z)), k1=len(x))
    return np.clip(out, -1, 1).astype(np.float32)


def _newest(sound: np.ndarray, change) -> np.ndarray:
    """``change`` applied to the newest seconds; what is older is left."""
    kept = len(sound) - round(REMEMBERED_S * SAMPLE_RATE)
    if kept <= 0:
        return change(sound)
    return np.concatenate([sound[:kept], change(sound[kept:])])


@lru_cache(maxsize=4)
def _heard(path: Path) -> np.ndarray:
    return read_sound(path, SAMPLE_RATE).samples


def _noise(count: int, level_db: float, seed: int) -> np.ndarray:
    """The first samples of one endless noise: what was heard before stays as it was."""
    return 10 ** (level_db / 20) * np.random.default_rng(seed).standard_normal(count)
