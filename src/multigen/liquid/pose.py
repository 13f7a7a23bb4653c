"""From the pose of a held vessel to what the liquid needs to know of it: tilt, lip, direction.

Reads:  Vessel, position [m] and rotation of its frame (base centre, z along its axis).
Makes:  LipPose.   Used by: episode (every liquid step), tests.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..types import Vessel

VesselPose = tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]
"""Position [m] of the middle of a vessel's base and rotation of its frame (z along its axis)."""


class LipPose(NamedTuple):
    """What HydraulicPour.step takes of the source."""

    tilt_rad: float
    """Between the vessel's axis and the vertical, 0 .. pi."""
    lip_m: Float[np.ndarray, "3"]
    """Lowest point of the opening's inner edge, world frame."""
    out_xy: Float[np.ndarray, "2"]
    """Horizontal unit vector along the vessel's axis: where the liquid goes, also past 90 degrees."""
    sill_rise_m: float
    """How much higher the lip hangs than if the vessel were tilted towards the hole in its lid: 0
    without a lid, up to twice the hole's offset."""


def lip_pose(
    vessel: Vessel, position_m: Float[np.ndarray, "3"], rotation: Float[np.ndarray, "3 3"]
) -> LipPose:
    """Tilt, lip and pouring direction of a vessel with its base at ``position_m``.

    The lip is the lowest point of the opening's inner edge; the opening may be a hole beside the axis
    (Vessel.mouth_offset_m along its x). The direction is the axis' horizontal part, not the lip's:
    the lip's side flips at 90 degrees. An upright vessel has no direction: +x then.
    """
    rot = np.asarray(rotation, float)
    sine = float(np.hypot(rot[0, 2], rot[1, 2]))
    out = rot[:2, 2] / sine if sine > 1e-9 else np.array([1.0, 0.0])
    up = rot[2]  # world-up in the vessel's frame
    lean = float(np.hypot(up[0], up[1]))
    low = -up[:2] / lean if lean > 1e-9 else np.array([1.0, 0.0])
    rim = np.array([vessel.mouth_offset_m, 0.0, vessel.height_m])
    rim[:2] += vessel.opening_radius_m * low
    return LipPose(
        tilt_rad=float(np.arctan2(sine, rot[2, 2])),
        lip_m=np.asarray(position_m, float) + rot @ rim,
        out_xy=out,
        sill_rise_m=float(vessel.mouth_offset_m * (1.0 - low[0]) * lean),
    )
