"""Role images as poor as those a real video comes with: boxes, a strip, no liquid level.

Reads:  role coverage of a training window.   Makes: coverage of the same kind.
Used by: audio.windows (augmentation).
A video that nobody segmented gets masks by motion (``masks.found``): one box for the receiver, one for
the source, a thin strip while something falls, each a little off, and nothing else. A network that only
ever saw a simulator's exact masks takes those for a scene in which nothing pours.
"""

import numpy as np
from jaxtyping import UInt8

from ..types import Role

_EDGE_OFF, _SOURCE_OFF = 0.12, 0.35
"""Standard deviations of a box's edges, of its size."""
_LATE_FRAMES = 4
"""The strip appears and vanishes up to this many frames off."""
_DROPPED = 0.1
"""Share of the windows in which the source is not marked at all."""


def roughen(
    coverage: UInt8[np.ndarray, "F R n n"], rng: np.random.Generator
) -> UInt8[np.ndarray, "F R n n"]:
    """The same event as ``masks.found`` might mark it; roles other than the receiver, the source and the
    stream are lost, the camera is taken to stand still."""
    frames, roles, side, _ = coverage.shape
    painted = np.zeros((frames, 2 * side, 2 * side), np.uint8)
    receiver = _box(coverage[:, Role.RECEIVER].max(0))
    falls = coverage[:, Role.STREAM].astype(int).sum((1, 2)) > 60
    if receiver is not None:
        _paint(painted, _off(receiver, _EDGE_OFF, rng), Role.RECEIVER)
    poses = coverage[falls] if falls.any() else coverage
    source = _box(np.median(poses[:, Role.SOURCE], axis=0))
    if source is not None and rng.random() >= _DROPPED:
        _paint(painted, _off(source, _SOURCE_OFF, rng), Role.SOURCE)
    if falls.any():
        _paint_stream(painted, coverage[:, Role.STREAM], falls, receiver, rng)
    fine = painted[:, None] == np.arange(roles, dtype=np.uint8)[:, None, None]
    share = fine.reshape(frames, roles, side, 2, side, 2).mean((3, 5))
    return np.round(255 * share).astype(np.uint8)


def _paint_stream(
    painted: np.ndarray,
    stream: np.ndarray,
    falls: np.ndarray,
    receiver: np.ndarray | None,
    rng: np.random.Generator,
) -> None:
    """A strip from the stream's top to 0.6 of the way to the floor, in the frames in which it falls."""
    top, bottom, left, right = _box(stream[falls].max(0), least=8)  # type: ignore[misc]
    floor = max(bottom, receiver[1]) if receiver is not None else bottom
    centre = 0.5 * (left + right) + rng.normal(0, 1)
    strip = np.array([top, top + 0.6 * (floor - top), centre - 0.6, centre + 0.6])
    on = np.roll(falls, int(rng.integers(-_LATE_FRAMES, _LATE_FRAMES + 1)))
    falling = painted[on]
    _paint(falling, strip, Role.STREAM)
    painted[on] = falling


def _box(picture: np.ndarray, least: float = 100) -> np.ndarray | None:
    """(top, bottom, left, right) of what is covered, on a grid twice as fine; None where nothing is."""
    rows, columns = np.nonzero(picture >= least)
    if not len(rows):
        return None
    return 2.0 * np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1])


def _off(box: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    tall, wide = box[1] - box[0], box[3] - box[2]
    return box + rng.normal(0, share, 4) * np.array([tall, tall, wide, wide])


def _paint(painted: np.ndarray, box: np.ndarray, role: Role) -> None:
    """At least one pixel each way; beyond the picture nothing is painted."""
    top, left = (max(0, round(float(x))) for x in (box[0], box[2]))
    bottom, right = max(top + 1, round(float(box[1]))), max(left + 1, round(float(box[3])))
    painted[:, top:bottom, left:right] = role
