"""How much a tilted vessel holds, and how high its liquid stands: hydrostatics of a round cavity.

Reads:  Vessel, tilt [rad], volume [mL].   Makes: volumes, tilts, levels, PourTable.
Used by: liquid.core (tables), episode (plans a tilt), audio, tests.
Single answers come from Vessel itself, exact but slow for an inner loop; the table is for those.

Geometry. z runs along the vessel's axis from the inner floor, theta is the tilt, and heights are
measured along world up from the centre of the inner floor. The lowest wall line of the cavity is
``w(z) = z cos(theta) - r(z) sin(theta)``. Liquid at z has to climb to
``l(z) = max over z' >= z of w(z')`` to get out: the lip for a cup, the start of a tilted neck for
a bottle, the outermost point of the hole in a lid (towards which such a vessel is tilted). At rest
it fills every slice up to l(z); a *head* h raises that surface everywhere, so
``V(theta, h) = sum of slices of the disc segment below l(z) + h``. Where the wall only descends
towards the mouth, l = w and h is the depth of the layer that runs out along it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numba import njit

from ..errors import SceneError
from ..types import Vessel
from ..types.vessel import MAX_TILT_RAD
from .compiled import EXACT

SECTIONS = 128  # slices of a table
ROWS = 121  # tilts of a table: every 1.25 degrees
BELOW, ABOVE = 40, 72  # heads per row below and above the lip
SEGMENTS = 4097  # entries of the disc-segment lookup


@dataclass(frozen=True)
class PourTable:
    """V(tilt, head) of one vessel on a grid, with what the outflow needs to know per tilt.

    Rows are tilts, equally spaced from 0 to MAX_TILT_RAD; columns are heads, denser near zero and
    scaled per row from an empty to a full cavity. Volumes rise along a row. SI units.
    """

    heads_m: Float[np.ndarray, "R C"]
    volumes_m3: Float[np.ndarray, "R C"]
    sill_radius_m: Float[np.ndarray, " R"]
    """Radius of the opening the liquid goes over: mouth, hole in the lid, or neck."""
    run_down_m: Float[np.ndarray, " R"]
    """Mean height the liquid loses along the wall before it leaves the mouth."""
    slide_m: Float[np.ndarray, " R"]
    """Mean height of the wall's lowest line above the sill: what drives liquid that slides."""


@njit(cache=True)
def _levels(z, r, radius, mouth, tilt, level, pooled):
    """Fill l(z) and whether it lies above the wall, per slice; sill radius, run-down and slide."""
    st, ct = np.sin(tilt), np.cos(tilt)
    n, widest = radius.size, np.argmax(r)
    sill = z[n] * ct - r[n] * st
    sill_radius, rim, total, held, neck = mouth, sill, 0.0, False, sill
    for k in range(n - 1, -1, -1):
        middle = 0.5 * (z[k] + z[k + 1]) * ct - radius[k] * st
        pooled[k] = sill > middle
        level[k] = max(sill, middle)
        held = held or pooled[k]
        total += level[k] * (z[k + 1] - z[k])
        edge = z[k] * ct - r[k] * st
        if edge > sill:
            sill = edge
            if not held and k >= widest and r[k] < sill_radius:
                sill_radius, neck = r[k], edge  # a neck on the way from the mouth to the pool
    above = 0.0
    for k in range(n):
        above += max(level[k] - neck, 0.0) * (z[k + 1] - z[k])
    depth = z[n] - z[0]
    return sill_radius, max(0.0, total / depth - rim), above / depth


@njit(cache=True)
def _primitive(u):
    """Integral from -1 to u of the area of the part x >= c of a unit disc, over c."""
    if u <= -1:
        return np.pi * (u + 1)
    if u >= 1:
        return np.pi
    w = 1 - u * u
    return u * np.arccos(u) - np.sqrt(w) + w * np.sqrt(w) / 3 + np.pi


