"""Role images as network input: how much of each cell every role covers.

Reads:  role images.   Makes: one-hot areas.   Used by: audio (mask channels), dataset.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from ..errors import FormatError
from ..types import Role


def one_hot_area(
    roles: UInt8[np.ndarray, "F H W"], size: int
) -> Float32[np.ndarray, "F 7 size size"]:
    """Share of every cell of a size x size grid covered by each role, in [0, 1].

    Exact area average for any H, W >= 1: a pixel that straddles cells counts by its overlap. Channels
    sum to one. Raises FormatError for a value that is no role.
    """
    if roles.ndim != 3:
        raise FormatError(
            f"role images have shape {roles.shape}, need [F, H, W]; add the frame axis"
        )
    if roles.size and int(roles.max()) >= len(Role):
        raise FormatError(
            f"role image holds {int(roles.max())}, roles go from 0 to {len(Role) - 1}; is this a mask of ours?"
        )
    _, h, w = roles.shape
    rows, columns = _overlap(h, size), _overlap(w, size)
    out = np.empty((len(roles), len(Role), size, size), np.float32)
    for role in Role:
        here = (roles == role).astype(np.float32)
        out[:, role] = rows @ here @ columns.T
    return out


def one_hot_bytes(
    roles: UInt8[np.ndarray, "F H W"], size: int
) -> UInt8[np.ndarray, "F 7 size size"]:
    """one_hot_area in 255ths, for storage: a quarter of the room."""
    return np.rint(one_hot_area(roles, size) * 255).astype(np.uint8)


def _overlap(pixels: int, cells: int) -> Float32[np.ndarray, "cells pixels"]:
    """Share of each cell that each pixel covers, along one axis; rows sum to one."""
    edge = np.arange(cells + 1) * pixels / cells
    pixel = np.arange(pixels)
    cover = np.minimum(edge[1:, None], pixel + 1) - np.maximum(edge[:-1, None], pixel)
    return (np.clip(cover, 0, None) * cells / pixels).astype(np.float32)
