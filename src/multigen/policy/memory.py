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

from ..types.pose import decode_pose

CARRIED = 0.1
"""Of a measured gripper that has closed around something."""
_DM = 10.0


class Memory:
    """Of one episode. Medians since the gripper closed; before that, what is said now."""

    def __init__(self) -> None:
        self._places: list[np.ndarray] = []
        self._sizes: list[np.ndarray] = []
        self._hand = (np.zeros(3), np.eye(3))
        self._carries = False

    def arrive(self, eef: Float32[np.ndarray, " 10"]) -> None:
        """A new decision, the hand being at ``eef``."""
        position, rotation, closed = decode_pose(eef)
        self._hand = (np.asarray(position, float), np.asarray(rotation, float))
        self._carries = self._carries or float(closed) > CARRIED

    def places(self, said: Float[Tensor, "1 6"]) -> Float[Tensor, "1 6"]:
        """Places in the hand's frame [dm], as said now -> as said so far."""
        if not self._carries:
            return said
        at, turned = self._hand
        now = said[0].double().cpu().numpy().reshape(2, 3) / _DM
        self._places.append(at + now @ turned.T)
        known = (np.median(self._places, 0) - at) @ turned
        return torch.from_numpy(_DM * known.reshape(1, -1)).to(said)

    def sizes(self, said: Float[Tensor, "1 2"]) -> Float[Tensor, "1 2"]:
        """Logarithms of sizes, as said now -> as said so far."""
        if not self._carries:
            return said
        self._sizes.append(said[0].cpu().numpy())
        return torch.from_numpy(np.median(self._sizes, 0)[None]).to(said)
