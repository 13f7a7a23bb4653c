"""Liquid at rest in a tilted vessel, as one mesh whose topology never changes.

Reads:  a cavity, world-up in the vessel's frame, millilitres.   Makes: vertices [m].
Used by: scene.render (every frame), scene.build (the first frame).

Every slice z = const of an axisymmetric cavity is a disc cut by the chord where the surface plane
up.x = level meets it. The mesh takes a fixed number of slices at heights that always include where
a slice turns from dry to cut and from cut to full, so the surface is exactly planar and the
waterline sharp. Pockets separated by a narrowing share the mesh, joined by triangles of no area.
"""

import numpy as np
from jaxtyping import Float, Float32, Int32

from ..types import Vessel

GAP_M = 1.5e-4
"""Liquid is drawn this far off the wall, so that the two do not flicker through each other."""
LEVEL_SIN = 1e-6
"""Sine of the tilt below which the surface counts as level with the rim."""


def sheet(rows: int, cols: int, start: int, flip: bool = False) -> np.ndarray:
    """Two triangles per cell of a rows x cols grid of vertices numbered from ``start``."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(cols - 1), indexing="ij")
    a = start + (i * cols + j).ravel()
    faces = np.concatenate(
        [np.stack([a, a + 1, a + cols], 1), np.stack([a + 1, a + cols + 1, a + cols], 1)]
    )
    return faces[:, ::-1] if flip else faces


def signed_volume_ml(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume enclosed by outward-facing triangles (divergence theorem), in millilitres."""
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6 * 1e6)


