"""Run trials, in parallel and resumably, and write report.json.

Reads:  a policy's name or path, a world.   Makes: trials/*.json, report.json, videos.
Used by: cli bench, pipeline.demo. Each finished trial is a file: a killed run continues.
Nobody watches a trial unless the ears look too; the worst ones are played again, before a camera.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ..audio.sounds import check_sound
from ..envs.ears import find_ears, must_see
from ..episode import rollout, rollout_blind, rollout_unfilmed
from ..errors import SceneError
from ..files import MadeBy, from_json, read_json, write_json, write_video
from ..liquid import liquid_of
from ..scene import CONDITIONS, WorldConfig
from ..types import Latency, Outcome, SceneConfig, Waveform
from ..workers import run_tasks
from .contestants import CONSTANTS, EXPERT_BARS, Remembering, controller, looks, needs_eyes
from .protocol import SOUND, Trial, scene_of
from .score import PAPER_NMAE, UNPLANNED, TrialResult, compare, result_of, summarise, unplanned

BARS = (*CONSTANTS, "expert")
FILMS = 10
"""Trials that are filmed, the worst ones."""


def bars_with(expert: str) -> tuple[str, ...]:
    """The bars: constants and the expert called ``expert`` in episode.EXPERTS."""
    return (*CONSTANTS, *(bar for bar, name in EXPERT_BARS.items() if name == expert))


@dataclass(frozen=True)
class Task:
    """One trial of one contestant, ready to be sent to a process."""

    trial: Trial
    who: str
    sound: str
    world: WorldConfig
    folder: Path
    size: int = 224
    liquid: str = "hydraulic"
    latency: Latency = Latency()
    """Of who looks; the bars plan from the scene."""
    filmed: bool = False
    """Before a camera at once."""

    @property
    def done(self) -> Path:
        return self.folder / f"{self.trial.name}.json"

    @property
    def film(self) -> Path:
        return self.done.with_suffix(".mp4")


def run_trial(task: Task) -> TrialResult:
    """One closed loop; writes the trial's JSON (ears that look: and its video) when it ends."""
    scene = scene_of(task.trial, task.world)
    try:
        outcome = _watched(task, scene) if needs_eyes(task.who) else _blind(task, scene)
    except SceneError:
        outcome = unplanned(scene)
    result = result_of(task.trial, outcome)
    write_json(task.done, asdict(result))
    return result


def _blind(task: Task, scene: SceneConfig) -> Outcome:
    return replace(
        rollout_blind(
            scene, controller(task.who), seed=task.trial.seed, liquid=task.liquid
        ).outcome,
        target_ml=scene.target_ml,
    )


def _watched(task: Task, scene: SceneConfig) -> Outcome:
    ears = find_ears(task.sound)
    if task.filmed or must_see(ears):
        return film_trial(task)
    guest = controller(task.who, task.latency)
    kept = {"seed": task.trial.seed, "liquid": task.liquid, "latency": task.latency}
    if looks(guest):
        return rollout_unfilmed(scene, guest, ears=ears, size=task.size, **kept).outcome
    return rollout_blind(scene, guest, ears=ears, **kept).outcome


def film_trial(task: Task) -> Outcome:
    """The same closed loop before the front camera; writes the video with what was heard."""
    listening = Remembering(find_ears(task.sound))
    episode = rollout(
        scene_of(task.trial, task.world),
        controller(task.who, task.latency),
        ears=listening,
        seed=task.trial.seed,
        size=task.size,
        liquid=task.liquid,
        latency=task.latency,
    )
    n = len(episode) * episode.clock.samples_per_frame
    heard = listening.hear(episode.clip, episode.trace)[:n]
    write_video(
        task.film,
        episode.front,
        episode.clock.front_hz,
        sound=Waveform(episode.clock.audio_hz, heard),
    )
    return episode.outcome


