"""A flow network's sizes, read off its tensors.

Reads:  a flat state dict.   Makes: NetworkConfig, the rate's name.   Used by: mmaudio.files.
"""

from collections.abc import Mapping

from torch import Tensor

from ...errors import WeightsError
from ...types import Role
from ..network import MaskConfig, NetworkConfig
from .codec import RATES

_SHOWING = (
    "audio_input_proj.0.bias",
    "latent_mean",
    "joint_blocks.0.latent_block.attn.q_norm.weight",
    "clip_cond_proj.weight",
    "empty_clip_feat",
    "empty_sync_feat",
    "empty_string_feat",
    "sync_pos_emb",
)


def _blocks(state: Mapping[str, Tensor], name: str) -> int:
    return len({k.split(".")[1] for k in state if k.startswith(name + ".")})


def rate_of(state: Mapping[str, Tensor], where: str) -> str:
    """'16k' or '44k', by the latents' size."""
    latent = state["latent_mean"].numel() if "latent_mean" in state else 0
    for config in RATES.values():
        if config.vae.latent == latent:
            return config.name
    raise WeightsError(
        f"{where} is no MMAudio flow network (latent_mean has {latent} values, need 20 or 40); "
        "give e.g. mmaudio_small_16k.pth"
    )


def detect(state: Mapping[str, Tensor], where: str) -> NetworkConfig:
    """The config whose network has these tensors; version 2 shows by one key, masks by theirs.

    Raises WeightsError for something that is no MMAudio network, or masks of other classes.
    """
    if absent := [k for k in _SHOWING if k not in state]:
        raise WeightsError(f"{where} is no MMAudio flow network (no {absent[0]}); give one")
    hidden = len(state["audio_input_proj.0.bias"])
    head = len(state["joint_blocks.0.latent_block.attn.q_norm.weight"])
    text_length, text_dim = state["empty_string_feat"].shape
    return NetworkConfig(
        hidden=hidden,
        heads=max(1, hidden // head),
        joint=_blocks(state, "joint_blocks"),
        fused=_blocks(state, "fused_blocks"),
        latent_dim=state["latent_mean"].numel(),
        clip_dim=state["empty_clip_feat"].shape[1],
        sync_dim=state["empty_sync_feat"].shape[1],
        text_dim=text_dim,
        text_length=text_length,
        sync_period=state["sync_pos_emb"].shape[2],
        v2="clip_input_proj.2.w1.weight" in state,
        masks=_masks(state, where),
    )


def _masks(state: Mapping[str, Tensor], where: str) -> MaskConfig | None:
    """The mask pathway's sizes where the file has one."""
    first, second = (state.get(f"seg_encoder.conv{i}.weight") for i in (1, 2))
    proj = state.get("seg_encoder.proj.weight")
    if first is None or second is None or proj is None:
        return None
    if first.shape[1] != len(Role):
        raise WeightsError(
            f"{where} was trained with {first.shape[1]} mask classes; need our {len(Role)} roles "
            f"({', '.join(r.name.lower() for r in Role)})"
        )
    return MaskConfig(widths=(len(first), len(second)), embed=len(proj))
