"""The one loop that steps physics: a controller acts, ears hear, cameras look, a ledger is kept.

Reads:  SceneConfig, Controller, Ears.   Makes: Episode (with cameras) or Blind (without).
Used by: pipeline (records the expert), benchmark (runs policies).
A Session knows how one control interval goes; here somebody decides, and somebody says when it ends.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from ..errors import FormatError
from ..scene.render import View
from ..types import (
    Clock,
    Controller,
    Ears,
    Episode,
    Latency,
    Observation,
    Outcome,
    PourTrace,
    SceneConfig,
    Teacher,
)
from .ears import Deaf
from .film import EgoFilm
from .session import RolloutLimits, Session
from .world import World


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
    liquid: str | None = None,
    nudge_m: float = 0.0,
    latency: Latency = Latency(),
) -> Episode:
    """Run one episode with both cameras, colour and roles.

    ``liquid``: 'hydraulic', 'particles' (slower than real time), or None for the scene's own.
    ``nudge_m``: the hand is pushed off its way by about that much; recorded actions stay the intended ones.
    ``latency``: how late the controller sees and hears, and its commands are done.
    Same config, controller and seed: the same arrays and frames. Raises SceneError when the scene
    cannot be built or the controller finds no plan, RenderError without OpenGL, FormatError when the
    controller returns something that is no action, ConfigError for another liquid.
    """
    controller.reset(config, seed)
    world = World(config, clock, size=size, liquid=liquid)
    with View(world.scene, size) as view:
        session = Session(
            world, view, ears=ears, seed=seed, limits=limits, nudge_m=nudge_m, latency=latency
        )
        ended = play(session, controller)
    t, film = session.frame, session.film
    f = film.front_count
    return Episode(
        clock, config,
        ego=film.ego[:t].copy(), ego_roles=film.ego_roles[:t].copy(),
        front=film.front[:f].copy(), front_roles=film.front_roles[:f].copy(),
        **session.rows(), trace=world.pour.trace(), outcome=session.outcome(ended),
    )  # fmt: skip


def rollout_unfilmed(
    config: SceneConfig,
    controller: Controller,
    *,
    ears: Ears = Deaf(),
    seed: int,
    limits: RolloutLimits = RolloutLimits(),
    clock: Clock = Clock(),
    size: int = 224,
    liquid: str | None = None,
    latency: Latency = Latency(),
) -> Blind:
    """The same episode for a controller that looks and ears that do not; only its own pictures are taken.

    Everything in it is as in ``rollout``'s episode, in a fraction of the time.
    """
    controller.reset(config, seed)
    world = World(config, clock, size=size, liquid=liquid)
    with View(world.scene, size) as view:
        session = Session(world, None, ears=ears, seed=seed, limits=limits, latency=latency)
        session.film = EgoFilm(world, view, len(session.film.ego))
        return played(session, controller)


def rollout_blind(
    config: SceneConfig,
    controller: Controller,
    *,
    ears: Ears = Deaf(),
    seed: int,
    limits: RolloutLimits = RolloutLimits(),
    clock: Clock = Clock(),
    liquid: str | None = None,
    nudge_m: float = 0.0,
    latency: Latency = Latency(),
) -> Blind:
    """The same episode without rendering; for controllers and ears that do not look (frames are 0 x 0)."""
    controller.reset(config, seed)
    world = World(config, clock, size=64, liquid=liquid)
    session = Session(
        world, None, ears=ears, seed=seed, limits=limits, nudge_m=nudge_m, latency=latency
    )
    return played(session, controller)


def played(session: Session, controller: Controller) -> Blind:
    """Play to the end; what is left when nobody watched."""
    ended = play(session, controller)
    return Blind(session.outcome(ended), session.world.pour.trace(), **session.rows())


def play(session: Session, controller: Controller) -> str:
    """Until the controller, the clock or an accident ends it and the liquid has landed.

    Returns why it ended: 'done', 'timeout' or 'dropped'.
    """
    chunk: deque[np.ndarray] = deque()
    ended, ended_at = None, 0
    while True:
        session.look()
        if ended is None:
            ended = session.accident()
            if ended is None and not chunk:
                if isinstance(controller, Teacher):
                    controller.watch(session.world.pour.trace())
                chunk.extend(_decide(controller, session.observation()))
                ended = None if chunk else "done"
            ended_at = session.frame
        if ended is not None and session.may_stop(session.frame - ended_at):
            return ended
        session.step(chunk.popleft() if ended is None else session.hold())


def _decide(controller: Controller, seen: Observation) -> Float32[np.ndarray, "K 10"]:
    """A fresh chunk; empty when the controller says the episode is over."""
    rows = controller.act(seen)
    if rows is None:
        return np.zeros((0, 10), np.float32)
    rows = np.asarray(rows, np.float32)
    if rows.ndim != 2 or rows.shape[1] != 10 or len(rows) == 0 or not np.isfinite(rows).all():
        raise FormatError(
            f"{type(controller).__name__}.act must return [K, 10] finite numbers with K >= 1 "
            f"or None, got shape {rows.shape}"
        )
    return rows
