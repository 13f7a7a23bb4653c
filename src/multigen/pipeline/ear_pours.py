"""Pours to learn listening from, and to judge it by: simulated and sounded, never drawn.

Reads:  seeds.   Makes: HeardPour (samples, trace, receiver); folders of lessons.
Used by: cli train-ear, benchmarks. About a tenth of a second of one core per pour.
Two kinds. *Steady* pours prescribe the flow: a jug over vessels of kitchen sizes, from any level to any
other, complete or broken off, at a rate that can be halved or doubled. *Table-top* pours are those of
the corpus (episode.tabletop_draw): a tilted vessel, its weir, interruptions and trickles.
What a listener cannot know (voice and mix of the acoustics) varies more than in a corpus.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from ..audio import sound_of_pour
from ..audio.acoustics import Layers
from ..ear.lessons import Lesson, make_lesson, shard_path, write_lessons
from ..ear.teachers import Taught, copies_of, taught_by
from ..episode.tabletop_draw import DEFAULT, DT_S, RECEIVER_XY, TabletopConfig, draw_tabletop
from ..files import begin_with
from ..liquid import simulate_pour
from ..scene import draw_liquid
from ..scene.families import bottle, carafe, cylinder, frustum, mug, sake_cup
from ..types import Liquid, PourTrace, Vessel
from ..workers import run_tasks

STEADY = 0.7
"""Share of steady pours among the lessons."""
PER_SHARD = 20
LEAST_ML = 10.0
"""What lands in a pour that is worth copying."""
HZ = 100
GRAVITY = 9.81


@dataclass(frozen=True)
class HeardPour:
    """A pour and its sound: what every teacher gives."""

    samples: Float32[np.ndarray, " N"]
    """At 16 kHz."""
    trace: PourTrace
    receiver: Vessel

    @property
    def taught(self) -> Taught:
        return self.samples, self.trace, self.receiver

    @property
    def lesson(self) -> Lesson:
        return make_lesson(*self.taught)


@dataclass(frozen=True)
class SteadyPour:
    """A pour by its flow: everything a seed drew."""

    seed: int
    source: Vessel
    receiver: Vessel
    liquid: Liquid
    begin_fill: float
    end_fill: float
    """Volume over capacity."""
    flow_ml_s: float
    """Mean while it flows."""
    uneven: float
    """Spread of the flow around its mean."""
    pauses: int
    lip_m: float
    """Above the receiver's rim."""
    lip_speed_m_s: float
    before_s: float
    after_s: float


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_vessel(
    rng: np.random.Generator,
    *,
    depth_m: tuple[float, float] = (0.05, 0.27),
    radius_m: tuple[float, float] = (0.022, 0.055),
    least_ml: float = 60,
) -> Vessel:
    """A receiver of any kitchen: unless said otherwise 5-27 cm deep, 45-110 mm wide at the widest, 60 mL to
    1.5 L."""
    kinds = ("cylinder", "frustum", "mug", "sake_cup", "bottle", "carafe")
    while True:
        kind = str(rng.choice(kinds, p=(0.36, 0.32, 0.08, 0.06, 0.1, 0.08)))
        depth, radius = between(rng, *depth_m), between(rng, *radius_m)
        looks: dict[str, Any] = {
            "material": str(rng.choice(("plastic", "metal", "paper", "ceramic", "glass")))
        }
        if kind == "cylinder":
            made = cylinder(kind, radius, depth, **looks)
        elif kind == "frustum":
            made = frustum(kind, radius * rng.uniform(0.55, 1.05), radius, depth, **looks)
        elif kind == "mug":
            made = mug(kind, radius, depth, fillet_m=rng.uniform(0.003, 0.012), **looks)
        elif kind == "sake_cup":
            made = sake_cup(kind, radius * rng.uniform(0.45, 0.7), radius, depth, **looks)
        elif kind == "bottle":
            made = bottle(kind, radius, depth, radius * rng.uniform(0.35, 0.65), **looks)
        else:
            neck = radius * rng.uniform(0.4, 0.6)
            mouth = neck * rng.uniform(1.1, 1.4)
            made = carafe(
                kind, radius * rng.uniform(0.7, 0.95), radius, neck, mouth, depth, **looks
            )
        if 0.5 <= depth / (2 * radius) <= 4.2 and least_ml <= made.capacity_ml <= 1500:
            return made