@njit(cache=True)
def _segment(u):
    """Area of the part x >= u of a unit disc."""
    if u <= -1:
        return np.pi
    if u >= 1:
        return 0.0
    return np.arccos(u) - u * np.sqrt(1 - u * u)


@njit(cache=True)
def _lookup(values, u):
    x = (u + 1) * 0.5 * (values.size - 1)
    i = min(int(x), values.size - 2)
    return values[i] + (x - i) * (values[i + 1] - values[i])


@njit(cache=True)
def _volume(z, radius, tilt, level, pooled, head, primitive, segment):
    """Volume [m3] with the surface ``head`` above the resting one."""
    st, ct, total = max(np.sin(tilt), 1e-6), np.cos(tilt), 0.0
    for k in range(radius.size):
        a, dz = radius[k], z[k + 1] - z[k]
        if pooled[k]:
            u0 = (z[k] * ct - level[k] - head) / (st * a)
            u1 = (z[k + 1] * ct - level[k] - head) / (st * a)
        else:  # a layer on the wall: the same depth along the slice
            u0 = u1 = 1 - head / (st * a)
        if u0 >= 1 and u1 >= 1:
            continue
        if u0 <= -1 and u1 <= -1:
            mean = np.pi
        elif abs(u1 - u0) < 0.05:
            u = 0.5 * (u0 + u1)
            mean = _segment(u) if u <= -1 or u >= 1 else _lookup(segment, u)
        elif abs(u0) >= 1 or abs(u1) >= 1:
            mean = (_primitive(u1) - _primitive(u0)) / (u1 - u0)
        else:
            mean = (_lookup(primitive, u1) - _lookup(primitive, u0)) / (u1 - u0)
        total += a * a * dz * mean
    return total


@njit(cache=True)
def _fill_table(
    z,
    r,
    radius,
    mouth,
    max_tilt,
    below,
    above,
    primitive,
    segment,
    heads,
    volumes,
    sill,
    run,
    slide,
):
    n = radius.size
    level, pooled = np.empty(n), np.empty(n, np.bool_)
    for i in range(heads.shape[0]):
        tilt = max_tilt * i / (heads.shape[0] - 1)
        st, ct = np.sin(tilt), np.cos(tilt)
        sill[i], run[i], slide[i] = _levels(z, r, radius, mouth, tilt, level, pooled)
        low, high = 1e-4, 1e-4  # heads at which the cavity is empty and full
        for k in range(n):
            for e in (k, k + 1):
                low = max(low, level[k] - z[e] * ct + max(r[e], radius[k]) * st)
                high = max(high, z[e] * ct + max(r[e], radius[k]) * st - level[k])
        before = 0.0
        for j in range(below + above + 1):
            t = (j - below) / (below if j < below else above)
            heads[i, j] = -low * (-t) ** 1.5 if t < 0 else high * t**1.75
            v = _volume(z, radius, tilt, level, pooled, heads[i, j], primitive, segment)
            before = max(before, v)  # the lookups may wiggle by 1e-16
            volumes[i, j] = before


@njit(**EXACT)
def row_at(rows, max_tilt, tilt):
    """Row index i and weight f of row i + 1 for a tilt; clamped to the table."""
    x = min(max(tilt / max_tilt * (rows - 1), 0.0), rows - 1.0)
    i = min(int(x), rows - 2)
    return i, x - i


@njit(**EXACT)
def head_of(heads, volumes, i, f, volume, near=0):
    """Invert a table between rows i and i + 1: head [m] over the lip that ``volume`` [m3] gives.

    Also the column below it, which is where to look ``near`` next time: it hardly moves in a step.
    """
    lo, hi = 0, heads.shape[1] - 1
    if (1 - f) * volumes[i, hi] + f * volumes[i + 1, hi] <= volume:
        return (1 - f) * heads[i, hi] + f * heads[i + 1, hi], hi - 1
    if (1 - f) * volumes[i, near] + f * volumes[i + 1, near] <= volume:
        lo = near
        if (1 - f) * volumes[i, near + 1] + f * volumes[i + 1, near + 1] > volume:
            hi = near + 1
    while hi - lo > 1:
        mid = (lo + hi) // 2
        if (1 - f) * volumes[i, mid] + f * volumes[i + 1, mid] <= volume:
            lo = mid
        else:
            hi = mid
    a = (1 - f) * volumes[i, lo] + f * volumes[i + 1, lo]
    b = (1 - f) * volumes[i, hi] + f * volumes[i + 1, hi]
    ha = (1 - f) * heads[i, lo] + f * heads[i + 1, lo]
    hb = (1 - f) * heads[i, hi] + f * heads[i + 1, hi]
    return ha + (hb - ha) * ((volume - a) / (b - a) if b > a else 1.0), lo


