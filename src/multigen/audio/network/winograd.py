"""Convolutions along time with half the multiplications: Winograd's F(4, 3).

Reads:  a convolution's weight; (B, N, C).   Makes: (B, N, D), length kept.   Used by: network.fast.
Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, arXiv 1509.09308. Four outputs
of three taps take six products instead of twelve; longer kernels are sums of three-tap ones, added
before the way back. Float32 rounding is about ten times that of the direct sum (1e-5 of the largest
value), and the transformed weights are twice as large.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def _weights(taps: Float[Tensor, "3 C D"]) -> Float[Tensor, "6 C D"]:
    """A three-tap kernel in the domain of products: its values at 0, 1, -1, 2, -2 and infinity, scaled."""
    out = taps.new_empty(6, *taps.shape[1:])
    torch.div(taps[0], 4, out=out[0])
    ends = taps[0] + taps[2]
    torch.add(ends, taps[1], out=out[1]).div_(-6)
    torch.sub(ends, taps[1], out=out[2]).div_(-6)
    ends.copy_(taps[0]).add_(taps[2], alpha=4)
    torch.add(ends, taps[1], alpha=2, out=out[3]).div_(24)
    torch.sub(ends, taps[1], alpha=2, out=out[4]).div_(24)
    out[5] = taps[2]
    return out


class FastConv:
    """What a convolution of odd kernel (k >= 3, length kept) computes; for inference."""

    def __init__(self, weight: Float[Tensor, "D C k"], bias: Tensor | None = None) -> None:
        taps = weight.shape[2]
        self.reach, self.bias = taps // 2, bias
        by_tap = F.pad(weight.permute(2, 1, 0), (0, 0, 0, 0, 0, -taps % 3)).contiguous()
        self.weights = [_weights(three) for three in by_tap.split(3)]
        """One (6, C, D) per three taps."""

    def __call__(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N D"]:
        batch, length, _ = x.shape
        tiles = -(-length // 4)
        reach = 3 * (len(self.weights) - 1)
        end = 4 * tiles + 2 + reach - self.reach - length
        x = F.pad(x, (0, 0, self.reach, end))
        m = None
        for j, weight in enumerate(self.weights):
            u = _forth(x[:, 3 * j :], tiles)
            m = torch.bmm(u, weight) if m is None else m.baddbmm_(u, weight)
        assert m is not None
        y = _back(m.unflatten(1, (batch, tiles)))[:, :length]
        return y if self.bias is None else y + self.bias


def _forth(x: Float[Tensor, "B M C"], tiles: int) -> Float[Tensor, "6 Bn C"]:
    """Windows of six, stride four, to the domain of products."""
    d = [x[:, i : i + 4 * (tiles - 1) + 1 : 4] for i in range(6)]
    u = x.new_empty(6, *d[0].shape)
    even, odd = torch.sub(d[4], d[2], alpha=4), torch.sub(d[3], d[1], alpha=4)
    torch.add(even, odd, out=u[1])
    torch.sub(even, odd, out=u[2])
    even, odd = d[4] - d[2], d[3] - d[1]
    torch.add(even, odd, alpha=2, out=u[3])
    torch.sub(even, odd, alpha=2, out=u[4])
    torch.add(d[4], d[0], alpha=4, out=u[0]).sub_(d[2], alpha=5)
    torch.add(d[5], d[1], alpha=4, out=u[5]).sub_(d[3], alpha=5)
    return u.flatten(1, 2)


def _back(m: Float[Tensor, "6 B n D"]) -> Float[Tensor, "B N D"]:
    """Four outputs of each window, in order."""
    _, batch, tiles, dim = m.shape
    y = m.new_empty(batch, tiles, 4, dim)
    sum1, sum2 = m[1] + m[2], m[3] + m[4]
    diff1, diff2 = m[1].sub_(m[2]), m[3].sub_(m[4])
    torch.add(m[0].add_(sum1), sum2, out=y[:, :, 0])
    torch.add(diff1, diff2, alpha=2, out=y[:, :, 1])
    torch.add(sum1, sum2, alpha=4, out=y[:, :, 2])
    torch.add(diff1.add_(m[5]), diff2, alpha=8, out=y[:, :, 3])
    return y.flatten(1, 2)
