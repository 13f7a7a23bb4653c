"""What the senses make of one moment, in numbers, and how far that is from the truth.

Reads:  what was felt and told, the answers of a policy's eyes and ears, in training their truth.
Makes:  the condition that the denoiser is told, the loss of the answers.
Used by: policy.policy, policy.validate.
The denoiser may learn from the truth, a little off, while eyes and ears learn to say it: from what they
say of pictures they have seen a hundred times it would learn to trust them more than it may later, and
from what they cannot know (how much of generated sound is one drop?) when to stop as vaguely as that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from .measures import log_sizes

DM = 10.0
"""Places are told in decimetres: numbers of the size of one."""
MOST_LANDED = 3.0
"""Of what was asked: beyond it the denoiser is told no more."""
SIZES_OFF, LANDED_OFF, PLACES_OFF_M = 0.15, (0.08, 0.01), 0.006
"""Spreads of the truth that is told: of a logarithm; relative and absolute; a length."""
PLACES_WEIGHT, PLACES_BETA_M = 0.2, 0.005
"""Of the error of the places (in decimetres, smooth L1); where it turns from square to linear."""
SIZES_WEIGHT, SIZES_BETA = 0.1, 0.05
"""Of the error of the sizes (in logarithms, smooth L1); where it turns from square to linear."""
LANDED_WEIGHT, LANDED_BETA = 0.5, 0.05
"""Of what has landed (as a share of the source's initial volume, smooth L1); where it turns."""


@dataclass(frozen=True)
class Impression:
    """Of B decisions. An answer that the policy is not asked for is None."""

    command: Float[Tensor, " B"]
    felt: Float[Tensor, "B F"]
    """All that the denoiser is told besides the answers."""
    sizes: Float[Tensor, "B 2"] | None = None
    """Logarithms of the receiver's (``measures.log_sizes``)."""
    landed: Float[Tensor, "B 1"] | None = None
    """Share of the source's initial volume."""
    places: Float[Tensor, "B 9"] | None = None
    """Three points in the hand's frame [dm]."""

    def condition(self) -> Float[Tensor, "B C"]:
        """All of it in one vector, as the denoiser is told it."""
        told = [self.felt]
        if self.sizes is not None:
            told.append(self.sizes)
        if self.landed is not None:
            asked = self.landed / self.command[:, None].float()
            # told, not taught: where a quarter is asked, actions would pull four times as hard at what is heard
            told += [asked.detach().clamp(-MOST_LANDED, MOST_LANDED), self.landed]
        if self.places is not None:
            told.append(self.places)
        return torch.cat(told, -1)


def with_truth(
    said: Impression, true: Mapping[str, Tensor], known: Tensor, generator: torch.Generator
) -> Impression:
    """``said`` with the truth, a little off, where there is one and ``known`` [B 1].

    ``true``: ``sizes`` [B 2], ``landed`` [B] and ``places`` [B 9] in metres; NaN: nobody knows.
    """

    def off(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator).to(like)

    def either(truth: Tensor, answer: Tensor) -> Tensor:
        return torch.where(truth.isfinite() & known, truth, answer)

    answers = {}
    if said.sizes is not None:
        sizes = log_sizes(true["sizes"]).to(said.sizes)
        answers["sizes"] = either(sizes + SIZES_OFF * off(sizes), said.sizes)
    if said.landed is not None:
        landed = true["landed"][:, None].to(said.landed)
        landed = landed * (1 + LANDED_OFF[0] * off(landed)) + LANDED_OFF[1] * off(landed)
        answers["landed"] = either(landed, said.landed)
    if said.places is not None:
        places = DM * true["places"].to(said.places)
        answers["places"] = either(places + DM * PLACES_OFF_M * off(places), said.places)
    return replace(said, **answers)


def answer_losses(said: Impression, true: Mapping[str, Tensor]) -> dict[str, tuple[float, Tensor]]:
    """Weight and error of each answer whose truth is known of any decision; ``true`` as in ``with_truth``."""
    losses = {}
    if said.places is not None:
        error = F.smooth_l1_loss(said.places, DM * true["places"], beta=DM * PLACES_BETA_M)
        losses["places"] = PLACES_WEIGHT, error
    if said.sizes is not None and (known := true["sizes"].isfinite().all(-1)).any():
        wanted = log_sizes(true["sizes"][known])
        losses["sizes"] = (
            SIZES_WEIGHT,
            F.smooth_l1_loss(said.sizes[known], wanted, beta=SIZES_BETA),
        )
    if said.landed is not None and (known := true["landed"].isfinite()).any():
        wanted = true["landed"][known]
        error = F.smooth_l1_loss(said.landed[known, 0], wanted, beta=LANDED_BETA)
        losses["landed"] = LANDED_WEIGHT, error
    return losses
