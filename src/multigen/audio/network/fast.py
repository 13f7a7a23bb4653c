"""The same velocities in less time: everything prepared that does not depend on the step.

Reads:  a FlowNetwork of the convolutional kind (MMAudio's presets), conditions.   Makes: velocities equal
to ``FlowNetwork.velocity`` up to rounding.   Used by: FlowNetwork.sample on a CPU, benchmarks/mmaudio.py.
What is done once per network: rows of qkv in the order of use, w1 and w3 as one convolution, k3
convolutions in Winograd's form. Once per clip: which rows of the motion stream differ; adaLN is then
applied to those alone (nearest-exact repeats rows, and the null branch repeats them with its period).
"""

import weakref
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from .blocks import FinalLayer, StreamBlock
from .conditions import Conditions
from .layers import Attention, attend, rotate, rotation
from .winograd import FastConv


def _map(module: nn.Module):
    """A k3 convolution in Winograd's form; anything else as it is."""
    if isinstance(module, nn.Conv1d):
        return FastConv(module.weight.detach(), module.bias)
    return module


class _Stream:
    """One StreamBlock, prepared."""

    def __init__(self, block: StreamBlock) -> None:
        self.block, attn = block, block.attn
        self.weight, self.bias = _in_order(attn)
        self.modulation: nn.Linear = block.adaLN_modulation[1]  # pyright: ignore
        if block.pre_only:
            return
        self.linear1 = _map(block.linear1)
        w1, w3 = (m.weight.detach() for m in (block.ffn.w1, block.ffn.w3))  # pyright: ignore
        both = torch.cat([w1, w3])  # pyright: ignore
        self.w13 = FastConv(both) if both.ndim == 3 else None
        self.both = both
        self.w2 = _map(block.ffn.w2)

    def modulate_by(self, c: Float[Tensor, "*B D"]) -> Float[Tensor, "*B six"]:
        """adaLN's vectors for SiLU'd conditions, one already added to the scales."""
        m = self.modulation(c)
        for part in m.chunk(2 if self.block.pre_only else 6, -1)[1::3]:
            part.add_(1)
        return m

    def project(self, x: Tensor, by: Tensor | None) -> list[Tensor]:
        """Queries, keys and values, (B, heads, N, h)."""
        attn = self.block.attn
        split = F.linear(x, self.weight, self.bias).unflatten(-1, (3, attn.heads, attn.head_dim))
        q, k, v = (p.transpose(1, 2) for p in split.unbind(2))
        eps = torch.finfo(torch.float32).eps
        q, k = (
            F.rms_norm(p, (attn.head_dim,), norm.weight, eps)
            for p, norm in ((q, attn.q_norm), (k, attn.k_norm))
        )
        return [q, k, v] if by is None else [rotate(q, by), rotate(k, by), v]

    def enter(self, x: Tensor, m: Tensor, by: Tensor | None) -> tuple[list[Tensor], list[Tensor]]:
        shift, scale, *rest = m.chunk(2 if self.block.pre_only else 6, -1)
        return self.project(_modulate(x, shift, scale), by), rest

    def leave(self, x: Tensor, attended: Tensor, rest: list[Tensor]) -> Tensor:
        gate, shift2, scale2, gate2 = rest
        x = torch.addcmul(x, self.linear1(attended), gate)
        y = _modulate(x, shift2, scale2)
        a, b = (F.linear(y, self.both) if self.w13 is None else self.w13(y)).chunk(2, -1)
        return torch.addcmul(x, self.w2(F.silu(a).mul_(b)), gate2)


def _modulate(x: Tensor, shift: Tensor, scale_plus_one: Tensor) -> Tensor:
    """LayerNorm without affine, scaled and shifted."""
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-5), scale_plus_one)


def _in_order(attn: Attention) -> tuple[Tensor, Tensor]:
    """qkv with its rows ordered (which, head, channel)."""
    weight, bias = attn.qkv.weight.detach(), attn.qkv.bias.detach()
    return tuple(  # pyright: ignore
        p.unflatten(0, (-1, 3)).transpose(0, 1).flatten(0, 1).contiguous() for p in (weight, bias)
    )


@dataclass(frozen=True)
class Prepared:
    """Conditions, and which rows of their motion stream differ."""

    conditions: Conditions
    rows: Float[Tensor, "R D"]
    owner: Int64[Tensor, " R"]
    """Which sample of the batch a row belongs to."""
    where: Int64[Tensor, " B*N"]
    """The row that each latent takes."""


