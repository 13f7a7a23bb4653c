"""A corpus in miniature: coloured blobs that move, and noise that sounds while a stream is seen."""

from pathlib import Path

import numpy as np

from multigen.audio.corpus import write_clip
from multigen.types import Clip, Role, Waveform


def tiny_clip(seed: int, seconds: float = 4.8, side: int = 64) -> tuple[Clip, Waveform]:
    """A receiver that fills while a stream falls into it; the fuller, the brighter the noise."""
    rng = np.random.default_rng(seed)
    count = round(25 * seconds)
    begin, end = np.sort(rng.uniform(0.1, 0.9, 2)) * count
    x = int(rng.integers(20, 44))
    roles = np.zeros((count, side, side), np.uint8)
    roles[:, 52:] = Role.TABLE
    roles[:, 30:52, x - 8 : x + 8] = Role.RECEIVER
    roles[:, 2:14, x - 14 : x - 4] = Role.SOURCE
    level, pours = np.zeros(count), np.zeros(count, bool)
    for i in range(count):
        pours[i] = begin <= i < end
        level[i] = (level[i - 1] if i else 0) + 18 * pours[i] / max(end - begin, 1)
        top = 50 - int(level[i])
        roles[i, top:50, x - 6 : x + 6] = Role.LIQUID
        if pours[i]:
            roles[i, 12:top, x : x + 2] = Role.STREAM
    palette = rng.integers(0, 255, (7, 3)).astype(np.uint8)
    noise = rng.standard_normal(640 * count)
    smooth = np.convolve(noise, np.ones(8) / 8, "same")
    mix = np.repeat(level / 18, 640)
    sound = 0.1 * np.repeat(pours, 640) * (mix * noise + (1 - mix) * smooth)
    return Clip(25.0, palette[roles], roles), Waveform(16_000, sound.astype(np.float32))


def tiny_corpus(folder: Path, clips: int = 5) -> Path:
    """Write a corpus of ``clips`` clips, the last one held out, the first one without roles."""
    for i in range(clips):
        clip, sound = tiny_clip(i)
        if i == 0:
            clip = Clip(clip.fps, clip.rgb, None)
        split = "val" if i == clips - 1 else "train"
        write_clip(folder, f"tiny-{i}", clip, sound, split=split, caption="pouring noise")
    return folder
