"""Stage 1: seeds → silent episodes, each a durable folder.

Reads:  a world, seeds.   Makes: episodes/episode-NNNNNN/.   Used by: generate, glimpses, cli simulate.
Episode i depends on (seed, i) alone: the same folder whatever the number of workers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..episode import check_nudge, is_complete, make_expert, rollout, write_episode
from ..errors import SceneError
from ..liquid import liquid_of
from ..scene import WorldConfig, draw_scene
from ..types import Episode, Outcome, SceneConfig
from ..workers import run_tasks

Poured = TypeVar("Poured")

ATTEMPTS = 6
"""Scenes tried per episode before giving up: a grasp that slips or a reach that fails is redrawn."""


@dataclass(frozen=True)
class SimulateTask:
    index: int
    seed: int
    world: WorldConfig
    folder: Path
    condition: str | None = None
    size: int = 224
    liquid: str = "hydraulic"
    expert: str = "planned"
    nudge_m: float = 0.0


def episode_folder(root: Path, index: int) -> Path:
    """Where episode ``index`` is kept."""
    return Path(root) / f"episode-{index:06d}"


def simulate_one(task: SimulateTask) -> Path:
    """Draw a scene, let the expert pour, write the episode. Raises SceneError after ATTEMPTS scenes."""

    def pour(scene: SceneConfig, seed: int) -> tuple[Episode, Outcome]:
        episode = rollout(
            scene,
            make_expert(task.expert),
            seed=seed,
            size=task.size,
            liquid=task.liquid,
            nudge_m=task.nudge_m,
        )
        return episode, episode.outcome

    _, episode = first_completed(task.world, task.seed, task.index, pour, task.condition)
    write_episode(task.folder, episode)
    return task.folder


def first_completed(
    world: WorldConfig,
    seed: int,
    index: int,
    pour: Callable[[SceneConfig, int], tuple[Poured, Outcome]],
    condition: str | None = None,
) -> tuple[SceneConfig, Poured]:
    """The first of ATTEMPTS scenes, drawn for (seed, index), whose ``pour(scene, its seed)`` ends well.

    Raises SceneError when none does.
    """
    problems = []
    for attempt in range(ATTEMPTS):
        own = scene_seed(seed, index, attempt)
        scene = draw_scene(world, own, condition=condition)
        try:
            made, outcome = pour(scene, own)
        except SceneError as e:
            problems.append(str(e))
            continue
        if outcome.completed:
            return scene, made
        problems.append(f"ended because {outcome.ended_because}")
    raise SceneError(
        f"episode {index}: none of {ATTEMPTS} scenes could be poured ({problems[-1]}); "
        "widen the world's ranges or choose another --seed"
    )


def scene_seed(seed: int, index: int, attempt: int) -> int:
    """Below ten million: benchmark seeds start there."""
    words = np.random.SeedSequence([seed, index, attempt]).generate_state(1)
    return int(words[0] % 10_000_000)


def simulate(
    root: Path,
    *,
    episodes: int,
    seed: int,
    world: WorldConfig,
    condition: str | None = None,
    workers: int = 1,
    size: int = 224,
    first: int = 0,
    liquid: str | None = None,
    expert: str = "planned",
    nudge_m: float = 0.0,
) -> list[Path]:
    """Finished folders of episodes ``first`` to ``episodes`` - 1; those already complete are kept.

    ``liquid``: 'hydraulic', 'particles' or None for the world's own.
    ``nudge_m``: see episode.nudge. Raises ConfigError for another,
    and for an ``expert`` that is none of episode.EXPERTS.
    """
    make_expert(expert)
    check_nudge(nudge_m)
    model = liquid_of(world, liquid)
    folders = [episode_folder(root, i) for i in range(first, episodes)]
    tasks = [
        SimulateTask(i, seed, world, folder, condition, size, model, expert, nudge_m)
        for i, folder in enumerate(folders, first)
        if not is_complete(folder)
    ]
    run_tasks(simulate_one, tasks, workers=workers, label="simulate")
    return folders
