"""What hangs in the air between two vessels, as something to draw.

Reads:  the state vector of liquid.core.   Makes: Stream.
Used by: scene and episode (the stream's mesh). It follows the packets of the ledger: it exists
exactly as long as liquid is in flight, its head falls at the onset and its tail after the stop.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from . import core


@dataclass(frozen=True)
class Stream:
    """A ballistic column. Liquid that left the lip ``s`` seconds ago is at
    ``start + velocity s - g s^2 / 2``; ages from ``tail_s`` to ``front_s`` are in the air.
    """

    start_m: tuple[float, float, float]
    """Lip, when the newest liquid left it."""
    velocity_m_s: tuple[float, float, float]
    end_z_m: float
    """Surface, or floor, the column lands on."""
    start_radius_m: float
    """Radius at the lip; the column holds the volume in flight."""
    front_s: float
    """Age of the foremost liquid: since the onset, at most ``fall_s``."""
    tail_s: float
    """Age of the last liquid: 0 while it flows, then the time since the stop."""
    fall_s: float
    """Age at which liquid lands."""

    def sections(self, n: int) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
        """Centres and radii of ``n`` cross sections from the tail to the front.

        The radius shrinks as the liquid speeds up: ``r = r0 sqrt(v0 / v)`` (continuity).
        """
        s = np.linspace(self.tail_s, self.front_s, n)[:, None]
        start, velocity = np.array(self.start_m), np.array(self.velocity_m_s)
        down = np.array([0.0, 0.0, core.G])
        points = start + velocity * s - 0.5 * down * s**2
        speed = np.linalg.norm(velocity - down * s, axis=1)
        slow = max(float(np.linalg.norm(velocity)), MIN_SPEED_M_S)
        return points, self.start_radius_m * np.sqrt(slow / np.maximum(speed, slow))


MIN_SPEED_M_S = 0.1
"""A trickle is drawn as if it left at least this fast, or it would be a disc."""


def stream_of(state: Float[np.ndarray, " S"]) -> Stream | None:
    """The stream of a state vector; None when nothing is in flight."""
    in_flight = float(state[core.FLIGHT])
    if in_flight <= 0:
        return None
    start = (float(state[core.START_X]), float(state[core.START_Y]), float(state[core.START_Z]))
    velocity = (float(state[core.VEL_X]), float(state[core.VEL_Y]), float(state[core.VEL_Z]))
    end = min(float(state[core.END_Z]), start[2] - 1e-3)
    fall = (velocity[2] + (velocity[2] ** 2 + 2 * core.G * (start[2] - end)) ** 0.5) / core.G
    front = min(float(state[core.FRONT]), fall)
    tail = min(float(state[core.TAIL]), 0.98 * front)
    flow = in_flight / max(front - tail, 1e-3)
    slow = max(float(np.linalg.norm(velocity)), MIN_SPEED_M_S)
    radius = (flow / (np.pi * slow)) ** 0.5
    return Stream(start, velocity, end, radius, front, tail, fall)
