"""How steps are taken: AdamW for everything, or Muon for the matrices and AdamW for the rest.

Reads:  a model, rates.   Makes: optimisers that own every trainable parameter between them.
Used by: learning.fit. Muon is the default of the sound model's recipe: it got further than AdamW in
the same steps. Where a step of the network is cheap, as in the policies, AdamW is the default.
"""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

OptimiserName = Literal["adamw", "muon"]
Optimisers = tuple[torch.optim.Optimizer, ...]
LEAST_SIDE = 32
"""A matrix with a shorter side has too few directions to be worth it."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic (Jordan et al. 2024): five rounds bring singular values near 1."""


def make_optimisers(
    model: nn.Module,
    name: OptimiserName,
    *,
    lr: float,
    betas: tuple[float, float],
    weight_decay: float,
) -> Optimisers:
    """Optimisers that together own every parameter that wants a gradient; decay on matrices only."""
    wanted = [p for p in model.parameters() if p.requires_grad]
    turned = [p for p in wanted if name == "muon" and p.dim() == 2 and min(p.shape) >= LEAST_SIDE]
    known = {id(p) for p in turned}
    rest = [p for p in wanted if id(p) not in known]
    groups = [
        {"params": [p for p in rest if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=lr, betas=betas, foreach=True)
    return (Muon(turned, lr=lr, weight_decay=weight_decay), adamw) if turned else (adamw,)


class Muon(torch.optim.Optimizer):
    """Steps of equal size along all directions of a matrix (Jordan et al. 2024).

    Sized as in Liu et al., arXiv 2502.16982, so that AdamW's learning rate fits both. PyTorch's own
    class iterates in bfloat16, which takes minutes a step on a CPU without it; this one works in the
    matrices' own precision, all matrices of a shape at once.
    """

    def __init__(
        self, params: Iterable[Tensor], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step along the orthogonalised Nesterov momentum."""
        assert closure is None, "the loop computes gradients itself"
        for group in self.param_groups:
            alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                if "momentum_buffer" not in self.state[p]:
                    self.state[p]["momentum_buffer"] = torch.zeros_like(p)
                kept = self.state[p]["momentum_buffer"]
                kept.lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(kept, group["momentum"])
                alike.setdefault(p.shape, []).append((p, ahead))
            for shape, pairs in alike.items():
                turned = orthogonalise(torch.stack([ahead for _, ahead in pairs]))
                size = 0.2 * max(shape) ** 0.5 * group["lr"]
                for (p, _), direction in zip(pairs, turned, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=size)


def orthogonalise(x: Float[Tensor, "K M N"], rounds: int = 5) -> Float[Tensor, "K M N"]:
    """About U V^T of each matrix U S V^T: singular values end between 0.7 and 1.2."""
    if x.shape[1] > x.shape[2]:
        return orthogonalise(x.mT, rounds).mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(rounds):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
