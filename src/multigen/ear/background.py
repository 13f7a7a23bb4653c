"""What sounds before anything pours is the room, and is taken away from the rest.

Reads:  log10 band power.   Makes: the same without what was there from the beginning.
Used by: listener (``hear --quiet-s``), augment (who pours), policy.hearing (an episode begins with empty hands).
Spectral subtraction (Boll 1979) in the ear's bands. Steady noise as loud as a stream is else taken for one:
an ear that cannot know when a pour may begin is right to. Causal: a frame knows the background up to itself.
"""

import numpy as np
from jaxtyping import Float, Float32

from .bands import FLOOR, RATE

MORE, LEFT = 1.5, 0.1
"""How many times the background is subtracted (its power fluctuates), and the share of it that stays: an
empty band would be as loud a surprise as a full one."""


def without_background(
    log_power: Float[np.ndarray, "T B"], quiet_s: float
) -> Float32[np.ndarray, "T B"]:
    """``log_power`` less the mean of its first ``quiet_s`` seconds, or of those so far; 0 leaves it as it is."""
    quiet = round(quiet_s * RATE)
    if not quiet or not len(log_power):
        return np.asarray(log_power, np.float32)
    power = 10.0 ** np.asarray(log_power, np.float64)
    heard = np.arange(1, len(power) + 1)[:, None]
    mean = np.cumsum(power[:quiet], 0) / heard[:quiet]
    background = np.concatenate([mean, np.broadcast_to(mean[-1], power[quiet:].shape)])
    rest = np.maximum(power - MORE * background, LEFT * background)
    return np.log10(np.maximum(rest, FLOOR)).astype(np.float32)