@lru_cache(maxsize=256)
def _sections(vessel: Vessel, slices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges z, radii there, and per slice the radius of the cylinder of equal volume."""
    z = np.array([p[0] for p in vessel.inner], float) - vessel.floor_m
    z = np.unique(np.concatenate([np.linspace(0, z[-1], slices + 1), z]))
    z = z[np.concatenate([np.diff(z) > 1e-9, [True]])]
    r = vessel.inner_radius_m(z)
    return z, r, np.sqrt((r[1:] ** 2 + r[1:] * r[:-1] + r[:-1] ** 2) / 3)


@lru_cache(maxsize=1)
def _lookups() -> tuple[np.ndarray, np.ndarray]:
    u = np.linspace(-1, 1, SEGMENTS)
    return np.array([_primitive(x) for x in u]), np.array([_segment(x) for x in u])


@lru_cache(maxsize=128)
def pour_table(vessel: Vessel) -> PourTable:
    """The table of a vessel; kept for the last 128 vessels of the process."""
    z, r, radius = _sections(vessel, SECTIONS)
    columns = BELOW + ABOVE + 1
    heads, volumes = np.empty((ROWS, columns)), np.empty((ROWS, columns))
    sill, run, slide = np.empty(ROWS), np.empty(ROWS), np.empty(ROWS)
    _fill_table(
        z, r, radius, vessel.opening_radius_m, MAX_TILT_RAD, BELOW, ABOVE, *_lookups(),
        heads, volumes, sill, run, slide,
    )  # fmt: skip
    for array in (heads, volumes, sill, run, slide):
        array.setflags(write=False)
    return PourTable(heads, volumes, sill, run, slide)


def held_ml(vessel: Vessel, tilt_rad: float) -> float:
    """Volume [mL] left in the vessel at rest at a tilt: Vessel.held_ml, exact hydrostatics.

    Raises SceneError for a tilt outside [0, MAX_TILT_RAD].
    """
    return vessel.held_ml(tilt_rad)


def tilt_to_hold(vessel: Vessel, volume_ml: float) -> float:
    """The smallest tilt [rad] at which no more than ``volume_ml`` is held: inverse of held_ml.

    0 for a full vessel. Raises SceneError when the vessel keeps more even at MAX_TILT_RAD.
    """
    return vessel.tilt_to_hold_rad(volume_ml)


def surface_level(vessel: Vessel, tilt_rad: float, volume_ml: float) -> float:
    """Height [m] of the free surface above the centre of the inner floor, along world up.

    The horizontal plane below which the cavity holds ``volume_ml`` (clipped to 0 .. capacity): what
    a still liquid shows. Vessel.level_m as a number.
    """
    return float(vessel.level_m(volume_ml, tilt_rad))


def head_m(vessel: Vessel, tilt_rad: float, volume_ml: float) -> float:
    """Free surface above the lip [m], negative below it, from the vessel's table."""
    table = pour_table(vessel)
    if not 0 <= tilt_rad <= MAX_TILT_RAD:
        raise SceneError(f"tilt must lie between 0 and {MAX_TILT_RAD:.3f} rad, got {tilt_rad}")
    i, f = row_at(ROWS, MAX_TILT_RAD, float(tilt_rad))
    return float(head_of(table.heads_m, table.volumes_m3, i, f, volume_ml * 1e-6)[0])
