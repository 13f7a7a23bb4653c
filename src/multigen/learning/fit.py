"""The one training loop: weights, averaged weights, exact resume, a log.

Reads:  a model, a loss, batches as a function of the step.   Makes: FitResult, and in ``out``:
state.safetensors (weights, average, optimiser, step; one atomic file) and logs/ for TensorBoard.
Used by: audio.train (sound model), policy (denoiser). Nothing here knows what is being learned.
"""

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from ..errors import WeightsError
from .optimiser import OptimiserName, Optimisers, make_optimisers
from .progress import Progress
from .store import restore, store

Batch = Any
Loss = Callable[[Any, Batch, torch.Generator], tuple[Tensor, dict[str, float | Tensor]]]


@dataclass(frozen=True)
class FitConfig:
    """How to descend: linear warm-up, cosine decay, exponential moving average."""

    steps: int
    optimiser: OptimiserName = "adamw"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1e-2
    """On matrices only; biases, norms and embeddings of one axis are left free."""
    warmup_steps: int = 200
    final_lr: float = 0.02
    """Learning rate at the end, as a fraction of ``lr``."""
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    """Upper bound; step n averages with min(this, (1 + n) / (10 + n))."""
    checkpoint_every: int = 500
    log_every: int = 20
    validate_every: int = 500
    seed: int = 0
    time_limit_s: float | None = None
    """Stop, fully annealed, after this much training time: the cosine follows whichever of steps and
    seconds is further. The number of steps then depends on the machine."""
    device: str = "cpu"
    shards: int = 1
    """Cut each batch into this many parts, one thread each (on a CPU: faster than threads inside every
    operation). Randomness is per shard; dropout is reproducible with one shard only."""


@dataclass(frozen=True)
class FitResult:
    """What came out of a run."""

    steps: int
    seconds: float
    """Training time over all sittings."""
    average: dict[str, Tensor]
    """State dict of the averaged weights: the ones to keep."""
    loss: float
    """Mean over the last log interval."""
    validation: dict[str, float]


def step_generator(seed: int, step: int) -> torch.Generator:
    """Randomness of one step: a function of (seed, step), so that a resumed run draws the same."""
    word = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(word) & (2**63 - 1))


def learning_rate(config: FitConfig, step: int, elapsed_s: float = 0.0) -> float:
    """Linear warm-up to ``lr``, then half a cosine to ``final_lr * lr``."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1)
    if config.time_limit_s:
        done = max(done, elapsed_s / config.time_limit_s)
    cosine = (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return config.lr * (config.final_lr + (1 - config.final_lr) * cosine)


@torch.no_grad()
def update_average(average: dict[str, Tensor], model: nn.Module, step: int, decay: float) -> None:
    """Move ``average`` towards the model's state, in place; integers are copied."""
    rate = 1 - min(decay, (1 + step) / (10 + step))
    state = model.state_dict()
    floats = [k for k, v in state.items() if v.is_floating_point()]
    torch._foreach_lerp_([average[k] for k in floats], [state[k] for k in floats], rate)
    for k in state.keys() - set(floats):
        average[k].copy_(state[k])


