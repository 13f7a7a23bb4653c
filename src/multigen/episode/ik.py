"""From pinch-site poses to joint targets: differential IK, warm-started, within the arm's limits.

Reads:  a compiled model with the arm, poses.   Makes: joint angles [rad].
Used by: episode.plan (is this path possible?), episode.rollout (what shall the motors do?).
Both ask the same Arm the same questions in the same order, so a plan that was accepted is the
motion that is executed. Local and deterministic: no random restarts, which would flip the elbow.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import mink
import mujoco
import numpy as np
from jaxtyping import Float

from ..scene.robot import ARM_JOINTS, HOME, PINCH, robot_spec
from ..types.pose import decode_pose

JOINT_SPEED_RAD_S = np.array([1.39, 1.39, 1.39, 1.39, 1.22, 1.22, 1.22])
"""Kinova Gen3 user guide: 80 deg/s for the four large actuators, 70 deg/s for the wrist."""

warnings.filterwarnings("ignore", module="qpsolvers")


@dataclass(frozen=True)
class Reached:
    """What the arm can do about a pose."""

    q: Float[np.ndarray, " 7"]
    position_error_m: float
    rotation_error_rad: float

    def within(self, position_m: float, rotation_rad: float) -> bool:
        return self.position_error_m < position_m and self.rotation_error_rad < rotation_rad


@dataclass(frozen=True)
class Step:
    """One control interval: where the joints shall be at its end."""

    q: Float[np.ndarray, " 7"]
    closed: float
    """Gripper, 0 open .. 1 closed."""
    reached: Reached
    """Inverse kinematics of the commanded pose, before any shortening."""
    effort: float
    """Speed the command asks for, as a share of the fastest the joints can do."""


class Arm:
    """Inverse kinematics of seven joints towards a site; everything else in the model stands still.

    ``home`` is where spare freedom (the elbow) drifts to, so that postures depend on poses and
    hardly on history. The last joint is exempt: a roll of the hand is the wrist's, not the elbow's.
    """

    def __init__(
        self, model: mujoco.MjModel, site: str, joints: Sequence[str], home: Float[np.ndarray, " 7"]
    ) -> None:
        self.model = model
        self.site_id = model.site(site).id
        self.adr = np.array([model.joint(j).qposadr[0] for j in joints])
        dofs = [int(model.joint(j).dofadr[0]) for j in joints]
        others = [i for i in range(model.nv) if i not in dofs]
        self.home = np.array(home, float)
        self._rest = np.array(model.qpos0, float)
        self._task = mink.FrameTask(site, "site", 1.0, 1.0, lm_damping=1e-3)
        cost = np.full(model.nv, 1e-3)
        cost[dofs[-1]] = 0.0
        self._posture = mink.PostureTask(model, cost=cost)
        self._posture.set_target(self._full(self.home))
        self._limits = [mink.ConfigurationLimit(model)]
        self._frozen = [mink.DofFreezingTask(model, dof_indices=others)] if others else []
        self._config = mink.Configuration(model, self._full(self.home))

    def _full(self, q: Float[np.ndarray, " 7"]) -> np.ndarray:
        full = self._rest.copy()
        full[self.adr] = q
        return full

    def pose(self, q: Float[np.ndarray, " 7"]) -> tuple[np.ndarray, np.ndarray]:
        """Position [m] and rotation of the pinch site at joint angles ``q``."""
        self._config.update(self._full(q))
        data = self._config.data
        return data.site_xpos[self.site_id].copy(), data.site_xmat[self.site_id].reshape(
            3, 3
        ).copy()

    def solve(
        self,
        q: Float[np.ndarray, " 7"],
        pos: Float[np.ndarray, " 3"],
        rot: Float[np.ndarray, "3 3"],
        iterations: int = 12,
        tolerance: float = 1e-4,
    ) -> Reached:
        """Joint angles near ``q`` that bring the site to a pose, as well as limits allow.

        Gauss-Newton steps on the SE(3) error (mink FrameTask), each a small quadratic program with
        the joint limits; stops below ``tolerance`` [m and rad].
        """
        dt = 1.0
        self._config.update(self._full(q))
        turn = mink.SO3.from_matrix(rot)
        self._task.set_target(mink.SE3.from_rotation_and_translation(turn, np.asarray(pos, float)))
        tasks = [self._task, self._posture]
        error = self._task.compute_error(self._config)
        for _ in range(iterations):
            v = mink.solve_ik(
                self._config, tasks, dt, "daqp", damping=1e-6,
                limits=self._limits, constraints=self._frozen,
            )  # fmt: skip
            self._config.integrate_inplace(v, dt)
            error = self._task.compute_error(self._config)
            if np.abs(error).max() < tolerance:
                break
        reached = np.asarray(self._config.q)[self.adr].copy()
        return Reached(reached, float(np.linalg.norm(error[:3])), float(np.linalg.norm(error[3:])))

    def follow(
        self, q: Float[np.ndarray, " 7"], action: Float[np.ndarray, " 10"], seconds: float
    ) -> "Step":
        """Joint targets ``seconds`` after ``q`` on the way to an action's pose, and its gripper.

        Steps longer than the motors' speed allows are shortened, all joints alike.
        """
        pos, rot, closed = decode_pose(action)
        reached = self.solve(q, pos, rot)
        step = reached.q - q
        effort = float(np.max(np.abs(step) / (JOINT_SPEED_RAD_S * seconds)))
        return Step(q + step / max(effort, 1.0), float(closed), reached, effort)


@lru_cache(maxsize=1)
def _robot_alone() -> mujoco.MjModel:
    """Arm and gripper without a scene or meshes: kinematics only."""
    spec = robot_spec()
    for geom in list(spec.geoms):
        spec.delete(geom)
    for mesh in list(spec.meshes):
        spec.delete(mesh)
    return spec.compile()


def kinova() -> Arm:
    """The arm of every scene, at its home posture; base at the world's origin."""
    return Arm(_robot_alone(), PINCH, ARM_JOINTS, HOME)
