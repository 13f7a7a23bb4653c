"""Distances between an estimated and a reference sound, with their exact definitions.

Reads:  two mono waves of equal length at 16 kHz.   Makes: decibels and spectral distances.
Used by: score, benchmark, report. Numpy only; shares no code with anything that makes sound.
Definitions: field notes G.1. Every metric sets both waves to an RMS of 0.05 first. LSD, min-LSD and
log-mel SDR depend on scaling, floor and window: print DEFINITIONS beside every number.
Spectra are scaled by the window's sum, frames lie wholly inside the wave.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_toeplitz
from scipy.signal import correlate, fftconvolve

from ..errors import ClockError, MediaError
from .waveform import at_rms

RATE = 16_000
MOST_DB = 100.0
"""Decibels are reported within -100 .. 100: a copy scores 100, not infinity."""
Wave = Float[np.ndarray, " N"]


def _pair(estimate: Wave, reference: Wave) -> tuple[np.ndarray, np.ndarray]:
    """Both at RMS 0.05, float64. Raises ClockError for unequal lengths, MediaError for silence."""
    if len(estimate) != len(reference):
        raise ClockError(
            f"estimate has {len(estimate)} samples, reference {len(reference)}; "
            "cut or pad with audio.waveform.fit"
        )
    if not (np.isfinite(estimate).all() and np.isfinite(reference).all()):
        raise MediaError("estimate or reference holds NaN or infinite samples; export it again")
    return at_rms(estimate, where="the estimate"), at_rms(reference, where="the reference")


def _db(signal: float, error: float) -> float:
    if signal <= 0:
        return -MOST_DB
    if error <= 0:
        return MOST_DB
    return float(np.clip(10 * math.log10(signal / error), -MOST_DB, MOST_DB))


def sdr(estimate: Wave, reference: Wave) -> float:
    """``10 log10(sum r^2 / sum (r - e)^2)``; -3 dB for any two independent waves."""
    e, r = _pair(estimate, reference)
    return _db(float(r @ r), float((r - e) @ (r - e)))


def si_sdr(estimate: Wave, reference: Wave) -> float:
    """Zero means; ``s = (e.r / r.r) r``; ``10 log10(sum s^2 / sum (s - e)^2)``."""
    e, r = _pair(estimate, reference)
    e, r = e - e.mean(), r - r.mean()
    s = (e @ r) / (r @ r) * r
    return _db(float(s @ s), float((s - e) @ (s - e)))


def sdr_512(estimate: Wave, reference: Wave, delays: int = 512) -> float:
    """Estimate projected on 512 delays of the reference (least squares): the classic BSS SDR."""
    e, r = _pair(estimate, reference)
    n = len(r)
    if n <= delays:
        raise ClockError(f"{n} samples are too short for {delays} delays")
    zero = correlate(r, r, "full", "fft")[n - 1 : n - 1 + delays]
    cross = correlate(e, r, "full", "fft")[n - 1 : n - 1 + delays]
    zero[0] *= 1 + 1e-10  # keeps a narrow-band reference solvable
    taps = solve_toeplitz(zero, cross)
    projected = fftconvolve(r, taps)[:n]
    return _db(float(projected @ projected), float((e - projected) @ (e - projected)))


def power_frames(wave: np.ndarray, window: int, hop: int, fft: int) -> np.ndarray:
    """Spectrum-scaled power, [frames, fft / 2 + 1], periodic Hann window."""
    if len(wave) < window:
        raise ClockError(f"{len(wave)} samples are too short for a window of {window}")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = np.lib.stride_tricks.sliding_window_view(wave, window)[::hop]
    return np.abs(np.fft.rfft(frames * (hann / hann.sum()), fft)) ** 2


@lru_cache(maxsize=1)
def mel_matrix() -> np.ndarray:
    """64 triangles in the mel domain ``2595 log10(1 + f/700)`` from 31.25 Hz to 8 kHz, peak 1,
    [257, 64]."""

    def mel(hz):
        return 2595 * np.log10(1 + np.asarray(hz, float) / 700)

    centres = np.linspace(mel(31.25), mel(8000.0), 66)
    x = mel(np.fft.rfftfreq(512, 1 / RATE))[:, None]
    width = centres[1] - centres[0]
    return np.maximum(0, 1 - np.abs(x - centres[1:-1]) / width)


def lsd(estimate: Wave, reference: Wave) -> float:
    """Log-spectral distance: STFT 1024, hop 256, P + 1e-8;
    ``mean_t sqrt(mean_f (log10 Pe - log10 Pr)^2)``. Two realisations of one noise: 0.79."""
    e, r = _pair(estimate, reference)
    return _log_distance(*(power_frames(x, 1024, 256, 1024) + 1e-8 for x in (e, r)))


def lsd_env(estimate: Wave, reference: Wave) -> float:
    """The same on 64-band mel power averaged over 0.2 s (20 frames), floor 1e-9."""
    e, r = _pair(estimate, reference)
    return _log_distance(*(_mel_envelope(x) for x in (e, r)))


def _mel_envelope(wave: np.ndarray) -> np.ndarray:
    power = power_frames(wave, 400, 160, 512) @ mel_matrix()
    n = max(len(power) // 20, 1)
    size = min(20, len(power))
    return power[: n * size].reshape(n, size, -1).mean(axis=1) + 1e-9


def _log_distance(pe: np.ndarray, pr: np.ndarray) -> float:
    return float(np.mean(np.sqrt(np.mean((np.log10(pe) - np.log10(pr)) ** 2, axis=1))))


def log_mel_sdr(estimate: Wave, reference: Wave) -> float:
    """``M = max(20 log10(mel magnitude), -80) + 80``; ``10 log10(sum Mr^2 / sum (Mr - Me)^2)``."""
    e, r = _pair(estimate, reference)
    me, mr = (
        np.maximum(
            20 * np.log10(np.sqrt(power_frames(x, 400, 160, 512)) @ mel_matrix() + 1e-12), -80
        )
        + 80
        for x in (e, r)
    )
    return _db(float(np.sum(mr**2)), float(np.sum((mr - me) ** 2)))


def min_lsd(estimate: Wave, references: Sequence[Wave]) -> float:
    """Smallest LSD to any of ``references`` of the same length; not a measure of diversity: white
    noise maximises it."""
    if not references:
        raise ClockError("min-LSD needs at least one reference")
    return min(lsd(estimate, r) for r in references)


METRICS: dict[str, Callable[[Wave, Wave], float]] = {
    "lsd_env": lsd_env, "log_mel_sdr": log_mel_sdr, "lsd": lsd,
    "si_sdr": si_sdr, "sdr_512": sdr_512, "sdr": sdr,
}  # fmt: skip
"""Pairwise metrics, (estimate, reference) -> number, most telling first."""

DEFINITIONS: dict[str, str] = {
    "lsd_env": "mean over time of the RMS over bands of the difference of log10 mel power (64 bands, "
    "window 400, hop 160, FFT 512, 31.25-8000 Hz) averaged over 0.2 s, floor 1e-9; waves at RMS 0.05, "
    "16 kHz; lower is closer",
    "log_mel_sdr": "10 log10(sum Mr^2 / sum (Mr - Me)^2) in dB, M = max(20 log10 mel magnitude, -80) + 80, "
    "the same mel bands; waves at RMS 0.05; higher is closer",
    "lsd": "log-spectral distance: STFT 1024, hop 256, Hann, spectrum-scaled power + 1e-8, mean over time "
    "of the RMS over frequency of the difference of log10; waves at RMS 0.05; 0.79 is two takes of one "
    "noise, less means copying",
    "si_sdr": "scale-invariant SDR in dB, zero means, within -100..100; two real takes score about -40, so "
    "it cannot judge a generator",
    "sdr_512": "SDR in dB after a least-squares filter of 512 taps on the reference (BSS); two real takes "
    "score about -20",
    "sdr": "10 log10(sum r^2 / sum (r - e)^2) in dB, both at RMS 0.05; -3 for any two independent sounds",
    "min_lsd": "smallest LSD of a sound to any of the references (at most 50); white noise maximises it, so "
    "read it beside the calibration rows",
    "onset_error_s": "absolute difference of detected onsets, seconds; pairs in which both are heard",
    "offset_error_s": "absolute difference of detected offsets, seconds; pairs in which both are heard",
}
"""What each number means, to be printed beside it."""
