"""Solids of revolution as triangle meshes: what a vessel looks like.

Reads:  a Vessel, or an (r, z) outline.   Makes: vertices [m], faces.   Used by: scene.build.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Int32

from ..types import Vessel

Mesh = tuple[Float32[np.ndarray, "V 3"], Int32[np.ndarray, "F 3"]]

CREASE_RAD = np.radians(32)
"""Profile corners sharper than this get two rings of vertices, hence a hard edge when lit."""


def lathe(outline: np.ndarray, segments: int = 48) -> Mesh:
    """Revolve an (r, z) polyline [m] about z; the solid lies to the left of the direction of travel.

    Going up the outside and down the inside gives outward normals. Points on the axis (r = 0)
    stay rings, of zero radius: their triangles on one side are empty and draw nothing.
    """
    outline = np.asarray(outline, float)
    rings = _split_creases(outline)
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    points = np.concatenate(rings)
    r, z = points[:, :1], np.repeat(points[:, 1:], segments, 1)
    vertices = np.stack([r * np.cos(angle), r * np.sin(angle), z], -1).reshape(-1, 3)
    faces, start = [], 0
    for part in rings:
        row = start + np.arange(len(part) - 1)[:, None] * segments
        i, j = np.arange(segments), (np.arange(segments) + 1) % segments
        a, b, c, d = (
            (row + i).ravel(),
            (row + j).ravel(),
            (row + segments + i).ravel(),
            (row + segments + j).ravel(),
        )
        faces += [np.stack([a, b, c], 1), np.stack([b, d, c], 1)]
        start += len(part) * segments
    used = np.concatenate(faces)
    corner = vertices[used]
    area = np.linalg.norm(
        np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
    )
    return vertices.astype(np.float32), used[area > 1e-14].astype(np.int32)


def _split_creases(outline: np.ndarray) -> list[np.ndarray]:
    """Cut the polyline where it turns sharply; the corner belongs to both sides."""
    step = np.diff(outline, axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    turn = np.abs((np.diff(heading) + np.pi) % (2 * np.pi) - np.pi)
    cuts = [0, *(np.flatnonzero(turn > CREASE_RAD) + 1), len(outline) - 1]
    return [outline[a : b + 1] for a, b in pairwise(cuts)]


def vessel_outline(vessel: Vessel) -> np.ndarray:
    """Closed section [(r, z)]: bottom centre, up the outside, a rounded rim, down the inside, floor centre."""
    outer = np.array([(r, z) for z, r in vessel.outer])
    inner = np.array([(r, z) for z, r in vessel.inner])[::-1]
    wall = outer[-1, 0] - inner[0, 0]
    middle = np.array([[(outer[-1, 0] + inner[0, 0]) / 2, outer[-1, 1]]])
    if wall < 3e-4:  # thinner than anything visible: close the rim with a flat ring
        middle = middle[:0]
    return np.concatenate([[[0, 0]], outer, middle, inner, [[0, inner[-1, 1]]]])


def vessel_mesh(vessel: Vessel, segments: int = 48) -> Mesh:
    """The vessel standing on z = 0, walls, floor and rim."""
    return lathe(vessel_outline(vessel), segments)
