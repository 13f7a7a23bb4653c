"""The vocoder: log-mel to waveform, BigVGAN at 16 kHz and BigVGAN v2 at 44.1 kHz.

Reads:  log-mel (B, bins, M), an official generator file (and its config.json at 44.1 kHz).
Makes:  waveforms (B, M * hop).   Used by: mmaudio.load, users.
Source: Lee et al., BigVGAN, arXiv 2206.04658. Files store each convolution as direction and
magnitude, in either of two spellings, or already fused: all three load, and are kept fused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...errors import ConfigError, WeightsError
from ...files import read_json
from .codec import rate_config
from .snake import CleanSnake

_SPELLINGS = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
"""(magnitude, direction), as older and newer frameworks name them."""


@dataclass(frozen=True)
class VocoderConfig:
    """Sizes of a generator; the fields are those of a published config.json."""

    num_mels: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    upsample_initial_channel: int = 1536
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3
    use_tanh_at_final: bool = True
    use_bias_at_final: bool = True

    @classmethod
    def read(cls, path: Path) -> "VocoderConfig":
        """From a published config.json. Raises WeightsError where it describes another architecture."""
        data = read_json(path)
        if not isinstance(data, dict):
            raise WeightsError(
                f"{path} is not a vocoder's config.json; copy it beside the generator"
            )
        only = {"resblock": "1", "activation": "snakebeta", "snake_logscale": True}
        for key, want in only.items():
            if data.get(key, want) != want:
                raise WeightsError(
                    f"{path} asks for {key}={data[key]!r}; need a BigVGAN with {key}={want!r}"
                )
        known = {k: _tuples(v) for k, v in data.items() if k in cls.__dataclass_fields__}
        try:
            return cls(**known)
        except TypeError as error:
            raise WeightsError(f"{path} lacks sizes ({error}); copy the published file") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


VOCODERS = {
    "16k": VocoderConfig(80, (4, 4, 2, 2, 2, 2), (8, 8, 4, 4, 4, 4)),
    "44k": VocoderConfig(
        128, (8, 4, 2, 2, 2, 2), (16, 8, 4, 4, 4, 4), use_tanh_at_final=False, use_bias_at_final=False
    ),
}  # fmt: skip


class ResidualUnit(nn.Module):
    """x += convs2[m](act(convs1[m](act(x)))), the first of each pair dilated."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2) for _ in dilations
        )
        self.activations = nn.ModuleList(CleanSnake(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Float[Tensor, "B C N"]) -> Float[Tensor, "B C N"]:
        for m, (first, second) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            h = first(self.activations[2 * m](x))
            x = x + second(self.activations[2 * m + 1](h))
        return x


class Vocoder(nn.Module):
    """BigVGAN's generator. ``load_state_dict`` takes any of the three weight spellings."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        width, kernels = config.upsample_initial_channel, config.resblock_kernel_sizes
        self.conv_pre = nn.Conv1d(config.num_mels, width, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2)
            self.ups.append(nn.ModuleList([up]))
            width //= 2
            for k, dilations in zip(kernels, config.resblock_dilation_sizes, strict=True):
                self.resblocks.append(ResidualUnit(width, k, dilations))
        self.activation_post = CleanSnake(width)
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3, bias=config.use_bias_at_final)
        self.register_load_state_dict_pre_hook(_accept_spellings)

    @property
    def hop(self) -> int:
        """Samples per mel frame."""
        hop = 1
        for rate in self.config.upsample_rates:
            hop *= rate
        return hop

    def forward(self, mel: Float[Tensor, "B bins M"]) -> Float[Tensor, "B N"]:
        """Waveform in [-1, 1], N = M * hop; mel as the codec of the same rate defines it."""
        if mel.ndim != 3 or mel.shape[1] != self.config.num_mels:
            raise ConfigError(
                f"the vocoder got {list(mel.shape)}; need (batch, {self.config.num_mels} mel bins, time)"
            )
        x, units = self.conv_pre(mel), len(self.config.resblock_kernel_sizes)
        for i, up in enumerate(self.ups):
            x = up[0](x)  # pyright: ignore[reportIndexIssue]
            total = torch.zeros_like(x)
            for unit in self.resblocks[units * i : units * (i + 1)]:
                total += unit(x)
            x = total / units
        x = self.conv_post(self.activation_post(x))[:, 0]
        return x.tanh() if self.config.use_tanh_at_final else x.clamp(-1, 1)


def _accept_spellings(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Fuse magnitude and direction in place; absent low-pass filters are the analytic ones."""
    state.update(
        fuse_weights({k: state.pop(k) for k in list(state) if k.startswith(prefix)}, prefix)
    )
    for name, buffer in module.named_buffers():
        state.setdefault(prefix + name, buffer)


def fuse_weights(state: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """``X.weight`` = direction * magnitude / |direction|, the norm over all axes but the first.

    Raises WeightsError where one of a pair is missing.
    """
    fused = dict(state)
    for magnitude, direction in _SPELLINGS:
        for key in [k for k in fused if k.endswith((f".{magnitude}", f".{direction}"))]:
            stem = key.removesuffix(magnitude).removesuffix(direction)
            if key not in fused:
                continue
            if stem + magnitude not in fused or stem + direction not in fused:
                raise WeightsError(
                    f"{key} of {prefix or 'the vocoder'} has no partner; need both {magnitude} and "
                    f"{direction}, copy the file again"
                )
            g, v = fused.pop(stem + magnitude), fused.pop(stem + direction)
            # The framework's own fusion: another rounding would show behind steep snakes.
            fused[stem + "weight"] = torch._weight_norm(v, g, 0)
    return fused


def vocoder(rate: int | str, *, config: VocoderConfig | None = None) -> Vocoder:
    """The vocoder at 16000 or 44100 samples per second, freshly initialised, in evaluation mode.

    ``.load_state_dict(flat, strict=True)`` takes the ``generator`` entry of an official file. ``config``
    replaces the sizes (``VocoderConfig.read`` of a published config.json). ConfigError for another rate.
    """
    return Vocoder(config or VOCODERS[rate_config(rate).name]).eval()
