"""Verbs that make data: demo, generate, simulate, sonify, pack.

Reads:  flags.   Makes: datasets, episodes, sounds.   Used by: cli.main.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro
from tyro.conf import Positional

from ..errors import FormatError
from .common import Verb, opened, workers_or_all


@dataclass(frozen=True)
class Demo(Verb):
    """The main job: twenty heard pours, a policy that goes on learning from them, a benchmark, one report.

    Running it again continues where it stopped; finished stages are not repeated.

    Example: multigen demo --out out/demo --clip my_pour.mp4
    """

    COMMAND: ClassVar[str] = "demo"
    out: Path = Path("out/demo")
    clip: Path | None = None
    """A real video that is given a sound (silent or not; its own sound is shown beside)."""
    seed: int = 0
    episodes: int = 20
    """Pours to simulate."""
    trials: int = 8
    """Closed-loop trials of the benchmark."""
    train_seconds: float = 120.0
    """Time for which the packaged policy goes on learning from these pours."""
    workers: int | None = None
    """Processes; default: all cores."""
    overwrite: bool = False
    resume: bool = True

    def run(self) -> None:
        from ..pipeline.demo import demo

        out = opened(self, self.out)
        demo(
            out,
            clip=self.clip,
            seed=self.seed,
            episodes=self.episodes,
            trials=self.trials,
            train_seconds=self.train_seconds,
            workers=workers_or_all(self.workers),
            made_by=self.made_by(),
        )


@dataclass(frozen=True)
class Pours(Verb):
    """What simulate and generate share: how many pours, of which world."""

    out: Path
    episodes: int = 100
    seed: int = 0
    """Episode i depends on (seed, i) alone, whatever the number of workers."""
    workers: int | None = None
    """Processes; default: all cores."""
    world: str = "train"
    """A built-in world or a world file (see: multigen world --print train)."""
    condition: str | None = None
    """One of the eight named conditions; default: the world's own vessels."""
    size: int = 224
    """Pixels of both cameras."""
    liquid: str | None = None
    """hydraulic (thousands of times faster than real time) or particles (slower); default: the world's."""
    expert: Literal["planned", "feedback", "misjudging"] = "planned"
    """Who pours: as in the paper, decided beforehand; or watching the ledger and stopping on target; or
    that, gently and at a pace drawn by chance, as to learn listening from."""
    nudge_mm: float = 0.0
    """Push the expert's hand off its way by about this much: what it intended is recorded, so that
    the pours show how an error is mended (0: never; at most 30)."""
    overwrite: bool = False
    resume: bool = False

    def begun(self) -> Path:
        """The output folder; refused where it was begun with settings that make other pours."""
        from ..pipeline.generate import CONTENT

        return opened(self, self.out, CONTENT)


@dataclass(frozen=True)
class Generate(Pours):
    """The production command: simulate, sonify, pack and validate a LeRobot v3.0 dataset with sound.

    Example: multigen generate --episodes 4 --seed 7 --out runs/pours --workers 2
    """

    COMMAND: ClassVar[str] = "generate"
    sound: str = "flow"
    """flow (learned generator), acoustics, recorded (acoustics with room, microphone and noise), none,
    or the folder of a sound model."""
    keep_episodes: bool = False
    """Keep the silent episode folders after packing."""

    def run(self) -> None:
        from ..liquid import liquid_of
        from ..pipeline.generate import generate
        from ..scene import load_world

        made_by, world = self.made_by(), load_world(self.world)
        liquid_of(world, self.liquid)
        out = self.begun()
        generate(
            out,
            episodes=self.episodes,
            seed=self.seed,
            world=world,
            condition=self.condition,
            sound=self.sound,
            workers=workers_or_all(self.workers),
            size=self.size,
            expert=self.expert,
            nudge_m=self.nudge_mm / 1e3,
            keep_episodes=self.keep_episodes,
            liquid=self.liquid,
            made_by=made_by,
        )
        made_by.write(out)
        print(f"{self.episodes} episodes in {out}; look: multigen report {out}")


@dataclass(frozen=True)
class Simulate(Pours):
    """Stage 1 alone: silent episodes, one durable folder each.

    Example: multigen simulate --episodes 4 --seed 7 --out runs/episodes
    """

    COMMAND: ClassVar[str] = "simulate"

    def run(self) -> None:
        from ..liquid import liquid_of
        from ..pipeline.simulate import simulate
        from ..scene import load_world

        made_by, world = self.made_by(), load_world(self.world)
        liquid_of(world, self.liquid)
        out = self.begun()
        simulate(
            out,
            episodes=self.episodes,
            seed=self.seed,
            world=world,
            condition=self.condition,
            workers=workers_or_all(self.workers),
            size=self.size,
            liquid=self.liquid,
            expert=self.expert,
            nudge_m=self.nudge_mm / 1e3,
        )
        made_by.write(out)


