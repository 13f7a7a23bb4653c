"""From a SceneConfig to a compiled model: room, table, lights, cameras, arm, vessels, liquid.

Reads:  SceneConfig.   Makes: Scene (mutable: model, data, poses, names).
Used by: scene.render, episode.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float, UInt8

from ..errors import SceneError
from ..types import CameraPose, Role, SceneConfig
from . import robot as robots
from .cups import GROUP_LIQUID, add_contact, add_mesh_geom, add_vessel
from .distractors import add_distractors
from .hands import Hand, add_hand
from .liquid_mesh import LiquidMesh
from .materials import add_materials
from .particle_mesh import NAMES as PARTICLE_MESHES
from .particle_mesh import placeholder, room
from .stream_mesh import Column, StreamMesh

Pose = tuple[Float[np.ndarray, " 3"], Float[np.ndarray, "3 3"]]
PAD_ENDINGS = ("_pad1", "_pad2")
"""Names of the geoms that hold a vessel; their friction overrules its own."""
ARM_KP = (2000, 2000, 2000, 2000, 500, 500, 500)


@dataclass(frozen=True)
class Detail:
    """How finely and how prettily to draw: lathe segments, liquid slices, shadows, smoothing."""

    segments: int = 32
    slices: int = 24
    around: int = 28
    shadow_map: int = 256
    samples: int = 0
    """Multisampling: 0, 2 or 4."""
    shadow_cone: float = 0.4
    """Share of a lamp's cone (60 degrees) within which it casts shadows."""


FINE, SMALL = Detail(), Detail(segments=28, slices=24, around=24, shadow_map=256, shadow_cone=0.35)


@dataclass
class Scene:
    """A compiled scene. Mutable: physics moves ``data``; everything else stays as built."""

    config: SceneConfig
    model: mujoco.MjModel
    data: mujoco.MjData
    role_of_geom: UInt8[np.ndarray, " G"]
    liquids: dict[str, LiquidMesh]
    stream: StreamMesh
    has_robot: bool

    def source_pose(self) -> Pose:
        """Position [m] and rotation of the source: its frame stands on the bottom, axis along z."""
        return self.body_pose("source")

    def receiver_pose(self) -> Pose:
        """Position [m] and rotation of the receiver."""
        return self.body_pose("receiver")

    def pinch_pose(self) -> Pose:
        """Pose of the point between the fingertips: z approaches, y is the way the fingers open."""
        self._need_robot()
        site = self.data.site(robots.PREFIX + robots.PINCH)
        return site.xpos.copy(), site.xmat.reshape(3, 3).copy()

    def body_pose(self, name: str) -> Pose:
        """Pose of a body by name."""
        body = self.data.body(name)
        return body.xpos.copy(), body.xmat.reshape(3, 3).copy()

    @property
    def arm_qpos(self) -> np.ndarray:
        """Where the seven arm joints are in data.qpos."""
        self._need_robot()
        return np.array([self.model.joint(robots.PREFIX + j).qposadr[0] for j in robots.ARM_JOINTS])

    @property
    def arm_actuators(self) -> np.ndarray:
        """Ids of the seven position actuators in data.ctrl."""
        self._need_robot()
        return np.array([self.model.actuator(f"arm{i}").id for i in range(1, 8)])

    @property
    def fingers_actuator(self) -> int:
        """Id of the gripper's actuator: ctrl 0 open .. 255 closed."""
        self._need_robot()
        return self.model.actuator(robots.PREFIX + robots.FINGERS).id

    def move_source(self, pos: np.ndarray, rot: np.ndarray) -> None:
        """Put the source somewhere; only without a robot, where nothing else holds it."""
        if self.has_robot:
            raise SceneError(
                "the source of a scene with a robot moves by physics; build_scene(..., robot=False) to place it"
            )
        self._move("source", pos, rot)

    def move_hand(self, pos: np.ndarray, rot: np.ndarray) -> None:
        """Put the hand somewhere, of a scene built with one: in the source's pose it holds the source."""
        self._move("hand", pos, rot)

    def _move(self, body: str, pos: np.ndarray, rot: np.ndarray) -> None:
        mocap = self.model.body(body).mocapid[0]
        self.data.mocap_pos[mocap] = pos
        mujoco.mju_mat2Quat(self.data.mocap_quat[mocap], np.ascontiguousarray(rot, float).ravel())
        mujoco.mj_kinematics(self.model, self.data)

    def _need_robot(self) -> None:
        if not self.has_robot:
            raise SceneError("this scene was built without a robot; build_scene(config) has one")


