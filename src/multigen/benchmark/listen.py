"""Is it listening? One policy, the same trials, its senses tampered with one by one.

Reads:  a policy, a world.   Makes: listen.json; trials/*/*.json and *.flac, each finished trial a file.
Used by: cli listen. Differences are paired: trial by trial, against the same trial undisturbed.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from ..audio.sounds import check_sound
from ..envs.ears import find_ears, must_see
from ..episode import rollout, rollout_unfilmed
from ..errors import SceneError
from ..files import MadeBy, from_json, read_json, write_json, write_sound
from ..policy import load_policy
from ..scene import WorldConfig
from ..types import Clock, Waveform
from ..workers import run_tasks
from .contestants import Remembering
from .disturb import AS_IT_IS, DISTURBANCES, Disturbed
from .protocol import SOUND, Trial, scene_of
from .score import TrialResult, mean_ci, result_of, summarise, unplanned

FEWEST = 8
"""Trials below which a bootstrap interval is not to be believed, and no verdict is given."""


@dataclass(frozen=True)
class ListenTask:
    """One trial of the policy under one disturbance."""

    trial: Trial
    disturbance: str
    policy: str
    sound: str
    world: WorldConfig
    folder: Path
    other: Path | None
    size: int = 224

    @property
    def done(self) -> Path:
        return self.folder / f"{self.trial.name}.json"


def listen_once(task: ListenTask) -> TrialResult:
    """One closed loop; writes what was really heard, then the result."""
    scene = scene_of(task.trial, task.world)
    found = find_ears(task.sound)
    ears = Remembering(found)
    guest = Disturbed(load_policy(task.policy), DISTURBANCES[task.disturbance], task.other)
    play = rollout if must_see(found) else rollout_unfilmed
    try:
        outcome = play(scene, guest, ears=ears, seed=task.trial.seed, size=task.size).outcome
    except SceneError:
        outcome = unplanned(scene)
    write_sound(task.done.with_suffix(".flac"), Waveform(Clock().audio_hz, ears.heard))
    result = result_of(task.trial, outcome)
    write_json(task.done, asdict(result))
    return result


def listen(
    policy: str,
    trials: list[Trial],
    *,
    world: WorldConfig,
    out: Path,
    made_by: MadeBy,
    sound: str = SOUND,
    disturbances: tuple[str, ...] = tuple(DISTURBANCES),
    workers: int = 1,
    size: int = 224,
) -> dict:
    """Run every disturbance on every trial; write and return listen.json.

    Undisturbed trials come first, since other trials' sounds are taken from them.
    """
    check_sound(sound)
    load_policy(policy)
    names = (AS_IT_IS, *(n for n in disturbances if n != AS_IT_IS))
    folder = {n: Path(out) / "trials" / n.replace(" ", "_").replace("'", "") for n in names}

    def task(name: str, i: int) -> ListenTask:
        other = trials[(i + 1) % len(trials)]
        heard = folder[AS_IT_IS] / f"{other.name}.flac"
        swapped = DISTURBANCES[name].swapped
        return ListenTask(
            trials[i], name, policy, sound, world, folder[name], heard if swapped else None, size
        )

    plan = {n: [task(n, i) for i in range(len(trials))] for n in names}
    for label, group in (("listen: as it is", names[:1]), ("listen: disturbed", names[1:])):
        missing = [t for n in group for t in plan[n] if not t.done.exists()]
        run_tasks(listen_once, missing, workers=workers, label=label)
    rows = {
        n: [from_json(TrialResult, read_json(t.done), str(t.done)) for t in tasks]
        for n, tasks in plan.items()
    }
    report = {
        "policy": policy,
        "disturbances": {
            n: {**summarise(r)["nmae"], "worse_by": _paired(r, rows[AS_IT_IS])}
            for n, r in rows.items()
        },
        "sound": sound,
        "world": world.name,
        "made_by": made_by.record(),
    }
    report["verdict"] = verdict(report["disturbances"])
    write_json(Path(out) / "listen.json", report)
    return report


def _paired(rows: list[TrialResult], before: list[TrialResult]) -> dict:
    """How much worse each trial became: mean and bootstrap interval over trials."""
    return mean_ci([r.nmae - b.nmae for r, b in zip(rows, before, strict=True)])


def verdict(scores: dict[str, dict]) -> str:
    """One line: does it listen, and does it look?"""
    words = []
    for name, sense in (("muted", "hearing"), ("in the dark", "seeing")):
        if name not in scores:
            continue
        worse = scores[name]["worse_by"]
        low, high = worse["ci95"]
        size = f"{worse['mean']:+.3f} NMAE without it, 95 % interval {low:+.3f} to {high:+.3f}"
        if worse["n"] < FEWEST:
            words.append(f"{worse['n']} trials are too few to say whether {sense} helps ({size})")
        elif low > 0:
            words.append(f"{sense} helps it ({size})")
        elif high < 0:
            words.append(f"{sense} harms it ({size})")
        else:
            words.append(f"no evidence that {sense} matters to it ({size})")
    return "; ".join(words)
