"""Worlds: the ranges a scene is drawn from; built in, or a JSON file of the user's.

Reads:  a name or a JSON file.   Makes: WorldConfig.   Used by: scene.draw, episode, benchmark, cli.
A range is (low, high), drawn uniformly. An unknown field in a file is refused with the valid ones.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import get_type_hints

from ..errors import ConfigError
from ..files import from_json, read_json
from ..types import COMMANDS
from .conditions import CONDITIONS
from .liquids import LIQUIDS
from .materials import TEXTURES
from .vessels import RECEIVER_KINDS, SOURCE_KINDS

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
    commands: tuple[str, ...] = tuple(COMMANDS)

    # Where
    source_x_m: Range = (0.58, 0.66)
    source_y_m: Range = (0.08, 0.14)
    receiver_x_m: Range = (0.58, 0.66)
    receiver_y_m: Range = (-0.12, -0.05)
    clearance_m: float = 0.06
    """At least this much between the two walls: the fingers reach 2 cm beyond the source's."""

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
    """Of the front camera's target."""
    ego_jitter_m: float = 0.004
    """Of the wrist camera on its bracket."""
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
    table_textures: tuple[str, ...] = TEXTURES
    table_value: Range = (0.35, 0.95)
    """Brightness of the table's colour."""
    table_saturation: Range = (0.0, 0.5)
    table_reflectance: Range = (0.0, 0.0)
    """A reflecting table doubles the cost of a picture."""
    wall_value: Range = (0.45, 0.95)
    wall_saturation: Range = (0.0, 0.25)

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(WorldConfig).items():
            value = getattr(self, name)
            if hint in (Range, tuple[int, int]) and value[0] > value[1]:
                raise ConfigError(
                    f"world '{self.name}': {name} is {value}; the low end comes first"
                )
        known = {
            "conditions": ("random", *CONDITIONS), "source_kinds": SOURCE_KINDS, "receiver_kinds": RECEIVER_KINDS,
            "liquids": tuple(LIQUIDS), "commands": tuple(COMMANDS), "table_textures": TEXTURES,
        }  # fmt: skip
        for name, valid in known.items():
            chosen = getattr(self, name)
            if not chosen:
                raise ConfigError(
                    f"world '{self.name}': {name} is empty; name at least one of {', '.join(valid)}"
                )
            for one in chosen:
                if one not in valid:
                    raise ConfigError(
                        f"world '{self.name}': {name} names '{one}'; choose from {', '.join(valid)}"
                    )


TRAIN = WorldConfig()
NOMINAL = WorldConfig(
    name="nominal",
    conditions=tuple(CONDITIONS),
    liquids=("water",),
    fill_fraction=(0.70, 0.70),
    source_x_m=(0.62, 0.62),
    source_y_m=(0.10, 0.10),
    receiver_x_m=(0.62, 0.62),
    receiver_y_m=(-0.065, -0.065),
    grasp_offset=(0.0, 0.0),
    pour_height_m=(0.05, 0.05),
    tilt_seconds=(4.0, 4.0),
    front_distance_m=(0.56, 0.56),
    front_azimuth_deg=(0.0, 0.0),
    front_elevation_deg=(18.0, 18.0),
    front_fovy_deg=(42.0, 42.0),
    front_jitter_m=0.0,
    ego_jitter_m=0.0,
    ego_fovy_deg=(75.0, 75.0),
    lights=(2, 2),
    light_height_m=(1.8, 1.8),
    light_spread_m=0.8,
    light_diffuse=(0.5, 0.5),
    light_specular=(0.3, 0.3),
    ambient=(0.35, 0.35),
    table_textures=("wood",),
    table_value=(0.8, 0.8),
    table_saturation=(0.45, 0.45),
    wall_value=(0.8, 0.8),
    wall_saturation=(0.03, 0.03),
)
"""One lab: no randomness but in the choice of condition and command."""
SHIFTED = replace(
    TRAIN,
    name="shifted",
    conditions=tuple(CONDITIONS),
    fill_fraction=(0.55, 0.85),
    source_x_m=(0.56, 0.68),
    receiver_x_m=(0.56, 0.68),
    grasp_offset=(-0.08, 0.08),
    pour_height_m=(0.05, 0.10),
    tilt_seconds=(2.5, 7.0),
    front_distance_m=(0.45, 0.75),
    front_azimuth_deg=(-35.0, 35.0),
    front_elevation_deg=(8.0, 35.0),
    front_fovy_deg=(32.0, 52.0),
    front_jitter_m=0.03,
    ego_jitter_m=0.008,
    light_diffuse=(0.2, 0.9),
    ambient=(0.12, 0.5),
    table_value=(0.2, 1.0),
    table_saturation=(0.0, 0.9),
    wall_value=(0.15, 1.0),
    wall_saturation=(0.0, 0.7),
)
"""Held out: wider than training in fills, places, speeds, cameras, light and colours."""

LAB = replace(
    NOMINAL,
    name="lab",
    conditions=("random",),
    liquids=tuple(LIQUIDS),
    fill_fraction=(0.65, 0.75),
    source_x_m=(0.61, 0.63),
    source_y_m=(0.09, 0.11),
    receiver_x_m=(0.61, 0.63),
    receiver_y_m=(-0.075, -0.055),
)
"""Nominal's room and layout within a centimetre, but vessels and liquids of training: narrow enough
that a few demonstrations teach something. What is learned here is known to work only here."""

WORLDS: dict[str, WorldConfig] = {w.name: w for w in (TRAIN, LAB, NOMINAL, SHIFTED)}


def load_world(name_or_path: str | Path) -> WorldConfig:
    """A built-in world by name, or a JSON file of WorldConfig's fields (missing ones as in 'train').

    Raises ConfigError for an unknown name (listing the built-in ones), an unknown field (listing the
    valid ones), a value of the wrong type or a range upside down.
    """
    if str(name_or_path) in WORLDS:
        return WORLDS[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        raise ConfigError(
            f"no world '{name_or_path}'; name one of {', '.join(WORLDS)} or an existing JSON file"
        )
    return from_json(WorldConfig, read_json(path), where=str(path))


def world_fields() -> tuple[str, ...]:
    """Names of all fields of a world file."""
    return tuple(f.name for f in fields(WorldConfig))
