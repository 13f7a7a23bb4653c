"""Copies of a few recordings among noise: the baseline that needs no model of sound (ManiWAV, Liu et al. 2024).

Reads:  samples, a random stream.   Makes: samples.   Used by: teachers (noise-augmented copies).
Its chain: environment noise is added with probability 0.5, then robot noise with probability 0.5, at the
level at which it was recorded. ManiWAV draws the former from ESC-50 and the latter from a calibration
recording; neither may be shipped, so a bank is synthesised here: coloured and band noise, hum with
harmonics, clicks; a motor's whine that follows a wandering speed. Results must say so.
"""

import numpy as np
from jaxtyping import Float, Float32
from scipy.signal import butter, sosfilt

from .bands import SAMPLE_RATE

PROBABILITY = 0.5
LEVEL_DB = (-50.0, -20.0)
"""RMS of a noise re full scale."""


def among_noise(
    samples: Float[np.ndarray, " N"], rng: np.random.Generator
) -> Float32[np.ndarray, " N"]:
    """A copy with environment noise and robot noise, each with probability 0.5; within [-1, 1]."""
    out = np.asarray(samples, np.float64)
    environment, robot = rng.random(2) < PROBABILITY
    if environment:
        out = out + environment_noise(len(out), rng)
    if robot:
        out = out + robot_noise(len(out), rng)
    return np.clip(out, -1, 1).astype(np.float32)


def environment_noise(n: int, rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    """A room with something in it: band noise that comes and goes, hum, clicks."""
    low = np.exp(rng.uniform(np.log(60), np.log(2000)))
    band = (low, min(low * np.exp(rng.uniform(0.7, 3.5)), 7600.0))
    noise = sosfilt(
        butter(2, band, "bandpass", fs=SAMPLE_RATE, output="sos"), rng.standard_normal(n)
    )
    knots = rng.normal(0, rng.uniform(0, 0.8), n // SAMPLE_RATE + 2)
    noise = np.asarray(noise) * np.exp(
        np.interp(np.arange(n) / SAMPLE_RATE, np.arange(len(knots)), knots)
    )
    if rng.random() < 0.3:
        noise += (
            noise.std() * rng.uniform(0.3, 2) * _harmonics(n, np.full(n, rng.uniform(50, 400)), rng)
        )
    for _ in range(int(rng.poisson(0.3 * n / SAMPLE_RATE))):
        at = int(rng.integers(n))
        ring = np.exp(-np.arange(min(n - at, 1600)) / (rng.uniform(0.5, 20) * 16))
        noise[at : at + len(ring)] += (
            rng.uniform(2, 12) * noise.std() * ring * rng.standard_normal(len(ring))
        )
    return _at_level(noise, rng)


def robot_noise(n: int, rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    """Motors: harmonics of a speed that starts, wanders and stops, over a hiss as strong as the speed."""
    knots = np.abs(np.cumsum(rng.normal(0, 0.6, 2 * n // SAMPLE_RATE + 3)))
    speed = np.interp(2 * np.arange(n) / SAMPLE_RATE, np.arange(len(knots)), knots)
    speed /= max(speed.max(), 1e-9)
    whine = _harmonics(n, rng.uniform(120, 500) * speed, rng)
    return _at_level(speed * (whine + rng.uniform(0.2, 1.5) * rng.standard_normal(n)), rng)


def _harmonics(n: int, hz: np.ndarray, rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    turn = 2 * np.pi * np.cumsum(hz) / SAMPLE_RATE
    strength = rng.uniform(0.2, 1, 8) / np.arange(1, 9)
    return np.asarray(sum(s * np.sin((k + 1) * turn) for k, s in enumerate(strength)))


def _at_level(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return noise * (10 ** (rng.uniform(*LEVEL_DB) / 20) / max(float(noise.std()), 1e-12))
