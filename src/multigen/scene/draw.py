"""One scene out of a world, from one seed.

Reads:  WorldConfig, seed.   Makes: SceneConfig.   Used by: episode, benchmark, cli.
Each aspect (vessels, fill, places, cameras, ...) has its own random stream, so that a new field
in one does not shift the others. Same seed, same scene.
"""

import colorsys
import zlib

import numpy as np

from ..errors import ConfigError, SceneError
from ..types import COMMANDS, CameraPose, Light, Liquid, SceneConfig, Vessel
from .conditions import condition_parts
from .liquids import draw_liquid
from .vessels import draw_receiver, draw_source
from .world import WorldConfig

RECEIVER_LIMIT = 0.9
"""'All' fills the receiver at most to this share of its capacity."""
EGO_POSITION, EGO_TARGET = np.array([-0.08, 0.09, -0.02]), np.array([0.0, -0.03, 0.17])
"""Wrist bracket in the gripper base's frame: from this side lip, stream and receiver are in view."""
TABLE_MIDDLE = np.array([0.6, 0.0])


def stream_of(seed: int, aspect: str) -> np.random.Generator:
    """The random stream of one aspect of one scene."""
    if seed < 0:
        raise ConfigError(f"seed is {seed}; a seed is a whole number from 0 up")
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(aspect.encode())]))


def draw_scene(
    world: WorldConfig, seed: int, *, condition: str | None = None, command: str | None = None
) -> SceneConfig:
    """Draw a scene; ``condition`` and ``command`` (by name) override what the seed would choose.

    Where the source's content would overflow the receiver, the initial volume is lowered so that
    pouring all of it ends at 90 % of the receiver's capacity.
    Raises ConfigError for an unknown condition or command.
    """
    if command is not None and command not in COMMANDS:
        raise ConfigError(f"no command '{command}'; choose from {', '.join(COMMANDS)}")
    name = condition or str(stream_of(seed, "condition").choice(world.conditions))
    source, receiver, liquid = _vessels(world, seed, name)
    said = command or str(stream_of(seed, "command").choice(world.commands))
    initial_ml, receiver_ml = _fill(world, seed, source, receiver)
    source_xy, receiver_xy = _places(world, seed, source, receiver)
    pour, look = stream_of(seed, "pour"), stream_of(seed, "looks")
    return SceneConfig(
        seed=seed,
        condition=name,
        command=COMMANDS[said],
        command_text=f"pour {_PHRASES[said]} of the {liquid.name}",
        source=source,
        receiver=receiver,
        liquid=liquid,
        initial_ml=initial_ml,
        receiver_initial_ml=receiver_ml,
        source_xy_m=source_xy,
        receiver_xy_m=receiver_xy,
        grasp_offset=_one(pour, world.grasp_offset),
        pour_height_m=_one(pour, world.pour_height_m),
        tilt_seconds=_one(pour, world.tilt_seconds),
        ego=_ego(world, seed),
        front=_front(world, seed, receiver, receiver_xy),
        lights=_lights(world, seed),
        ambient=_one(look, world.ambient),
        table_texture=str(look.choice(world.table_textures)),
        table_rgb=draw_colour(look, world.table_value, world.table_saturation, warm=True),
        table_reflectance=_one(look, world.table_reflectance),
        wall_rgb=draw_colour(look, world.wall_value, world.wall_saturation),
        texture_seed=int(look.integers(2**31)),
    )


_PHRASES = {
    "quarter": "a quarter",
    "half": "half",
    "three-quarters": "three-quarters",
    "all": "all",
}


def _one(rng: np.random.Generator, span: tuple[float, float]) -> float:
    return float(rng.uniform(*span))


def _vessels(world: WorldConfig, seed: int, name: str) -> tuple[Vessel, Vessel, Liquid]:
    if name != "random":
        return condition_parts(name)
    source = _of_kind(draw_source, stream_of(seed, "source"), world.source_kinds)
    receiver = _of_kind(draw_receiver, stream_of(seed, "receiver"), world.receiver_kinds)
    rng = stream_of(seed, "liquid")
    while (liquid := draw_liquid(rng)).name not in world.liquids:
        pass
    return source, receiver, liquid


def _of_kind(draw, rng: np.random.Generator, kinds: tuple[str, ...]) -> Vessel:
    for _ in range(10_000):
        if (vessel := draw(rng)).kind in kinds:
            return vessel
    raise SceneError(
        f"no vessel of kind {', '.join(kinds)} in 10000 draws; name other kinds in the world"
    )


