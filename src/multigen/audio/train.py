"""A corpus becomes a sound model: codec, windows, flow matching, the averaged weights kept.

Reads:  a corpus folder.   Makes: a checkpoint folder for ``load_generator``, and the run's state.
Used by: the train-sound and finetune-sound commands.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor

from ..errors import ConfigError
from ..files import write_json
from ..learning import (
    FitConfig,
    FitResult,
    OptimiserName,
    fit,
    flow_loss,
    step_generator,
    to_device,
)
from .cache import open_cache
from .codec import PcaCodec
from .corpus import read_corpus
from .eyes import FRAME, role_statistics
from .rough import roughen
from .sound_model import SoundModel, load_sound_model, save_sound_model, sound_config
from .windows import (
    Augmentation,
    Batch,
    Windows,
    fit_codec,
    latents_of,
    told_of_clips,
    view_of,
)

LR = 5e-3
EXPECT = 0.5
"""Weight of the regression beside the flow; see ``SoundModel``."""


@dataclass(frozen=True)
class SoundTraining:
    """What a training run is made of."""

    preset: str = "pour_micro"
    steps: int = 6000
    batch_size: int = 16
    window_s: float = 4.0
    latent_dim: int = 40
    optimiser: OptimiserName = "muon"
    lr: float = LR
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    ema_decay: float = 0.999
    seed: int = 0
    time_limit_s: float | None = None
    threads: int = 2
    """Threads that each take a part of the batch."""
    validation_windows: int = 32
    validate_every: int = 500
    checkpoint_every: int = 500
    log_every: int = 20
    device: str = "cpu"
    bfloat16: bool = False
    """Products in 16 bit: 30 % less time on a CPU with AVX512-BF16 or AMX, far more on one without."""
    augmentation: Augmentation = field(default_factory=Augmentation)


def latent_weight(codec: PcaCodec) -> Tensor:
    """What an error in each latent dimension counts, mean 1: the root of its spread in the spectrum.

    The first axis is loudness and moves the whole spectrum by tens of decibels, the last ones by
    tenths; after whitening all would count alike.
    """
    root = codec.scale.sqrt()
    return root / root.mean()


def sound_loss(
    model: SoundModel,
    batch: Batch,
    generator: torch.Generator,
    weight: Tensor | None = None,
    bfloat16: bool = False,
) -> tuple[Tensor, dict[str, float | Tensor]]:
    """Flow-matching error of one batch of windows, plus EXPECT times that of the regression beside
    it ('expect': 1 is what a constant scores); errors are always in 32 bit."""
    x1 = model.network.normalise(batch["latents"])
    view, length = view_of(batch), x1.shape[1]
    with torch.autocast(x1.device.type, torch.bfloat16, enabled=bfloat16):
        clip, sync = model.eyes(view)
        c = model.seen(view, clip, sync, length, batch["blind"])
        value, _ = flow_loss(
            lambda x, t: model.velocity(x, t, c).float(), x1, generator, weight=weight
        )
        error = (model.expected(sync, length).float() - x1).square()
    expect = (error if weight is None else error * weight).mean()
    return value + EXPECT * expect, {"flow": value.detach(), "expect": expect.detach()}


def rough(batch: Batch, seed: int) -> Batch:
    """Roles and statistics of a batch as poor as a real video's (``audio.rough``)."""
    rng = np.random.default_rng([seed, 1])
    roles = torch.from_numpy(np.stack([roughen(r, rng) for r in batch["roles"].cpu().numpy()]))
    statistics = torch.stack([role_statistics(r.float() / 255) for r in roles])
    where = str(batch["roles"].device)
    return to_device({"roles": roles, "statistics": statistics}, where)


def validation_loss(
    windows: Windows, count: int, seed: int, device: str = "cpu", weight: Tensor | None = None
) -> Callable[[Any], dict[str, float]]:
    """Errors on fixed windows at fixed noise and times: seen, without masks, untold and blind."""
    batches = [to_device(batch, device) for batch in windows.fixed(count)]

    def score(model: SoundModel) -> dict[str, float]:
        total: dict[str, float] = {}
        for i, batch in enumerate(batches):
            hidden = torch.zeros_like(batch["valid"])
            for name, change in (
                ("val", {}),
                ("val_no_masks", {"valid": hidden}),
                ("val_untold", {"told": torch.zeros_like(batch["told"])}),
                ("val_rough", rough(batch, seed + i)),
                ("val_blind", {"blind": ~hidden}),
            ):
                _, parts = sound_loss(model, {**batch, **change}, step_generator(seed, i), weight)
                for part, value in parts.items():
                    key = f"{name}_{part}"
                    total[key] = total.get(key, 0.0) + float(value) * len(hidden) / count
        total.pop("val_blind_expect", None)  # the regression sees what the flow is denied
        return total

    return score


