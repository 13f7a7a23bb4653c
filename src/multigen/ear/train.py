"""Lessons become an ear: examples, the loss, the averaged weights kept.

Reads:  lessons.   Makes: a checkpoint folder for ``load_ear``, and the run's state beside it.
Used by: cli train-ear, benchmarks.
The loss is the negative logarithm of a Gaussian's density for fill, log air column and log flow (each error
weighted by its variance to the power 1/2, Seitzer et al. 2022, so that easy frames do not take over), and
binary cross entropy for pouring.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ConfigError
from ..files import write_json
from ..learning import FitConfig, FitResult, OptimiserName, fit, save_checkpoint
from .augment import NONE, OWN, Augmentation, make_example
from .bands import RATE
from .lessons import Lesson
from .network import USUAL_AIR_M, USUAL_FLOW_ML_S, Belief, Ear, EarConfig

LEAST_AIR_M = 3e-3
"""Shorter air columns are not told apart."""


@dataclass(frozen=True)
class EarTraining:
    """What a training run is made of."""

    steps: int = 1200
    batch_size: int = 24
    window_s: float = 14.0
    optimiser: OptimiserName = "muon"
    lr: float = 4e-3
    warmup_steps: int = 50
    weight_decay: float = 1e-2
    ema_decay: float = 0.995
    know_height: float = 0.5
    """Share of examples in which the vessel's height is told."""
    height_spread: float = 0.0
    """Of the logarithm of what is told: who looks at a vessel knows its height roughly."""
    seed: int = 0
    time_limit_s: float | None = None
    validation: float = 0.08
    """Share of lessons held out."""
    validate_every: int = 250
    checkpoint_every: int = 250
    threads: int = 1
    device: str = "cpu"
    model: EarConfig = field(default_factory=EarConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)


OWN_POURS = {
    "window_s": 20.0,
    "know_height": 0.8,
    "height_spread": 0.12,
    "augmentation": OWN,
}
"""Options of train_ear for the ear of who pours."""


SITUATION = ("cut_start", "before_s", "quiet_s")
"""Of an Augmentation: when a listener listens and what it may assume. Validated alike, whatever was varied."""


class Examples:
    """``batch(step)``: a pure function of the seed and the step."""

    def __init__(self, lessons: Sequence[Lesson], training: EarTraining, salt: int = 0) -> None:
        self.lessons, self.t, self.salt = lessons, training, salt
        self.frames = round(training.window_s * RATE)

    def batch(self, step: int) -> dict[str, Tensor]:
        """[batch, frames] labels and weights, [batch, frames, 68] band power, [batch] heights."""
        rng = np.random.default_rng([self.t.seed, self.salt, step])
        picked = rng.integers(0, len(self.lessons), self.t.batch_size)
        made = [
            make_example(self.lessons[i], self.frames, rng, self.t.augmentation) for i in picked
        ]
        told = rng.random(len(made)) < self.t.know_height
        heights = np.where(told, [x.height_m for x in made], np.nan)
        if self.t.height_spread:
            heights *= np.exp(self.t.height_spread * rng.standard_normal(len(made)))
        names = ("log_power", "fill", "air_m", "flow_ml_s", "pouring", "weight")
        batch = {n: torch.from_numpy(np.stack([getattr(x, n) for x in made])) for n in names}
        return {**batch, "height_m": torch.from_numpy(heights.astype(np.float32))}


def ear_loss(
    model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, float | Tensor]]:
    """Loss of one batch, and the fill's error while it pours."""
    belief: Belief = model(batch["log_power"], batch["height_m"])
    weight, pours = batch["weight"], batch["pouring"]
    air = torch.log(batch["air_m"].clamp_min(LEAST_AIR_M) / USUAL_AIR_M)
    flow = torch.log(batch["flow_ml_s"].clamp_min(0.5) / USUAL_FLOW_ML_S)
    parts = {
        "fill": _gaussian(belief.fill, belief.fill_std, batch["fill"], weight, 0.1),
        "air": _gaussian(belief.air_log, belief.air_log_std, air, weight, 0.3),
        "flow": _gaussian(belief.flow_log, belief.flow_log_std, flow, weight * pours, 0.5),
        "pouring": F.binary_cross_entropy_with_logits(belief.pouring, pours),
    }
    total = parts["fill"] + 0.5 * parts["air"] + 0.15 * parts["flow"] + 0.5 * parts["pouring"]
    error = ((belief.fill - batch["fill"]).abs() * pours).sum() / pours.sum().clamp_min(1)
    return total, {"fill_error": error.detach(), **{k: v.detach() for k, v in parts.items()}}


