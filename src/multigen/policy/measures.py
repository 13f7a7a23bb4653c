"""What a policy says besides actions, and is told in turn: places, sizes, and the amount they make of beliefs.

Reads:  features of what was seen and felt, an ear's beliefs.   Makes: a few numbers with a unit each.
Used by: policy.policy. Their truth is known in simulation alone, and is asked for in training alone.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..ear.network import USUAL_AIR_M
from .config import PLACES, SIZES

AMOUNTS = 2
"""Numbers that ``amounts`` makes."""
USUAL_ROOM, USUAL_DEPTH_M = 1.5, 0.08
"""Where the logarithms of sizes have their zero."""
MOST_LOG = 2.5
"""No size is believed beyond this logarithm."""
_EMPTIEST = -0.5
"""Of a vessel whose air column is longer than it is deep: heard and seen disagree, and both err."""


class Places(nn.Module):
    """What is seen and felt -> three places in the hand's frame [dm]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.far = perceptron(width, PLACES, layers=2)
        self.near = nn.Linear(width, PLACES)

    def forward(self, x: Float[Tensor, "B W"]) -> Float[Tensor, "B 9"]:
        return self.far(x) + self.near(x)


def build_sizes(width: int) -> nn.Module:
    """What is seen and felt -> logarithms of PolicyCache.sizes, over what is usual."""
    return perceptron(width, SIZES, layers=1)


def perceptron(width: int, out: int, *, layers: int) -> nn.Sequential:
    """Hidden layers of 256."""
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(width, 256), nn.SiLU()]
        width = 256
    return nn.Sequential(*parts, nn.Linear(width, out))


def log_sizes(sizes: Float[Tensor, "B 2"]) -> Float[Tensor, "B 2"]:
    """What ``build_sizes`` should say."""
    return torch.log(sizes / sizes.new_tensor([USUAL_ROOM, USUAL_DEPTH_M]))


def sizes_said(said: Float[Tensor, "*b 2"]) -> Float[Tensor, "*b 2"]:
    """The sizes of which ``said`` are the logarithms: the inverse of ``log_sizes``."""
    usual = said.new_tensor([USUAL_ROOM, USUAL_DEPTH_M])
    return said.clamp(-MOST_LOG, MOST_LOG).exp() * usual


def amounts(heard: Float[Tensor, "B 30"], said: Float[Tensor, "B 2"]) -> Float[Tensor, "B 2"]:
    """Share of the source's initial volume in the receiver, by the heard fill and by the heard air column.

    Both take the receiver for a cylinder of the depth and capacity in ``said``. A length of air can be
    heard, a share of the vessel only by who knows how deep it is: to the ear a small cup is a full one.
    """
    room, depth = sizes_said(said).T
    air = USUAL_AIR_M * heard[:, 2].clamp(-MOST_LOG, MOST_LOG).exp()
    level = (1 - air / depth).clamp_min(_EMPTIEST)
    return torch.stack([heard[:, 0] * room, level * room], -1)
