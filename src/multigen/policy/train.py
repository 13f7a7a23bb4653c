"""Datasets -> a policy: the training of the audio-visual diffusion policy.

Reads:  dataset folders (through their caches).   Makes: in ``out``: config.json and model.safetensors
(the averaged weights), validation.json, state.safetensors (to resume), logs/ for TensorBoard.
Used by: cli and pipeline. The compact presets learn on a CPU; `paper` wants a GPU.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from ..dataset.cache import open_cache
from ..dataset.glimpses import holds_glimpses, open_glimpses
from ..ear import load_ear
from ..ear.listener import ROBOTS
from ..ear.network import Ear
from ..errors import ConfigError
from ..files import write_json
from ..learning import FitConfig, FitResult, OptimiserName, fit, save_checkpoint
from .augment import augment
from .config import SENSES, PolicyConfig
from .config import preset as named_preset
from .packaged import load_weights
from .policy import AudioVisualDiffusionPolicy
from .pretrained import load_pretrained_encoders
from .validate import Validation
from .windows import Joined, Shuffled, Windows, build_windows, join, split_episodes


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
    datasets: Path | Sequence[Path],
    out: Path,
    *,
    preset: str | None = None,
    senses: tuple[str, ...] | None = None,
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
    ear: str | Path | None = None,
    half: bool = False,
    time_limit_s: float | None = None,
    resume: bool = False,
    device: str = "cpu",
    threads: int = 2,
    console: Console | None = None,
) -> FitResult:
    """Train on all demonstrations of one dataset or several; keep the averaged weights in ``out``.

    ``preset`` (default 'tiny') and ``senses`` (default all) begin with nothing; ``start_from`` (a
    checkpoint, or the name of a packaged policy) goes on from there instead: its size, senses and
    ranges, at FINETUNED times the recipe's rate.
    ``half`` stores the weights in 16 bit. ``ear``: the ear that a preset with one believes, a folder of
    train-ear's or a packaged name (default 'robot_ear'); it is frozen and part of the checkpoint.

    ``steps``, ``batch_size``, ``lr`` and ``optimiser`` default to the preset's recipe.
    ``validation`` is the share of episodes held out; ``clip`` and ``ast`` name pretrained encoders (preset `paper`).
    With ``time_limit_s`` training ends, annealed, after that long. Raises ConfigError for an
    unknown preset or sense, or ones that ``start_from`` has not, WeightsError when ``resume`` meets
    the state of another network or ``start_from`` is no policy.
    """
    base = None if start_from is None else load_weights(start_from)
    if base is None:
        config = named_preset(preset or "tiny", senses=tuple(SENSES if senses is None else senses))
    else:
        config = base.config
        check_same(config, preset, senses, ear, start_from)
    recipe = RECIPES[config.preset]
    with threads_set(threads):
        believed = ear_of(config, ear) if base is None else base.ear
        windows, held = load_windows(datasets, config, validation, seed, believed)
        policy = base or new_policy(config, windows, seed, believed)
        load_pretrained_encoders(policy, clip=clip, ast=ast)
        check = None if held is None else Validation(held, seed)
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
    write_json(
        Path(out) / "validation.json", {"episodes": count_episodes(held), **result.validation}
    )
    return result


def ear_of(config: PolicyConfig, name: str | Path | None) -> Ear | None:
    """A trained ear, the packaged one unless another is named, for a policy that believes one.

    Raises ConfigError where one is named for a policy that has none.
    """
    if config.heard_width:
        return load_ear(name or ROBOTS).ear
    if name is not None:
        raise ConfigError(
            f"--ear {name}: preset '{config.preset}' with {', '.join(config.senses)} believes no ear; "
            "leave --ear out, or give a preset that does (tiny, compact) its hearing"
        )
    return None


def load_windows(
    datasets: Path | Sequence[Path],
    config: PolicyConfig,
    validation: float,
    seed: int,
    ear: Ear | None = None,
) -> tuple[Windows | Joined, Windows | Joined | None]:
    """(what is learned from, what is held out); every dataset gives its share of both, glimpses are only
    learned from, about as often as everything else together.
    """
    learned, held = [], []
    glimpses = []
    for root in [datasets] if isinstance(datasets, str | Path) else datasets:
        if holds_glimpses(Path(root)):
            glimpses.append(_glimpsed(Path(root), config))
            continue
        cache = open_cache(Path(root), size=config.image_size)
        parts = split_episodes(cache.command, validation, seed)
        learned.append(build_windows(cache, config, parts[0], ear))
        if len(parts[1]):
            held.append(build_windows(cache, config, parts[1], ear))
    if not learned:
        raise ConfigError("no dataset to learn from; name at least one (glimpses alone do not do)")
    often = max(1, round(sum(map(len, learned)) / max(1, sum(map(len, glimpses)))))
    return join(learned + often * glimpses), join(held) if held else None


def _glimpsed(root: Path, config: PolicyConfig) -> Windows:
    """All decisions of silent pours seen at a few moments."""
    cache = open_glimpses(root)
    if "vision" in config.senses and cache.size != config.image_size:
        raise ConfigError(
            f"{root} has pictures of {cache.size} px, this policy looks at {config.image_size}; "
            f"make it with --size {config.image_size}"
        )
    return build_windows(cache, config, np.arange(cache.episodes))


def count_episodes(windows: Windows | Joined | None) -> int:
    """Episodes behind some windows."""
    if windows is None:
        return 0
    parts = windows.parts if isinstance(windows, Joined) else (windows,)
    return sum(len(np.unique(part.episode)) for part in parts)


def check_same(
    config: PolicyConfig,
    preset: str | None,
    senses: tuple[str, ...] | None,
    ear: str | Path | None,
    name: object,
) -> None:
    """Raise ConfigError where something else than the policy one starts from was asked for."""
    if ear is not None:
        raise ConfigError(
            f"--ear {ear}: {name} has an ear or none; a policy that starts from another one keeps "
            "what it has: leave --ear out"
        )
    if preset is not None and preset != config.preset:
        raise ConfigError(
            f"{name} has preset '{config.preset}', asked was '{preset}'; a policy that starts from "
            "another one keeps its size: leave --preset out"
        )
    if senses is not None and set(senses) != set(config.senses):
        raise ConfigError(
            f"{name} uses {', '.join(config.senses)}, asked was {', '.join(senses)}; a policy that "
            "starts from another one keeps its senses: leave --senses out"
        )


def new_policy(
    config: PolicyConfig, windows: Windows | Joined, seed: int, ear: Ear | None = None
) -> AudioVisualDiffusionPolicy:
    """Fresh weights, a function of ``seed``, with the ranges of the training windows and ``ear``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = AudioVisualDiffusionPolicy(config)
    if policy.ear is not None:
        assert ear is not None, "a policy that believes an ear needs one"
        policy.ear.load_state_dict(ear.state_dict())
    policy.set_ranges(windows.chunk, windows.felt())
    if config.paced:
        policy.set_pace(windows.pour_s)
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
