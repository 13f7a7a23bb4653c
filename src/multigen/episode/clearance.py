"""Does anything touch anything? The whole motion walked in a model of its own, with collisions on.

Reads:  SceneConfig, joint paths.   Makes: the smallest clearance and between what.
Used by: episode.plan (rejects candidates), benchmarks. The simulated arm's links pass through things,
so what they would hit is found here: links as convex hulls of their meshes (a little too large where
they are hollow), vessels as stacks of cylinders around their outside, the held one rigid in the hand.
Compiled once per process; a scene only moves and resizes the cylinders of its copy.
"""

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import mujoco
import numpy as np
from jaxtyping import Float

from ..scene.robot import ARM_JOINTS, HOME, PINCH, robot_spec, set_gripper
from ..types import SceneConfig, Vessel

SLICES = 10
"""Cylinders a vessel is stacked of."""
FAR_M = 0.04
"""Distances are not told apart beyond this."""
TILTED = np.cos(np.radians(2))
"""A held vessel is checked against the table when it leans: upright it is only set down or lifted."""
APART_M = 0.005
"""Links that are closer than this at home are neighbours: not checked against each other."""
FINGERS_OPEN_M, FINGERS_CLOSED_RAD = 0.085, 0.8
HAND = "g/"
FIXED = ("world", "base_link", "shoulder_link")
"""Bodies that cannot come closer to the table than they are built."""


@dataclass(frozen=True)
class Clearance:
    """The narrowest moment of a motion."""

    metres: float
    """FAR_M: that much or more. Negative: they overlap by this."""
    between: tuple[str, str]
    row: int


class Surroundings:
    """One scene's obstacles around the arm. Mutable inside: ``clearance`` moves the model."""

    def __init__(self, scene: SceneConfig) -> None:
        self._scene = scene
        shared, self._geoms = _model()
        self._model = copy(shared)
        self._data = mujoco.MjData(self._model)
        self._qpos = np.array([self._model.joint(j).qposadr[0] for j in ARM_JOINTS])
        self._site = self._model.site(PINCH).id
        self._middles = {
            role: self._resize(self._geoms[role], vessel)
            for role, vessel in (("source", scene.source), ("receiver", scene.receiver))
        }

    def clearance(
        self,
        joints: Float[np.ndarray, "n 7"],
        closed: Float[np.ndarray, " n"],
        *,
        enough_m: float = -np.inf,
    ) -> Clearance:
        """The smallest distance along a joint path [rad] whose fingers are ``closed`` (0 .. 1).

        From the row at which the fingers are closed, the source moves with the hand. Stops at the
        first distance below ``enough_m``, which need not be the smallest.
        """
        best, held = Clearance(FAR_M, ("", ""), -1), None
        wide = 2 * float(self._scene.source.outer_radius_m(np.array([self._grip_m()]))[0])
        around = FINGERS_CLOSED_RAD * max(0.0, 1 - wide / FINGERS_OPEN_M)
        for row, (q, grip) in enumerate(zip(joints, closed, strict=True)):
            self._data.qpos[self._qpos] = q
            set_gripper(self._model, self._data, around * float(min(grip, 1.0)), HAND)
            mujoco.mj_kinematics(self._model, self._data)
            if grip >= 1 and held is None:
                held = self._hold()
            self._put("receiver", np.array([*self._scene.receiver_xy_m, 0.0]), np.eye(3))
            leaning = self._place_source(held)
            best = self._nearest(row, best, bool(grip > 0), held is not None, leaning)
            if best.metres < enough_m:
                break
        return best

    # -- one instant

    def _nearest(
        self, row: int, best: Clearance, closing: bool, held: bool, leaning: bool
    ) -> Clearance:
        geoms, names = self._geoms, _names()
        pairs = [(geoms["moving"], geoms["table"]), (geoms["robot"], geoms["receiver"])]
        if held:
            pairs += [(geoms["source"], geoms["receiver"]), (geoms["links"], geoms["source"])]
        elif not closing:
            pairs.append((geoms["robot"], geoms["source"]))
        if leaning:
            pairs.append((geoms["source"], geoms["table"]))
        near = [self._near(a, b, best.metres) for a, b in pairs]
        near.append(self._close(*_self_pairs(), best.metres))
        for a, b in np.concatenate(near):
            d = mujoco.mj_geomDistance(self._model, self._data, a, b, best.metres, None)
            if d < best.metres:
                best = Clearance(float(d), (names[a], names[b]), row)
        return best

    def _near(self, a: np.ndarray, b: np.ndarray, within_m: float) -> np.ndarray:
        """Pairs [n 2] whose bounding spheres are that close."""
        return self._close(np.repeat(a, len(b)), np.tile(b, len(a)), within_m)

    def _close(self, a: np.ndarray, b: np.ndarray, within_m: float) -> np.ndarray:
        """Of pairs ``a``, ``b`` those whose bounding spheres (the table: half space) are that close."""
        at, radius = self._data.geom_xpos, self._model.geom_rbound
        table = self._geoms["table"][0]
        apart = np.linalg.norm(at[a] - at[b], axis=1) - radius[a] - radius[b]
        apart = np.where(b == table, at[a, 2] - radius[a], apart)
        keep = apart < within_m
        return np.stack([a[keep], b[keep]], axis=1)

    def _hold(self) -> tuple[np.ndarray, np.ndarray]:
        """The standing source as the hand sees it."""
        pos, rot = self._pinch()
        return rot.T @ (np.array([*self._scene.source_xy_m, 0.0]) - pos), rot.T

    def _place_source(self, held: tuple[np.ndarray, np.ndarray] | None) -> bool:
        """Put the source where it is; whether it leans."""
        if held is None:
            self._put("source", np.array([*self._scene.source_xy_m, 0.0]), np.eye(3))
            return False
        pos, rot = self._pinch()
        turn, base = rot @ held[1], pos + rot @ held[0]
        self._put("source", base, turn)
        return bool(turn[2, 2] < TILTED)

    def _put(self, role: str, base: np.ndarray, rot: np.ndarray) -> None:
        ids = self._geoms[role]
        self._data.geom_xpos[ids] = base + self._middles[role][:, None] * rot[:, 2]
        self._data.geom_xmat[ids] = rot.ravel()

    def _pinch(self) -> tuple[np.ndarray, np.ndarray]:
        data = self._data
        return data.site_xpos[self._site].copy(), data.site_xmat[self._site].reshape(3, 3).copy()

    def _grip_m(self) -> float:
        return (0.5 + self._scene.grasp_offset) * self._scene.source.height_m

    def _resize(self, ids: np.ndarray, vessel: Vessel) -> Float[np.ndarray, " n"]:
        """Give a stack of cylinders a vessel's outside; returns the heights of their middles [m]."""
        edges = np.linspace(0.0, vessel.height_m, len(ids) + 1)
        half = vessel.height_m / len(ids) / 2
        for k, geom in enumerate(ids):
            radius = float(vessel.outer_radius_m(np.linspace(edges[k], edges[k + 1], 9)).max())
            self._model.geom_size[geom] = [radius, half, 0]
            self._model.geom_rbound[geom] = np.hypot(radius, half)
        return (edges[1:] + edges[:-1]) / 2


