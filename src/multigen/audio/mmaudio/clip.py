"""Appearance eyes and text: CLIP's two towers (DFN5B ViT-H/14), as MMAudio uses them.

Reads:  normalised pictures, token ids, a CLIP file in either of its two layouts.   Makes: one unit
vector per picture, 77 unit vectors per text.   Used by: mmaudio.features.
Source: Radford et al., CLIP, arXiv 2103.00020; weights of Fang et al., Data Filtering Networks,
arXiv 2309.17425. Module names are the keys of open_clip's file; ``from_transformers`` renames the other
layout. Pictures may be larger than the patch grid: the strided convolution ignores the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

START, END, CONTEXT = 49406, 49407, 77


@dataclass(frozen=True)
class ClipConfig:
    """Sizes; the defaults are ViT-H/14's."""

    vision_width: int = 1280
    vision_layers: int = 32
    vision_heads: int = 16
    patch: int = 14
    grid: int = 27
    """Patches per side: 378 pixels."""
    text_width: int = 1024
    text_layers: int = 24
    text_heads: int = 16
    vocabulary: int = 49408
    embed: int = 1024

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> "ClipConfig":
        """Sizes read off a file's tensors, heads of 80 (vision) and 64 (text); the published ones where
        something is missing, so that a strict load can name it."""
        conv, words = state.get("visual.conv1.weight"), state.get("token_embedding.weight")
        places, proj = state.get("visual.positional_embedding"), state.get("visual.proj")
        if conv is None or words is None or places is None or proj is None:
            return cls()
        count = [
            len({k.split(".")[at] for k in state if k.startswith(stem)}) for stem, at in _TOWERS
        ]
        return cls(
            len(conv), count[0], max(1, len(conv) // 80), conv.shape[2], isqrt(len(places)),
            words.shape[1], count[1], max(1, words.shape[1] // 64), len(words), proj.shape[1],
        )  # fmt: skip


_TOWERS = (("visual.transformer.resblocks.", 3), ("transformer.resblocks.", 2))


class QuickGelu(nn.Module):
    """x sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class ResidualAttention(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGelu())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x: Float[Tensor, "B L D"], *, causal: bool) -> Float[Tensor, "B L D"]:
        h, a = self.ln_1(x), self.attn
        split = F.linear(h, a.in_proj_weight, a.in_proj_bias)
        q, k, v = split.unflatten(-1, (3, a.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + a.out_proj(attended.transpose(1, 2).flatten(2))
        return x + self.mlp(self.ln_2(x))


class Tower(nn.Module):
    """The blocks of one side. Keys: ``resblocks.*``."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(ResidualAttention(width, heads) for _ in range(layers))

    def forward(self, x: Float[Tensor, "B L D"], *, causal: bool = False) -> Float[Tensor, "B L D"]:
        for block in self.resblocks:
            x = block(x, causal=causal)
        return x


class Vision(nn.Module):
    """Pictures to projected class tokens."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        d = config.vision_width
        self.grid = config.grid
        self.class_embedding = nn.Parameter(torch.zeros(d))
        self.positional_embedding = nn.Parameter(torch.zeros(1 + config.grid**2, d))
        self.proj = nn.Parameter(torch.zeros(d, config.embed))
        self.conv1 = nn.Conv2d(3, d, config.patch, config.patch, bias=False)
        self.ln_pre = nn.LayerNorm(d)
        self.transformer = Tower(d, config.vision_layers, config.vision_heads)
        self.ln_post = nn.LayerNorm(d)

    def forward(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B E"]:
        x = self.conv1(pictures).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], 1)
        x = self.transformer(self.ln_pre(x + self.positional_embedding))
        return self.ln_post(x[:, 0]) @ self.proj


class Clip(nn.Module):
    """Both towers; ``load_state_dict`` takes open_clip's file."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.config = config
        self.visual = Vision(config)
        self.token_embedding = nn.Embedding(config.vocabulary, config.text_width)
        self.positional_embedding = nn.Parameter(torch.zeros(CONTEXT, config.text_width))
        self.transformer = Tower(config.text_width, config.text_layers, config.text_heads)
        self.ln_final = nn.LayerNorm(config.text_width)
        # Held by the file, not used: MMAudio takes the states before pooling and projection.
        self.text_projection = nn.Parameter(torch.zeros(config.text_width, config.embed))
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def see(self, pictures: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B E"]:
        """One unit vector per picture."""
        return F.normalize(self.visual(pictures), dim=-1)

    def read(self, tokens: Int64[Tensor, "B 77"]) -> Float[Tensor, "B 77 D"]:
        """All states after the last norm, each of unit length; no pooling, no projection."""
        x = self.token_embedding(tokens) + self.positional_embedding
        return F.normalize(self.ln_final(self.transformer(x, causal=True)), dim=-1)


def clip(config: ClipConfig | None = None) -> Clip:
    """CLIP ViT-H/14, freshly initialised, in evaluation mode."""
    return Clip(config or ClipConfig()).eval()


_ENDS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_WHOLE = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "logit_scale": "logit_scale",
}
_NORMS = {
    "vision_model.pre_layrnorm.": "visual.ln_pre.",
    "vision_model.post_layernorm.": "visual.ln_post.",
    "text_model.final_layer_norm.": "ln_final.",
}


def from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The layout of ``transformers`` in open_clip's names; a file already in those is returned as it is."""
    if "vision_model.embeddings.class_embedding" not in state:
        return dict(state)
    out: dict[str, Tensor] = {}
    for key, value in state.items():
        if key in _WHOLE:
            out[_WHOLE[key]] = value
        elif key in ("visual_projection.weight", "text_projection.weight"):
            out["visual.proj" if key[0] == "v" else "text_projection"] = value.T.contiguous()
        elif found := next((n for n in _NORMS if key.startswith(n)), None):
            out[key.replace(found, _NORMS[found])] = value
        elif ".layers." in key and "_proj." in key and ".out_proj." not in key:
            if ".q_proj." in key:
                parts = [state[key.replace(".q_proj.", f".{p}_proj.")] for p in "qkv"]
                stem, leaf = key.split("self_attn.q_proj.")
                out[_block(stem) + "attn.in_proj_" + leaf] = torch.cat(parts)
        elif ".layers." in key:
            end = next(e for e in _ENDS if f".{e}." in key)
            stem, leaf = key.split(end)
            out[_block(stem) + _ENDS[end] + leaf] = value
        elif not key.endswith("position_ids"):
            out[key] = value  # unknown: the strict load will name it
    return out


def _block(stem: str) -> str:
    """'vision_model.encoder.layers.3.' -> 'visual.transformer.resblocks.3.'"""
    number = stem.rstrip(".").rsplit(".", 1)[-1]
    return f"{'visual.' if stem.startswith('vision') else ''}transformer.resblocks.{number}."
