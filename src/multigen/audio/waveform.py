"""Small things done to samples: cut or pad, resample, level.

Reads:  samples.   Makes: samples.   Used by: every module of audio, dataset, pipeline.
"""

import math

import numpy as np
from jaxtyping import Float, Float32
from scipy.signal import resample_poly

from ..errors import MediaError


def fit(samples: Float[np.ndarray, " M"], n: int) -> Float32[np.ndarray, " N"]:
    """Exactly ``n`` samples: the end is cut, or zeros follow."""
    out = np.zeros(n, np.float32)
    kept = min(n, len(samples))
    out[:kept] = samples[:kept]
    return out


def resample(
    samples: Float[np.ndarray, " M"], rate: int, new_rate: int
) -> Float32[np.ndarray, " N"]:
    """Polyphase resampling (Kaiser, beta 8.6) to ``ceil(M new_rate / rate)`` samples."""
    if rate < 1 or new_rate < 1:
        raise MediaError(f"cannot resample from {rate} to {new_rate} Hz; rates are positive")
    if rate == new_rate:
        return np.asarray(samples, np.float32)
    g = math.gcd(rate, new_rate)
    return resample_poly(samples, new_rate // g, rate // g, window=("kaiser", 8.6)).astype(
        np.float32
    )


def rms(samples: Float[np.ndarray, " N"]) -> float:
    """Root of the mean square; 0 for no samples."""
    x = np.asarray(samples, np.float64)
    return float(np.sqrt(np.mean(x * x))) if x.size else 0.0


def rms_db(samples: Float[np.ndarray, " N"], floor_db: float = -120.0) -> float:
    """Level in dB re full scale, not below ``floor_db``."""
    return max(20 * math.log10(max(rms(samples), 1e-12)), floor_db)


def at_rms(
    samples: Float[np.ndarray, " N"], level: float = 0.05, where: str = "the sound"
) -> Float[np.ndarray, " N"]:
    """float64 samples scaled to an RMS of ``level``. Raises MediaError for silence, which has no
    scale; ``where`` names the sound in the message."""
    x = np.asarray(samples, np.float64)
    loud = rms(x)
    if loud < 1e-6:
        raise MediaError(f"{where} is silent (RMS {loud:.1e}); a score needs a sound that is heard")
    return x * (level / loud)
