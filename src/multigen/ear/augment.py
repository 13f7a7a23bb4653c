"""One pour, heard elsewhere: other vessels' sizes, speeds, rooms, microphones, noises and cuts.

Reads:  a Lesson.   Makes: Example (band power as the ear hears it, labels, weights).   Used by: train.
Everything is done to band *power*, where sounds of different origin add; that costs a hundredth of doing it
to waves. A lesson transposed by k bands is the pour into a vessel smaller by that factor: lengths shrink
with it, volumes by its cube.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from scipy.signal import lfilter

from .background import without_background
from .bands import BANDS, FIRST, FLOOR, HEARD, HIGH_HZ, LOW_HZ, RATE, SHIFT
from .lessons import Lesson

STEP = (HIGH_HZ / LOW_HZ) ** (1 / (BANDS - 1))
"""Ratio of neighbouring bands."""
UNHEARD, SILENT = 0.05, 0.25
"""Weights of frames before anything has been heard, and of frames without a pour; a pour's is 1."""


@dataclass(frozen=True)
class Augmentation:
    """How far lessons are changed; ``NONE`` leaves them as they are (but for the cut)."""

    transpose: float = 0.7
    """Share of lessons transposed by up to SHIFT bands; likewise below."""
    stretch: float = 0.7
    reverberation: float = 0.5
    noise: float = 0.9
    equalise: float = 0.9
    drift: float = 0.5
    """Loudness that wanders by up to 15 dB in the course of the recording."""
    contrast: float = 0.5
    """Resonances weaker or stronger than the acoustics made them."""
    clatter: float = 0.3
    cut_start: float = 0.45
    """Begin somewhere in the middle of the pour."""
    cut_end: float = 0.3
    """Stop before the pour does."""
    nothing: float = 0.06
    """Replaced by noise, half of it with the pour's loudness over time: nothing pours, nothing fills."""
    gain_bel: float = 1.5
    before_s: tuple[float, float] = (0.0, 0.0)
    """So long nothing is poured first, uniformly."""
    quiet_s: float = 0.0
    """For so long it is known that nothing pours (``background.without_background``)."""


NONE = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0.45, 0.3, 0, 0)
OWN = Augmentation(cut_start=0.0, before_s=(3.0, 9.0), quiet_s=3.0)
"""Of a listener who pours: it hears a pour from before its beginning."""


@dataclass(frozen=True)
class Example:
    """T frames to learn from."""

    log_power: Float32[np.ndarray, "T 68"]
    fill: Float32[np.ndarray, " T"]
    air_m: Float32[np.ndarray, " T"]
    flow_ml_s: Float32[np.ndarray, " T"]
    pouring: Float32[np.ndarray, " T"]
    weight: Float32[np.ndarray, " T"]
    height_m: float


def make_example(
    lesson: Lesson, frames: int, rng: np.random.Generator, how: Augmentation = Augmentation()
) -> Example:
    """``frames`` frames of a lesson, changed as ``how`` says; what is missing at the end is silence."""
    lesson = _preceded(_cut(_stretched(lesson, rng, how), frames, rng, how), rng, how)
    shift = int(rng.integers(-SHIFT, SHIFT + 1)) if rng.random() < how.transpose else 0
    power = 10.0 ** lesson.log_power.astype(np.float64)[:, FIRST - shift : FIRST - shift + HEARD]
    size = STEP**-shift
    power, pouring = _placed(power, frames), _placed(lesson.pouring, frames).astype(bool)
    fill, air = _placed(lesson.fill, frames), _placed(lesson.air_m, frames) * size
    flow = _placed(lesson.flow_ml_s, frames) * size**3
    flow[len(lesson) :] = 0
    pouring[len(lesson) :] = False
    power[len(lesson) :] = FLOOR
    heard = power.mean(1)
    loud = float(np.median(heard[pouring])) if pouring.any() else max(float(np.median(heard)), 1e-8)
    if rng.random() < how.nothing:
        power = _nothing(power, loud, rng)
        fill, air = np.full_like(fill, fill[0]), np.full_like(air, air[0])
        flow, pouring = np.zeros_like(flow), np.zeros_like(pouring)
    else:
        power = _recorded(power, loud, rng, how)
    weight = np.where(pouring, 1.0, SILENT)
    weight[: int(np.argmax(pouring)) if pouring.any() else 0] = UNHEARD
    gain = how.gain_bel * rng.uniform(-1, 1)
    log_power = np.log10(np.maximum(power, FLOOR)) + gain
    log_power = without_background(log_power, how.quiet_s)
    return Example(
        log_power.astype(np.float32), fill.astype(np.float32), air.astype(np.float32),
        flow.astype(np.float32), pouring.astype(np.float32), weight.astype(np.float32),
        lesson.height_m * size,
    )  # fmt: skip


