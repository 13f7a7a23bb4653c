"""Verbs that judge a policy: bench, listen.

Reads:  flags.   Makes: reports.   Used by: cli.main.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ..errors import ConfigError
from .common import Verb, opened, workers_or_all

BENCH_DECIDES = ("world", "sound", "liquid", "latency_ms", "compensate", "seed")
"""What a trial's result depends on beside who plays; more trials and more policies may join later."""
LISTEN_DECIDES = ("policy", "world", "sound", "seed")


@dataclass(frozen=True)
class Bench(Verb):
    """Policy → report.json and report.html: closed-loop trials beside the bars any number needs.

    Example: multigen bench --policy lab_ear runs/deaf --out runs/bench --trials 96
    """

    COMMAND: ClassVar[str] = "bench"
    policy: tuple[str, ...]
    """A policy checkpoint, a packaged policy (lab_ear), or: expert, feedback expert. Several: the first
    is compared with each other one, trial by trial. lab_ear@vision,state: with its ears closed;
    lab_ear@sampled: actions drawn by chance; lab_ear@forgetful: without memory of where things are;
    lab_ear@4.5s: asked to pour for so long."""
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
    films: int = 10
    """How many of the first policy's worst trials are played again before a camera, for the report."""
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
        if self.films < 0:
            raise ConfigError(f"--films {self.films}: give how many, 0 for none")
        made_by, world = self.made_by(), load_world(self.world)
        check_sound(self.sound)
        liquid_of(world, self.liquid)
        late = (ms / 1000 for ms in self.latency_ms)
        latency = Latency(*late, compensated=self.compensate)
        if not self.policy:
            raise ConfigError("--policy names none; give at least one, such as lab_ear")
        named = {Path(p).name: p for p in self.policy}
        if len(named) < len(self.policy):
            raise ConfigError(
                f"--policy {' '.join(self.policy)}: two of one name; rename a folder, reports go by names"
            )
        trials = protocol(self.trials, self.conditions or None, seed=self.seed)
        out = opened(self, self.out, BENCH_DECIDES)
        report = bench(
            named,
            trials,
            world=world,
            out=out,
            sound=self.sound,
            liquid=self.liquid,
            latency=latency,
            bars=bars_with(self.expert),
            films=self.films,
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

    Example: multigen listen --policy lab_ear --out runs/listen --trials 24 --sound recorded
    """

    COMMAND: ClassVar[str] = "listen"
    policy: str
    """A policy checkpoint or a packaged policy (lab_ear)."""
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
        out = opened(self, self.out, LISTEN_DECIDES)
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
