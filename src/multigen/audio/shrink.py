"""Frames and role images at the size a sound model looks at.

Comes in:  frames uint8 [F, H, W, 3] and role images uint8 [F, H, W] of any size and rate.
Goes out:  frames uint8 [F, S, S, 3]; role coverage, the share of each pixel that each of the seven
           roles fills, as uint8 [F, 7, S, S] with 255 = all of it, or packed for the disk.
Used by:   cache (training) and the generator (inference): the same code, so both see the same.

The whole frame is squeezed to a square by area averaging, aspect ratio not kept (as MMAudio does
for CLIP): nothing is cropped away, and a stream thinner than a pixel keeps its fractional coverage.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, UInt8

from ..errors import MediaError
from ..types import Role

ROLES = len(Role)
LEVELS = 12
"""Coverage steps on disk: halves, thirds and quarters of a pixel are exact."""
_UNPACK = np.array([n * 255 // LEVELS for n in range(LEVELS + 1)] + [255] * 3, np.uint8)


@lru_cache(maxsize=16)
def area_weights(source: int, target: int) -> Float32[np.ndarray, "target source"]:
    """Row t: how much of each source pixel falls into target pixel t; rows sum to 1."""
    edges = np.arange(target + 1) * source / target
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(source)
    overlap = np.minimum(high, pixel + 1) - np.maximum(low, pixel)
    return (np.maximum(overlap, 0) * target / source).astype(np.float32)


def shrink_frames(
    frames: UInt8[np.ndarray, "F H W 3"], size: int
) -> UInt8[np.ndarray, "F size size 3"]:
    """Area average to size x size; a smaller source is repeated."""
    count, height, width, _ = frames.shape
    if height == width == size:
        return frames
    fy, fx = height // size, width // size
    if fy * size == height and fx * size == width:
        cells = frames.reshape(count, size, fy, size, fx, 3)
        total = np.zeros((count, size, size, 3), np.uint32)
        for y in range(fy):
            for x in range(fx):
                total += cells[:, :, y, :, x]
        return ((total + fy * fx // 2) // (fy * fx)).astype(np.uint8)
    down, across = area_weights(height, size), area_weights(width, size)
    small = np.empty((count, size, size, 3), np.uint8)
    for frame, out in zip(frames, small, strict=True):
        rows = down @ frame.reshape(height, -1).astype(np.float32)
        square = across @ rows.reshape(size, width, 3)
        out[:] = (square + 0.5).astype(np.uint8)
    return small


def pack_roles(roles: UInt8[np.ndarray, "F H W"], size: int) -> UInt8[np.ndarray, "F 3 size size"]:
    """Coverage of roles 1..6 in twelfths, two roles per byte (low nibble: the odd one).

    Background is what the six leave over. 12 kB per 64 x 64 frame instead of 28. Raises MediaError
    for a value that is no role.
    """
    if roles.size and int(roles.max()) >= ROLES:
        raise MediaError(
            f"a role image holds the value {int(roles.max())}; roles are 0..{ROLES - 1} "
            f"({', '.join(r.name.lower() for r in Role)})"
        )
    count, height, width = roles.shape
    packed = np.zeros((count, 3, size, size), np.uint8)
    for role in range(1, ROLES):
        level = _coverage(roles == role, height, width, size)
        packed[:, (role - 1) // 2] |= level << (4 * ((role - 1) % 2))
    return packed


def _coverage(
    inside: np.ndarray, height: int, width: int, size: int
) -> UInt8[np.ndarray, "F size size"]:
    """Share of each target pixel, in twelfths, rounded."""
    fy, fx = height // size, width // size
    if fy * size == height and fx * size == width and fy * fx * LEVELS < 2**16:
        cells = inside.view(np.uint8).reshape(len(inside), size, fy, size, fx)
        total = np.zeros((len(inside), size, size), np.uint16)
        for y in range(fy):
            for x in range(fx):
                total += cells[:, :, y, :, x]
        if LEVELS % (fy * fx) == 0:
            return total.astype(np.uint8) * np.uint8(LEVELS // (fy * fx))
        return ((total * np.uint16(LEVELS) + fy * fx // 2) // (fy * fx)).astype(np.uint8)
    down, across = area_weights(height, size), area_weights(width, size)
    share = (down @ inside.astype(np.float32)) @ across.T
    return (share * LEVELS + 0.5).astype(np.uint8)


def unpack_roles(
    packed: UInt8[np.ndarray, "F 3 size size"],
) -> UInt8[np.ndarray, "F 7 size size"]:
    """Coverage per role, 0..255, in the order of ``Role``; the seven sum to 255 within 6."""
    count, _, height, width = packed.shape
    out = np.empty((count, ROLES, height, width), np.uint8)
    out[:, 1::2] = _UNPACK[packed & 15]
    out[:, 2::2] = _UNPACK[packed >> 4]
    rest = 255 - out[:, 1:].sum(1, dtype=np.int16)
    # Truncated twelfths leave up to 3/255 over where no background is.
    out[:, 0] = np.where(rest <= 3, 0, rest)
    return out


def role_coverage(
    roles: UInt8[np.ndarray, "F H W"], size: int
) -> UInt8[np.ndarray, "F 7 size size"]:
    """What training saw of these role images: packed and unpacked."""
    return unpack_roles(pack_roles(roles, size))


def resample_frames(count: int, fps: float, target_fps: float = 25.0) -> np.ndarray:
    """Indices of the source frames shown at 0, 1/target, 2/target ... s: the last one begun.

    int64 [floor(count * target / fps)], at least one.
    """
    frames = max(1, int(count * target_fps / fps + 1e-6))
    index = np.floor(np.arange(frames) * fps / target_fps + 1e-6).astype(np.int64)
    return np.minimum(index, count - 1)
