"""What sampling with MMAudio's networks costs: the plain reading against the prepared one, and samplers.

Run:    .venv/bin/python benchmarks/mmaudio.py [--preset small_16k] [--steps 25] [--threads 2]
Reads:  a preset with random weights of trained magnitude, or ``--weights`` of a user.
Makes:  tables on screen, out/bench/mmaudio.json.

Speed: one clip with guidance, three ways in one run, step by step in turn so that a busy machine is
equally busy for all. ``naive``: every evaluation projects its conditions, the two branches of guidance
one after the other. ``batched``: conditions once, both branches in one batch. ``prepared``: what
``FlowNetwork.sample`` does on a CPU. The ratios are of total time; the results are compared at the end.
Samplers: time against deviation from a 200-step Heun solution, at a reduced width. With random weights
the field is rougher or smoother than a trained one: run it with ``--weights`` before believing the
deviations; the times hold.
"""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch
import tyro
from rich.console import Console
from rich.table import Table
from torch import Tensor

from multigen.audio import mmaudio
from multigen.audio.mmaudio.codec import rate_config
from multigen.audio.mmaudio.files import read_network
from multigen.audio.network import FlowNetwork
from multigen.audio.network.fast import FastVelocity
from multigen.files import write_json
from multigen.learning.flow import Method, guide

GUIDANCE = 4.5
Step = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Config:
    """Which network, how long."""

    preset: str = "small_16k"
    weights: Path | None = None
    """An official network file in place of random weights."""
    seconds: float = 8.0
    steps: int = 25
    """Euler steps of the speed table; fewer for a quick look, the ratios stay."""
    threads: int = 2
    hidden: int | None = None
    """Reduced width of the speed table (a multiple of 64); None: the preset's own."""
    curve_hidden: int = 128
    """Width of the samplers' table; 0 leaves it out. Not used with ``weights``."""
    curve_seconds: float = 2.0
    out: Path = Path("out/bench/mmaudio.json")


def fill(network: FlowNetwork) -> FlowNetwork:
    """Random weights that keep magnitudes; a fresh network would be zero everywhere."""
    generator = torch.Generator().manual_seed(0)
    for name, p in network.named_parameters():
        if p.ndim > 1:
            gain = 0.3 if "adaLN" in name else 1.0
            noise = torch.randn(p.shape, generator=generator)
            p.data = noise * gain / p[0].numel() ** 0.5
    return network


