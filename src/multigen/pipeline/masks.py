"""Masks for a real video: by SAM 2 where the user has its weights, else by boxes and motion.

Reads:  a video, Prompts, perhaps a folder of weights.   Makes: ``<stem>.roles.mkv``, which
``sonify --video CLIP --masks DIR`` reads, and ``<stem>.masks.png`` to look at.   Used by: cli.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from ..errors import ConfigError, MediaError
from ..files import probe, replacing, write_roles
from ..files.excerpt import shrunk
from ..files.video import frames_of
from ..masks import overlay
from ..masks.motion import LIMITS, roles_from_motion
from ..masks.prompts import Box, Prompt, Prompts
from ..types import Role

SHORT_SIDE = 384
"""Role images of larger videos are this small: sound models look at 64 pixels."""
_SHOWN = 6


@dataclass(frozen=True)
class Masked:
    """Where the role images are, and how much they may be trusted."""

    roles: Path
    frames: int
    how: str
    """One sentence: by what they were made, and what that cannot do."""


def mask_video(
    video: Path, out: Path, prompts: Prompts, *, weights: Path | None = None, device: str = "cpu"
) -> Masked:
    """Role images of every frame of ``video`` as ``out/<stem>.roles.mkv``.

    With ``weights`` (a SAM 2 folder) every prompted role is followed; without, ``source`` and
    ``receiver`` must be boxes, and only the stream is looked for (``masks.motion``). Raises
    ConfigError for prompts that do not fit, WeightsError for unusable weights, MediaError for an
    unusable video; nothing is written then.
    """
    if not prompts:
        raise ConfigError("nothing is pointed at; give --source and --receiver, or --prompts FILE")
    if weights is not None:
        small, roles = _by_sam2(video, prompts, weights, device)
        how = f"SAM 2 ({Path(weights).name}) followed {_names(prompts)}; roles not pointed at stay background"
    else:
        small, roles = _by_motion(video, prompts)
        how = LIMITS
    path = Path(out) / f"{Path(video).stem}.roles.mkv"
    write_roles(path, roles, probe(video).fps or 25.0)
    with replacing(Path(out) / f"{Path(video).stem}.masks.png") as part:
        picks = np.linspace(0, len(small) - 1, _SHOWN + 2).round().astype(int)[1:-1]
        shown = np.concatenate([overlay(small[i], roles[i]) for i in picks], 1)
        Image.fromarray(shown).save(part, format="PNG")
    return Masked(path, len(roles), how)


def roles_for(video: Path, masks: Path) -> Path:
    """The role video of ``video``: ``masks`` itself, or in that folder ``<stem>.roles.mkv``, else
    ``roles.mkv``."""
    if not masks.is_dir():
        return masks
    own = masks / f"{Path(video).stem}.roles.mkv"
    return own if own.is_file() else masks / "roles.mkv"


def _by_sam2(
    video: Path, prompts: Prompts, weights: Path, device: str
) -> tuple[np.ndarray, np.ndarray]:
    from .sam2 import load_sam2, roles_by_sam2

    model = load_sam2(weights, device)
    small: list[np.ndarray] = []
    first = next(frames_of(video), None)
    if first is None:
        raise MediaError(f"{video} holds no frames; give a video that shows something")

    def seen() -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        for _, rgb in frames_of(video):
            small.append(shrunk(rgb, SHORT_SIDE))
            yield rgb

    height, width = shrunk(first[1], SHORT_SIDE).shape[:2]
    roles = list(roles_by_sam2(model, seen(), prompts, (height, width)))
    return np.stack(small), np.stack(roles)


def _by_motion(video: Path, prompts: Prompts) -> tuple[np.ndarray, np.ndarray]:
    source, receiver = (_box(prompts, role) for role in (Role.SOURCE, Role.RECEIVER))
    info, frames = probe(video), []
    scale = 1.0
    for _, rgb in frames_of(video):
        frames.append(shrunk(rgb, SHORT_SIDE))
        scale = frames[-1].shape[0] / rgb.shape[0]
    if not frames:
        raise MediaError(f"{video} holds no frames; give a video that shows something")
    small = np.stack(frames)
    places = (_scaled(source, scale), _scaled(receiver, scale))
    return small, roles_from_motion(small, info.fps or 25.0, *places)


def _scaled(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = box
    return scale * x0, scale * y0, scale * x1, scale * y1


def _box(prompts: Prompts, role: Role) -> Box:
    box = prompts.get(role, Prompt()).box
    if box is None:
        name = role.name.lower()
        raise ConfigError(
            f"without SAM 2 weights --{name} needs a box x0,y0,x1,y1; points are for --weights"
        )
    return box


def _names(prompts: Prompts) -> str:
    return ", ".join(role.name.lower() for role in prompts)
