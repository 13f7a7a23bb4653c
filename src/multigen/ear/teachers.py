"""Who teaches the ear: one interface, whoever made the sounds.

Reads:  a folder of lessons, a corpus (``corpus synth``, or one whose sounds a generator made), a dataset
(``generate``).   Makes: lessons.   Used by: cli train-ear, benchmarks.
The acoustics as a teacher needs a simulator and lives in pipeline.ear_pours; its lessons are read here like
all others. Noise-augmented copies of a few pours are the third teacher (see ``noise``).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..audio.corpus import read_corpus, read_scene, read_trace
from ..audio.waveform import resample
from ..dataset import Dataset
from ..errors import FormatError
from ..files import read_sound
from ..types import PourTrace, Vessel
from .bands import SAMPLE_RATE
from .lessons import Lesson, make_lesson, read_lessons
from .noise import among_noise

Taught = tuple[np.ndarray, PourTrace, Vessel]
"""(samples at 16 kHz, trace, receiver)."""
COPIES, ORIGINALS = 100, 10


def lessons_of(folder: Path) -> list[Lesson]:
    """Lessons from whatever ``folder`` holds. Raises FormatError when it holds nothing to learn from."""
    if any(Path(folder).glob("lessons-*.npz")):
        return read_lessons(folder)
    return [make_lesson(*one) for one in taught_by(folder)]


def taught_by(folder: Path) -> Iterator[Taught]:
    """Sound, trace and receiver of every pour of a corpus or a dataset, in order.

    Raises FormatError when the folder is neither, or when no pour in it has a trace.
    """
    folder = Path(folder)
    if (folder / "meta" / "info.json").is_file():  # first: a dataset has clips/ as well
        yield from _of_dataset(folder)
    elif (folder / "clips").is_dir():
        yield from _of_corpus(folder)
    else:
        raise FormatError(
            f"{folder} holds nothing to learn listening from; give a corpus (clips/), a dataset "
            "(meta/info.json) or a folder of lessons (lessons-*.npz)"
        )


def copies_of(pours: Sequence[Taught], *, copies: int = COPIES, seed: int = 0) -> Iterator[Lesson]:
    """``copies`` noise-augmented lessons of each pour; the ManiWAV protocol takes ten pours.

    Copy k of pour i depends on (seed, i, k) alone.
    """
    for i, (samples, trace, receiver) in enumerate(pours):
        for k in range(copies):
            rng = np.random.default_rng([seed, i, k])
            yield make_lesson(among_noise(samples, rng), trace, receiver)


def _of_corpus(folder: Path) -> Iterator[Taught]:
    """Clips with a trace and a scene: those of ``corpus synth``, with whatever sound they have now."""
    found = False
    for clip in read_corpus(folder):
        scene = read_scene(clip)
        if clip.trace is None or scene is None:
            continue
        found = True
        yield read_sound(clip.sound).samples, read_trace(clip.trace), scene.receiver
    if not found:
        raise FormatError(
            f"{folder} holds no clip with a trace: real videos do not say how full it is; "
            "build one with: multigen corpus synth"
        )


def _of_dataset(folder: Path) -> Iterator[Taught]:
    """Episodes of ``generate``, their traces rebuilt from the labels."""
    dataset = Dataset(folder)
    for episode, info in enumerate(dataset.episodes):
        receiver = info.scene.receiver
        trace = trace_of_labels(dataset.rows(episode), dataset.clock.control_hz, receiver)
        samples = resample(dataset.sound(episode), dataset.clock.audio_hz, SAMPLE_RATE)
        yield samples, trace, receiver


def trace_of_labels(rows: dict[str, np.ndarray], hz: int, receiver: Vessel) -> PourTrace:
    """What a dataset's labels know of a pour, as a trace at their rate. A row shows the instant at its
    begin, so each step takes the row that follows it. Columns that no lesson reads are zero.

    Raises FormatError when a tool has dropped the labels.
    """
    names = ("label.source_ml", "label.in_flight_ml", "label.receiver_ml", "label.spilled_ml")
    if lost := [n for n in (*names, "label.flow_ml_s", "label.tilt_rad") if n not in rows]:
        raise FormatError(f"the dataset has no column '{lost[0]}'; a tool dropped the labels")

    def after(name: str) -> np.ndarray:
        column = rows[name].astype(float)
        return np.append(column[1:], column[-1:])

    source, flight, landed, spilled = (after(name) for name in names)
    level = np.asarray(receiver.level_m(landed))
    flow_in = np.maximum(np.diff(landed, prepend=rows["label.receiver_ml"][:1]), 0) * hz
    none = np.zeros(len(landed))
    return PourTrace(
        hz, source, flight, landed, spilled, after("label.flow_ml_s"), flow_in,
        after("label.tilt_rad"), none, none, none, level,
    )  # fmt: skip
