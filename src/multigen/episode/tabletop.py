"""Pours without a robot, seen from everywhere: the clips a sound model learns from.

Reads:  a seed.   Makes: Clip (25 fps), PourTrace (100 Hz), SceneConfig.   Used by: pipeline (corpus).
Varied far beyond the benchmark: viewpoint, light, vessels, liquids, tilt and flow, hand or none.
Same seed, same clip. No physics but the liquid's: the source goes where its path says.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from ..errors import ConfigError
from ..liquid import HydraulicPour
from ..scene import (
    SMALL,
    Column,
    Detail,
    Scene,
    View,
    build_scene,
    draw_liquid,
    draw_receiver,
    draw_source,
    orbit,
    stream_of,
)
from ..scene.draw import draw_colour
from ..scene.materials import TEXTURES
from ..types import CameraPose, Clip, Clock, Light, PourTrace, SceneConfig, Vessel
from .tabletop_path import STYLES, PourMotion, TiltOfVolume, plan_motion, plan_tilt

DT_S = 0.002
FRONT_HZ = Clock().front_hz
RECEIVER_XY = (0.45, 0.0)
Range = tuple[float, float]


@dataclass(frozen=True)
class TabletopConfig:
    """Ranges of the corpus; each drawn uniformly unless said otherwise."""

    fill_fraction: Range = (0.35, 0.9)
    """Initial volume over the source's capacity."""
    prefilled: float = 0.5
    """Share of clips whose receiver already holds something: up to 60 % of its capacity."""
    room_fraction: float = 0.93
    """The receiver is planned to be filled at most this far."""
    pour_height_m: Range = (0.03, 0.25)
    """Lip above rim; drawn log-uniformly."""
    styles: tuple[tuple[str, float], ...] = (
        ("single", 0.3), ("interrupted", 0.2), ("modulated", 0.18), ("trickle", 0.1),
        ("splash", 0.06), ("empty", 0.08), ("never", 0.08),
    )  # fmt: skip
    """Style of the pour and its weight."""
    elevation_deg: Range = (5.0, 50.0)
    distance_m: Range = (0.35, 0.9)
    hand: float = 0.5
    """Share of clips with a plain hand at the source."""
    shadows: float = 0.5
    """Share of clips with shadows."""

    def __post_init__(self) -> None:
        for style, _ in self.styles:
            if style not in STYLES:
                raise ConfigError(f"no pouring style '{style}'; choose from {', '.join(STYLES)}")


DEFAULT = TabletopConfig()


@dataclass(frozen=True)
class TabletopPour:
    """What a seed drew beside the scene."""

    style: str
    motion: PourMotion
    hand_rad: float | None
    """Where the hand comes from, in the source's frame; None without one."""


def draw_tabletop(
    seed: int, *, seconds: float = 8.0, config: TabletopConfig = DEFAULT
) -> tuple[SceneConfig, TabletopPour]:
    """Scene and path of one clip. ``command`` is the planned share of the initial volume (at least 1 %)."""
    source = draw_source(stream_of(seed, "tabletop source"))
    receiver = draw_receiver(stream_of(seed, "tabletop receiver"))
    liquid = draw_liquid(stream_of(seed, "tabletop liquid"))
    rng = stream_of(seed, "tabletop pour")
    initial = float(rng.uniform(*config.fill_fraction)) * source.capacity_ml
    there = (
        float(rng.uniform(0.02, 0.6)) * receiver.capacity_ml
        if rng.random() < config.prefilled
        else 0.0
    )
    names, weights = zip(*config.styles, strict=True)
    style = str(rng.choice(names, p=np.array(weights) / sum(weights)))
    low, high = np.log(config.pour_height_m)
    first = float(np.exp(rng.uniform(low, high)))
    last = (
        float(np.clip(first * np.exp(rng.normal(0, 0.35)), *config.pour_height_m))
        if rng.random() < 0.5
        else first
    )
    room = config.room_fraction * receiver.capacity_ml - there
    tilt = plan_tilt(rng, style, TiltOfVolume.of(source), initial, room, seconds, DT_S)
    eye = stream_of(seed, "tabletop eye")
    view_azimuth = float(eye.uniform(0, 2 * np.pi))
    # Mostly across the picture, to the left or to the right; sometimes from any side.
    turn = (
        np.pi / 2 * eye.choice([-1, 1]) + eye.normal(0, 0.4)
        if eye.random() < 0.85
        else eye.uniform(0, 2 * np.pi)
    )
    motion = plan_motion(
        rng, tilt, source, receiver, RECEIVER_XY, view_azimuth + float(turn), (first, last), DT_S
    )
    camera = view_azimuth - motion.azimuth_rad  # seen from the source's frame
    # From behind the vessel, from its far side, seldom between it and the camera.
    sides = (np.pi, camera + np.pi, camera)
    hand = float(sides[int(eye.choice(3, p=[0.45, 0.42, 0.13]))] + eye.normal(0, 0.35))
    pour = TabletopPour(style, motion, hand if eye.random() < config.hand else None)
    pos, _ = motion.pose(0, source)
    looks = _looks(stream_of(seed, "tabletop looks"), config)
    scene = SceneConfig(
        seed=seed, condition="random", command=float(np.clip(min(room, initial) / initial, 0.01, 1.0)),
        command_text=f"pour {liquid.name}", source=source, receiver=receiver, liquid=liquid,
        initial_ml=initial, receiver_initial_ml=there,
        source_xy_m=(float(pos[0]), float(pos[1])), receiver_xy_m=RECEIVER_XY,
        grasp_offset=0.0, pour_height_m=first, tilt_seconds=seconds,
        ego=CameraPose((0.0, 0.1, 0.0), (0.0, 0.0, 0.1)),
        front=_eye(eye, config, source, receiver, motion, view_azimuth), **looks,
    )  # fmt: skip
    return scene, pour


