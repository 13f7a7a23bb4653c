"""Other people's encoders: CLIP's eyes and AST's ears, where the user has them.

Reads:  transformers checkpoints (a folder, or a hub id where the hub can be reached).
Makes:  the same policy with its encoders' weights replaced.   Used by: policy.train.
The paper starts from CLIP ViT-B/16 (openai/clip-vit-base-patch16); ManiWAV's AST starts from nothing.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ASTModel, CLIPVisionModel

from ..errors import WeightsError
from ..learning import check_state, shapes
from .encoders import ClipEyes, Ears
from .policy import AudioVisualDiffusionPolicy

AST_POSITIONS = "embeddings.position_embeddings"
AST_TOKENS = 2
"""Class and distillation token: they stand before the patches."""


def load_pretrained_encoders(
    policy: AudioVisualDiffusionPolicy,
    *,
    clip: str | Path | None = None,
    ast: str | Path | None = None,
) -> None:
    """Replace the weights of the encoders, in place; every tensor must fit.

    AST's position embeddings are interpolated to our patch grid, as its authors do for other lengths.
    Raises WeightsError where there is no such checkpoint or it is of another size.
    """
    eyes, ears = getattr(policy, "eyes", None), getattr(policy, "ears", None)
    if clip is not None:
        if not isinstance(eyes, ClipEyes):
            raise WeightsError(
                f"preset '{policy.config.preset}' has no CLIP eyes; use preset 'paper' with vision"
            )
        _replace(eyes.clip, _fetch(CLIPVisionModel, clip).state_dict(), clip)
    if ast is not None:
        if not isinstance(ears, Ears):
            raise WeightsError(
                f"preset '{policy.config.preset}' with these senses has no AST ears; use preset 'paper' "
                "with audio"
            )
        theirs = _fetch(ASTModel, ast)
        state = dict(theirs.state_dict())
        state[AST_POSITIONS] = fit_positions(state[AST_POSITIONS], _grid(theirs), _grid(ears.ast))
        _replace(ears.ast, state, ast)


def fit_positions(positions: Tensor, theirs: tuple[int, int], ours: tuple[int, int]) -> Tensor:
    """Position embeddings [1, 2 + frequency * time, C] from one patch grid to another, bilinearly."""
    tokens, patches = positions[:, :AST_TOKENS], positions[:, AST_TOKENS:]
    image = patches.transpose(1, 2).unflatten(2, theirs)
    image = F.interpolate(image, size=ours, mode="bilinear", align_corners=False)
    return torch.cat([tokens, image.flatten(2).transpose(1, 2)], 1)


def _grid(model: Any) -> tuple[int, int]:
    """Patches along (frequency, time)."""
    c = model.config
    return (
        (c.num_mel_bins - c.patch_size) // c.frequency_stride + 1,
        (c.max_length - c.patch_size) // c.time_stride + 1,
    )


def _fetch(kind: Any, source: str | Path) -> Any:
    try:
        return kind.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"no {kind.__name__} checkpoint at {source}; give a folder with config.json and "
            "model.safetensors, or a hub id while the hub can be reached"
        ) from error


def _replace(module: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    check_state(state, shapes(module), str(source))
    module.load_state_dict(state)
