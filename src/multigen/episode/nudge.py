"""Nudges: an arm that does not go quite where it is told, so that the expert has something to mend.

Reads:  a scene, a seed, intended actions.   Makes: the actions the motors get instead.
Used by: episode.session (``rollout(..., nudge_m=...)``); the recorded action stays the intended one.
A policy that learns from flawless pours alone never sees its own small errors, and they add up (Ross et
al. 2011). Disturbing the demonstrator while keeping its intentions as labels shows how errors are mended
(DART, Laskey et al. 2017). The hand is pushed smoothly away and back, less where it could hurt: around
the vessel it is about to grasp, near the table, and while it pours.
"""

import numpy as np
from jaxtyping import Float32, Float64
from scipy.ndimage import gaussian_filter1d

from ..errors import ConfigError
from ..types import Clock, SceneConfig
from ..types.pose import decode_pose, encode_pose
from .path import ease, grasp_height_m, turn_about

LARGEST_M = 0.03
"""A standard deviation beyond it would push the hand as far as a cup is wide."""
SMOOTH_S = 0.5
"""Standard deviation of the smoothing in time: a push comes and goes within about two seconds."""
TURN_RAD_PER_M = 3.0
"""Rotation that goes with a push: 2 degrees with 12 mm."""
DOWNWARD = 0.4
"""Pushes down are this much of pushes up: rims, the table and the liquid are below."""
POURING = 0.5
"""Share of the pushes left while the vessel is tilted."""
SAFE_M, FREE_M = 0.05, 0.15
"""Distance of the open hand from its grasp below which it is left alone, above which it is not."""
LIFT_M = 0.06
"""Height of the grasped vessel above the table from which pushes have their full size."""
TILTED_RAD = 0.15
"""Tilt from which a vessel counts as pouring."""


def check_nudge(size_m: float) -> None:
    """Raise ConfigError for a size no hand can bear."""
    if not 0 <= size_m <= LARGEST_M:
        raise ConfigError(
            f"nudges of {1e3 * size_m:g} mm: give a size between 0 (none) and {1e3 * LARGEST_M:g} mm"
        )


class Nudges:
    """One episode's pushes. Deterministic: a function of (seed, frame, intended action)."""

    def __init__(
        self, scene: SceneConfig, clock: Clock, frames: int, *, size_m: float, seed: int
    ) -> None:
        """``size_m``: standard deviation of a push along each axis where nothing restrains it.

        Raises ConfigError for one outside 0 to LARGEST_M.
        """
        check_nudge(size_m)
        self._grasp = np.array([*scene.source_xy_m, grasp_height_m(scene)])
        rng = np.random.default_rng(np.random.SeedSequence([seed, frames]))
        raw = gaussian_filter1d(
            rng.normal(size=(frames, 6)), SMOOTH_S * clock.control_hz, axis=0, mode="wrap"
        )
        self._push: Float64[np.ndarray, "F 6"] = size_m * raw / raw.std(0)
        self._level: np.ndarray | None = None
        """The vessel's axis in the hand, from when it was grasped."""

    def __call__(
        self, frame: int, intended: Float32[np.ndarray, " 10"]
    ) -> Float32[np.ndarray, " 10"]:
        """What the motors are told at ``frame`` instead of ``intended``."""
        position, rotation, closed = decode_pose(intended)
        share = self._share(position, rotation, float(closed))
        push = share * self._push[frame % len(self._push)]
        push[2] *= DOWNWARD if push[2] < 0 else 1.0
        turned = TURN_RAD_PER_M * push[3:]
        angle = float(np.linalg.norm(turned))
        if angle > 1e-9:
            rotation = turn_about(turned / angle, angle) @ rotation
        return encode_pose(position + push[:3], rotation, closed)

    def _share(self, position: np.ndarray, rotation: np.ndarray, closed: float) -> float:
        """Between 0 and 1: how much of a push this moment can bear."""
        if closed < 1:
            self._level = rotation.T @ [0.0, 0.0, 1.0]
            if closed > 0:
                return 0.0
            away = float(np.linalg.norm(position - self._grasp))
            return float(ease(np.array((away - SAFE_M) / (FREE_M - SAFE_M))))
        lifted = float(ease(np.array((position[2] - self._grasp[2]) / LIFT_M)))
        upright = 1.0 if self._level is None else float((rotation @ self._level)[2])
        return lifted * (POURING if upright < np.cos(TILTED_RAD) else 1.0)
