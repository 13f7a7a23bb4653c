"""The one loop that steps physics: a controller acts, ears hear, cameras look, a ledger is kept.

Reads:  SceneConfig, Controller, Ears.   Makes: Episode (with cameras) or Blind (without).
Used by: pipeline (records the expert), benchmark (runs policies), envs.
Order within a control frame t: look (ego, joints) -> decide (when the last chunk is spent) -> act for
one interval, in which the front camera looks at 25 Hz. So frame t is what was known before action t,
and front frame f shows time f / front_hz.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from ..errors import ConfigError, FormatError
from ..scene.render import View
from ..types import (
    Clip,
    Clock,
    Controller,
    Ears,
    Episode,
    Observation,
    Outcome,
    PourTrace,
    SceneConfig,
    Teacher,
)
from .ears import Deaf
from .world import World


@dataclass(frozen=True)
class RolloutLimits:
    """When to stop whoever does not stop by himself."""

    max_seconds: float = 20.0
    settle_seconds: float = 1.0
    """Longest wait, after the end, for liquid in flight to land."""


class Blind(NamedTuple):
    """What is left of a rollout that nobody watched."""

    outcome: Outcome
    trace: PourTrace
    state: Float32[np.ndarray, "T 7"]
    eef: Float32[np.ndarray, "T 10"]
    action: Float32[np.ndarray, "T 10"]


def rollout(
    config: SceneConfig,
    controller: Controller,
    *,
    ears: Ears = Deaf(),
    seed: int,
    limits: RolloutLimits = RolloutLimits(),
    clock: Clock = Clock(),
    size: int = 224,
) -> Episode:
    """Run one episode with both cameras, colour and roles.

    Same config, controller and seed: the same arrays and frames. Raises SceneError when the scene
    cannot be built or the controller finds no plan, RenderError without OpenGL, FormatError when the
    controller returns something that is no action.
    """
    loop = _Loop(config, controller, ears, seed, limits, clock, size)
    with View(loop.world.scene, size) as view:
        loop.run(view)
    t, f = len(loop.actions), loop.front_count
    return Episode(
        clock, config,
        ego=loop.ego[:t].copy(), ego_roles=loop.ego_roles[:t].copy(),
        front=loop.front[:f].copy(), front_roles=loop.front_roles[:f].copy(),
        **loop.rows(), trace=loop.world.pour.trace(), outcome=loop.outcome(),
    )  # fmt: skip


def rollout_blind(
    config: SceneConfig,
    controller: Controller,
    *,
    ears: Ears = Deaf(),
    seed: int,
    limits: RolloutLimits = RolloutLimits(),
    clock: Clock = Clock(),
) -> Blind:
    """The same episode without rendering; for controllers and ears that do not look (frames are 0 x 0)."""
    loop = _Loop(config, controller, ears, seed, limits, clock, 0)
    loop.run(None)
    return Blind(loop.outcome(), loop.world.pour.trace(), **loop.rows())


class _Loop:
    """One episode in the making."""

    def __init__(
        self,
        config: SceneConfig,
        controller: Controller,
        ears: Ears,
        seed: int,
        limits: RolloutLimits,
        clock: Clock,
        size: int,
    ) -> None:
        self.config, self.controller, self.ears = config, controller, ears
        self.limits, self.clock = limits, clock
        if not 0 < limits.max_seconds <= 600:
            raise ConfigError(f"an episode may last 0 to 600 s, got {limits.max_seconds} s")
        controller.reset(config, seed)
        ears.reset(config, seed)
        self.world = World(config, clock, size=size or 64)
        self.max_frames = 2 * int(np.ceil(limits.max_seconds * clock.control_hz / 2))
        self.settle_frames = int(np.ceil(limits.settle_seconds * clock.control_hz))
        self.states: list[np.ndarray] = []
        self.eefs: list[np.ndarray] = []
        self.actions: list[np.ndarray] = []
        most = self.max_frames + self.settle_frames + 4
        fronts = int(np.ceil(most * clock.front_hz / clock.control_hz))
        self.ego, self.ego_roles = _frames(most, size)
        self.front, self.front_roles = _frames(fronts, size)
        self.front_count = 0
        self.ended: str | None = None
        self._drawn_at = -1

    def run(self, view: View | None) -> None:
        """Until the controller, the clock or an accident ends it and the liquid has landed."""
        chunk: deque[np.ndarray] = deque()
        ended_at = 0
        while True:
            t = len(self.actions)
            self._look(t, view)
            if self.ended is None:
                self.ended = self._end_by_itself(t)
                if self.ended is None and not chunk:
                    chunk.extend(self._decide(t))
                    self.ended = None if chunk else "done"
                ended_at = t
            if self.ended is not None and self._may_stop(t, t - ended_at):
                del self.states[t:], self.eefs[t:]
                return
            self._act(chunk.popleft() if self.ended is None else self._hold(), view)

    def _end_by_itself(self, t: int) -> str | None:
        if self.world.has_fallen():
            return "dropped"
        return "timeout" if t >= self.max_frames else None

    def _may_stop(self, t: int, waited: int) -> bool:
        """Whole front frames need an even number of control frames; liquid gets time to land."""
        whole = t > 0 and t * self.clock.front_hz % self.clock.control_hz == 0
        landed = self.world.pour.state.in_flight_ml < 1e-6
        return whole and (landed or waited >= self.settle_frames)

    def _hold(self) -> np.ndarray:
        return self.actions[-1] if self.actions else self.world.hold()

    def _look(self, t: int, view: View | None) -> None:
        self.world.refresh()
        self.states.append(self.world.state)
        self.eefs.append(self.world.eef)
        if view is not None:
            self._draw(view)
            self.ego[t], self.ego_roles[t] = view.frame("ego")

    def _draw(self, view: View) -> None:
        """Give the liquid its present shape, once per instant."""
        if self._drawn_at != self.world.steps:
            state = self.world.pour.state
            view.draw_liquid(state.source_ml, state.receiver_ml, self.world.stream())
            self._drawn_at = self.world.steps

    def _decide(self, t: int) -> Float32[np.ndarray, "K 10"]:
        """A fresh chunk; empty when the controller says the episode is over."""
        if isinstance(self.controller, Teacher):
            self.controller.watch(self.world.pour.trace())
        rows = self.controller.act(self._observation(t))
        if rows is None:
            return np.zeros((0, 10), np.float32)
        rows = np.asarray(rows, np.float32)
        if rows.ndim != 2 or rows.shape[1] != 10 or len(rows) == 0 or not np.isfinite(rows).all():
            raise FormatError(
                f"{type(self.controller).__name__}.act must return [K, 10] finite numbers with K >= 1 "
                f"or None, got shape {rows.shape}"
            )
        return rows

    def _observation(self, t: int) -> Observation:
        """What may be known at frame t: two frames of history and all that was heard."""
        then = [max(t - 1, 0), t]
        f = self.front_count
        clip = Clip(float(self.clock.front_hz), self.front[:f], self.front_roles[:f])
        heard = self.ears.hear(clip, self.world.pour.trace()) if f else np.zeros(0, np.float32)
        sound = np.zeros(t * self.clock.samples_per_frame, np.float32)
        n = min(len(sound), len(heard))
        sound[:n] = heard[:n]
        return Observation(
            time_s=t / self.clock.control_hz,
            command=self.config.command,
            ego=self.ego[then],
            state=np.stack([self.states[i] for i in then]),
            eef=np.stack([self.eefs[i] for i in then]),
            sound=sound,
        )

    def _act(self, action: Float32[np.ndarray, " 10"], view: View | None) -> None:
        """One control interval; the front camera looks at the instants that are its own."""
        world = self.world
        self.actions.append(action)
        world.command(action)
        for i in range(world.steps_per_control):
            if world.steps % world.steps_per_front == 0:
                if view is not None:
                    world.refresh()
                    self._draw(view)
                    k = self.front_count
                    self.front[k], self.front_roles[k] = view.frame("front")
                self.front_count += 1
            world.tick((i + 1) / world.steps_per_control)

    def rows(self) -> dict[str, np.ndarray]:
        """The columns at control rate."""
        return {
            "state": np.stack(self.states),
            "eef": np.stack(self.eefs),
            "action": np.stack(self.actions),
        }

    def outcome(self) -> Outcome:
        config, end = self.config, self.world.pour.state
        return Outcome(
            initial_ml=config.initial_ml,
            target_ml=config.target_ml,
            poured_ml=float(end.receiver_ml - config.receiver_initial_ml),
            left_source_ml=float(end.source_ml),
            spilled_ml=float(end.spilled_ml),
            completed=self.ended == "done" and self.world.in_hand(),
            ended_because=str(self.ended),
        )


def _frames(n: int, size: int) -> tuple[UInt8[np.ndarray, "n H W 3"], UInt8[np.ndarray, "n H W"]]:
    """Room for ``n`` pictures; memory is only touched as they are taken."""
    return np.empty((n, size, size, 3), np.uint8), np.empty((n, size, size), np.uint8)
