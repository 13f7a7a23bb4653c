"""Volume of a round cavity under a tilted surface, exactly: what Vessel's methods integrate.

Reads:  a profile (heights above the inner floor and radii, m), a tilt [rad], a surface.
Makes:  volumes [m3].   Used by: types.vessel; liquid and benchmarks through it.

z runs along the axis from the inner floor, heights are measured along world up from the centre of
the inner floor. At z the surface cuts the disc of radius r(z) along the chord
``c = (z cos(tilt) - height) / sin(tilt)``; wet is the part x >= c, of area
``r^2 acos(c / r) - c sqrt(r^2 - c^2)``. On a conical piece of the wall c and r are linear in z, so
where a slice turns from dry to cut and from cut to full is the root of a straight line; between the
roots the area is smooth, and Gauss-Legendre with clustered ends reaches 1e-9.
"""

import numpy as np
from jaxtyping import Float

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_AT = (3 * _NODES - _NODES**3) / 4  # clustered: the area ends like distance^1.5
_SHARE = _WEIGHTS * 0.75 * (1 - _NODES**2)
LEVEL_SIN = 1e-9
"""Sine of the tilt below which a surface is treated as level with the rim."""

Points = Float[np.ndarray, " n"]


def volume_below_m3(z: Points, r: Points, tilt_rad: float, height_m: float) -> float:
    """Volume [m3] of the cavity under the horizontal plane ``height_m`` above the floor's centre."""
    sine, cosine = max(float(np.sin(tilt_rad)), LEVEL_SIN), float(np.cos(tilt_rad))
    chord = (z * cosine - height_m) / sine
    cuts = [z]
    for side in (chord - r, chord + r):
        k = np.flatnonzero(side[:-1] * side[1:] < 0)
        cuts.append(z[k] + (z[k + 1] - z[k]) * side[k] / (side[k] - side[k + 1]))
    edges = np.sort(np.concatenate(cuts))
    middle, length = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    c, radius = (middle * cosine - height_m) / sine, np.interp(middle, z, r)
    full, cut = c <= -radius, np.abs(c) < radius
    ends = np.interp(edges, z, r)
    cone = np.pi / 3 * length * (ends[1:] ** 2 + ends[1:] * ends[:-1] + ends[:-1] ** 2)
    at = middle[cut, None] + length[cut, None] * _AT
    a = np.interp(at, z, r)
    u = np.clip((at * cosine - height_m) / sine / a, -1.0, 1.0)
    area = a * a * (np.arccos(u) - u * np.sqrt(1 - u * u))
    return float(cone[full].sum() + length[cut] @ (area @ _SHARE))


def held_m3(z: Points, r: Points, tilt_rad: float) -> float:
    """Volume [m3] that stays at rest: every pool stands as high as the lowest way out of it.

    Going from the mouth inwards, the way out is the highest point of the lowest wall line
    ``w(z) = z cos(tilt) - r(z) sin(tilt)`` passed so far: the lip of a cup, the sill of a neck.
    """
    wall = z * np.cos(tilt_rad) - r * np.sin(tilt_rad)
    total, sill, top = 0.0, wall[-1], z[-1]
    for k in range(len(z) - 2, -1, -1):
        if wall[k] <= sill:
            continue
        # Here the wall rises out of the pool under the present sill: the pool ends.
        share = (sill - wall[k + 1]) / (wall[k] - wall[k + 1]) if wall[k + 1] < sill else 0.0
        total += _slice_m3(z, r, tilt_rad, sill, z[k + 1] + share * (z[k] - z[k + 1]), top)
        sill, top = wall[k], z[k]
    return total + _slice_m3(z, r, tilt_rad, sill, z[0], top)


def _slice_m3(
    z: Points, r: Points, tilt_rad: float, height_m: float, low: float, high: float
) -> float:
    """volume_below_m3 of the part between two heights along the axis."""
    if high - low < 1e-12:
        return 0.0
    inside = z[(z > low) & (z < high)]
    part = np.concatenate([[low], inside, [high]])
    return volume_below_m3(part, np.interp(part, z, r), tilt_rad, height_m)


def surface_span_m(z: Points, r: Points, tilt_rad: float) -> tuple[float, float]:
    """Heights of the surface at which the cavity is empty and full [m]."""
    along, across = z * np.cos(tilt_rad), r * np.sin(tilt_rad)
    return float((along - across).min()), float((along + across).max())
