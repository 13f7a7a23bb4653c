"""Parts of the flow network that know no streams: feed-forward, attention, rotation, time.

Reads:  tensors.   Makes: tensors.   Used by: network.blocks, network.model.
Statements follow the published description of MMAudio (arXiv 2412.15322); rotation is RoFormer's on
adjacent pairs, normalisation of queries and keys is by root mean square.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Complex64, Float
from torch import Tensor, nn


class ChannelConv(nn.Conv1d):
    """Convolution along time of (B, N, C), length kept."""

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, bias: bool = True, groups: int = 1
    ) -> None:
        super().__init__(n_in, n_out, kernel, padding=kernel // 2, bias=bias, groups=groups)

    def forward(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N D"]:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def token_map(n_in: int, n_out: int, kernel: int, *, bias: bool = True) -> nn.Module:
    """Linear for kernel 1, else a convolution along time."""
    if kernel == 1:
        return nn.Linear(n_in, n_out, bias=bias)
    return ChannelConv(n_in, n_out, kernel, bias=bias)


class GLU(nn.Module):
    """w2(silu(w1 x) * w3 x), without biases; ``mix`` first looks at neighbours, channel by channel."""

    def __init__(self, dim: int, inner: int, kernel: int = 1, *, depthwise: bool = False) -> None:
        super().__init__()
        self.mix = ChannelConv(dim, dim, kernel, groups=dim) if depthwise else None
        k = 1 if depthwise else kernel
        self.w1 = token_map(dim, inner, k, bias=False)
        self.w2 = token_map(inner, dim, k, bias=False)
        self.w3 = token_map(dim, inner, k, bias=False)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        if self.mix is not None:
            x = x + self.mix(x)
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last axis; eps is float32's machine epsilon."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        eps = torch.finfo(torch.float32).eps
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * self.weight


@lru_cache(maxsize=64)
def rotation(length: int, head_dim: int, scale: float = 1.0) -> Complex64[Tensor, "length half"]:
    """exp(i pos f), f = scale * 10000^(-2j/h): one rotation per position and adjacent pair."""
    pair = torch.arange(0, head_dim, 2, dtype=torch.float32)
    frequency = scale / (10000 ** (pair / head_dim))
    angle = torch.arange(length, dtype=torch.float32)[:, None] * frequency
    return torch.polar(torch.ones_like(angle), angle)


def rotate(
    x: Float[Tensor, "B H N h"], by: Complex64[Tensor, "N half"]
) -> Float[Tensor, "B H N h"]:
    """Turn adjacent pairs (2j, 2j + 1) by their angle."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * by.to(x.device)).flatten(-2).to(x)


class Attention(nn.Module):
    """Queries, keys and values of one stream; the softmax is taken over several streams together.

    The rows of ``qkv`` are ordered (head, channel, which), so that official weights load as they are.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, dim // heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.q_norm = RMSNorm(self.head_dim)
        self.k_norm = RMSNorm(self.head_dim)

    def project(
        self, x: Float[Tensor, "B N D"], by: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """q, k, v as (B, heads, N, h); q and k normalised, then rotated where ``by`` is given."""
        # Reordering the weight is cheaper than gathering every third channel of every token.
        w = self.qkv.weight.unflatten(0, (-1, 3)).transpose(0, 1).flatten(0, 1)
        b = self.qkv.bias.unflatten(0, (-1, 3)).transpose(0, 1).flatten(0, 1)
        split = F.linear(x, w, b).unflatten(-1, (3, self.heads, self.head_dim))
        q, k, v = (p.transpose(1, 2) for p in split.unbind(2))
        q, k = self.q_norm(q), self.k_norm(k)
        return (q, k, v) if by is None else (rotate(q, by), rotate(k, by), v)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Float[Tensor, "B N D"]:
    """Softmax attention with scale 1/sqrt(h); heads merged as (head, channel)."""
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class TimeEmbedding(nn.Module):
    """t in [0, 1] -> (B, 1, D): cosines then sines of t s / 10000^(2i/F), and two Linears.

    F = 256, s = 1 in MMAudio's first version; F = D, s = 10000 in the second.
    """

    def __init__(self, dim: int, features: int, scale: float) -> None:
        super().__init__()
        self.features, self.scale = features, scale
        self.mlp = nn.Sequential(nn.Linear(features, dim), nn.SiLU(), nn.Linear(dim, dim))

    def forward(self, t: Float[Tensor, " B"]) -> Float[Tensor, "B 1 D"]:
        i = torch.arange(0, self.features, 2, dtype=torch.float32, device=t.device)
        frequency = self.scale / (10000 ** (i / self.features))
        angle = t[:, None].float() * frequency
        return self.mlp(torch.cat([angle.cos(), angle.sin()], -1).to(t))[:, None]


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """LayerNorm without affine (eps 1e-5), then (1 + scale) and shift."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-5) * (1 + scale) + shift


def nearest_in_time(x: Float[Tensor, "B S D"], length: int) -> Float[Tensor, "B N D"]:
    """Repeat or drop rows so that there are ``length`` (nearest-exact, the framework's own rounding)."""
    if x.shape[1] == length:
        return x
    return F.interpolate(x.transpose(1, 2), size=length, mode="nearest-exact").transpose(1, 2)


def init_std(module: nn.Module, std: float) -> None:
    """Normal weights and zero bias for every Linear inside."""
    for m in module.modules():
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, std=std)
            nn.init.zeros_(m.bias)
