"""Matching sounds to a table of scores with confidence intervals and calibration.

Reads:  Sounds by name (``score_inputs``).   Makes: the content of ``scores.json``.
Used by: ``multigen score-sound`` (through pipeline.score), report.
A number alone says little, so every metric comes with the same number for things known to be wrong:
white noise, and sounds paired with the wrong reference; and for things known to be right: a second
take of the same pours where there is one. Where the references know their pours (a synthetic corpus,
a dataset), two more questions are asked of each sound: does it ring where this vessel's geometry
says, and is it loud when much flows? Those rows also hold the references' own sound (the ceiling)
and the sound played backwards.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .metrics import DEFINITIONS, METRICS, RATE, lsd
from .onset import POURING_ML_S, detect_onset_offset
from .plausibility import flow_loudness
from .score_inputs import Pair, Sound, cut, pair_up, read_sounds
from .tracks import FEWEST_OTHERS, track_ranker

MOST_REFERENCES = 50
"""min-LSD compares with at most this many references."""
POUR_DEFINITIONS = {
    "matched_track": "share of at least "
    f"{FEWEST_OTHERS} other pours (the other references, filled up with random cylinders) whose "
    "resonance track finds less energy in this sound than the track of the pour's own vessel and "
    "level; 1 is its own vessel, 0.5 any vessel (STFT 2048, step 640, whitened, 300-6000 Hz)",
    "loudness_flow": "Spearman correlation of log energy (200-6000 Hz, 0.2 s) with the flow into the "
    "receiver, inside the pour (0.3 s margins), for pours whose flow varies by 10 % or more and "
    "lasts for eight such moments; read it beside the reference's own value",
}
"""Metrics of references that know their pours."""
Measure = Callable[[np.ndarray, Sound], float]
Rows = dict[str, list[Pair]]


def score_folders(
    generated: Path,
    reference: Path,
    *,
    second_take: Path | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict]:
    """``score_sounds`` of two (or three) folders: of sound files, or corpora."""
    return score_sounds(
        read_sounds(Path(generated)),
        read_sounds(Path(reference)),
        second_take=None if second_take is None else read_sounds(Path(second_take)),
        seed=seed,
        resamples=resamples,
    )


def score_sounds(
    generated: Mapping[str, Sound],
    reference: Mapping[str, Sound],
    *,
    second_take: Mapping[str, Sound] | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, dict]:
    """Score every generated sound against the reference of the same name.

    Per metric ``{mean, ci95: [low, high], n, definition, calibration}``; ``calibration`` maps
    'white_noise', 'shuffled_pairs' and 'other_reference' (the latter two with two or more pairs) and
    'second_take' (other sounds of the same pours, where given) to ``{mean, ci95, n}``; the metrics
    of POUR_DEFINITIONS, present when references know their pours, also 'reference' and
    'time_reversed'. ``ci95`` is a bootstrap over pairs, seeded. A value that exists for no pair (an
    onset nobody hears) has mean and ci95 None and n 0. Raises MediaError like ``pair_up``.
    """
    pairs = pair_up(generated, reference)
    rng = np.random.default_rng(seed)
    rows: Rows = {"": pairs}
    rows["white_noise"] = [Pair(rng.standard_normal(len(p.wave)), p.reference) for p in pairs]
    if second_take is not None:
        known = {name: reference[name] for name in sorted(reference) if name in second_take}
        rows["second_take"] = pair_up({name: second_take[name] for name in known}, known)
    if len(pairs) > 1:
        rows["shuffled_pairs"] = _turned([p.wave for p in pairs], pairs)
        rows["other_reference"] = _turned([p.reference.wave for p in pairs], pairs)
    scores: dict[str, dict] = {}
    for name, measure in _measures().items():
        scores[name] = _table(DEFINITIONS[name], measure, rows, rng, resamples)
    if len(pairs) > 1:
        scores["min_lsd"] = _min_lsd(rows, rng, resamples)
    known = {row: [p for p in some if _pours(p.reference)] for row, some in rows.items()}
    if known[""]:
        known["reference"] = [Pair(p.reference.wave, p.reference) for p in known[""]]
        known["time_reversed"] = [Pair(p.wave[::-1], p.reference) for p in known[""]]
        measures = {"matched_track": _track_measure(known[""], rng), "loudness_flow": _loudness}
        for name, measure in measures.items():
            scores[name] = _table(POUR_DEFINITIONS[name], measure, known, rng, resamples)
    return scores


def _pours(sound: Sound) -> bool:
    """Whether it is known what landed when, and in what."""
    if sound.trace is None or sound.receiver is None:
        return False
    return bool((sound.trace.flow_in_ml_s > POURING_ML_S).any())


def _turned(waves: Sequence[np.ndarray], pairs: Sequence[Pair]) -> list[Pair]:
    """Each wave with its neighbour's reference, at the shorter length of both."""
    turned = [*pairs[1:], pairs[0]]
    return [cut(wave, other.reference) for wave, other in zip(waves, turned, strict=True)]


