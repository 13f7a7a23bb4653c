"""Motion eyes: Synchformer's visual half, eight vectors for every 16 frames.

Reads:  segments of normalised frames, an official Synchformer file.   Makes: motion features.
Used by: mmaudio.features.
Sources: Iashin et al., Synchformer, arXiv 2401.16423; its frame encoder is the divided space-time
Motionformer (Patrick et al., arXiv 2106.05392). Module names are the keys of the official file, of
which only the visual half is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ...errors import ConfigError

PREFIX = "vfeat_extractor."
_EPS = 1e-6


@dataclass(frozen=True)
class SynchformerConfig:
    """Sizes; the defaults are the published ones."""

    width: int = 768
    heads: int = 12
    depth: int = 12
    side: int = 224
    """Pixels; patches are 16 x 16 and two frames deep."""
    frames: int = 16
    """Frames of a segment."""

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> "SynchformerConfig":
        """Sizes read off a file's tensors, heads of 64; the published ones where something is missing,
        so that a strict load can name it."""
        places, times = (state.get(f"{PREFIX}{k}_embed") for k in ("pos", "temp"))
        if places is None or times is None:
            return cls()
        width, blocks = places.shape[2], f"{PREFIX}blocks."
        depth = len({k.split(".")[2] for k in state if k.startswith(blocks)})
        side = 16 * isqrt(places.shape[1] - 1)
        return cls(width, max(1, width // 64), depth, side, 2 * times.shape[1])


class PatchEmbed(nn.Module):
    """Key: ``proj``."""

    def __init__(self, proj: nn.Module) -> None:
        super().__init__()
        self.proj = proj


class DividedAttention(nn.Module):
    """The class token asks everybody; a patch asks its group and the class token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "B L D"], times: int, *, over_time: bool
    ) -> Float[Tensor, "B L D"]:
        """L = 1 + times * places; groups are places (``over_time``) or instants."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)  # (B, heads, L, h)
        first = F.scaled_dot_product_attention(q[:, :, :1], k, v)

        def groups(p: Tensor) -> Float[Tensor, "B H G M h"]:
            p = p[:, :, 1:].unflatten(2, (times, -1))
            return p.transpose(2, 3) if over_time else p

        asked = groups(q)
        own = [p[:, :, None, :1].expand(-1, -1, asked.shape[2], -1, -1) for p in (k, v)]
        keys, values = (torch.cat([o, groups(p)], 3) for o, p in zip(own, (k, v), strict=True))
        rest = F.scaled_dot_product_attention(asked, keys, values)
        rest = (rest.transpose(2, 3) if over_time else rest).flatten(2, 3)
        return self.proj(torch.cat([first, rest], 2).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Linear, exact GELU, Linear."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class DividedBlock(nn.Module):
    """Attention over time, over space, feed-forward; each behind its own norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=_EPS)
        self.attn = DividedAttention(width, heads)
        self.timeattn = DividedAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=_EPS)
        self.mlp = Mlp(width)
        self.norm3 = nn.LayerNorm(width, eps=_EPS)

    def forward(self, x: Float[Tensor, "B L D"], times: int) -> Float[Tensor, "B L D"]:
        x = x + self.timeattn(self.norm3(x), times, over_time=True)
        x = x + self.attn(self.norm1(x), times, over_time=False)
        return x + self.mlp(self.norm2(x))


class SpatialSummary(nn.TransformerEncoderLayer):
    """All places of one instant to one vector: a class token through one pre-norm encoder layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(
            width, heads, 4 * width, 0.0, F.gelu, _EPS, batch_first=True, norm_first=True
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))

    def summarise(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B D"]:
        return self.forward(torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1))[:, 0]


class MotionEncoder(nn.Module):
    """One segment to one vector per two frames."""

    def __init__(self, config: SynchformerConfig) -> None:
        super().__init__()
        d, places, times = config.width, (config.side // 16) ** 2, config.frames // 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + places, d))
        self.temp_embed = nn.Parameter(torch.zeros(1, times, d))
        # The file holds the still-picture embedding it was once made from; nothing uses it.
        self.patch_embed = PatchEmbed(nn.Conv2d(3, d, 16, 16))
        self.patch_embed_3d = PatchEmbed(nn.Conv3d(3, d, (2, 16, 16), (2, 16, 16)))
        self.blocks = nn.ModuleList(DividedBlock(d, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(d, eps=_EPS)
        self.spatial_attn_agg = SpatialSummary(d, config.heads)

    def tokens(self, x: Float[Tensor, "B C F H W"]) -> Float[Tensor, "B L D"]:
        """Class token, then patches in order time, row, column; positions added."""
        patches = (
            self.patch_embed_3d.proj(x).flatten(3).permute(0, 2, 3, 1)
        )  # (B, times, places, D)
        patches = patches + self.pos_embed[:, None, 1:] + self.temp_embed[:, :, None]
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        return torch.cat([first, patches.flatten(1, 2)], 1)

    def forward(self, x: Float[Tensor, "B F C H W"]) -> Float[Tensor, "B times D"]:
        times = self.temp_embed.shape[1]
        x = self.tokens(x.transpose(1, 2))
        for block in self.blocks:
            x = block(x, times)
        x = self.norm(x[:, 1:]).unflatten(1, (times, -1))
        return self.spatial_attn_agg.summarise(x.flatten(0, 1)).unflatten(0, (-1, times))


class Synchformer(nn.Module):
    """Segments to motion features. ``load_state_dict`` takes the whole official file: keys outside its
    visual half are dropped, the rest is strict."""

    def __init__(self, config: SynchformerConfig) -> None:
        super().__init__()
        self.config = config
        self.vfeat_extractor = MotionEncoder(config)
        self.register_load_state_dict_pre_hook(_keep_visual)

    def forward(self, segments: Float[Tensor, "B S F C H W"]) -> Float[Tensor, "B S times D"]:
        """Frames standardised to mean 0.5 and std 0.5; every segment by itself."""
        want = (self.config.frames, 3, self.config.side, self.config.side)
        if tuple(segments.shape[2:]) != want:
            raise ConfigError(
                f"Synchformer got segments of {list(segments.shape[2:])}; need {list(want)}"
            )
        # One at a time: a segment of 1569 tokens fills the cores, a batch would only fill memory.
        each = [self.vfeat_extractor(s[None]) for s in segments.flatten(0, 1)]
        return torch.cat(each).unflatten(0, segments.shape[:2])


def _keep_visual(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for key in [k for k in state if not k.startswith(prefix + PREFIX)]:
        del state[key]


def synchformer(config: SynchformerConfig | None = None) -> Synchformer:
    """Synchformer's visual half, freshly initialised, in evaluation mode."""
    return Synchformer(config or SynchformerConfig()).eval()
