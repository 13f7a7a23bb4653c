"""Any clip to its sound, by a user's MMAudio files.

Reads:  frames, role images where known, a prompt; the five files.   Makes: float32 samples.
Used by: audio.generator.load_generator (``--sound PATH``), users.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from ...errors import ConfigError
from ...learning.flow import Method
from ..door import check_clip
from ..network import FlowNetwork
from ..told import Told, refuse_untold
from ..waveform import fit
from .codec import Codec
from .features import Eyes, FeatureCache, default_cache
from .files import Files, find_files, rate_of_file, read_codec, read_network, read_vocoder
from .frames import mask_input, schedule
from .vocoder import Vocoder

STEPS, GUIDANCE = 25, 4.5
LICENCE = "official MMAudio weights are CC BY-NC 4.0: for non-commercial use only"
_log = logging.getLogger(__name__)


class MMAudioGenerator:
    """Gives a silent clip its sound; the same calls as ``multigen.audio.Generator``."""

    def __init__(
        self,
        network: FlowNetwork,
        codec: Codec,
        vocoder: Vocoder,
        eyes: Eyes,
        *,
        use_masks: bool = True,
        device: str = "cpu",
    ) -> None:
        """``use_masks=False`` ignores masks even where the network has a pathway for them."""
        if vocoder.hop != codec.rate.mel.hop or vocoder.config.num_mels != codec.config.bins:
            raise ConfigError(
                f"the vocoder takes {vocoder.config.num_mels} mels of {vocoder.hop} samples and the codec "
                f"makes {codec.config.bins} of {codec.rate.mel.hop}; use files of one rate"
            )
        self.network, self.codec = network.eval().to(device), codec.eval().to(device)
        self.vocoder, self.eyes, self.device = vocoder.eval().to(device), eyes, device
        self.use_masks = use_masks

    @property
    def sample_rate(self) -> int:
        """Samples per second of what ``generate`` returns: 16000 or 44100."""
        return self.codec.sample_rate

    @property
    def sees_masks(self) -> bool:
        """Do masks change the sound? Only with a trained pathway, and unless switched off."""
        return (
            self.use_masks and self.network.config.masks is not None and self.network.masks_loaded
        )

    can_be_told = False
    """It knows nothing of a receiver's size, see ``audio.told``."""

    @torch.no_grad()
    def generate(
        self,
        frames: UInt8[np.ndarray, "T H W 3"],
        masks: UInt8[np.ndarray, "T H W"] | None,
        fps: float,
        *,
        seed: int = 0,
        steps: int | None = None,
        guidance: float | None = None,
        method: Method = "euler",
        told: Told | None = None,
        prompt: str = "",
        negative_prompt: str = "",
    ) -> Float32[np.ndarray, " N"]:
        """Sound of T frames at ``fps``: N = round(T / fps * sample_rate) samples in [-1, 1].

        ``masks`` holds a Role per pixel, or None; they are used where ``sees_masks``. ``steps`` and
        ``guidance`` default to 25 and 4.5; guidance of 1 or less does without it. The same seed gives
        the same samples. Trained on 8 s: any duration from 0.5 to 60 s is made in one piece, and the
        further from 8 s the less it was practised. Errors as in ``multigen.audio.Generator.generate``.
        """
        refuse_untold(self, told)
        check_clip(frames, masks, fps)
        duration, appearance, motion = schedule(len(frames), fps)
        clip = self.eyes.appearance(frames, appearance)
        sync = self.eyes.motion(frames, motion)
        text, negative = self.eyes.text(prompt), self.eyes.text(negative_prompt)
        seen = None
        if masks is not None and self.sees_masks:
            seen = torch.from_numpy(mask_input(masks[appearance]))[None].to(self.device)
        generator = torch.Generator().manual_seed(seed)
        length = self.codec.rate.latents_for(duration)
        x0 = torch.randn(1, length, self.network.config.latent_dim, generator=generator)
        x = self.network.sample(
            x0.to(self.device), clip, sync, text,
            steps=STEPS if steps is None else steps,
            guidance=GUIDANCE if guidance is None else guidance,
            method=method, masks=seen, negative_text=negative,
        )  # fmt: skip
        mel = self.codec.decode(self.network.unnormalise(x).transpose(1, 2))
        wave = self.vocoder(mel)[0].cpu().numpy()
        return np.clip(fit(wave, round(len(frames) / fps * self.sample_rate)), -1, 1)


def load(
    source: str | Path | Mapping[str, str | Path] | Files,
    *,
    device: str = "cpu",
    cache: Path | str | None = "default",
    use_masks: bool = True,
) -> MMAudioGenerator:
    """A generator from a folder of official files, a network file with the rest beside it, or a mapping
    (``network``, ``vae``, ``vocoder``, ``synchformer``, ``clip``); see ``files.find_files``.

    ``cache``: a folder for features; 'default' is the user's cache folder, None keeps nothing. Raises
    WeightsError for missing files and for tensors that do not fit.
    """
    files = source if isinstance(source, Files) else find_files(source)
    rate = rate_of_file(files.network)
    network = read_network(files.network)
    about = "" if network.config.masks else " (no mask pathway: masks are not used)"
    _log.warning("%s%s; %s", files.network.name, about, LICENCE)
    folder = default_cache() if cache == "default" else None if cache is None else Path(cache)
    eyes = Eyes(files, FeatureCache(folder), device)
    codec, vocoder = read_codec(files.vae, rate), read_vocoder(files.vocoder, rate)
    return MMAudioGenerator(network, codec, vocoder, eyes, use_masks=use_masks, device=device)
