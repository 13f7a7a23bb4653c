"""From what a renderer saw to what every pixel is.

Reads:  geom ids per pixel from two passes, the role of every geom.   Makes: role images.
Used by: scene (View), tests. Pure numpy.
Segmentation ignores transparency: glass would hide the liquid. So there are two passes, the second
with see-through vessels hidden.
"""

import numpy as np
from jaxtyping import Int32, UInt8

from ..types import Role


def compose(
    with_glass: Int32[np.ndarray, "H W"],
    without_glass: Int32[np.ndarray, "H W"],
    role_of_geom: UInt8[np.ndarray, " G"],
) -> UInt8[np.ndarray, "H W"]:
    """Role image from two passes of geom ids (-1: nothing there).

    Vessels are where the first pass saw them; liquid and stream where either did, so that behind
    glass they win over the glass.
    """
    table = np.append(role_of_geom, np.uint8(Role.BACKGROUND))  # id -1 picks the last entry
    roles, behind = table[with_glass], table[without_glass]
    return np.where(behind >= Role.LIQUID, behind, roles)
