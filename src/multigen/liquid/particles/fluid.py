"""A position-based fluid among moving vessels: positions, velocities, one step at a time.

Reads:  vessels, points, poses per step.   Makes: Fluid.   Used by: liquid.particles.fill and .pour.
The loops are in liquid.particles.kernels and .walls; here they are put in order. Deterministic: no randomness,
one thread. SI units, float32.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from ...types import Vessel
from . import kernels as k
from . import walls as w
from .section import stack

G = 9.81
ITERATIONS = 4
SUPPORT = 1.9
"""Kernel radius in spacings: 26 neighbours on the rest lattice."""
COMPLIANCE = 1e-4
"""Softness of the density constraint, in 1 / spacing^2."""
XSPH = 0.01
"""Least share of XSPH smoothing per step; without any, a pool never comes to rest."""
WALL_ENTRIES = 64
CELLS = 1 << 17


class Poses(NamedTuple):
    """Where V vessels are: rotations and positions of their bases (z along their axes), float32."""

    rot: Float32[np.ndarray, "V 3 3"]
    pos: Float32[np.ndarray, "V 3"]


def poses(*where: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]) -> Poses:
    """From (position, rotation) pairs."""
    return Poses(
        np.array([rot for _, rot in where], np.float32),
        np.array([pos for pos, _ in where], np.float32),
    )


class Kernel(NamedTuple):
    """Constants of one spacing: support and factors scaled so that the rest lattice has density 1."""

    h: np.float32
    h2: np.float32
    poly6: np.float32
    spiky: np.float32
    own: np.float32
    """A particle's share of its own density."""
    eps: np.float32
    wall: Float32[np.ndarray, " E"]
    """Density that a half-space at distance e h / (E - 1) adds."""


def kernel(spacing_m: float) -> Kernel:
    """Rest density: cubic lattice of ``spacing_m`` (Macklin & Mueller 2013 leave it to the user)."""
    h = SUPPORT * spacing_m
    poly6, spiky = 315 / (64 * np.pi * h**9), -45 / (np.pi * h**6)
    g = np.arange(-3, 4) * spacing_m
    r2 = (np.stack(np.meshgrid(g, g, g), -1) ** 2).sum(-1)
    scale = 1 / np.where(r2 < h * h, poly6 * (h * h - r2) ** 3, 0).sum()
    z = np.linspace(0, h, 2001)
    plane = poly6 * np.pi / 4 * (h * h - z * z) ** 4  # the kernel's integral over one plane
    area = np.concatenate([[0], np.cumsum(0.5 * (plane[1:] + plane[:-1]) * np.diff(z))])
    wall = np.interp(np.linspace(0, h, WALL_ENTRIES), z, area[-1] - area)
    f = np.float32
    return Kernel(
        f(h), f(h * h), f(poly6 * scale), f(spiky * scale), f(poly6 * scale * h**6),
        f(COMPLIANCE / spacing_m**2), wall.astype(f),
    )  # fmt: skip


def xsph_share(viscosity_m2_s: float, spacing_m: float, dt_s: float) -> float:
    """Share of XSPH smoothing per step that diffuses momentum like a kinematic viscosity.

    One step with share c changes v by c h^2 / 22 lap(v) (the second moment of poly6 is 3 h^2 / 11),
    so c = 22 nu dt / h^2. XSPH is the floor: at millimetres of spacing a pool of particles is some
    ten times as viscous as water whatever one does.
    """
    h = SUPPORT * spacing_m
    return min(XSPH + 22 * viscosity_m2_s * dt_s / h**2, 0.5)


