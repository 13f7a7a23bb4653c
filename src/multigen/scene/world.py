"""A world: the ranges a scene is drawn from.

Reads:  nothing.   Makes: WorldConfig.   Used by: scene.worlds, scene.draw, episode, benchmark, cli.
A range is (low, high), drawn uniformly unless said otherwise.
"""

from dataclasses import dataclass
from typing import get_type_hints

from ..errors import ConfigError
from ..types import COMMANDS
from .conditions import CONDITIONS
from .liquids import LIQUIDS
from .textures import HELD_OUT_TABLES, HELD_OUT_WALLS, TABLES, WALLS
from .vessels import RECEIVER_KINDS, SOURCE_KINDS

FILL_RULES = ("fits", "literal")
LIQUID_MODELS = ("hydraulic", "particles")
Range = tuple[float, float]


@dataclass(frozen=True)
class WorldConfig:
    """Everything a seed may vary. Metres, radians only where said, degrees in cameras, millilitres."""

    name: str = "train"

    # What is poured into what
    conditions: tuple[str, ...] = ("random",)
    """'random' (vessel families and liquids below) or named conditions; one is drawn."""
    source_kinds: tuple[str, ...] = SOURCE_KINDS
    receiver_kinds: tuple[str, ...] = RECEIVER_KINDS
    liquids: tuple[str, ...] = tuple(LIQUIDS)
    """Liquids of random scenes, properties and colour jittered."""
    fill_fraction: Range = (0.65, 0.75)
    """Initial volume over the source's capacity (paper: 0.70 +- 0.05)."""
    receiver_fill_fraction: Range = (0.0, 0.0)
    """Already in the receiver, over its capacity."""
    fill_rule: str = "fits"
    """'fits': where all of it would not fit the receiver, the initial volume is lowered until 'all'
    ends at 90 % of the receiver's brim. 'literal': always fill_fraction, as the paper's protocol
    reads; what overflows is spilled."""
    commands: tuple[str, ...] = tuple(COMMANDS)
    liquid_model: str = "hydraulic"
    """'hydraulic' or 'particles': what moves the liquid."""
    object_scale: Range = (0.95, 1.05)
    """Radii and heights of both vessels, each times a factor of its own; named conditions too."""
    density_factor: Range = (1.0, 1.0)
    """On top of what a random scene's liquid already varies; named conditions too. So the next six."""
    viscosity_factor: Range = (1.0, 1.0)
    """Drawn log-uniformly."""
    surface_tension_factor: Range = (1.0, 1.0)
    temperature_offset_c: Range = (0.0, 0.0)
    colour_jitter: float = 0.0
    """Largest change of each of the liquid's colour channels (0 to 1)."""
    opacity_jitter: float = 0.0
    friction: Range = (0.8, 1.2)
    """Sliding friction of fingers and table on the vessels, over its usual value."""

    # Where
    source_x_m: Range = (0.58, 0.66)
    source_y_m: Range = (0.08, 0.14)
    receiver_x_m: Range = (0.58, 0.66)
    receiver_y_m: Range = (-0.12, -0.05)
    clearance_m: float = 0.06
    """At least this much between the two walls: the fingers reach 2 cm beyond the source's."""
    receiver_yaw_deg: Range = (-160.0, -20.0)
    """Where a receiver's handle points; -90 is away from the source, 0 at the front camera."""
    distractors: tuple[int, int] = (0, 4)
    """Fewest and most things that only stand around, out of the robot's way."""

    # How it is poured
    grasp_offset: Range = (-0.05, 0.05)
    """Grasp height above mid height over the source's height (paper: within 5 %)."""
    pour_height_m: Range = (0.03, 0.07)
    """Clearance between the lip and the receiver's rim."""
    tilt_seconds: Range = (3.0, 5.0)

    # Cameras
    front_distance_m: Range = (0.52, 0.64)
    front_azimuth_deg: Range = (-12.0, 12.0)
    """0: looking at the receiver along -x, at the robot's face."""
    front_elevation_deg: Range = (12.0, 24.0)
    front_fovy_deg: Range = (38.0, 46.0)
    front_jitter_m: float = 0.01
    """Of the front camera's target: a small turn."""
    front_roll_deg: Range = (-2.0, 2.0)
    """Rotation about the line of sight."""
    ego_position_m: tuple[float, float, float] = (-0.08, 0.09, -0.02)
    """Of the wrist camera, in the gripper base's frame: x is down while the hand is level, z ahead."""
    ego_target_m: tuple[float, float, float] = (0.0, -0.03, 0.17)
    """What it looks at: from this bracket lip, stream and receiver are in view while it pours."""
    ego_jitter_m: float = 0.004
    """Of both."""
    ego_fovy_deg: Range = (72.0, 78.0)

    # Light and looks
    lights: tuple[int, int] = (1, 3)
    """Fewest and most lamps."""
    light_height_m: Range = (1.3, 2.2)
    light_spread_m: float = 1.1
    """Lamps hang within this of the table's middle, along x and y."""
    light_diffuse: Range = (0.35, 0.7)
    light_specular: Range = (0.1, 0.4)
    ambient: Range = (0.25, 0.42)
    shadows: bool = True
    shadowless: float = 0.15
    """Share of scenes that have none all the same."""
    table_textures: tuple[str, ...] = TABLES
    table_value: Range = (0.3, 0.82)
    """Brightness of the table's colour."""
    table_saturation: Range = (0.0, 0.5)
    table_reflectance: Range = (0.05, 0.25)
    """Of the tables that reflect."""
    reflecting: float = 0.1
    """Share of scenes whose table reflects; that doubles the cost of a picture."""
    wall_textures: tuple[str, ...] = WALLS
    wall_value: Range = (0.45, 0.95)
    wall_saturation: Range = (0.0, 0.25)

    # Sound
    microphone_m: tuple[float, float, float] = (0.62, -0.40, 0.20)
    """Where the microphone stands, world frame."""
    microphone_jitter_m: float = 0.12
    """Largest displacement along each axis."""
    motor_noise_db: Range = (-80.0, -55.0)
    """RMS of the robot's motors at the microphone, dB re full scale."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(WorldConfig).items():
            value = getattr(self, name)
            if hint in (Range, tuple[int, int]) and value[0] > value[1]:
                raise self._wrong(f"{name} is {value}; the low end comes first")
        for name, valid in _NAMES.items():
            chosen = getattr(self, name)
            if not chosen:
                raise self._wrong(f"{name} is empty; name at least one of {', '.join(valid)}")
            for one in (chosen,) if isinstance(chosen, str) else chosen:
                if one not in valid:
                    raise self._wrong(f"{name} names '{one}'; choose from {', '.join(valid)}")
        for name in _POSITIVE:
            if getattr(self, name)[0] <= 0:
                raise self._wrong(f"{name} is {getattr(self, name)}; a factor is above 0")
        if self.distractors[0] < 0:
            raise self._wrong(f"distractors is {self.distractors}; count from 0 up")
        for name in ("reflecting", "shadowless"):
            if not 0 <= getattr(self, name) <= 1:
                raise self._wrong(f"{name} is {getattr(self, name)}; a share lies between 0 and 1")

    def _wrong(self, what: str) -> ConfigError:
        return ConfigError(f"world '{self.name}': {what}")


_NAMES: dict[str, tuple[str, ...]] = {
    "conditions": ("random", *CONDITIONS), "source_kinds": SOURCE_KINDS, "receiver_kinds": RECEIVER_KINDS,
    "liquids": tuple(LIQUIDS), "commands": tuple(COMMANDS), "fill_rule": FILL_RULES,
    "liquid_model": LIQUID_MODELS, "table_textures": (*TABLES, *HELD_OUT_TABLES),
    "wall_textures": (*WALLS, *HELD_OUT_WALLS),
}  # fmt: skip
"""Fields that name things, and what may be named."""
_POSITIVE = (
    "object_scale", "density_factor", "viscosity_factor", "surface_tension_factor", "friction",
)  # fmt: skip
