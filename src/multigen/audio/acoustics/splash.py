"""What is heard besides entrained bubbles: jet noise, patter on a dry bottom, drops, fizz, spills.

Reads:  Drive rows.   Makes: pressure samples.   Used by: acoustics.synth.
Levels and time constants here are choices [R]; the mechanisms: drops are heard through the single
bubble they trap 10-30 ms after a nearly silent impact (Phillips, Agarwal & Jordan 2018, Sci. Rep.
8:9515; delay [L]); fizz is a train of short pops whose rate follows the gas release and decays in
5-20 s (Poujol et al. 2021 [L]).
"""

import math

import numpy as np
from numba import njit

from .bubble import add_ring, damping_1_s, minnaert_hz
from .chance import DRIPS, FIZZ, IMPACT, exponential, open_stream, uniform

FIZZ_DECAY_S = 9.0
DRIP_SPAN_S = 0.5
"""No drop is scheduled further ahead than this: fall, delay and ring."""


@njit(cache=True)
def add_noise(out, state, seed, stream, first_row, per_row, sample_rate, level, before, low, high):
    """Band noise with amplitude ``level`` [S], ramped from row to row: -6 dB per octave above
    ``high`` Hz, cut below ``low`` Hz. ``state`` [2] is the filters' memory."""
    draw = np.zeros(1, np.uint64)
    fast = 1 - math.exp(-2 * math.pi * high / sample_rate)
    slow = 1 - math.exp(-2 * math.pi * low / sample_rate)
    unit = math.sqrt(12.0 * sample_rate / 16_000)  # the same power per hertz at any rate
    a, b = state[0], state[1]
    for row in range(level.size):
        start = level[row - 1] if row else before
        if start <= 0 and level[row] <= 0 and abs(a) + abs(b) < 1e-12:
            a, b = 0.0, 0.0
            continue
        open_stream(draw, seed, stream, first_row + row)
        step = (level[row] - start) / per_row
        for i in range(per_row):
            white = (uniform(draw) - 0.5) * unit * (start + step * (i + 1))
            a += fast * (white - a)
            b += slow * (a - b)
            out[row * per_row + i] += a - b
    state[0], state[1] = a, b


@njit(cache=True)
def add_click(out, draw, start, amplitude, decay_s, sample_rate):
    """A burst of noise that starts at once and decays; slightly dulled."""
    fall = math.exp(-1 / (decay_s * sample_rate))
    unit = math.sqrt(12.0 * sample_rate / 16_000)
    blur = 1 - math.exp(-2 * math.pi * 2300 / sample_rate)
    smooth = 0.0
    for i in range(start, min(start + int(7 * decay_s * sample_rate), out.size)):
        smooth += blur * ((uniform(draw) - 0.5) * unit - smooth)
        out[i] += amplitude * smooth
        amplitude *= fall


@njit(cache=True)
def add_patter(out, seed, first_row, per_row, sample_rate, patter, touch, speed, gain):
    """Lumps of liquid on a hard bottom: Poisson clicks, and one stronger first touch."""
    draw = np.zeros(1, np.uint64)
    for row in range(patter.size):
        if patter[row] <= 1e-6 and touch[row] <= 0:
            continue
        open_stream(draw, seed, IMPACT, first_row + row)
        if touch[row] > 0:
            add_click(out, draw, row * per_row, 2.2 * gain * touch[row], 0.006, sample_rate)
        expected = patter[row] * per_row / sample_rate
        t = exponential(draw) / max(expected, 1e-9)
        while t < 1:
            loud = gain * speed[row] * (0.3 + uniform(draw))
            decay = 0.0015 + 0.003 * uniform(draw)
            add_click(out, draw, row * per_row + int(t * per_row), loud, decay, sample_rate)
            t += exponential(draw) / expected


@njit(cache=True)
def add_drops(
    out, seed, first_row, per_row, sample_rate, drops, last_drops, fall_s, speed, level, gain,
    density, viscosity, sound_speed,
):  # fmt: skip
    """Single drops: half of them trap a bubble of 0.6-1.8 mm that rings clearly; on a dry bottom
    they only tick. ``drops`` [1/s] land in this row, ``last_drops`` leave the lip in it."""
    draw = np.zeros(1, np.uint64)
    for row in range(drops.size):
        late = last_drops[row] > 0
        rate = drops[row] + last_drops[row]
        if rate <= 1e-6:
            continue
        open_stream(draw, seed, DRIPS, first_row + row)
        expected = rate * per_row / sample_rate
        t = exponential(draw) / expected
        while t < 1:
            wait = (0.01 + 0.02 * uniform(draw)) + (fall_s[row] if late else 0.0)
            offset = t * per_row + min(wait, DRIP_SPAN_S / 2) * sample_rate
            r = 0.6e-3 + 1.2e-3 * uniform(draw) ** 1.5
            loud = gain * (0.4 + 0.6 * uniform(draw)) * (r * 1e3) ** 1.5
            traps = uniform(draw) < 0.5
            if level[row] < 2e-3:
                add_click(
                    out,
                    draw,
                    row * per_row + int(offset),
                    gain * 0.4 * max(speed[row], 0.8),
                    0.002,
                    sample_rate,
                )
            elif traps:
                f = minnaert_hz(r, density)
                beta = damping_1_s(r, f, density, viscosity, sound_speed)
                if f < 0.45 * sample_rate:
                    add_ring(out, row * per_row, offset, loud, f, beta, 0.1, sample_rate)
            t += exponential(draw) / expected


@njit(cache=True)
def add_fizz(out, gas, seed, first_row, per_row, sample_rate, flow_in, fizz, gain, foam):
    """Pops at a rate that follows the gas still to be released; fills ``foam`` [S] in [0, 1].

    ``gas`` [1] carries the pool: each millilitre of a liquid of ``fizz`` 1 brings 40 pops, released
    with FIZZ_DECAY_S.
    """
    draw = np.zeros(1, np.uint64)
    row_s = per_row / sample_rate
    for row in range(flow_in.size):
        gas[0] = gas[0] * math.exp(-row_s / FIZZ_DECAY_S) + 40 * fizz * flow_in[row] * row_s
        expected = gas[0] / FIZZ_DECAY_S * row_s
        foam[row] = 1 - math.exp(-gas[0] / 3000)
        if expected < 1e-5:
            continue
        open_stream(draw, seed, FIZZ, first_row + row)
        t = exponential(draw) / expected
        while t < 1:
            hz = 2500 * math.exp(1.3 * uniform(draw))
            loud = gain * uniform(draw) ** 2
            if hz < 0.45 * sample_rate:
                add_ring(out, row * per_row, t * per_row, loud, hz, 0.12 * hz, 0.3, sample_rate)
            t += exponential(draw) / expected
