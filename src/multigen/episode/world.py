"""The simulated world one control interval at a time: motors, contacts, liquid.

Reads:  SceneConfig, joint commands.   Makes: proprioception, a ledger, a scene to look at.
Used by: episode.session (nobody else steps physics). Deterministic: no randomness, no wall clock.
Rendering reads but never changes what is simulated here.
"""

import mujoco
import numpy as np
from jaxtyping import Float32

from ..errors import ClockError
from ..liquid import ParticlePour, Pour, VesselPose, check_liquid, particle_count, start_pour
from ..scene import Column, View, build_scene
from ..scene.robot import ARM_JOINTS, HOME, PREFIX
from ..types import Clock, SceneConfig
from ..types.pose import encode_pose
from .ik import Arm, Step, kinova

DRIVER_JOINT, DRIVER_CLOSED_RAD = PREFIX + "g/right_driver_joint", 0.8
FINGERS_CTRL = 255.0
LIFTED_M, FALLEN_RAD, LOST_M = 0.010, np.radians(40), -0.02


class World:
    """Everything that moves. Mutable: ``tick`` advances it by one physics step."""

    def __init__(
        self, config: SceneConfig, clock: Clock, *, size: int = 224, liquid: str | None = None
    ) -> None:
        model = check_liquid(liquid or config.liquid_model)
        self.config, self.clock = config, clock
        drops = particle_count(config.initial_ml, config.receiver_initial_ml)
        self.scene = build_scene(config, size=size, particles=drops if model == "particles" else 0)
        self.model, self.data = self.scene.model, self.scene.data
        self.arm: Arm = kinova()
        self.dt_s = float(self.model.opt.timestep)
        self.steps_per_control = self._steps(clock.control_hz)
        self.steps_per_front = self._steps(clock.front_hz)
        self.steps = 0
        self._liquid = model
        self.pour = self._start_pour()
        self._wire()
        self._from = self._to = Step(
            HOME.copy(), 0.0, self.arm.solve(HOME, *self.arm.pose(HOME)), 0.0
        )
        self._command()

    def _start_pour(self) -> Pour:
        config, scene = self.config, self.scene
        return start_pour(
            self._liquid, config.source, config.receiver, config.liquid,
            initial_ml=config.initial_ml, receiver_initial_ml=config.receiver_initial_ml,
            source_pose=scene.source_pose(), receiver_pose=scene.receiver_pose(), dt_s=self.dt_s,
        )  # fmt: skip

    def _wire(self) -> None:
        model, scene = self.model, self.scene
        self._arm_act, self._finger_act = scene.arm_actuators, scene.fingers_actuator
        self._arm_qpos = scene.arm_qpos
        self._arm_dof = np.array([model.joint(PREFIX + j).dofadr[0] for j in ARM_JOINTS])
        self._kp = model.actuator_gainprm[self._arm_act, 0].copy()
        self._driver = model.joint(DRIVER_JOINT).qposadr[0]
        self._bodies = {name: model.body(name).id for name in ("source", "receiver")}
        hand = [model.body(i).name.startswith(PREFIX + "g/") for i in range(model.nbody)]
        self._is_hand = np.array(hand)[model.geom_bodyid]
        self._is_source = model.geom_bodyid == self._bodies["source"]

    def _steps(self, hz: int) -> int:
        n = round(1 / (hz * self.dt_s))
        if abs(n * hz * self.dt_s - 1) > 1e-9:
            raise ClockError(
                f"{hz} Hz is no whole number of {1e3 * self.dt_s:g} ms physics steps; "
                "choose rates that divide 500 Hz"
            )
        return n

    def take_over(self, other: "World") -> None:
        """Begin with the posture of ``other``, a world of the same scene; time and ledger start here."""
        mujoco.mj_copyData(self.data, self.model, other.data)
        self.data.time = 0.0
        self._from, self._to = other._from, other._to
        self.refresh()
        self.pour = self._start_pour()

    # -- acting

    def command(self, action: Float32[np.ndarray, " 10"]) -> Step:
        """Where the joints shall be one control interval from now."""
        self._from = self._to
        self._to = self.arm.follow(self._from.q, action, 1 / self.clock.control_hz)
        return self._to

    def tick(self, share: float) -> None:
        """One physics step; ``share`` of the way from the last command to the present one."""
        self._command(share)
        mujoco.mj_step(self.model, self.data)
        self.steps += 1
        self.pour.follow(self._pose("source"), self._pose("receiver"))

    def _command(self, share: float = 1.0) -> None:
        """Position targets, with the torque against gravity added, as the real arm's drives do."""
        q = self._from.q + share * (self._to.q - self._from.q)
        closed = self._from.closed + share * (self._to.closed - self._from.closed)
        ctrl = self.data.ctrl
        ctrl[self._arm_act] = q + self.data.qfrc_bias[self._arm_dof] / self._kp
        ctrl[self._finger_act] = FINGERS_CTRL * closed

    def _pose(self, body: str) -> VesselPose:
        return self.data.xpos[self._bodies[body]], self._rot(body)

    def _rot(self, body: str) -> np.ndarray:
        return self.data.xmat[self._bodies[body]].reshape(3, 3)

    # -- sensing

    def refresh(self) -> None:
        """Bring poses up to the present instant (mj_step leaves those of its beginning)."""
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    @property
    def state(self) -> Float32[np.ndarray, " 7"]:
        """Joint angles [rad]."""
        return self.data.qpos[self._arm_qpos].astype(np.float32)

    @property
    def eef(self) -> Float32[np.ndarray, " 10"]:
        """Measured pinch-site pose and gripper, encoded like an action."""
        closed = np.clip(self.data.qpos[self._driver] / DRIVER_CLOSED_RAD, 0, 1)
        return encode_pose(*self.scene.pinch_pose(), closed)

    def hold(self) -> Float32[np.ndarray, " 10"]:
        """The action that asks for nothing new."""
        return encode_pose(*self.arm.pose(self._to.q), self._to.closed)

    # -- judging

    def touches_source(self) -> bool:
        """Whether any part of the gripper is in contact with the source."""
        pairs = self.data.contact.geom
        if len(pairs) == 0:
            return False
        a, b = pairs[:, 0], pairs[:, 1]
        hand, source = self._is_hand, self._is_source
        return bool(((hand[a] & source[b]) | (hand[b] & source[a])).any())

    def is_lifted(self) -> bool:
        """Whether the source stands on nothing."""
        return bool(self.data.xpos[self._bodies["source"]][2] > LIFTED_M)

    def in_hand(self) -> bool:
        """Whether the source is off the table and in the gripper."""
        return self.is_lifted() and self.touches_source()

    def show(self, view: View) -> None:
        """Give the liquid in ``view`` its present shape."""
        if isinstance(self.pour, ParticlePour):
            view.draw_particles(*self.pour.points, self.pour.spacing_m)
            return
        now = self.pour.state
        view.draw_liquid(now.source_ml, now.receiver_ml, self.stream())

    def stream(self) -> Column | None:
        """What hangs in the air, as the scene draws it."""
        s = self.pour.state.stream
        if s is None:
            return None
        start, velocity = np.array(s.start_m), np.array(s.velocity_m_s)
        return Column(start, velocity, s.end_z_m, s.start_radius_m, s.front_s, s.tail_s)

    def has_fallen(self) -> bool:
        """Whether a vessel that nobody holds is in the air, lies, or has left the table."""
        if self._rot("receiver")[2, 2] < np.cos(FALLEN_RAD):
            return True
        if self.touches_source():
            return False
        low = self.data.xpos[self._bodies["source"]][2] < LOST_M
        return bool(low or self.is_lifted() or self._rot("source")[2, 2] < np.cos(FALLEN_RAD))