def _gaussian(mean: Tensor, std: Tensor, true: Tensor, weight: Tensor, scale: float) -> Tensor:
    """Weighted mean of ``std (log(std / scale) + (error / std)^2 / 2)``, the factor std held constant."""
    error = 0.5 * ((true - mean) / std).square() + torch.log(std / scale)
    return ((std.detach() / scale) * error * weight).sum() / weight.sum().clamp_min(1e-6)


def fill_errors(batches: list[dict[str, Tensor]]) -> Callable[[Any], dict[str, float]]:
    """Mean absolute errors on fixed examples while it pours: with the height told, and without."""

    def score(model: Any) -> dict[str, float]:
        total: dict[str, float] = {"fill_mae": 0.0, "fill_mae_height": 0.0, "pouring_wrong": 0.0}
        for batch in batches:
            pours = batch["pouring"]
            for name, height in (("fill_mae", None), ("fill_mae_height", batch["height_m"])):
                belief = model(batch["log_power"], height)
                error = ((belief.fill - batch["fill"]).abs() * pours).sum()
                error = error / pours.sum().clamp_min(1)
                total[name] += float(error) / len(batches)
            wrong = ((belief.pouring > 0) != (pours > 0.5)).float().mean()
            total["pouring_wrong"] += float(wrong) / len(batches)
        return total

    return score


def held_out(
    lessons: Sequence[Lesson], share: float, seed: int
) -> tuple[Sequence[Lesson], Sequence[Lesson]]:
    """(to learn from, to validate with), by chance."""
    count = round(share * len(lessons))
    if not count:
        return lessons, []
    order = np.random.default_rng([seed, 77]).permutation(len(lessons))
    return [lessons[i] for i in sorted(order[count:])], [lessons[i] for i in sorted(order[:count])]


def train_ear(
    lessons: Sequence[Lesson],
    out: Path,
    *,
    resume: bool = False,
    augmented: bool = True,
    console: Console | None = None,
    **options: Any,
) -> FitResult:
    """Train an ear on ``lessons`` and keep its averaged weights in ``out``.

    ``out`` becomes a checkpoint folder (config.json, model.safetensors) with run/ beside them.
    ``augmented`` False leaves lessons as they are (the ManiWAV protocol: its noise is in the copies).
    ``options`` are fields of EarTraining. Raises ConfigError for an unknown one or fewer than two
    lessons, WeightsError when ``resume`` meets the state of another network.
    """
    known = EarTraining.__dataclass_fields__
    if unknown := [k for k in options if k not in known]:
        raise ConfigError(
            f"training an ear has no option '{unknown[0]}'; it has {', '.join(known)}"
        )
    if len(lessons) < 2:
        raise ConfigError(f"{len(lessons)} pours are too few to learn from; give at least two")
    if not augmented:
        options["augmentation"] = NONE
    t = EarTraining(**options)
    torch.set_num_threads(t.threads)
    learned, held = held_out(lessons, t.validation, t.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(t.seed)
        model = Ear(t.model)
    validate = None
    if held:
        check = EarTraining(
            batch_size=32, know_height=1.0, seed=t.seed, window_s=t.window_s,
            augmentation=Augmentation(**{x: getattr(t.augmentation, x) for x in SITUATION}),
        )  # fmt: skip
        fixed = Examples(held, check, salt=1)
        validate = fill_errors([fixed.batch(i) for i in range(3)])
    result = fit(
        model, ear_loss, Examples(learned, t).batch, out=Path(out) / "run", config=_fit_config(t),
        resume=resume, validate=validate, console=console,
        keep=lambda average, _: save_checkpoint(Path(out), t.model, average),
    )  # fmt: skip
    summary = {"loss": result.loss, **result.validation, "steps": result.steps}
    write_json(
        Path(out) / "run" / "result.json",
        {**summary, "seconds": result.seconds, "lessons": len(lessons), "config": t},
    )
    return result


def _fit_config(t: EarTraining) -> FitConfig:
    return FitConfig(
        t.steps, t.optimiser, lr=t.lr, weight_decay=t.weight_decay, warmup_steps=t.warmup_steps,
        ema_decay=t.ema_decay, checkpoint_every=t.checkpoint_every, validate_every=t.validate_every,
        seed=t.seed, time_limit_s=t.time_limit_s, device=t.device, shards=t.threads,
    )  # fmt: skip
