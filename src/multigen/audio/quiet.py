"""Is it quiet where nothing pours? Level and length of what sounds without a cause.

Reads:  samples, PourTrace.   Makes: decibels and seconds.
Used by: benchmarks (sound, onset). Numpy only; shares no code with anything that makes sound.
Nothing pours where no liquid leaves the lip, falls or lands, at least MARGIN_S away from any that
does. Levels are relative to the same sound's RMS while liquid lands, so gain does not matter; a
mean hides a short burst, hence the second number, time spent above LOUD_DB.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..errors import ClockError
from ..types import PourTrace
from .onset import FRAME_S, HOP_S, POURING_ML_S, frame_rms
from .waveform import rms

MARGIN_S = 0.3
"""Ringing and an onset heard a little early are no false sounds."""
LOUD_DB = -25.0
"""A frame above this, re the pour's level, is heard as a pour."""
FALSE_S = 0.2
"""So much of it in one clip is a false sound."""
FLOOR_DB = -120.0
NOTHING_ML, NOTHING_ML_S = 1e-2, 1e-2
"""In flight, and per second: less than this is nothing (a drop is some 0.05 mL)."""


@dataclass(frozen=True)
class Silence:
    """What is heard where nothing pours."""

    level_db: float
    """RMS there re the pour's RMS, FLOOR_DB at least (silence) and -FLOOR_DB at most."""
    loud_s: float
    """Time above LOUD_DB, in frames of 50 ms, one per 10 ms, that lie wholly inside."""
    quiet_s: float
    """How long nothing pours."""

    @property
    def false_sound(self) -> bool:
        """Whether something is heard there that could be taken for a pour."""
        return self.loud_s >= FALSE_S - 1e-9


def nothing_pours(trace: PourTrace, *, fizzes: bool = False) -> Bool[np.ndarray, " S"]:
    """Rows of the ledger at least MARGIN_S away from any liquid that leaves, falls or lands.

    A liquid that fizzes goes on sounding: with ``fizzes``, only rows before its first arrival.
    """
    wet = (
        (trace.flow_out_ml_s > NOTHING_ML_S)
        | (trace.flow_in_ml_s > NOTHING_ML_S)
        | (trace.in_flight_ml > NOTHING_ML)
    )
    margin = math.ceil(MARGIN_S * trace.liquid_hz)
    near = np.convolve(wet, np.ones(2 * margin + 1), "full")[margin : margin + len(wet)]
    quiet = near < 0.5
    if fizzes and wet.any():
        quiet[np.argmax(wet) :] = False
    return quiet


def pour_rms(
    wave: Float[np.ndarray, " N"], trace: PourTrace, sample_rate: int = 16_000
) -> float | None:
    """RMS of the samples during which liquid lands in the receiver; None where none does."""
    lands = _per_sample(trace.flow_in_ml_s > POURING_ML_S, trace, len(wave), sample_rate)
    return rms(wave[lands]) if lands.any() else None


def silence(
    wave: Float[np.ndarray, " N"],
    trace: PourTrace,
    sample_rate: int = 16_000,
    *,
    fizzes: bool = False,
    pour_level: float | None = None,
) -> Silence | None:
    """What is heard where nothing pours; None where that is never for as long as FALSE_S.

    ``fizzes``: see ``nothing_pours``. ``pour_level`` is the RMS to compare with, by default that of
    this sound's own pour; a clip in which nothing lands has none and needs one: ClockError otherwise.
    """
    loud = pour_rms(wave, trace, sample_rate) if pour_level is None else pour_level
    if loud is None:
        raise ClockError(
            "nothing lands in this clip, so it has no pour to compare with; give pour_level"
        )
    quiet = _per_sample(nothing_pours(trace, fizzes=fizzes), trace, len(wave), sample_rate)
    size, hop = int(FRAME_S * sample_rate), int(HOP_S * sample_rate)
    count = np.concatenate([[0], np.cumsum(quiet)])
    start = np.arange(0, len(wave) - size + 1, hop)
    inside = count[start + size] - count[start] == size
    if quiet.sum() < FALSE_S * sample_rate or not inside.any():
        return None
    frames = frame_rms(wave, sample_rate)[inside]
    threshold = max(loud, 1e-9) * 10 ** (LOUD_DB / 20)
    return Silence(
        _ratio_db(rms(wave[quiet]), loud),
        float(np.sum(frames > threshold)) * HOP_S,
        float(quiet.sum()) / sample_rate,
    )


def _ratio_db(level: float, reference: float) -> float:
    """Silence is FLOOR_DB, whatever it is compared with."""
    if level < 1e-9:
        return FLOOR_DB
    ratio = 20 * math.log10(level / max(reference, 1e-9))
    return min(max(ratio, FLOOR_DB), -FLOOR_DB)


def _per_sample(
    rows: Bool[np.ndarray, " S"], trace: PourTrace, n: int, sample_rate: int
) -> Bool[np.ndarray, " N"]:
    """Rows spread over the samples they last; beyond the ledger nothing is known: False."""
    at = np.arange(n) * trace.liquid_hz // sample_rate
    known = at < len(rows)
    return known & rows[np.minimum(at, len(rows) - 1)]
