"""What is asked in one episode, where it begins, and what it is worth.

Reads:  WorldConfig, seeds, commands, LiquidState.   Makes: SceneConfig, World, Ledger, rewards.
Used by: envs.pour.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float32

from ..episode import Deaf, Expert, Session, World
from ..episode.plan import SETTLE_S
from ..errors import ConfigError, SceneError
from ..scene import WorldConfig, draw_scene
from ..types import COMMANDS, Clock, SceneConfig, parse_command

Start = Literal["home", "grasp"]


@dataclass(frozen=True)
class RewardWeights:
    """What a mistake costs beside the error of the poured amount."""

    spill: float = 0.5
    """Per target volume that lands beside the receiver."""
    drop: float = 1.0
    """Once, when a vessel falls."""


@dataclass(frozen=True)
class Ledger:
    """Where every millilitre is at one control frame; the first four add up to what was there."""

    source_ml: float
    in_flight_ml: float
    receiver_ml: float
    spilled_ml: float
    poured_ml: float
    """Landed in the receiver since the start."""
    initial_ml: float
    """In the source at the start."""
    target_ml: float

    @property
    def nmae(self) -> float:
        """|poured - target| / target (paper, equation 1), if the pour ended now."""
        return abs(self.poured_ml - self.target_ml) / self.target_ml


def ledger_of(world: World) -> Ledger:
    """The account now."""
    config, now = world.config, world.pour.state
    return Ledger(
        source_ml=float(now.source_ml),
        in_flight_ml=float(now.in_flight_ml),
        receiver_ml=float(now.receiver_ml),
        spilled_ml=float(now.spilled_ml),
        poured_ml=float(now.receiver_ml - config.receiver_initial_ml),
        initial_ml=config.initial_ml,
        target_ml=config.target_ml,
    )


def reward_of(before: Ledger, after: Ledger, dropped: bool, weights: RewardWeights) -> float:
    """What one step is worth: how much nearer the target, less what was spilled or dropped.

    The steps of an episode add up to
    1 - nmae - weights.spill * spilled_ml / target_ml - weights.drop * dropped.
    """
    nearer = before.nmae - after.nmae
    spilled = (after.spilled_ml - before.spilled_ml) / after.target_ml
    return nearer - weights.spill * spilled - weights.drop * dropped


def draw_task(
    world: WorldConfig, seed: int, condition: str | None, command: str | float | None
) -> SceneConfig:
    """The scene of ``seed``; a command is one of COMMANDS, a fraction, or a sentence with an amount.

    Raises ConfigError for a condition or a command that is none.
    """
    if command is None or command in COMMANDS:
        return draw_scene(world, seed, condition=condition, command=command)  # pyright: ignore[reportArgumentType]
    scene = draw_scene(world, seed, condition=condition)
    if isinstance(command, str):
        return replace(
            scene, command=parse_command(command, scene.initial_ml), command_text=command
        )
    if not 0 < command <= 1:
        raise ConfigError(f"the command is {command:g}; ask for a fraction in (0, 1]")
    said = f"pour {100 * command:.3g} % of the {scene.liquid.name}"
    return replace(scene, command=float(command), command_text=said)


def begin(scene: SceneConfig, start: Start, clock: Clock, size: int) -> World:
    """A world ready for the first action: the arm at home, or its gripper closed around the source.

    'grasp' plays the expert's plan up to the grasp, unseen and unheard, so such a scene is known to
    have a solution. Raises SceneError when it has none, or the scene cannot be built.
    """
    if start == "home":
        return World(scene, clock, size=size)
    before = World(scene, clock, size=size)
    reaching = Session(before, None, ears=Deaf(), seed=scene.seed)
    for action in _until_grasp(scene, clock):
        reaching.step(action)
    if before.has_fallen() or not before.touches_source():
        raise SceneError(
            f"the gripper misses the {scene.source.name} of seed {scene.seed}; choose another seed"
        )
    world = World(scene, clock, size=size)
    world.take_over(before)
    return world


def _until_grasp(scene: SceneConfig, clock: Clock) -> Float32[np.ndarray, "n 10"]:
    """The expert's actions until its gripper has been closed for a while."""
    expert = Expert(clock)
    expert.reset(scene, scene.seed)
    assert expert.plan is not None
    rows = expert.plan.actions
    closed = int((rows[:, 9] >= 1.0).argmax())
    return rows[: closed + 1 + round(SETTLE_S * clock.control_hz)]
