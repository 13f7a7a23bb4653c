"""Many vessels for little time: seeds → silent pours of which the wrist camera saw a few moments.

Reads:  a world.   Makes: a folder that train-policy takes beside datasets.   Used by: cli glimpse.
Scene i depends on (seed, i) alone; each is durable by itself.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..dataset.cache import area_resize, sizes_of
from ..dataset.glimpses import (
    GlimpsedEpisode,
    holds_glimpses,
    join_scenes,
    open_glimpses,
    scene_path,
    write_scene,
)
from ..episode import make_expert
from ..episode.glimpse import Glimpsed, rollout_glimpsed
from ..errors import ConfigError
from ..scene import WorldConfig
from ..types import Clock, Outcome, SceneConfig
from ..workers import run_tasks
from .simulate import first_completed

SETTINGS = {"seed", "world", "size", "every", "expert", "nudge_mm"}
"""What decides a scene."""
RENDERED_PX = 224
"""As datasets are; pictures are then averaged to the size a policy sees, as its cache does."""


@dataclass(frozen=True)
class GlimpseTask:
    index: int
    seed: int
    world: WorldConfig
    path: Path
    size: int
    every: int
    expert: str
    nudge_m: float


def glimpse_one(task: GlimpseTask) -> Path:
    """Draw a scene, let the expert pour, keep what was glimpsed. Raises SceneError as simulate_one."""

    def pour(scene: SceneConfig, seed: int) -> tuple[Glimpsed, Outcome]:
        seen = rollout_glimpsed(
            scene,
            make_expert(task.expert),
            seed=seed,
            every=task.every,
            size=RENDERED_PX,
            nudge_m=task.nudge_m,
        )
        return seen, seen.pour.outcome

    scene, seen = first_completed(task.world, task.seed, task.index, pour)
    write_scene(task.path, as_episode(seen, scene, task.size))
    return task.path


def as_episode(seen: Glimpsed, scene: SceneConfig, size: int) -> GlimpsedEpisode:
    """The form on disk: small pictures, and how much of the source had landed at each row."""
    pour, clock = seen.pour, Clock()
    rows = np.arange(len(pour.action)) * pour.trace.liquid_hz // clock.control_hz
    receiver = pour.trace.receiver_ml[np.maximum(rows - 1, 0)]
    small = area_resize(seen.images.reshape(-1, *seen.images.shape[2:]), size)
    return GlimpsedEpisode(
        state=pour.state,
        eef=pour.eef,
        action=pour.action,
        landed=((receiver - scene.receiver_initial_ml) / scene.initial_ml).astype(np.float32),
        row=seen.row.astype(np.int64),
        rgb=small.reshape(-1, 2, *small.shape[1:]),
        command=scene.command,
        sizes=np.array(sizes_of(scene), np.float32),
    )


def glimpse(
    out: Path,
    *,
    scenes: int,
    seed: int,
    world: WorldConfig,
    workers: int = 1,
    size: int = 96,
    every: int = 8,
    expert: str = "misjudging",
    nudge_m: float = 0.0,
) -> None:
    """Scenes 0 to ``scenes`` - 1, those that are there kept; then one folder of flat files.

    A finished folder is left as it is; ConfigError where it holds another number of scenes.
    """
    make_expert(expert)
    if holds_glimpses(out):
        if (there := open_glimpses(out).episodes) != scenes:
            raise ConfigError(
                f"{out} is finished and holds {there} scenes, asked were {scenes}; "
                "make the others elsewhere with another --seed: train-policy takes several folders"
            )
        return
    paths = [scene_path(out, i) for i in range(scenes)]
    tasks = [
        GlimpseTask(i, seed, world, path, size, every, expert, nudge_m)
        for i, path in enumerate(paths)
        if not path.is_file()
    ]
    run_tasks(glimpse_one, tasks, workers=workers, label="glimpse")
    clock = Clock()
    join_scenes(out, scenes, fps=clock.control_hz, sample_rate=clock.audio_hz)
    shutil.rmtree(Path(out) / "scenes")