def make(config: Config, hidden: int | None) -> FlowNetwork:
    """The network to measure."""
    if config.weights is not None:
        return read_network(config.weights)
    width = {} if hidden is None else {"hidden": hidden, "heads": hidden // 64}
    return fill(mmaudio.build(config.preset, **width))


def clip_of(network: FlowNetwork, seconds: float) -> dict[str, Tensor]:
    """Noise and random features of one clip."""
    g, c = torch.Generator().manual_seed(1), network.config
    rate = rate_config("16k" if c.latent_dim == 20 else "44k")
    sync = 8 * ((int(25 * seconds) - 16) // 8 + 1)
    shapes = {
        "x0": (1, rate.latents_for(seconds), c.latent_dim), "clip": (1, int(8 * seconds), c.clip_dim),
        "sync": (1, sync, c.sync_dim), "text": (1, c.text_length, c.text_dim or 0),
    }  # fmt: skip
    made = {k: torch.randn(s, generator=g) for k, s in shapes.items()}
    unit = {k: torch.nn.functional.normalize(made[k], dim=-1) for k in ("clip", "text")}
    return made | unit


def naive_step(network: FlowNetwork, clip: dict[str, Tensor]) -> Step:
    """The specification as it reads."""
    given = [clip[k] for k in ("clip", "sync", "text")]
    empty = [
        network.empty_clip_feat.expand_as(given[0]),
        network.empty_sync_feat.expand_as(given[1]),
        network.empty_string_feat.expand_as(given[2]),
    ]

    def step(x: Tensor, t: Tensor) -> Tensor:
        seen, null = (network.predict_flow(x, *c, t) for c in (given, empty))
        return guide(seen, null, GUIDANCE)

    return step


def batched_step(network: FlowNetwork, clip: dict[str, Tensor]) -> Step:
    """Conditions once, both branches together."""
    seen = network.conditions(clip["clip"], clip["sync"], clip["text"], clip["x0"].shape[1])
    both = seen.join(network.null_conditions(seen, clip["sync"].shape[1]))
    return lambda x, t: network.guided_velocity(x, t, both, GUIDANCE)


def prepared_step(network: FlowNetwork, clip: dict[str, Tensor]) -> Step:
    """What ``sample`` does on a CPU."""
    seen = network.conditions(clip["clip"], clip["sync"], clip["text"], clip["x0"].shape[1])
    velocity = FastVelocity(network)
    both = velocity.prepare(seen.join(network.null_conditions(seen, clip["sync"].shape[1])))

    def step(x: Tensor, t: Tensor) -> Tensor:
        v, null = velocity(x, t, both).chunk(2)
        return guide(v, null, GUIDANCE)

    return step


def peak_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@torch.no_grad()
def speed(config: Config) -> dict[str, dict[str, float]]:
    """All three ways through the same clip, in turn."""
    network = make(config, config.hidden)
    clip = clip_of(network, config.seconds)
    ways = {"naive": naive_step, "batched": batched_step, "prepared": prepared_step}
    steps, rows, state = {}, {}, {}
    warm = torch.tensor([0.5])
    for name, way in ways.items():
        began = time.perf_counter(), time.process_time()
        steps[name] = way(network, clip)
        ready = time.perf_counter() - began[0], time.process_time() - began[1]
        steps[name](clip["x0"], warm)  # first calls allocate
        rows[name] = {
            "ready_s": ready[0],
            "wall_s": ready[0],
            "cpu_s": ready[1],
            "peak_mb": peak_mb(),
        }
        state[name] = clip["x0"]
    for i in range(config.steps):
        t = torch.tensor([i / config.steps])
        for name, step in steps.items():
            began = time.perf_counter(), time.process_time()
            state[name] = state[name] + step(state[name], t) / config.steps
            rows[name]["wall_s"] += time.perf_counter() - began[0]
            rows[name]["cpu_s"] += time.process_time() - began[1]
    for name, row in rows.items():
        row["wall_ratio"] = row["wall_s"] / rows["naive"]["wall_s"]
        row["cpu_ratio"] = row["cpu_s"] / rows["naive"]["cpu_s"]
        row["largest_difference"] = float((state[name] - state["naive"]).abs().max())
        row["largest_value"] = float(state["naive"].abs().max())
    return rows


@torch.no_grad()
def samplers(config: Config) -> dict[str, dict[str, float]]:
    """Every sampler at several costs, against 200 steps of Heun."""
    network = make(config, config.curve_hidden)
    clip = clip_of(network, config.curve_seconds)
    want = network.sample(**clip, steps=200, guidance=GUIDANCE, method="heun")
    rows = {}
    for method in get_args(Method):
        calls = 1 if method == "euler" else 2
        for evaluations in (8, 16, 24, 32, 50, 100):
            began = time.process_time()
            got = network.sample(
                **clip, steps=evaluations // calls, guidance=GUIDANCE, method=method
            )
            took = time.process_time() - began
            away = (got - want).square().mean().sqrt() / want.square().mean().sqrt()
            row = {"evaluations": evaluations, "cpu_s": took, "relative_deviation": float(away)}
            rows[f"{method}, {evaluations // calls} steps"] = row
    return rows


def show(console: Console, title: str, rows: dict[str, dict[str, float]]) -> None:
    table = Table(title=title)
    table.add_column("")
    for name in next(iter(rows.values())):
        table.add_column(name, justify="right")
    for label, row in rows.items():
        table.add_row(label, *(f"{value:.4g}" for value in row.values()))
    console.print(table)


def main(config: Config) -> None:
    """Measure, print, write."""
    torch.set_num_threads(config.threads)
    console = Console(width=150)
    curve = samplers(config) if config.curve_hidden else {}
    if curve:
        show(console, f"Samplers, width {config.curve_hidden}, {config.curve_seconds:g} s", curve)
    rows = speed(config)
    title = f"{config.preset}, {config.seconds:g} s, {config.steps} guided Euler steps"
    show(console, f"{title}, {config.threads} threads", rows)
    report = {"preset": config.preset, "hidden": config.hidden, "seconds": config.seconds,
              "steps": config.steps, "threads": config.threads,
              "weights": config.weights.name if config.weights else "random",
              "speed": rows, "samplers": curve}  # fmt: skip
    write_json(config.out, report)
    console.print(f"Written to {config.out}")


if __name__ == "__main__":
    main(tyro.cli(Config))
