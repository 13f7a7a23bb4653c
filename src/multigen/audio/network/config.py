"""Sizes of the flow network; a preset is a value.

Reads:  nothing.   Makes: NetworkConfig.   Used by: audio.network, checkpoints (config.json).
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...errors import ConfigError
from ...types import Role


@dataclass(frozen=True)
class MaskConfig:
    """The paper's segmentation pathway (appendix B.1): two convolutions, pooling, gated fusion."""

    classes: tuple[str, ...] = tuple(r.name.lower() for r in Role)
    """Channel order of the masks; kept with the weights and checked on use."""
    widths: tuple[int, int] = (64, 512)
    """Channels of the two 3x3 convolutions."""
    embed: int = 1024
    """Width between encoder and fusion (the paper's 1024)."""
    fuse_point: Literal["global", "content"] = "global"
    """Masks are mixed into the global vector with the time embedding in it (the paper), or into its
    content before the time is added (ablation: an open gate then keeps the time)."""
    gate_bias: float = -6.0
    """-6 starts as good as closed, for adding to a pretrained base; 0 for training from scratch."""


@dataclass(frozen=True)
class NetworkConfig:
    """What defines a flow network; sequence lengths are not part of it."""

    hidden: int
    heads: int
    joint: int
    """Blocks that see sound, pictures and text together."""
    fused: int
    """Blocks that see sound alone."""
    latent_dim: int
    clip_dim: int = 1024
    """Width of appearance features (8 per second)."""
    sync_dim: int = 768
    """Width of motion features (about 25 per second)."""
    text_dim: int | None = 1024
    """None: no text stream."""
    text_length: int = 77
    sync_period: int | None = 8
    """Position embedding within a motion segment; None: no segments, any length."""
    v2: bool = False
    """MMAudio's second version: SiLU projections, wider time features."""
    projection: Literal["conv", "linear"] = "conv"
    """Input and output maps of sound and motion: k7 convolutions, or per token."""
    mixing: Literal["conv", "depthwise"] = "conv"
    """Feed-forward over neighbours: k3 convolutions, or one depthwise k3 and then per token."""
    modulation: Literal["own", "shared"] = "own"
    """adaLN: one large map per block, or one for all and an offset per block (PixArt, 2310.00426)."""
    masks: MaskConfig | None = None

    def __post_init__(self) -> None:
        if self.hidden % self.heads or (self.hidden // self.heads) % 2:
            raise ConfigError(
                f"hidden={self.hidden} with heads={self.heads} gives no even head size; "
                "choose hidden as a multiple of twice the heads"
            )

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def inner(self) -> int:
        """Width inside a feed-forward: 8/3 of hidden, rounded up to 256."""
        return 256 * math.ceil(int(2 * (4 * self.hidden) / 3) / 256)


def _official(
    width: int, heads: int, joint: int, fused: int, latent: int, v2: bool = False
) -> NetworkConfig:
    return NetworkConfig(width, heads, joint, fused, latent, v2=v2)


def _compact(width: int, heads: int, joint: int, fused: int) -> NetworkConfig:
    return NetworkConfig(
        width, heads, joint, fused, latent_dim=20, clip_dim=width, sync_dim=width, text_dim=None,
        sync_period=None, v2=True, projection="linear", mixing="depthwise",
        modulation="shared",
        masks=MaskConfig(widths=(16, 64), embed=width, gate_bias=0.0),
    )  # fmt: skip


PRESETS: dict[str, NetworkConfig] = {
    "small_16k": _official(448, 7, 4, 8, 20),
    "small_44k": _official(448, 7, 4, 8, 40),
    "medium_44k": _official(896, 14, 4, 8, 40),
    "large_44k": _official(896, 14, 7, 14, 40),
    "large_44k_v2": _official(896, 14, 7, 14, 40, v2=True),
    "pour_nano": _compact(128, 4, 2, 4),
    "pour_micro": _compact(192, 4, 2, 5),
    "pour_small": _compact(288, 6, 3, 7),
}


def preset(name: str, **overrides: Any) -> NetworkConfig:
    """A preset by name, with fields replaced; ConfigError lists what exists."""
    if name not in PRESETS:
        raise ConfigError(f"no network preset '{name}'; choose one of {', '.join(PRESETS)}")
    known = NetworkConfig.__dataclass_fields__
    if unknown := [k for k in overrides if k not in known]:
        raise ConfigError(f"a network has no '{unknown[0]}'; it has {', '.join(known)}")
    return replace(PRESETS[name], **overrides)
