"""What a policy has already seen of this episode: where things are, and how large, does not change.

Reads:  what the eyes say at each decision, the hand's pose.   Makes: what they have said so far, in one.
Used by: policy.controller. Training has no memory: every decision is one picture pair there.

Why: close to a place eyes learn that it is where the hand is, since demonstrations' hands are where they
should be. A hand that has come down 3 cm too low is then told that this is the place, and follows its own
error down until the vessel strikes the rim. What was said on the way there knows better.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from ..types.pose import angle_rad, decode_pose
from .impression import DM
from .measures import sizes_said

CARRIED = 0.1
"""Of a measured gripper that has closed around something."""
STILL_FOR, STILL_M, STILL_RAD, STILL_GRIP = 4, 0.004, 0.04, 0.02
"""Decisions between which a hand has moved, turned and closed no further, if it stands still."""


class Memory:
    """Of one episode. Medians since the gripper closed; before that, what is said now.

    ``looks``: of so many newest looks alone; 0 of all.
    """

    def __init__(self, looks: int = 0) -> None:
        self._looks = looks
        self._places: list[np.ndarray] = []
        self._sizes: list[np.ndarray] = []
        self._hand = (np.zeros(3), np.eye(3))
        self._carries = False
        self._grasped_at = np.zeros(3)
        self._hands: list[np.ndarray] = []

    def arrive(self, eef: Float32[np.ndarray, " 10"]) -> None:
        """A new decision, the hand being at ``eef``."""
        position, rotation, closed = decode_pose(eef)
        self._hand = (np.asarray(position, float), np.asarray(rotation, float))
        if not self._carries and float(closed) > CARRIED:
            self._carries, self._grasped_at = True, self._hand[0]
        self._hands = [*self._hands, np.asarray(eef)][-STILL_FOR:]

    @property
    def stands_still(self) -> bool:
        """Whether the hand is where it was at the last decisions."""
        if len(self._hands) < STILL_FOR:
            return False
        position, rotation, closed = decode_pose(np.stack(self._hands))
        moved = np.linalg.norm(position - position[-1], axis=-1).max()
        turned = angle_rad(rotation, rotation[-1]).max()
        return bool(moved < STILL_M and turned < STILL_RAD and np.ptp(closed) < STILL_GRIP)

    def places(self, said: Float[Tensor, "1 9"]) -> Float[Tensor, "1 9"]:
        """Places in the hand's frame [dm], as said now -> as said so far."""
        if not self._carries:
            return said
        at, turned = self._hand
        now = said[0].double().cpu().numpy().reshape(-1, 3) / DM
        self._places.append(at + now @ turned.T)
        known = self._middle(self._places)
        known[0] = self._grasped_at  # whatever eyes say: it holds what it has grasped
        known = (known - at) @ turned
        return torch.from_numpy(DM * known.reshape(1, -1)).to(said)

    def sizes(self, said: Float[Tensor, "1 2"]) -> Float[Tensor, "1 2"]:
        """Logarithms of sizes, as said now -> as said so far."""
        if not self._carries:
            return said
        self._sizes.append(said[0].cpu().numpy())
        return torch.from_numpy(self._middle(self._sizes)[None]).to(said)

    @property
    def depth_m(self) -> float | None:
        """Of the receiver, as said so far."""
        if not self._sizes:
            return None
        said = torch.from_numpy(self._middle(self._sizes)).double()
        return float(sizes_said(said)[1])

    def _middle(self, said: list[np.ndarray]) -> np.ndarray:
        return np.median(said[-self._looks :], 0)
