"""What training changes about what was seen and heard; acting never comes through here.

Reads:  a batch of windows, a generator.   Makes: the same batch, seen and heard a little differently.
Used by: policy.train.
Images: one colour change per decision, the same for all its frames. They are not moved (ManiWAV crops
5 %): a pixel of 96 is 7 mm at 0.45 m, and where things are is what the eyes are for. Sound: gain, spectral
tilt and a noise floor. Gain and tilt of a waveform are additions to its log-mel, and independent noises
add in power, so all three are exact in expectation without the waveform.
An ear's beliefs were worked out in several rooms (hearing.in_rooms); one of them is drawn.
"""

import math

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .log_mel import FLOOR, HALF_RANGE, SILENT

BRIGHTNESS, CONTRAST, SATURATION = 0.15, 0.2, 0.3
"""Factors are drawn in 1 +- this."""
GAIN_DB = 6.0
TILT_DB = 3.0
"""At the lowest and, with the other sign, at the highest band."""
NOISE_CHANCE = 0.5
NOISE_NEPERS = (-16.0, -9.0)
"""Level of the added noise in log-mel: from silence to noise of amplitude 0.001."""


def augment(batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """A copy of ``batch`` with ``images``, ``mel`` and ``heard`` (where present) changed."""
    changed = dict(batch)
    if "images" in batch:
        changed["images"] = recolour(batch["images"], generator)
    if "mel" in batch:
        changed["mel"] = rehear(batch["mel"], generator)
    if "heard" in batch:
        rooms = batch["heard"].shape[1]
        room = torch.randint(rooms, (len(batch["heard"]),), generator=generator)
        changed["heard"] = batch["heard"][torch.arange(len(room)), room.to(batch["heard"].device)]
    return changed


def _uniform(
    shape: tuple[int, ...], low: float, high: float, like: Tensor, g: torch.Generator
) -> Tensor:
    return (torch.rand(shape, generator=g) * (high - low) + low).to(like.device)


def recolour(
    images: UInt8[Tensor, "B T 3 H W"], generator: torch.Generator
) -> Float[Tensor, "B T 3 H W"]:
    """Saturation about grey, contrast about the mean, brightness; values stay in 0 .. 255."""
    x, one = images.float(), (len(images), 1, 1, 1, 1)
    saturation = _uniform(one, 1 - SATURATION, 1 + SATURATION, x, generator)
    contrast = _uniform(one, 1 - CONTRAST, 1 + CONTRAST, x, generator)
    brightness = _uniform(one, 1 - BRIGHTNESS, 1 + BRIGHTNESS, x, generator)
    grey = x.mean(2, keepdim=True)
    mean = grey.mean((1, 3, 4), keepdim=True)
    x = torch.lerp(grey, x, saturation)
    return (torch.lerp(mean, x, contrast) * brightness).clamp_(0, 255)


def rehear(mel: Float[Tensor, "B F M"], generator: torch.Generator) -> Float[Tensor, "B F M"]:
    """Gain and tilt in decibels, then, half the time, a noise floor with a tilt of its own."""
    b, _, bands = mel.shape
    nepers = math.log(10) / 10  # log-mel is in power
    ramp = torch.linspace(1, -1, bands, device=mel.device)
    level = (mel + 1) * HALF_RANGE + SILENT
    gain = _uniform((b, 1, 1), -GAIN_DB, GAIN_DB, mel, generator)
    level = level + nepers * (gain + _uniform((b, 1, 1), -TILT_DB, TILT_DB, mel, generator) * ramp)
    # power of noise in one band of one frame is spread about its mean; the wider bands less so
    spread = _uniform(tuple(mel.shape), -1.0, 0.7, mel, generator)
    noise = _uniform((b, 1, 1), *NOISE_NEPERS, mel, generator) + spread
    noise = noise + nepers * _uniform((b, 1, 1), -9.0, 9.0, mel, generator) * ramp
    noisy = torch.rand((b, 1, 1), generator=generator) < NOISE_CHANCE
    level = torch.where(noisy.to(mel.device), torch.logaddexp(level, noise), level)
    return (level.clamp_min(math.log(FLOOR)) - SILENT) / HALF_RANGE - 1