def simulate_tabletop(
    seed: int, *, seconds: float = 8.0, size: int = 128, config: TabletopConfig = DEFAULT
) -> tuple[Clip, PourTrace, SceneConfig]:
    """One clip: round(25 seconds) frames of ``size`` px with roles, and its trace.

    Frame f shows the instant f / 25. Raises ConfigError unless ``seconds`` is a whole number of frames.
    """
    frames = round(seconds * FRONT_HZ)
    if frames < 1 or abs(frames - seconds * FRONT_HZ) > 1e-6:
        raise ConfigError(
            f"seconds is {seconds}; a clip is a whole number of 1/{FRONT_HZ} s frames"
        )
    setup, pour = draw_tabletop(seed, seconds=seconds, config=config)
    shaded = any(light.casts_shadow for light in setup.lights)
    detail = SMALL if shaded else Detail(SMALL.segments, SMALL.slices, SMALL.around, shadow_map=0)
    scene = build_scene(setup, robot=False, size=size, detail=detail, hand_rad=pour.hand_rad)
    stepper = HydraulicPour(
        setup.source, setup.receiver, setup.liquid,
        initial_ml=setup.initial_ml, receiver_initial_ml=setup.receiver_initial_ml, dt_s=DT_S,
    )  # fmt: skip
    floor = np.array([*RECEIVER_XY, setup.receiver.floor_m])
    rgb = np.empty((frames, size, size, 3), np.uint8)
    roles = np.empty((frames, size, size), np.uint8)
    per_frame = round(1 / (FRONT_HZ * DT_S))
    motion, out = pour.motion, pour.motion.out_xy
    with View(scene, size) as view:
        for f in range(frames):
            rgb[f], roles[f] = _shoot(scene, view, stepper, motion, f * per_frame)
            for k in range(f * per_frame, (f + 1) * per_frame):
                stepper.step(motion.tilt_rad[k], motion.lip_m[k], out, floor)
    return Clip(float(FRONT_HZ), rgb, roles), stepper.trace(), setup


def _shoot(
    scene: Scene, view: View, stepper: HydraulicPour, motion: PourMotion, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move the source, draw the liquid as it is now, take both pictures."""
    scene.move_source(*motion.pose(step, scene.config.source))
    mujoco.mj_kinematics(scene.model, scene.data)
    now = stepper.state
    falling = None
    if (s := now.stream) is not None:
        falling = Column(
            np.array(s.start_m),
            np.array(s.velocity_m_s),
            s.end_z_m,
            s.start_radius_m,
            s.front_s,
            s.tail_s,
        )
    view.draw_liquid(now.source_ml, now.receiver_ml, falling)
    return view.frame("front")


def _eye(
    rng: np.random.Generator,
    config: TabletopConfig,
    source: Vessel,
    receiver: Vessel,
    motion: PourMotion,
    azimuth: float,
) -> CameraPose:
    """A camera that sees the receiver and the lip, framed tightly or loosely."""
    top = float(np.median(motion.lip_m[:, 2])) + 0.4 * source.height_m
    middle = np.array([*RECEIVER_XY, 0.45 * top])
    middle[:2] -= motion.out_xy * 0.25 * source.height_m
    middle += rng.normal(0, 0.012, 3)
    distance = float(rng.uniform(*config.distance_m))
    tall = max(top, 0.75 * source.height_m + 2.5 * receiver.rim_radius_m)
    fovy = np.degrees(2 * np.arctan(0.5 * tall * rng.uniform(1.0, 1.9) / distance))
    return orbit(
        middle,
        float(np.degrees(azimuth)),
        float(rng.uniform(*config.elevation_deg)),
        distance,
        float(np.clip(fovy, 18, 80)),
    )


def _looks(rng: np.random.Generator, config: TabletopConfig) -> dict:
    """Lights, table and walls; plain backgrounds are as likely as coloured ones."""
    shaded = rng.random() < config.shadows
    lights = []
    for i in range(int(rng.integers(1, 4))):
        at = np.array([0.45, 0.0, 0.0]) + [*rng.uniform(-1.2, 1.2, 2), rng.uniform(0.8, 2.4)]
        aim = np.array([0.45, 0.0, 0.05]) + rng.normal(0, 0.1, 3)
        heading = (aim - at) / np.linalg.norm(aim - at)
        diffuse = float(rng.uniform(0.25, 0.85)) * (1.0 if i == 0 else 0.5)
        where = tuple(float(x) for x in at), tuple(float(x) for x in heading)
        lights.append(
            Light(*where, diffuse, float(rng.uniform(0.05, 0.5)), bool(shaded and i == 0))
        )
    plain = rng.random() < 0.5
    return {
        "lights": tuple(lights),
        "ambient": float(rng.uniform(0.15, 0.5)),
        "table_texture": str(rng.choice(TEXTURES)),
        "table_rgb": draw_colour(rng, (0.15, 1.0), (0.0, 0.8), warm=True),
        "table_reflectance": 0.0,
        "wall_rgb": draw_colour(rng, (0.2, 1.0), (0.0, 0.08 if plain else 0.7)),
        "texture_seed": int(rng.integers(2**31)),
    }