def plan_tasks(
    contestants: dict[str, str],
    trials: list[Trial],
    *,
    world: WorldConfig,
    out: Path,
    sound: str = SOUND,
    size: int = 224,
    liquid: str | None = None,
    latency: Latency = Latency(),
) -> dict[str, list[Task]]:
    """All trials of all contestants (label → 'expert', a constant or a checkpoint).

    ``liquid``: 'hydraulic', 'particles' or None for the world's own; ``latency`` is that of who looks.
    Raises ConfigError for an unknown ``sound`` or ``liquid``.
    """
    check_sound(sound)
    model = liquid_of(world, liquid)
    return {
        label: [
            Task(t, who, sound, world, _folder(out, label), size, model, latency) for t in trials
        ]
        for label, who in contestants.items()
    }


def run_all(tasks: dict[str, list[Task]], *, workers: int = 1) -> dict[str, list[TrialResult]]:
    """Results by label, of one pool; finished trials are read back instead of run again."""
    missing = [t for rows in tasks.values() for t in rows if not t.done.exists()]
    run_tasks(run_trial, missing, workers=workers, label="bench")
    return {
        label: [from_json(TrialResult, read_json(t.done), str(t.done)) for t in rows]
        for label, rows in tasks.items()
    }


def film_worst(
    tasks: list[Task], results: list[TrialResult], count: int, *, workers: int = 1
) -> None:
    """Videos of the ``count`` trials with the largest errors: they are played again, before a camera."""
    order = np.argsort([-r.nmae for r in results], kind="stable")[:count]
    wanted = [tasks[i] for i in order if results[i].ended_because != UNPLANNED]
    missing = [t for t in wanted if needs_eyes(t.who) and not t.film.exists()]
    run_tasks(film_trial, missing, workers=workers, label="bench: films")


def _folder(out: Path, label: str) -> Path:
    """Where the trials of one contestant are kept: NAME.json, and NAME.mp4 of those that were filmed."""
    return Path(out) / "trials" / label.replace("/", "_").replace(" ", "_")


def _video(out: Path, label: str, trial: Trial) -> dict[str, str]:
    """Where the trial can be watched, relative to the report; nothing where it was not filmed."""
    path = _folder(out, label) / f"{trial.name}.mp4"
    return {"video": str(path.relative_to(out))} if path.exists() else {}


def bench(
    policies: dict[str, str],
    trials: list[Trial],
    *,
    world: WorldConfig,
    out: Path,
    sound: str = SOUND,
    bars: tuple[str, ...] = BARS,
    workers: int = 1,
    made_by: MadeBy,
    size: int = 224,
    liquid: str | None = None,
    latency: Latency = Latency(),
    films: int = FILMS,
) -> dict:
    """Run ``policies`` (label → checkpoint) and the bars; write and return report.json.

    The first policy's trials are the report's ``trials`` and ``summary``; the others and the bars
    are under ``policies`` and ``baselines`` with the same keys, and compared with the first one, trial
    by trial, under ``compared``. The ``films`` worst of the first policy's trials get a video.
    """
    tasks = plan_tasks(
        {**policies, **{name: name for name in bars}},
        trials,
        world=world,
        out=out,
        sound=sound,
        size=size,
        liquid=liquid,
        latency=latency,
    )
    first = next(iter(policies))
    if films >= len(trials):  # else they would all be played twice
        tasks[first] = [replace(task, filmed=True) for task in tasks[first]]
    rows = run_all(tasks, workers=workers)
    film_worst(tasks[first], rows[first], films, workers=workers)
    report = {
        "trials": [
            asdict(r) | _video(Path(out), first, t)
            for t, r in zip(trials, rows[first], strict=True)
        ],
        "summary": summarise(rows[first]),
        "policies": {label: summarise(rows[label]) for label in policies},
        "baselines": {name: summarise(rows[name]) for name in bars},
        "compared": {name: compare(rows[first], rows[name]) for name in rows if name != first},
        "paper": {name: sum(v) / len(v) for name, v in PAPER_NMAE.items()},
        "paper_by_condition": {
            name: dict(zip(CONDITIONS, v, strict=True)) for name, v in PAPER_NMAE.items()
        },
        "sound": sound,
        "liquid": liquid_of(world, liquid),
        "latency": asdict(latency),
        "made_by": made_by.record(),
    }
    write_json(Path(out) / "report.json", report)
    return report
