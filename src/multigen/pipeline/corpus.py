"""The synthetic corpus: pours seen by wide-ranging cameras without the robot, sounded by acoustics.

Reads:  seeds.   Makes: an audio-visual corpus on disk.   Used by: cli corpus, audio.train.
Clip i and its split depend on (seed, i) alone, so more clips can be added later. Every tenth clip, from
the third on, is for validation: other seeds, other vessels, other looks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..audio import sound_of_pour
from ..audio.corpus import CorpusClip, Split, read_corpus, read_scene, read_trace, write_clip
from ..episode.tabletop import simulate_tabletop
from ..errors import FormatError
from ..files import write_sound
from ..types import Waveform
from ..workers import run_tasks


@dataclass(frozen=True)
class ClipTask:
    index: int
    seed: int
    folder: Path
    seconds: float
    size: int
    split: Split

    @property
    def id(self) -> str:
        return f"{self.index:06d}"


def synth_one(task: ClipTask) -> str:
    """Simulate, render, sound and write one clip."""
    seed = _clip_seed(task.seed, task.index)
    clip, trace, scene = simulate_tabletop(seed, seconds=task.seconds, size=task.size)
    samples = sound_of_pour(
        trace, scene.source, scene.receiver, scene.liquid, rng=np.random.default_rng(seed)
    )
    write_clip(
        task.folder,
        task.id,
        clip,
        Waveform(16_000, samples),
        trace=trace,
        scene=scene,
        split=task.split,
    )
    return task.id


def synth_corpus(
    out: Path,
    *,
    clips: int,
    seed: int = 0,
    seconds: float = 8.0,
    size: int = 128,
    workers: int = 1,
) -> None:
    """``clips`` clips under ``out``; finished ones are kept, so a killed run continues."""
    tasks = [
        ClipTask(i, seed, Path(out), seconds, size, "val" if i % 10 == 2 else "train")
        for i in range(clips)
    ]
    missing = [t for t in tasks if not (Path(out) / "clips" / f"{t.id}.json").exists()]
    run_tasks(synth_one, missing, workers=workers, label="corpus: synth")


def _clip_seed(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


@dataclass(frozen=True)
class ResoundTask:
    clip: CorpusClip
    seed: int


def resound_one(task: ResoundTask) -> str:
    """Write a synthetic clip's sound again, from its trace and scene."""
    scene, clip = read_scene(task.clip), task.clip
    if clip.trace is None or scene is None:
        raise FormatError(
            f"clip {clip.id} has no trace or scene to make a sound from; only synthetic clips can be resounded"
        )
    rng = np.random.default_rng(_clip_seed(task.seed, int(clip.id)))
    samples = sound_of_pour(
        read_trace(clip.trace), scene.source, scene.receiver, scene.liquid, rng=rng
    )
    write_sound(clip.sound, Waveform(16_000, samples))
    return clip.id


def resound_corpus(corpus: Path, *, seed: int, workers: int = 1) -> None:
    """Give every clip of a synthetic corpus the sound that the present acoustics would."""
    tasks = [ResoundTask(clip, seed) for clip in read_corpus(corpus)]
    run_tasks(resound_one, tasks, workers=workers, label="corpus: resound")
