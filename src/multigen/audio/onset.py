"""When a pour is heard to begin and end, and when it truly did.

Reads:  samples, or a PourTrace.   Makes: seconds, or None where there is no beginning.
Used by: the listener (``hear``), score, benchmark, report. Shares no code with the acoustics.
Method (field notes F.3): RMS in 50 ms frames, lightly smoothed, threshold p5 + 0.15 (p95 - p5).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d

from ..types import PourTrace

FRAME_S = 0.05
HOP_S = 0.01
SHARE = 0.15
"""Threshold between the quiet (5th percentile) and the loud (95th)."""
SILENT_RMS = 1e-4
"""-80 dB: nothing louder means nothing was heard."""
STEADY_RATIO = 1.4
"""Loud frames less than this (3 dB) above quiet ones: a steady sound without beginning or end."""
SHORTEST_S = 0.12
"""A click or a single drop is no pour."""
POURING_ML_S = 0.5
"""Flow below this is a drop now and then, not a pour."""


@dataclass(frozen=True)
class OnsetErrors:
    """Heard minus true, seconds; None where one of both does not exist."""

    onset_s: float | None
    offset_s: float | None


def detect_onset_offset(
    wave: Float[np.ndarray, " N"], sample_rate: int = 16_000, share: float = SHARE
) -> tuple[float | None, float | None]:
    """(onset, offset): where sound first and last stands out, in seconds from the first sample.

    ``share``: the threshold; a lower one hears a soft beginning earlier, and noise more often.
    (None, None) for silence and for a steady sound. A pour that touches the first or the last frame
    has no audible beginning or end there: that side is None.
    """
    level = frame_rms(wave, sample_rate)
    if len(level) < 3 or level.max() < SILENT_RMS:
        return None, None
    level = uniform_filter1d(level, 3, mode="nearest")
    quiet, loud = np.percentile(level, (5, 95))
    # a pour shorter than 5 % of the recording would leave no trace in the 95th percentile
    loud = max(loud, np.sort(level)[-max(1, int(0.3 / HOP_S))]) if len(level) > 60 else loud
    if loud < STEADY_RATIO * max(quiet, SILENT_RMS / 4):
        return None, None
    above = level > quiet + share * (loud - quiet)
    run = _first_to_last(above)
    if run is None:
        return None, None
    first, last = run
    # The window's edge, not its centre, touches the sound when a low threshold is crossed.
    onset = None if first == 0 else first * HOP_S + 0.8 * FRAME_S
    offset = None if last == len(level) - 1 else last * HOP_S + 0.2 * FRAME_S
    return onset, offset


def frame_rms(wave: Float[np.ndarray, " N"], sample_rate: int) -> Float[np.ndarray, " frames"]:
    """RMS of 50 ms frames, one per 10 ms; frame i starts at i * 10 ms."""
    size, hop = int(FRAME_S * sample_rate), int(HOP_S * sample_rate)
    if len(wave) < size:
        return np.zeros(0)
    power = np.concatenate([[0.0], np.cumsum(np.asarray(wave, np.float64) ** 2)])
    start = np.arange(0, len(wave) - size + 1, hop)
    return np.sqrt(np.maximum(power[start + size] - power[start], 0) / size)


def _first_to_last(above: np.ndarray) -> tuple[int, int] | None:
    """First and last frame above the threshold, clicks left out; pauses are part of the pour."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], above.astype(int), [0]])))
    runs = np.column_stack([edges[::2], edges[1::2] - 1])
    # a click of no length lights up as many hops as the frame is long
    long = runs[runs[:, 1] - runs[:, 0] + 1 >= (SHORTEST_S + FRAME_S) / HOP_S]
    return (int(long[0, 0]), int(long[-1, 1])) if len(long) else None


def true_onset_offset(
    trace: PourTrace, threshold_ml_s: float = POURING_ML_S
) -> tuple[float | None, float | None]:
    """First and last arrival in the receiver of more than ``threshold_ml_s``, in seconds."""
    rows = np.flatnonzero(trace.flow_in_ml_s > threshold_ml_s)
    if not len(rows):
        return None, None
    return rows[0] / trace.liquid_hz, (rows[-1] + 1) / trace.liquid_hz


def onset_offset_errors(
    wave: Float[np.ndarray, " N"], trace: PourTrace, sample_rate: int = 16_000
) -> OnsetErrors:
    """Heard minus true; a positive error is late. Within 0.15 s is good (field notes F.3)."""
    heard, true = detect_onset_offset(wave, sample_rate), true_onset_offset(trace)
    on, off = (
        None if h is None or t is None else float(h - t) for h, t in zip(heard, true, strict=True)
    )
    return OnsetErrors(on, off)
