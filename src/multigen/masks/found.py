"""Where is the pour in a video nobody has segmented? Found by motion alone, or left out.

Reads:  frames of a camera that stands still.   Makes: role images, or None.   Used by:
pipeline.sonify, when a video comes without masks. Numpy and scipy.

Falling and plunging liquid is the one thing that flickers in one place for seconds: a region, taller
than wide, whose pixels change from frame to frame most of the time. Its top is taken for the lip, its
rest for the receiver. All shapes are boxes; the liquid's level is not seen. A moving camera, a pour
shorter than a fifth of the video or any other lasting flicker that stands upright is not told apart.
"""

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy.ndimage import binary_closing, find_objects, label
from scipy.ndimage import sum as sum_of

from ..types import Role
from .motion import LEAST_LEVELS, OVER_NOISE, lasting_change, steadied

FOUND = (
    "masks found by motion alone: boxes around what flickers, no liquid level; "
    "multigen masks does better with boxes or weights from you"
)
"""The sentence printed with every result."""
LEFT_OUT = (
    "no pour was found by motion (a moving camera, or nothing that flickers upright in one place): "
    "masks are left out, and without them the packaged generator is as good as blind"
)
_LASTING = 80
"""Percentile over time: what changes at least a fifth of the time."""
_TALL, _LARGEST = 0.12, 0.25
"""Least height of the region, of the picture's; most area, of the picture's."""
_ACTIVE = 0.02
"""Share of the region that moves while liquid falls."""


def roles_found(
    frames: UInt8[np.ndarray, "F H W 3"], fps: float
) -> UInt8[np.ndarray, "F H W"] | None:
    """Role images with SOURCE, RECEIVER and, while something falls, STREAM; None where no pour is found."""
    count, height, width = frames.shape[:3]
    if count < 3:
        return None
    change = lasting_change(frames, fps)
    lasting = np.percentile(change, _LASTING, axis=0)
    moving = max(LEAST_LEVELS, OVER_NOISE * float(np.median(lasting)))
    region = _largest(lasting, lasting > moving)
    if region is None:
        return None
    rows, columns = region
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    if tall < _TALL * height or tall < 1.2 * wide or tall * wide > _LARGEST * height * width:
        return None
    active = change[:, rows, columns] > moving
    on = active.mean((1, 2)) > _ACTIVE
    steady = steadied(on, fps)
    if not steady.any():
        return None
    return _painted((count, height, width), rows, columns, active, steady)


def _largest(
    lasting: Float32[np.ndarray, "H W"], moving: Bool[np.ndarray, "H W"]
) -> tuple[slice, slice] | None:
    """Bounding box (rows, columns) of the connected region that flickers most in all."""
    margin = 8
    near = binary_closing(np.pad(moving, margin), np.ones((9, 5)))
    near = near[margin:-margin, margin:-margin]
    regions, count = label(near)  # pyright: ignore[reportGeneralTypeIssues]
    if not count:
        return None
    each = sum_of(lasting, regions, range(1, count + 1))
    return find_objects(regions)[int(np.argmax(each))]


def _painted(
    shape: tuple[int, int, int],
    rows: slice,
    columns: slice,
    active: Bool[np.ndarray, "F h w"],
    on: Bool[np.ndarray, " F"],
) -> UInt8[np.ndarray, "F H W"]:
    """Boxes for the vessels, a narrow strip where the movement is for the stream."""
    tall = rows.stop - rows.start
    centre = columns.start + float(np.median(np.nonzero(active[on])[2]))
    half = max(0.8 * (columns.stop - columns.start), 0.18 * tall)
    roles = np.zeros(shape, np.uint8)

    def box(top: float, bottom: float, left: float, right: float) -> tuple[slice, slice]:
        cut = (max(0, round(top)), round(bottom), max(0, round(left)), round(right))
        return slice(cut[0], cut[1]), slice(cut[2], cut[3])

    lip, rim = rows.start + 0.1 * tall, rows.start + 0.2 * tall
    floor = rows.stop + 0.03 * tall
    roles[:, *box(rim, floor, centre - half, centre + half)] = Role.RECEIVER
    roles[:, *box(lip - 0.5 * tall, lip, centre - 1.6 * half, centre + half)] = Role.SOURCE
    thin = max(1.0, 0.02 * tall)
    strip = box(rows.start, rows.start + 0.6 * tall, centre - thin, centre + thin)
    falling = roles[on]
    falling[:, *strip] = Role.STREAM
    roles[on] = falling
    return roles
