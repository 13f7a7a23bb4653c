"""One scene out of a world, from one seed.

Reads:  WorldConfig, seed.   Makes: SceneConfig.   Used by: episode, benchmark, cli.
Each aspect (vessels, fill, places, cameras, ...) has its own random stream, so that a new field
in one does not shift the others. Same seed, same scene.
"""

import numpy as np

from ..errors import ConfigError, SceneError
from ..types import COMMANDS, Liquid, SceneConfig, Vessel
from .conditions import condition_parts
from .distractors import draw_distractors
from .draw_view import draw_ego, draw_front, draw_lights
from .liquids import altered, draw_liquid
from .sizing import fitted, stretched
from .streams import draw_colour, one, stream_of, vec3
from .vessel_draws import draw_receiver, draw_source, unlike_the_papers
from .world import WorldConfig

RECEIVER_LIMIT = 0.9
"""With the fill rule 'fits', 'all' fills the receiver at most to this share of its capacity."""
YAW_OF_POUR_RAD = -np.pi / 2
"""The expert pours towards -y where it can: a hole in a lid is turned that way."""


def draw_scene(
    world: WorldConfig, seed: int, *, condition: str | None = None, command: str | None = None
) -> SceneConfig:
    """Draw a scene; ``condition`` and ``command`` (by name) override what the seed would choose.

    Raises ConfigError for an unknown condition or command.
    """
    if command is not None and command not in COMMANDS:
        raise ConfigError(f"no command '{command}'; choose from {', '.join(COMMANDS)}")
    name = condition or str(stream_of(seed, "condition").choice(world.conditions))
    source, receiver, liquid = _vessels(world, seed, name)
    said = command or str(stream_of(seed, "command").choice(world.commands))
    initial_ml, receiver_ml = _fill(world, seed, source, receiver)
    source_xy, receiver_xy = _places(world, seed, source, receiver)
    pour, front = stream_of(seed, "pour"), draw_front(world, seed, receiver, receiver_xy)
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
        grasp_offset=one(pour, world.grasp_offset),
        pour_height_m=one(pour, world.pour_height_m),
        tilt_seconds=one(pour, world.tilt_seconds),
        ego=draw_ego(world, seed),
        front=front,
        lights=draw_lights(world, seed),
        **_looks(world, seed),
        source_yaw_rad=0.0 if source.mouth_radius_m is None else YAW_OF_POUR_RAD,
        receiver_yaw_rad=float(np.radians(one(stream_of(seed, "handle"), world.receiver_yaw_deg))),
        friction=one(stream_of(seed, "friction"), world.friction),
        distractors=draw_distractors(
            stream_of(seed, "distractors"), world.distractors, source_xy, receiver_xy, front
        ),
        **_sound(world, seed),
        liquid_model=world.liquid_model,
    )


def _looks(world: WorldConfig, seed: int) -> dict:
    """Ambient light, table and walls."""
    look = stream_of(seed, "looks")
    drawn = {
        "ambient": one(look, world.ambient),
        "table_texture": str(look.choice(world.table_textures)),
        "table_rgb": draw_colour(look, world.table_value, world.table_saturation, warm=True),
        "table_reflectance": one(look, world.table_reflectance),
        "wall_rgb": draw_colour(look, world.wall_value, world.wall_saturation),
        "texture_seed": int(look.integers(2**31)),
    }
    later = stream_of(seed, "more looks")
    if later.random() >= world.reflecting:
        drawn["table_reflectance"] = 0.0
    return drawn | {"wall_texture": str(later.choice(world.wall_textures))}


def _sound(world: WorldConfig, seed: int) -> dict:
    """Where the microphone stands and how loud the motors are there."""
    rng = stream_of(seed, "microphone")
    j = world.microphone_jitter_m
    at = np.array(world.microphone_m) + rng.uniform(-j, j, 3)
    at[2] = max(at[2], 0.02)
    return {"microphone_m": vec3(at), "motor_noise_db": one(rng, world.motor_noise_db)}


_PHRASES = {
    "quarter": "a quarter",
    "half": "half",
    "three-quarters": "three-quarters",
    "all": "all",
}


def _vessels(world: WorldConfig, seed: int, name: str) -> tuple[Vessel, Vessel, Liquid]:
    if name != "random":
        source, receiver, liquid = condition_parts(name)
    else:
        source = _of_kind(stream_of(seed, "source"), world.source_kinds)
        receiver = draw_receiver(stream_of(seed, "receiver"), world.receiver_kinds)
        rng = stream_of(seed, "liquid")
        while (liquid := draw_liquid(rng)).name not in world.liquids:
            pass
    source, receiver = _scaled(world, seed, source, receiver, random=name == "random")
    return source, receiver, _altered(world, seed, liquid)


def _of_kind(rng: np.random.Generator, kinds: tuple[str, ...]) -> Vessel:
    for _ in range(10_000):
        if (vessel := draw_source(rng)).kind in kinds:
            return vessel
    raise SceneError(
        f"no vessel of kind {', '.join(kinds)} in 10000 draws; name other kinds in the world"
    )


def _scaled(
    world: WorldConfig, seed: int, source: Vessel, receiver: Vessel, *, random: bool
) -> tuple[Vessel, Vessel]:
    """Both vessels a little wider or taller; the source still fits the gripper, and a random vessel
    is still none of the paper's.
    """
    rng = stream_of(seed, "object scale")
    other = []
    for vessel in (source, receiver):
        wide, tall = one(rng, world.object_scale), one(rng, world.object_scale)
        changed = vessel if wide == tall == 1.0 else stretched(vessel, wide, tall)
        if vessel is source and changed is not vessel:
            changed = fitted(changed)
        other.append(changed if not random or unlike_the_papers(changed) else vessel)
    return other[0], other[1]


def _altered(world: WorldConfig, seed: int, liquid: Liquid) -> Liquid:
    """The liquid with this world's factors on its properties."""
    rng = stream_of(seed, "liquid factors")
    low, high = np.log(world.viscosity_factor)
    factors = {
        "density": one(rng, world.density_factor),
        "viscosity": float(np.exp(rng.uniform(low, high))),
        "surface_tension": one(rng, world.surface_tension_factor),
        "warmer_c": one(rng, world.temperature_offset_c),
    }
    colour = rng.uniform(-1, 1, 3) * world.colour_jitter
    return altered(
        liquid, **factors, colour=colour, opacity=float(rng.uniform(-1, 1)) * world.opacity_jitter
    )


def _fill(world: WorldConfig, seed: int, source: Vessel, receiver: Vessel) -> tuple[float, float]:
    """Initial millilitres in source and receiver, by the world's fill_rule."""
    rng = stream_of(seed, "fill")
    initial = one(rng, world.fill_fraction) * source.capacity_ml
    there = one(rng, world.receiver_fill_fraction) * receiver.capacity_ml
    if world.fill_rule == "literal":
        return float(initial), float(min(there, receiver.capacity_ml))
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
    sx, sy = one(rng, world.source_x_m), one(rng, world.source_y_m)
    rx, ry = one(rng, world.receiver_x_m), one(rng, world.receiver_y_m)
    apart = max(r for _, r in source.outer) + max(r for _, r in receiver.outer) + world.clearance_m
    beside = np.sqrt(max(apart**2 - (sx - rx) ** 2, 0.0))
    ry = min(ry, sy - float(beside))
    return (sx, sy), (rx, ry)
