"""Role images of a real video from two boxes and motion alone: a makeshift without any model.

Reads:  frames, a box around the source, a box around the receiver.   Makes: role images.
Used by: pipeline.masks, when no SAM 2 weights are given; found (what moves). Numpy and scipy.

What it can do: say *when* and roughly *where* a stream falls into the receiver, in a video whose
camera stands still. What it cannot: the vessels are their boxes, held still, so a source that tilts
out of its box is not followed; the liquid's level is not seen; a stream as still as glass is
missed; anything else thin and upright that moves there (a stirrer, a reflection) is called stream.
"""

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy.ndimage import (
    binary_closing,
    binary_opening,
    maximum_filter1d,
    median_filter,
    uniform_filter1d,
)

from ..errors import ConfigError
from ..types import Role
from .prompts import Box

LIMITS = (
    "without SAM 2 weights the vessels are your boxes held still, and the stream is whatever thin "
    "and upright moves between them: its times are usable, its shape is rough, the liquid is not seen"
)
"""The sentence printed with every result."""
_MEMORY_S = 0.16
"""Motion is averaged over this long: a stream's ripples move on, noise does not last."""
LEAST_LEVELS = 4.0
"""Grey levels a moving pixel changes per frame at least."""
OVER_NOISE = 4.0
"""And this many times the median change of its surroundings."""
_WIDEST = 0.45
"""Of the receiver's width: wider things are hands, vessels, surfaces."""
_SHORTEST = 0.035
"""Of the picture's height: the least height of a stream."""
_STEADY_S = 0.3
"""A stream that is on or off for less than this is neither."""


def roles_from_motion(
    frames: UInt8[np.ndarray, "F H W 3"], fps: float, source: Box, receiver: Box
) -> UInt8[np.ndarray, "F H W"]:
    """Role images: both boxes, and in front of them the stream where one is found.

    Raises ConfigError when a box lies outside the picture or the source is not above the receiver.
    """
    count, height, width = frames.shape[:3]
    boxes = [_inside(box, height, width) for box in (source, receiver)]
    (sx0, sy0, sx1, sy1), (rx0, ry0, rx1, ry1) = boxes
    if sy0 + sy1 >= ry0 + ry1:
        raise ConfigError(
            "the source's box lies below the receiver's; swap them, or is this not a pour from above?"
        )
    roles = np.zeros((count, height, width), np.uint8)
    roles[:, ry0:ry1, rx0:rx1] = Role.RECEIVER
    roles[:, sy0:sy1, sx0:sx1] = Role.SOURCE
    # rows from the lower third of the source (its lip is there, its moving edges are above) to the
    # receiver's floor; columns of the receiver without its walls
    edge = max(1, round(0.06 * (rx1 - rx0)))
    rows, columns = slice(sy1 - (sy1 - sy0) // 3, ry1), slice(rx0 + edge, rx1 - edge)
    # how wide a thing is shows only in a view wider than the receiver
    left, right = max(0, 2 * rx0 - rx1), min(width, 2 * rx1 - rx0)
    moving = moving_pixels(frames[:, rows, left:right], fps)
    widest = max(3, round(_WIDEST * (rx1 - rx0)))
    thin = np.stack([_thin(image, widest) for image in moving])
    thin = thin[:, :, columns.start - left : columns.stop - left]
    shortest = max(5, round(_SHORTEST * height))
    streams = np.stack([_upright(image, widest, shortest) for image in thin])
    on = np.array([image.any() for image in streams])
    steady = steadied(on, fps)
    shown = _held(streams, on, steady) & steady[:, None, None]
    roles[:, rows, columns][shown] = Role.STREAM
    return roles


def moving_pixels(frames: UInt8[np.ndarray, "F h w 3"], fps: float) -> Bool[np.ndarray, "F h w"]:
    """Where the picture changes from frame to frame by more than its surroundings' noise."""
    lasting = lasting_change(frames, fps)
    noise = np.median(lasting, axis=(1, 2), keepdims=True)
    return lasting > np.maximum(LEAST_LEVELS, OVER_NOISE * np.median(noise))


def lasting_change(
    frames: UInt8[np.ndarray, "F h w 3"], fps: float
) -> Float32[np.ndarray, "F h w"]:
    """Change from frame to frame [grey levels], averaged over a few frames."""
    grey = frames.astype(np.float32).mean(-1)
    change = np.zeros_like(grey)
    change[1:] = np.abs(np.diff(grey, axis=0))
    change[:1] = change[1:2]
    span = max(1, round(_MEMORY_S * fps)) | 1
    return uniform_filter1d(change, span, axis=0, mode="nearest")


def steadied(on: Bool[np.ndarray, " F"], fps: float) -> Bool[np.ndarray, " F"]:
    """Without what is on or off for a moment only."""
    size = max(1, round(_STEADY_S * fps)) | 1
    return median_filter(on.astype(np.uint8), size, mode="nearest").astype(bool)


def _thin(moving: Bool[np.ndarray, "h w"], widest: int) -> Bool[np.ndarray, "h w"]:
    """Runs along each row no wider than ``widest``, holes of two pixels closed."""
    closed = binary_closing(np.pad(moving, ((0, 0), (2, 2))), np.ones((1, 3)), iterations=1)
    closed = closed[:, 2:-2]
    edges = np.diff(np.pad(closed.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    (row, first), (_, last) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    out = np.zeros_like(moving)
    for r, a, b in zip(row, first, last, strict=True):
        if b - a <= widest:
            out[r, a:b] = True
    return out


def _upright(thin: Bool[np.ndarray, "h w"], widest: int, shortest: int) -> Bool[np.ndarray, "h w"]:
    """Those thin runs that stand on one another for ``shortest`` rows, a third of ``widest`` aside."""
    near = maximum_filter1d(thin.astype(np.uint8), max(3, widest // 3), axis=1).astype(bool)
    near = binary_closing(np.pad(near, ((2, 2), (0, 0))), np.ones((5, 1)))[2:-2]
    return thin & binary_opening(near, np.ones((shortest, 1)))


def _held(
    streams: Bool[np.ndarray, "F h w"], on: Bool[np.ndarray, " F"], steady: Bool[np.ndarray, " F"]
) -> Bool[np.ndarray, "F h w"]:
    """Frames that should show a stream and found none take the last one that did."""
    out, last = streams.copy(), None
    for i in range(len(out)):
        if on[i]:
            last = streams[i]
        elif steady[i] and last is not None:
            out[i] = last
    return out


def _inside(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    cut = (max(0, round(x0)), max(0, round(y0)), min(width, round(x1)), min(height, round(y1)))
    if cut[2] - cut[0] < 4 or cut[3] - cut[1] < 4:
        raise ConfigError(
            f"the box {x0:g},{y0:g},{x1:g},{y1:g} lies outside the picture of {width} x {height}; "
            "give left,top,right,bottom in pixels of the video"
        )
    return cut
