"""What a seed draws for a pour without a robot: vessels, path, eye, light and looks.

Reads:  a seed, TabletopConfig.   Makes: SceneConfig, TabletopPour.   Used by: episode.tabletop.
Varied far beyond the benchmark; each aspect has its own random stream.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..errors import ConfigError
from ..liquid import simulate_pour
from ..scene import Hand, draw_liquid, draw_receiver, draw_source, orbit, stream_of
from ..scene.distractors import draw_distractors
from ..scene.materials import TEXTURES
from ..scene.streams import draw_colour, vec3
from ..types import CameraPose, Light, Liquid, SceneConfig, Vessel
from .tabletop_path import (
    STYLES,
    PourMotion,
    Reach,
    TiltOfVolume,
    plan_motion,
    plan_tilt,
    with_journey,
    with_wait,
)

DT_S = 0.002
RECEIVER_XY = (0.45, 0.0)
LAUNCHES_M_S = (0.15, 0.3, 0.05, 0.5, 0.8)
"""Speeds at which the liquid may be expected to leave the lip; the aim that spills least is taken."""
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
    """Lip above rim; drawn log-uniformly. Lower, down to 2 cm, where the seed's flow would spill."""
    spill_ml: float = 3.0
    """An aim that spills no more than this is good enough."""
    styles: tuple[tuple[str, float], ...] = (
        ("single", 0.3), ("interrupted", 0.2), ("modulated", 0.18), ("trickle", 0.1),
        ("splash", 0.06), ("empty", 0.08), ("never", 0.12),
    )  # fmt: skip
    """Style of the pour and its weight."""
    wait: float = 0.45
    """Share of clips in which nothing is poured for another 0.5 to 5 s: a robot takes its time."""
    elevation_deg: Range = (5.0, 50.0)
    distance_m: Range = (0.35, 0.9)
    framing: Range = (1.0, 2.3)
    """Height of the picture where the pour is, over that of the pour; drawn log-uniformly."""
    things: tuple[int, int] = (0, 4)
    """Other things on the table."""
    hand: float = 0.75
    """Share of clips in which something holds the source: a plain hand or, more often, a gripper."""
    journey: float = 0.5
    """Share of clips that begin with the source on its way, up to ``journey_m`` from where it pours."""
    journey_m: Range = (0.1, 0.4)
    reach: float = 0.8
    """Share of held sources, of those that stand on the table first, to which the hand comes only then."""
    reach_m: Range = (0.1, 0.7)
    pillar: float = 0.4
    """Share of grippers that seem to grow from a pillar."""
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
    hand: Hand | None
    """What holds the source, if anything."""
    reach: Reach | None = None
    """How the hand comes to the source; None: it holds it from the start."""

    def hand_away_m(self, time_s: float) -> np.ndarray | None:
        """Where the hand is in the source's frame, relative to where it holds; None without a hand."""
        if self.hand is None:
            return None
        return np.zeros(3) if self.reach is None else self.reach.at(time_s)


@dataclass(frozen=True)
class _Amounts:
    """Vessels and what is in them."""

    source: Vessel
    receiver: Vessel
    liquid: Liquid
    initial_ml: float
    receiver_ml: float
    room_ml: float
    """How much the pour may add to the receiver."""


def draw_tabletop(
    seed: int, *, seconds: float = 8.0, config: TabletopConfig = DEFAULT
) -> tuple[SceneConfig, TabletopPour]:
    """Scene and path of one clip. ``command`` is the share of the initial volume there is room for."""
    amounts = _draw_amounts(seed, config)
    source, receiver, initial = amounts.source, amounts.receiver, amounts.initial_ml
    eye = stream_of(seed, "tabletop eye")
    view_azimuth = float(eye.uniform(0, 2 * np.pi))
    # Mostly across the picture, to the left or to the right; sometimes from any side.
    across = np.pi / 2 * eye.choice([-1, 1]) + eye.normal(0, 0.4)
    turn = across if eye.random() < 0.92 else eye.uniform(0, 2 * np.pi)
    style, motion, height, stands_s = _draw_motion(
        seed, seconds, config, amounts, view_azimuth + float(turn)
    )
    camera = view_azimuth - motion.azimuth_rad  # seen from the source's frame
    hand = _draw_hand(eye, config, camera, motion.azimuth_rad)
    if eye.random() < config.hand:
        pour = TabletopPour(style, motion, hand, _draw_reach(seed, config, hand, stands_s))
    else:
        pour = TabletopPour(style, motion, None)
    pos, _ = motion.pose(0, source)
    front = draw_eye(eye, config, source, receiver, motion, view_azimuth)
    xy = (float(pos[0]), float(pos[1]))
    scene = SceneConfig(
        seed=seed, condition="random", command=float(np.clip(amounts.room_ml / initial, 0.01, 1.0)),
        command_text=f"pour {amounts.liquid.name}", source=source, receiver=receiver,
        liquid=amounts.liquid, initial_ml=initial, receiver_initial_ml=amounts.receiver_ml,
        source_xy_m=xy, receiver_xy_m=RECEIVER_XY,
        grasp_offset=0.0, pour_height_m=height, tilt_seconds=seconds,
        ego=CameraPose((0.0, 0.1, 0.0), (0.0, 0.0, 0.1)),
        front=front,
        distractors=draw_distractors(
            stream_of(seed, "tabletop things"), config.things, xy, RECEIVER_XY, front
        ),
        **draw_looks(stream_of(seed, "tabletop looks"), config),
    )  # fmt: skip
    return scene, pour


