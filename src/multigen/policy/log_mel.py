"""The ear's input: the log-mel of ASTFeatureExtractor, batched torch on any device.

Reads:  sound at 16 kHz in [-1, 1].   Makes: log-mel in [-1, 1].
Used by: policy.windows (once per episode, for training), policy.controller (at every decision).
Axes:   N samples · F log-mel frames (100 a second) · M mel bands.

Frames of 400 samples every 160, no centring; mean removed; pre-emphasis 0.97 with the first sample
repeated; symmetric Hann; power of a 512-point FFT; 64 triangles with straight sides on Kaldi's mel
axis from 20 Hz to 8 kHz; natural logarithm (paper, section 4.2: window 400, hop 160, 64 bands).
The range is known in advance, so it is mapped to [-1, 1] by constants and not by statistics:
digital silence is log(eps) = -15.94, a full-scale sine peaks at 10.4.
Padding belongs to the waveform: padding a log-mel with 0 would sound like noise of amplitude 0.1.
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

SAMPLE_RATE = 16_000
WINDOW, HOP, FFT, BANDS = 400, 160, 512, 64
LOW_HZ, HIGH_HZ = 20.0, SAMPLE_RATE / 2
PRE_EMPHASIS = 0.97
FLOOR = float(torch.finfo(torch.float32).eps)
"""Smallest band power; its logarithm, -15.94, is what silence looks like."""
LOUDEST, SILENT = 10.6, -16.0
"""Log-mel values that become +1 and -1."""
HALF_RANGE = (LOUDEST - SILENT) / 2
"""One unit of the scaled log-mel in nepers of power."""


def samples_for(seconds: float) -> int:
    """Samples that make exactly ``100 * seconds`` frames: 64 240 for 4 s."""
    return WINDOW + HOP * (round(seconds * SAMPLE_RATE / HOP) - 1)


def mel_matrix() -> Float[Tensor, "bins M"]:
    """Triangles on the mel axis m = 1127 ln(1 + f / 700), not area-normalised."""

    def mel(hz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log1p(np.asarray(hz, np.float64) / 700.0)

    bins = mel(np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT)[:, None]
    edges = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2)
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    sides = np.minimum((bins - left) / (peak - left), (right - bins) / (right - peak))
    return torch.from_numpy(np.clip(sides, 0.0, None)).float()


@cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.hann_window(WINDOW, periodic=False, device=device), mel_matrix().to(device)


def log_mel(sound: Float[Tensor, "*b N"]) -> Float[Tensor, "*b F M"]:
    """Natural logarithm of mel power, ``F = 1 + (N - 400) // 160`` frames; N >= 400.

    Equals transformers' ``ASTFeatureExtractor(do_normalize=False)`` to about 1e-3.
    """
    hann, matrix = _constants(sound.device)
    frames = sound.unfold(-1, WINDOW, HOP)
    frames = frames - frames.mean(-1, keepdim=True)
    previous = torch.cat([frames[..., :1], frames[..., :-1]], -1)
    power = torch.fft.rfft((frames - PRE_EMPHASIS * previous) * hann, n=FFT).abs().square()
    return (power @ matrix).clamp_min(FLOOR).log()


def scale(mel: Float[Tensor, "*b F M"]) -> Float[Tensor, "*b F M"]:
    """Log-mel in nepers of power -> [-1, 1], by constants."""
    return (mel - SILENT) / HALF_RANGE - 1.0


def recent_mel(sound: Float[Tensor, "*b N"], seconds: float) -> Float[Tensor, "*b F M"]:
    """Scaled log-mel of the last ``seconds``; the waveform is zero-padded on the left."""
    want = samples_for(seconds)
    sound = sound[..., max(sound.shape[-1] - want, 0) :]
    return scale(log_mel(F.pad(sound, (want - sound.shape[-1], 0))))


def episode_mel(sound: Float[Tensor, " N"], seconds: float) -> Float[Tensor, "F M"]:
    """Scaled log-mel of a whole episode, such that every decision's window is a slice of it.

    ``episode_mel(s, 4.0)[r : r + 400]`` with ``r = n // 160`` is ``recent_mel(s[:n], 4.0)`` for every
    n that is a multiple of the hop: the zeros before the start are part of the waveform.
    """
    return scale(log_mel(F.pad(sound, (samples_for(seconds), 0))))
