"""Layers that keep the magnitude of what passes: no biases, no learned norms.

Reads:  (B, C, L) tensors.   Makes: (B, C, L) tensors.   Used by: mmaudio.vae.
Equations: Karras et al., Analyzing and Improving the Training Dynamics of Diffusion Models
(EDM2, arXiv 2312.02696), in one dimension. The stored weight is raw; what convolves is
W / (eps + |W_row| / sqrt(fan)) / sqrt(fan). That is one factor per output channel, so it is applied
to the output: the raw weight stays as it was loaded and nothing is kept twice.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

EPS = 1e-4
_SILU_RMS = 0.596
"""Root mean square of silu(x) for standard normal x."""
_BRANCH = 0.3
"""Weight of the branch in a residual sum."""


def pixel_norm(x: Float[Tensor, "B C *L"]) -> Float[Tensor, "B C *L"]:
    """Unit root mean square over the channels (axis 1)."""
    return x / (EPS + x.square().mean(1, keepdim=True).sqrt())


def act(x: Tensor) -> Tensor:
    """SiLU, scaled to keep unit magnitude."""
    return F.silu(x) / _SILU_RMS


def mix(x: Tensor, branch: Tensor) -> Tensor:
    """Residual sum of uncorrelated parts, magnitude kept."""
    return ((1 - _BRANCH) * x + _BRANCH * branch) / ((1 - _BRANCH) ** 2 + _BRANCH**2) ** 0.5


class MagnitudeConv(nn.Module):
    """Convolution with rows normalised on use; length kept. Key: ``weight``, as stored."""

    def __init__(self, n_in: int, n_out: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel))

    def forward(
        self, x: Float[Tensor, "B C L"], gain: Tensor | float = 1.0
    ) -> Float[Tensor, "B D L"]:
        root_fan = self.weight[0].numel() ** 0.5
        norm = torch.linalg.vector_norm(self.weight, dim=(1, 2))
        scale = gain / (EPS + norm / root_fan) / root_fan
        return F.conv1d(x, self.weight, padding=self.weight.shape[2] // 2) * scale[:, None]


class ResidualBlock(nn.Module):
    """pixel_norm first, for both paths; two k3 convolutions beside a (1x1 where the width changes) skip."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = MagnitudeConv(n_in, n_out, 3)
        self.conv2 = MagnitudeConv(n_out, n_out, 3)
        self.nin_shortcut = MagnitudeConv(n_in, n_out, 1) if n_in != n_out else None

    def forward(self, x: Float[Tensor, "B C L"]) -> Float[Tensor, "B D L"]:
        x = pixel_norm(x)
        h = self.conv2(act(self.conv1(act(x))))
        return mix(x if self.nin_shortcut is None else self.nin_shortcut(x), h)


class AttentionBlock(nn.Module):
    """One head over time; rows of ``qkv`` are ordered (channel, which); q, k and v normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = MagnitudeConv(width, 3 * width, 1)
        self.proj_out = MagnitudeConv(width, width, 1)

    def forward(self, x: Float[Tensor, "B C L"]) -> Float[Tensor, "B C L"]:
        split = pixel_norm(self.qkv(x).unflatten(1, (-1, 3)))  # (B, C, 3, L): over C, one by one
        q, k, v = (p.transpose(1, 2)[:, None] for p in split.unbind(2))
        h = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2)
        return mix(x, self.proj_out(h))
