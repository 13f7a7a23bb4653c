"""Pours without a robot, seen from everywhere: the clips a sound model learns from.

Reads:  a seed.   Makes: Clip (25 fps), PourTrace (100 Hz), SceneConfig.   Used by: pipeline (corpus).
Same seed, same clip. No physics but the liquid's: the source goes where its path says.
"""

import numpy as np

from ..errors import ConfigError
from ..liquid import HydraulicPour
from ..scene import SMALL, Column, Detail, Scene, View, build_scene
from ..types import Clip, Clock, PourTrace, SceneConfig
from .tabletop_draw import DEFAULT, DT_S, RECEIVER_XY, TabletopConfig, TabletopPour, draw_tabletop
from .tabletop_path import PourMotion

__all__ = ["TabletopConfig", "TabletopPour", "draw_tabletop", "simulate_tabletop"]
FRONT_HZ = Clock().front_hz


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
    scene = build_scene(setup, robot=False, size=size, detail=detail, hand=pour.hand)
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
            rgb[f], roles[f] = _shoot(
                scene, view, stepper, motion, f * per_frame, pour.hand_away_m(f / FRONT_HZ)
            )
            for k in range(f * per_frame, (f + 1) * per_frame):
                stepper.step(motion.tilt_rad[k], motion.lip_m[k], out, floor)
    return Clip(float(FRONT_HZ), rgb, roles), stepper.trace(), setup


def _shoot(
    scene: Scene,
    view: View,
    stepper: HydraulicPour,
    motion: PourMotion,
    step: int,
    away_m: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Move source and hand, draw the liquid as it is now, take both pictures."""
    pos, rot = motion.pose(step, scene.config.source)
    scene.move_source(pos, rot)
    if away_m is not None:
        scene.move_hand(pos + rot @ away_m, rot)
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
