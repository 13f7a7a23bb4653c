"""Does generated sound teach better than noise laid over ten recordings? The paper's Figure 4b.

    .venv/bin/python benchmarks/studies/scaling.py [--sizes 40 80 160] [--arms generated copies acoustics maskless]
                                           [--seeds 0] [--glimpses out/lab_glimpses] [--minutes 15]

NMAE against the number of episodes, for policies that differ in what they heard while they learned:

* ``generated``: pours of the world 'lab' with the packaged generator's sound;
* ``copies``: ten demonstrations that the teacher records in the benchmark's room (conditions of the paper's
  appendix A.2, other places), copied with environment and robot noise, each with probability 0.5, as ManiWAV
  does (Liu et al. 2024; the noises are synthesised here, see multigen.ear.noise: theirs may not be shipped);
* ``acoustics``: the pours of ``generated`` with the sound the generator learned to imitate;
* ``maskless``: the same, generated without role masks; at the largest size alone.

A point is made of three: an ear that learns listening from these sounds alone (``--ear-steps``), a policy
that believes it, learning for ``--minutes`` from these episodes and the silent pours all arms share
(``--glimpses``, of multigen glimpse), and forty-eight closed-loop trials in the four conditions of appendix
A.2, with recorded sound. Unlike on hardware, the ten demonstrations come with what the ear needs, how full
the receiver was. Every stage is kept in ``--out``: the same command goes on where it stopped, and more sizes,
seeds or arms join. Writes points.json and scaling.png.
"""

import argparse
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from multigen.benchmark import bench, protocol
from multigen.dataset.reader import Dataset
from multigen.ear.augment import NONE, OWN
from multigen.ear.noise import among_noise
from multigen.ear.teachers import lessons_of
from multigen.ear.train import OWN_POURS, train_ear
from multigen.episode import is_complete
from multigen.files import MadeBy, read_json, read_sound, write_json, write_sound
from multigen.pipeline.generate import pack
from multigen.pipeline.simulate import episode_folder, simulate
from multigen.pipeline.sonify import SOUND_FILE, sonify
from multigen.policy import train_policy
from multigen.scene import load_world
from multigen.types import Waveform

TEACHER = {"expert": "misjudging", "nudge_m": 0.018}
RECORDED = (
    "water-white_cup-red_cup", "water-metal_thermos-metal_mug", "water-white_cup-plastic_cup",
    "juice-plastic_bottle-plastic_cup", "juice-plastic_bottle-glass_mug",
)  # fmt: skip
"""Of appendix A.2: two demonstrations each."""
TRIED = (RECORDED[2], RECORDED[3], RECORDED[0], RECORDED[1])
"""Of appendix A.2: where policies are compared."""
DEMONSTRATIONS, SEED, RECORDING_SEED = 10, 1000, 5000
ARMS = ("generated", "copies", "acoustics", "maskless")
WHOLE = replace(OWN, before_s=(0.0, 0.0))
"""An ear of who pours, whose lessons are whole episodes: the quiet before the pour is theirs."""
COPIED = replace(NONE, cut_start=0.0, quiet_s=OWN.quiet_s)
"""The same, of copies: their noise is all that varies."""


@dataclass(frozen=True)
class Point:
    """One policy of the figure."""

    arm: str
    episodes: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.episodes}-{self.seed}"


def linked(silent: list[Path], to: Path) -> list[Path]:
    """The same episodes once more, without sound and without taking room."""
    folders = []
    for i, folder in enumerate(silent):
        mine = episode_folder(to, i)
        if not is_complete(mine):
            shutil.rmtree(mine, ignore_errors=True)
            mine.mkdir(parents=True)
            for file in sorted(folder.iterdir()):
                if file.name != SOUND_FILE:
                    os.link(file, mine / file.name)
        folders.append(mine)
    return folders


def pours(out: Path, count: int, workers: int) -> list[Path]:
    """Silent episodes of training."""
    world = load_world("lab")
    return simulate(
        out / "silent", episodes=count, seed=SEED, world=world, workers=workers, **TEACHER
    )


def demonstrations(out: Path, workers: int) -> list[Path]:
    """The ten, recorded in the benchmark's room."""
    folders = []
    for k, condition in enumerate(RECORDED):
        world = replace(load_world("nominal"), conditions=(condition,))
        folders += simulate(
            out / "recorded" / str(k), episodes=DEMONSTRATIONS // len(RECORDED),
            seed=RECORDING_SEED + k, world=world, workers=workers, **TEACHER,
        )  # fmt: skip
    sonify(folders, sound="recorded", seed=RECORDING_SEED, workers=workers)
    return folders