def draw_steady(seed: int) -> SteadyPour:
    """One steady pour: half begin empty, half end full, 2.5-22 s long, 6-220 mL/s."""
    rng = np.random.default_rng([seed, 1])
    receiver = draw_vessel(rng)
    begin = float(rng.uniform(0, 0.03) if rng.random() < 0.5 else rng.uniform(0, 0.65))
    end = float(rng.uniform(0.86, 0.98) if rng.random() < 0.5 else rng.uniform(begin + 0.12, 0.95))
    volume = (end - begin) * receiver.capacity_ml
    flow = float(np.clip(volume / between(rng, 2.5, 22), 6, 220))
    jug = frustum("jug", 0.05, 0.07, 0.3)
    flask = bottle("flask", 0.045, 0.28, float(rng.uniform(0.013, 0.02)))
    return SteadyPour(
        seed=seed, source=flask if rng.random() < 0.2 else jug, receiver=receiver,
        liquid=draw_liquid(rng), begin_fill=begin, end_fill=end, flow_ml_s=flow,
        uneven=float(rng.uniform(0, 0.1) if rng.random() < 0.6 else rng.uniform(0.1, 0.6)),
        pauses=int(rng.choice((0, 1, 2), p=(0.85, 0.1, 0.05))), lip_m=between(rng, 0.003, 0.25),
        lip_speed_m_s=float(rng.uniform(0.15, 0.8)),
        before_s=float(rng.uniform(0, 1.5)), after_s=float(rng.uniform(0, 1.5)),
    )  # fmt: skip


def steady_trace(pour: SteadyPour, flow: float = 1.0) -> PourTrace:
    """The ledger at 100 Hz: the same millilitres ``flow`` times as fast.

    Impact speed from the fall, ``v^2 = v0^2 + 2 g h``; diameter of the jet from what flows.
    """
    rng = np.random.default_rng([pour.seed, 2])
    volume = (pour.end_fill - pour.begin_fill) * pour.receiver.capacity_ml
    rows = max(round(volume / (pour.flow_ml_s * flow) * HZ), 20)
    before, after = round(pour.before_s * HZ), round(pour.after_s * HZ)
    shape = np.concatenate([np.zeros(before), _shape(rng, rows, pour), np.zeros(after)])
    rate = shape * (volume * HZ / shape.sum())
    landed = pour.begin_fill * pour.receiver.capacity_ml + np.cumsum(rate) / HZ
    level = pour.receiver.level_m(landed)
    drop = pour.receiver.depth_m + pour.lip_m - level
    speed = np.where(rate > 0, np.sqrt(pour.lip_speed_m_s**2 + 2 * GRAVITY * drop), 0.0)
    width = np.sqrt(4e-6 * rate / np.pi / np.maximum(speed, 0.1))
    left = max(0.9 * pour.source.capacity_ml, volume) - np.cumsum(rate) / HZ
    none = np.zeros(len(rate))
    return PourTrace(
        HZ, left, none, landed, none, rate, rate, none + 1.2, drop, speed, width, level
    )  # fmt: skip


def _shape(rng: np.random.Generator, rows: int, pour: SteadyPour) -> np.ndarray:
    """The flow over time, of any mean: ramps, a slow wander, pauses."""
    t = np.arange(rows) / HZ
    ramp = float(rng.uniform(0.08, 0.4))
    shape = np.clip(t / ramp, 0.02, 1) * np.clip((t[-1] + 1 / HZ - t) / ramp, 0.02, 1)
    knots = rng.normal(size=max(4, round(rows / HZ / rng.uniform(0.4, 1.5)) + 2))
    wander = np.interp(np.linspace(0, len(knots) - 1, rows), np.arange(len(knots)), knots)
    shape *= np.exp(pour.uneven * wander)
    for _ in range(pour.pauses):
        at = int(rng.uniform(0.2, 0.8) * rows)
        shape[at : at + round(min(rng.uniform(0.3, 1.2) * HZ, 0.25 * rows))] = 0.0
    return shape


def hear_steady(pour: SteadyPour, flow: float = 1.0) -> HeardPour:
    """A steady pour with the sound the acoustics gives it."""
    trace = steady_trace(pour, flow)
    return _sounded(trace, pour.source, pour.receiver, pour.liquid, pour.seed)


