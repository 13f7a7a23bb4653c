"""Two folders of matching sounds to a table of scores with confidence intervals and calibration.

Reads:  wav and flac files.   Makes: the content of ``scores.json``.
Used by: ``multigen score-sound``, pipeline, report.
A number alone says little, so every metric comes with the same number for things known to be wrong:
white noise, and sounds paired with the wrong reference; and, where there are several references,
for two real sounds of different pours.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import MediaError
from ..files import read_sound
from .metrics import DEFINITIONS, METRICS, RATE, lsd
from .onset import detect_onset_offset
from .waveform import rms

SUFFIXES = {".wav", ".flac"}
LONGEST_DIFFERENCE = RATE // 10
"""Samples: one control frame. Lengths within it are cut to the shorter one."""
MOST_REFERENCES = 50
"""min-LSD compares with at most this many references."""

Pair = tuple[np.ndarray, np.ndarray]


def score_folders(
    generated: Path, reference: Path, *, seed: int = 0, resamples: int = 1000
) -> dict[str, dict]:
    """Score every generated sound against the reference of the same name.

    Per metric of ``metrics.DEFINITIONS``: ``{mean, ci95: [low, high], n, definition, calibration}``;
    ``calibration`` maps 'white_noise', 'shuffled_pairs' and 'other_reference' (the latter two with
    two or more pairs) to ``{mean, ci95, n}``. ``ci95`` is a bootstrap over pairs, seeded. A value
    that exists for no pair (an onset nobody hears) has mean and ci95 None and n 0.

    Raises MediaError when a folder holds no sound, names do not match, a file is silent or broken,
    or lengths differ by more than one control frame (0.1 s).
    """
    pairs = read_pairs(Path(generated), Path(reference))
    rng = np.random.default_rng(seed)
    noise = [(rng.standard_normal(len(r)), r) for _, r in pairs]
    rows: dict[str, list[Pair]] = {"": pairs, "white_noise": noise}
    if len(pairs) > 1:
        rows["shuffled_pairs"] = _other_partner([e for e, _ in pairs], [r for _, r in pairs])
        rows["other_reference"] = _other_partner([r for _, r in pairs], [r for _, r in pairs])
    references = [r for _, r in pairs]
    scores: dict[str, dict] = {}
    for name, measure in _measures().items():
        rows_of = {
            row: _summary([measure(e, r) for e, r in p], rng, resamples) for row, p in rows.items()
        }
        scores[name] = _entry(name, rows_of)
    if len(pairs) > 1:
        # the nearest of many: a reference is never compared with itself
        rows_of = {
            row: _summary(
                [_nearest(e, i, references, row) for i, (e, _) in enumerate(p)], rng, resamples
            )
            for row, p in rows.items()
            if row != "shuffled_pairs"
        }
        scores["min_lsd"] = _entry("min_lsd", rows_of)
    return scores


def read_pairs(generated: Path, reference: Path) -> list[Pair]:
    """(generated, reference) waves at 16 kHz by relative name, sorted by name."""
    left, right = _names(generated), _names(reference)
    lonely = sorted(left.keys() ^ right.keys())
    if lonely:
        first = lonely[0]
        where = generated if first in left else reference
        raise MediaError(
            f"{len(lonely)} sounds have no partner of the same name, first '{first}' (only in {where}); "
            "name both files alike"
        )
    return [_pair(left[name], right[name]) for name in sorted(left)]


def _names(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise MediaError(f"{folder} is no folder; give a folder of wav or flac files")
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise MediaError(f"{folder} holds '{name}' twice (wav and flac); keep one of them")
        found[name] = path
    if not found:
        raise MediaError(f"{folder} holds no wav or flac file; give a folder of sounds")
    return found


def _pair(left: Path, right: Path) -> Pair:
    e, r = (read_sound(p, RATE).samples for p in (left, right))
    for path, wave in ((left, e), (right, r)):
        if rms(wave) < 1e-5:
            raise MediaError(f"{path} is silent; a score needs a sound that is heard")
    if abs(len(e) - len(r)) > LONGEST_DIFFERENCE:
        raise MediaError(
            f"{left.name} lasts {len(e) / RATE:.2f} s and its reference {len(r) / RATE:.2f} s; "
            "cut both to the same length"
        )
    n = min(len(e), len(r))
    return e[:n], r[:n]


def _other_partner(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> list[Pair]:
    """Each with its neighbour's reference, the shorter length of both."""
    turned = [*right[1:], right[0]]
    cut = [min(len(a), len(b)) for a, b in zip(left, turned, strict=True)]
    return [(a[:n], b[:n]) for a, b, n in zip(left, turned, cut, strict=True)]


def _measures() -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    def difference(side: int) -> Callable[[np.ndarray, np.ndarray], float]:
        def measure(e: np.ndarray, r: np.ndarray) -> float:
            heard, true = detect_onset_offset(e, RATE)[side], detect_onset_offset(r, RATE)[side]
            return float("nan") if heard is None or true is None else abs(heard - true)

        return measure

    return {**METRICS, "onset_error_s": difference(0), "offset_error_s": difference(1)}


def _nearest(wave: np.ndarray, own: int, references: list[np.ndarray], row: str) -> float:
    """min-LSD; for a reference itself, to the others only."""
    several = [
        r
        for i, r in enumerate(references[:MOST_REFERENCES])
        if row != "other_reference" or i != own
    ]
    cut = [min(len(wave), len(r)) for r in several]
    return min(lsd(wave[:n], r[:n]) for r, n in zip(several, cut, strict=True))


def _entry(name: str, rows: dict[str, dict]) -> dict:
    calibration = {row: summary for row, summary in rows.items() if row}
    return {**rows[""], "definition": DEFINITIONS[name], "calibration": calibration}


def _summary(values: Sequence[float], rng: np.random.Generator, resamples: int) -> dict:
    """Mean of the finite values and its 95 % percentile bootstrap."""
    x = np.array(values, float)
    x = x[np.isfinite(x)]
    if not len(x):
        return {"mean": None, "ci95": None, "n": 0}
    means = x[rng.integers(len(x), size=(resamples, len(x)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"mean": float(x.mean()), "ci95": [float(low), float(high)], "n": len(x)}
