"""Verbs that learn and judge: train-sound, score-sound, train-policy, bench, listen.

Reads:  flags.   Makes: checkpoints, scores, reports.   Used by: cli.main.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from tyro.conf import Positional

from ..errors import ConfigError
from ..files import write_json
from .common import Verb, opened, workers_or_all


@dataclass(frozen=True)
class TrainSound(Verb):
    """Corpus → sound model (flow matching on mel latents, conditioned on frames and masks).

    Example: multigen train-sound runs/corpus --out runs/sound --time-limit-s 3300
    """

    COMMAND: ClassVar[str] = "train-sound"
    corpus: Positional[Path]
    out: Path
    preset: str = "pour_micro"
    steps: int = 6000
    latent_dim: int = 40
    """Dimensions of the codec's latent, 31.25 a second."""
    batch_size: int = 16
    optimiser: Literal["muon", "adamw"] = "muon"
    lr: float | None = None
    """Learning rate; default: 0.005, a fifth of it with --start-from."""
    start_from: str | None = None
    """Go on from a checkpoint folder or packaged weights, with its codec."""
    rough: float = 0.25
    """Share of the windows whose role images are made as poor as a real video's: boxes, no level."""
    time_limit_s: float | None = None
    """Stop after this many seconds with the schedule stretched to fit; --resume goes on."""
    threads: int = 2
    device: str = "cpu"
    seed: int = 0
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..audio.generator import find_weights
        from ..audio.train import LR, train_sound
        from ..audio.windows import Augmentation

        made_by, out = self.made_by(), opened(self, self.out)
        begin = find_weights(self.start_from) if self.start_from else None
        train_sound(
            self.corpus,
            out,
            preset=self.preset,
            steps=self.steps,
            latent_dim=self.latent_dim,
            batch_size=self.batch_size,
            optimiser=self.optimiser,
            lr=self.lr or (LR / 5 if begin else LR),
            start_from=begin,
            augmentation=Augmentation(rough=self.rough),
            time_limit_s=self.time_limit_s,
            threads=self.threads,
            device=self.device,
            seed=self.seed,
            resume=self.resume,
        )
        made_by.write(out)


@dataclass(frozen=True)
class ScoreSound(Verb):
    """Two sets of matching sounds → scores.json, with calibration rows to read them against.

    Each may be a folder of wav or flac files, a corpus, or a dataset; names must match (a corpus'
    are its clips' ids, a dataset's are episode-000000 and so on). Where the reference knows its
    pours, resonance and loudness are judged against vessel and flow as well.

    Example: multigen score-sound --generated a/ --reference b/ --out runs/scores
    """

    COMMAND: ClassVar[str] = "score-sound"
    generated: Path
    reference: Path
    out: Path
    second_take: Path | None = None
    """Other sounds of the reference's pours, for calibration; a synthetic corpus makes its own."""
    seed: int = 0
    overwrite: bool = False

    def run(self) -> None:
        from ..pipeline.score import score

        made_by = self.made_by()
        scores = score(self.generated, self.reference, second_take=self.second_take, seed=self.seed)
        out = opened(self, self.out)
        write_json(out / "scores.json", scores)
        made_by.write(out)


@dataclass(frozen=True)
class TrainPolicy(Verb):
    """One dataset or several → audio-visual diffusion policy.

    Example: multigen train-policy runs/pours runs/nudged --out runs/policy --senses vision,audio,state
    """

    COMMAND: ClassVar[str] = "train-policy"
    datasets: Positional[tuple[Path, ...]]
    out: Path
    preset: str | None = None
    """tiny (the default), compact or paper."""
    senses: str | None = None
    """Any subset of vision,audio,state, separated by commas; default: all."""
    steps: int | None = None
    """Default: the preset's own."""
    batch_size: int | None = None
    """Default: the preset's own."""
    lr: float | None = None
    """Learning rate; default: the preset's own, a tenth of it with --start-from."""
    clip: Path | None = None
    """Pretrained CLIP ViT-B/16 (a transformers folder) for the paper preset's eyes."""
    ast: Path | None = None
    """Pretrained audio spectrogram transformer (a transformers folder) for its ears."""
    start_from: str | None = None
    """A checkpoint or a packaged policy (lab_va) to go on from, instead of a preset."""
    half: bool = False
    """Store the weights in 16 bit: half the file."""
    time_limit_s: float | None = None
    threads: int = 2
    device: str = "cpu"
    seed: int = 0
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..policy import train_policy

        senses = None
        if self.senses is not None:
            senses = tuple(s.strip() for s in self.senses.split(",") if s.strip())
        made_by, out = self.made_by(), opened(self, self.out)
        train_policy(
            self.datasets,
            out,
            preset=self.preset,
            senses=senses,
            steps=self.steps,
            batch_size=self.batch_size,
            lr=self.lr,
            clip=self.clip,
            ast=self.ast,
            start_from=self.start_from,
            half=self.half,
            time_limit_s=self.time_limit_s,
            threads=self.threads,
            device=self.device,
            seed=self.seed,
            resume=self.resume,
        )
        made_by.write(out)