def _measures() -> dict[str, Measure]:
    def against(metric: Callable[[np.ndarray, np.ndarray], float]) -> Measure:
        return lambda wave, reference: metric(wave, reference.wave)

    def difference(side: int) -> Measure:
        def measure(wave: np.ndarray, reference: Sound) -> float:
            heard = detect_onset_offset(wave, RATE)[side]
            true = detect_onset_offset(reference.wave, RATE)[side]
            return float("nan") if heard is None or true is None else abs(heard - true)

        return measure

    pairwise = {name: against(metric) for name, metric in METRICS.items()}
    return {**pairwise, "onset_error_s": difference(0), "offset_error_s": difference(1)}


def _track_measure(pairs: Sequence[Pair], rng: np.random.Generator) -> Measure:
    sounds = [p.reference for p in pairs]
    pours = [(s.trace, s.receiver) for s in sounds if s.trace and s.receiver]
    rank = track_ranker(pours, rng)

    def measure(wave: np.ndarray, reference: Sound) -> float:
        if reference.trace is None or reference.receiver is None:
            return float("nan")
        return rank(wave, reference.trace, reference.receiver)

    return measure


def _loudness(wave: np.ndarray, reference: Sound) -> float:
    value = None if reference.trace is None else flow_loudness(wave, reference.trace, RATE)
    return float("nan") if value is None else value


def _min_lsd(rows: Rows, rng: np.random.Generator, resamples: int) -> dict:
    """The nearest of many; a reference is never compared with itself."""
    references = [p.reference.wave for p in rows[""]][:MOST_REFERENCES]

    def nearest(wave: np.ndarray, own: int | None) -> float:
        several = [r for i, r in enumerate(references) if i != own]
        sizes = [min(len(wave), len(r)) for r in several]
        return min(lsd(wave[:n], r[:n]) for r, n in zip(several, sizes, strict=True))

    summaries = {
        row: _summary(
            [nearest(p.wave, i if row == "other_reference" else None) for i, p in enumerate(pairs)],
            rng,
            resamples,
        )
        for row, pairs in rows.items()
        if row != "shuffled_pairs"
    }
    return _entry(DEFINITIONS["min_lsd"], summaries)


def _table(
    definition: str, measure: Measure, rows: Rows, rng: np.random.Generator, resamples: int
) -> dict:
    summaries = {
        row: _summary([measure(p.wave, p.reference) for p in pairs], rng, resamples)
        for row, pairs in rows.items()
    }
    return _entry(definition, summaries)


def _entry(definition: str, rows: dict[str, dict]) -> dict:
    calibration = {row: summary for row, summary in rows.items() if row}
    return {**rows[""], "definition": definition, "calibration": calibration}


def _summary(values: Sequence[float], rng: np.random.Generator, resamples: int) -> dict:
    """Mean of the finite values and its 95 % percentile bootstrap."""
    x = np.array(values, float)
    x = x[np.isfinite(x)]
    if not len(x):
        return {"mean": None, "ci95": None, "n": 0}
    means = x[rng.integers(len(x), size=(resamples, len(x)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"mean": float(x.mean()), "ci95": [float(low), float(high)], "n": len(x)}
