"""What a vessel looks like: solids of revolution as triangle meshes, a can's lid, a mug's handle.

Reads:  a Vessel, or an (r, z) outline.   Makes: vertices [m], faces.
Used by: scene.cups, scene.distractors.
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
    """Closed section [(r, z)]: bottom centre, up the outside, a rounded rim, down the inside, floor centre.

    Under a lid the section ends at the seam, which stands a little above it.
    """
    outer = np.array([(r, z) for z, r in vessel.outer])
    inner = np.array([(r, z) for z, r in vessel.inner])[::-1]
    if vessel.mouth_radius_m is not None:
        outer, inner = outer[:-1], inner[1:]
        outer = np.vstack([outer, [[outer[-1, 0], vessel.height_m + SEAM_M]]])
        inner = np.vstack([[[inner[0, 0], vessel.height_m + SEAM_M]], inner])
    wall = outer[-1, 0] - inner[0, 0]
    middle = np.array([[(outer[-1, 0] + inner[0, 0]) / 2, outer[-1, 1]]])
    if wall < 3e-4:  # thinner than anything visible: close the rim with a flat ring
        middle = middle[:0]
    return np.concatenate([[[0, 0]], outer, middle, inner, [[0, inner[-1, 1]]]])


def vessel_mesh(vessel: Vessel, segments: int = 48) -> Mesh:
    """The vessel standing on z = 0, walls, floor and rim; without lid and handle."""
    return lathe(vessel_outline(vessel), segments)


SEAM_M, LID_M = 1.5e-3, 6e-4
"""How far a can's seam stands above its lid; the lid's thickness."""


def lid_mesh(vessel: Vessel, segments: int = 48) -> Mesh:
    """A flat lid whose upper face is at the vessel's height, with its hole; the rest of it closed."""
    assert vessel.mouth_radius_m is not None
    a = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = np.stack([np.cos(a), np.sin(a)], 1)
    edge = vessel.inner[-2][1] * ring
    hole = vessel.mouth_radius_m * ring + [vessel.mouth_offset_m, 0.0]
    loops = [(edge, 0.0), (hole, 0.0), (hole, LID_M), (edge, LID_M)]
    vertices, faces = [], []
    i, j = np.arange(segments), (np.arange(segments) + 1) % segments
    for k, ((first, down), (then, deeper)) in enumerate(pairwise([*loops, loops[0]])):
        start = 2 * k * segments  # every strip has its own vertices: hard edges
        for points, depth in ((first, down), (then, deeper)):
            z = np.full((segments, 1), vessel.height_m - depth)
            vertices.append(np.hstack([points, z]))
        p, q, u, v = start + i, start + j, start + segments + i, start + segments + j
        faces += [np.stack([p, q, u], 1), np.stack([q, v, u], 1)]
    return np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32)


def handle_mesh(vessel: Vessel, *, around: int = 12, along: int = 24) -> Mesh:
    """A mug's handle on its +x side: a flattened tube along half an ellipse, ends inside the wall."""
    height = vessel.height_m
    low, high = 0.22 * height, 0.84 * height
    t = np.linspace(-np.pi / 2, np.pi / 2, along)
    z = (low + high) / 2 + (high - low) / 2 * np.sin(t)
    wall = vessel.outer_radius_m(z)
    reach = float(np.clip(0.42 * (high - low) + 0.012, 0.022, 0.034))
    path = np.stack([wall - 0.001 + reach * np.cos(t) ** 0.8, np.zeros(along), z], 1)
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    out = np.cross([0.0, 1.0, 0.0], ahead)
    a = np.linspace(0, 2 * np.pi, around, endpoint=False)
    thick, wide = 0.0032, 0.0058
    tube = (
        path[:, None]
        + thick * np.cos(a)[:, None] * out[:, None]
        + wide * np.sin(a)[:, None] * np.array([0.0, 1.0, 0.0])
    )
    i, j = np.meshgrid(np.arange(along - 1) * around, np.arange(around), indexing="ij")
    k = (j + 1) % around
    p, q, u, v = i + j, i + k, i + around + j, i + around + k
    faces = [np.stack([p, q, u], -1), np.stack([q, v, u], -1)]
    return (
        tube.reshape(-1, 3).astype(np.float32),
        np.concatenate([f.reshape(-1, 3) for f in faces]).astype(np.int32),
    )
