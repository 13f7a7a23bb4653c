"""The cut through a vessel's wall as distance tables: how far is a point from it, on either side?

Reads:  Vessel.   Makes: Section (one vessel), Sections (several, stacked for compiled loops).
Used by: liquid.particles (collisions, wall density, which particle is in which vessel).

An axisymmetric vessel is a polyline in the (r, z) half-plane, so distances to it are exact per
segment; they are tabulated once per vessel and interpolated bilinearly. There are two tables, one
per side: what is in the cavity knows the inner wall alone, everything else the outer wall, bottom
and rim. Neither side ever sees the other's distance, so a wall may be thinner than a time step's
motion. The caller decides the side. The lid of a can, the one thing that is not round, is no part
of the tables (walls.meet_lid).
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from ...types import Vessel

STEP_M = 1e-3
"""Spacing of the tables; distances to straight walls are exact, at corners right to 0.3 mm."""
PAD_M = 0.03
"""The tables reach this far beyond the vessel; nothing further away is near."""
INNER, OUTER = 0, 1
EXTENDED_M = 2.5 * STEP_M
"""The inner wall is continued this far above the rim, for the cells that straddle its plane."""


@dataclass(frozen=True)
class Section:
    """Signed distances [m] at ``z = rim_m + (row - rim_row) step``, ``r = column step``.

    Row ``rim_row`` lies in the rim's plane, so that no lookup mixes what is above it and below.
    """

    distance_m: Float32[np.ndarray, "2 Z R"]
    """[INNER]: to the inner wall and floor, positive in the cavity. [OUTER]: to bottom, outer wall
    and rim, positive outside (the cavity, below the rim's plane, counts as solid there)."""
    middle_m: Float32[np.ndarray, " Z"]
    """Radius of the middle of the wall per row; nearer to the axis is inside."""
    rim_row: int
    rim_m: float
    floor_m: float


class Sections(NamedTuple):
    """Sections of V vessels, padded to one shape, as compiled loops take them (float32)."""

    distance: np.ndarray
    """[V, 2, Z, R]"""
    middle: np.ndarray
    """[V, Z]"""
    rim_row: np.ndarray
    """[V], int64"""
    rim: np.ndarray
    """[V] height of the rim above the vessel's base"""
    floor: np.ndarray
    """[V] half the thickness of the bottom: higher is inside"""
    reach: np.ndarray
    """[V] radius beyond which nothing is near"""
    hole: np.ndarray
    """[V] radius of the hole in a lid that closes the rim; 0: no lid"""
    offset: np.ndarray
    """[V] from the axis to the middle of that hole, along +x"""


def distance_to_polyline(
    r: Float[np.ndarray, "..."], z: Float[np.ndarray, "..."], points: Float[np.ndarray, "P 2"]
) -> Float[np.ndarray, "..."]:
    """Unsigned distance [m] from points (r, z) to a chain of (z, r) vertices, exact per segment."""
    best = np.full(np.broadcast(r, z).shape, np.inf)
    for (z0, r0), (z1, r1) in pairwise(points):
        along = (r - r0) * (r1 - r0) + (z - z0) * (z1 - z0)
        t = np.clip(along / max((r1 - r0) ** 2 + (z1 - z0) ** 2, 1e-18), 0, 1)
        best = np.minimum(best, np.hypot(r - r0 - t * (r1 - r0), z - z0 - t * (z1 - z0)))
    return best


@lru_cache(maxsize=64)
def section(vessel: Vessel) -> Section:
    """The tables of a vessel; kept for the last 64 vessels of the process."""
    inner, outer = np.array(vessel.inner, float), np.array(vessel.outer, float)
    rim, floor = float(inner[-1, 0]), float(inner[0, 0])
    below = int(np.ceil((rim + PAD_M) / STEP_M))
    z = rim + (np.arange(below + int(PAD_M / STEP_M) + 1) - below)[:, None] * STEP_M
    r = np.arange(int(np.ceil((outer[:, 1].max() + PAD_M) / STEP_M)) + 1)[None] * STEP_M
    wall = np.concatenate([[[floor, 0.0]], inner])
    if vessel.mouth_radius_m is None:
        # a lid's end is almost flat: continued, it would roof the hole
        last = inner[-1] - inner[-2]
        wall = np.concatenate([wall, [inner[-1] + last * EXTENDED_M / last[0]]])
    hull = np.concatenate([[[0.0, 0.0]], outer, [inner[-1]]])
    r_inner = np.interp(z, wall[1:, 0], wall[1:, 1])
    r_outer = np.interp(z, outer[:, 0], outer[:, 1])
    in_cavity = (z > floor) & (r < r_inner)
    in_hull = (z > 0) & (z < rim - 0.5 * STEP_M) & (r < r_outer)
    distance = np.stack([
        np.where(in_cavity, 1, -1) * distance_to_polyline(r, z, wall),
        np.where(in_hull, -1, 1) * distance_to_polyline(r, z, hull),
    ]).astype(np.float32)  # fmt: skip
    middle = (0.5 * (r_inner + r_outer))[:, 0].astype(np.float32)
    for array in (distance, middle):
        array.setflags(write=False)
    return Section(distance, middle, below, rim, floor)


def stack(vessels: tuple[Vessel, ...]) -> Sections:
    """Sections of several vessels in arrays of one shape."""
    cuts = [section(v) for v in vessels]
    rows = max(c.distance_m.shape[1] for c in cuts)
    columns = max(c.distance_m.shape[2] for c in cuts)
    distance = np.full((len(cuts), 2, rows, columns), 1.0, np.float32)
    middle = np.zeros((len(cuts), rows), np.float32)
    for k, c in enumerate(cuts):
        _, nz, nr = c.distance_m.shape
        distance[k, :, :nz, :nr] = c.distance_m
        middle[k, :nz] = c.middle_m
    return Sections(
        distance,
        middle,
        np.array([c.rim_row for c in cuts]),
        np.array([c.rim_m for c in cuts], np.float32),
        np.array([0.5 * c.floor_m for c in cuts], np.float32),
        np.array([(c.distance_m.shape[2] - 2) * STEP_M for c in cuts], np.float32),
        np.array([v.mouth_radius_m or 0.0 for v in vessels], np.float32),
        np.array([v.mouth_offset_m for v in vessels], np.float32),
    )
