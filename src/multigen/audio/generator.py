"""Any clip to its sound: the public face of the compact sound model.

Reads:  frames, roles where known, a checkpoint folder.   Makes: float32 samples.   Used by: sonify,
the pipeline, flow_ears.
A clip longer than the training window is made in windows that overlap: the latents already made are
held fixed in the next window (inpainting), so that the sound runs on.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from ..learning import find_checkpoint, integrate
from ..learning.flow import Method, Velocity
from .codec import PcaCodec
from .door import check_clip
from .eyes import FRAME, ROLE_SIDE, ROLES, STATISTICS, VIEW_FPS, View
from .phase import mel_to_wave
from .shrink import resample_frames, role_coverage, shrink_frames
from .sound_model import SoundConfig, SoundModel, latents_for, load_sound_model
from .told import Told, refuse_untold, told_features
from .windows import masks_to_roles

if TYPE_CHECKING:
    from .mmaudio import MMAudioGenerator

PACKAGED = Path(__file__).parent / "weights"
DEFAULT = "pour_micro"
"""The packaged weights that ``--sound flow`` means."""
OVERLAP_S = 0.96
"""Time a window shares with the one before it."""
STRETCH = 1.125
"""Windows may be this much longer than in training: 8 s then takes two of them."""


def find_weights(name_or_path: str | Path) -> Path:
    """A checkpoint folder: a path, or the name of packaged weights. WeightsError lists the names."""
    return find_checkpoint(name_or_path, PACKAGED, "sound model")


def load_generator(name_or_path: str | Path = DEFAULT) -> "Generator | MMAudioGenerator":
    """A generator from packaged weights ('flow' names the default ones, as on the command line), a
    checkpoint folder, or a user's MMAudio files (a folder or a network file, see ``mmaudio.load``);
    WeightsError where it is none of them."""
    name = DEFAULT if name_or_path == "flow" else name_or_path
    if Path(name).exists():
        from .mmaudio import is_mmaudio, load

        if is_mmaudio(Path(name)):
            return load(name)
    return Generator(*load_sound_model(find_weights(name)))


class Generator:
    """Gives a silent clip its sound."""

    def __init__(self, model: SoundModel, codec: PcaCodec) -> None:
        self.model, self.codec = model.eval(), codec

    @property
    def config(self) -> SoundConfig:
        return self.model.config

    @property
    def can_be_told(self) -> bool:
        """Whether these weights take ``told``."""
        return self.config.eyes.told

    @property
    def sample_rate(self) -> int:
        """Samples per second of what ``generate`` returns: 16000."""
        return self.config.sample_rate

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
        told_guidance: float | None = None,
        method: Method = "euler",
        told: Told | None = None,
    ) -> Float32[np.ndarray, " N"]:
        """Sound of T frames at ``fps``: N = round(T / fps * sample_rate) samples in [-1, 1].

        ``masks`` holds a Role per pixel, of any size, or None. ``steps``, ``guidance`` and
        ``told_guidance`` default to the checkpoint's (``SoundConfig``). ``told``: size and level of the
        receiver where known, a level per frame. The same seed gives the same samples.
        Raises MediaError for frames or masks of a wrong shape or type, ClockError for a rate outside
        5..120 or a duration outside 0.5..60 s, ConfigError for no steps or for ``told`` where these
        weights cannot be told.
        """
        refuse_untold(self, told)
        check_clip(frames, masks, fps)
        view = make_view(frames, masks, fps, told)
        generator = torch.Generator().manual_seed(seed)
        steps = self.config.steps if steps is None else steps
        guidance = self.config.guidance if guidance is None else guidance
        x = self._draw(view, generator, steps, guidance, told_guidance, method)
        wave = self.sound_of(x, generator).numpy()
        wanted = round(len(frames) / fps * self.sample_rate)
        wave = np.pad(wave[:wanted], (0, max(0, wanted - len(wave))))
        return np.clip(wave, -1, 1).astype(np.float32)

    def sound_of(self, x: Float[Tensor, "N C"], generator: torch.Generator) -> Float[Tensor, " n"]:
        """Waveform of normalised latents, 512 samples each."""
        mel = self.codec.decode(self.model.network.unnormalise(x[None]))[0]
        return mel_to_wave(mel, generator=generator)

    def _draw(
        self,
        view: View,
        generator: torch.Generator,
        steps: int,
        guidance: float,
        told_guidance: float | None,
        method: Method,
    ) -> Float[Tensor, "N C"]:
        """Latents of a whole view, window after window."""
        frames = view.rgb.shape[1]
        noise = torch.randn(
            latents_for(frames), self.config.network.latent_dim, generator=generator
        )
        x = noise[:0]
        for start, stop in self.windows(frames):
            held = x[start * 5 // 4 :]
            x0 = noise[start * 5 // 4 : latents_for(stop)]
            drawn = self.draw(
                crop(view, start, stop), x0, held, steps, guidance, told_guidance, method
            )
            x = torch.cat([x[: start * 5 // 4], drawn])
        return x

    def windows(self, frames: int) -> list[tuple[int, int]]:
        """Overlapping windows [start, stop) of about equal length; starts are multiples of 4."""
        longest = round(self.config.window_s * VIEW_FPS * STRETCH) // 4 * 4
        overlap = min(round(OVERLAP_S * VIEW_FPS), longest // 2) // 4 * 4
        count = max(1, math.ceil((frames - overlap) / (longest - overlap)))
        length = math.ceil((frames + (count - 1) * overlap) / count / 4) * 4
        starts = [i * (length - overlap) for i in range(count)]
        return [(s, min(s + length, frames)) for s in starts]

    @torch.no_grad()
    def draw(
        self,
        view: View,
        x0: Float[Tensor, "N C"],
        known: Float[Tensor, "K C"],
        steps: int,
        guidance: float,
        told_guidance: float | None = None,
        method: Method = "euler",
    ) -> Float[Tensor, "N C"]:
        """Normalised latents of one window from noise ``x0``; its first K are ``known`` and stay."""
        held, start = len(known), x0[None]

        def hold(x: Tensor, t: float) -> Tensor:
            """The known latents, on the straight path between their noise and themselves."""
            path = (1 - t) * start[:, :held] + t * known[None]
            return torch.cat([path, x[:, held:]], 1)

        if told_guidance is None:
            told_guidance = self.config.told_guidance
        velocity = self._velocity(view, len(x0), guidance, told_guidance)
        return integrate(velocity, start, steps=steps, method=method, hold=hold if held else None)[
            0
        ]

    def _velocity(self, view: View, length: int, guidance: float, told_guidance: float) -> Velocity:
        """dx/dt under this view, guided."""
        if not bool(view.hints.any()):
            told_guidance = guidance  # nothing was told: nothing to make more of
        c, weights = self.model.branches(view, length, max(guidance, 1.0), max(told_guidance, 1.0))
        n, share = len(weights), torch.tensor(weights)[:, None, None]

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            every = self.model.velocity(x.expand(n, -1, -1), t.expand(n), c)
            return (share.to(x) * every).sum(0, keepdim=True)

        return velocity


def make_view(
    frames: UInt8[np.ndarray, "T H W 3"],
    masks: UInt8[np.ndarray, "T H W"] | None,
    fps: float,
    told: Told | None = None,
) -> View:
    """What the eyes see of a clip: picked by time at 25 per second, shrunk as in training."""
    index = resample_frames(len(frames), fps, VIEW_FPS)
    used, back = np.unique(index, return_inverse=True)
    rgb = torch.from_numpy(shrink_frames(frames[used], FRAME)[back])
    if masks is None:
        roles = torch.zeros(len(index), ROLES, ROLE_SIDE, ROLE_SIDE, dtype=torch.uint8)
        statistics = torch.zeros(len(index), STATISTICS)
    else:
        roles, statistics = masks_to_roles(role_coverage(masks[used], FRAME)[back])
    hints = torch.from_numpy(told_features(told, len(frames))[index])
    return View(
        rgb[None], roles[None], statistics[None], torch.tensor([masks is not None]),
        told=hints[None],
    )  # fmt: skip


def crop(view: View, start: int, stop: int) -> View:
    """The views [start, stop) in time."""
    part = slice(start, stop)
    return View(
        view.rgb[:, part], view.roles[:, part], view.statistics[:, part], view.valid, view.colour,
        view.hints[:, part],
    )  # fmt: skip


def extend(view: View | None, more: View) -> View:
    """Views one after the other."""
    if view is None:
        return more
    return View(
        torch.cat([view.rgb, more.rgb], 1),
        torch.cat([view.roles, more.roles], 1),
        torch.cat([view.statistics, more.statistics], 1),
        view.valid & more.valid,
        told=torch.cat([view.hints, more.hints], 1),
    )
