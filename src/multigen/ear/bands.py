"""Sound as the ear takes it in: power in bands an eighteenth of an octave apart, ten times a second.

Reads:  samples at 16 kHz.   Makes: log10 band power [T 80].   Used by: lessons (to learn), hear.
Causal: frame m sees nothing after its end at (m + 1) / 10 s, so a longer recording begins with the
same frames. The bands are equally spaced in log frequency: an air column that is k bands shorter sounds
k bands higher, whatever its length. Below 500 Hz are rooms, motors and hands; those bands are only kept
so that a lesson can be transposed (see ``augment``), the ear itself never hears them.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from ..errors import MediaError

SAMPLE_RATE = 16_000
HOP = 1600
RATE = SAMPLE_RATE / HOP
"""Frames per second: one per row of a dataset."""
WINDOW = 1024
PER_FRAME = 4
"""Windows per frame."""
BANDS = 80
LOW_HZ, HIGH_HZ = 400.0, 8000.0
HEARD_FROM_HZ = 500.0
SHIFT = 6
"""Bands by which a lesson may be transposed: up or down a quarter."""
FIRST = 6
"""First band the ear hears: the lowest one above HEARD_FROM_HZ."""
HEARD = BANDS - FIRST - SHIFT
"""Bands the ear hears, 504 Hz to 6.4 kHz."""
FLOOR = 1e-12
"""Least band power; digital silence is -12."""
SHORTEST_S = 0.5
SILENT_PEAK = 1e-4


@lru_cache(maxsize=1)
def centres_hz() -> Float[np.ndarray, " 80"]:
    """Centre of each band [Hz]; neighbours differ by 3.9 %."""
    return np.geomspace(LOW_HZ, HIGH_HZ, BANDS)


@lru_cache(maxsize=1)
def _matrix() -> Float[np.ndarray, "bins 80"]:
    """Triangles over log frequency, never narrower than a bin on each side; weights sum to 1, so that a
    band is the mean power of its bins and white noise is flat."""
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    centre = centres_hz()
    step = (HIGH_HZ / LOW_HZ) ** (1 / (BANDS - 1))
    width = SAMPLE_RATE / WINDOW
    below = np.maximum(centre - centre / step, width)
    above = np.maximum(centre * step - centre, width)
    apart = bins - centre
    weight = np.maximum(0, 1 - np.where(apart < 0, -apart / below, apart / above))
    return weight / weight.sum(0)


def band_power(samples: Float[np.ndarray, " N"]) -> Float32[np.ndarray, "T 80"]:
    """log10 of the mean power of a band's bins, T = N // 1600 frames; not below log10(FLOOR).

    Bins are scaled so that they add up to the mean square of the samples.

    Each frame averages four Hann windows of 64 ms, the last one ending with the frame.
    """
    frames = len(samples) // HOP
    if not frames:
        return np.zeros((0, BANDS), np.float32)
    padded = np.concatenate([np.zeros(WINDOW), np.asarray(samples, np.float64)])
    ends = WINDOW + HOP * (np.arange(frames) + 1)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    hann /= np.sqrt((hann**2).sum() * WINDOW / 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    power = np.zeros((frames, BANDS))
    for back in range(0, HOP, HOP // PER_FRAME):
        spectrum = np.fft.rfft(windows[ends - WINDOW - back] * hann)
        power += (1 / PER_FRAME) * (spectrum.real**2 + spectrum.imag**2) @ _matrix()
    return np.log10(np.maximum(power, FLOOR)).astype(np.float32)


def check_sound(samples: Float[np.ndarray, " N"], where: str) -> None:
    """Refuse what cannot be listened to. Raises MediaError for less than half a second, NaN, silence."""
    if len(samples) < SHORTEST_S * SAMPLE_RATE:
        raise MediaError(
            f"{where} lasts {len(samples) / SAMPLE_RATE:.2f} s; the ear needs at least "
            f"{SHORTEST_S:g} s of sound, give a longer recording"
        )
    if not np.isfinite(samples).all():
        raise MediaError(f"{where} holds NaN or infinite samples; export it again")
    if (peak := float(np.abs(samples).max())) < SILENT_PEAK:
        raise MediaError(
            f"{where} is silent (peak {peak:.1e}); the ear needs a recording in which something sounds"
        )
