"""One episode a control interval at a time: look, know, act; whoever decides holds the reins.

Reads:  World, View, Ears, actions.   Makes: Observations, the columns at control rate, Outcome.
Used by: episode.rollout (a Controller decides), envs (a learner outside decides).
Order within a control frame t: look (ego, joints) -> decide -> act for one interval, in which the
front camera looks at 25 Hz. So frame t is what was known before action t, and front frame f shows
time f / front_hz.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from ..errors import ConfigError
from ..scene.render import View
from ..types import Ears, Latency, Observation, Outcome
from .film import Film
from .nudge import Nudges
from .world import World


@dataclass(frozen=True)
class RolloutLimits:
    """When to stop whoever does not stop by himself."""

    max_seconds: float = 20.0
    settle_seconds: float = 1.0
    """Longest wait, after the end, for liquid in flight to land."""

    def __post_init__(self) -> None:
        if not 0 < self.max_seconds <= 600:
            raise ConfigError(
                f"an episode lasts {self.max_seconds} s; give it more than 0 and at most 600 s"
            )


class Session:
    """One episode in the making. Call ``look``, then ``step``, and so on; ``look`` comes last.

    The view, where there is one, stays its owner's to close. ``complete``: see Film. ``nudge_m``: size of
    the pushes that take the hand off what it is told; see Nudges. ``latency``: what is observed is older
    than the frame, and what is told is done later.
    """

    def __init__(
        self,
        world: World,
        view: View | None,
        *,
        ears: Ears,
        seed: int,
        limits: RolloutLimits = RolloutLimits(),
        complete: bool = True,
        nudge_m: float = 0.0,
        latency: Latency = Latency(),
    ) -> None:
        self.latency = latency
        self.world, self.ears, self.clock = world, ears, world.clock
        ears.reset(world.config, seed)
        self.max_frames = 2 * int(np.ceil(limits.max_seconds * self.clock.control_hz / 2))
        self.settle_frames = int(np.ceil(limits.settle_seconds * self.clock.control_hz))
        most = self.max_frames + self.settle_frames + 4
        self.film = Film(world, view, most, complete=complete)
        self._nudges = (
            Nudges(world.config, self.clock, most, size_m=nudge_m, seed=seed) if nudge_m else None
        )
        self._states: list[np.ndarray] = []
        self._eefs: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []

    @property
    def frame(self) -> int:
        """Control intervals that have passed."""
        return len(self._actions)

    def look(self) -> None:
        """Frame t: the ego picture and the posture, before anything is decided."""
        self.world.refresh()
        self._states.append(self.world.state)
        self._eefs.append(self.world.eef)
        self.film.take_ego(self.frame)

    def observation(self) -> Observation:
        """What may be known at this frame: two frames of history and all that was heard."""
        t = self.frame
        pictured = max(t - self.latency.camera_frames(self.clock), 0)
        seen = [max(pictured - 1, 0), pictured]
        felt = seen if self.latency.compensated else [max(t - 1, 0), t]
        heard = np.zeros(0, np.float32)
        if self.film.front_count:
            heard = self.ears.hear(self.film.clip(), self.world.pour.trace())
        sound = np.zeros(t * self.clock.samples_per_frame, np.float32)
        n = min(len(sound), len(heard))
        sound[:n] = heard[:n]
        unheard = round(self.latency.microphone_s * self.clock.audio_hz)
        sound = sound[: max(len(sound) - unheard, 0)]
        return Observation(
            time_s=t / self.clock.control_hz,
            command=self.world.config.command,
            ego=self.film.ego[seen],
            state=np.stack([self._states[i] for i in felt]),
            eef=np.stack([self._eefs[i] for i in felt]),
            sound=sound,
        )

    def step(self, action: Float32[np.ndarray, " 10"]) -> None:
        """One control interval; the front camera looks at the instants that are its own.

        The row keeps what was intended, nudged or not. Raises FormatError for what is no action.
        """
        world = self.world
        self._actions.append(action)
        late = self.frame - 1 - self.latency.action_frames(self.clock)
        told = self._actions[late] if late >= 0 else world.hold()
        world.command(told if self._nudges is None else self._nudges(self.frame - 1, told))
        for i in range(world.steps_per_control):
            if world.steps % world.steps_per_front == 0:
                self.film.take_front()
            world.tick((i + 1) / world.steps_per_control)

    def hold(self) -> Float32[np.ndarray, " 10"]:
        """The action that asks for nothing new."""
        return self._actions[-1] if self._actions else self.world.hold()

    def accident(self) -> str | None:
        """Why it must end here: 'dropped', 'timeout', or None."""
        if self.world.has_fallen():
            return "dropped"
        return "timeout" if self.frame >= self.max_frames else None

    def may_stop(self, waited: int) -> bool:
        """Whole front frames need an even number of control frames; liquid gets time to land."""
        t = self.frame
        whole = t > 0 and t * self.clock.front_hz % self.clock.control_hz == 0
        landed = self.world.pour.state.in_flight_ml < 1e-6
        return whole and (landed or waited >= self.settle_frames)

    def rows(self) -> dict[str, np.ndarray]:
        """The columns at control rate, one row per action: state, eef, action."""
        t = self.frame
        return {
            "state": np.stack(self._states[:t]),
            "eef": np.stack(self._eefs[:t]),
            "action": np.stack(self._actions),
        }

    def outcome(self, ended_because: str) -> Outcome:
        """How it stands now."""
        config, end = self.world.config, self.world.pour.state
        return Outcome(
            initial_ml=config.initial_ml,
            target_ml=config.target_ml,
            poured_ml=float(end.receiver_ml - config.receiver_initial_ml),
            left_source_ml=float(end.source_ml),
            spilled_ml=float(end.spilled_ml),
            completed=ended_because == "done" and self.world.in_hand(),
            ended_because=ended_because,
        )
