"""What a pixel is: the same seven roles in simulation and in real video.

Reads:  nothing.   Makes: Role.   Used by: masks, scene, audio (mask channels), report.
"""

from enum import IntEnum


class Role(IntEnum):
    """The value of a pixel in a role image (uint8)."""

    BACKGROUND = 0
    TABLE = 1
    ROBOT = 2
    SOURCE = 3
    RECEIVER = 4
    LIQUID = 5
    STREAM = 6


ROLE_COLOURS: dict[Role, tuple[int, int, int]] = {
    Role.BACKGROUND: (40, 42, 48),
    Role.TABLE: (110, 88, 70),
    Role.ROBOT: (150, 152, 160),
    Role.SOURCE: (90, 140, 220),
    Role.RECEIVER: (80, 190, 120),
    Role.LIQUID: (255, 190, 40),
    Role.STREAM: (255, 60, 160),
}
"""RGB used by every picture of masks."""