def to_device(batch: Batch, device: str) -> Batch:
    """Move every tensor of nested dicts, tuples and lists."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {k: to_device(v, device) for k, v in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(to_device(v, device) for v in batch)
    return batch


def fit(
    model: nn.Module,
    loss: Loss,
    batches: Callable[[int], Batch],
    *,
    out: Path,
    config: FitConfig,
    resume: bool = False,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    keep: Callable[[dict[str, Tensor], int], None] | None = None,
    console: Console | None = None,
) -> FitResult:
    """Train ``model`` in place for ``config.steps`` steps (or until the time limit).

    ``batches(step)`` must be a pure function; ``loss(model, batch, generator)`` returns the scalar to
    minimise and scalars to log. ``validate(model)`` sees the averaged weights; ``keep(average, step)``
    is called beside every checkpoint. With ``resume`` a run continues from out/state.safetensors as if
    it had never stopped, bit for bit (except under a time limit, which follows the clock). Raises
    WeightsError for a state of another model, FloatingPointError never: a loss that is not finite
    raises WeightsError naming the step.
    """
    model.to(config.device).train()
    optimisers = make_optimisers(
        model, config.optimiser, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
    )
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    path, first, before_s = out / "state.safetensors", 0, 0.0
    if resume and path.is_file():
        first, before_s = restore(path, model, optimisers, average)
    started = time.monotonic() - before_s
    recent: list[float] = []
    checked: dict[str, float] = {}
    step = first
    with (
        SummaryWriter(str(out / "logs"), purge_step=first) as log,
        Progress(config.steps, console) as bar,
    ):
        for step in range(first, config.steps):
            elapsed = time.monotonic() - started
            if config.time_limit_s and elapsed >= config.time_limit_s:
                break
            lr = learning_rate(config, step, elapsed)
            value, extra = _step(model, loss, batches(step), optimisers, lr, step, config)
            update_average(average, model, step, config.ema_decay)
            recent = [*recent, value][-config.log_every :]
            done = step + 1
            if done % config.log_every == 0 or done == config.steps:
                extra |= {"loss": float(np.mean(recent)), "lr": lr}
                for name, number in extra.items():
                    log.add_scalar(f"train/{name}", float(number), done)
                bar.show(done, elapsed, before_s, first, {**extra, **checked}, config.time_limit_s)
            if validate is not None and (done % config.validate_every == 0):
                checked = _validated(model, average, validate)
                for name, number in checked.items():
                    log.add_scalar(f"validation/{name}", number, done)
            if done % config.checkpoint_every == 0:
                store(path, model, optimisers, average, done, time.monotonic() - started)
                if keep is not None:
                    keep(average, done)
        else:
            step = max(config.steps, first)
    seconds = time.monotonic() - started
    store(path, model, optimisers, average, step, seconds)
    if validate is not None:
        checked = _validated(model, average, validate)
    if keep is not None:
        keep(average, step)
    return FitResult(
        step, seconds, average, float(np.mean(recent)) if recent else math.nan, checked
    )


def _step(
    model: nn.Module,
    loss: Loss,
    batch: Batch,
    optimisers: Optimisers,
    lr: float,
    step: int,
    config: FitConfig,
) -> tuple[float, dict[str, float | Tensor]]:
    """One descent; dropout inside the model draws from the step's own seed."""
    batch = to_device(batch, config.device)
    if config.shards > 1 and config.device == "cpu":
        value, extra = _sharded(model, loss, batch, step, config)
    else:
        generator = step_generator(config.seed, step)
        with torch.random.fork_rng():
            torch.manual_seed(generator.initial_seed())
            value, extra = loss(model, batch, generator)
            value.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    if not math.isfinite(float(norm)):
        raise WeightsError(
            f"training diverged at step {step} (gradient norm {float(norm)}); lower lr below {config.lr:g}"
        )
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = lr
        optimiser.step()
    model.zero_grad(set_to_none=True)
    return float(value.detach()), {**extra, "gradient_norm": float(norm)}


def cut(batch: Batch, part: int, parts: int) -> Batch:
    """One of ``parts`` equal parts of a batch along its first axis."""
    if isinstance(batch, Tensor):
        return batch.chunk(parts)[part]
    if isinstance(batch, dict):
        return {k: cut(v, part, parts) for k, v in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(cut(v, part, parts) for v in batch)
    return batch


def _sharded(
    model: nn.Module, loss: Loss, batch: Batch, step: int, config: FitConfig
) -> tuple[Tensor, dict[str, float | Tensor]]:
    """Mean loss of the shards, its gradient in ``.grad``; summed in a fixed order."""
    wanted = [p for p in model.parameters() if p.requires_grad]
    n = config.shards

    def work(part: int) -> tuple[Tensor, dict[str, float | Tensor], tuple[Tensor | None, ...]]:
        torch.set_num_threads(1)
        generator = step_generator(config.seed, step * n + part)
        value, extra = loss(model, cut(batch, part, n), generator)
        return value.detach(), extra, torch.autograd.grad(value / n, wanted, allow_unused=True)

    with ThreadPoolExecutor(n) as pool:
        done = list(pool.map(work, range(n)))
    for p, *grads in zip(wanted, *(d[2] for d in done), strict=True):
        known = [g for g in grads if g is not None]
        p.grad = sum(known[1:], known[0]) if known else None
    extra: dict[str, float | Tensor] = {
        k: float(np.mean([float(d[1][k]) for d in done])) for k in done[0][1]
    }
    return torch.stack([d[0] for d in done]).mean(), extra


def _validated(
    model: nn.Module, average: dict[str, Tensor], validate: Callable[[nn.Module], dict[str, float]]
) -> dict[str, float]:
    """Run ``validate`` with the averaged weights in place, then put the live ones back."""
    live = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model.load_state_dict(average)
    model.eval()
    with torch.no_grad():
        scores = validate(model)
    model.load_state_dict(live)
    model.train()
    return scores