def build_scene(
    config: SceneConfig,
    *,
    robot: bool = True,
    size: int = 224,
    detail: Detail = FINE,
    hand: Hand | None = None,
    particles: int = 0,
) -> Scene:
    """Build and compile ``config``; the arm in its home posture, vessels standing on the table.

    Without ``robot`` the source is a mocap body (see Scene.move_source), the receiver is fixed and
    there is only the front camera; ``hand`` then adds a plain hand (see Scene.move_hand).
    ``particles``: room for the surface of so many (see View.draw_particles).
    About 0.15 s with the robot, 0.03 s without. Raises SceneError if it does not compile.
    """
    spec = _world(config, size, detail)
    liquids = {
        role: LiquidMesh(
            vessel, slices=detail.slices, around=detail.around, wall_segments=detail.segments
        )
        for role, vessel in (("source", config.source), ("receiver", config.receiver))
    }
    if robot:
        _add_robot(spec, config.ego, config.friction)
    for role, xy in (("source", config.source_xy_m), ("receiver", config.receiver_xy_m)):
        vessel, yaw = getattr(config, role), getattr(config, f"{role}_yaw_rad")
        ml = config.initial_ml if role == "source" else config.receiver_initial_ml
        body = spec.worldbody.add_body(
            name=role, pos=[*xy, 0], quat=[np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)],
            mocap=not robot and role == "source",
        )  # fmt: skip
        if robot:
            body.add_freejoint(name=f"{role}_free")
            wet_kg = ml * 1e-6 * config.liquid.density_kg_m3
            add_contact(body, role, vessel, extra_kg=wet_kg, friction=config.friction)
        add_vessel(spec, body, role, vessel, liquids[role], ml, segments=detail.segments)
    if hand is not None and not robot:
        add_hand(spec.worldbody, config.source, hand)
    stream = StreamMesh(
        detail.slices, max(8, detail.around // 3), config.receiver, config.receiver_xy_m
    )
    _add_stream(spec, stream, config)
    add_distractors(spec, config.distractors)
    if particles:
        for name, most, material in zip(
            PARTICLE_MESHES, room(particles), ("liquid", "stream"), strict=True
        ):
            mesh = placeholder(*most)
            add_mesh_geom(spec, spec.worldbody, name, mesh, material, GROUP_LIQUID)
    if robot:
        spec.add_equality(
            name="grasp", type=mujoco.mjtEq.mjEQ_WELD, objtype=mujoco.mjtObj.mjOBJ_BODY,
            name1=robots.PREFIX + robots.GRIPPER_BASE, name2="source", active=False,
        )  # fmt: skip
    try:
        model = spec.compile()
    except ValueError as e:
        raise SceneError(
            f"scene of seed {config.seed} does not compile ({e}); check its vessels"
        ) from e
    scene = Scene(config, model, mujoco.MjData(model), _roles(model), liquids, stream, robot)
    reset(scene)
    return scene


def reset(scene: Scene) -> None:
    """Back to the start: arm at home and held there, gripper open, vessels on the table."""
    model, data = scene.model, scene.data
    mujoco.mj_resetData(model, data)
    if scene.has_robot:
        data.qpos[scene.arm_qpos] = robots.HOME
        robots.set_gripper(model, data, 0.0)
        data.ctrl[scene.arm_actuators] = robots.HOME
    mujoco.mj_forward(model, data)


def _world(config: SceneConfig, size: int, detail: Detail) -> mujoco.MjSpec:
    """Options, materials, lights, table, room and front camera."""
    spec = mujoco.MjSpec()
    spec.modelname, spec.compiler.degree = "pour", False
    spec.option.timestep, spec.option.integrator = 0.002, mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone, spec.option.impratio = mujoco.mjtCone.mjCONE_ELLIPTIC, 10
    visual = spec.visual
    visual.global_.offwidth = visual.global_.offheight = size
    visual.quality.offsamples, visual.quality.shadowsize = detail.samples, detail.shadow_map
    spec.stat.extent, spec.stat.center = 1.0, [0.5, 0, 0.2]  # near plane and shadows scale with it
    visual.map.shadowscale = detail.shadow_cone
    visual.map.znear, visual.map.zfar = 0.01, 10
    visual.headlight.ambient = [config.ambient] * 3
    visual.headlight.diffuse, visual.headlight.specular = [0.25] * 3, [0.05] * 3
    add_materials(spec, config)
    world = spec.worldbody
    for i, light in enumerate(config.lights):
        world.add_light(
            name=f"light{i}", pos=light.position, dir=light.direction, castshadow=light.casts_shadow,
            diffuse=[light.diffuse] * 3, specular=[light.specular] * 3, cutoff=60, exponent=1,
        )  # fmt: skip
    box, still = mujoco.mjtGeom.mjGEOM_BOX, {"contype": 0, "conaffinity": 0}
    world.add_geom(
        name="table", type=box, size=[0.6, 0.6, 0.02], pos=[0.45, 0, -0.02], material="table"
    )
    world.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[4, 4, 0.1],
        pos=[0, 0, -0.8],
        material="floor",
    )
    for name, size_, pos in (
        ("wall_back", [0.02, 3, 1.6], [-1.1, 0, 0.8]), ("wall_front", [0.02, 3, 1.6], [2.4, 0, 0.8]),
        ("wall_left", [2, 0.02, 1.6], [0.6, 1.9, 0.8]), ("wall_right", [2, 0.02, 1.6], [0.6, -1.9, 0.8]),
    ):  # fmt: skip
        world.add_geom(name=name, type=box, size=size_, pos=pos, material="wall", **still)
        if config.wall_texture != "plain":
            _add_paper(world, name, np.array(size_), np.array(pos))
    add_camera(world, "front", config.front)
    return spec


