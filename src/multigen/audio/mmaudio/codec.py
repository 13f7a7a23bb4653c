"""The codec of a rate: waveform to mel, mel to latents, and back to mel.

Reads:  waveforms in [-1, 1], an official VAE file.   Makes: log-mel, latents.   Used by: mmaudio.load,
finetuning (latents of a corpus), users.
"""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ...errors import ConfigError
from ..mel import MEL_16K, MEL_44K, MelConfig, log_mel
from .vae import Posterior, Vae, VaeConfig


@dataclass(frozen=True)
class RateConfig:
    """Everything that hangs on the rate: 16000 or 44100 Hz."""

    name: str
    mel: MelConfig
    vae: VaeConfig

    @property
    def latent_samples(self) -> int:
        """Samples that one latent stands for: two hops."""
        return 2 * self.mel.hop

    def latents_for(self, seconds: float) -> int:
        """ceil(seconds * rate / hop / 2)."""
        return math.ceil(seconds * self.mel.sample_rate / self.mel.hop / 2)


RATES = {
    16_000: RateConfig("16k", MEL_16K, VaeConfig(80, 20, 384)),
    44_100: RateConfig("44k", MEL_44K, VaeConfig(128, 40, 512)),
}


def rate_config(rate: int | str) -> RateConfig:
    """By samples per second (16000, 44100) or MMAudio's name ('16k', '44k'); ConfigError otherwise."""
    for hertz, config in RATES.items():
        if rate in (hertz, config.name):
            return config
    raise ConfigError(f"no codec for a rate of {rate}; MMAudio has 16000 ('16k') and 44100 ('44k')")


class Codec(Vae):
    """``mel``, ``encode`` and ``decode`` of one rate; the state dict is an official VAE file's."""

    def __init__(self, rate: RateConfig, config: VaeConfig) -> None:
        super().__init__(config)
        self.rate = rate

    @property
    def sample_rate(self) -> int:
        return self.rate.mel.sample_rate

    def mel(self, wav: Float[Tensor, "B N"]) -> Float[Tensor, "B bins M"]:
        """Log-mel spectrogram of samples in [-1, 1] (clamped); M = floor(N / hop)."""
        return log_mel(wav, self.rate.mel)

    def encode(self, mel: Float[Tensor, "B bins M"]) -> Posterior:
        """(mean, std) of the latents, each (B, C, floor(M / 2)); ``.sample(generator)`` draws."""
        self._check(mel, self.config.bins, "mel bins")
        return super().encode(mel)

    def decode(self, latent: Float[Tensor, "B C L"]) -> Float[Tensor, "B bins M"]:
        """Log-mel spectrogram of latents that are not normalised, M = 2 L."""
        self._check(latent, self.config.latent, "latent channels")
        return super().decode(latent)

    def _check(self, x: Tensor, want: int, what: str) -> None:
        if x.ndim != 3 or x.shape[1] != want:
            raise ConfigError(
                f"the {self.rate.name} codec got {list(x.shape)}; need (batch, {want} {what}, time)"
            )


def codec(rate: int | str, *, width: int | None = None) -> Codec:
    """The codec at 16000 or 44100 samples per second, freshly initialised, in evaluation mode.

    ``.load_state_dict(flat, strict=True)`` takes an official ``v1-16.pth`` or ``v1-44.pth``. ``width``
    replaces the base width (384 or 512). Raises ConfigError for another rate.
    """
    config = rate_config(rate)
    vae = config.vae if width is None else VaeConfig(config.vae.bins, config.vae.latent, width)
    return Codec(config, vae).eval()
