"""The ten numbers of an action: pinch-site pose and gripper; encode, decode, change of frame.

Reads:  position, rotation, gripper opening.   Makes: float32[10].
Used by: episode (commands and proprioception), policy and envs (relative actions), dataset.
Layout: x, y, z [m]; the first two ROWS of the rotation matrix, row-major (6); gripper 0 open ..
1 closed.
Six numbers for a rotation: continuous, so a network can regress it (Zhou et al., CVPR 2019).
"""

import numpy as np
from jaxtyping import Float, Float32

from ..errors import FormatError

LEAST_PLANE = 1e-3
"""Area of the parallelogram of two rotation rows (1 for a rotation) below which they name none."""
DO_NOT_TURN = np.array([1, 0, 0, 0, 1, 0], np.float32)
"""The rotation rows of the identity."""


def encode_pose(
    pos: Float[np.ndarray, "*b 3"],
    rot: Float[np.ndarray, "*b 3 3"],
    gripper: Float[np.ndarray, "*b"] | float,
) -> Float32[np.ndarray, "*b 10"]:
    """Pose [m, rotation matrix] and gripper (0 open .. 1 closed) as ten numbers; batches too."""
    pos, rot = np.asarray(pos, float), np.asarray(rot, float)
    closed = np.broadcast_to(np.asarray(gripper, float), pos.shape[:-1])[..., None]
    rows = rot[..., :2, :].reshape(*rot.shape[:-2], 6)
    return np.concatenate([pos, rows, closed], axis=-1).astype(np.float32)


def decode_pose(
    action: Float[np.ndarray, "*b 10"],
) -> tuple[Float[np.ndarray, "*b 3"], Float[np.ndarray, "*b 3 3"], Float[np.ndarray, "*b"]]:
    """Ten numbers as (position, rotation, gripper), float64; Gram-Schmidt makes the rows orthonormal.

    Whatever a network puts there, the rotation is a rotation and the gripper is in [0, 1].
    Raises FormatError for numbers that are not finite, or rows that span no plane.
    """
    a = np.asarray(action, float)
    if a.shape[-1:] != (10,) or not np.isfinite(a).all():
        raise FormatError(
            f"an action is 10 finite numbers per row, got {a.shape}: check the controller's output"
        )
    first, second = a[..., 3:6], a[..., 6:9]
    length = np.linalg.norm(first, axis=-1, keepdims=True)
    x = first / np.maximum(length, 1e-12)
    rest = second - (x * second).sum(-1, keepdims=True) * x
    width = np.linalg.norm(rest, axis=-1, keepdims=True)
    if (length < 1e-6).any() or (width < 1e-6).any():
        raise FormatError(
            "the two rotation rows of an action are zero or parallel; they must span a plane"
        )
    y = rest / width
    rot = np.stack([x, y, np.cross(x, y)], axis=-2)
    return a[..., :3], rot, np.clip(a[..., 9], 0.0, 1.0)


def proper(
    chunk: Float32[np.ndarray, "*b 10"], otherwise: Float32[np.ndarray, " 6"] = DO_NOT_TURN
) -> Float32[np.ndarray, "*b 10"]:
    """Rotation rows that span no plane, as an unlearned network may give, become ``otherwise``."""
    normal = np.cross(chunk[..., 3:6], chunk[..., 6:9])
    spanned = np.linalg.norm(normal, axis=-1, keepdims=True) > LEAST_PLANE
    rows = np.where(spanned, chunk[..., 3:9], otherwise)
    return np.concatenate([chunk[..., :3], rows, chunk[..., 9:]], -1)


def angle_rad(
    a: Float[np.ndarray, "*#b 3 3"], b: Float[np.ndarray, "*#b 3 3"]
) -> Float[np.ndarray, "*b"]:
    """Of the turn from one rotation to the other [rad]."""
    cosine = (np.einsum("...ij,...ij->...", a, b) - 1) / 2
    return np.arccos(np.clip(cosine, -1, 1))


def relative_chunk(
    eef: Float[np.ndarray, "*b 10"], actions: Float[np.ndarray, "*b K 10"]
) -> Float32[np.ndarray, "*b K 10"]:
    """World-frame actions seen from ``eef``: inv(T_now) T_k; the gripper stays absolute."""
    here, turn = _frame(eef)
    pos, rot, closed = decode_pose(actions)
    return encode_pose((pos - here) @ turn[..., 0, :, :], turn.swapaxes(-1, -2) @ rot, closed)


def absolute_chunk(
    eef: Float[np.ndarray, "*b 10"], relative: Float[np.ndarray, "*b K 10"]
) -> Float32[np.ndarray, "*b K 10"]:
    """Inverse of relative_chunk: T_now T_rel."""
    here, turn = _frame(eef)
    pos, rot, closed = decode_pose(relative)
    return encode_pose(here + pos @ turn[..., 0, :, :].swapaxes(-1, -2), turn @ rot, closed)


def _frame(eef: Float[np.ndarray, "*b 10"]) -> tuple[np.ndarray, np.ndarray]:
    """Position [*b 1 3] and rotation [*b 1 3 3] of ``eef``, ready to meet a chunk."""
    pos, rot, _ = decode_pose(eef)
    return pos[..., None, :], rot[..., None, :, :]
