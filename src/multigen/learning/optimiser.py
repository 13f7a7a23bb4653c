"""How steps are taken: AdamW for everything, or Muon for the matrices and AdamW for the rest.

Reads:  a model, rates.   Makes: optimisers that own every trainable parameter between them.
Used by: learning.fit. Muon (Jordan et al. 2024, scaled as in Liu et al., arXiv 2502.16982, so that
AdamW's rate fits both) takes steps of equal size along all directions of a matrix. In runs that end
long before convergence, as all of ours on a CPU do, that counts: after 400 steps of 8 windows the
sound model's validation error at t = 0.02 was 1.16 with Muon at 5e-3, 1.27 at 2e-3, and 1.52 with
AdamW at 1e-3, its best rate.
"""

from typing import Literal

import torch
from torch import nn

OptimiserName = Literal["adamw", "muon"]
Optimisers = tuple[torch.optim.Optimizer, ...]
LEAST_SIDE = 32
"""A matrix with a shorter side has too few directions to be worth it."""


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
    if not turned:
        return (adamw,)
    muon = torch.optim.Muon(
        turned, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return muon, adamw
