"""Scores of any two sets of matching sounds: folders, corpora or datasets.

Reads:  two (or three) folders.   Makes: the content of ``scores.json``.   Used by: cli score-sound.
Lives above audio, because a dataset does; and because a second take of a synthetic pour is made by
the acoustics, which the judges in ``audio.score`` must not know.
"""

from pathlib import Path

import numpy as np

from ..audio import sound_of_pour
from ..audio.corpus import read_corpus, read_scene, read_trace
from ..audio.score import score_sounds
from ..audio.score_inputs import RATE, Sound, read_sounds
from ..audio.tracks import trace_of
from ..audio.waveform import resample
from ..dataset import Dataset
from ..files import read_sound

LIQUID_HZ = 100


def score(
    generated: Path,
    reference: Path,
    *,
    second_take: Path | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict]:
    """``audio.score.score_sounds`` of what the folders hold.

    ``second_take`` None: made by the acoustics, with other chances, for the synthetic clips of a
    reference corpus; otherwise the row is absent. Raises like ``score_sounds``.
    """
    given = second_take is not None
    takes = sounds_of(second_take) if given else _acoustic_takes(Path(reference), seed)
    return score_sounds(
        sounds_of(generated), sounds_of(reference), second_take=takes or None, seed=seed,
        resamples=resamples,
    )  # fmt: skip


def sounds_of(folder: Path) -> dict[str, Sound]:
    """Sounds by name; a dataset's are called 'episode-000000' and know their pours."""
    if (Path(folder) / "meta" / "info.json").is_file():
        return _of_dataset(Dataset(folder))
    return read_sounds(Path(folder))


def _of_dataset(dataset: Dataset) -> dict[str, Sound]:
    found = {}
    for one in dataset.episodes:
        wave = resample(dataset.sound(one.index), dataset.clock.audio_hz, RATE)
        found[f"episode-{one.index:06d}"] = Sound(wave)
        rows = dataset.rows(one.index)
        if one.scene_json and "label.receiver_ml" in rows:
            receiver = one.scene.receiver
            times = np.arange(one.length) / dataset.clock.control_hz
            steps = np.arange(round(one.length / dataset.clock.control_hz * LIQUID_HZ)) / LIQUID_HZ
            landed = np.interp(steps, times, rows["label.receiver_ml"].reshape(-1))
            trace = trace_of(receiver, LIQUID_HZ, landed)
            found[f"episode-{one.index:06d}"] = Sound(wave, trace, receiver)
    return found


def _acoustic_takes(reference: Path, seed: int) -> dict[str, Sound]:
    """The acoustics' other take of every synthetic clip, as long as the clip's own sound."""
    if not any((reference / "clips").glob("*.json")):
        return {}
    takes = {}
    for number, clip in enumerate(read_corpus(reference)):
        scene = read_scene(clip)
        if clip.source != "synthetic" or clip.trace is None or scene is None:
            continue
        wave = sound_of_pour(
            read_trace(clip.trace), scene.source, scene.receiver, scene.liquid,
            rng=np.random.default_rng([seed, 1, number]),
        )  # fmt: skip
        takes[clip.id] = Sound(wave[: len(read_sound(clip.sound, RATE).samples)])
    return takes
