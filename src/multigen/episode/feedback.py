"""The expert with open eyes: watches the ledger while it pours and stops on target.

Reads:  SceneConfig, the ledger (it is a Teacher: privileged).   Makes: action chunks.
Used by: pipeline (better demonstrations: ``--expert feedback``), benchmark (a lower floor).
Grasp, carry and the first tilt are the plan's. From then on, ten times a second, the model that
follows the ledger (episode.foresight) says what will have landed if the wrist turns back from here as
fast as it gently can; the largest next step of the tilt after which that is not too much is taken.
Where the plan's tilt turns out to be too small, the tilt creeps on.
With ``misjudges_rad`` the plan's tilt, or a gentle pour's pace, is wrong on purpose. A plan that is right
makes listening useless to whoever learns from it: the end of the pour then follows from its beginning.
Where the first guess is wrong, only what has been poured tells when to stop (the noise of DART, Laskey et
al. 2017, in the amount).
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from ..liquid import HydraulicParams
from ..types import Clock, Observation, PourTrace, SceneConfig
from ..types.pose import encode_pose
from .amount import Tilt
from .foresight import Foresight
from .ik import JOINT_SPEED_RAD_S, kinova
from .path import Manner
from .plan import SETTLE_S, Plan, plan_pour

SPARE_RAD = 0.45
"""How much further than planned it may tilt."""
SPEED_RAD_S = 0.8 * float(JOINT_SPEED_RAD_S[-1])
TURN_RAD_S2 = 3.0
"""Angular acceleration of the tilt."""
SOFT_RAD_S2 = 1.2
"""Deceleration with which the vessel arrives upright."""
CREEP_RAD_S, SEEK_RAD_S = (0.04, 0.3), 0.15
"""Speed of tilting on where the plan did not suffice: near the target, far from it; while nothing flows."""
EXTRA_S = 5.0
"""Longest time beyond the plan's hold."""
GOOD_ENOUGH, GOOD_ENOUGH_ML = 0.02, 1.5
"""Missing share of the target and millilitres below which no second pour is begun."""
EMPTY = 0.01
"""Share of the initial volume, beside what the plan expects to cling, not worth tilting further for."""
STILL_ML_S = 0.5
"""Outflow below which the stream counts as ended."""
HALVINGS = 6
MISJUDGED_RAD = 0.25
"""Largest error of the first guess of a teacher that misjudges: about the step from a quarter to a half."""
LEAST_TILT_RAD = 0.3
MISPACED = 2.2
"""A gentle pour of such a teacher is up to so many times faster or slower than meant."""
MISJUDGED = 7
"""Names this stream of chance."""


@dataclass
class _Wrist:
    """The commanded tilt and how fast it changes."""

    angle_rad: float = 0.0
    speed_rad_s: float = 0.0


