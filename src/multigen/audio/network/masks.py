"""The paper's segmentation pathway: masks to one vector a frame, gated into the global condition.

Reads:  role masks at the instants of the appearance features.   Makes: fused conditioning.
Used by: network.model. Source: the paper's appendix B.1 and code block 1; where the paper is silent
(strides, gate start, behaviour without masks) see docs/.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .config import MaskConfig


class SegmentationEncoder(nn.Module):
    """Two 3x3 convolutions (stride 2) with ReLU, mean over the picture, projection."""

    def __init__(self, config: MaskConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(len(config.classes), config.widths[0], 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(config.widths[0], config.widths[1], 3, stride=2, padding=1)
        self.proj = nn.Linear(config.widths[1], config.embed)

    def forward(self, masks: Float[Tensor, "B T C H W"]) -> Float[Tensor, "B T E"]:
        x = F.relu(self.conv2(F.relu(self.conv1(masks.flatten(0, 1)))))
        return self.proj(x.mean((2, 3))).unflatten(0, masks.shape[:2])


class SegmentationFusion(nn.Module):
    """alpha = sigmoid(gate([c_g, s])); alpha s + (1 - alpha) c_g, frame by frame."""

    def __init__(self, config: MaskConfig, dim: int) -> None:
        super().__init__()
        self.in_proj = nn.Sequential(nn.SiLU(), nn.Linear(config.embed, dim))
        self.gate = nn.Linear(2 * dim, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, config.gate_bias)

    def forward(
        self, c_g: Float[Tensor, "B 1 D"], s: Float[Tensor, "B T E"]
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T 1"]]:
        """The fused vector of every frame, and how far its gate is open."""
        s = self.in_proj(s)
        c = c_g.expand(-1, s.shape[1], -1)
        alpha = torch.sigmoid(self.gate(torch.cat([c, s], -1)))
        return alpha * s + (1 - alpha) * c, alpha
