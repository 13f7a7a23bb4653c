"""The ear: a small causal network from band power to fill, air column, flow and pouring, with spreads.

Reads:  log10 band power [B T 68] and, where known, the vessel's height [B].   Makes: Belief.
Used by: train, hear.
Per frame: the spectrum's shape, and its difference from the shape of the last seconds (whatever stays,
room, microphone, hum, goes away; what moves remains); then a causal convolution over 0.4 s and a gated
recurrent unit (Cho et al. 2014) over everything heard so far. Nothing looks ahead. Loudness goes in as
one number, of which training draws the zero.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ConfigError
from .bands import HEARD, RATE

LEAST_STD = 0.01
"""Least spread of the fill that is ever claimed."""
USUAL_HEIGHT_M, USUAL_AIR_M, USUAL_FLOW_ML_S = 0.12, 0.06, 30.0
"""Where the logarithms of height, air column and flow have their zero."""
_BLOCK = 256


@dataclass(frozen=True)
class EarConfig:
    """Architecture; `config.json` of a checkpoint is this record."""

    bands: int = HEARD
    width: int = 128
    """Features of a frame."""
    state: int = 160
    """Of the recurrent unit."""
    memory_s: float = 4.0
    """Time constant of the spectrum that is taken as standing still."""

    def __post_init__(self) -> None:
        if self.bands != HEARD:
            raise ConfigError(
                f"an ear of {self.bands} bands; this version hears {HEARD}, train it again"
            )
        if min(self.width, self.state) < 1 or self.memory_s <= 0:
            raise ConfigError(f"sizes of an ear are positive, got {self}")


@dataclass(frozen=True)
class Belief:
    """What the ear believes at every frame; ``*_log`` are natural logarithms."""

    fill: Float[Tensor, "B T"]
    fill_std: Float[Tensor, "B T"]
    air_log: Float[Tensor, "B T"]
    """Air column over USUAL_AIR_M."""
    air_log_std: Float[Tensor, "B T"]
    flow_log: Float[Tensor, "B T"]
    """Flow, while it pours, over USUAL_FLOW_ML_S."""
    flow_log_std: Float[Tensor, "B T"]
    pouring: Float[Tensor, "B T"]
    """Logit."""


class Ear(nn.Module):
    """About 240,000 parameters; 10 frames a second."""

    def __init__(self, config: EarConfig = EarConfig()) -> None:
        super().__init__()
        self.config = config
        self.frame = nn.Linear(2 * config.bands, config.width)
        self.recent = nn.Conv1d(config.width, config.width, 4)
        self.memory = nn.GRU(config.width + 3, config.state, batch_first=True)
        self.head = nn.Sequential(
            nn.Linear(config.state + 2, 64), nn.GELU(), nn.Linear(64, 7)
        )  # fmt: skip

    def forward(
        self, log_power: Float[Tensor, "B T 68"], height_m: Float[Tensor, " B"] | None = None
    ) -> Belief:
        """``height_m``: depth of the receiver's cavity; NaN or None where nobody knows it."""
        level = log_power.mean(-1, keepdim=True)
        shape = log_power - level
        moved = shape - standing(shape, self.config.memory_s)
        batch, time, _ = shape.shape
        x = F.gelu(self.frame(torch.cat([shape, moved], -1)))
        x = x + F.gelu(self.recent(F.pad(x.transpose(1, 2), (3, 0)))).transpose(1, 2)
        height = _height(height_m, log_power)[:, None].expand(batch, time, 2)
        state, _ = self.memory(torch.cat([x, (level + 6) / 2, height], -1))
        out = self.head(torch.cat([state, height], -1)).unbind(-1)
        std = [F.softplus(s) for s in (out[1], out[3], out[5])]
        return Belief(
            torch.sigmoid(out[0]), LEAST_STD + 0.3 * std[0], out[2], 0.02 + 0.5 * std[1],
            out[4], 0.05 + 0.5 * std[2], out[6],
        )  # fmt: skip


def _height(height_m: Tensor | None, like: Tensor) -> Float[Tensor, "B 2"]:
    """(logarithm, known): zeros where unknown."""
    if height_m is None:
        return like.new_zeros(len(like), 2)
    known = height_m > 0
    safe = torch.where(known, height_m, torch.full_like(height_m, USUAL_HEIGHT_M))
    return torch.stack([2 * torch.log(safe / USUAL_HEIGHT_M), known.to(like)], -1).to(like)


def standing(x: Float[Tensor, "B T C"], memory_s: float) -> Float[Tensor, "B T C"]:
    """Mean of the past with exponentially falling weights, the present frame included."""
    decay = math.exp(-1 / (memory_s * RATE))
    out, carry = [], torch.zeros_like(x[:, :1])
    for part in x.split(_BLOCK, 1):
        n = part.shape[1]
        step = torch.arange(n, device=x.device)
        apart = step[:, None] - step[None]
        weight = torch.where(apart >= 0, decay ** apart.clamp_min(0).to(x), 0)
        total = (
            torch.einsum("ij,bjc->bic", weight, part) + decay ** (step[:, None] + 1).to(x) * carry
        )
        carry = total[:, -1:]
        out.append(total)
    age = torch.arange(1, x.shape[1] + 1, device=x.device).to(x)
    return torch.cat(out, 1) * ((1 - decay) / (1 - decay**age))[:, None]
