"""What both cameras saw of one episode so far: the ego view at 10 Hz, the front view at 25 Hz.

Reads:  World, View.   Makes: frames, role images, Clip.   Used by: episode.session.
Room for the whole episode is reserved once; memory is only touched as pictures are taken.
"""

import numpy as np
from jaxtyping import UInt8

from ..scene.render import View
from ..types import Clip
from .world import World


class Film:
    """Grows while the world moves. Without a view all frames are 0 x 0.

    ``complete``: every front frame and all roles, as an Episode has them and ears that look need
    them. Else colours alone, and of the front view only what control rows show.
    """

    def __init__(
        self, world: World, view: View | None, rows: int, *, complete: bool = True
    ) -> None:
        self.world, self.view, self.complete = world, view, complete
        clock, size = world.clock, view.size if view else 0
        fronts = int(np.ceil(rows * clock.front_hz / clock.control_hz)) if complete else 1
        self.ego, self.ego_roles = _frames(rows, size)
        self.front, self.front_roles = _frames(fronts, size)
        self.front_count = 0
        """Front instants that have passed."""
        self._front_taken = 0
        self._drawn_at = -1

    def take_ego(self, row: int) -> None:
        """The ego picture of control row ``row``, which is now; the world must be refreshed."""
        if self.view is None:
            return
        self._draw(self.view)
        if self.complete:
            self.ego[row], self.ego_roles[row] = self.view.frame("ego")
        else:
            self.ego[row] = self.view.rgb("ego")

    def take_front(self) -> None:
        """A front instant, which is now."""
        if self.complete or self._next_row_shows(self.front_count):
            self._take(self.front_count)
        self.front_count += 1

    def newest_front(self) -> UInt8[np.ndarray, "H W 3"]:
        """The newest front picture at or before now, a control instant: what a dataset's row shows."""
        due = self.world.steps % self.world.steps_per_front == 0
        k = self.front_count if due else self.front_count - 1
        self._take(k)
        return self.front[k if self.complete else 0]

    def clip(self) -> Clip:
        """The front view so far; frames are 0 x 0 where only colours are kept."""
        n, hz = self.front_count, float(self.world.clock.front_hz)
        if self.complete:
            return Clip(hz, self.front[:n], self.front_roles[:n])
        return Clip(hz, *_frames(n, 0))

    def _take(self, k: int) -> None:
        """Front frame ``k``, whose instant is now; once."""
        if self.view is None or k < self._front_taken:
            return
        self.world.refresh()
        self._draw(self.view)
        if self.complete:
            self.front[k], self.front_roles[k] = self.view.frame("front")
        else:
            self.front[0] = self.view.rgb("front")
        self._front_taken = k + 1

    def _next_row_shows(self, k: int) -> bool:
        clock = self.world.clock
        row = self.world.steps // self.world.steps_per_control + 1
        return row * clock.front_hz // clock.control_hz == k

    def _draw(self, view: View) -> None:
        """Give the liquid its present shape, once per instant."""
        if self._drawn_at != self.world.steps:
            self.world.show(view)
            self._drawn_at = self.world.steps


class EgoFilm(Film):
    """What the wrist camera sees, in colours; the front camera's instants pass unseen.

    For whoever acts and is not watched: front view and roles are most of what an episode costs.
    """

    def __init__(self, world: World, view: View, rows: int) -> None:
        super().__init__(world, view, rows, complete=False)

    def take_front(self) -> None:
        """The instant passes."""
        self.front_count += 1


def _frames(n: int, size: int) -> tuple[UInt8[np.ndarray, "n H W 3"], UInt8[np.ndarray, "n H W"]]:
    return np.empty((n, size, size, 3), np.uint8), np.empty((n, size, size), np.uint8)
