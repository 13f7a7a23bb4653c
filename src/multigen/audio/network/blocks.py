"""Blocks of the flow network: one stream's part, three streams together, sound alone, the exit.

Reads:  streams and their modulation.   Makes: streams.   Used by: network.model.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .config import NetworkConfig
from .layers import GLU, Attention, attend, modulate, token_map


class Modulation(nn.Sequential):
    """SiLU, Linear to ``parts`` vectors. Keys: ``1.weight``, ``1.bias``."""

    def __init__(self, dim: int, parts: int) -> None:
        super().__init__(nn.SiLU(), nn.Linear(dim, parts * dim))


class SharedOffset(nn.Module):
    """A block's own offset to a modulation that all blocks share."""

    def __init__(self, dim: int, parts: int) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(parts * dim))

    def forward(self, shared: Float[Tensor, "B N six"]) -> Float[Tensor, "B N parts"]:
        return shared[..., : len(self.offset)] + self.offset


class StreamBlock(nn.Module):
    """One stream's parameters: adaLN, attention projections, output map, feed-forward.

    ``kernel`` 3 mixes neighbours in time (sound, pictures), 1 does not (text). ``pre_only`` streams
    feed the attention of others and end there.
    """

    def __init__(self, config: NetworkConfig, kernel: int, *, pre_only: bool = False) -> None:
        super().__init__()
        dim, depthwise = config.hidden, config.mixing == "depthwise" and kernel > 1
        parts = 2 if pre_only else 6
        make = Modulation if config.modulation == "own" else SharedOffset
        self.adaLN_modulation = make(dim, parts)
        self.attn = Attention(dim, config.heads)
        self.pre_only = pre_only
        if not pre_only:
            self.linear1 = token_map(dim, dim, 1 if depthwise else kernel)
            self.ffn = GLU(dim, config.inner, kernel, depthwise=depthwise)

    def enter(
        self, x: Float[Tensor, "B N D"], c: Tensor, by: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
        """Queries, keys, values; and what ``leave`` needs later."""
        shift, scale, *rest = self.adaLN_modulation(c).chunk(2 if self.pre_only else 6, -1)
        return self.attn.project(modulate(x, shift, scale), by), tuple(rest)

    def leave(self, x: Tensor, attended: Tensor, rest: tuple[Tensor, ...]) -> Tensor:
        """Add the attention's and the feed-forward's contribution, gated."""
        gate, shift2, scale2, gate2 = rest
        x = x + self.linear1(attended) * gate
        return x + self.ffn(modulate(x, shift2, scale2)) * gate2


class JointBlock(nn.Module):
    """Attention over sound, pictures and text, concatenated in this order; parameters per stream."""

    def __init__(self, config: NetworkConfig, *, last: bool) -> None:
        super().__init__()
        self.latent_block = StreamBlock(config, 3)
        self.clip_block = StreamBlock(config, 3, pre_only=last)
        self.text_block = (
            StreamBlock(config, 1, pre_only=last) if config.text_dim is not None else None
        )
        self.last = last

    def forward(
        self,
        streams: list[Tensor],
        c_x: Float[Tensor, "B N D"],
        c_g: Float[Tensor, "B 1 D"],
        rotations: tuple[Tensor, Tensor],
    ) -> list[Tensor]:
        """New [sound, pictures (, text)]; after the last joint block only sound is new."""
        parts = [
            (self.latent_block, c_x, rotations[0]),
            (self.clip_block, c_g, rotations[1]),
            (self.text_block, c_g, None),
        ]
        parts = [p for p in parts if p[0] is not None]
        entered = [b.enter(x, c, by) for (b, c, by), x in zip(parts, streams, strict=True)]
        joined = [torch.cat([e[0][i] for e in entered], dim=2) for i in range(3)]
        if self.last:  # only sound asks
            joined[0] = entered[0][0][0]
            return [
                self.latent_block.leave(streams[0], attend(*joined), entered[0][1]),
                *streams[1:],
            ]
        out = attend(*joined).split([x.shape[1] for x in streams], dim=1)
        return [
            b.leave(x, o, e[1])
            for (b, _, _), x, o, e in zip(parts, streams, out, entered, strict=True)
        ]


class FusedBlock(StreamBlock):
    """Sound alone: the same parameters as ``latent_block``, self-attention."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config, 3)

    def forward(self, x: Tensor, c_x: Tensor, by: Tensor) -> Tensor:
        qkv, rest = self.enter(x, c_x, by)
        return self.leave(x, attend(*qkv), rest)


class FinalLayer(nn.Module):
    """Modulated by the global vector (not the extended one), then mapped to latents."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.adaLN_modulation = Modulation(config.hidden, 2)
        kernel = 7 if config.projection == "conv" else 1
        self.conv = token_map(config.hidden, config.latent_dim, kernel)

    def forward(self, x: Float[Tensor, "B N D"], c_g: Tensor) -> Float[Tensor, "B N C"]:
        shift, scale = self.adaLN_modulation(c_g).chunk(2, -1)
        return self.conv(modulate(x, shift, scale))
