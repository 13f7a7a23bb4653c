"""Counter-based randomness for the compiled loops: a number depends on (seed, layer, row) alone.

Reads:  a 64-bit seed.   Makes: uniform and normal numbers.   Used by: every layer's kernel.
This is what makes a streamed sound equal the sound made in one go: row 137 of the bubbles draws
the same numbers whatever came before and however the rows were cut into chunks.
SplitMix64: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
"""

import math

import numpy as np
from numba import njit

BUBBLES, JET, IMPACT, DRIPS, FIZZ, FLICKER, GLUG, SPILL = range(8)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit(cache=True)
def _mix(x):
    x = (x ^ (x >> _S30)) * _M1
    x = (x ^ (x >> _S27)) * _M2
    return x ^ (x >> _S31)


@njit(cache=True)
def open_stream(state, seed, layer, row):
    """Set ``state`` uint64 [1] to the beginning of the stream of (seed, layer, row)."""
    key = np.uint64(layer) * _M1 + np.uint64(row) * _GOLDEN
    state[0] = _mix(np.uint64(seed) ^ _mix(key))


@njit(cache=True)
def uniform(state):
    """In [0, 1)."""
    state[0] += _GOLDEN
    return np.float64(_mix(state[0]) >> _S11) * (1.0 / 9007199254740992.0)


@njit(cache=True)
def exponential(state):
    """Mean 1."""
    return -math.log(1.0 - uniform(state))


@njit(cache=True)
def normal(state):
    """Mean 0, variance 1 (Box-Muller, one of the pair)."""
    return math.sqrt(2 * exponential(state)) * math.cos(2 * math.pi * uniform(state))
