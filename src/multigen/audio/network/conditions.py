"""What a clip says to the flow network, projected once.

Reads:  projected streams.   Makes: Conditions.   Used by: network.model, network.fast.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Conditions:
    """Everything that does not depend on t: computed once per clip."""

    clip: Float[Tensor, "B T D"]
    sync: Float[Tensor, "B N D"]
    text: Float[Tensor, "B L D"] | None
    pooled: Float[Tensor, "B 1 D"]
    """Global vector before the time embedding."""
    masks: Float[Tensor, "B T E"] | None = None
    valid: Bool[Tensor, " B"] | None = None

    def join(self, other: "Conditions") -> "Conditions":
        """Both along the batch; a side without masks becomes not valid."""
        masks, valid = None, None
        if self.masks is not None:
            empty = torch.zeros_like(self.masks)
            masks = torch.cat([self.masks, empty if other.masks is None else other.masks])
            ones = torch.ones(len(empty), dtype=torch.bool, device=empty.device)
            mine = ones if self.valid is None else self.valid
            theirs = ~ones if other.masks is None else ones if other.valid is None else other.valid
            valid = torch.cat([mine, theirs])
        text = (
            None if self.text is None or other.text is None else torch.cat([self.text, other.text])
        )
        both = [
            torch.cat([getattr(self, k), getattr(other, k)]) for k in ("clip", "sync", "pooled")
        ]
        return Conditions(both[0], both[1], text, both[2], masks, valid)
