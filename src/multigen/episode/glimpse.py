"""A pour of which the wrist camera sees a few moments only: everything else happens as always.

Reads:  SceneConfig, a Controller that does not look.   Makes: Glimpsed.   Used by: pipeline.glimpses.
Pictures are most of what an episode costs, and most of them are of the front camera, which only sounds
need. To learn where things are, eyes need many vessels, each seen a few times.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from ..scene.render import View
from ..types import Clock, Controller, SceneConfig
from .ears import Deaf
from .film import EgoFilm
from .rollout import Blind, played
from .session import Session
from .world import World

GLIMPSED = 11
"""Names this stream of chance."""


@dataclass(frozen=True)
class Glimpsed:
    """One silent pour, and what the wrist camera saw at some of its rows."""

    pour: Blind
    row: Int[np.ndarray, " G"]
    """Rows that were looked at, ascending."""
    images: UInt8[np.ndarray, "G 2 H W 3"]
    """The picture one row before (row 0: the same), and the row's own."""


class Glimpses(EgoFilm):
    """Takes the ego pictures of ``wanted`` rows alone."""

    def __init__(self, world: World, view: View, wanted: np.ndarray) -> None:
        super().__init__(world, view, len(wanted))
        self._wanted = wanted

    def take_ego(self, row: int) -> None:
        """As EgoFilm, at wanted rows."""
        if self._wanted[row]:
            super().take_ego(row)


def rollout_glimpsed(
    config: SceneConfig,
    controller: Controller,
    *,
    seed: int,
    every: int = 8,
    size: int = 224,
    nudge_m: float = 0.0,
    clock: Clock = Clock(),
) -> Glimpsed:
    """One episode, one row in ``every`` seen on average; which ones is a function of ``seed``.

    Raises SceneError when the scene cannot be built or the controller finds no plan, RenderError
    without OpenGL.
    """
    controller.reset(config, seed)
    world = World(config, clock, size=size)
    with View(world.scene, size) as view:
        session = Session(world, None, ears=Deaf(), seed=seed, nudge_m=nudge_m)
        rows = len(session.film.ego)
        chosen = np.random.default_rng([seed, GLIMPSED]).random(rows) < 1 / every
        session.film = film = Glimpses(world, view, chosen | np.append(chosen[1:], False))
        pour = played(session, controller)
        taken = np.flatnonzero(chosen[: session.frame])
        pairs = np.stack([np.maximum(taken - 1, 0), taken], -1)
        images = film.ego[pairs]
    return Glimpsed(pour, taken, images)
