"""The compact sound model: eyes, flow network and codec, together one checkpoint folder.

Reads:  views (frames, roles), latents.   Makes: velocities; config.json, model.safetensors and
codec.safetensors.   Used by: audio.train (fits it), audio.generator (listens to it).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import WeightsError
from ..learning import load_config, load_state, save_checkpoint, shapes
from ..types import Role
from .codec import PcaCodec
from .eyes import Eyes, EyesConfig, View
from .network import Conditions, FlowNetwork, NetworkConfig, preset
from .network.layers import nearest_in_time

CODEC = "codec.safetensors"
FRAMES_PER_UNIT = 4
"""0.16 s: the shortest time that holds whole frames (4) and whole latents (5)."""
LATENTS_PER_UNIT = 5


@dataclass(frozen=True)
class SoundConfig:
    """Everything but the weights."""

    network: NetworkConfig
    eyes: EyesConfig
    sample_rate: int = 16_000
    window_s: float = 4.0
    """Length the model was trained on; longer clips are made in overlapping windows."""
    steps: int = 8
    """Sampling steps unless told otherwise; with 16 nothing measured is better."""
    guidance: float = 1.0
    """1: none. More costs a second evaluation per step and makes the shipped model's onsets later: with 2,
    140 ms (median, table-top pours of benchmarks/onset.py) instead of 60."""
    told_guidance: float = 3.0
    """The same for what is told (``audio.told``) alone, where something is: it is what the pitch hangs on.
    1: none. More costs a second evaluation per step."""


def sound_config(name: str, latent_dim: int, window_s: float = 4.0) -> SoundConfig:
    """A compact preset ('pour_nano', 'pour_micro', 'pour_small') for a codec's latent size."""
    network = preset(name, latent_dim=latent_dim)
    return SoundConfig(network, EyesConfig(dim=network.clip_dim, told=True), window_s=window_s)


def latents_for(frames: int) -> int:
    """Latents (31.25 per second) that cover ``frames`` views (25 per second)."""
    return -(-frames * LATENTS_PER_UNIT // FRAMES_PER_UNIT)


class SoundModel(nn.Module):
    """Views in, velocity of normalised latents out.

    Beside the flow stands a plain regression, ``expect``: the latents that the motion features alone
    lead one to expect, their conditional mean. A flow's own loss rests mostly on the noise it was
    given and says little about what was seen; the regression tells the eyes directly.
    """

    def __init__(self, config: SoundConfig) -> None:
        super().__init__()
        self.config = config
        self.eyes = Eyes(config.eyes)
        self.network = FlowNetwork(config.network)
        self.expect = nn.Linear(config.eyes.dim, config.network.latent_dim)

    def conditions(
        self, view: View, length: int, blind: Bool[Tensor, " B"] | None = None
    ) -> Conditions:
        """What is seen, projected once; ``blind`` samples get the empty vectors instead."""
        clip, sync = self.eyes(view)
        return self.seen(view, clip, sync, length, blind)

    def expected(self, sync: Float[Tensor, "B F D"], length: int) -> Float[Tensor, "B N C"]:
        """Normalised latents to expect of motion features: their mean, a blurred sound."""
        return nearest_in_time(self.expect(sync), length)

    def seen(
        self,
        view: View,
        clip: Float[Tensor, "B T D"],
        sync: Float[Tensor, "B F D"],
        length: int,
        blind: Bool[Tensor, " B"] | None = None,
    ) -> Conditions:
        """``conditions`` of features that are there already."""
        valid = view.valid
        if blind is not None:
            off = blind[:, None, None]
            clip = torch.where(off, self.network.empty_clip_feat, clip)
            sync = torch.where(off, self.network.empty_sync_feat, sync)
            valid = valid & ~blind
        masks = view.masks if bool(valid.any()) else None
        return self.network.conditions(clip, sync, None, length, masks, valid)

    def branches(
        self, view: View, length: int, guidance: float, told_guidance: float
    ) -> tuple[Conditions, list[float]]:
        """Conditions of every branch that guidance needs, in one batch, and their weights (sum 1).

        ``null + guidance (untold - null) + told_guidance (told - untold)``: classifier-free guidance for
        two conditions (Brooks et al. 2023, "InstructPix2Pix", eq. 3, with the roles of the two as here).
        """
        told = self.conditions(view, length)
        joined, weights = told, [told_guidance]
        if told_guidance != guidance:
            joined = joined.join(self.conditions(replace(view, told=None), length))
            weights.append(guidance - told_guidance)
        if guidance != 1:
            joined = joined.join(self.network.null_conditions(told, view.rgb.shape[1]))
            weights.append(1 - guidance)
        return joined, weights

    def velocity(
        self, x: Float[Tensor, "B N C"], t: Float[Tensor, " B"], c: Conditions
    ) -> Float[Tensor, "B N C"]:
        """dx/dt of the latents."""
        return self.network.velocity(x, t, c)


def save_sound_model(
    folder: Path,
    config: SoundConfig,
    state: dict[str, Tensor],
    codec: PcaCodec,
    *,
    half: bool = False,
) -> None:
    """Write a checkpoint folder that ``load_sound_model`` and ``load_generator`` read."""
    codec.save(folder / CODEC)
    save_checkpoint(folder, config, state, half=half)


def load_sound_model(folder: Path) -> tuple[SoundModel, PcaCodec]:
    """Model (evaluation mode, 32 bit) and codec of a checkpoint folder.

    Raises WeightsError for missing or foreign tensors, other roles than ours, or a codec of another
    latent size.
    """
    config = load_config(SoundConfig, folder)
    model = SoundModel(config)
    model.load_state_dict(load_state(folder, shapes(model)))
    codec = PcaCodec.load(folder / CODEC)
    if codec.latent_dim != config.network.latent_dim:
        raise WeightsError(
            f"{folder / CODEC} has {codec.latent_dim} dimensions and the network "
            f"{config.network.latent_dim}; use the codec it was trained with"
        )
    ours = tuple(r.name.lower() for r in Role)
    if config.network.masks is not None and config.network.masks.classes != ours:
        raise WeightsError(
            f"{folder} was trained with mask classes {config.network.masks.classes}; need {ours}"
        )
    return model.eval(), codec
