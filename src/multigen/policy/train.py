"""A dataset -> a policy: the training of the audio-visual diffusion policy.

Reads:  a dataset folder (through its cache).   Makes: in ``out``: config.json and model.safetensors
(the averaged weights), validation.json, state.safetensors (to resume), logs/ for TensorBoard.
Used by: cli and pipeline. The compact presets learn on a CPU; `paper` wants a GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from ..dataset.cache import open_cache
from ..files import write_json
from ..learning import FitConfig, FitResult, OptimiserName, fit, save_checkpoint
from .augment import augment
from .config import SENSES, PolicyConfig
from .config import preset as named_preset
from .packaged import load_weights
from .policy import AudioVisualDiffusionPolicy
from .pretrained import load_pretrained_encoders
from .validate import Validation
from .windows import Shuffled, Windows, build_windows, proprioception, split_episodes


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained."""

    steps: int
    batch_size: int
    lr: float
    warmup_steps: int
    optimiser: OptimiserName = "adamw"
    ema_decay: float = 0.999


RECIPES: dict[str, Recipe] = {
    "tiny": Recipe(steps=12_000, batch_size=32, lr=1e-3, warmup_steps=50),
    "compact": Recipe(steps=6_000, batch_size=32, lr=1e-3, warmup_steps=100),
    "paper": Recipe(steps=125_000, batch_size=64, lr=1e-4, warmup_steps=500, ema_decay=0.9998),
}
"""`paper`: its appendix C (500 epochs of 250 steps, AdamW 1e-4, cosine after 500 steps); betas and the
average of weights are ManiWAV's, which the paper follows. The others are made for a CPU and minutes."""
FINETUNED = 0.1
"""Learning rate of a policy that starts from another one, over the recipe's."""
CHECKPOINT_EVERY = 500


def train_policy(
    dataset: Path,
    out: Path,
    *,
    preset: str = "tiny",
    senses: tuple[str, ...] = SENSES,
    steps: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    optimiser: OptimiserName | None = None,
    seed: int = 0,
    validation: float = 0.1,
    augmented: bool = True,
    clip: str | Path | None = None,
    ast: str | Path | None = None,
    start_from: str | Path | None = None,
    half: bool = False,
    time_limit_s: float | None = None,
    resume: bool = False,
    device: str = "cpu",
    threads: int = 2,
    console: Console | None = None,
) -> FitResult:
    """Train on all demonstrations of ``dataset`` and keep the averaged weights in ``out``.

    ``preset`` begins with nothing; ``start_from`` (a checkpoint, or the name of a packaged policy)
    goes on from there instead: its size, senses and ranges, at FINETUNED times the recipe's rate.
    ``half`` stores the weights in 16 bit.

    ``steps``, ``batch_size``, ``lr`` and ``optimiser`` default to the preset's recipe.
    ``validation`` is the share of episodes held out; ``clip`` and ``ast`` name pretrained encoders (preset `paper`).
    With ``time_limit_s`` training ends, annealed, after that long. Raises ConfigError for an
    unknown preset or sense, WeightsError when ``resume`` meets the state of another network or
    ``start_from`` is no policy.
    """
    base = None if start_from is None else load_weights(start_from)
    config = named_preset(preset, senses=tuple(senses)) if base is None else base.config
    recipe = RECIPES[config.preset]
    cache = open_cache(Path(dataset), size=config.image_size)
    learned, held = split_episodes(cache.command, validation, seed)
    with threads_set(threads):
        windows = build_windows(cache, config, learned)
        policy = base or new_policy(config, windows, seed)
        load_pretrained_encoders(policy, clip=clip, ast=ast)
        check = Validation(build_windows(cache, config, held), seed) if len(held) else None
        plan = FitConfig(
            steps=steps or recipe.steps,
            optimiser=optimiser or recipe.optimiser,
            lr=lr or recipe.lr * (1.0 if base is None else FINETUNED),
            betas=(0.95, 0.999),
            weight_decay=1e-6,
            warmup_steps=recipe.warmup_steps,
            ema_decay=recipe.ema_decay,
            checkpoint_every=CHECKPOINT_EVERY,
            seed=seed,
            time_limit_s=time_limit_s,
            device=device,
            shards=threads,
        )
        order = Shuffled(len(windows), batch_size or recipe.batch_size, seed)

        def loss(
            model: AudioVisualDiffusionPolicy, batch: dict[str, Tensor], generator: torch.Generator
        ) -> tuple[Tensor, dict[str, float | Tensor]]:
            shown = augment(batch, generator) if augmented else batch
            return model.loss(shown, generator)

        result = fit(
            policy,
            loss,
            lambda step: windows.batch(order(step)),
            out=Path(out),
            config=plan,
            resume=resume,
            validate=check,
            keep=lambda average, _: save_checkpoint(Path(out), config, average, half=half),
            console=console,
        )
    write_json(Path(out) / "validation.json", {"episodes": len(held), **result.validation})
    return result


def new_policy(config: PolicyConfig, windows: Windows, seed: int) -> AudioVisualDiffusionPolicy:
    """Fresh weights, a function of ``seed``, with the ranges of the training windows."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = AudioVisualDiffusionPolicy(config)
    cache, rows = windows.cache, windows.frame
    felt = proprioception(cache.state[rows], cache.eef[rows], config)
    policy.set_ranges(windows.chunk, felt)
    return policy


@contextmanager
def threads_set(count: int) -> Iterator[None]:
    """Let torch compute with ``count`` threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
