"""Waveform to log-mel spectrogram, exactly as the MMAudio family defines it (16 kHz and 44.1 kHz).

Comes in:  waves in [-1, 1], float32 [B, N].
Goes out:  log-mel [B, n_mels, floor(N / hop)]; the mel matrix; linear magnitudes.
Used by:   codec, phase, the sound models' training, mmaudio.codec.
Source:    MMAudio's front end (STFT without centring, Slaney mel, clamp at 1e-5): reflect-pad by
           (n_fft - hop) / 2, so frame m is centred on sample (m + 1/2) * hop and N samples give
           N / hop frames.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import MediaError

MEL_FLOOR = 1e-5
"""Smallest mel magnitude; its logarithm is the value of silence."""


@dataclass(frozen=True)
class MelConfig:
    """One front end. ``natural_log`` False: log10 (the 16 kHz family); True: ln (44.1 kHz)."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int
    f_max_hz: float
    natural_log: bool

    @property
    def pad(self) -> int:
        """Samples reflected at each end."""
        return (self.n_fft - self.hop) // 2

    @property
    def silence(self) -> float:
        """The log-mel value of silence: -5 (log10) or -11.51 (ln)."""
        return log(MEL_FLOOR) if self.natural_log else -5.0


MEL_16K = MelConfig(16_000, 1024, 256, 80, 8_000.0, natural_log=False)
MEL_44K = MelConfig(44_100, 2048, 512, 128, 22_050.0, natural_log=True)


def _hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """Slaney's scale: linear (200/3 Hz per mel) below 1 kHz, then 27 steps per factor 6.4."""
    linear = hz / (200 / 3)
    steps = 15 + 27 * np.log(np.maximum(hz, 1000.0) / 1000) / np.log(6.4)
    return np.where(hz < 1000, linear, steps)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


@lru_cache
def mel_matrix(config: MelConfig = MEL_16K) -> Float[np.ndarray, "n_mels bins"]:
    """Triangles in Hz, each of area 1 (times bin width), float64 rounded once to float32."""
    top = _hz_to_mel(np.array(config.f_max_hz))
    edges = _mel_to_hz(np.linspace(0.0, float(top), config.n_mels + 2))
    bins = np.linspace(0, config.sample_rate / 2, config.n_fft // 2 + 1)
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (mid - low), (high - bins) / (high - mid)
    triangles = np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)
    return triangles.astype(np.float32)


@lru_cache
def _tables(config: MelConfig, device: str) -> tuple[Tensor, Tensor]:
    matrix = torch.from_numpy(mel_matrix(config)).to(device)
    return torch.hann_window(config.n_fft, periodic=True, device=device), matrix


def magnitudes(
    wave: Float[Tensor, "B N"], config: MelConfig = MEL_16K
) -> Float[Tensor, "B bins M"]:
    """``sqrt(re^2 + im^2 + 1e-9)`` of the frames, wave clamped to [-1, 1].

    Raises MediaError for a wave too short to reflect (N <= (n_fft - hop) / 2 or N < hop).
    """
    if wave.shape[-1] <= max(config.pad, config.hop - 1):
        raise MediaError(
            f"a mel spectrogram needs more than {config.pad} samples at {config.sample_rate} Hz, "
            f"got {wave.shape[-1]}; pad the sound with silence"
        )
    window, _ = _tables(config, str(wave.device))
    padded = torch.nn.functional.pad(
        wave.clamp(-1, 1)[:, None], (config.pad, config.pad), mode="reflect"
    )[:, 0]
    spectrum = torch.stft(
        padded, config.n_fft, config.hop, window=window, center=False, return_complex=True
    )
    return (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()


def log_mel(wave: Float[Tensor, "B N"], config: MelConfig = MEL_16K) -> Float[Tensor, "B n_mels M"]:
    """Log-mel spectrogram, M = floor(N / hop) frames; silence is ``config.silence`` everywhere."""
    _, matrix = _tables(config, str(wave.device))
    mel = (matrix @ magnitudes(wave, config)).clamp(min=MEL_FLOOR)
    return mel.log() if config.natural_log else mel.log10()