def ahead(batches: Callable[[int], Batch]) -> Callable[[int], Batch]:
    """The same function, with the next step's batch made while this one is used."""
    pool, waiting = ThreadPoolExecutor(1), dict[int, Future[Batch]]()

    def get(step: int) -> Batch:
        now = waiting.pop(step, None) or pool.submit(batches, step)
        waiting.clear()
        waiting[step + 1] = pool.submit(batches, step + 1)
        return now.result()

    return get


def train_sound(
    corpus: Path,
    out: Path,
    *,
    preset: str = "pour_micro",
    steps: int = 6000,
    batch_size: int = 16,
    window_s: float = 4.0,
    seed: int = 0,
    time_limit_s: float | None = None,
    resume: bool = False,
    start_from: Path | None = None,
    console: Console | None = None,
    **options: Any,
) -> FitResult:
    """Train the compact sound model on a corpus and keep its averaged weights in ``out``.

    ``out`` becomes a checkpoint folder (config.json, model.safetensors in 16 bit, codec.safetensors)
    with run/ beside them, and is usable from the first checkpoint on. ``start_from`` finetunes a
    checkpoint with its codec. ``options`` are further fields of SoundTraining. Raises FormatError for
    an empty corpus, ConfigError for an option or a window that does not fit.
    """
    known = SoundTraining.__dataclass_fields__
    if unknown := [k for k in options if k not in known]:
        raise ConfigError(f"training has no option '{unknown[0]}'; it has {', '.join(known)}")
    training = SoundTraining(
        preset, steps, batch_size, window_s, seed=seed, time_limit_s=time_limit_s, **options
    )
    out = Path(out)
    torch.set_num_threads(training.threads)
    cache = open_cache(Path(corpus), size=FRAME)
    model, codec = _begin(training, cache, out, start_from, resume)
    latents = latents_of(cache, codec)
    if start_from is None:
        _measure_latents(model, [latents[i] for i in cache.of_split("train")])
    told = told_of_clips(cache, read_corpus(Path(corpus))) if model.config.eyes.told else None
    common: dict[str, Any] = {
        "window_s": window_s, "batch_size": batch_size, "seed": seed, "told": told,
    }  # fmt: skip
    windows = Windows(cache, latents, split="train", augmentation=training.augmentation, **common)
    weight = latent_weight(codec).to(training.device)
    validate = None
    if cache.of_split("val") and training.validation_windows:
        held_out = Windows(cache, latents, split="val", augmentation=None, **common)
        validate = validation_loss(
            held_out, training.validation_windows, seed, training.device, weight
        )

    def keep(average: dict[str, Tensor], step: int) -> None:
        save_sound_model(out, model.config, average, codec, half=True)

    loss = partial(sound_loss, weight=weight, bfloat16=training.bfloat16)
    result = fit(
        model, loss, ahead(windows.batch), out=out / "run", config=_fit_config(training),
        resume=resume, validate=validate, keep=keep, console=console,
    )  # fmt: skip
    summary = {"loss": result.loss, **result.validation, "steps": result.steps}
    write_json(
        out / "run" / "result.json", {**summary, "seconds": result.seconds, "config": training}
    )
    return result


def _fit_config(t: SoundTraining) -> FitConfig:
    return FitConfig(
        t.steps, t.optimiser, lr=t.lr, weight_decay=t.weight_decay, warmup_steps=t.warmup_steps,
        ema_decay=t.ema_decay, checkpoint_every=t.checkpoint_every, log_every=t.log_every,
        validate_every=t.validate_every, seed=t.seed, time_limit_s=t.time_limit_s, device=t.device,
        shards=t.threads,
    )  # fmt: skip


def _begin(
    t: SoundTraining, cache: Any, out: Path, start_from: Path | None, resume: bool
) -> tuple[SoundModel, PcaCodec]:
    """A fresh model and codec, those of a checkpoint, or those of the run that is continued."""
    codec_path = out / "run" / "codec.safetensors"
    if start_from is not None:
        return load_sound_model(Path(start_from))
    if resume and codec_path.is_file():
        codec = PcaCodec.load(codec_path)
    else:
        codec = fit_codec(cache, t.latent_dim, t.seed)
        codec.save(codec_path)
    with torch.random.fork_rng():
        torch.manual_seed(t.seed)
        model = SoundModel(sound_config(t.preset, codec.latent_dim, t.window_s))
    return model, codec


def _measure_latents(model: SoundModel, latents: list[Tensor]) -> None:
    """Per-channel statistics of the training latents, stored with the weights."""
    every = torch.cat(latents)
    model.network.latent_mean.copy_(every.mean(0))
    model.network.latent_std.copy_(every.std(0).clamp_min(1e-3))