class FeedbackExpert:
    """A Controller and a Teacher. Deterministic; the seed decides what is misjudged, nothing else.

    ``params`` is how it believes the liquid flows; the ledger corrects it during the pour.
    ``misjudges_rad``: the tilt first aimed at is off by up to that much, uniformly; of a gentle pour, the
    tilt at which it would flow is believed up to that much smaller, and its pace is drawn (MISPACED).
    ``manner``: how it moves.
    """

    def __init__(
        self,
        clock: Clock = Clock(),
        *,
        params: HydraulicParams = HydraulicParams(),
        misjudges_rad: float = 0.0,
        manner: Manner = Manner(),
    ) -> None:
        self.clock, self.params, self.misjudges_rad = clock, params, misjudges_rad
        self.manner = manner
        self.plan: Plan | None = None

    def reset(self, scene: SceneConfig, seed: int) -> None:
        """Plan the whole pour. Raises SceneError when this scene has no solution."""
        self.plan = plan_pour(
            scene,
            kinova(),
            self.clock,
            params=self.params,
            spare_rad=SPARE_RAD,
            manner=self.manner,
        )
        self._limit_rad = self.plan.limit_rad
        self._tilt = self._guess(self.plan.tilt, seed)
        self._target_ml = scene.target_ml
        self._model = Foresight(scene, self.plan.path, self.params)
        self._wrist = _Wrist()
        self._creeping = self._stopping = self._done = False
        self._upright = 0
        self._flow_ml_s = 0.0
        self._source_ml = scene.initial_ml
        unreachable_ml = max(0.0, scene.target_ml - self.plan.tilt.out_ml)
        self._clings_ml = EMPTY * scene.initial_ml + unreachable_ml

    def _guess(self, planned: Tilt, seed: int) -> Tilt:
        """The tilt first aimed at, and how fast it grows where a pour is gentle."""
        self._gentle_rad_s = planned.gentle_rad_s
        if not self.misjudges_rad:
            return planned
        rng = np.random.default_rng([seed, MISJUDGED])
        if planned.onset_s:
            return self._gentle_guess(planned, rng)
        off = rng.uniform(-1, 1) * self.misjudges_rad
        angle = float(np.clip(planned.angle_rad + off, LEAST_TILT_RAD, self._limit_rad))
        return replace(planned, angle_rad=angle)

    def _gentle_guess(self, planned: Tilt, rng: np.random.Generator) -> Tilt:
        """Slow some way before it flows, on until it does, then at a pace that is faster or slower than meant."""
        early = min(float(rng.uniform(0, self.misjudges_rad)), planned.onset_rad)
        pace = float(MISPACED ** rng.uniform(-1, 1))
        self._gentle_rad_s = pace * planned.gentle_rad_s
        seconds = planned.onset_s + early / SEEK_RAD_S + (planned.seconds - planned.onset_s) / pace
        return replace(planned, onset_rad=planned.onset_rad - early, seconds=seconds, hold_s=0.0)

    def watch(self, trace: PourTrace) -> None:
        """What has happened so far, up to the present decision."""
        if len(trace):
            self._model.watch(trace)
            self._flow_ml_s = float(trace.flow_out_ml_s[-1])
            self._source_ml = float(trace.source_ml[-1])

    def act(self, seen: Observation) -> Float32[np.ndarray, "K 10"] | None:
        """The planned row, or the next step of the tilt; None when upright again."""
        if self.plan is None:
            raise RuntimeError("FeedbackExpert.act before reset: reset plans the pour")
        k = round(seen.time_s * self.clock.control_hz)
        first = round(self.plan.tilt_starts_s * self.clock.control_hz)
        if k < first:
            return self.plan.actions[k : k + 1]
        if self._done and self._wrist.angle_rad <= 0:
            self._upright += 1
            if self._upright > SETTLE_S * self.clock.control_hz:
                return None
        self._turn((k - first) / self.clock.control_hz)
        pos, rot = self.plan.path.pinch(self._wrist.angle_rad)
        return encode_pose(pos[None], rot[None], 1.0)

    # -- deciding

    def _turn(self, since_s: float) -> None:
        """Move the commanded tilt by one control interval."""
        wrist = self._wrist
        slow = self._back(wrist.angle_rad, wrist.speed_rad_s)
        speed = slow if self._done else self._choose(slow, since_s)
        wrist.angle_rad = max(0.0, wrist.angle_rad + speed / self.clock.control_hz)
        wrist.speed_rad_s = speed

    def _choose(self, slow: float, since_s: float) -> float:
        """The largest speed from which the wrist can still turn back in time."""
        beyond_s = since_s - (self._tilt.seconds + self._tilt.hold_s)
        if beyond_s > -1e-9:
            self._creeping = True
        if beyond_s > EXTRA_S or self._nothing_moves():
            self._done = True
            return slow
        fast = max(slow, self._ahead(since_s))
        if not self._enough(fast):
            return fast
        self._creeping = self._stopping = True
        if self._enough(slow):
            return slow
        low, high = slow, fast
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if self._enough(middle) else (middle, high)
        return low

    def _ahead(self, since_s: float) -> float:
        """The fastest the tilt may grow now: as planned, then creeping."""
        wrist, dt = self._wrist, 1 / self.clock.control_hz
        gently = 0 < self._tilt.onset_s <= since_s
        if gently or self._creeping:
            wanted = self._gentle_rad_s if gently else self._creep_rad_s()
            if self._flow_ml_s < STILL_ML_S:
                wanted = max(wanted, SEEK_RAD_S)
        else:
            wanted = float(self._tilt.at(np.array([since_s + dt]))[0] - wrist.angle_rad) / dt
        room = (self._limit_rad - wrist.angle_rad) / dt
        return min(wanted, wrist.speed_rad_s + TURN_RAD_S2 * dt, room)

    def _creep_rad_s(self) -> float:
        """Beyond the plan: the slower, the less is missing."""
        missing = self._missing_ml(self._wrist.speed_rad_s) / self._target_ml
        return float(np.clip(missing, *CREEP_RAD_S))

    def _nothing_moves(self) -> bool:
        """Whether the stream has ended and a further one is not worth beginning, or impossible."""
        if not self._creeping or self._flow_ml_s > STILL_ML_S:
            return False
        if self._stopping:
            missing_ml = self._missing_ml(self._wrist.speed_rad_s)
            return missing_ml < max(GOOD_ENOUGH * self._target_ml, GOOD_ENOUGH_ML)
        empty = self._source_ml < self._clings_ml
        return empty or self._wrist.angle_rad > self._limit_rad - 1e-3

    # -- foreseeing

    def _back(self, angle: float, speed: float) -> float:
        """Next speed [rad/s] of a wrist that turns back as fast as it gently can."""
        dt = 1 / self.clock.control_hz
        soft = np.sqrt(2 * SOFT_RAD_S2 * max(angle, 0.0))
        return float(max(speed - TURN_RAD_S2 * dt, -SPEED_RAD_S, -soft, -angle / dt))

    def _lands(self, speed: float) -> tuple[float, float]:
        """(landed, left the source) [mL] if the next step has this speed and the wrist then turns back."""
        dt = 1 / self.clock.control_hz
        angles = [self._wrist.angle_rad]
        while len(angles) < 200:
            angles.append(max(0.0, angles[-1] + speed * dt))
            if angles[-1] < 1e-3:
                break
            speed = self._back(angles[-1], speed)
        return self._model.lands(np.array(angles), dt)

    def _missing_ml(self, speed: float) -> float:
        """Of the target, after that; 110 % out of the source suffices, as in the plan."""
        landed, out = self._lands(speed)
        return self._target_ml - max(landed, out - 0.1 * self._target_ml)

    def _enough(self, speed: float) -> bool:
        return self._missing_ml(speed) <= 0