def hear_tabletop(seed: int, config: TabletopConfig = DEFAULT) -> HeardPour:
    """A pour of the corpus's kind, 5-14 s, without its pictures."""
    seconds = float(np.round(np.random.default_rng([seed, 3]).uniform(5, 14) * 10) / 10)
    scene, pour = draw_tabletop(seed, seconds=seconds, config=config)
    path = pour.motion
    trace = simulate_pour(
        scene.source, scene.receiver, scene.liquid, initial_ml=scene.initial_ml,
        receiver_initial_ml=scene.receiver_initial_ml, tilt_rad=path.tilt_rad, lip_m=path.lip_m,
        out_xy=path.out_xy, receiver_floor_m=np.array([*RECEIVER_XY, scene.receiver.floor_m]), dt_s=DT_S,
    )  # fmt: skip
    return _sounded(trace, scene.source, scene.receiver, scene.liquid, seed)


def _sounded(
    trace: PourTrace, source: Vessel, receiver: Vessel, liquid: Liquid, seed: int
) -> HeardPour:
    """With a voice and a mix of their own: columns from dull to ringing, more or less of each layer."""
    rng = np.random.default_rng([seed, 4])
    column, jet, impact, walls = np.exp(rng.normal(0, (0.4, 0.4, 0.4, 0.5)))
    layers = Layers(
        column=float(column), jet=float(jet), impact=float(impact), walls=float(walls),
        variation=float(rng.uniform(0.5, 2.0)),
    )  # fmt: skip
    samples = sound_of_pour(trace, source, receiver, liquid, rng=rng, layers=layers)
    return HeardPour(samples, trace, receiver)


def hear_pour(seed: int) -> HeardPour:
    """One of both kinds, as the seed will have it."""
    if np.random.default_rng([seed, 0]).random() < STEADY:
        return hear_steady(draw_steady(seed))
    return hear_tabletop(seed)


@dataclass(frozen=True)
class ShardTask:
    path: Path
    seeds: tuple[int, ...]
    hear: Callable[[int], HeardPour]


def draw_shard(task: ShardTask) -> int:
    """Simulate, sound and keep the lessons of one shard; how many they are."""
    write_lessons(task.path, [task.hear(seed).lesson for seed in task.seeds])
    return len(task.seeds)


def draw_lessons(
    folder: Path,
    *,
    pours: int,
    seed: int = 0,
    workers: int = 1,
    hear: Callable[[int], HeardPour] = hear_pour,
) -> None:
    """``pours`` lessons under ``folder``; shards already there are kept, so a killed run continues.

    Lesson i depends on (seed, i) alone, whatever the number of workers. ``hear`` is the kind of pour, sent
    to processes by its name. Raises OutputError where the folder was begun with another kind or seed.
    """
    begin_with(folder, {"pours": hear.__name__, "seed": seed})
    seeds = [_pour_seed(seed, i) for i in range(pours)]
    parts = [tuple(seeds[i : i + PER_SHARD]) for i in range(0, pours, PER_SHARD)]
    tasks = [ShardTask(shard_path(folder, n), part, hear) for n, part in enumerate(parts)]
    missing = [t for t in tasks if not t.path.exists()]
    run_tasks(draw_shard, missing, workers=workers, label="ear: pours")


def draw_copies(
    folder: Path,
    datasets: Sequence[Path] = (),
    *,
    originals: int = 10,
    copies: int = 100,
    seed: int = 0,
) -> None:
    """Noise-augmented copies of ``originals`` pours, a shard each, under ``folder``; shards already there
    are kept. The pours are the first in which something lands: of ``datasets``, or of the acoustics.
    Raises OutputError where the folder was begun with others.
    """
    of = [str(folder) for folder in datasets] or "acoustics"
    begin_with(folder, {"copies of": of, "copies": copies, "seed": seed})
    given = chain.from_iterable(taught_by(d) for d in datasets)
    found = islice(_landing(given if datasets else _drawn(seed)), originals)
    for n, one in enumerate(found):
        path = shard_path(folder, n)
        if not path.exists():
            write_lessons(path, list(copies_of([one], copies=copies, seed=seed + n)))


def _landing(pours: Iterable[Taught]) -> Iterator[Taught]:
    return (one for one in pours if one[1].receiver_ml[-1] > one[1].receiver_ml[0] + LEAST_ML)


def _drawn(seed: int) -> Iterator[Taught]:
    return (hear_pour(_pour_seed(seed, i)).taught for i in count())


def _pour_seed(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