def _placed(values: np.ndarray, frames: int) -> np.ndarray:
    """Exactly ``frames`` rows: cut, or the last one repeated."""
    missing = frames - len(values)
    return (
        np.concatenate([values, np.repeat(values[-1:], missing, 0)])
        if missing > 0
        else values[:frames]
    )


def _stretched(lesson: Lesson, rng: np.random.Generator, how: Augmentation) -> Lesson:
    """Faster or slower by up to 1.5, at the same pitch: frames are left out or used twice."""
    if rng.random() >= how.stretch:
        return lesson
    speed = float(np.exp(rng.uniform(-0.4, 0.4)))
    n = max(round(len(lesson) / speed), 1)
    at = np.clip((np.arange(n) + rng.random(n)) * speed, 0, len(lesson) - 1).astype(int)
    at.sort()
    return Lesson(
        lesson.log_power[at], lesson.fill[at], lesson.air_m[at], lesson.flow_ml_s[at] * speed,
        lesson.height_m,
    )  # fmt: skip


def _cut(lesson: Lesson, frames: int, rng: np.random.Generator, how: Augmentation) -> Lesson:
    """From the beginning or from the middle of the pour; sometimes it ends before its end."""
    rows = np.flatnonzero(lesson.pouring)
    first, last = (int(rows[0]), int(rows[-1])) if len(rows) else (0, len(lesson) - 1)
    start = 0
    if rng.random() < how.cut_start and last - first > 2 * RATE:
        start = int(rng.uniform(first, last - 1.5 * RATE))
    stop = len(lesson)
    if rng.random() < how.cut_end and last - start > 2 * RATE:
        stop = int(rng.uniform(start + 1.5 * RATE, last))
    return lesson.cut(start, min(stop, start + frames))


def _preceded(lesson: Lesson, rng: np.random.Generator, how: Augmentation) -> Lesson:
    """After a while of nothing."""
    if not how.before_s[1]:
        return lesson
    rows = round(float(rng.uniform(*how.before_s)) * RATE)

    def later(values: np.ndarray, first: float) -> np.ndarray:
        nothing = np.full((rows, *values.shape[1:]), first, values.dtype)
        return np.concatenate([nothing, values])

    return Lesson(
        later(lesson.log_power, np.log10(FLOOR)), later(lesson.fill, lesson.fill[0]),
        later(lesson.air_m, lesson.air_m[0]), later(lesson.flow_ml_s, 0.0), lesson.height_m,
    )  # fmt: skip


def _recorded(
    power: Float[np.ndarray, "T 68"], loud: float, rng: np.random.Generator, how: Augmentation
) -> Float[np.ndarray, "T 68"]:
    """The pour through a room and a microphone, among noise."""
    n = len(power)
    if rng.random() < how.contrast:
        log = np.log10(np.maximum(power, FLOOR))
        smooth = _smooth(log, 8)
        power = 10 ** (smooth + rng.uniform(0.5, 1.4) * (log - smooth))
    if rng.random() < how.drift:
        power = (
            power
            * 10
            ** (_curve(rng, n, 3, 0.6) + rng.uniform(-1.5, 1.0) * np.linspace(0, 1, n))[:, None]
        )
    if rng.random() < how.reverberation:
        power = _reverberated(power, rng)
    if rng.random() < how.clatter:
        for _ in range(int(rng.integers(1, 6))):
            at, decay = int(rng.integers(n)), rng.uniform(0.3, 1.5)
            burst = np.exp(-np.arange(n - at) / decay)[:, None] * _colour(rng)
            power[at:] += loud * 10 ** rng.uniform(-1, 1) * burst
    if rng.random() < how.noise:
        power = power + _noise(n, loud * 10 ** -rng.uniform(-0.4, 4.0), rng)
    if rng.random() < how.equalise:
        power = power * _equaliser(rng)
    return power


