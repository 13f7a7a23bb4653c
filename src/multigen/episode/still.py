"""A pour in its middle, as a picture: posed, not simulated.

Reads:  SceneConfig.   Makes: a posed Scene and what to draw in it.   Used by: cli (look --sheet).
The arm is put where the expert's path would have it, the gripper around the source, and the liquid is
poured in the hydraulic model along that path until half of what was asked has landed. No contact, no
motors: a picture in a tenth of the time of a rollout.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float

from ..errors import SceneError
from ..liquid import HydraulicPour
from ..scene import Column, Detail, Scene, build_scene, reset
from ..scene.robot import set_gripper
from ..types import SceneConfig
from .ik import Arm, kinova
from .path import UP, PourPath, ease, pour_path, turn_about
from .plan import AZIMUTHS_RAD, OPENING_M

DT_S, LONGEST_S = 0.005, 8.0
SHARES = (-0.5, -1.0, -0.75, -1.5, -0.25, -2.0)
"""Places tried for the lip, over the receiver's inner radius; see amount.LIP_SHARES."""
TOLERATED_M, TOLERATED_RAD = 2e-3, 1e-2


@dataclass(frozen=True)
class Still:
    """A posed scene and the liquid in it."""

    scene: Scene
    source_ml: float
    receiver_ml: float
    stream: Column | None


def mid_pour(config: SceneConfig, *, size: int, detail: Detail) -> Still:
    """The scene while it pours. Raises SceneError where the arm reaches no pouring pose."""
    scene = build_scene(config, size=size, detail=detail)
    arm = kinova()
    receiver = np.array([*config.receiver_xy_m, 0.0])
    offset = _aim(config, receiver)
    for turn in (1.0, -1.0):
        for azimuth in AZIMUTHS_RAD:
            path = pour_path(config, receiver, azimuth, turn, offset)
            tilt, pour = _poured(config, path)
            if (q := _reached(arm, path, tilt)) is not None:
                _pose(scene, config, path, tilt, q)
                now = pour.state
                return Still(scene, now.source_ml, now.receiver_ml, _column(pour))
    raise SceneError(f"the arm reaches no pouring pose in the scene of seed {config.seed}")


def _aim(config: SceneConfig, receiver: Float[np.ndarray, " 3"]) -> float:
    """Offset of the lip along the pour from which least is spilled [m]."""
    spilled = {}
    for share in SHARES:
        offset = share * config.receiver.rim_radius_m
        _, pour = _poured(config, pour_path(config, receiver, 0.0, 1.0, offset))
        spilled[offset] = pour.state.spilled_ml
        if spilled[offset] < 0.005 * config.target_ml:
            break
    return min(spilled, key=lambda offset: spilled[offset])


def at_rest(config: SceneConfig, *, size: int, detail: Detail) -> Still:
    """The scene before anything happens."""
    scene = build_scene(config, size=size, detail=detail)
    reset(scene)
    return Still(scene, config.initial_ml, config.receiver_initial_ml, None)


def _poured(config: SceneConfig, path: PourPath) -> tuple[float, HydraulicPour]:
    """Tilt [rad] and liquid when half of the target has landed, or when nothing more will come."""
    source, half = config.source, 0.5 * config.target_ml
    least = source.held_ml(float(np.radians(140)))
    final = source.tilt_to_hold_rad(max(config.initial_ml - config.target_ml, least + 1e-3))
    final = min(final + np.radians(6), np.radians(140))
    pour = HydraulicPour(
        source, config.receiver, config.liquid, initial_ml=config.initial_ml,
        receiver_initial_ml=config.receiver_initial_ml, dt_s=DT_S,
    )  # fmt: skip
    floor = np.array([*config.receiver_xy_m, config.receiver.floor_m])
    tilt = 0.0
    for k in range(round(LONGEST_S / DT_S)):
        tilt = float(final * ease(np.array(k * DT_S / config.tilt_seconds)))
        pour.step(tilt, path.lip(tilt), path.direction[:2], floor)
        if pour.state.receiver_ml - config.receiver_initial_ml >= half:
            break
    return tilt, pour


def _reached(arm: Arm, path: PourPath, tilt: float) -> Float[np.ndarray, " 7"] | None:
    """Joint angles at a tilt, followed from home as a hand would get there."""
    q = arm.home
    for k, angle in enumerate((0.0, *np.linspace(0.0, tilt, 6))):
        reached = arm.solve(q, *path.pinch(float(angle)), iterations=40)
        if k > 0 and not reached.within(TOLERATED_M, TOLERATED_RAD):
            return None
        q = reached.q
    return q


def _pose(
    scene: Scene, config: SceneConfig, path: PourPath, tilt: float, q: Float[np.ndarray, " 7"]
) -> None:
    """Arm, fingers and source where they are at this tilt."""
    model, data = scene.model, scene.data
    data.qpos[scene.arm_qpos] = q
    grip = 2 * float(config.source.outer_radius_m(np.array([path.grip_m]))[0])
    set_gripper(model, data, 0.8 * max(0.0, 1 - grip / (OPENING_M + 0.004)))
    roll = turn_about(path.turn * path.approach, tilt)
    yaw = config.source_yaw_rad if config.source.mouth_radius_m is None else _towards(path)
    rot = roll @ turn_about(UP, yaw)
    pinch, _ = path.pinch(tilt)
    adr = model.joint("source_free").qposadr[0]
    data.qpos[adr : adr + 3] = pinch - roll @ (path.grip_m * UP)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(rot).ravel())
    data.qpos[adr + 3 : adr + 7] = quat
    mujoco.mj_forward(model, data)


def _towards(path: PourPath) -> float:
    """Yaw that turns a vessel's +x to where it is poured [rad]."""
    return float(np.arctan2(path.direction[1], path.direction[0]))


def _column(pour: HydraulicPour) -> Column | None:
    """What hangs in the air, as the scene draws it."""
    s = pour.state.stream
    if s is None:
        return None
    start, velocity = np.array(s.start_m), np.array(s.velocity_m_s)
    return Column(start, velocity, s.end_z_m, s.start_radius_m, s.front_s, s.tail_s)
