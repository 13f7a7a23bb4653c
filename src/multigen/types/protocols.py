"""The guests of the loop that steps physics: who decides, who hears, and who may see the truth.

Reads:  Observation, Clip, PourTrace.   Makes: protocols only.
Used by: episode.rollout (receives them); policy, audio, episode.expert (implement them).
This is why data can run in a circle while imports do not.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from .clip import Clip
from .scene import SceneConfig
from .trace import PourTrace


@dataclass(frozen=True)
class Observation:
    """What a policy may know at one decision; never a label.

    Before the start, frames and states repeat the first one and sound is zero.
    """

    time_s: float
    command: float
    """Fraction of the initial volume asked for, in (0, 1]."""
    ego: UInt8[np.ndarray, "history H W 3"]
    """The two newest ego frames, oldest first."""
    state: Float32[np.ndarray, "history 7"]
    """Joint angles, rad."""
    eef: Float32[np.ndarray, "history 10"]
    """Pinch-site pose and gripper, encoded like an action (see Controller.act)."""
    sound: Float32[np.ndarray, " N"]
    """Everything heard since the start, 16 kHz, in [-1, 1]; zeros for the deaf. As long as ``time_s``, or
    shorter by what a late microphone has not delivered."""


@runtime_checkable
class Controller(Protocol):
    """Decides. Implemented by episode.expert and policy."""

    def reset(self, scene: SceneConfig, seed: int) -> None:
        """A new episode begins. Only the expert may read more of ``scene`` than its command."""
        ...

    def act(self, seen: Observation) -> Float32[np.ndarray, "K 10"] | None:
        """The next K >= 1 commands at control_hz, or None when the episode is over.

        A command is the pinch site's target pose in the world frame and the gripper:
        x, y, z [m]; the first two ROWS of the rotation matrix, row-major (6); gripper 0 open .. 1 closed.
        Row k is commanded at t + k / control_hz and takes effect in the interval that follows.
        """
        ...


@runtime_checkable
class Teacher(Controller, Protocol):
    """A Controller that is shown the ledger: for demonstrations and bars, never a policy.

    The privilege is this one method: an Observation holds no label, so who lacks it sees none.
    """

    def watch(self, trace: PourTrace) -> None:
        """Everything until now, before each ``act``; empty at the first."""
        ...


@runtime_checkable
class Ears(Protocol):
    """Hears. Implemented by audio (learned generator, acoustics) and episode (deaf)."""

    def reset(self, scene: SceneConfig, seed: int) -> None:
        """A new episode begins."""
        ...

    def hear(self, seen: Clip, trace: PourTrace) -> Float32[np.ndarray, " N"]:
        """Sound from the start until now: len(seen) * samples_per_front_frame samples.

        Causal: what was returned before stays as it was. A learned generator uses ``seen`` alone;
        acoustics, standing in for the world's own sound, uses ``trace`` alone.
        """
        ...
