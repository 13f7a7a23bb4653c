"""Writing new vertices into a compiled model.

Reads:  vertices in the frame of the geom's body.   Makes: changes in MjModel's mesh arrays.
Used by: scene.render, which then uploads the mesh to its OpenGL context.
"""

import mujoco
import numpy as np
from scipy import sparse

from ..errors import SceneError


class MeshWriter:
    """One mesh of a compiled model; the geom that shows it must have the identity pose.

    MuJoCo recentres and rotates every mesh when it compiles, so vertices go through
    (v - mesh_pos) R(mesh_quat), and normals have to be renewed as well.
    """

    def __init__(self, model: mujoco.MjModel, name: str) -> None:
        self.model, self.id = model, model.mesh(name).id
        start, count = model.mesh_vertadr[self.id], model.mesh_vertnum[self.id]
        self._vertices = slice(start, start + count)
        start, count = model.mesh_normaladr[self.id], model.mesh_normalnum[self.id]
        self._normals = slice(start, start + count)
        start, faces = model.mesh_faceadr[self.id], model.mesh_facenum[self.id]
        self._face_rows = slice(start, start + faces)
        self._faces = model.mesh_face[start : start + faces].copy()
        at = model.mesh_facenormal[start : start + faces].ravel()
        ones = np.ones(len(at))
        self._gather = sparse.csr_array(
            (ones, (at, np.repeat(np.arange(faces), 3))), (count, faces)
        )
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, model.mesh_quat[self.id])
        self._rotation, self._position = rotation.reshape(3, 3), model.mesh_pos[self.id].copy()

    def write(self, vertices: np.ndarray) -> None:
        """Replace vertices and their area-weighted normals."""
        local = (vertices - self._position) @ self._rotation
        self.model.mesh_vert[self._vertices] = local
        corner = local[self._faces]
        u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
        cross = np.stack([
            u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1],
            u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2],
            u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0],
        ], 1)  # fmt: skip
        normal = np.asarray(self._gather @ cross)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-15
        self.model.mesh_normal[self._normals] = normal

    @property
    def room(self) -> tuple[int, int]:
        """How many vertices and faces the mesh was compiled with."""
        v, f = self._vertices, self._face_rows
        return v.stop - v.start, f.stop - f.start

    def write_surface(self, vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray) -> None:
        """Replace the whole mesh by a smaller one; what is left over collapses into one point.

        Raises SceneError when there are more vertices or faces than the mesh was compiled with.
        """
        model, v, f = self.model, self._vertices, self._face_rows
        if len(vertices) > self.room[0] or len(faces) > self.room[1]:
            raise SceneError(
                f"a surface of {len(vertices)} vertices and {len(faces)} faces does not fit into a mesh "
                f"of {self.room[0]} and {self.room[1]}; build the scene with more room"
            )
        at, rot = self._position, self._rotation
        spare = np.array([[0.0, 0.0, -0.5]]) if len(vertices) == 0 else vertices[:1]
        model.mesh_vert[v] = (spare - at) @ rot
        model.mesh_vert[v.start : v.start + len(vertices)] = (vertices - at) @ rot
        n = self._normals
        model.mesh_normal[n] = 0, 0, 1
        model.mesh_normal[n.start : n.start + len(vertices)] = normals @ rot
        for rows in (model.mesh_face, model.mesh_facenormal):
            rows[f] = 0
            rows[f.start : f.start + len(faces)] = faces
