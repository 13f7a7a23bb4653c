"""Eyes and ears: one vector per frame, one vector per log-mel window.

Reads:  ego frames, log-mel.   Makes: feature vectors.   Used by: policy.policy.
Axes:   B batch · H W pixels · F log-mel frames · M mel bands · C features.
GroupNorm throughout: an average of weights (EMA) then needs no care for running statistics.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ASTConfig, ASTModel, CLIPVisionConfig, CLIPVisionModel

from ..ear.network import Ear
from .config import HEARD_DIM, PolicyConfig
from .log_mel import BANDS

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Radford et al. 2021: what CLIP's weights were trained on."""


class ResnetBlock(nn.Module):
    """Two 3 x 3 convolutions, the first with a stride of 2, and a skip."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.first, self.norm1 = nn.Conv2d(a, b, 3, 2, 1), nn.GroupNorm(8, b)
        self.second, self.norm2 = nn.Conv2d(b, b, 3, 1, 1), nn.GroupNorm(8, b)
        self.skip = nn.Conv2d(a, b, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.second(F.relu(self.norm1(self.first(x)))))
        return F.relu(y + self.skip(x))


class ResnetEyes(nn.Module):
    """A small residual network whose last map is flattened: where things are is kept."""

    def __init__(self, size: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 5, stride=2, padding=2)
        pairs = zip((widths[0], *widths[:-1]), widths, strict=True)
        self.blocks = nn.Sequential(*(ResnetBlock(a, b) for a, b in pairs))
        side = -(-size // 2 ** (len(widths) + 1))
        self.out = nn.Linear(side * side * widths[-1], widths[-1])

    def forward(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B C"]:
        x = images.float() / 127.5 - 1.0
        return self.out(self.blocks(F.relu(self.stem(x))).flatten(1))


class ClipEyes(nn.Module):
    """CLIP's vision transformer; its class token."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.clip = CLIPVisionModel(
            CLIPVisionConfig(
                image_size=config.image_size,
                patch_size=config.image_patch,
                hidden_size=config.image_width,
                intermediate_size=4 * config.image_width,
                num_hidden_layers=config.image_layers,
                num_attention_heads=config.image_heads,
            )
        )
        self.register_buffer("mean", 255 * torch.tensor(CLIP_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(CLIP_STD)[:, None, None], persistent=False)

    def forward(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B C"]:
        x = (images.float() - self.mean) / self.std
        return self.clip(pixel_values=x).last_hidden_state[:, 0]


class Ears(nn.Module):
    """An audio spectrogram transformer (Gong et al. 2021); its class token."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.ast = ASTModel(
            ASTConfig(
                max_length=config.audio_frames,
                num_mel_bins=BANDS,
                hidden_size=config.audio_width,
                intermediate_size=4 * config.audio_width,
                num_hidden_layers=config.audio_layers,
                num_attention_heads=config.audio_heads,
                frequency_stride=config.audio_stride,
                time_stride=config.audio_stride,
            )
        )

    def forward(self, mel: Float[Tensor, "B F M"]) -> Float[Tensor, "B C"]:
        return self.ast(mel).last_hidden_state[:, 0]


class BelievingEars(nn.Module):
    """A perceptron over what a trained ear believes; the ear comes along, and never changes."""

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.ear = Ear().requires_grad_(False)
        width = config.audio_width
        self.read = nn.Sequential(
            nn.Linear(HEARD_DIM, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )

    def forward(self, heard: Float[Tensor, "B 30"]) -> Float[Tensor, "B C"]:
        return self.read(heard)


def build_ears(config: PolicyConfig) -> nn.Module:
    """What is heard (``policy.AUDIO_KEYS``) -> features [B audio_width]."""
    return BelievingEars(config) if config.audio_encoder == "ear" else Ears(config)


def build_eyes(config: PolicyConfig) -> nn.Module:
    """uint8 frames [B 3 H W] -> features [B image_width]."""
    if config.image_encoder == "clip":
        return ClipEyes(config)
    return ResnetEyes(config.image_size, config.image_widths)