@dataclass(frozen=True)
class Bench(Verb):
    """Policy → report.json and report.html: closed-loop trials beside the bars any number needs.

    Example: multigen bench --policy lab_va runs/deaf --out runs/bench --trials 96
    """

    COMMAND: ClassVar[str] = "bench"
    policy: tuple[str, ...]
    """A policy checkpoint, a packaged policy (lab_va), or: expert, feedback expert. Several: the first
    is compared with each other one, trial by trial. lab_va@vision,state: with its ears closed."""
    out: Path
    world: str = "nominal"
    trials: int = 96
    """96 is the paper's protocol: eight conditions, three positions, four commands. More: more positions."""
    conditions: tuple[str, ...] = ()
    """Only these of the eight."""
    sound: str = "recorded"
    """What the policy hears: recorded (the acoustics with room, microphone and noise), acoustics, flow
    (the learned generator), none, or the folder of a sound model."""
    liquid: str | None = None
    """hydraulic or particles (a world no policy and no plan was made in); default: the world's."""
    latency_ms: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """How late camera, microphone and action are, as on hardware; the bars, which do not look, are not."""
    compensate: bool = False
    """The policy knows the latency: postures as old as the picture, and no overdue actions."""
    expert: Literal["planned", "feedback"] = "planned"
    """The bar above: the expert as in the paper, or the one that watches the ledger."""
    seed: int = 0
    workers: int | None = None
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..audio.sounds import check_sound
        from ..benchmark import bars_with, bench, protocol
        from ..liquid import liquid_of
        from ..report import bench_report
        from ..scene import CONDITIONS, load_world
        from ..types import Latency

        unknown = [c for c in self.conditions if c not in CONDITIONS]
        if unknown:
            raise ConfigError(f"--conditions {unknown[0]}: unknown; known: {', '.join(CONDITIONS)}")
        made_by, world = self.made_by(), load_world(self.world)
        check_sound(self.sound)
        liquid_of(world, self.liquid)
        late = (ms / 1000 for ms in self.latency_ms)
        latency = Latency(*late, compensated=self.compensate)
        out = opened(self, self.out)
        if not self.policy:
            raise ConfigError("--policy names none; give at least one, such as lab_va")
        named = {Path(p).name: p for p in self.policy}
        if len(named) < len(self.policy):
            raise ConfigError(
                f"--policy {' '.join(self.policy)}: two of one name; rename a folder, reports go by names"
            )
        trials = protocol(self.trials, self.conditions or None, seed=self.seed)
        report = bench(
            named,
            trials,
            world=world,
            out=out,
            sound=self.sound,
            liquid=self.liquid,
            latency=latency,
            bars=bars_with(self.expert),
            workers=workers_or_all(self.workers),
            made_by=made_by,
        )
        bench_report(out, report)
        made_by.write(out)
        s = report["summary"]["nmae"]
        print(
            f"NMAE {s['mean']:.3f} [{s['ci95'][0]:.3f}, {s['ci95'][1]:.3f}], n = {s['n']}; {out}/report.html"
        )
        for name in list(named)[1:]:
            d = report["compared"][name]["nmae"]
            low, high = d["ci95"]
            print(
                f"  {name}: worse by {d['mean']:+.3f} [{low:+.3f}, {high:+.3f}] on the same trials"
            )


@dataclass(frozen=True)
class Listen(Verb):
    """Is it listening? The same trials with the policy's sound muted, swapped, late, shifted, drowned,
    and with the lights out → listen.json, listen.html and a verdict.

    Example: multigen listen --policy lab_va --out runs/listen --trials 24 --sound recorded
    """

    COMMAND: ClassVar[str] = "listen"
    policy: str
    """A policy checkpoint or a packaged policy (lab_va)."""
    out: Path
    world: str = "nominal"
    trials: int = 24
    """Per disturbance, spread over conditions and commands."""
    sound: str = "recorded"
    """What is there to be heard: recorded, acoustics, flow, or the folder of a sound model."""
    only: tuple[str, ...] = ()
    """Only these disturbances (muted, "in the dark", ...); default: all of them."""
    seed: int = 0
    workers: int | None = None
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..benchmark import DISTURBANCES, listen, protocol
        from ..report import listen_report
        from ..scene import load_world

        if unknown := [d for d in self.only if d not in DISTURBANCES]:
            raise ConfigError(f"--only {unknown[0]}: unknown; known: {', '.join(DISTURBANCES)}")
        if self.trials < 2:
            raise ConfigError(f"--trials {self.trials}: differences between trials need at least 2")
        made_by, world = self.made_by(), load_world(self.world)
        out = opened(self, self.out)
        report = listen(
            self.policy,
            protocol(self.trials, seed=self.seed),
            world=world,
            out=out,
            sound=self.sound,
            disturbances=self.only or tuple(DISTURBANCES),
            workers=workers_or_all(self.workers),
            made_by=made_by,
        )
        listen_report(out, report)
        made_by.write(out)
        print(f"{report['verdict']}; {out}/listen.html")