def _add_paper(world, name: str, size: np.ndarray, pos: np.ndarray) -> None:
    """A plane just inside a wall: MuJoCo lays pictures flat on planes, but through boxes."""
    thin = int(np.argmin(size[:2]))
    inwards = np.zeros(3)
    inwards[thin] = -np.sign(pos[thin])
    across = np.cross([0.0, 0.0, 1.0], inwards)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.stack([across, [0.0, 0.0, 1.0], inwards], 1).ravel())
    world.add_geom(
        name=f"{name}_paper", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[size[1 - thin], size[2], 20],
        pos=pos + (size[thin] + 0.001) * inwards, quat=quat, material="wallpaper",
        contype=0, conaffinity=0,
    )  # fmt: skip


def _add_robot(spec: mujoco.MjSpec, ego: CameraPose, friction: float) -> None:
    """Arm and gripper at the origin, position actuators, the wrist camera on its bracket."""
    spec.attach(
        robots.robot_spec(), site=spec.worldbody.add_site(name="base"), prefix=robots.PREFIX
    )
    for i, name in enumerate(robots.ARM_JOINTS):
        joint = spec.joint(robots.PREFIX + name)
        joint.armature, joint.damping = 0.1, [1.0, 0, 0]
        actuator = spec.add_actuator(
            name=f"arm{i + 1}", target=robots.PREFIX + name, trntype=mujoco.mjtTrn.mjTRN_JOINT
        )
        actuator.set_to_position(kp=ARM_KP[i], dampratio=1.0)
    for geom in spec.geoms:
        if geom.name.endswith(PAD_ENDINGS):
            geom.friction = np.array(geom.friction) * [friction, 1, 1]
    add_camera(spec.body(robots.PREFIX + robots.GRIPPER_BASE), "ego", ego)


def _add_stream(spec: mujoco.MjSpec, stream: StreamMesh, config: SceneConfig) -> None:
    """The stream's geom, in the world frame; compiled as some short stream, hidden at the first draw."""
    first = stream.vertices(
        Column(np.array([*config.source_xy_m, 0.2]), np.array([0.1, 0.0, -0.1]))
    )
    add_mesh_geom(spec, spec.worldbody, "stream", (first, stream.faces), "stream", GROUP_LIQUID)


def add_camera(body, name: str, pose: CameraPose) -> None:
    """A pinhole camera on ``body``. Raises SceneError when it looks along its own up vector."""
    back = np.subtract(pose.position, pose.target).astype(float)
    back /= max(float(np.linalg.norm(back)), 1e-9)
    right = np.cross(pose.up, back)
    if (length := float(np.linalg.norm(right))) < 1e-6:
        raise SceneError(
            f"camera '{name}' at {pose.position} looks along its up vector; move it or its target"
        )
    right /= length
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.stack([right, np.cross(back, right), back], 1).ravel())
    body.add_camera(name=name, pos=pose.position, quat=quat, fovy=pose.fovy_deg)


def _roles(model: mujoco.MjModel) -> UInt8[np.ndarray, " G"]:
    """Role of every geom, by its name or the body that carries it. A hand counts as the robot."""
    fixed = {"table": Role.TABLE, "stream": Role.STREAM, PARTICLE_MESHES[1]: Role.STREAM}
    roles = np.full(model.ngeom, Role.BACKGROUND, np.uint8)
    for i in range(model.ngeom):
        name, body = model.geom(i).name, model.body(model.geom_bodyid[i]).name
        if name in fixed:
            roles[i] = fixed[name]
        elif body.startswith(robots.PREFIX) or name.startswith("hand_"):
            roles[i] = Role.ROBOT
        elif name.endswith("_liquid"):
            roles[i] = Role.LIQUID
        elif body in ("source", "receiver"):
            roles[i] = Role.SOURCE if body == "source" else Role.RECEIVER
    return roles