def _nothing(
    power: Float[np.ndarray, "T 68"], loud: float, rng: np.random.Generator
) -> Float[np.ndarray, "T 68"]:
    """Noise in which nothing pours: steady, or as loud as the pour is at each moment."""
    noise = _noise(len(power), loud, rng)
    if rng.random() < 0.5:
        noise *= np.maximum(power.mean(1, keepdims=True), 1e-6 * loud) / loud
    return noise


def _noise(frames: int, level: float, rng: np.random.Generator) -> Float[np.ndarray, "T 68"]:
    """Noise of some colour; each band of a frame fluctuates like a mean of ten samples of power."""
    wander = 10 ** _curve(rng, frames, max(3, frames // 15), rng.uniform(0, 0.25))
    return level * wander[:, None] * _colour(rng) * rng.gamma(10, 0.1, (frames, HEARD))


def _colour(rng: np.random.Generator) -> Float[np.ndarray, " 68"]:
    """A spectrum of mean 1: a slope from -20 to +5 dB per octave band, humps, now and then lines."""
    octaves = np.linspace(0, 1, HEARD) * np.log2(HIGH_HZ / LOW_HZ)
    log = rng.uniform(-0.9, 0.2) * octaves + _curve(
        rng, HEARD, int(rng.integers(3, 10)), rng.uniform(0, 0.5)
    )
    if rng.random() < 0.25:
        log[rng.integers(0, HEARD, 4)] += rng.uniform(0.3, 1.5)
    spectrum = 10**log
    return spectrum / spectrum.mean()


def _equaliser(rng: np.random.Generator) -> Float[np.ndarray, " 68"]:
    """A response: tilt, broad humps, and narrow ones such as a room or a table has."""
    log = rng.uniform(-1.2, 1.2) * np.linspace(-1, 1, HEARD) + _curve(rng, HEARD, 8, 0.35)
    if rng.random() < 0.5:
        at = np.arange(HEARD)
        for _ in range(int(rng.integers(1, 4))):
            width = rng.uniform(0.8, 3)
            log += rng.uniform(-0.8, 0.8) * np.exp(
                -0.5 * ((at - rng.uniform(0, HEARD)) / width) ** 2
            )
    return 10**log


def _reverberated(power: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An exponential tail of 0.1-1 s, 0-20 dB weaker than the direct sound in total."""
    seconds = np.exp(rng.uniform(np.log(0.1), np.log(1.0)))
    keep = 10 ** (-6 / (seconds * RATE))
    tail = np.asarray(lfilter([0.0, 1 - keep], [1.0, -keep], power, axis=0))
    return power + 10 ** -rng.uniform(0, 2) * tail


def _curve(rng: np.random.Generator, n: int, knots: int, spread: float) -> Float[np.ndarray, " n"]:
    """A smooth random curve through ``knots`` normal values."""
    values = rng.normal(0, spread, knots)
    at = np.linspace(0, knots - 1, n)
    low = np.minimum(at.astype(int), knots - 2)
    share = (1 - np.cos(np.pi * (at - low))) / 2
    return (1 - share) * values[low] + share * values[low + 1]


def _smooth(x: np.ndarray, half: int) -> np.ndarray:
    """Running mean over 2 half + 1 bands, edges repeated."""
    padded = np.pad(x, ((0, 0), (half + 1, half)), mode="edge")
    total = np.cumsum(padded, 1)
    return (total[:, 2 * half + 1 :] - total[:, : -2 * half - 1]) / (2 * half + 1)
