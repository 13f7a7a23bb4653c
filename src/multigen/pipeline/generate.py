"""The production command: seeds → simulated, heard, packed, validated dataset.

Reads:  a world.   Makes: a LeRobot v3.0 dataset with sound.   Used by: cli generate, demo.
Stages are resumable: every episode, every sound and every packed episode is durable by itself.
"""

import shutil
from pathlib import Path

from ..audio.sounds import check_sound
from ..dataset import Dataset, DatasetWriter, validate
from ..episode import read_episode
from ..errors import FormatError
from ..files import MadeBy, read_sound
from ..scene import WorldConfig
from ..types import Demonstration
from ..workers import progress_bar
from .simulate import simulate
from .sonify import SOUND_FILE, sonify

WORK = "episodes"
"""Folder of silent episodes inside the dataset while it is being made."""


def pack(folders: list[Path], out: Path, *, made_by: MadeBy, first: int = 0) -> None:
    """Write episodes ``first``, ``first`` + 1, … of one dataset, one durable episode at a time."""
    if not folders:
        return
    like = read_episode(folders[0])
    writer = DatasetWriter(out, like.clock, like.ego.shape[1], made_by=_fixed(made_by))
    with progress_bar() as bar:
        shown = bar.add_task("pack", total=len(folders))
        for i, folder in enumerate(folders, first):
            if i >= writer.episodes:
                episode, sound = read_episode(folder), read_sound(folder / SOUND_FILE)
                writer.add(
                    Demonstration(episode, sound),
                    ego_video=folder / "ego.mp4",
                    front_25=folder / "front.mp4",
                )
            bar.advance(shown)
    writer.close()


def _fixed(made_by: MadeBy) -> dict:
    """What the dataset's own metadata keep: nothing that differs between two equal runs."""
    record = made_by.record()
    config = {k: v for k, v in record["config"].items() if k in CONTENT}
    return {"command": record["command"], "multigen": record["multigen"], "config": config}


CONTENT = {"seed", "condition", "world", "sound", "size", "liquid", "expert", "nudge_mm"}
"""Settings that decide an episode; their number, workers, paths and clean-up do not."""


def generate(
    out: Path,
    *,
    episodes: int,
    seed: int,
    world: WorldConfig,
    sound: str,
    made_by: MadeBy,
    condition: str | None = None,
    workers: int = 1,
    size: int = 224,
    keep_episodes: bool = False,
    liquid: str | None = None,
    expert: str = "planned",
    nudge_m: float = 0.0,
) -> None:
    """simulate → sonify → pack → validate. Raises FormatError when validation finds a failure."""
    check_sound(sound)
    work, packed = Path(out) / WORK, _packed(out)
    folders = simulate(
        work,
        first=packed,
        episodes=episodes,
        seed=seed,
        world=world,
        condition=condition,
        workers=workers,
        size=size,
        liquid=liquid,
        expert=expert,
        nudge_m=nudge_m,
    )
    sonify(folders, sound=sound, seed=seed, workers=workers)
    pack(folders, out, made_by=made_by, first=packed)
    check(out, workers)
    if not keep_episodes:
        shutil.rmtree(work, ignore_errors=True)


def _packed(out: Path) -> int:
    """Episodes an earlier run has packed: neither simulated nor heard again."""
    return len(Dataset(out)) if (Path(out) / "meta" / "info.json").exists() else 0


def check(out: Path, workers: int = 1) -> None:
    """Raise FormatError naming the first failure that ``validate`` finds."""
    failures = [f for f in validate(out, workers=workers) if f.level == "FAIL"]
    if failures:
        raise FormatError(
            f"{out} does not validate: {failures[0].text} ({len(failures)} failures); "
            "generate it again or run: multigen validate"
        )
