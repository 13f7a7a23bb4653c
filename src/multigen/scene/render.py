"""Pictures of a scene: colour, and what every pixel is.

Reads:  Scene, millilitres, a Stream.   Makes: uint8 images.   Used by: episode, scene.look.
Segmentation ignores transparency, so glass would hide the liquid: role images take two passes, one
without the see-through vessels, in which liquid and stream are found, and a cheap one of those vessels
alone; depth tells where they stand in front.
"""

import mujoco
import numpy as np
from jaxtyping import Float32, Int8, Int32, UInt8

from ..errors import RenderError, SceneError
from ..masks import compose
from .build import Scene
from .cups import GROUP_GLASS, GROUP_LIQUID, GROUP_ROBOT, GROUP_SOLID
from .gl import BACKEND, PACKAGES
from .mesh_writer import MeshWriter
from .particle_mesh import NAMES as PARTICLE_MESHES
from .particle_mesh import fitted_surfaces
from .stream_mesh import Stream

_SEGMENT = [int(mujoco.mjtRndFlag.mjRND_SEGMENT), int(mujoco.mjtRndFlag.mjRND_IDCOLOR)]
_COLOURFUL = [
    int(mujoco.mjtRndFlag.mjRND_SHADOW),
    int(mujoco.mjtRndFlag.mjRND_REFLECTION),
    int(mujoco.mjtRndFlag.mjRND_SKYBOX),
]
_SOLID = (GROUP_SOLID, GROUP_LIQUID, GROUP_ROBOT)
_SHOWN = {"all": (*_SOLID, GROUP_GLASS), "solid": _SOLID, "glass": (GROUP_GLASS,)}
_MESHES = ("source_liquid", "receiver_liquid", "stream")


