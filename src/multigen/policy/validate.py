"""How good a policy is on episodes it has not learned from, without a simulator.

Reads:  windows of held-out episodes.   Makes: a few numbers for the log.   Used by: policy.train.
The same decisions, noises and diffusion steps every time, so that two runs can be compared.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..types.pose import angle_rad, decode_pose
from .impression import DM, Impression
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
        said = policy.perceive(batch)
        scores = {"denoising": self._denoising(policy, batch, said.condition())}
        if (key := policy.key_of("audio")) in batch:
            other = policy.encode(batch | {key: batch[key][self.other.to(device)]})
            scores["denoising_with_other_sound"] = self._denoising(policy, batch, other)
        chunk, done = policy.predict_action_chunk(batch, self.noise)
        taken = policy.config.n_action_steps
        millimetres, degrees = action_error(
            chunk[:, :taken].cpu(), batch["action"][:, :taken].cpu()
        )
        scores |= _answers(said, batch)
        scores |= {
            "position_mm": millimetres,
            "rotation_deg": degrees,
            "done": float(F.binary_cross_entropy(done, batch["done"])),
            "done_correct": float(((done > 0.5) == (batch["done"] > 0.5)).float().mean()),
        }
        return scores

    def _denoising(
        self, policy: AudioVisualDiffusionPolicy, batch: dict[str, Tensor], condition: Tensor
    ) -> float:
        clean = policy.normalise(batch["action"])
        noise = self.noise.to(clean)
        last = policy.config.num_train_timesteps - 1
        losses = []
        for part in (0.1, 0.3, 0.5, 0.7, 0.9):
            step = torch.full((len(clean),), round(part * last), device=clean.device)
            losses.append(float(policy.denoise_error(clean, noise, step, condition)))
        return float(np.mean(losses))


def _answers(said: Impression, batch: dict[str, Tensor]) -> dict[str, float]:
    """How far off the eyes place the grasp, the end and the pour, misjudge (by which share) what the receiver
    holds and how deep it is, and what has landed; means over decisions.
    """
    scores = {}
    if said.places is not None:
        off = (said.places / DM - batch["places"]).unflatten(-1, (3, 3)).norm(dim=-1).mean(0)
        names = ("grasp_place_mm", "end_place_mm", "pour_place_mm")
        scores |= {name: 1e3 * float(x) for name, x in zip(names, off, strict=True)}
    if said.sizes is not None:
        off = (said.sizes - log_sizes(batch["sizes"])).abs().nanmean(0).expm1()
        scores |= {"room_off": float(off[0]), "depth_off": float(off[1])}
    if said.landed is not None:
        scores["landed_off"] = float((said.landed[:, 0] - batch["landed"]).abs().nanmean())
    return scores


def action_error(predicted: Tensor, wanted: Tensor) -> tuple[float, float]:
    """Mean distance [mm] and mean angle [deg] between two batches of chunks [B K 10]."""
    p, turn_p, _ = decode_pose(predicted.numpy())
    w, turn_w, _ = decode_pose(wanted.numpy())
    angle = np.degrees(angle_rad(turn_p, turn_w))
    return 1e3 * float(np.linalg.norm(p - w, axis=-1).mean()), float(angle.mean())
