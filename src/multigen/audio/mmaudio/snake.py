"""Periodic activations without aliasing: twice the rate, x + sin^2(a x) / b, and back.

Reads:  (B, C, N) waveforms.   Makes: (B, C, N) waveforms.   Used by: mmaudio.vocoder.
Sources: the snake, Ziyin et al., arXiv 2006.08195; its anti-aliased use, Lee et al., BigVGAN,
arXiv 2206.04658. Both filters are one 12-tap Kaiser-windowed sinc. Published files hold the filters
too: what a file holds is used.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

TAPS = 12
_CUTOFF, _HALF_WIDTH = 0.25, 0.3
"""In cycles per sample of the doubled rate: half its Nyquist frequency, and half the transition."""


def _kaiser_beta(attenuation_db: float) -> float:
    """Kaiser's formula for the window's shape."""
    if attenuation_db > 50:
        return 0.1102 * (attenuation_db - 8.7)
    if attenuation_db >= 21:
        return 0.5842 * (attenuation_db - 21) ** 0.4 + 0.07886 * (attenuation_db - 21)
    return 0.0


def half_band() -> Float[Tensor, "1 1 12"]:
    """The low-pass filter, of sum 1. The attenuation is Kaiser's estimate for half the taps."""
    attenuation_db = 2.285 * (TAPS // 2 - 1) * math.pi * 4 * _HALF_WIDTH + 7.95
    beta = _kaiser_beta(attenuation_db)
    window = torch.kaiser_window(TAPS, periodic=False, beta=beta, dtype=torch.float64)
    time = torch.arange(TAPS, dtype=torch.float64) - TAPS / 2 + 0.5
    taps = window * torch.sinc(2 * _CUTOFF * time)
    return (taps / taps.sum()).float()[None, None]


class LowPass(nn.Module):
    """Holds the filter. Key: ``filter``."""

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", half_band())


class Upsample(LowPass):
    """Twice as many samples."""

    def forward(self, x: Float[Tensor, "B C N"]) -> Float[Tensor, "B C M"]:
        channels = x.shape[1]
        x = F.pad(x, (5, 5), mode="replicate")
        taps = (2 * self.filter).expand(channels, -1, -1)
        return F.conv_transpose1d(x, taps, stride=2, groups=channels)[..., 15:-15]


class Downsample(nn.Module):
    """Half as many samples. Key: ``lowpass.filter``."""

    def __init__(self) -> None:
        super().__init__()
        self.lowpass = LowPass()

    def forward(self, x: Float[Tensor, "B C M"]) -> Float[Tensor, "B C N"]:
        channels = x.shape[1]
        x = F.pad(x, (5, 6), mode="replicate")
        taps = self.lowpass.filter.expand(channels, -1, -1)
        return F.conv1d(x, taps, stride=2, groups=channels)


class SnakeBeta(nn.Module):
    """x + sin^2(e^alpha x) / (e^beta + 1e-9), alpha and beta per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "B C N"]) -> Float[Tensor, "B C N"]:
        alpha, beta = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + torch.sin(x * alpha).square() / (beta + 1e-9)


class CleanSnake(nn.Module):
    """SnakeBeta at twice the rate. Keys: ``act.*``, ``upsample.filter``, ``downsample.lowpass.filter``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = SnakeBeta(channels)
        self.upsample = Upsample()
        self.downsample = Downsample()

    def forward(self, x: Float[Tensor, "B C N"]) -> Float[Tensor, "B C N"]:
        return self.downsample(self.act(self.upsample(x)))
