"""Is a clip fit to learn a pour's sound from? Silent, clipped, static and spoken ones are not.

Reads:  frames and sound of one window.   Makes: Fitness: a reason to refuse it, or None, and every
measure behind it.   Used by: imports. Numpy and scipy; no model, so its limits are plain:

* *silent*: no 0.1 s louder than ``silent_db`` re full scale.
* *clipped*: samples within 1.5 % of full scale, counted before mixing and resampling. A recording
  that was clipped and then turned down is not noticed; a tone at full scale is refused wrongly.
* *static*: pictures that stand still: slides, covers. Between frames 0.2 s apart, on 32 x 32 cells,
  the cells that changed most decide; a thin stream in an unmoved room is enough to pass.
* *speech*: voiced frames (a comb of harmonics of a voice's pitch: the cepstral peak of Hillenbrand,
  Cleveland & Erickson, J. Speech Hear. Res. 37, 1994) in a loudness that swings at the rate of
  syllables (4 Hz modulation energy: Scheirer & Slaney, ICASSP 1997). It hears a voice that leads the
  clip. Whispers, children above 320 Hz, and a voice well below the pour pass; singing and solo
  instruments with syllabic rhythm are refused as well. A glugging bottle has the rhythm and no comb.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.signal import butter, sosfiltfilt

from .limits import Limits
from .shrink import shrink_frames
from .waveform import resample

RATE = 16_000
_FRAME, _HOP = 1024, 160
"""64 ms see the harmonics of 80 Hz apart; 10 ms steps see syllables."""
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 320.0
_STEP_S = 0.2


@dataclass(frozen=True)
class Fitness:
    """``why`` is None for a clip to keep, else 'silent', 'clipped', 'static' or 'speech'."""

    why: str | None
    reason: str
    """One sentence with the number that decided."""
    measures: dict[str, float]


def fitness(
    channels: Float32[np.ndarray, "C N"],
    sample_rate: int,
    frames: UInt8[np.ndarray, "F H W 3"] | None,
    fps: float = 25.0,
    limits: Limits | None = None,
) -> Fitness:
    """Judge one window; ``frames`` None: there is no picture to judge."""
    limits = limits or Limits()
    mono = resample(channels.mean(0), sample_rate, RATE)
    measures = {
        "loudest_db": loudest_db(mono),
        "clipped_share": clipped_share(channels),
        "voiced_share": 0.0,
        "syllabic_share": 0.0,
    }
    if frames is not None:
        measures["moving_share"] = moving_share(frames, fps, limits.moving_levels)
    if measures["loudest_db"] >= limits.silent_db:
        measures["voiced_share"] = voiced_share(mono, limits.voice_peak)
        measures["syllabic_share"] = syllabic_share(mono)
    return Fitness(*_verdict(measures, limits), {k: round(v, 4) for k, v in measures.items()})


def _verdict(m: dict[str, float], limits: Limits) -> tuple[str | None, str]:
    if m["loudest_db"] < limits.silent_db:
        return "silent", (
            f"its loudest moment is {m['loudest_db']:.0f} dB, needs {limits.silent_db:.0f}"
        )
    if m["clipped_share"] > limits.clipped_share:
        return "clipped", (
            f"{100 * m['clipped_share']:.2f} % of its samples stand at full scale, "
            f"at most {100 * limits.clipped_share:.2f} % may"
        )
    if m.get("moving_share", 1.0) < limits.still_share:
        return "static", (
            f"something moves in {100 * m['moving_share']:.0f} % of its steps, "
            f"needs {100 * limits.still_share:.0f} %"
        )
    if m["voiced_share"] > limits.voiced_share and m["syllabic_share"] > limits.syllabic_share:
        return "speech", (
            f"{100 * m['voiced_share']:.0f} % of it is voiced and "
            f"{100 * m['syllabic_share']:.0f} % of its rhythm is syllables: somebody speaks"
        )
    return None, "fit"


def loudest_db(mono: Float[np.ndarray, " N"]) -> float:
    """RMS of the loudest 0.1 s at 16 kHz, dB re full scale, not below -120."""
    size = max(1, min(len(mono), RATE // 10))
    blocks = mono[: len(mono) // size * size].reshape(-1, size).astype(np.float64)
    power = (blocks**2).mean(axis=1).max(initial=0.0)
    return max(10 * float(np.log10(max(power, 1e-12))), -120.0)


def clipped_share(channels: Float[np.ndarray, "C N"]) -> float:
    """Share of samples within 1.5 % of full scale, in the channel that has most of them."""
    return float((np.abs(channels) >= 0.985).mean(axis=1).max(initial=0.0))


def moving_share(
    frames: UInt8[np.ndarray, "F H W 3"], fps: float, levels: float = Limits.moving_levels
) -> float:
    """Share of 0.2 s steps in which the ten most changed of 32 x 32 cells changed by ``levels``."""
    stride = max(1, round(_STEP_S * fps))
    cells = shrink_frames(frames[::stride], 32).astype(np.float32).mean(-1)
    if len(cells) < 2:
        return 0.0
    change = np.abs(np.diff(cells, axis=0)).reshape(len(cells) - 1, -1)
    most = np.partition(change, -10, axis=1)[:, -10:].mean(axis=1)
    return float((most > levels).mean())


def voiced_share(mono: Float[np.ndarray, " N"], peak: float = Limits.voice_peak) -> float:
    """Share of loud frames (within 25 dB of the loudest) whose cepstrum peaks at a voice's pitch.

    Cepstrum of the log spectrum up to 4 kHz, quefrencies 3.1-12.5 ms (320-80 Hz); the peak over the
    standard deviation of that range. A comb of harmonics peaks there; noise and single resonances
    do not.
    """
    if len(mono) < _FRAME:
        return 0.0
    x = np.lib.stride_tricks.sliding_window_view(np.asarray(mono, np.float64), _FRAME)[::_HOP]
    power = np.abs(np.fft.rfft(x * np.hanning(_FRAME))) ** 2
    level = power.sum(axis=1)
    loud = level > level.max() * 10**-2.5
    log = np.log(power[loud, : _FRAME // 4] + 1e-12)
    log -= log.mean(axis=1, keepdims=True)
    cepstrum = np.fft.irfft(log * np.hanning(log.shape[1]), 2 * log.shape[1])
    rate = RATE / 2  # the cepstrum of half the band has half the samples a second
    first, last = int(rate / _HIGHEST_HZ), int(rate / _LOWEST_HZ) + 1
    part = cepstrum[:, first:last]
    return float(((part.max(axis=1)) / (part.std(axis=1) + 1e-12) > peak).mean())


def syllabic_share(mono: Float[np.ndarray, " N"]) -> float:
    """Share of the loudness envelope's modulation between 0.5 and 20 Hz that lies at 2-8 Hz.

    Envelope: RMS of the band 200-4000 Hz, 100 values a second.
    """
    if len(mono) < RATE // 2:
        return 0.0
    band = sosfiltfilt(butter(2, (200, 4000), "bandpass", fs=RATE, output="sos"), mono)
    envelope = np.sqrt((band[: len(band) // _HOP * _HOP].reshape(-1, _HOP) ** 2).mean(axis=1))
    envelope = (envelope - envelope.mean()) * np.hanning(len(envelope))
    power = np.abs(np.fft.rfft(envelope)) ** 2
    hz = np.fft.rfftfreq(len(envelope), _HOP / RATE)
    whole = power[(hz >= 0.5) & (hz <= 20)].sum()
    return float(power[(hz >= 2) & (hz <= 8)].sum() / whole) if whole > 0 else 0.0
