"""Resonances of the air above the liquid, for any receiver profile, tabulated once per receiver.

Reads:  a Vessel.   Makes: AirColumn (pitch and sharpness per level); kernel ``add_column``.
Used by: acoustics.synth.
A chain of short cylinders from the liquid (rigid) to the mouth (radiating) covers cups, cones,
mugs and bottles (where the lowest mode is the Helmholtz resonance) with one code.
Sources: Levine & Schwinger 1948 [L] (end correction 0.61 R, radiation resistance); Fletcher &
Rossing, The Physics of Musical Instruments [L] (wall losses). [R]: chosen by ear or for range.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numba import njit

from ...types import Vessel
from ...types.vessel import Profile

MODES = 4
LEVELS = 72
END_CORRECTION = 0.61
"""In mouth radii, thin rim."""
COLD_C = 331.3
"""Speed of sound in air at 0 C, m/s."""
OTHER_LOSS_Q = 22.0
"""Sharpness left by what the radiation formula omits: rough surface, jet in the column, foam [R]."""
LOWEST_HZ, HIGHEST_HZ = 60.0, 9000.0


def speed_of_sound_m_s(celsius: float) -> float:
    """In air: ``331.3 sqrt(1 + T / 273.15)``; 343.2 at 20 C."""
    return COLD_C * math.sqrt(1 + celsius / 273.15)


def air_temperature_c(liquid_c: float, room_c: float = 20.0) -> float:
    """Air over a hot drink is warm, not hot: 60 % of the way from room to liquid [R]."""
    return room_c + 0.6 * (liquid_c - room_c)


@dataclass(frozen=True)
class AirColumn:
    """Modes per level at c = 1 m/s (multiply by the speed of sound), level axis rising."""

    level_m: Float[np.ndarray, " L"]
    wavenumber: Float[np.ndarray, "L K"]
    """k = w/c of mode K at each level, 1/m; held at the last found value where a mode is gone."""
    sharpness: Float[np.ndarray, "L K"]
    """Quality factor from radiation and wall losses; 0 where the mode does not exist."""
    mouth_radius_m: float

    def resonance_hz(self, level_m: float, celsius: float = 20.0) -> Float[np.ndarray, " K"]:
        """Pitches with the surface at ``level_m`` above the inner floor."""
        c = speed_of_sound_m_s(celsius)
        column = [np.interp(level_m, self.level_m, k) for k in self.wavenumber.T]
        return np.array(column) * c / (2 * np.pi)


def air_column(receiver: Vessel) -> AirColumn:
    """Table for one receiver; remembered by its inner profile."""
    return _tabulate(receiver.inner)


@lru_cache(maxsize=64)
def _tabulate(inner: Profile) -> AirColumn:
    z, r = np.array(inner, float).T
    z = z - z[0]
    # A vessel filled to the brim keeps 3 % of air, so that the table ends at a finite pitch.
    levels = np.linspace(0, 0.97 * z[-1], LEVELS)
    reference_c = speed_of_sound_m_s(20.0)
    grid = 2 * np.pi * np.geomspace(LOWEST_HZ, HIGHEST_HZ, 700) / reference_c
    k, q = np.zeros((LEVELS, MODES)), np.zeros((LEVELS, MODES))
    for i, level in enumerate(levels):
        length, radius = _slices(z, r, level)
        k[i], q[i] = _modes(length, radius, grid)
    for mode in range(MODES):  # a vanished mode keeps its last pitch while its gain fades to zero
        found = np.flatnonzero(q[:, mode] > 0)
        if len(found):
            k[:, mode] = np.interp(levels, levels[found], k[found, mode])
        else:
            k[:, mode] = grid[-1]
    return AirColumn(levels, k, q, float(r[-1]))


def _slices(z: np.ndarray, r: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """(lengths, mean radii) of cylinders from ``level`` to the brim: walls that run straight up
    stay one exact cylinder, slopes are cut every 4 mm."""
    edges = [level]
    for z0, z1, r0, r1 in zip(z, z[1:], r, r[1:], strict=False):
        if z1 <= level + 1e-9:
            continue
        start = max(z0, level)
        pieces = 1 if abs(r1 - r0) < 1e-9 else max(1, math.ceil((z1 - start) / 4e-3))
        edges.extend(np.linspace(start, z1, pieces + 1)[1:])
    cut = np.array(edges)
    return np.diff(cut), np.interp((cut[1:] + cut[:-1]) / 2, z, r)


@njit(cache=True)
def _mouth_mismatch(k, length, radius):
    """Zero at a resonance: the pressure 0.61 R beyond the mouth (rho c = 1, no losses).

    From p = 1, U = 0 at the rigid end, U = -i u, each cylinder turns (p, u) by k l. For one
    cylinder the zeros are those of cos(k (L + 0.61 R)): odd quarter waves.
    """
    p, u = 1.0, 0.0
    for s in range(length.size):
        area = math.pi * radius[s] ** 2
        c, sn = math.cos(k * length[s]), math.sin(k * length[s])
        p, u = p * c - u * sn / area, u * c + p * sn * area
    mouth = radius[-1]
    end = k * END_CORRECTION * mouth
    return p * math.cos(end) - u * math.sin(end) / (math.pi * mouth**2)


@njit(cache=True)
def _end_impedance(k, length, radius):
    """Impedance of column, end correction and radiation where the pressure vanishes, rho c = 1;
    viscothermal wall losses ``alpha = 3e-5 sqrt(f) / a`` [L], radiation ``(kR)^2 / (4 area)``."""
    p, v = 1.0 + 0j, 0.0 + 0j
    hz = k * 343.2 / (2 * math.pi)
    mouth = radius[-1]
    for s in range(length.size + 1):
        a = radius[s] if s < length.size else mouth
        span = length[s] if s < length.size else END_CORRECTION * mouth
        area = math.pi * a**2
        g = 1j * k + 3e-5 * math.sqrt(hz) / a
        ch, sh = np.cosh(g * span), np.sinh(g * span)
        p, v = p * ch + v * sh / area, v * ch + p * sh * area
    return p / v + 0.25 * min(k * mouth, 2.0) ** 2 / (math.pi * mouth**2)


@njit(cache=True)
def _modes(length, radius, grid):
    """First MODES resonances: (wavenumber, Q); zeros where there is none on the grid.

    ``Q = (w/2) (dX/dw) / R`` of the total impedance; (2k - 1) pi / (k R)^2 for a cylinder. Above the
    first transverse mode, k R = 1.841, plane waves are no longer the whole story: fade it out.
    """
    k_out, q_out = np.zeros(MODES), np.zeros(MODES)
    found = 0
    before = _mouth_mismatch(grid[0], length, radius)
    for i in range(1, grid.size):
        after = _mouth_mismatch(grid[i], length, radius)
        if before * after < 0 and found < MODES:
            lo, hi, f_lo = grid[i - 1], grid[i], before
            for _ in range(30):
                mid = 0.5 * (lo + hi)
                f_mid = _mouth_mismatch(mid, length, radius)
                if f_mid * f_lo > 0:
                    lo, f_lo = mid, f_mid
                else:
                    hi = mid
            k = 0.5 * (lo + hi)
            step = 1e-4 * k
            up = _end_impedance(k + step, length, radius)
            down = _end_impedance(k - step, length, radius)
            slope = (up.imag - down.imag) / (2 * step)
            loss = 0.5 * (up.real + down.real)
            fade = min(1.0, max(0.0, (2.6 - k * radius[-1]) / (2.6 - 1.841)))
            k_out[found] = k
            q_out[found] = min(max(0.5 * k * slope / loss, 0.3), 200.0) * fade
            found += 1
        before = after
    return k_out, q_out


@njit(cache=True)
def add_column(
    dry, out, state, level, previous_level, foam, per_row, sample_rate, sound_m_s,
    table_level, table_k, table_q, q_factor, gain,
):  # fmt: skip
    """Add the resonances of the column, driven by ``dry`` [N], to ``out`` [N].

    Between the bottom's volume flow and the mouth's a cylinder has the response 1/cos(k L), whose
    partial fractions are bands of peak 4 Q_k / (pi (2k - 1)) around the modes; each band is a
    two-pole, two-zero filter (constant peak form), retuned every 5 ms with its state carried over.
    ``state`` [K 2] is that memory, in transposed direct form. ``foam`` [S] in [0, 1] dulls the Q.
    """
    hop = max(1, int(0.005 * sample_rate))
    n = 0
    for row in range(level.size):
        start, stop = n, n + per_row
        before = level[row - 1] if row else previous_level
        while n < stop:
            end = min(n + hop, stop)
            share = (end - start) / per_row
            here = before + share * (level[row] - before)
            for mode in range(table_k.shape[1]):
                q_open = np.interp(here, table_level, table_q[:, mode])
                hz = np.interp(here, table_level, table_k[:, mode]) * sound_m_s / (2 * math.pi)
                if q_open <= 0 or hz > 0.45 * sample_rate:
                    state[mode, 0] = 0.0
                    state[mode, 1] = 0.0
                    continue
                other = OTHER_LOSS_Q * q_factor / (1 + 3 * foam[row])
                q = max(0.5, 1 / (1 / (q_open * q_factor) + 1 / other))
                w = 2 * math.pi * hz / sample_rate
                alpha = math.sin(w) / (2 * q)
                b = alpha / (1 + alpha)
                a1, a2 = -2 * math.cos(w) / (1 + alpha), (1 - alpha) / (1 + alpha)
                peak = gain * 4 * q / (math.pi * (2 * mode + 1)) * min(1.0, q_open)
                s1, s2 = state[mode, 0], state[mode, 1]
                for i in range(n, end):
                    x = dry[i]
                    y = b * x + s1
                    s1 = s2 - a1 * y
                    s2 = -b * x - a2 * y
                    out[i] += peak * y
                # a filter that rings out must end at zero, not in denormal numbers
                state[mode, 0] = s1 if abs(s1) > 1e-30 else 0.0
                state[mode, 1] = s2 if abs(s2) > 1e-30 else 0.0
            n = end
