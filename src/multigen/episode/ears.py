"""Ears that hear nothing: silence of the right length, so every controller runs in the same loop.

Reads:  Clip.   Makes: zeros.   Used by: episode.rollout (default), benchmark, pipeline.
"""

import numpy as np
from jaxtyping import Float32

from ..types import Clip, Clock, PourTrace, SceneConfig


class Deaf:
    """The Ears of a policy without sound."""

    def reset(self, scene: SceneConfig, seed: int) -> None:
        """Nothing to forget."""

    def hear(self, seen: Clip, trace: PourTrace) -> Float32[np.ndarray, " N"]:
        """Silence, len(seen) * samples_per_front_frame samples."""
        return np.zeros(len(seen) * Clock().samples_per_front_frame, np.float32)
