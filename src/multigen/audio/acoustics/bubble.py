"""One bubble, and many: sizes, pitch, damping, and the loop that adds decaying sines.

Reads:  arrival rate and size limits per row.   Makes: pressure samples.
Used by: acoustics.synth (entrained air, drips, fizz).
Sources: Minnaert 1933 (pitch); Devin 1959 [L] (damping); Deane & Stokes 2002, Nature 418:839
(sizes); van den Doel 2005, ACM TAP 2 (pitch rise) [L]. [L]: from the
literature by memory, not checked against the paper.
"""

import math

import numpy as np
from numba import njit

from .chance import BUBBLES, exponential, open_stream, uniform

GAMMA = 1.4
AIR_PRESSURE_PA = 101_325.0
GAS_DIFFUSIVITY_M2_S = 2.1e-5
"""Thermal diffusivity of air."""
SMALLEST_M = 0.15e-3
"""Lower end of the size spectrum."""
RING_S = 0.25
"""No bubble is followed longer than this."""


@njit(cache=True)
def minnaert_hz(radius_m, density):
    """Breathing mode of a bubble far from the surface, ``sqrt(3 gamma p0 / rho) / (2 pi r)``:
    3.29 kHz for 1 mm in water (Minnaert 1933)."""
    return math.sqrt(3 * GAMMA * AIR_PRESSURE_PA / density) / (2 * math.pi * radius_m)


@njit(cache=True)
def damping_1_s(radius_m, hz, density, viscosity, sound_speed):
    """Amplitude decay rate from radiation, heat and viscosity (after Devin 1959 [L]):
    ``(w/2) [w r/c_l + 3 (gamma-1)/r sqrt(Dg/(2w)) + 4 mu/(rho w r^2)]``."""
    w = 2 * math.pi * hz
    radiation = w * radius_m / sound_speed
    heat = 3 * (GAMMA - 1) / radius_m * math.sqrt(GAS_DIFFUSIVITY_M2_S / (2 * w))
    viscous = 4 * viscosity / (density * w * radius_m * radius_m)
    return 0.5 * w * (radiation + heat + viscous)


@njit(cache=True)
def size_counts(lo, hinze, hi):
    """Relative number of bubbles below and above the Hinze radius: ``n(r) ~ r^(-3/2)`` below,
    ``r^(-10/3)`` above, continuous at the joint (Deane & Stokes 2002)."""
    below = 2 * (lo**-0.5 - hinze**-0.5) if lo < hinze else 0.0
    start = max(lo, hinze)
    above = hinze ** (11 / 6) * 3 / 7 * (start ** (-7 / 3) - hi ** (-7 / 3))
    return below, max(above, 0.0)


@njit(cache=True)
def mean_volume_m3(lo, hinze, hi):
    """Mean bubble volume of the spectrum; 3.1 mm3 for 0.15, 1 and 4 mm."""
    below, above = size_counts(lo, hinze, hi)
    r3 = 0.4 * (hinze**2.5 - lo**2.5) + hinze ** (11 / 6) * 1.5 * (hi ** (2 / 3) - hinze ** (2 / 3))
    return 4 / 3 * math.pi * r3 / (below + above)


@njit(cache=True)
def draw_radius_m(u, lo, hinze, hi):
    """Inverse of the cumulative size spectrum at ``u`` in [0, 1)."""
    below, above = size_counts(lo, hinze, hi)
    n = u * (below + above)
    if n < below:
        return (lo**-0.5 - 0.5 * n) ** -2
    start = max(lo, hinze)
    return (start ** (-7 / 3) - (n - below) * 7 / 3 / hinze ** (11 / 6)) ** (-3 / 7)


@njit(cache=True)
def add_ring(out, base, offset, amplitude, hz, damping, rise, sample_rate):
    """Add ``A sin(phi) exp(-beta t)``, ``f(t) = hz (1 + rise beta t)``, from sample
    ``base + offset`` (an integer and a fraction: the same bits wherever a chunk begins) until it
    fell by 60 dB. One complex rotation per sample; no sine in the loop."""
    after = math.ceil(offset)
    first = base + after
    lag = (after - offset) / sample_rate
    steps = min(int(min(6.9 / damping, RING_S) * sample_rate), out.size - first)
    w = 2 * math.pi * hz / sample_rate
    bend = w * rise * damping / sample_rate
    decay = math.exp(-damping / sample_rate)
    phase = 2 * math.pi * hz * lag
    fade = amplitude * math.exp(-damping * lag)
    x, y = fade * math.cos(phase), fade * math.sin(phase)
    turn_c, turn_s = decay * math.cos(w), decay * math.sin(w)
    bend_c, bend_s = math.cos(bend), math.sin(bend)
    for n in range(first, first + steps):
        out[n] += y
        x, y = x * turn_c - y * turn_s, x * turn_s + y * turn_c
        turn_c, turn_s = turn_c * bend_c - turn_s * bend_s, turn_c * bend_s + turn_s * bend_c


@njit(cache=True)
def add_bubbles(
    out, seed, first_row, per_row, sample_rate, rate, hinze, largest, excitation, rise, gain,
    density, viscosity, sound_speed,
):  # fmt: skip
    """Poisson arrivals of ``rate`` [S] bubbles per second (all sizes) into ``out``.

    Bubbles that would ring above 0.46 of the sample rate are thinned out analytically. Each rings
    with ``A = D r / sqrt(1 + (r/r_H)^2)`` (r in mm), D = u^excitation: van den Doel's ``D r^(3/2)``
    (2005 [L]) with the large, ragged bubbles held back [R], or they would drown all others. Depth z
    raises the pitch by ``1/sqrt(1 - r/2z)`` (image bubble, leading order).
    """
    state = np.zeros(1, np.uint64)
    audible = minnaert_hz(1.0, density) / (0.46 * sample_rate)
    row_s = per_row / sample_rate
    for row in range(rate.size):
        if rate[row] <= 0:
            continue
        open_stream(state, seed, BUBBLES, first_row + row)
        hz_, hi = hinze[row], largest[row]
        lo = max(SMALLEST_M, audible)
        if lo >= hi:
            continue
        all_below, all_above = size_counts(SMALLEST_M, hz_, hi)
        below, above = size_counts(lo, hz_, hi)
        expected = rate[row] * row_s * (below + above) / (all_below + all_above)
        t = exponential(state) / expected
        while t < 1:
            r = draw_radius_m(uniform(state), lo, hz_, hi)
            depth = 1 + 8 * uniform(state)
            f = minnaert_hz(r, density)
            beta = damping_1_s(r, f, density, viscosity, sound_speed)
            a = gain * uniform(state) ** excitation * (r * 1e3) / math.sqrt(1 + (r / hz_) ** 2)
            f /= math.sqrt(1 - 0.5 / depth)
            bend = rise * uniform(state)
            if f < 0.47 * sample_rate:
                add_ring(out, row * per_row, t * per_row, a, f, beta, bend, sample_rate)
            t += exponential(state) / expected