class Fluid:
    """Particles among vessels. ``active`` of them move; the rest (see retire) lie where they are.

    Mutable: ``step`` advances it and REORDERS the particles; ``label`` and ``volume_ml`` travel
    with them.
    """

    def __init__(
        self,
        vessels: tuple[Vessel, ...],
        points: Float[np.ndarray, "N 3"],
        where: Poses,
        *,
        label: np.ndarray | int = 0,
        volume_ml: np.ndarray | float = 0.0,
        spacing_m: float,
        viscosity_m2_s: float,
        dt_s: float,
        table_m: float = 0.0,
    ) -> None:
        n, self.dt = len(points), np.float32(dt_s)
        self.kernel = kernel(spacing_m)
        self.margin = np.float32(0.5 * spacing_m)
        self.table_m = np.float32(table_m)
        self.share = np.float32(xsph_share(viscosity_m2_s, spacing_m, dt_s))
        self.sections, self.where, self.active = stack(vessels), where, n
        f = np.float32
        self.x, self.v = np.ascontiguousarray(points, f), np.zeros((n, 3), f)
        self.label = np.array(np.broadcast_to(label, n), np.int8)
        self.volume_ml = np.array(np.broadcast_to(volume_ml, n), float)
        self._side = np.zeros((len(vessels), n), np.int8)
        self._p, self._push, self._total = (np.zeros((n, m), f) for m in (3, 3, 5))
        self._density, self._lam = np.zeros(n, f), np.zeros(n, f)
        self._grad = np.zeros((n, k.MAX_NEIGHBOURS, 3), f)
        self._near = np.zeros((n, k.MAX_NEIGHBOURS), np.int32)
        self._count, self._cell, self._order = (np.zeros(n, np.int64) for _ in range(3))
        self._start = np.zeros(CELLS + 1, np.int64)
        self._low, self._dims = np.zeros(3, f), np.zeros(3, np.int64)

    def step(self, where: Poses, damping: float = 1.0) -> None:
        """Advance by dt while the vessels move to ``where``; ``damping`` scales velocities first."""
        n, dt, kern, p = self.active, self.dt, self.kernel, self._p
        old, self.where = self.where, where
        if n == 0:
            return
        self.v[:n] *= np.float32(damping)
        self.v[:n, 2] -= np.float32(G) * dt
        p[:n] = self.x[:n] + dt * self.v[:n]
        w.find_sides(self.x, n, self.sections, *old, self._side)
        walls = (
            kern.h, self.x, self.sections, where.rot, where.pos, old.rot, old.pos, self._side,
            self.margin, self.table_m, kern.wall, self._density, self._push,
        )  # fmt: skip
        self._meet(n, walls)
        self._sort(n)
        pairs = self._count, self._near
        for _ in range(ITERATIONS):
            k.multipliers(
                p, n, *kern[:6], *pairs,
                self._density, self._push, self._grad, self._total, self._lam,
            )  # fmt: skip
            k.correct(p, n, *pairs, self._grad, self._push, self._lam, self._total)
            self._meet(n, walls)
        v = (p[:n] - self.x[:n]) / dt
        k.smooth_velocities(p, v, n, kern.h2, kern.poly6, self.share, *pairs, self.v)
        self.x[:n] = p[:n]

    def _meet(self, n: int, walls: tuple) -> None:
        """Walls, then lids."""
        w.meet_walls(self._p, n, *walls)
        for v in np.flatnonzero(self.sections.hole):
            w.meet_lid(
                self._p, n, self.kernel.h, v, self.sections, *self.where, self._side,
                self.margin, self.kernel.wall, self._density, self._push,
            )  # fmt: skip

    def _sort(self, n: int) -> None:
        """Bring everything that moves into the order of the grid's cells, then find pairs."""
        size = self.kernel.h
        grid = self._low, self._dims
        k.sort_into_cells(self._p, n, size, *grid, self._cell, self._start, self._order)
        order = self._order[:n]
        moving = (self._p, self.x, self.v, self.label, self.volume_ml, self._density, self._push)
        for array in moving:
            array[:n] = array[order]
        self._side[:, :n] = self._side[:, order]
        k.find_pairs(self._p, n, size, self.kernel.h2, *grid, self._start, self._count, self._near)

    def retire(self, gone: np.ndarray) -> None:
        """Take active particles (bool mask) out of the motion; they keep place and label."""
        n = self.active
        order = np.concatenate([np.flatnonzero(~gone), np.flatnonzero(gone)])
        for array in (self.x, self.v, self.label, self.volume_ml):
            array[:n] = array[order]
        self.active = n - int(gone.sum())
        self.v[self.active :] = 0
