"""Bending modes of the receiver's wall: the faint, falling note of a glass that fills.

Reads:  a Vessel, a liquid level.   Makes: mode pitches; kernel ``add_walls``.   Used by: synth.
Source: French 1983 [L], in the form used by the SoundOfWater code for cylinders; handbook
material constants [L]. Weak in pouring [R].
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from ...errors import ConfigError
from ...types import Vessel


@dataclass(frozen=True)
class Material:
    """Nominal elastic constants and how long a wall rings."""

    young_pa: float
    density_kg_m3: float
    sharpness: float
    loudness: float


MATERIALS = {
    "glass": Material(63e9, 2500, 180, 1.0),
    "metal": Material(190e9, 7900, 220, 1.0),
    "ceramic": Material(70e9, 2400, 70, 0.7),
    "plastic": Material(2.5e9, 1150, 12, 0.5),
    "paper": Material(3e9, 700, 6, 0.35),
}
NODES = (2, 3)
"""Nodal diameters of the modes that are heard."""


def material_of(vessel: Vessel) -> Material:
    """Raises ConfigError for a material nobody measured."""
    if vessel.material not in MATERIALS:
        raise ConfigError(
            f"{vessel.name}: material '{vessel.material}' has no sound; use one of {sorted(MATERIALS)}"
        )
    return MATERIALS[vessel.material]


def wall_modes_hz(vessel: Vessel) -> tuple[float, ...]:
    """Pitches of the empty vessel, one per entry of NODES:
    ``(1/(12 pi)) sqrt(3 E/rho) (a/R^2) sqrt(((n^2-1)^2 + (1.875 R/H)^4) / (1 + 1/n^2))``."""
    m = material_of(vessel)
    a, r, h = wall_thickness_m(vessel), vessel.rim_radius_m, vessel.depth_m
    stiff = math.sqrt(3 * m.young_pa / m.density_kg_m3) * a / r**2 / (12 * math.pi)
    return tuple(
        stiff * math.sqrt(((n * n - 1) ** 2 + (1.875 * r / h) ** 4) / (1 + 1 / n**2)) for n in NODES
    )


def wall_thickness_m(vessel: Vessel) -> float:
    """Mean over the upper half, at least 0.2 mm."""
    up = np.linspace(0.5, 1.0, 9) * vessel.depth_m
    inner = vessel.inner_radius_m(up)
    outer = vessel.outer_radius_m(up + vessel.height_m - vessel.depth_m)
    return max(float(np.mean(outer - inner)), 0.2e-3)


def liquid_load(vessel: Vessel, liquid_density: float) -> float:
    """K' of ``f = f0 / sqrt(1 + K' (hl/H)^4)``: ``(1/5) (rho_l R) / (rho_s a)`` (French 1983 [L])."""
    m = material_of(vessel)
    a = wall_thickness_m(vessel)
    return 0.2 * liquid_density * vessel.rim_radius_m / (m.density_kg_m3 * a)


@njit(cache=True)
def add_walls(
    drive, out, state, level, per_row, sample_rate, modes_hz, depth, load, sharpness, gain
):
    """Two-pole filters on the wall's modes, driven by ``drive`` [N], retuned per row."""
    for row in range(level.size):
        fill = min(max(level[row] / depth, 0.0), 1.0)
        for m in range(modes_hz.size):
            hz = modes_hz[m] / math.sqrt(1 + load * fill**4)
            if hz > 0.45 * sample_rate:
                continue
            w = 2 * math.pi * hz / sample_rate
            alpha = math.sin(w) / (2 * sharpness / (1 + 2 * fill))
            b = alpha / (1 + alpha)
            a1, a2 = -2 * math.cos(w) / (1 + alpha), (1 - alpha) / (1 + alpha)
            s1, s2 = state[m, 0], state[m, 1]
            for i in range(row * per_row, (row + 1) * per_row):
                x = drive[i]
                y = b * x + s1
                s1 = s2 - a1 * y
                s2 = -b * x - a2 * y
                out[i] += gain * y
            state[m, 0] = s1 if abs(s1) > 1e-30 else 0.0
            state[m, 1] = s2 if abs(s2) > 1e-30 else 0.0