class FastVelocity:
    """``velocity`` of a network, prepared for sampling. The network's weights must not change after.

    (A ``FlowNetwork``; its module imports this one.)"""

    def __init__(self, network: Any) -> None:
        self._network = weakref.ref(network)  # the prepared parts may outlive no network
        self.joint = [
            (_Stream(b.latent_block), _Stream(b.clip_block), _Stream(b.text_block), b.last)  # pyright: ignore
            for b in network.joint_blocks
        ]
        self.fused = [_Stream(b) for b in network.fused_blocks]  # pyright: ignore

    @staticmethod
    def fits(network: Any) -> bool:
        """Only MMAudio's own kind is worth it: convolutions, a modulation per block, text."""
        c = network.config
        return c.mixing == "conv" and c.modulation == "own" and c.text_dim is not None

    def prepare(self, c: Conditions) -> Prepared:
        """Once per clip."""
        batch, length, _ = c.sync.shape
        rows, owner, where = [], [], []
        for b in range(batch):
            if c.masks is None:
                own, back = torch.unique(c.sync[b], dim=0, return_inverse=True)
            else:  # masks give every instant its own modulation
                own, back = c.sync[b], torch.arange(length, device=c.sync.device)
            where.append(back + sum(len(r) for r in rows))
            rows.append(own)
            owner.append(torch.full((len(own),), b, device=back.device))
        return Prepared(c, torch.cat(rows), torch.cat(owner), torch.cat(where))

    @torch.no_grad()
    def __call__(
        self, latent: Float[Tensor, "B N C"], t: Float[Tensor, " B"], p: Prepared
    ) -> Float[Tensor, "B N C"]:
        """dx/dt at (latent, t). Samples of a batch that are one latent (guidance) enter once: pass it
        with a batch of one, the conditions say how many branches there are."""
        net, c = self._network(), p.conditions
        assert net is not None
        n, frames, h = latent.shape[1], c.clip.shape[1], net.config.head_dim
        branches = len(c.clip)
        t = t[:1].expand(branches)
        if c.masks is None:
            c_g = c.pooled + net.t_embed(t)
            rows = c_g[p.owner, 0] + p.rows
        else:
            c_g, c_x = net.modulators(t, c)
            rows = c_x.flatten(0, 1)
        rows, g = F.silu(rows), F.silu(c_g)

        def by_row(stream: _Stream) -> Tensor:
            """adaLN of the sound stream: made for distinct rows, given to every latent."""
            return stream.modulate_by(rows)[p.where].unflatten(0, (branches, n))

        turn, turn_clip = rotation(n, h), rotation(frames, h, n / frames)
        x = net.audio_input_proj(latent).repeat(branches // len(latent), 1, 1)
        clip, text = c.clip, c.text
        assert text is not None
        for sound, pictures, words, last in self.joint:
            streams = [(sound, x, by_row(sound), turn), (pictures, clip, pictures.modulate_by(g), turn_clip),
                       (words, text, words.modulate_by(g), None)]  # fmt: skip
            entered = [s.enter(v, m, by) for s, v, m, by in streams]
            q, k, v = (torch.cat([e[0][i] for e in entered], 2) for i in range(3))
            if last:
                x = sound.leave(x, attend(entered[0][0][0], k, v), entered[0][1])
                break
            parts = attend(q, k, v).split([n, frames, text.shape[1]], 1)
            x, clip, text = (
                s.leave(v, a, e[1])
                for (s, v, _, _), a, e in zip(streams, parts, entered, strict=True)
            )
        for stream in self.fused:
            qkv, rest = stream.enter(x, by_row(stream), turn)
            x = stream.leave(x, attend(*qkv), rest)
        final: FinalLayer = net.final_layer
        return final(x, c_g)


_READY: weakref.WeakKeyDictionary[nn.Module, tuple[tuple, FastVelocity]] = (
    weakref.WeakKeyDictionary()
)


def fast_velocity(network: Any) -> FastVelocity:
    """The prepared velocity of a network, kept as long as its weights stay what they are."""
    key = tuple((p.data_ptr(), p._version) for p in network.parameters())
    found = _READY.get(network)
    if found is None or found[0] != key:
        found = _READY[network] = (key, FastVelocity(network))
    return found[1]
