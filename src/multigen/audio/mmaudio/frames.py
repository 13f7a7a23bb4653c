"""Which frames MMAudio's eyes see, and at what size: exact, without torchvision.

Reads:  frames uint8 [T, H, W, 3] with their times, role images.   Makes: indices, pictures, masks.
Used by: mmaudio.features, mmaudio.generator, finetuning.
Rules: MMAudio's decoding and preprocessing, restated in docs/mmaudio.md.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from ...errors import ClockError
from ...types import Role
from ..shrink import area_weights

CLIP_FPS, SYNC_FPS = 8, 25
SEGMENT, STRIDE = 16, 8
"""Frames of a Synchformer segment, and from one segment to the next."""
SHORTEST_S = SEGMENT / SYNC_FPS
CLIP_SIDE, SYNC_SIDE, MASK_SIDE = 384, 224, 64
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def pick_frames(
    times_s: Sequence[float], rates: Sequence[float], end_s: float
) -> list[Int64[np.ndarray, " n"]]:
    """Indices of the frames shown to each rate's clock.

    A clock starts at 0; while a frame's time has reached it, the frame is given and the clock moves on
    by 1 / rate (accumulated in floating point: slow videos repeat frames). The first frame later than
    ``end_s`` is the last one looked at.
    """
    clocks = [0.0] * len(rates)
    picked: list[list[int]] = [[] for _ in rates]
    for i, now in enumerate(times_s):
        for r, rate in enumerate(rates):
            while now >= clocks[r]:
                picked[r].append(i)
                clocks[r] += 1 / rate
        if now > end_s:
            break
    return [np.array(p, np.int64) for p in picked]


def fit_duration(
    clip_frames: int, sync_frames: int, wanted_s: float
) -> tuple[float, int, int, int]:
    """(duration, appearance frames, motion frames, motion features) of what was picked.

    Too few frames of either kind shorten the duration to what they cover. Raises ClockError when less
    than one motion segment (0.64 s) is left.
    """
    duration = min(wanted_s, clip_frames / CLIP_FPS, sync_frames / SYNC_FPS)
    sync = int(SYNC_FPS * duration)
    if sync < SEGMENT:
        raise ClockError(
            f"the clip lasts {duration:.2f} s; MMAudio needs {SHORTEST_S:g} s, repeat or hold it"
        )
    features = STRIDE * ((sync - SEGMENT) // STRIDE + 1)
    return duration, int(CLIP_FPS * duration), sync, features


def schedule(
    count: int, fps: float
) -> tuple[float, Int64[np.ndarray, " T"], Int64[np.ndarray, " S"]]:
    """(duration, appearance indices, motion indices) of ``count`` frames at ``fps``.

    The last frame is held until the clip ends (and up to the shortest duration), so that the
    duration is the clip's whatever its rate.
    """
    wanted = max(count / fps, SHORTEST_S)
    times = [i / fps for i in range(count)]
    clip, sync = pick_frames([*times, wanted], (CLIP_FPS, SYNC_FPS), wanted)
    duration, t, s, _ = fit_duration(len(clip), len(sync), wanted)
    return duration, np.minimum(clip[:t], count - 1), np.minimum(sync[:s], count - 1)


def _resize(
    frames: UInt8[np.ndarray, "T H W 3"], height: int, width: int
) -> UInt8[Tensor, "T 3 h w"]:
    """Bicubic with anti-aliasing on whole numbers, as torchvision does on a CPU."""
    x = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(
        x, size=(height, width), mode="bicubic", align_corners=False, antialias=True
    )


def for_clip(frames: UInt8[np.ndarray, "T H W 3"]) -> Float[Tensor, "T 3 384 384"]:
    """Squeezed to a square, aspect ratio not kept, standardised as CLIP was trained."""
    x = _resize(frames, CLIP_SIDE, CLIP_SIDE).float() / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (CLIP_MEAN, CLIP_STD))
    return (x - mean) / std


def for_synchformer(frames: UInt8[np.ndarray, "T H W 3"]) -> Float[Tensor, "T 3 224 224"]:
    """Shorter side to 224, centre cropped, mean and standard deviation 0.5."""
    height, width = frames.shape[1:3]
    short = min(height, width)
    h, w = (int(SYNC_SIDE * side / short) for side in (height, width))
    x = _resize(frames, h, w)
    top, left = (round((side - SYNC_SIDE) / 2) for side in (h, w))
    x = x[:, :, top : top + SYNC_SIDE, left : left + SYNC_SIDE]
    return (x.float() / 255 - 0.5) / 0.5


def segments_of(frames: UInt8[np.ndarray, "S H W 3"]) -> list[UInt8[np.ndarray, "16 H W 3"]]:
    """Overlapping segments; an incomplete tail is dropped."""
    starts = range(0, len(frames) - SEGMENT + 1, STRIDE)
    return [frames[start : start + SEGMENT] for start in starts]


def mask_input(
    roles: UInt8[np.ndarray, "T H W"], side: int = MASK_SIDE
) -> Float32[np.ndarray, "T 7 side side"]:
    """Share of each pixel that each role fills: one-hot, then area average, to ``side`` x ``side``."""
    down, across = (area_weights(n, side) for n in roles.shape[1:3])
    each = [down @ (roles == role).astype(np.float32) @ across.T for role in Role]
    return np.stack(each, 1)