class LiquidMesh:
    """The liquid of one vessel: ``faces`` once, ``vertices(up, ml)`` every frame."""

    def __init__(
        self,
        vessel: Vessel,
        *,
        slices: int = 40,
        around: int = 40,
        across: int = 7,
        wall_segments: int | None = None,
    ) -> None:
        """``wall_segments``: flats of the wall it is drawn in; the liquid stays within them all."""
        z, r = np.array(vessel.inner, float).T
        self.z = z.copy()
        self.z[0] += GAP_M
        flat = np.cos(np.pi / wall_segments) if wall_segments else 1.0
        self.r = np.maximum(flat * np.interp(self.z, z, r) - GAP_M, 2e-4)
        self.slices, self.around, self.across, self.radial = slices, around, across, 3
        wall, surface, cap = slices * around, slices * across, self.radial * around
        self.count = wall + surface + 2 * cap
        self.faces: Int32[np.ndarray, "F 3"] = np.concatenate([
            sheet(slices, around, 0),
            sheet(slices, across, wall, True),
            sheet(self.radial, around, wall + surface),
            sheet(self.radial, around, wall + surface + cap, True),
        ]).astype(np.int32)  # fmt: skip
        # Slabs for volumes: thin, and never across a corner of the profile.
        grid = np.unique(np.concatenate([self.z, np.linspace(self.z[0], self.z[-1], 100)]))
        self._slab_z, self._slab_dz = (grid[1:] + grid[:-1]) / 2, np.diff(grid)
        self._slab_r = np.interp(self._slab_z, self.z, self.r)

    def volume_ml(self, up: np.ndarray, levels: np.ndarray) -> Float[np.ndarray, " L"]:
        """Volume of the cavity below the planes up.x = level (all pockets together).

        Slice areas are averaged over each slab in closed form, so nothing jumps when the surface
        is nearly parallel to the slices: integral of r^2 acos(c/r) - c sqrt(r^2 - c^2) over c.
        """
        sine = max(float(np.hypot(up[0], up[1])), LEVEL_SIN)
        r = self._slab_r
        chord = (up[2] * self._slab_z - np.asarray(levels, float)[:, None]) / sine / r
        half = np.broadcast_to(abs(up[2]) / sine * self._slab_dz / 2 / r, chord.shape)
        thin = half < 1e-3
        half = np.maximum(half, 1e-3)
        area = np.where(
            thin,
            _segment(chord),
            (_segment_integral(chord + half) - _segment_integral(chord - half)) / (2 * half),
        )
        return (area * r**2 * self._slab_dz).sum(1) * 1e6

    def level(self, up: np.ndarray, ml: float) -> float:
        """Plane up.x = level [m, vessel frame] below which ``ml`` of the cavity lie."""
        sine = float(np.hypot(up[0], up[1]))
        ends = np.concatenate([up[2] * self.z - sine * self.r, up[2] * self.z + sine * self.r])
        low, high = float(ends.min()), float(ends.max())
        for _ in range(3):
            levels = np.linspace(low, high, 9)
            held = self.volume_ml(up, levels)
            k = int(np.clip(np.searchsorted(held, ml) - 1, 0, 7))
            low, high = levels[k], levels[k + 1]
        span = held[k + 1] - held[k]
        return float(low + (high - low) * np.clip((ml - held[k]) / span if span > 0 else 0.5, 0, 1))

    def empty(self) -> Float32[np.ndarray, "V 3"]:
        """All vertices in one point: draws nothing."""
        return np.tile(np.array([[0, 0, self.z[0]]], np.float32), (self.count, 1))

    def vertices(self, up: Float[np.ndarray, " 3"], ml: float) -> Float32[np.ndarray, "V 3"]:
        """The liquid's surface in the vessel's frame; ``up`` is world-up there, unit length."""
        if ml <= 0.02:
            return self.empty()
        level = self.level(up, ml)
        sine = max(float(np.hypot(up[0], up[1])), LEVEL_SIN)
        z = self._heights(up[2] / sine, level / sine)
        if z is None:
            return self.empty()
        r = np.interp(z, self.z, self.r)
        chord = np.clip((up[2] * z - level) / sine / r, -1, 1)
        wet = np.arccos(chord)  # half-angle of the wet arc
        low_side = np.arctan2(-up[1], -up[0])
        angle = low_side + wet[:, None] * np.linspace(-1, 1, self.around)
        arc = np.stack(
            [
                r[:, None] * np.cos(angle),
                r[:, None] * np.sin(angle),
                np.broadcast_to(z[:, None], angle.shape),
            ],
            -1,
        )
        surface = _between(arc, self.across)
        caps = [_cap(a, _between(a[None], self.around)[0], self.radial) for a in (arc[0], arc[-1])]
        parts = (arc, surface, caps[0][::-1], caps[1][::-1])
        return np.concatenate([p.reshape(-1, 3) for p in parts]).astype(np.float32)

    def _heights(self, slope: float, offset: float) -> np.ndarray | None:
        """Slice heights: dry|cut|full borders and sharp profile corners exactly, the rest spread.

        On each conical piece of the wall chord(z) -+ r(z) is linear, so borders are exact roots.
        """
        chord = slope * self.z - offset
        roots = [self.z]
        for sign in (-1, 1):
            g = chord + sign * self.r
            k = np.flatnonzero(g[:-1] * g[1:] < 0)
            roots.append(self.z[k] + (self.z[k + 1] - self.z[k]) * g[k] / (g[k] - g[k + 1]))
        z = np.sort(np.concatenate(roots))
        z = z[np.concatenate([[True], np.diff(z) > 1e-9])]
        middle = (z[1:] + z[:-1]) / 2
        c, r = slope * middle - offset, np.interp(middle, self.z, self.r)
        state = np.where(c >= r, 0, np.where(c <= -r, 2, 1))  # dry, cut, full
        if not state.any():
            return None
        runs = []
        for k in np.flatnonzero(state):
            if runs and runs[-1][2] == state[k] and runs[-1][1] == k:
                runs[-1][1] = k + 1
            else:
                runs.append([k, k + 1, state[k]])
        if len(runs) > self.slices // 4:  # never seen: a profile of many waists
            runs = sorted(sorted(runs, key=lambda a: z[a[0]] - z[a[1]])[: self.slices // 4])
        return np.concatenate(self._spread(z, runs))

    def _spread(self, z: np.ndarray, runs: list) -> list[np.ndarray]:
        """Share the slices among the runs by length; cosine spacing where the surface cuts."""
        length = np.array([z[b] - z[a] for a, b, _ in runs])
        share = np.full(len(runs), 4)
        spare = self.slices - share.sum()
        share += np.floor(spare * length / length.sum()).astype(int)
        share[int(np.argmax(length))] += self.slices - share.sum()
        heights = []
        for (a, b, state), n in zip(runs, share, strict=True):
            s = np.linspace(0, 1, n)
            if state == 1:
                s = (1 - np.cos(np.pi * s)) / 2
            h = z[a] + (z[b] - z[a]) * s
            inner = z[a + 1 : b]
            nearest = np.abs(h[1:-1, None] - inner).argmin(0) + 1 if n > 2 and len(inner) else []
            h[nearest] = inner
            heights.append(np.sort(h))
        return heights


def _segment(c: np.ndarray) -> np.ndarray:
    """Area of the part x >= c of a unit disc."""
    c = np.clip(c, -1, 1)
    return np.arccos(c) - c * np.sqrt(1 - c * c)


def _segment_integral(c: np.ndarray) -> np.ndarray:
    """Antiderivative of _segment over all real c (continued by pi below -1 and by 0 above 1)."""
    inside = np.clip(c, -1, 1)
    root = np.sqrt(1 - inside * inside)
    return inside * np.arccos(inside) - root + root**3 / 3 + np.pi * np.minimum(c + 1, 0)


def _between(arc: np.ndarray, n: int) -> np.ndarray:
    """Straight from the first to the last point of each arc, n points."""
    w = np.linspace(0, 1, n)[None, :, None]
    return arc[:, :1] * (1 - w) + arc[:, -1:] * w


def _cap(arc: np.ndarray, chord: np.ndarray, rows: int) -> np.ndarray:
    """Flat sheet between an arc and its chord."""
    w = np.linspace(0, 1, rows)[:, None, None]
    return arc * (1 - w) + chord * w
