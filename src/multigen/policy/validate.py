"""How good a policy is on episodes it has not learned from, without a simulator.

Reads:  windows of held-out episodes.   Makes: a few numbers for the log.   Used by: policy.train.
The same decisions, noises and diffusion steps every time, so that two runs can be compared.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..types.pose import decode_pose
from .config import PLACES
from .measures import log_sizes
from .policy import AudioVisualDiffusionPolicy
from .windows import Joined, Windows

DECISIONS = 128


class Validation:
    """``__call__(policy)`` -> scores; made for ``learning.fit``."""

    def __init__(self, windows: Windows | Joined, seed: int) -> None:
        rng = np.random.default_rng(seed)
        count = min(DECISIONS, len(windows))
        index = np.sort(rng.choice(len(windows), count, replace=False))
        self.batch = windows.batch(index)
        generator = torch.Generator().manual_seed(seed)
        self.noise = torch.randn(self.batch["action"].shape, generator=generator)
        self.other = torch.randperm(count, generator=generator)

    def __call__(self, policy: nn.Module) -> dict[str, float]:
        """Denoising loss at fixed steps (also with other decisions' sound), chunk error, ends found."""
        assert isinstance(policy, AudioVisualDiffusionPolicy)
        device = next(policy.parameters()).device
        batch = {k: v.to(device) for k, v in self.batch.items()}
        scores = {"denoising": self._denoising(policy, batch)}
        if (key := policy.key_of("audio")) in batch:
            scores["denoising_with_other_sound"] = self._denoising(
                policy, batch | {key: batch[key][self.other.to(device)]}
            )
        chunk, done = policy.predict_action_chunk(batch, self.noise)
        taken = policy.config.n_action_steps
        millimetres, degrees = action_error(
            chunk[:, :taken].cpu(), batch["action"][:, :taken].cpu()
        )
        condition = policy.encode(batch)
        if policy.config.places:
            scores |= _places(condition, batch)
        if policy.config.sizes:
            scores |= _sizes(policy.sizes_of(condition), batch)
        if policy.config.landed:
            off = (policy.landed_of(condition) - batch["landed"]).abs()
            scores["landed_off"] = float(off.nanmean())
        scores |= {
            "position_mm": millimetres,
            "rotation_deg": degrees,
            "done": float(F.binary_cross_entropy(done, batch["done"])),
            "done_correct": float(((done > 0.5) == (batch["done"] > 0.5)).float().mean()),
        }
        return scores

    def _denoising(self, policy: AudioVisualDiffusionPolicy, batch: dict[str, Tensor]) -> float:
        condition, clean = policy.encode(batch), policy.normalise(batch["action"])
        noise = self.noise.to(clean)
        last = policy.config.num_train_timesteps - 1
        losses = []
        for part in (0.1, 0.3, 0.5, 0.7, 0.9):
            step = torch.full((len(clean),), round(part * last), device=clean.device)
            losses.append(float(policy.denoise_error(clean, noise, step, condition)))
        return float(np.mean(losses))


def _places(condition: Tensor, batch: dict[str, Tensor]) -> dict[str, float]:
    """How far off the eyes place the grasp, the end and the pour, mean over decisions."""
    said = condition[:, -PLACES:] / 10
    off = (said - batch["places"]).unflatten(-1, (3, 3)).norm(dim=-1).mean(0)
    names = ("grasp_place_mm", "end_place_mm", "pour_place_mm")
    return {name: 1e3 * float(x) for name, x in zip(names, off, strict=True)}


def _sizes(said: Tensor, batch: dict[str, Tensor]) -> dict[str, float]:
    """By which share the eyes misjudge what the receiver holds and how deep it is."""
    off = (said - log_sizes(batch["sizes"])).abs().nanmean(0).expm1()
    return {"room_off": float(off[0]), "depth_off": float(off[1])}


def action_error(predicted: Tensor, wanted: Tensor) -> tuple[float, float]:
    """Mean distance [mm] and mean angle [deg] between two batches of chunks [B K 10]."""
    p, turn_p, _ = decode_pose(predicted.numpy())
    w, turn_w, _ = decode_pose(wanted.numpy())
    cosine = (np.einsum("...ij,...ij->...", turn_p, turn_w) - 1) / 2
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return 1e3 * float(np.linalg.norm(p - w, axis=-1).mean()), float(angle.mean())
