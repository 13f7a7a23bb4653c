"""The pouring task as a Gymnasium environment: see, hear, feel; say where the hand shall be.

Reads:  a world, seeds, actions.   Makes: observations, rewards, the ledger.
Used by: ``gymnasium.make("multigen/Pour-v0")``, people. Steps the same Session as every rollout.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from jaxtyping import Float32, UInt8

from ..episode import RolloutLimits, Session, World
from ..errors import ConfigError, FormatError, SceneError
from ..scene import View, WorldConfig, load_world
from ..types import Clock, Ears, Observation, SceneConfig
from ..types.pose import absolute_chunk, proper
from .ears import find_ears, must_see
from .task import Ledger, RewardWeights, Start, begin, draw_task, ledger_of, reward_of

ATTEMPTS = 6
"""Scenes drawn per reset before giving up on one that can be built (and grasped)."""
OPTIONS = ("world", "condition", "command")
REACH_M = {"world": 1.0, "relative": 0.1}
"""Bounds of an action's position: in the world, or in one control interval."""
ActionFrame = Literal["world", "relative"]


class PourEnv(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """One pour per episode at 10 Hz. Every setting can be given to ``gymnasium.make``.

    Observation (Dict; the state at the frame's time, sound until then):
      ``images.ego``, ``images.front``  uint8 [size, size, 3]; absent with ``images=False``
      ``state``      float32 [7]     joint angles [rad]
      ``eef``        float32 [10]    measured pinch-site pose and gripper (types.Controller.act)
      ``audio.mic``  float32 [1600]  the last control interval at 16 kHz, in [-1, 1]; zeros at reset
      ``command``    float32 [1]     fraction of the initial volume asked for
    Only the present is given; for history use gymnasium's FrameStackObservation, or ``seen``, which
    has all that was heard.

    Action: float32 [10], a pinch-site pose and the gripper, encoded as types.Controller.act says. In
    the frame of the world, or with ``action_frame='relative'`` seen from the measured pose
    (identity rotation rows: do not turn), as policies here learn it. The hand goes there as fast as
    its joints allow; rotation rows that span no plane mean 'do not turn', the gripper is clipped.

    Reward: see task.reward_of. ``info`` is the ledger, ``nmae`` if the pour ended now, ``time_s``,
    ``seed``, ``condition``, ``command_text`` and ``ended_because`` ('' while it goes on).
    Terminated: a vessel has fallen. Truncated: ``max_seconds`` are over.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        *,
        world: str | Path | WorldConfig = "train",
        condition: str | None = None,
        command: str | float | None = None,
        ears: str | Ears = "none",
        images: bool = True,
        size: int = 224,
        action_frame: ActionFrame = "world",
        start: Start = "home",
        max_seconds: float = 20.0,
        reward: RewardWeights = RewardWeights(),
        render_mode: str | None = None,
    ) -> None:
        """``world``, ``condition``, ``command``: as draw_task, unless a reset says otherwise.
        ``ears``: see find_ears. ``start``: 'home', or 'grasp' (see task.begin; costs seconds).

        Raises ConfigError for a setting that is none.
        """
        _one_of("action_frame", action_frame, tuple(REACH_M))
        _one_of("start", start, ("home", "grasp"))
        _one_of("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        if not 8 <= size <= 1024:
            raise ConfigError(f"size={size}: pictures are 8 to 1024 pixels wide")
        self.world, self.condition, self.command = _world(world), condition, command
        self.ears = find_ears(ears)
        self.images, self.size, self.render_mode = images, size, render_mode
        self.action_frame, self.weights = action_frame, reward
        self.start: Start = start
        self.limits, self.clock = RolloutLimits(max_seconds), Clock()
        self._looks = must_see(self.ears)
        self._view: View | None = None
        self._session: Session | None = None
        self._ended = ""
        self.observation_space = self._observation_space()
        self.action_space = _action_space(REACH_M[action_frame])

    def _observation_space(self) -> spaces.Dict:
        def box(low: float, high: float, *shape: int) -> spaces.Box:
            return spaces.Box(low, high, shape, np.float32)

        parts: dict[str, spaces.Space] = {
            "state": box(-np.inf, np.inf, 7),
            "eef": box(-np.inf, np.inf, 10),
            "audio.mic": box(-1, 1, self.clock.samples_per_frame),
            "command": box(0, 1, 1),
        }
        if self.images:
            picture = spaces.Box(0, 255, (self.size, self.size, 3), np.uint8)
            parts |= {"images.ego": picture, "images.front": picture}
        return spaces.Dict(parts)

    # -- Gymnasium

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """A new scene. ``options``, for this episode only: 'world', 'condition', 'command'.

        A given seed draws the very scene that ``draw_scene`` and ``multigen look`` draw from it;
        where that has no solution, and without a seed, the next one comes from ``np_random``.
        Raises ConfigError for an option that is none, SceneError after ATTEMPTS scenes.
        """
        super().reset(seed=seed)
        asked = _asked(options, self)
        self.close()
        world = self._begin(seed, *asked)
        if self.images or self._looks or self.render_mode:
            self._view = View(world.scene, self.size)
        self._session = Session(
            world, self._view, ears=self.ears, seed=world.config.seed,
            limits=self.limits, complete=self._looks,
        )  # fmt: skip
        self._ended = ""
        self._session.look()
        return self._sense(), self._info(ledger_of(world))

    def step(
        self, action: Float32[np.ndarray, " 10"]
    ) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """One control interval. Raises FormatError unless the action is ten finite numbers."""
        session = self._running()
        if self._ended:
            raise ResetNeeded(f"this episode has ended ({self._ended}); call reset")
        before = ledger_of(session.world)
        session.step(self._in_world(action))
        session.look()
        self._ended = session.accident() or ""
        dropped = self._ended == "dropped"
        after = ledger_of(session.world)
        reward = reward_of(before, after, dropped, self.weights)
        return self._sense(), reward, dropped, self._ended == "timeout", self._info(after)

    def render(self) -> UInt8[np.ndarray, "size size 3"] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The front camera's newest picture; None without a render mode."""
        return self._running().film.newest_front().copy() if self.render_mode else None

    def close(self) -> None:
        """Free OpenGL; a closed environment may be reset again."""
        if self._view is not None:
            self._view.close()
        self._view = self._session = None

    # -- for controllers of ours

    @property
    def seen(self) -> Observation:
        """What a types.Controller is given at this frame, all sound since the start included."""
        self._running()
        return self._seen

    @property
    def scene(self) -> SceneConfig:
        """The scene of this episode. Privileged: an expert may read it, a policy its command."""
        return self._running().world.config

    # -- inside

    def _begin(
        self,
        seed: int | None,
        world: WorldConfig,
        condition: str | None,
        command: str | float | None,
    ) -> World:
        """A scene of ``seed``, or of the next ones, in which the task can begin."""
        problem = ""
        for _ in range(ATTEMPTS):
            chosen = int(self.np_random.integers(10_000_000)) if seed is None else seed
            seed = None
            scene = draw_task(world, chosen, condition, command)
            try:
                return begin(scene, self.start, self.clock, self.size)
            except SceneError as e:
                problem = str(e)
        raise SceneError(f"none of {ATTEMPTS} scenes can be poured ({problem}); name another world")

    def _in_world(self, action: Float32[np.ndarray, " 10"]) -> Float32[np.ndarray, " 10"]:
        row = np.asarray(action, np.float32)
        if row.shape != (10,) or not np.isfinite(row).all():
            raise FormatError(f"an action is 10 finite numbers, got {np.asarray(action)!r}")
        here = self._seen.eef[-1]
        if self.action_frame == "relative":
            return absolute_chunk(here, proper(row)[None])[0]
        return proper(row, here[3:9])

    def _sense(self) -> dict[str, np.ndarray]:
        """The observation of this frame."""
        session = self._running()
        self._seen = seen = session.observation()
        mic = np.zeros(self.clock.samples_per_frame, np.float32)
        if session.frame:
            mic = seen.sound[-len(mic) :].clip(-1, 1)
        shown = {
            "state": seen.state[-1].copy(),
            "eef": seen.eef[-1].copy(),
            "audio.mic": mic,
            "command": np.array([seen.command], np.float32),
        }
        if self.images:
            shown["images.ego"] = seen.ego[-1].copy()
            shown["images.front"] = session.film.newest_front().copy()
        return shown

    def _info(self, ledger: Ledger) -> dict[str, Any]:
        scene = self.scene
        return {
            **asdict(ledger),
            "nmae": ledger.nmae,
            "time_s": self._seen.time_s,
            "seed": scene.seed,
            "condition": scene.condition,
            "command_text": scene.command_text,
            "ended_because": self._ended,
        }

    def _running(self) -> Session:
        if self._session is None:
            raise ResetNeeded("no episode is going on; call reset first")
        return self._session


def _action_space(reach_m: float) -> spaces.Box:
    low = np.array([-reach_m] * 3 + [-1] * 6 + [0], np.float32)
    return spaces.Box(low, np.array([reach_m] * 3 + [1] * 7, np.float32), dtype=np.float32)


def _world(world: str | Path | WorldConfig) -> WorldConfig:
    return world if isinstance(world, WorldConfig) else load_world(world)


def _asked(
    options: Mapping[str, Any] | None, env: PourEnv
) -> tuple[WorldConfig, str | None, str | float | None]:
    """World, condition and command of one reset."""
    asked = dict(options or {})
    if unknown := set(asked) - set(OPTIONS):
        raise ConfigError(
            f"reset knows no option {', '.join(sorted(unknown))}; say {', '.join(OPTIONS)}"
        )
    return (
        _world(asked.get("world", env.world)),
        asked.get("condition", env.condition),
        asked.get("command", env.command),
    )


def _one_of(name: str, value: object, known: tuple) -> None:
    if value not in known:
        raise ConfigError(f"{name}={value!r} is not known; choose from {known}")