@lru_cache(maxsize=1)
def _model() -> tuple[mujoco.MjModel, dict[str, np.ndarray]]:
    """Arm and gripper with hulls, a table and two stacks of cylinders; geom ids by what they are."""
    spec = robot_spec()
    for geom in list(spec.geoms):
        if geom.parent.name.startswith(HAND) and not (geom.contype or geom.conaffinity):
            spec.delete(geom)
        else:
            geom.contype = geom.conaffinity = 1  # only such meshes are given a hull
    world = spec.worldbody
    world.add_geom(
        name="table",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[0.6, 0.6, 0.02],
        pos=[0.45, 0, -0.02],
    )
    for role in ("source", "receiver"):
        for k in range(SLICES):
            world.add_geom(
                name=f"{role}{k}", type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[0.03, 0.01, 0], pos=[0.6, 0, 0.5]
            )  # fmt: skip
    model = spec.compile()
    body = [model.body(i).name for i in model.geom_bodyid]
    ids = np.arange(model.ngeom)
    robot = ids[[b != "world" for b in body]]
    return model, {
        "table": np.array([model.geom("table").id]),
        "source": np.array([model.geom(f"source{k}").id for k in range(SLICES)]),
        "receiver": np.array([model.geom(f"receiver{k}").id for k in range(SLICES)]),
        "robot": robot,
        "moving": np.array([g for g in robot if body[g] not in FIXED]),
        "links": np.array([g for g in robot if not body[g].startswith(HAND)]),
    }


@lru_cache(maxsize=1)
def _names() -> list[str]:
    """What each geom belongs to, as a reader would say it."""
    model, geoms = _model()
    names = [model.body(i).name for i in model.geom_bodyid]
    for role in ("table", "source", "receiver"):
        for g in geoms[role]:
            names[g] = role
    return names


@lru_cache(maxsize=1)
def _self_pairs() -> tuple[np.ndarray, np.ndarray]:
    """Robot geoms that could meet: arm against arm or hand, apart at the home posture."""
    model, geoms = _model()
    data = mujoco.MjData(model)
    data.qpos[[model.joint(j).qposadr[0] for j in ARM_JOINTS]] = HOME
    mujoco.mj_kinematics(model, data)
    links = set(geoms["links"].tolist())
    pairs = [
        (a, b)
        for a, b in combinations(geoms["robot"].tolist(), 2)
        if (a in links or b in links)
        and mujoco.mj_geomDistance(model, data, a, b, 2 * APART_M, None) > APART_M
    ]
    a, b = np.array(pairs, int).T
    return a, b
