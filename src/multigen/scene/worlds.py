"""The built-in worlds, and worlds from a user's JSON file.

Reads:  a name or a JSON file.   Makes: WorldConfig.   Used by: episode, benchmark, pipeline, cli.
An unknown field in a file is refused with the valid ones; a missing one is as in 'train'.
"""

from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from ..files import from_json, read_json
from .conditions import CONDITIONS
from .liquids import LIQUIDS
from .textures import HELD_OUT_TABLES, HELD_OUT_WALLS
from .world import WorldConfig

TRAIN = WorldConfig()
NOMINAL = WorldConfig(
    name="nominal",
    conditions=tuple(CONDITIONS),
    liquids=("water",),
    fill_fraction=(0.70, 0.70),
    source_x_m=(0.61, 0.63),
    source_y_m=(0.09, 0.11),
    receiver_x_m=(0.61, 0.63),
    receiver_y_m=(-0.075, -0.055),
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
    object_scale=(1.0, 1.0),
    friction=(1.0, 1.0),
    receiver_yaw_deg=(-90.0, -90.0),
    distractors=(0, 0),
    front_roll_deg=(0.0, 0.0),
    reflecting=0.0,
    shadowless=0.0,
    table_reflectance=(0.0, 0.0),
    wall_textures=("plain",),
    microphone_jitter_m=0.0,
    motor_noise_db=(-66.0, -66.0),
    table_textures=("wood",),
    table_value=(0.8, 0.8),
    table_saturation=(0.45, 0.45),
    wall_value=(0.8, 0.8),
    wall_saturation=(0.03, 0.03),
)
"""One lab: vessels stand within a centimetre of their marks; nothing else is random but the choice of
condition and command."""
SHIFTED = replace(
    TRAIN,
    name="shifted",
    conditions=tuple(CONDITIONS),
    fill_fraction=(0.55, 0.85),
    object_scale=(0.90, 1.08),
    density_factor=(0.95, 1.08),
    viscosity_factor=(0.6, 5.0),
    surface_tension_factor=(0.65, 1.1),
    temperature_offset_c=(-5.0, 10.0),
    colour_jitter=0.25,
    opacity_jitter=0.25,
    friction=(0.65, 1.4),
    distractors=(2, 7),
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
    front_roll_deg=(-8.0, 8.0),
    ego_jitter_m=0.008,
    ego_fovy_deg=(68.0, 82.0),
    lights=(1, 4),
    light_spread_m=1.6,
    light_diffuse=(0.2, 0.9),
    light_specular=(0.0, 0.8),
    ambient=(0.12, 0.5),
    table_textures=HELD_OUT_TABLES,
    reflecting=0.3,
    table_reflectance=(0.05, 0.4),
    wall_textures=HELD_OUT_WALLS,
    microphone_jitter_m=0.3,
    motor_noise_db=(-62.0, -45.0),
    table_value=(0.15, 0.85),
    table_saturation=(0.0, 0.9),
    wall_value=(0.15, 1.0),
    wall_saturation=(0.0, 0.7),
)
"""Held out: vessels and textures of no training scene; wider than training in sizes, liquids, fills,
places, tilting speeds, cameras, light, colours, clutter and noise."""

LAB = replace(
    NOMINAL,
    name="lab",
    conditions=("random",),
    liquids=tuple(LIQUIDS),
    fill_fraction=(0.65, 0.75),
)
"""Nominal's room and layout, but vessels and liquids of training: narrow enough
that a few demonstrations teach something. What is learned here is known to work only here."""

PARTICLES = replace(NOMINAL, name="particles", liquid_model="particles")
"""Nominal, with a liquid of particles: another physics than the one the expert plans with."""

WORLDS: dict[str, WorldConfig] = {w.name: w for w in (TRAIN, LAB, NOMINAL, SHIFTED, PARTICLES)}


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
