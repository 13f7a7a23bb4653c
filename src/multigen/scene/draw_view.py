"""Cameras and lamps of a scene.

Reads:  WorldConfig, seed, where the receiver stands.   Makes: CameraPose, Light.
Used by: scene.draw, episode (corpora use orbit).
"""

from dataclasses import replace

import numpy as np

from ..types import CameraPose, Light, Vessel
from .streams import one, stream_of, vec3
from .world import WorldConfig

LIGHT_LIMIT, HEADLIGHT = 1.4, 0.25
"""All lamps, the light at the camera and the ambient together: beyond, a pale table is burnt out."""
TABLE_MIDDLE = np.array([0.6, 0.0])


def draw_ego(world: WorldConfig, seed: int) -> CameraPose:
    """The wrist camera on its bracket, in the gripper base's frame."""
    rng = stream_of(seed, "ego")
    j = world.ego_jitter_m
    position = np.array(world.ego_position_m) + rng.uniform(-j, j, 3)
    target = np.array(world.ego_target_m) + rng.uniform(-j, j, 3)
    return CameraPose(vec3(position), vec3(target), (0.0, 1.0, 0.0), one(rng, world.ego_fovy_deg))


def draw_front(
    world: WorldConfig, seed: int, receiver: Vessel, xy: tuple[float, float]
) -> CameraPose:
    """Facing the receiver, aimed above its rim so that receiver and pouring lip share the picture."""
    rng = stream_of(seed, "front")
    j = world.front_jitter_m
    target = np.array([xy[0], xy[1] + 0.045, 0.55 * receiver.height_m + 0.075]) + rng.uniform(
        -j, j, 3
    )
    eye = orbit(
        target,
        one(rng, world.front_azimuth_deg),
        one(rng, world.front_elevation_deg),
        one(rng, world.front_distance_m),
        one(rng, world.front_fovy_deg),
    )
    return rolled(eye, np.radians(one(stream_of(seed, "front roll"), world.front_roll_deg)))


def rolled(eye: CameraPose, angle_rad: float) -> CameraPose:
    """The same camera turned about its line of sight."""
    if angle_rad == 0:
        return eye
    ahead = np.subtract(eye.target, eye.position)
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, eye.up)
    right /= np.linalg.norm(right)
    upright = np.cross(right, ahead)
    return replace(eye, up=vec3(np.cos(angle_rad) * upright + np.sin(angle_rad) * right))


def orbit(
    target: np.ndarray, azimuth_deg: float, elevation_deg: float, distance_m: float, fovy_deg: float
) -> CameraPose:
    """Camera on a sphere around ``target``; azimuth 0 looks along -x, elevation above the horizon."""
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    away = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    return CameraPose(
        vec3(target + distance_m * away), vec3(target), (0.0, 0.0, 1.0), float(fovy_deg)
    )


def draw_lights(world: WorldConfig, seed: int) -> tuple[Light, ...]:
    """Lamps over the table; the first casts the shadows, the others fill."""
    rng = stream_of(seed, "lights")
    shaded = world.shadows and stream_of(seed, "shadows").random() >= world.shadowless
    lamps = []
    for i in range(int(rng.integers(world.lights[0], world.lights[1] + 1))):
        s = world.light_spread_m
        at = np.array([*(TABLE_MIDDLE + rng.uniform(-s, s, 2)), one(rng, world.light_height_m)])
        aim = np.array([*TABLE_MIDDLE, 0.0]) + rng.uniform(-0.1, 0.1, 3)
        heading = (aim - at) / np.linalg.norm(aim - at)
        diffuse = one(rng, world.light_diffuse) * (1.0 if i == 0 else 0.5)
        lamps.append(
            Light(
                vec3(at),
                vec3(heading),
                diffuse,
                one(rng, world.light_specular),
                shaded and i == 0,
            )
        )
    over = LIGHT_LIMIT / (HEADLIGHT + world.ambient[1] + sum(lamp.diffuse for lamp in lamps))
    return tuple(replace(lamp, diffuse=lamp.diffuse * min(1.0, over)) for lamp in lamps)
