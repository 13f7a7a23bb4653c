"""The falling liquid as one smooth tapered tube, whole or only the part in flight.

Reads:  a Stream (where it leaves, how fast, where it ends).   Makes: vertices [m], faces.
Used by: scene.render (every frame), scene.build (the first frame).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int32

from .liquid_mesh import sheet

GRAVITY_M_S2 = 9.81


THINNEST_M = 0.001
"""Thinner threads break into drops of about this radius; they are drawn as a thread of it."""


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
    """Tube of ``rings`` x ``around`` vertices along a ballistic path, closed at both ends."""

    def __init__(self, rings: int = 36, around: int = 14) -> None:
        self.rings, self.around = rings, around
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
        the section is a flattened ellipse that contracts within about two centimetres. A falling
        front is rounded, a torn-off tail drawn out to a thread.
        """
        start, velocity = np.asarray(stream.start, float), np.asarray(stream.velocity, float)
        drop = start[2] - stream.end_z
        under = velocity[2] ** 2 + 2 * GRAVITY_M_S2 * drop
        if under <= 0 or stream.start_radius_m <= 0:
            return self.empty()
        landing = (velocity[2] + np.sqrt(under)) / GRAVITY_M_S2
        t0, t1 = max(float(stream.tail_s), 0.0), min(float(stream.front_s), landing)
        if t1 - t0 < 1e-3:
            return self.empty()
        s = np.linspace(0, 1, self.rings)
        s = s + 0.12 * np.sin(2 * np.pi * s) / (2 * np.pi) * -1  # a little denser at both ends
        t = (t0 + (t1 - t0) * s)[:, None]
        gravity = np.array([0, 0, -GRAVITY_M_S2])
        path = start + velocity * t + gravity * t**2 / 2
        speed_at = velocity + gravity * t
        speed = np.linalg.norm(speed_at, axis=1)
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        slow = max(float(np.linalg.norm(velocity)), 0.1)
        radius = stream.start_radius_m * np.sqrt(slow / np.maximum(speed, slow))
        radius = np.maximum(radius, THINNEST_M)
        radius *= _ends(along, radius, torn=t0 > 1e-3, falling=t1 < landing - 1e-3)
        heading = speed_at / np.maximum(speed, 1e-9)[:, None]
        level = np.array([-velocity[1], velocity[0], 0.0])
        level = level / n if (n := np.linalg.norm(level)) > 1e-6 else np.array([1.0, 0, 0])
        thick = np.cross(level, heading)
        flat = 1 + 0.7 * np.exp(-(along + np.linalg.norm(velocity) * t0 * 2) / 0.012)
        a = np.linspace(0, 2 * np.pi, self.around, endpoint=False)[None, :, None]
        wide = (radius * flat)[:, None, None] * level * np.cos(a)
        high = (radius / flat)[:, None, None] * thick[:, None] * np.sin(a)
        return (path[:, None] + wide + high).reshape(-1, 3).astype(np.float32)


def _ends(along: np.ndarray, radius: np.ndarray, *, torn: bool, falling: bool) -> np.ndarray:
    """Factor on the radius that rounds the falling front and draws the torn tail to a thread."""
    factor = np.ones_like(along)
    length = max(float(along[-1]), 1e-6)
    if torn:
        factor *= np.sqrt(np.clip(along / min(0.03, 0.5 * length), 0, 1))
    if falling:
        tip = min(2.5 * float(radius.max()), 0.5 * length)
        u = np.clip((length - along) / tip, 0, 1)
        factor *= np.sqrt(np.clip(1 - (1 - u) ** 2, 0, 1))
    return factor
