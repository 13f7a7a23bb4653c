"""The one-dimensional variational autoencoder between mel spectrograms and latents.

Reads:  mel (B, bins, 2 L), latents (B, C, L).   Makes: posteriors, mel.   Used by: mmaudio.codec.
MMAudio's (arXiv 2412.15322, section on latents): three levels of width x 1, 2, 4; time is halved
once, between the first two. Module names are the keys of the official files (57 tensors).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .magnitude import AttentionBlock, MagnitudeConv, ResidualBlock, act

_LIMIT = 256.0
_LOG_VARIANCE = (-30.0, 20.0)


@dataclass(frozen=True)
class VaeConfig:
    """Sizes; levels have ``width`` x 1, 2, 4 channels."""

    bins: int
    latent: int
    width: int


class Posterior(NamedTuple):
    """What a spectrogram's latents may be: independent normals."""

    mean: Float[Tensor, "B C L"]
    std: Float[Tensor, "B C L"]

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "B C L"]:
        """One draw; the CPU ``generator`` decides, whatever the device."""
        noise = torch.randn(self.mean.shape, generator=generator).to(self.mean)
        return self.mean + self.std * noise


def _blocks(n_in: int, n_out: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(ResidualBlock(n_in if i == 0 else n_out, n_out) for i in range(count))


def _bound(x: Tensor) -> Tensor:
    return x.clamp(-_LIMIT, _LIMIT)


class Middle(nn.Module):
    """Block, attention over time, block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(width, width)
        self.attn_1 = AttentionBlock(width)
        self.block_2 = ResidualBlock(width, width)

    def forward(self, x: Float[Tensor, "B C L"]) -> Float[Tensor, "B C L"]:
        return _bound(self.block_2(self.attn_1(self.block_1(x))))


class Halve(nn.Module):
    """Two frames to one: 1x1, mean of pairs, 1x1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = MagnitudeConv(width, width, 1)
        self.conv2 = MagnitudeConv(width, width, 1)

    def forward(self, x: Float[Tensor, "B C M"]) -> Float[Tensor, "B C L"]:
        return self.conv2(F.avg_pool1d(self.conv1(x), 2))


class Double(nn.Module):
    """One frame to two: repeated, then a k3 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = MagnitudeConv(width, width, 3)

    def forward(self, x: Float[Tensor, "B C L"]) -> Float[Tensor, "B C M"]:
        return self.conv(x.repeat_interleave(2, -1))


class Level(nn.Module):
    """Residual blocks of one width; ``resample`` names a change of length and where it is kept."""

    def __init__(self, n_in: int, n_out: int, count: int, resample: str | None = None) -> None:
        super().__init__()
        self.block = _blocks(n_in, n_out, count)
        self.downsample = Halve(n_out) if resample == "down" else None
        self.upsample = Double(n_out) if resample == "up" else None

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = _bound(block(x))
        if self.downsample is not None:
            x = self.downsample(x)
        return x if self.upsample is None else self.upsample(x)


class Encoder(nn.Module):
    """Standardised mel to mean and log variance."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        w = config.width
        self.learnable_gain = nn.Parameter(torch.zeros(()))
        self.conv_in = MagnitudeConv(config.bins, w, 3)
        self.down = nn.ModuleList(
            [Level(w, w, 2, "down"), Level(w, 2 * w, 2), Level(2 * w, 4 * w, 2)]
        )
        self.mid = Middle(4 * w)
        self.conv_out = MagnitudeConv(4 * w, 2 * config.latent, 3)

    def forward(self, x: Float[Tensor, "B bins M"]) -> Posterior:
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        out = self.conv_out(act(self.mid(x)), self.learnable_gain + 1)
        mean, log_variance = out.chunk(2, 1)
        return Posterior(mean, (log_variance.clamp(*_LOG_VARIANCE) / 2).exp())


class Decoder(nn.Module):
    """Latents to standardised mel. ``up`` is stored widest level last and run widest first."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        w = config.width
        self.learnable_gain = nn.Parameter(torch.zeros(()))
        self.conv_in = MagnitudeConv(config.latent, 4 * w, 3)
        self.mid = Middle(4 * w)
        self.up = nn.ModuleList(
            [Level(2 * w, w, 3), Level(4 * w, 2 * w, 3, "up"), Level(4 * w, 4 * w, 3)]
        )
        self.conv_out = MagnitudeConv(w, config.bins, 3)

    def forward(self, z: Float[Tensor, "B C L"]) -> Float[Tensor, "B bins M"]:
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(act(x), self.learnable_gain + 1)


class Vae(nn.Module):
    """Encoder and decoder between un-standardised mel and latents."""

    data_mean: Tensor
    data_std: Tensor

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("data_mean", torch.zeros(1, config.bins, 1))
        self.register_buffer("data_std", torch.ones(1, config.bins, 1))
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, mel: Float[Tensor, "B bins M"]) -> Posterior:
        """Posterior of the latents of a log-mel spectrogram."""
        return self.encoder((mel - self.data_mean) / self.data_std)

    def decode(self, latent: Float[Tensor, "B C L"]) -> Float[Tensor, "B bins M"]:
        """Log-mel spectrogram, M = 2 L."""
        return self.decoder(latent) * self.data_std + self.data_mean
