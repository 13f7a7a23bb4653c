"""From the pose of a held vessel to what the liquid needs to know of it: tilt, lip, direction.

Reads:  Vessel, position [m] and rotation of its frame (base centre, z along its axis).
Makes:  LipPose.   Used by: episode (every liquid step), tests.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..types import Vessel


class LipPose(NamedTuple):
    """In the order HydraulicPour.step takes them."""

    tilt_rad: float
    """Between the vessel's axis and the vertical, 0 .. pi."""
    lip_m: Float[np.ndarray, "3"]
    """Lowest point of the mouth's inner edge, world frame."""
    out_xy: Float[np.ndarray, "2"]
    """Horizontal unit vector along the vessel's axis: where the liquid goes, also past 90 degrees."""


def lip_pose(
    vessel: Vessel, position_m: Float[np.ndarray, "3"], rotation: Float[np.ndarray, "3 3"]
) -> LipPose:
    """Tilt, lip and pouring direction of a vessel with its base at ``position_m``.

    The lowest point of the mouth lies at ``centre - r (up - (up . a) a) / sin(tilt)``, a the axis.
    The direction is the axis' horizontal part, not the lip's: the lip's side flips at 90 degrees.
    An upright vessel has no direction: +x then. One with a lid is taken to be tilted towards its hole.
    """
    axis = np.asarray(rotation, float)[:, 2]
    sine = float(np.hypot(axis[0], axis[1]))
    tilt = float(np.arctan2(sine, axis[2]))
    out = axis[:2] / sine if sine > 1e-9 else np.array([1.0, 0.0])
    down = np.array([out[0] * axis[2], out[1] * axis[2], -sine])
    centre = np.asarray(position_m, float) + vessel.height_m * axis
    return LipPose(tilt, centre + vessel.rim_radius_m * down, out)