def _draw_hand(
    rng: np.random.Generator, config: TabletopConfig, camera_rad: float, pour_rad: float
) -> Hand:
    """A hand from behind the vessel or from its far side, a gripper across the pour; both seldom
    between vessel and camera (``camera_rad``: where it is, in the source's frame)."""
    if rng.random() < 0.4:
        sides = (np.pi, camera_rad + np.pi, camera_rad)
        return Hand(float(sides[int(rng.choice(3, p=[0.45, 0.42, 0.13]))] + rng.normal(0, 0.35)))
    far = -np.sign(np.sin(camera_rad)) * np.pi / 2
    side = far if rng.random() < 0.8 else -far
    azimuth = float(side + rng.normal(0, 0.3))
    # Where it stands in the world: behind the receiver as the camera sees it, in front seldom.
    stands = camera_rad + pour_rad + np.pi + rng.normal(0, 0.7)
    away = rng.uniform(0.25, 0.6)
    x, y = RECEIVER_XY[0] + away * np.cos(stands), RECEIVER_XY[1] + away * np.sin(stands)
    pillar = (float(x), float(y), float(rng.uniform(0.15, 0.6)))
    shown = rng.random() < config.pillar
    return Hand(
        azimuth,
        "gripper",
        shoulder_rad=float(rng.normal(0, 0.5)),
        shoulder_m=float(rng.uniform(0.1, 0.8)),
        pillar_m=pillar if shown else None,
    )


def _draw_reach(
    seed: int, config: TabletopConfig, hand: Hand, stands_s: float | None
) -> Reach | None:
    """The hand comes from outwards, mostly from above, and is there before the source leaves."""
    rng = stream_of(seed, "tabletop reach")
    if rng.random() >= config.reach or stands_s is None or stands_s < 0.5:
        return None
    arrive = max(stands_s - rng.uniform(0.05, 0.8), 0.4)
    leave = arrive - rng.uniform(0.5, 3.0)
    turn = hand.azimuth_rad + rng.normal(0, 0.3)
    reach = float(rng.uniform(*config.reach_m))
    rise = float(rng.uniform(0.0, 0.8)) * reach
    away = vec3(np.array([reach * np.cos(turn), reach * np.sin(turn), rise]))
    return Reach(away, float(leave), float(arrive))


def _draw_amounts(seed: int, config: TabletopConfig) -> _Amounts:
    source = draw_source(stream_of(seed, "tabletop source"))
    receiver = draw_receiver(stream_of(seed, "tabletop receiver"))
    liquid = draw_liquid(stream_of(seed, "tabletop liquid"))
    rng = stream_of(seed, "tabletop amounts")
    initial = float(rng.uniform(*config.fill_fraction)) * source.capacity_ml
    there = float(rng.uniform(0.02, 0.6)) * receiver.capacity_ml
    there = there if rng.random() < config.prefilled else 0.0
    room = config.room_fraction * receiver.capacity_ml - there
    return _Amounts(source, receiver, liquid, initial, there, room)


def _draw_motion(
    seed: int, seconds: float, config: TabletopConfig, amounts: _Amounts, azimuth: float
) -> tuple[str, PourMotion, float, float | None]:
    """Style, path, lip height [m], until when the source stands on the table [s]. People aim, and
    pour from lower when much flows: so do we."""
    rng = stream_of(seed, "tabletop pour")
    names, weights = zip(*config.styles, strict=True)
    style = str(rng.choice(names, p=np.array(weights) / sum(weights)))
    low, high = np.log(config.pour_height_m)
    first = float(np.exp(rng.uniform(low, high)))
    last = float(np.clip(first * np.exp(rng.normal(0, 0.35)), *config.pour_height_m))
    last = last if rng.random() < 0.5 else first
    holds = TiltOfVolume.of(amounts.source)
    tilt = plan_tilt(rng, style, holds, amounts.initial_ml, amounts.room_ml, seconds, DT_S)
    waits = stream_of(seed, "tabletop wait")
    if waits.random() < config.wait:
        tilt = with_wait(tilt, min(float(waits.uniform(0.5, 5.0)), 0.65 * seconds), DT_S)
    best, least, height = None, np.inf, first
    for share in (1.0, 0.5, 0.25):
        heights = (max(share * first, 0.02), max(share * last, 0.02))
        for launch in LAUNCHES_M_S:
            again = stream_of(seed, "tabletop motion")  # the same hand, another aim
            motion = plan_motion(
                again,
                tilt,
                amounts.source,
                amounts.receiver,
                RECEIVER_XY,
                azimuth,
                heights,
                launch,
                DT_S,
            )
            spilled = _spilled_ml(motion, amounts)
            if best is None or spilled < least - 0.1:
                best, least, height = motion, spilled, heights[0]
        if least <= config.spill_ml:
            break
    assert best is not None
    onset = float(holds(amounts.initial_ml))
    moved, stands_s = _draw_journey(seed, config, amounts, best, onset)
    return style, moved, height, stands_s


