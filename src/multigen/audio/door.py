"""What a generator takes, checked at its door.

Reads:  frames, role images, a rate.   Makes: errors in a sentence.   Used by: audio.generator,
mmaudio.generator.
"""

import numpy as np

from ..errors import ClockError, MediaError
from ..types import Role

ROLES = len(Role)
SHORTEST_S, LONGEST_S = 0.5, 60.0


def check_clip(frames: np.ndarray, masks: np.ndarray | None, fps: float) -> None:
    """Errors at the door of ``generate``."""
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
        raise MediaError(
            f"frames are {frames.dtype} {list(frames.shape)}; need uint8 [T, height, width, 3]"
        )
    if min(frames.shape[1:3]) < 8:
        raise MediaError(
            f"frames are {frames.shape[2]} x {frames.shape[1]} pixels; need at least 8 x 8"
        )
    if masks is not None and (
        masks.ndim != 3 or masks.dtype != np.uint8 or len(masks) != len(frames)
    ):
        raise MediaError(
            f"masks are {masks.dtype} {list(masks.shape)}; need uint8 [{len(frames)}, height, width], "
            "one role image per frame, or None"
        )
    if masks is not None and (worst := int(masks.max(initial=0))) >= ROLES:
        raise MediaError(
            f"a mask holds the value {worst}; roles are 0..{ROLES - 1}, see multigen.types.Role"
        )
    if not 5 <= fps <= 120:
        raise ClockError(f"got {fps:g} frames per second; need 5 to 120")
    if not SHORTEST_S - 1e-6 <= (seconds := len(frames) / fps) <= LONGEST_S + 1e-6:
        raise ClockError(
            f"the clip lasts {seconds:.2f} s; need {SHORTEST_S:g} to {LONGEST_S:g} s, cut or repeat it"
        )
