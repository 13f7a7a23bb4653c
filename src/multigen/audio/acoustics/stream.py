"""From the ledger to what excites sound: entrained air, bubble sizes, splash, dripping, per row.

Reads:  columns of a PourTrace.   Makes: Drive (one row per liquid step).
Used by: acoustics.synth. Row by row and causal: a row depends on itself and on carried memory.
Sources: Bin 1993, Chem. Eng. Sci. 48:3585 (entrainment) [L coefficient and exponents]; Deane &
Stokes 2002 (Hinze radius; scaling with surface tension and dissipation [L]). [R]: our choice.
"""

import math
from dataclasses import fields

import numpy as np
from numba import njit

from ...types import PourTrace
from .bubble import SMALLEST_M, mean_volume_m3
from .chance import FLICKER, normal, open_stream

GRAVITY = 9.81
SILENT_ML_S = 1e-3
"""Below this flow nothing is heard."""
DRIP_ML = 0.06
"""Volume of one drop."""
DRIP_FLOW_ML_S = 2.5
"""Streams thinner than about this fall as drops [R]."""
FILM_M = 1.5e-3
"""A bottom under less liquid than this still sounds hard [R]."""
FLICKER_S = 0.045
"""Correlation time of the turbulence that makes bubbles cluster [R]."""

RATE, HINZE, LARGEST, SPLASH, PATTER, TOUCH, DROPS, LAST_DROPS, SPEED, LEVEL, FALL_S = range(11)
COLUMNS = 11

# memory carried between chunks
M_FLICKER, M_QUIET_S, M_OUT, M_SINCE_STOP_S, M_LEVEL = range(5)
MEMORY = 5


def new_memory() -> np.ndarray:
    """State before the first row: long quiet, nothing ever poured."""
    memory = np.zeros(MEMORY)
    memory[M_QUIET_S] = 1e3
    memory[M_SINCE_STOP_S] = 1e3
    memory[M_LEVEL] = -1.0
    return memory


def rows_between(trace: PourTrace, start: int, stop: int) -> PourTrace:
    """Rows ``start`` to ``stop`` (exclusive) of a trace, as the next piece of a stream."""
    columns = (getattr(trace, f.name)[start:stop] for f in fields(trace)[1:])
    return PourTrace(trace.liquid_hz, *columns)


@njit(cache=True)
def hinze_m(speed, diameter, density, tension):
    """Hinze radius ``1 mm ((sigma/rho)/(sigma/rho)_water)^(3/5) (eps/eps_0)^(-2/5)``, dissipation
    ``eps ~ v^3/d`` relative to a jet of 6 mm at 1.7 m/s (scaling [L], reference [R])."""
    tension_ratio = (tension / density) / (0.073 / 998.0)
    eps_ratio = (speed**3 / diameter) / (1.7**3 / 6e-3)
    return min(max(1e-3 * tension_ratio**0.6 * eps_ratio**-0.4, 0.5e-3), 2.2e-3)


@njit(cache=True)
def air_m3_s(flow_m3_s, speed, diameter, drop):
    """Entrained air ``0.04 Q Fr^0.28 (h/d)^0.4``, Fr = v^2/(g d) (Bin 1993 [L]), faded out below
    the inception speed of 0.8-1 m/s [L] softly, from 1.1 down to 0.3 m/s [R]."""
    froude = speed * speed / (GRAVITY * diameter)
    x = min(max((speed - 0.3) / 0.8, 0.0), 1.0)
    reach = min(froude**0.28 * (drop / diameter) ** 0.4, 40.0)
    return 0.04 * flow_m3_s * reach * x * x * (3 - 2 * x)


@njit(cache=True)
def drive_rows(
    memory, seed, first_row, hz, flow_out, flow_in, drop, speed, diameter, level,
    density, viscosity, tension, hinze_factor, entrainment, flicker,
):  # fmt: skip
    """Excitation per row, [S COLUMNS]; updates ``memory`` in place."""
    out = np.zeros((flow_in.size, COLUMNS))
    state = np.zeros(1, np.uint64)
    keep = math.exp(-1 / (hz * FLICKER_S))
    for s in range(flow_in.size):
        open_stream(state, seed, FLICKER, first_row + s)
        memory[M_FLICKER] = keep * memory[M_FLICKER] + math.sqrt(1 - keep * keep) * normal(state)
        row = out[s]
        row[LEVEL] = level[s]
        film = memory[M_LEVEL] if memory[M_LEVEL] >= 0 else level[s]
        hard = math.exp(-film / FILM_M)
        q = flow_in[s]
        v = speed[s] if speed[s] > 0 else math.sqrt(2 * GRAVITY * max(drop[s], 0.0))
        row[SPEED] = v
        _cut_off(memory, row, flow_out[s], drop[s], hz)
        if q > SILENT_ML_S and v > 0:
            m3 = q * 1e-6
            d = diameter[s] if diameter[s] > 0 else math.sqrt(4 * m3 / (math.pi * v))
            thin = math.exp(-q / DRIP_FLOW_ML_S)
            gust = math.exp(flicker * memory[M_FLICKER] - 0.5 * flicker * flicker)
            size = max(min(hinze_factor * hinze_m(v, d, density, tension), 2.5e-3), 3 * SMALLEST_M)
            top = min(max(0.7 * d, 1.5 * size), 4e-3)
            air = air_m3_s(m3, v, d, max(drop[s], 0.0)) * entrainment * gust
            air *= (1 - hard) * (1 - thin) / (1 + viscosity / 0.03)
            row[RATE] = air / mean_volume_m3(SMALLEST_M, size, top)
            row[HINZE], row[LARGEST] = size, top
            row[SPLASH] = math.sqrt(m3 / 1e-4) * v**1.5 * (1 - 0.5 * thin) * gust
            row[PATTER] = hard * q / 0.25
            row[DROPS] = thin * q / DRIP_ML
            if memory[M_QUIET_S] > 0.15:
                row[TOUCH] = hard * v
            memory[M_QUIET_S] = 0.0
        else:
            memory[M_QUIET_S] += 1 / hz
        memory[M_LEVEL] = level[s]
    return out


@njit(cache=True)
def _cut_off(memory, row, flow_out, drop, hz):
    """Rate of the last drops: begins when the lip's stream ends and dies out within a second [R]."""
    if flow_out > 1.0:
        memory[M_OUT] = 1.0
        memory[M_SINCE_STOP_S] = 1e3
    elif flow_out < 0.3 and memory[M_OUT] > 0:
        memory[M_OUT] = 0.0
        memory[M_SINCE_STOP_S] = 0.0
    else:
        memory[M_SINCE_STOP_S] += 1 / hz
    since = memory[M_SINCE_STOP_S]
    if 0.05 < since < 3 and drop > 0:
        row[LAST_DROPS] = 6 * math.exp(-since / 0.35)
    row[FALL_S] = math.sqrt(2 * max(drop, 0.0) / GRAVITY)
