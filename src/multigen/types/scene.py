"""Everything a seed drew: one scene, replayable, JSON both ways.

Reads:  nothing.   Makes: SceneConfig.   Used by: scene (builds it), episode, audio, benchmark.
Inert: a config does nothing by itself. JSON through ``multigen.files`` (to_json, from_json).
"""

from dataclasses import dataclass

from .liquid import Liquid
from .vessel import Vessel

Vec3 = tuple[float, float, float]


@dataclass(frozen=True)
class CameraPose:
    """Pinhole camera in the frame of what carries it (world, or the gripper base)."""

    position: Vec3
    target: Vec3
    up: Vec3 = (0.0, 0.0, 1.0)
    fovy_deg: float = 45.0


@dataclass(frozen=True)
class Light:
    position: Vec3
    direction: Vec3
    diffuse: float = 0.6
    specular: float = 0.3
    casts_shadow: bool = True


@dataclass(frozen=True)
class Distractor:
    """A thing that only stands around: seen by the cameras, touched by nothing, role BACKGROUND."""

    kind: str
    """'box', 'book', 'ball', 'jar', 'bowl', 'plate' or 'bottle'."""
    xy_m: tuple[float, float]
    yaw_rad: float
    size_m: Vec3
    """Width, depth, height; round things have the width for a diameter."""
    rgb: tuple[float, float, float]


@dataclass(frozen=True)
class SceneConfig:
    """One drawn scene. Fields with a default came later: stored configs without them still load."""

    seed: int
    condition: str
    """One of the eight named conditions, or 'random'."""
    command: float
    """Fraction of initial_ml to pour, in (0, 1]."""
    command_text: str
    """The sentence a dataset keeps, such as 'pour half of the water'."""
    source: Vessel
    receiver: Vessel
    liquid: Liquid
    initial_ml: float
    """In the source at the start."""
    receiver_initial_ml: float
    source_xy_m: tuple[float, float]
    receiver_xy_m: tuple[float, float]
    grasp_offset: float
    """Grasp height above mid height, as a fraction of the source's height (paper: within 5 %)."""
    pour_height_m: float
    """Clearance between the source's lip and the receiver's rim while pouring."""
    tilt_seconds: float
    """Duration of the tilt from upright to the pouring angle."""
    ego: CameraPose
    front: CameraPose
    lights: tuple[Light, ...]
    ambient: float
    table_texture: str
    """One of scene.textures.TABLES or HELD_OUT_TABLES; painted from texture_seed."""
    table_rgb: tuple[float, float, float]
    table_reflectance: float
    wall_rgb: tuple[float, float, float]
    texture_seed: int
    source_yaw_rad: float = 0.0
    """Turn about the vertical at the start: a hole in a lid is on the vessel's +x."""
    receiver_yaw_rad: float = 0.0
    """Turn about the vertical: a handle is on the vessel's +x."""
    friction: float = 1.0
    """Sliding friction of fingers and table on the vessels, over its usual value."""
    wall_texture: str = "plain"
    """One of scene.textures.WALLS or HELD_OUT_WALLS; painted from texture_seed."""
    distractors: tuple[Distractor, ...] = ()
    microphone_m: Vec3 = (0.62, -0.40, 0.20)
    """Where the microphone stands, world frame."""
    motor_noise_db: float | None = None
    """RMS of the robot's motors at the microphone, dB re full scale; None: silent."""
    liquid_model: str = "hydraulic"
    """'hydraulic' or 'particles': what moves the liquid."""

    @property
    def target_ml(self) -> float:
        return self.command * self.initial_ml
