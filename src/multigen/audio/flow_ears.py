"""The learned generator as ears in the closed loop: it hears what it has seen so far.

Reads:  the clip until now, and how full the receiver is.   Makes: its sound until now; what
was heard before never changes.
Used by: episode.rollout (through the Ears protocol).
Every call draws the latents of the new frames only: a window of the last seconds, in which the
latents already decided are held fixed. The waveform is continued block by block.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from ..errors import ClockError, ConfigError
from ..types import Clip, PourTrace, SceneConfig
from .eyes import VIEW_FPS, View
from .generator import OVERLAP_S, Generator, crop, extend, make_view
from .phase import StreamingPhase
from .shrink import resample_frames
from .sound_model import latents_for
from .told import Tell, told_features, told_so_far

if TYPE_CHECKING:
    from .mmaudio import MMAudioGenerator

EARS_STEPS = 4
EARS_GUIDANCE = 1.0


class FlowEars:
    """Causal listening through the sound model; sees frames and roles, and is told of the receiver what
    ``tell`` says: 'all' (size and level so far), 'size', 'nothing'. Nothing else of the trace counts."""

    def __init__(
        self,
        generator: "Generator | MMAudioGenerator",
        *,
        steps: int = EARS_STEPS,
        guidance: float = EARS_GUIDANCE,
        tell: Tell = "all",
    ) -> None:
        """Few steps and no guidance by default: a call must keep up with the control loop. Raises
        ConfigError for a generator that only takes whole clips (MMAudio's)."""
        if not isinstance(generator, Generator):
            raise ConfigError(
                "this sound model hears whole clips only; in the loop use flow, acoustics or none"
            )
        self.generator, self.steps, self.guidance = generator, steps, guidance
        self.tell: Tell = tell if generator.can_be_told else "nothing"
        self._scene: SceneConfig | None = None
        self._begin(0)

    def reset(self, scene: SceneConfig | None, seed: int) -> None:
        """A new episode begins; without a ``scene`` nothing is told."""
        self._scene = scene
        self._begin(seed)

    def _begin(self, seed: int) -> None:
        self._random = torch.Generator().manual_seed(seed)
        self._phase = StreamingPhase(torch.Generator().manual_seed(seed))
        self._view: View | None = None
        self._noise = torch.empty(0, self.generator.config.network.latent_dim)
        self._latents = self._noise.clone()
        self._wave: list[np.ndarray] = []
        self._frames = 0

    @torch.no_grad()
    def hear(self, seen: Clip, trace: PourTrace | None = None) -> Float32[np.ndarray, " N"]:
        """Sound from the start until now, len(seen) / fps seconds; extends what it said before.

        ``seen`` grows from call to call. Raises ClockError when it became shorter.
        """
        if len(seen) < self._frames:
            raise ClockError(
                f"the clip has {len(seen)} frames and had {self._frames}; call reset before a new episode"
            )
        if len(seen) > self._frames:
            self._look(seen, trace)
            self._frames = len(seen)
            self._listen()
        wave = np.concatenate([np.zeros(0, np.float32), *self._wave])
        self._wave = [wave]
        return wave[: round(len(seen) / seen.fps * self.generator.sample_rate)].copy()

    def _look(self, seen: Clip, trace: PourTrace | None) -> None:
        """Shrink the frames that are new on the eyes' clock; say what is known about them."""
        done = 0 if self._view is None else self._view.rgb.shape[1]
        # A view belongs to the frame on screen at its time; one more where the clip ends between two.
        index = resample_frames(len(seen), seen.fps, VIEW_FPS)
        need = -(-len(seen) * VIEW_FPS // seen.fps)
        index = np.pad(index, (0, max(0, int(need) - len(index))), mode="edge")[done:]
        roles = None if seen.roles is None else seen.roles[index]
        if len(index):
            view = make_view(seen.rgb[index], roles, VIEW_FPS)
            told = None
            if self._scene is not None and trace is not None:
                told = told_so_far(self._scene, trace, done + len(index), VIEW_FPS, self.tell)
            hints = torch.from_numpy(told_features(told, done + len(index)))[None, done:]
            self._view = extend(self._view, replace(view, told=hints))

    def _listen(self) -> None:
        """Draw latents for every view without one, and continue the waveform."""
        assert self._view is not None
        views, model = self._view.rgb.shape[1], self.generator
        window = round(model.config.window_s * VIEW_FPS)
        most = window - round(OVERLAP_S * VIEW_FPS)
        while len(self._latents) < latents_for(views):
            before = len(self._latents)
            stop = min(views, before * 4 // 5 + most)
            start = max(0, -(-(stop - window) // 4) * 4)
            fresh = latents_for(stop) - len(self._noise)
            more = torch.randn(max(fresh, 0), self._noise.shape[1], generator=self._random)
            self._noise = torch.cat([self._noise, more])
            first = start * 5 // 4
            drawn = model.draw(
                crop(self._view, start, stop), self._noise[first : latents_for(stop)],
                self._latents[first:], self.steps, self.guidance,
            )  # fmt: skip
            new: Tensor = drawn[before - first :]
            self._latents = torch.cat([self._latents, new])
            mel = model.codec.decode(model.model.network.unnormalise(new[None]))[0]
            self._wave.append(np.clip(self._phase.extend(mel).numpy(), -1, 1).astype(np.float32))
