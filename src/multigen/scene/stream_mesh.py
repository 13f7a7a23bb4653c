"""The falling liquid as one smooth tapered tube, whole or only the part in flight.

Reads:  a Stream (where it leaves, how fast, where it ends).   Makes: vertices [m], faces.
Used by: scene.render (every frame), scene.build (the first frame).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int32

from ..types import Vessel
from .liquid_mesh import sheet

GRAVITY_M_S2 = 9.81


THINNEST_M = 0.001
"""Thinner threads break into drops of about this radius; they are drawn as a thread of it."""


LEAD_M, LEAD_RINGS = 0.007, 5
"""The stream begins this far inside the lip, in so many rings."""


class Stream(Protocol):
    """What the liquid room knows of the falling column; SI units, world frame."""

    @property
    def start(self) -> np.ndarray:
        """Where the liquid leaves the lip, [3]."""
        ...

    @property
    def velocity(self) -> np.ndarray:
        """Its velocity there, [3]."""
        ...

    @property
    def end_z(self) -> float:
        """Height of the surface it falls onto."""
        ...

    @property
    def start_radius_m(self) -> float: ...

    @property
    def front_s(self) -> float:
        """Age (time since it left the lip) of the oldest liquid still falling."""
        ...

    @property
    def tail_s(self) -> float:
        """Age of the youngest liquid falling: 0 while the lip still feeds the stream."""
        ...


@dataclass(frozen=True)
class Column:
    """A Stream by its numbers; the default is fed by the lip and reaches the ground."""

    start: np.ndarray
    velocity: np.ndarray
    end_z: float = 0.0
    start_radius_m: float = 0.004
    front_s: float = 60.0
    tail_s: float = 0.0


class StreamMesh:
    """Tube of ``rings`` x ``around`` vertices along a ballistic path, closed at both ends.

    With a ``cup`` and where it stands, what has passed its rim slides down the inside of its wall
    instead of leaving through it.
    """

    def __init__(
        self,
        rings: int = 36,
        around: int = 14,
        cup: Vessel | None = None,
        cup_xy_m: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.rings, self.around = rings, around
        self.cup, self.cup_xy_m = cup, np.array(cup_xy_m)
        self.count = rings * around
        faces = [sheet(rings, around, 0, True)]
        last = np.arange(rings - 1) * around + around - 1  # close the tube around
        a, b = last, last - around + 1
        faces += [np.stack([a, a + around, b], 1), np.stack([b, a + around, b + around], 1)]
        k = np.arange(1, around - 1)
        top, end = np.zeros_like(k), np.full_like(k, (rings - 1) * around)
        faces += [np.stack([top, k, k + 1], 1), np.stack([end, end + k + 1, end + k], 1)]
        self.faces: Int32[np.ndarray, "F 3"] = np.concatenate(faces).astype(np.int32)

    def empty(self) -> Float32[np.ndarray, "V 3"]:
        """All vertices in one point below the table: draws nothing."""
        return np.tile(np.array([[0, 0, -0.5]], np.float32), (self.count, 1))

    def vertices(self, stream: Stream) -> Float32[np.ndarray, "V 3"]:
        """Tube in the world frame; nothing where nothing is in flight.

        The radius falls with speed so that radius^2 speed stays constant (continuity). At the lip
        the section is a flattened ellipse that contracts within about two centimetres; a stream the
        lip still feeds begins rounded, a little inside it. A falling front is rounded, a torn-off
        tail drawn out to a thread.
        """
        start, velocity = np.asarray(stream.start, float), np.asarray(stream.velocity, float)
        under = velocity[2] ** 2 + 2 * GRAVITY_M_S2 * (start[2] - stream.end_z)
        if under <= 0 or stream.start_radius_m <= 0:
            return self.empty()
        landing = (velocity[2] + np.sqrt(under)) / GRAVITY_M_S2
        t0, t1 = max(float(stream.tail_s), 0.0), min(float(stream.front_s), landing)
        if t1 - t0 < 1e-3:
            return self.empty()
        fed = LEAD_RINGS if t0 < 1e-3 else 0
        s = np.linspace(0, 1, self.rings - fed)
        s = s - 0.12 * np.sin(2 * np.pi * s) / (2 * np.pi)  # a little denser at both ends
        t = np.concatenate([np.full(fed, t0), t0 + (t1 - t0) * s])[:, None]
        gravity = np.array([0, 0, -GRAVITY_M_S2])
        path, speed_at = start + velocity * t + gravity * t**2 / 2, velocity + gravity * t
        speed = np.linalg.norm(speed_at, axis=1)
        slow = max(float(np.linalg.norm(velocity)), 0.1)
        radius = stream.start_radius_m * np.sqrt(slow / np.maximum(speed, slow))
        radius = np.maximum(radius, THINNEST_M)
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        radius *= _ends(along[fed:], radius[fed:], fed=fed, falling=t1 < landing - 1e-3)
        ahead = np.array([velocity[0], velocity[1], 0.0])
        ahead = ahead / n if (n := np.linalg.norm(ahead)) > 1e-6 else np.array([0, -1.0, 0])
        path[:fed] -= np.linspace(1, 1 / LEAD_RINGS, fed)[:, None] * LEAD_M * ahead
        self._keep_inside(path, radius)
        heading = speed_at / np.maximum(speed, 1e-9)[:, None]
        level = np.array([-ahead[1], ahead[0], 0.0])
        flat = 1 + 0.7 * np.exp(-(along + 2 * n * t0) / 0.012)
        if fed:  # the lip carries the stream from below
            path[:, 2] += 0.9 * float(radius[fed] / flat[fed]) * np.exp(-along / 0.015)
        return self._tube(
            path,
            level * (radius * flat)[:, None],
            np.cross(level, heading) * (radius / flat)[:, None],
        )

    def _keep_inside(self, path: np.ndarray, radius: np.ndarray) -> None:
        """Move what is below the rim, and came in through the mouth, off the wall. In place."""
        if self.cup is None:
            return
        aside = path[:, :2] - self.cup_xy_m
        away = np.linalg.norm(aside, axis=1)
        below = path[:, 2] < self.cup.height_m
        if not below.any() or away[int(np.argmax(below))] > self.cup.rim_radius_m:
            return
        room = self.cup.inner_radius_m(path[:, 2] - self.cup.floor_m) - 1.2 * radius
        share = np.minimum(1.0, np.maximum(room, 0.0) / np.maximum(away, 1e-9))
        path[below, :2] = self.cup_xy_m + (aside * share[:, None])[below]

    def _tube(self, path: np.ndarray, wide: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Ellipses with half axes ``wide`` and ``high`` around every point of the path."""
        a = np.linspace(0, 2 * np.pi, self.around, endpoint=False)[None, :, None]
        ring = path[:, None] + wide[:, None] * np.cos(a) + high[:, None] * np.sin(a)
        return ring.reshape(-1, 3).astype(np.float32)


def _ends(along: np.ndarray, radius: np.ndarray, *, fed: int, falling: bool) -> np.ndarray:
    """Factor on the radius: a round begin inside the lip, or a torn tail; a round falling front."""
    factor = np.ones_like(along)
    length = max(float(along[-1]), 1e-6)
    if not fed:
        factor *= np.sqrt(np.clip(along / min(0.03, 0.5 * length), 0, 1))
    if falling:
        tip = min(2.5 * float(radius.max()), 0.5 * length)
        u = np.clip((length - along) / tip, 0, 1)
        factor *= np.sqrt(np.clip(1 - (1 - u) ** 2, 0, 1))
    begin = np.sqrt(1 - np.linspace(1, 1 / LEAD_RINGS, fed) ** 2)
    return np.concatenate([begin, factor])
