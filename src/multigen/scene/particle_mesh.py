"""Particles as one smooth surface, cut where the liquid is in flight: two meshes of varying topology.

Reads:  points, their places, both vessels and their poses.   Makes: Surface (vertices, faces, normals).
Used by: scene.render (every frame), scene.build (room for the largest).

Surface: splashsurf's marching cubes on the particles' colour field with weighted Laplacian smoothing
(Loeschner, Boettcher, Jeske, Bender 2023, "Weighted Laplacian Smoothing for Surface Reconstruction
of Particle-based Fluids"). Masks count it like the hydraulic model's meshes: what is in flight is
the stream, the rest liquid. Spilled particles are not drawn, as spilled millilitres are not there.
"""

from typing import NamedTuple

import numpy as np
import pysplashsurf
from jaxtyping import Float32, Int8, Int32
from scipy.spatial import cKDTree

from ..types import Vessel
from .liquid_mesh import GAP_M, sheet

FLIGHT, SPILLED = 1, 3
"""Places of particles (0 in the source, 2 in the receiver)."""
CUBE = 1.3
"""Grid of the marching cubes, in particle radii."""
COARSER = 1.3
NAMES = ("particle_liquid", "particle_stream")
"""Geoms, the first of role liquid, the second of role stream."""
STREAM_SHARE = 0.4
"""Room for the stream, of what the liquid gets."""


class Surface(NamedTuple):
    """A triangle mesh in the world frame, outward-facing."""

    vertices: Float32[np.ndarray, "V 3"]
    faces: Int32[np.ndarray, "F 3"]
    normals: Float32[np.ndarray, "V 3"]


NOTHING = Surface(
    np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32)
)


def room(particles: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Most (vertices, faces) of the two meshes for so many particles; see fitted_surfaces."""
    vertices = 4 * particles + 1500
    stream = int(STREAM_SHARE * vertices)
    return (vertices, 2 * vertices), (stream, 2 * stream)


def placeholder(vertices: int, faces: int) -> tuple[np.ndarray, np.ndarray]:
    """A small closed mesh of at least this many vertices and faces, to compile before the first draw."""
    around = 32
    rings = max(-(-vertices // around), -(-faces // (2 * (around - 1))) + 1)
    u, a = np.linspace(0.05, np.pi - 0.05, rings), np.linspace(0, 2 * np.pi, around)
    ball = np.stack(
        [
            np.outer(np.sin(u), np.cos(a)),
            np.outer(np.sin(u), np.sin(a)),
            np.outer(np.cos(u), np.ones(around)),
        ],
        -1,
    )
    points = 0.005 * ball.reshape(-1, 3) - [0, 0, 0.5]
    return points.astype(np.float32), sheet(rings, around, 0, flip=True).astype(np.int32)


def fitted_surfaces(
    points: Float32[np.ndarray, "N 3"],
    places: Int8[np.ndarray, " N"],
    spacing_m: float,
    most: tuple[tuple[int, int], tuple[int, int]],
    vessels: tuple[tuple[int, Vessel, np.ndarray, np.ndarray], ...],
) -> tuple[Surface, Surface]:
    """Liquid and stream, on a grid coarse enough for both to fit into ``most``.

    ``vessels``: (place, vessel, position, rotation) of those whose liquid stays off their wall.
    """
    cube = CUBE
    drawn = places != SPILLED
    points, places = points[drawn], places[drawn]
    while True:
        surfaces = _surfaces(points, places, spacing_m, cube, vessels)
        if all(
            len(s.vertices) <= v and len(s.faces) <= f
            for s, (v, f) in zip(surfaces, most, strict=True)
        ):
            return surfaces
        cube *= COARSER


def _surfaces(points, places, spacing_m, cube, vessels) -> tuple[Surface, Surface]:
    if len(points) == 0:
        return NOTHING, NOTHING
    mesh, _ = pysplashsurf.reconstruction_pipeline(
        np.ascontiguousarray(points, np.float32), particle_radius=0.5 * spacing_m,
        smoothing_length=2.0, cube_size=cube, iso_surface_threshold=0.6,
        mesh_smoothing_iters=10, normals_smoothing_iters=5, compute_normals=True,
        multi_threading=False,
    )  # fmt: skip
    vertices = np.array(mesh.mesh.vertices, np.float32)
    faces = np.array(mesh.mesh.triangles, np.int32)
    if len(faces) == 0:
        return NOTHING, NOTHING
    normals = np.array(mesh.point_attributes["normals"], np.float32)
    place = places[cKDTree(points).query(vertices)[1]]
    for which, vessel, pos, rot in vessels:
        inside = place == which
        vertices[inside] = _off_the_wall(vertices[inside], vessel, pos, rot)
    falling = (place[faces] == FLIGHT).sum(1) >= 2
    return _part(vertices, faces[~falling], normals), _part(vertices, faces[falling], normals)


def _off_the_wall(
    vertices: np.ndarray, vessel: Vessel, pos: np.ndarray, rot: np.ndarray
) -> np.ndarray:
    """Vertices moved into the cavity where they poke into its wall or floor."""
    local = (vertices - pos) @ rot
    below = local[:, 2] < vessel.height_m
    z = np.maximum(local[:, 2], vessel.floor_m + GAP_M)
    room_m = vessel.inner_radius_m(z - vessel.floor_m) - GAP_M
    shrink = np.minimum(1.0, room_m / np.maximum(np.hypot(local[:, 0], local[:, 1]), 1e-9))
    moved = np.column_stack([local[:, 0] * shrink, local[:, 1] * shrink, z])
    return np.where(below[:, None], moved @ rot.T + pos, vertices).astype(np.float32)


def _part(vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray) -> Surface:
    """The faces of one of the two meshes with the vertices they use."""
    used, renumbered = np.unique(faces, return_inverse=True)
    return Surface(vertices[used], renumbered.reshape(-1, 3).astype(np.int32), normals[used])
