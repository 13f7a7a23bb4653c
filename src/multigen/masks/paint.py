"""Role images for people: colours, and colours over the picture.

Reads:  role images, pictures.   Makes: RGB.   Used by: report, cli, episode.
"""

import numpy as np
from jaxtyping import UInt8

from ..errors import FormatError
from ..types import ROLE_COLOURS, Role

PALETTE = np.array([ROLE_COLOURS[role] for role in Role], np.uint8)
"""Row r is the RGB of Role(r)."""


def colour_roles(roles: UInt8[np.ndarray, "*batch H W"]) -> UInt8[np.ndarray, "*batch H W 3"]:
    """Every role in its colour. Raises FormatError for a value that is no role."""
    if roles.size and int(roles.max()) >= len(Role):
        raise FormatError(
            f"role image holds {int(roles.max())}, roles go from 0 to {len(Role) - 1}; is this a mask of ours?"
        )
    return PALETTE[roles]


def overlay(
    rgb: UInt8[np.ndarray, "*batch H W 3"],
    roles: UInt8[np.ndarray, "*batch H W"],
    opacity: float = 0.6,
) -> UInt8[np.ndarray, "*batch H W 3"]:
    """Vessels, liquid and stream in their colours over the picture; the rest darkened."""
    colour = colour_roles(roles).astype(np.float32)
    seen = rgb.astype(np.float32)
    chosen = (roles >= Role.SOURCE)[..., None]
    return np.where(chosen, seen + opacity * (colour - seen), 0.45 * seen).astype(np.uint8)