def _draw_journey(
    seed: int, config: TabletopConfig, amounts: _Amounts, motion: PourMotion, onset_rad: float
) -> tuple[PourMotion, float | None]:
    """Sometimes the source comes from elsewhere on the table, and is there before it pours; and until
    when it stands there, upright, if it does."""
    rng = stream_of(seed, "tabletop journey")
    tilted = np.flatnonzero(motion.tilt_rad > onset_rad - np.radians(6))
    latest = tilted[0] * DT_S if len(tilted) else 0.5 * len(motion.tilt_rad) * DT_S
    arrive, take = float(rng.uniform(0.6, 1.0)) * latest, float(rng.uniform(0.5, 2.0))
    stays = rng.random() >= config.journey and arrive < 2.5  # who waits long has not yet come
    if stays or motion.tilt_rad[0] > np.radians(25) or arrive < 0.4:
        return motion, None
    # From behind or from a side; the higher the lip, the farther down the table.
    angle = motion.azimuth_rad + np.pi + rng.uniform(-1.8, 1.8)
    away = rng.uniform(*config.journey_m) * np.array([np.cos(angle), np.sin(angle)])
    leave = max(0.0, arrive - take)
    standing = float(motion.lip_m[round(leave / DT_S), 2]) - amounts.source.height_m
    stands = rng.random() < 0.8 and standing > 0.002
    drop = standing - 0.002 if stands else max(0.0, rng.uniform(0, 0.6) * standing)
    if stands:
        motion = _upright_until(motion, leave)
    return with_journey(motion, away, drop, leave, arrive), leave if stands else None


def _upright_until(motion: PourMotion, leave_s: float) -> PourMotion:
    """The same motion, standing still until ``leave_s`` and raised to its tilt in half a second."""
    steps = np.arange(len(motion.tilt_rad))
    rising = np.clip((steps * DT_S - leave_s) / 0.5, 0, 1)
    still = motion.lip_m[np.maximum(steps, round(leave_s / DT_S))]
    return replace(motion, tilt_rad=motion.tilt_rad * rising, lip_m=still)


def _spilled_ml(motion: PourMotion, amounts: _Amounts) -> float:
    """What this path would spill."""
    trace = simulate_pour(
        amounts.source, amounts.receiver, amounts.liquid, initial_ml=amounts.initial_ml,
        receiver_initial_ml=amounts.receiver_ml, tilt_rad=motion.tilt_rad, lip_m=motion.lip_m,
        out_xy=motion.out_xy, receiver_floor_m=np.array([*RECEIVER_XY, amounts.receiver.floor_m]),
        dt_s=DT_S,
    )  # fmt: skip
    return float(trace.spilled_ml[-1])


def draw_eye(
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
    loose = float(np.exp(rng.uniform(*np.log(config.framing))))
    fovy = np.degrees(2 * np.arctan(0.5 * tall * loose / distance))
    middle += rng.uniform(-0.2, 0.2, 3) * tall * max(loose - 1.2, 0.0)
    return orbit(
        middle,
        float(np.degrees(azimuth)),
        float(rng.uniform(*config.elevation_deg)),
        distance,
        float(np.clip(fovy, 18, 80)),
    )


def draw_looks(rng: np.random.Generator, config: TabletopConfig) -> dict:
    """Lights, table and walls; plain backgrounds are as likely as coloured ones."""
    shaded = rng.random() < config.shadows
    lights = []
    for i in range(int(rng.integers(1, 4))):
        at = np.array([0.45, 0.0, 0.0]) + rng.uniform((-1.2, -1.2, 0.8), (1.2, 1.2, 2.4))
        aim = np.array([0.45, 0.0, 0.05]) + rng.normal(0, 0.1, 3)
        heading = (aim - at) / np.linalg.norm(aim - at)
        diffuse = float(rng.uniform(0.25, 0.85)) * (1.0 if i == 0 else 0.5)
        specular = float(rng.uniform(0.05, 0.5))
        lights.append(Light(vec3(at), vec3(heading), diffuse, specular, bool(shaded and i == 0)))
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
