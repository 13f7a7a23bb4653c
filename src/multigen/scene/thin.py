"""Thinner robot meshes: CAD detail below what a camera resolves, merged away.

Reads:  binary STL files.   Makes: vertices, faces.   Used by: scene.robot.
Drawing costs faces times passes, and nine tenths of a scene's faces are the robot's. First vertices
that share a cell of a fine grid become one (Rossignac and Borrel 1993), which welds the seams of CAD
exports; then edges are collapsed, cheapest quadric error first (Garland and Heckbert 1997, by the
library fast-simplification).
"""

from functools import lru_cache
from pathlib import Path

import fast_simplification
import numpy as np
from jaxtyping import Int, Shaped

from ..errors import FormatError
from .lathe import Mesh


@lru_cache(maxsize=64)
def read_stl(path: Path) -> Mesh:
    """Vertices (merged where equal) and faces of a binary STL. Raises FormatError."""
    raw = Path(path).read_bytes()
    count = int(np.frombuffer(raw[80:84], "<u4")[0]) if len(raw) >= 84 else -1
    if len(raw) != 84 + 50 * count:
        raise FormatError(f"{path} is not a binary STL file; reinstall the package it belongs to")
    record = np.dtype([("normal", "<f4", 3), ("corner", "<f4", (3, 3)), ("attribute", "<u2")])
    corners = np.frombuffer(raw, record, count, 84)["corner"].reshape(-1, 3)
    vertices, index = unique_rows(corners)
    return vertices.astype(np.float32), index.reshape(-1, 3).astype(np.int32)


def unique_rows(rows: Shaped[np.ndarray, "n k"]) -> tuple[np.ndarray, Int[np.ndarray, " n"]]:
    """Distinct rows in lexicographic order and where each row went: np.unique(axis=0), five times faster.

    NumPy compares rows as records; sorting by columns does not.
    """
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    new = np.ones(len(rows), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    where = np.empty(len(rows), np.int64)
    where[order] = np.cumsum(new) - 1
    return ordered[new], where


def cluster(mesh: Mesh, cell: float) -> Mesh:
    """Merge all vertices that share a grid cell of edge ``cell`` (in the mesh's unit)."""
    vertices, faces = mesh
    where = np.floor(vertices.astype(float) / cell + 0.5).astype(np.int64)
    _, group = unique_rows(where)
    count = np.bincount(group)
    merged = np.stack([np.bincount(group, vertices[:, k]) / count for k in range(3)], 1)
    faces = group[faces]
    kept = (
        (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    )
    faces = faces[kept]
    # The same triangle may now appear several times, from two sides of a thin sheet for example.
    start = faces.argmin(1)
    rolled = np.take_along_axis(faces, (start[:, None] + np.arange(3)) % 3, 1)
    return merged.astype(np.float32), unique_rows(rolled)[0].astype(np.int32)


@lru_cache(maxsize=64)
def thinned_stl(path: Path, cell: float, faces: int) -> Mesh:
    """An STL welded to ``cell`` (in its unit) and brought down to about ``faces`` faces.

    Worked out once per process; the same file gives the same bytes.
    """
    vertices, index = cluster(read_stl(path), cell)
    if len(index) > faces:
        few = fast_simplification.simplify(vertices, index, target_count=faces, agg=5)
        vertices, index = few[0], few[1]
    vertices, index = vertices.astype(np.float32), index.astype(np.int32)
    vertices.setflags(write=False)
    index.setflags(write=False)
    return vertices, index