def copies(out: Path, count: int, workers: int) -> list[Path]:
    """``count`` copies of the ten among noise."""
    ten = demonstrations(out, workers)
    wanted = [ten[i % len(ten)] for i in range(count)]
    folders = linked(wanted, out / "sounds" / "copies")
    for i, (folder, origin) in enumerate(zip(folders, wanted, strict=True)):
        if not (folder / SOUND_FILE).exists():
            wave = read_sound(origin / SOUND_FILE)
            noisy = among_noise(wave.samples, np.random.default_rng([SEED, i]))
            write_sound(folder / SOUND_FILE, Waveform(wave.sample_rate, noisy))
    return folders


def heard(out: Path, arm: str, count: int, workers: int) -> list[Path]:
    """``count`` episodes with the sound of an arm."""
    if arm == "copies":
        return copies(out, count, workers)
    folders = linked(pours(out, count, workers), out / "sounds" / arm)
    sound = "acoustics" if arm == "acoustics" else "flow"
    sonify(folders, sound=sound, seed=SEED, workers=workers, masks=arm != "maskless")
    return folders


def measure(point: Point, args: argparse.Namespace, made_by: MadeBy) -> dict:
    """Data, ear, policy and trials of a point; what is there is kept."""
    root = args.out / "points" / point.name
    if (root / "point.json").exists():
        return read_json(root / "point.json")
    data, ear = args.out / "data" / f"{point.arm}-{point.episodes}", root / "ear"
    folders = heard(args.out, point.arm, point.episodes, args.workers)
    if not (data / "meta" / "info.json").exists() or len(Dataset(data)) < point.episodes:
        pack(folders, data, made_by=made_by)
    if not (ear / "run" / "result.json").exists():
        how = {**OWN_POURS, "augmentation": COPIED if point.arm == "copies" else WHOLE}
        train_ear(
            lessons_of(data), ear, resume=(ear / "run").exists(), steps=args.ear_steps,
            seed=point.seed, threads=args.workers, **how,
        )  # fmt: skip
    if not (root / "policy" / "validation.json").exists():
        train_policy(
            [data, args.glimpses], root / "policy", ear=ear, seed=point.seed, threads=args.workers,
            time_limit_s=60 * args.minutes, resume=(root / "policy").exists(),
        )  # fmt: skip
    report = bench(
        {point.arm: str(root / "policy")}, protocol(48, TRIED), world=load_world("nominal"),
        out=root / "bench", bars=(), workers=args.workers, made_by=made_by, films=0,
    )  # fmt: skip
    summary = report["summary"]
    result = {
        **asdict(point), "minutes": args.minutes, "ear_steps": args.ear_steps,
        "nmae": summary["nmae"], "opaque": summary["opaque"], "transparent": summary["transparent"],
    }  # fmt: skip
    write_json(root / "point.json", result)
    return result


def draw(points: list[dict], path: Path) -> None:
    """The figure: one line per arm, means over seeds, intervals over trials."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for arm, mark in zip(ARMS, "os^D", strict=True):
        mine = [p for p in points if p["arm"] == arm]
        sizes = sorted({p["episodes"] for p in mine})
        if not sizes:
            continue
        rows = [[p["nmae"] for p in mine if p["episodes"] == n] for n in sizes]
        mean = [np.mean([r["mean"] for r in row]) for row in rows]
        low, high = (
            [np.mean([r["ci95"][k] for r in row]) - m for row, m in zip(rows, mean, strict=True)]
            for k in (0, 1)
        )
        axes.errorbar(sizes, mean, np.abs([low, high]), marker=mark, capsize=3, label=arm)
    axes.axhline(0.458, color="grey", ls=":", label="always half")
    minutes = ", ".join(f"{m:g}" for m in sorted({p["minutes"] for p in points}))
    axes.set(
        xscale="log", xlabel="episodes", ylabel="NMAE, 48 trials in four conditions", ylim=(0, None),
        title=f"Learning shortened to {minutes} minutes a point on two cores",
    )  # fmt: skip
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Make what points are missing, print all, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[40, 80, 160])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--glimpses", type=Path, default=Path("out/lab_glimpses"))
    parser.add_argument("--minutes", type=float, default=15.0, help="of the policy's learning")
    parser.add_argument("--ear-steps", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("out/scaling"))
    args = parser.parse_args()
    made_by = MadeBy(
        "benchmarks/studies/scaling.py", {"sizes": args.sizes, "arms": args.arms}, SEED
    )
    wanted = [
        Point(arm, n, seed)
        for seed in args.seeds
        for n in sorted(args.sizes)
        for arm in args.arms
        if arm != "maskless" or n == max(args.sizes)
    ]
    for point in wanted:
        measure(point, args, made_by)
        points = [read_json(p) for p in sorted(args.out.glob("points/*/point.json"))]
        write_json(args.out / "points.json", points)
        draw(points, args.out / "scaling.png")
    for p in points:
        low, high = p["nmae"]["ci95"]
        print(
            f"{p['arm']}, {p['episodes']} episodes, seed {p['seed']}: "
            f"NMAE {p['nmae']['mean']:.3f} [{low:.2f}, {high:.2f}]"
        )


if __name__ == "__main__":
    main()