class View:
    """Owns one renderer of one scene; use as ``with View(scene) as view``.

    One OpenGL context per process and thread; it is freed on exit (43 MB leak otherwise).
    Raises RenderError naming the Debian packages when no OpenGL works here.
    """

    def __init__(self, scene: Scene, size: int = 224) -> None:
        self.scene, self.size = scene, size
        try:
            self._renderer = mujoco.Renderer(scene.model, size, size)
        except (ImportError, OSError, RuntimeError, AttributeError, mujoco.FatalError) as e:
            raise RenderError(
                f"cannot render with MUJOCO_GL={BACKEND} ({e}); "
                f"install {PACKAGES} (or libosmesa6 and set MUJOCO_GL=osmesa)"
            ) from e
        self._writers = {name: MeshWriter(scene.model, f"{name}_mesh") for name in _MESHES}
        self._options = {name: _showing(groups) for name, groups in _SHOWN.items()}
        self._sees_through = (
            scene.config.source.is_transparent or scene.config.receiver.is_transparent
        )
        self._geom_of: dict[str, np.ndarray] = {}
        self._shown: dict[str, tuple] = {}
        self.draw_liquid(scene.config.initial_ml, scene.config.receiver_initial_ml, None)

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()

    def draw_liquid(
        self, source_ml: float, receiver_ml: float, stream: Stream | None = None
    ) -> None:
        """Shape both liquids to the vessels' present tilt, and the stream; lasts until called again."""
        for role, ml in (("source", source_ml), ("receiver", receiver_ml)):
            up = self.scene.data.body(role).xmat.reshape(3, 3)[2]
            key = (round(ml, 2), *np.round(up, 5))
            if self._shown.get(role) != key:
                self._write(f"{role}_liquid", self.scene.liquids[role].vertices(up, ml))
                self._shown[role] = key
        shape = self.scene.stream
        if stream is not None or self._shown.get("stream") != ():
            self._write("stream", shape.empty() if stream is None else shape.vertices(stream))
            self._shown["stream"] = () if stream is None else (stream,)

    def draw_particles(
        self,
        points: Float32[np.ndarray, "N 3"],
        places: Int8[np.ndarray, " N"],
        spacing_m: float,
    ) -> None:
        """Shape the surface of particles instead; ``places``: 0 source, 1 in flight, 2 receiver,
        3 spilled (not drawn). Needs a scene built with room for them.
        """
        self.draw_liquid(0.0, 0.0, None)
        scene = self.scene
        vessels = (
            (0, scene.config.source, *scene.source_pose()),
            (2, scene.config.receiver, *scene.receiver_pose()),
        )
        for name in PARTICLE_MESHES:
            if name not in self._writers:
                self._writers[name] = MeshWriter(scene.model, f"{name}_mesh")
        writers = [self._writers[name] for name in PARTICLE_MESHES]
        most = (writers[0].room, writers[1].room)
        surfaces = fitted_surfaces(points, places, spacing_m, most, vessels)
        for writer, surface in zip(writers, surfaces, strict=True):
            writer.write_surface(*surface)
            self._upload(writer)

    def _write(self, name: str, vertices: np.ndarray) -> None:
        self._writers[name].write(vertices)
        self._upload(self._writers[name])

    def _upload(self, writer: MeshWriter) -> None:
        self._make_current()
        mujoco.mjr_uploadMesh(self.scene.model, self._renderer._mjr_context, writer.id)

    def _make_current(self) -> None:
        # mujoco 4.0 has no public way to the contexts of a Renderer.
        if (context := self._renderer._gl_context) is not None:
            context.make_current()

    def rgb(self, camera: str = "front") -> UInt8[np.ndarray, "H W 3"]:
        """Colour image."""
        self._look(camera, "all")
        return self._pixels()

    def segments(
        self, camera: str = "front"
    ) -> tuple[Int32[np.ndarray, "H W"], Int32[np.ndarray, "H W"]]:
        """Geom id per pixel (-1 nothing): everything, and with see-through vessels hidden.

        The two are one array where no vessel is see-through.
        """
        if not self._sees_through:
            everything, _ = self._geom_ids(camera, "all", depth=False)
            return everything, everything
        behind, far = self._geom_ids(camera, "solid", depth=True)
        glass, near = self._geom_ids(camera, "glass", depth=True)
        return np.where((glass >= 0) & (near >= far), glass, behind), behind

    def roles(self, camera: str = "front") -> UInt8[np.ndarray, "H W"]:
        """Role per pixel; liquid and stream behind glass win over the glass."""
        return compose(*self.segments(camera), self.scene.role_of_geom)

    def frame(
        self, camera: str = "front"
    ) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "H W"]]:
        """Colour and roles of one instant."""
        return self.rgb(camera), self.roles(camera)

    def _look(self, camera: str, shown: str) -> None:
        if camera == "ego" and not self.scene.has_robot:
            raise SceneError("the ego camera is on the wrist; this scene was built without a robot")
        self._renderer.update_scene(self.scene.data, camera, self._options[shown])

    def _pixels(self, depth: np.ndarray | None = None) -> np.ndarray:
        """The present picture, top row first; fills ``depth`` (bottom row first) where it is given."""
        image = np.empty((self.size, self.size, 3), np.uint8)
        self._make_current()
        mujoco.mjr_render(self._renderer._rect, self._renderer.scene, self._renderer._mjr_context)
        mujoco.mjr_readPixels(image, depth, self._renderer._rect, self._renderer._mjr_context)
        return image[::-1].copy()

    def _geom_ids(
        self, camera: str, shown: str, *, depth: bool
    ) -> tuple[Int32[np.ndarray, "H W"], np.ndarray]:
        """Geom ids, and how near they are (MuJoCo's depth: 1 at the near plane, 0 at the far one)."""
        self._look(camera, shown)
        near = np.empty((self.size, self.size), np.float32) if depth else None
        flags = self._renderer.scene.flags
        before = flags.copy()
        flags[_COLOURFUL] = 0
        flags[_SEGMENT] = 1
        try:
            image = self._pixels(near)
        finally:
            flags[:] = before
        if shown not in self._geom_of:
            self._geom_of[shown] = self._numbering()
        table = self._geom_of[shown]
        number = image[..., 0].astype(np.int32)
        if len(table) > 256:
            number += 256 * image[..., 1].astype(np.int32)
        return table[number], np.zeros(0) if near is None else near[::-1]

    def _numbering(self) -> np.ndarray:
        """Geom id for each colour number of a segmentation picture: 0 nothing, k the k-th drawn thing."""
        scene = self._renderer.scene
        drawn = [scene.geoms[k] for k in range(scene.ngeom)]
        ids = [g.objid if g.objtype == mujoco.mjtObj.mjOBJ_GEOM else -1 for g in drawn]
        return np.array([-1, *ids], np.int32)


def _showing(groups: tuple[int, ...]) -> mujoco.MjvOption:
    """Only these geom groups are drawn."""
    option = mujoco.MjvOption()
    option.geomgroup[:] = 0
    option.geomgroup[list(groups)] = 1
    return option
