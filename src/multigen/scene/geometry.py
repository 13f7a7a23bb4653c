"""Where a tilted vessel pours, in the world frame.

Reads:  a Vessel and its pose.   Makes: points, directions, angles.
Used by: episode (planning, tracing the path), scene tests.
"""

import numpy as np
from jaxtyping import Float

from ..types import Vessel


def tilt_of(rot: Float[np.ndarray, "3 3"]) -> float:
    """Angle between the vessel's axis and the vertical [rad], 0 upright .. pi."""
    return float(np.arctan2(np.hypot(rot[0, 2], rot[1, 2]), rot[2, 2]))


def pour_direction(rot: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 2"]:
    """Horizontal unit vector the stream leaves along: the horizontal part of the vessel's axis.

    Not the radial direction to the low side of the lip, which changes sign past 90 degrees of tilt
    and would drop the stream on the wrong side. (0, 0) for an upright vessel.
    """
    out = np.array([rot[0, 2], rot[1, 2]], float)
    length = float(np.hypot(*out))
    return out / length if length > 1e-9 else np.zeros(2)


def lip_point(
    vessel: Vessel, pos: Float[np.ndarray, " 3"], rot: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, " 3"]:
    """Lowest point of the opening's inner edge [m], world frame; upright: the opening's +x side."""
    low = _low_side(rot)
    rim = low * vessel.opening_radius_m + np.array([vessel.mouth_offset_m, 0.0, vessel.height_m])
    return np.asarray(pos, float) + rot @ rim


def sill_rise_m(vessel: Vessel, rot: Float[np.ndarray, "3 3"]) -> float:
    """How much higher the lip hangs than if the vessel were tilted towards the hole in its lid [m].

    0 without a lid, and for a tilt straight towards the hole; up to twice the hole's offset.
    """
    away = 1.0 - float(_low_side(rot)[0])
    return vessel.mouth_offset_m * away * float(np.hypot(rot[2, 0], rot[2, 1]))


def _low_side(rot: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 3"]:
    """Unit vector in the plane of the rim, vessel's frame, that points most downwards."""
    up = rot[2]  # world-up in the vessel's frame
    length = float(np.hypot(up[0], up[1]))
    if length <= 1e-9:
        return np.array([1.0, 0.0, 0.0])
    return -np.array([up[0], up[1], 0.0]) / length
