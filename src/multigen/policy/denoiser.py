"""The denoiser: a noisy chunk of actions, a diffusion step and a condition -> what the noise was.

Reads:  chunk [B K A], step [B], condition [B C].   Makes: [B K A].   Used by: policy.policy.
Three of one contract: a perceptron over the whole chunk (by far the cheapest on a CPU), a
transformer (DiT), and the 1-d U-Net of Diffusion Policy (Chi et al. 2023), which the paper's size uses.
"""

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from .config import ACTION_DIM, PolicyConfig

Chunk = Float[Tensor, "B K A"]


class StepEmbedding(nn.Module):
    """Diffusion step -> sines and cosines -> a small perceptron."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.Mish(), nn.Linear(hidden, width))

    def forward(self, step: Tensor) -> Tensor:
        half = self.width // 2
        rates = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half, device=step.device))
        phase = step[:, None].float() * rates
        return self.mlp(torch.cat([phase.sin(), phase.cos()], -1))


class DitBlock(nn.Module):
    """Attention and perceptron, each shifted, scaled and gated by the condition (adaLN-Zero)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulate(c)[:, None].chunk(6, -1)
        x = x + gate1 * self.attend(F.layer_norm(x, x.shape[-1:]) * (1 + scale1) + shift1)
        return x + gate2 * self.mlp(F.layer_norm(x, x.shape[-1:]) * (1 + scale2) + shift2)

    def attend(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.merge(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class DitDenoiser(nn.Module):
    """A transformer over the K actions (Peebles and Xie 2023)."""

    def __init__(self, condition: int, config: PolicyConfig) -> None:
        super().__init__()
        width = config.denoiser_widths[-1]
        self.into, self.out = nn.Linear(ACTION_DIM, width), nn.Linear(width, ACTION_DIM)
        self.place = nn.Parameter(0.02 * torch.randn(1, config.horizon, width))
        self.step = StepEmbedding(width, width)
        self.condition = nn.Sequential(
            nn.Linear(condition, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.blocks = nn.ModuleList(
            DitBlock(width, config.denoiser_heads) for _ in range(config.denoiser_layers)
        )
        self.last = nn.Linear(width, 2 * width)
        for layer in (self.last, self.out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Chunk, step: Tensor, condition: Tensor) -> Chunk:
        c = F.silu(self.step(step) + self.condition(condition))
        x = self.into(x) + self.place
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.last(c)[:, None].chunk(2, -1)
        return self.out(F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift)


class MlpBlock(nn.Module):
    """A residual perceptron, shifted, scaled and gated by the condition (adaLN-Zero)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )
        self.modulate = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift, scale, gate = self.modulate(c).chunk(3, -1)
        return x + gate * self.mlp(F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift)


class MlpDenoiser(nn.Module):
    """Residual perceptrons over the flattened chunk: sixteen actions are few enough to be one vector."""

    def __init__(self, condition: int, config: PolicyConfig) -> None:
        super().__init__()
        self.config = config
        width, numbers = config.denoiser_widths[-1], config.horizon * ACTION_DIM
        self.into = nn.Linear(numbers, width)
        self.step = StepEmbedding(width, width)
        self.condition = nn.Sequential(
            nn.Linear(condition, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.blocks = nn.ModuleList(MlpBlock(width) for _ in range(config.denoiser_layers))
        self.out = nn.Linear(2 * width, numbers)
        if config.denoiser_skip:
            self.skip = nn.Linear(condition, numbers, bias=False)
            nn.init.zeros_(self.skip.weight)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Chunk, step: Tensor, condition: Tensor) -> Chunk:
        known = self.condition(condition)
        c = F.silu(self.step(step) + known)
        y = self.into(x.flatten(1)) + known
        for block in self.blocks:
            y = block(y, c)
        made = self.out(torch.cat([F.layer_norm(y, y.shape[-1:]), c], -1))
        if self.config.denoiser_skip:
            made = made + self.skip(condition)
        return made.view_as(x)


def conv_block(a: int, b: int, kernel: int = 5) -> nn.Sequential:
    conv = nn.Conv1d(a, b, kernel, padding=kernel // 2)
    return nn.Sequential(conv, nn.GroupNorm(8, b), nn.Mish())


class FilmBlock(nn.Module):
    """Two convolutions along the chunk; the condition scales and shifts between them."""

    def __init__(self, a: int, b: int, condition: int) -> None:
        super().__init__()
        self.first, self.second = conv_block(a, b), conv_block(b, b)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * b))
        self.skip = nn.Conv1d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        scale, shift = self.film(c)[..., None].chunk(2, 1)
        return self.second(self.first(x) * scale + shift) + self.skip(x)


class UnetDenoiser(nn.Module):
    """1-d convolutions over the chunk, halved and doubled again; K divisible by 2^(levels - 1)."""

    def __init__(self, condition: int, config: PolicyConfig, step: int = 128) -> None:
        super().__init__()
        widths = config.denoiser_widths
        self.step = StepEmbedding(step, 4 * step)
        c = condition + step
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, (a, b) in enumerate(pairwise((ACTION_DIM, *widths))):
            halve = nn.Identity() if i == len(widths) - 1 else nn.Conv1d(b, b, 3, 2, 1)
            self.down.append(nn.ModuleList([FilmBlock(a, b, c), FilmBlock(b, b, c), halve]))
        self.middle = nn.ModuleList(FilmBlock(widths[-1], widths[-1], c) for _ in range(2))
        for a, b in reversed(list(pairwise(widths))):
            double = nn.ConvTranspose1d(a, a, 4, 2, 1)
            self.up.append(nn.ModuleList([FilmBlock(2 * b, a, c), FilmBlock(a, a, c), double]))
        self.out = nn.Sequential(
            conv_block(widths[0], widths[0]), nn.Conv1d(widths[0], ACTION_DIM, 1)
        )

    def forward(self, x: Chunk, step: Tensor, condition: Tensor) -> Chunk:
        x, c = x.transpose(1, 2), torch.cat([self.step(step), condition], -1)
        kept: list[Tensor] = []
        for first, second, halve in self.down:  # pyright: ignore[reportGeneralTypeIssues]
            x = second(first(x, c), c)
            kept.append(x)
            x = halve(x)
        for block in self.middle:
            x = block(x, c)
        for first, second, double in self.up:  # pyright: ignore[reportGeneralTypeIssues]
            x = double(second(first(torch.cat([x, kept.pop()], 1), c), c))
        return self.out(x).transpose(1, 2)


def build_denoiser(config: PolicyConfig) -> nn.Module:
    """``forward(chunk [B K A], step [B], condition [B C]) -> [B K A]``."""
    kind = {"mlp": MlpDenoiser, "dit": DitDenoiser, "unet": UnetDenoiser}[config.denoiser]
    return kind(config.condition_width, config)
