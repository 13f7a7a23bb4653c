"""The audio-visual diffusion policy: two images, four seconds of sound, its own posture, a command -> 16 actions.

Reads:  a batch of what was seen (below).   Makes: action chunks relative to the pinch site, and the
chance that the episode ends.   Used by: policy.train (loss), policy.controller (sample).
Axes:   B batch · T history · H W pixels · F log-mel frames · M mel bands · K chunk · C condition.

    images [B T 3 H W] ─ eyes ─┐ two tokens attend
    mel    [B F M] ───── ears ─┴ to each other ──┐    (or heard [B 30], what a trained ear believes)
    state  [B T S] ────────── scaled ────────────┼─ condition ─┬─ denoiser ─ chunk [B K 10]
    command [B] ───────── Fourier features ──────┘             └─ done [B]

With ``measured`` (presets tiny, compact) the two tokens do not enter the condition themselves, but what is
said by them in numbers: places, sizes, beliefs, what has landed.
Follows ManiWAV (Liu et al. 2024), as the paper does (section 4.2, appendix C). Ours: the command is a
number (the paper does not say how its sentences enter), a missing sense is a learned token, and one
more output says that the episode ends within the next ``n_action_steps``: a policy must be able to stop.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from ..ear.network import Ear
from ..learning import load_config, load_state, save_checkpoint, shapes
from .config import ACTION_DIM, COMMAND_FREQUENCIES, PLACES, SENSES, SIZES, PolicyConfig
from .denoiser import build_denoiser
from .encoders import BelievingEars, build_ears, build_eyes
from .measures import AMOUNTS, Places, amounts, build_sizes, log_sizes, perceptron
from .memory import Memory

Seen = Mapping[str, Tensor]
"""``command`` [B] and any of ``images`` uint8 [B T 3 H W], ``mel`` [B F M] scaled or ``heard`` [B 30]
(hearing; also [B R 30] in R rooms, of which the first counts), ``state`` [B T S]
(windows.proprioception); a sense whose key is absent is missing. ``pour_s`` [B]: how long the pour shall
take; NaN or absent: any."""
AUDIO_KEYS = {"ast": "mel", "ear": "heard"}
"""Key in Seen of what each audio encoder takes."""

LEAST_POSITION_M = 0.01
LEAST_STATE_RAD = 0.05
"""Half a range is never smaller than this: what hardly moved in training is not blown up to +-1."""
DONE_WEIGHT = 0.1
"""Of the end-of-episode loss beside the diffusion loss."""
LANDED_WEIGHT, LANDED_BETA = 0.5, 0.05
"""Of the error of what has landed (smooth L1); where it turns from square to linear."""
SIZES_OFF, LANDED_OFF, PLACES_OFF_M = 0.15, (0.08, 0.01), 0.006
"""Spreads of the truth that is told: of a logarithm; relative and absolute; a length."""
SLOW = 0.6
"""Share of demonstrations that poured faster than is asked of who acts: slower ones run out of time."""
MOST_PACE = 1.5
"""No logarithm of a pace, over the usual one, is larger."""
MOST_LANDED = 3.0
"""Of what was asked: beyond it the denoiser is told no more."""
SIZES_WEIGHT, SIZES_BETA = 0.1, 0.05
"""Of the error of the sizes (in logarithms, smooth L1); where it turns from square to linear."""
PLACES_WEIGHT, PLACES_BETA_M = 0.2, 0.005
"""Of the error of the places (in decimetres, smooth L1); where it turns from square to linear."""


class AudioVisualDiffusionPolicy(nn.Module):
    """A policy as a network; ``controller.PolicyController`` makes it act."""

    position_centre: Tensor
    position_half: Tensor
    state_centre: Tensor
    state_half: Tensor
    pace_s: Tensor

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.config = config
        width, both = config.image_width, config.token_width
        if "vision" in config.senses:
            self.eyes = build_eyes(config)
        if "audio" in config.senses:
            self.ears = build_ears(config)
            self.lift = nn.Linear(config.audio_width, both)
        self.absent = nn.ParameterDict(
            {
                "vision": nn.Parameter(torch.randn(both)),
                "audio": nn.Parameter(torch.randn(both)),
                "state": nn.Parameter(torch.randn(config.n_obs_steps * config.state_dim)),
            }
        )
        if not config.measured:
            hidden = 2048 if both > 1000 else 2 * both  # ManiWAV's width at full size
            self.fuse = nn.TransformerEncoderLayer(both, 8, hidden, dropout=0.0, batch_first=True)
            self.project = nn.Linear(2 * both, width)
        felt = config.n_obs_steps * config.state_dim
        if config.places:
            self.places = Places(both + felt)
        if config.heard_width:
            self.unheard = nn.Parameter(torch.zeros(config.heard_width))
        if config.sizes:
            self.sizes = build_sizes(both + felt)
        if config.landed:
            known = 2 * both + felt + config.heard_width
            if config.sizes:
                known += SIZES + (AMOUNTS if config.heard_width else 0)
            self.landed = perceptron(known, 1, layers=1)
        self.command = nn.Linear(2 * COMMAND_FREQUENCIES, config.command_width)
        self.denoiser = build_denoiser(config)
        self.done = nn.Sequential(
            nn.Linear(config.condition_width, 128), nn.SiLU(), nn.Linear(128, 1)
        )
        nn.init.constant_(self.done[-1].bias, -3.0)  # an end is rare  # pyright: ignore[reportArgumentType]
        for name, size in (("position", 3), ("state", config.state_dim)):
            self.register_buffer(f"{name}_centre", torch.zeros(size))
            self.register_buffer(f"{name}_half", torch.ones(size))
        if config.paced:
            self.register_buffer("pace_s", torch.ones(2))
        self.noise = DDIMScheduler(
            config.num_train_timesteps,
            beta_schedule=config.beta_schedule,
            clip_sample=True,
            clip_sample_range=config.clip_sample_range,
            prediction_type=config.prediction_type,
            timestep_spacing=config.timestep_spacing,
        )

    # -- ranges -----------------------------------------------------------------------------------

    def set_ranges(
        self, chunks: Float[np.ndarray, "n K 10"], states: Float[np.ndarray, "n S"]
    ) -> None:
        """Take the ranges of a training set: position over all steps of *relative* chunks, and posture."""
        for name, values, least in (
            ("position", chunks[..., :3].reshape(-1, 3), LEAST_POSITION_M),
            ("state", states, LEAST_STATE_RAD),
        ):
            low, high = values.min(0), values.max(0)
            getattr(self, f"{name}_centre").copy_(torch.from_numpy((low + high) / 2))
            half = np.maximum((high - low) / 2, least)
            getattr(self, f"{name}_half").copy_(torch.from_numpy(half))

    def set_pace(self, pour_s: Float[np.ndarray, " n"]) -> None:
        """Take the usual and the slow duration of a pour from those of a training set (NaN: none)."""
        self.pace_s.copy_(torch.from_numpy(np.nanquantile(pour_s, (0.5, SLOW))))

    def normalise(self, chunk: Float[Tensor, "B K 10"]) -> Float[Tensor, "B K 10"]:
        """Relative chunk -> what diffuses: position and gripper in [-1, 1], rotation as it is."""
        position = (chunk[..., :3] - self.position_centre) / self.position_half
        return torch.cat([position, chunk[..., 3:9], 2 * chunk[..., 9:] - 1], -1)

    def denormalise(self, chunk: Float[Tensor, "B K 10"]) -> Float[Tensor, "B K 10"]:
        """Inverse of ``normalise``."""
        position = chunk[..., :3] * self.position_half + self.position_centre
        return torch.cat([position, chunk[..., 3:9], (chunk[..., 9:] + 1) / 2], -1)

    # -- from senses to condition -----------------------------------------------------------------

    def encode(
        self,
        seen: Seen,
        drop: Bool[Tensor, "B 3"] | None = None,
        memory: Memory | None = None,
    ) -> Float[Tensor, "B C"]:
        """One condition vector per decision; ``drop`` replaces senses, in the order of SENSES.

        ``memory``, of one episode and for B = 1, replaces what the eyes say now by what they have said.
        """
        batch = len(seen["command"])
        vision = self._present("vision", seen, lambda x: self.eyes(x.flatten(0, 1)))
        audio = self._present("audio", seen, lambda x: self.lift(self.ears(x)))
        state = self._present("state", seen, self._scaled_state)
        parts = []
        for i, (name, value) in enumerate(zip(SENSES, (vision, audio, state), strict=True)):
            absent = self.absent[name].expand(batch, -1)
            if value is None:
                parts.append(absent)
                continue
            flat = value.reshape(batch, -1)
            parts.append(flat if drop is None else torch.where(drop[:, i, None], absent, flat))
        told = [parts[2], self.command(fourier(seen["command"]))]
        if not self.config.measured:
            told.insert(0, self.project(self.fuse(torch.stack(parts[:2], 1)).flatten(1)))
        if self.config.paced:
            told.append(self._pace(seen))
        known, without_ears = parts, torch.cat([parts[0], parts[2]], -1)
        if self.config.heard_width:
            heard = self._beliefs(seen, drop)
            told, known = [*told, heard], [*known, heard]
        if self.config.sizes:
            sizes = self.sizes(without_ears)
            sizes = memory.sizes(sizes) if memory else sizes
            told, known = [*told, sizes], [*known, sizes.detach()]
            if self.config.heard_width:
                known.append(amounts(heard, sizes.detach()))
        if self.config.landed:
            landed = self.landed(torch.cat(known, -1))
            asked = landed / seen["command"][:, None].float()
            # told, not taught: where a quarter is asked, actions would pull four times as hard at what is heard
            told += [asked.detach().clamp(-MOST_LANDED, MOST_LANDED), landed]
        if self.config.places:
            places = self.places(without_ears)
            told.append(memory.places(places) if memory else places)
        return torch.cat(told, -1)

    def _pace(self, seen: Seen) -> Float[Tensor, "B 2"]:
        """How slowly, in logarithms over what is usual, and whether that is known."""
        pour_s = seen.get("pour_s", seen["command"] * torch.nan)
        pace = torch.log(pour_s / self.pace_s[0]).clamp(-MOST_PACE, MOST_PACE)
        known = pace.isfinite()
        return torch.stack([pace.where(known, torch.zeros_like(pace)), known.to(pace)], -1)

    def _beliefs(self, seen: Seen, drop: Bool[Tensor, "B 3"] | None) -> Float[Tensor, "B 30"]:
        """What its ear believes, or what it is told for it where there is nothing to hear."""
        heard = self._present("audio", seen, lambda x: x)
        unheard = self.unheard.expand(len(seen["command"]), -1)
        if heard is None:
            return unheard
        return heard if drop is None else torch.where(drop[:, 1, None], unheard, heard)

    def _present(
        self, sense: str, seen: Seen, encoder: Callable[[Tensor], Tensor]
    ) -> Tensor | None:
        key = self.key_of(sense)
        if sense not in self.config.senses or key not in seen:
            return None
        x = seen[key]
        return encoder(x[:, 0] if key == "heard" and x.ndim == 3 else x)

    def key_of(self, sense: str) -> str:
        """Key in Seen of a sense."""
        audio = AUDIO_KEYS[self.config.audio_encoder]
        return {"vision": "images", "audio": audio, "state": "state"}[sense]

    @property
    def ear(self) -> Ear | None:
        """The trained ear it believes, if it is one that does."""
        ears = getattr(self, "ears", None)
        return ears.ear if isinstance(ears, BelievingEars) else None

    def landed_of(self, condition: Float[Tensor, "B C"]) -> Float[Tensor, " B"]:
        """Which share of the source's initial volume it believes has landed."""
        return condition[:, -PLACES - 1] if self.config.places else condition[:, -1]

    def sizes_of(self, condition: Float[Tensor, "B C"]) -> Float[Tensor, "B 2"]:
        """Logarithms of the receiver's sizes (``measures.log_sizes``) as its eyes see them."""
        end = condition.shape[-1] - (PLACES if self.config.places else 0) - 2
        return condition[:, end - SIZES : end]

    def _scaled_state(self, state: Tensor) -> Tensor:
        return (state - self.state_centre) / self.state_half

    # -- learning and acting ----------------------------------------------------------------------

    def loss(
        self, batch: Seen, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Denoising loss of ``batch``: Seen plus ``action`` [B K 10] relative, ``done`` [B] and, where the
        config asks for them, ``places`` [B 9], ``sizes`` [B 2] and ``landed`` [B] (NaN: unknown).

        Decisions that say ``deaf`` [B] were recorded without sound. Ho et al. 2020, equation 14;
        without ManiWAV's input perturbation.
        """
        device, n = batch["action"].device, len(batch["action"])
        chance = self.config.sense_dropout
        drop = torch.rand(n, len(SENSES), generator=generator) < chance
        if "deaf" in batch:
            drop[:, SENSES.index("audio")] |= batch["deaf"].cpu()
        if self.config.paced and self.training and "pour_s" in batch:
            untold = torch.rand(n, generator=generator) < chance
            pour_s = batch["pour_s"].masked_fill(untold.to(device), torch.nan)
            batch = {**batch, "pour_s": pour_s}
        condition = self.encode(batch, drop.to(device) if self.training else None)
        told = condition
        if self.config.truth_told and self.training:
            told = self._truth(condition, batch, drop.to(device), generator)
        ended = F.binary_cross_entropy_with_logits(
            self.done(told).squeeze(-1), batch["done"].float()
        )
        draws = self.config.noise_draws
        clean = self.normalise(batch["action"]).repeat(draws, 1, 1)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        step = torch.randint(
            0, self.config.num_train_timesteps, (len(clean),), generator=generator
        ).to(device)
        denoised = self.denoise_error(clean, noise, step, told.repeat(draws, 1))
        total, parts = denoised + DONE_WEIGHT * ended, {"denoising": denoised, "done": ended}
        if self.config.places:
            wanted = 10 * batch["places"]
            parts["places"] = F.smooth_l1_loss(
                condition[:, -PLACES:], wanted, beta=10 * PLACES_BETA_M
            )
            total = total + PLACES_WEIGHT * parts["places"]
        if self.config.sizes and (known := batch["sizes"].isfinite().all(-1)).any():
            said, true = self.sizes_of(condition)[known], log_sizes(batch["sizes"][known])
            parts["sizes"] = F.smooth_l1_loss(said, true, beta=SIZES_BETA)
            total = total + SIZES_WEIGHT * parts["sizes"]
        if self.config.landed and (known := batch["landed"].isfinite()).any():
            said, true = self.landed_of(condition)[known], batch["landed"][known]
            parts["landed"] = F.smooth_l1_loss(said, true, beta=LANDED_BETA)
            total = total + LANDED_WEIGHT * parts["landed"]
        return total, {name: value.detach() for name, value in parts.items()}

    def _truth(
        self, said: Tensor, batch: Seen, drop: Tensor, generator: torch.Generator
    ) -> Float[Tensor, "B C"]:
        """The condition ``said`` with the truth in place of what was said of it, where all senses are there."""

        def off(like: Tensor) -> Tensor:
            return torch.randn(like.shape, generator=generator).to(like)

        before = said.shape[-1] - PLACES - 2 - SIZES
        sizes = log_sizes(batch["sizes"]).to(said)
        sizes = sizes + SIZES_OFF * off(sizes)
        landed = batch["landed"][:, None].to(said)
        landed = landed * (1 + LANDED_OFF[0] * off(landed)) + LANDED_OFF[1] * off(landed)
        asked = (landed / batch["command"][:, None].to(said)).clamp(-MOST_LANDED, MOST_LANDED)
        places = 10 * batch["places"].to(said)
        places = places + 10 * PLACES_OFF_M * off(places)
        truth = torch.cat([sizes, asked, landed, places], -1)
        known = truth.isfinite() & ~drop.any(-1, keepdim=True)
        return torch.cat([said[:, :before], torch.where(known, truth, said[:, before:])], -1)

    def denoise_error(
        self, clean: Tensor, noise: Tensor, step: Tensor, condition: Tensor
    ) -> Tensor:
        """Mean squared error of the denoiser at the given noise and steps."""
        noisy = self.noise.add_noise(clean, noise, step)  # pyright: ignore[reportArgumentType]
        kind, target = self.config.prediction_type, noise
        if kind == "sample":
            target = clean
        elif kind == "v_prediction":
            target = self.noise.get_velocity(clean, noise, step)  # pyright: ignore[reportArgumentType]
        return F.mse_loss(self.denoiser(noisy, step, condition), target)

    @torch.no_grad()
    def predict_action_chunk(
        self, seen: Seen, noise: Float[Tensor, "B K 10"], memory: Memory | None = None
    ) -> tuple[Float[Tensor, "B K 10"], Float[Tensor, " B"]]:
        """(relative chunk in metres and rotation rows, chance that the episode ends).

        DDIM without added noise (Song et al. 2021): all randomness is the ``noise`` handed in.
        """
        condition = self.encode(seen, memory=memory)
        self.noise.set_timesteps(self.config.num_inference_steps, device=condition.device)
        x = noise.to(condition)
        for t in self.noise.timesteps:
            out = self.denoiser(x, t.expand(len(x)), condition)
            x = self.noise.step(out, t, x).prev_sample  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
        return self.denormalise(x), self.done(condition).squeeze(-1).sigmoid()

    # -- checkpoints ------------------------------------------------------------------------------

    def save_pretrained(self, folder: Path) -> None:
        """Write config.json and model.safetensors (ranges included)."""
        save_checkpoint(Path(folder), self.config, self.state_dict())

    @classmethod
    def from_pretrained(cls, folder: Path) -> "AudioVisualDiffusionPolicy":
        """Read what ``save_pretrained`` wrote, strictly, in eval mode.

        Raises WeightsError (tensors that do not fit, no checkpoint) or ConfigError (unknown fields).
        """
        policy = cls(load_config(PolicyConfig, Path(folder)))
        policy.load_state_dict(load_state(Path(folder), shapes(policy)))
        return policy.eval()


def fourier(fraction: Float[Tensor, " B"]) -> Float[Tensor, "B 8"]:
    """Sines and cosines of pi, 2 pi, 4 pi, 8 pi times a fraction: 'a third' lies between its neighbours."""
    rates = math.pi * 2.0 ** torch.arange(COMMAND_FREQUENCIES, device=fraction.device)
    phase = fraction[:, None].float() * rates
    return torch.cat([phase.sin(), phase.cos()], -1)


def start_noise(
    policy: AudioVisualDiffusionPolicy, generator: torch.Generator, batch: int = 1
) -> Tensor:
    """Where DDIM starts: [batch K 10] of unit variance."""
    return torch.randn(batch, policy.config.horizon, ACTION_DIM, generator=generator)