def _fill(world: WorldConfig, seed: int, source: Vessel, receiver: Vessel) -> tuple[float, float]:
    """Initial millilitres in source and receiver."""
    rng = stream_of(seed, "fill")
    initial = _one(rng, world.fill_fraction) * source.capacity_ml
    there = _one(rng, world.receiver_fill_fraction) * receiver.capacity_ml
    room = RECEIVER_LIMIT * receiver.capacity_ml - there
    if room <= 0:
        raise ConfigError(
            f"receiver_fill_fraction {world.receiver_fill_fraction} leaves "
            f"no room in the receiver; keep it below {RECEIVER_LIMIT}"
        )
    return float(min(initial, room)), float(there)


def _places(
    world: WorldConfig, seed: int, source: Vessel, receiver: Vessel
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the two stand; the receiver moves along -y until the fingers fit between them."""
    rng = stream_of(seed, "places")
    sx, sy = _one(rng, world.source_x_m), _one(rng, world.source_y_m)
    rx, ry = _one(rng, world.receiver_x_m), _one(rng, world.receiver_y_m)
    apart = max(r for _, r in source.outer) + max(r for _, r in receiver.outer) + world.clearance_m
    beside = np.sqrt(max(apart**2 - (sx - rx) ** 2, 0.0))
    ry = min(ry, sy - float(beside))
    return (sx, sy), (rx, ry)


def _ego(world: WorldConfig, seed: int) -> CameraPose:
    rng = stream_of(seed, "ego")
    j = world.ego_jitter_m
    position, target = EGO_POSITION + rng.uniform(-j, j, 3), EGO_TARGET + rng.uniform(-j, j, 3)
    return CameraPose(vec3(position), vec3(target), (0.0, 1.0, 0.0), _one(rng, world.ego_fovy_deg))


def _front(world: WorldConfig, seed: int, receiver: Vessel, xy: tuple[float, float]) -> CameraPose:
    """Facing the receiver, aimed above its rim so that receiver and pouring lip share the picture."""
    rng = stream_of(seed, "front")
    j = world.front_jitter_m
    target = np.array([xy[0], xy[1] + 0.045, 0.55 * receiver.height_m + 0.075]) + rng.uniform(
        -j, j, 3
    )
    return orbit(
        target,
        _one(rng, world.front_azimuth_deg),
        _one(rng, world.front_elevation_deg),
        _one(rng, world.front_distance_m),
        _one(rng, world.front_fovy_deg),
    )


def orbit(
    target: np.ndarray, azimuth_deg: float, elevation_deg: float, distance_m: float, fovy_deg: float
) -> CameraPose:
    """Camera on a sphere around ``target``; azimuth 0 looks along -x, elevation above the horizon."""
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    away = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    return CameraPose(
        vec3(target + distance_m * away), vec3(target), (0.0, 0.0, 1.0), float(fovy_deg)
    )


def _lights(world: WorldConfig, seed: int) -> tuple[Light, ...]:
    """Lamps over the table; the first casts the shadows, the others fill."""
    rng = stream_of(seed, "lights")
    lamps = []
    for i in range(int(rng.integers(world.lights[0], world.lights[1] + 1))):
        s = world.light_spread_m
        at = np.array([*(TABLE_MIDDLE + rng.uniform(-s, s, 2)), _one(rng, world.light_height_m)])
        aim = np.array([*TABLE_MIDDLE, 0.0]) + rng.uniform(-0.1, 0.1, 3)
        heading = (aim - at) / np.linalg.norm(aim - at)
        diffuse = _one(rng, world.light_diffuse) * (1.0 if i == 0 else 0.5)
        lamps.append(
            Light(
                vec3(at),
                vec3(heading),
                diffuse,
                _one(rng, world.light_specular),
                world.shadows and i == 0,
            )
        )
    return tuple(lamps)


def draw_colour(
    rng: np.random.Generator,
    value: tuple[float, float],
    saturation: tuple[float, float],
    *,
    warm: bool = False,
) -> tuple[float, float, float]:
    """A colour by brightness and saturation; ``warm`` prefers the hues of wood and stone."""
    hue = rng.uniform(0.04, 0.12) if warm and rng.random() < 0.7 else rng.random()
    rgb = colorsys.hsv_to_rgb(float(hue), _one(rng, saturation), _one(rng, value))
    return (round(rgb[0], 4), round(rgb[1], 4), round(rgb[2], 4))


def vec3(v: np.ndarray) -> tuple[float, float, float]:
    """Plain numbers, as configs keep them."""
    return (float(v[0]), float(v[1]), float(v[2]))
