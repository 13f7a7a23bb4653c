"""How slowly to pour: measured of demonstrations, told to the denoiser, asked of who acts.

Reads:  what landed when.   Makes: a duration per episode, two of a training set, two numbers per decision.
Used by: policy.windows, policy.policy.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

LEAST_LANDED = 0.01
"""Of the source's initial volume, that counts as a pour."""
SLOW = 0.6
"""Share of demonstrations that poured faster than is asked of who acts: slower ones run out of time."""
MOST_PACE = 1.5
"""No logarithm of a pace, over the usual one, is larger."""


def pouring_s(landed: Float32[np.ndarray, " T"], fps: int) -> float:
    """Of one episode: how long the middle nine tenths of what landed took; NaN where nothing did."""
    if not landed[-1] > LEAST_LANDED:
        return math.nan
    first, last = (int(np.argmax(landed >= share * landed[-1])) for share in (0.05, 0.95))
    return max(last - first, 1) / fps


def usual_and_slow(pour_s: Float[np.ndarray, " n"]) -> Float[Tensor, "2"]:
    """Median of a training set's durations, and the one that is asked of who acts (NaN: not a pour)."""
    return torch.from_numpy(np.nanquantile(pour_s, (0.5, SLOW)))


def told_pace(pour_s: Float[Tensor, " B"], usual_s: Float[Tensor, ""]) -> Float[Tensor, "B 2"]:
    """How slowly, in logarithms over what is usual, and whether that is known (NaN: it is not)."""
    pace = torch.log(pour_s / usual_s).clamp(-MOST_PACE, MOST_PACE)
    known = pace.isfinite()
    return torch.stack([pace.where(known, torch.zeros_like(pace)), known.to(pace)], -1)