@dataclass(frozen=True)
class Glimpse(Verb):
    """Silent pours of which the wrist camera sees a few moments: six times as many vessels for the time.

    Beside heard pours they teach a policy where things are; its ears learn from the heard ones alone.

    Example: multigen glimpse --scenes 2000 --world lab --out runs/glimpses
             multigen train-policy runs/pours runs/glimpses --out runs/policy
    """

    COMMAND: ClassVar[str] = "glimpse"
    out: Path
    scenes: int = 1000
    seed: int = 0
    """Scene i depends on (seed, i) alone."""
    workers: int | None = None
    """Processes; default: all cores."""
    world: str = "train"
    """A built-in world or a world file."""
    size: int = 96
    """Pixels that are kept: those a policy looks at (tiny and compact: 96)."""
    every: int = 8
    """One moment in so many is seen."""
    expert: Literal["planned", "feedback", "misjudging"] = "misjudging"
    nudge_mm: float = 18.0
    """Push the hand off its way by about this much (0: never; at most 30)."""
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..episode import check_nudge
        from ..errors import ConfigError
        from ..pipeline.glimpses import SETTINGS, glimpse
        from ..scene import load_world

        if min(self.scenes, self.every) < 1 or self.size < 16:
            raise ConfigError(
                f"{self.scenes} scenes, one moment in {self.every}, {self.size} px: at least 1, 1 and 16"
            )
        check_nudge(self.nudge_mm / 1e3)
        made_by, world = self.made_by(), load_world(self.world)
        out = opened(self, self.out, SETTINGS)
        glimpse(
            out,
            scenes=self.scenes,
            seed=self.seed,
            world=world,
            workers=workers_or_all(self.workers),
            size=self.size,
            every=self.every,
            expert=self.expert,
            nudge_m=self.nudge_mm / 1e3,
        )
        made_by.write(out)


@dataclass(frozen=True)
class Sonify(Verb):
    """Stage 2 alone: give silent episodes, or any video, a sound of the same length.

    Examples: multigen sonify runs/episodes --with flow
              multigen sonify --video pour.mp4 --out pour_heard.mp4
    """

    COMMAND: ClassVar[str] = "sonify"
    episodes: Positional[Path | None] = None
    """Folder of episodes made by simulate."""
    video: Path | None = None
    """Any video file instead."""
    masks: Path | None = None
    """Role images of the video: a folder with <stem>.roles.mkv (made by: multigen masks) or
    roles.mkv, or the .mkv itself. Without it a pour is looked for by motion."""
    receiver_mm: tuple[float, float] | None = None
    """With --video: inner depth and inner diameter of the vessel poured into. A picture holds no scale,
    and the pitch is a matter of centimetres."""
    find_masks: bool = True
    """Look for the pour by motion where no --masks are given."""
    out: Path | None = None
    """With --video: .wav, .flac, or .mp4 for picture and sound."""
    with_: Annotated[str, tyro.conf.arg(name="with")] = "flow"
    """flow, acoustics, recorded, none, or the folder of a sound model."""
    seed: int = 0
    workers: int | None = None
    overwrite: bool = False

    def run(self) -> None:
        from ..errors import ConfigError, OutputError
        from ..pipeline.masks import roles_for
        from ..pipeline.sonify import SOUND_FILE, sonify, sonify_video

        if self.video is not None:
            if self.out is None:
                raise ConfigError("--video needs --out FILE ending in .wav, .flac or .mp4")
            if self.out.exists() and not self.overwrite:
                raise OutputError(f"{self.out} exists; add --overwrite to replace it")
            masks = roles_for(self.video, self.masks) if self.masks else None
            depth_mm, wide_mm = self.receiver_mm or (0.0, 0.0)
            size = (depth_mm / 1e3, wide_mm / 1e3) if self.receiver_mm else None
            heard = sonify_video(
                self.video, self.out, masks=masks, find=self.find_masks, sound=self.with_,
                seed=self.seed, receiver_m=size,
            )  # fmt: skip
            print(f"{heard.wave.duration_s:.2f} s of sound in {self.out} ({heard.masks})")
            return
        if self.episodes is None:
            raise ConfigError("give a folder of episodes, or --video FILE --out FILE")
        folders = _episodes_in(self.episodes)
        if self.overwrite:
            for folder in folders:
                (folder / SOUND_FILE).unlink(missing_ok=True)
        sonify(folders, sound=self.with_, seed=self.seed, workers=workers_or_all(self.workers))


@dataclass(frozen=True)
class Pack(Verb):
    """Stage 3 alone: heard episodes → LeRobot v3.0 dataset, validated.

    Example: multigen pack runs/episodes --out runs/pours
    """

    COMMAND: ClassVar[str] = "pack"
    episodes: Positional[Path]
    out: Path
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..pipeline.generate import check, pack

        folders, made_by = _episodes_in(self.episodes), self.made_by()
        out = opened(self, self.out)
        pack(folders, out, made_by=made_by)
        check(out)
        made_by.write(out)


def _episodes_in(root: Path) -> list[Path]:
    folders = sorted(p for p in root.glob("episode-*") if p.is_dir() and p.suffix != ".part")
    if not folders:
        raise FormatError(f"{root} holds no episode-* folders; make some with: multigen simulate")
    return folders
