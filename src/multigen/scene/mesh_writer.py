"""Writing new vertices into a compiled model.

Reads:  vertices in the frame of the geom's body.   Makes: changes in MjModel's mesh arrays.
Used by: scene.render, which then uploads the mesh to its OpenGL context.
"""

import mujoco
import numpy as np
from scipy import sparse


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
