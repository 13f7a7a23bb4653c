"""From outcomes to numbers: NMAE with bootstrap intervals, by condition, by command, by group.

Reads:  TrialResults.   Makes: the summary of report.json.   Used by: benchmark.run, report.
NMAE = |poured - target| / target (paper, equation 1); poured is what landed in the receiver.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np

from ..scene import CONDITIONS
from ..types import COMMANDS, Outcome, SceneConfig
from .protocol import Trial

Row = TypeVar("Row")
OPAQUE = tuple(CONDITIONS)[:4]
TRANSPARENT = tuple(CONDITIONS)[4:]
"""Groups as the paper's Table 1 has them."""

PAPER_NMAE = {
    "V": (0.54, 0.54, 0.68, 0.47, 0.53, 0.46, 0.43, 0.49),
    "V+A": (0.44, 0.33, 0.43, 0.37, 0.42, 0.38, 0.39, 0.43),
}
"""Paper, Table 1 (real robot), in the order of CONDITIONS."""


@dataclass(frozen=True)
class TrialResult:
    """One scored trial; a row of report.json."""

    condition: str
    command: str
    position: int
    seed: int
    initial_ml: float
    target_ml: float
    poured_ml: float
    left_source_ml: float
    spilled_ml: float
    nmae: float
    ended_because: str


UNPLANNED = "no plan"


def unplanned(scene: SceneConfig) -> Outcome:
    """How a trial ends whose scene cannot be built or planned: nothing was poured."""
    return Outcome(scene.initial_ml, scene.target_ml, 0.0, 0.0, 0.0, False, UNPLANNED)


def result_of(trial: Trial, outcome: Outcome) -> TrialResult:
    """A trial and how it ended."""
    return TrialResult(
        **asdict(trial),
        initial_ml=outcome.initial_ml,
        target_ml=outcome.target_ml,
        poured_ml=outcome.poured_ml,
        left_source_ml=outcome.left_source_ml,
        spilled_ml=outcome.spilled_ml,
        nmae=outcome.nmae,
        ended_because=outcome.ended_because,
    )


def summarise(results: Iterable[TrialResult]) -> dict:
    """{nmae, by_condition, by_command, opaque, transparent, …}, each {mean, ci95, n}."""
    rows = list(results)
    groups = _groups(rows, lambda r: r.condition)
    return {
        **{name: mean_ci([r.nmae for r in group]) for name, group in groups.items()},
        "by_condition": {
            c: mean_ci([r.nmae for r in rows if r.condition == c])
            for c in CONDITIONS
            if any(r.condition == c for r in rows)
        },
        "by_command": {
            c: mean_ci([r.nmae for r in rows if r.command == c])
            for c in COMMANDS
            if any(r.command == c for r in rows)
        },
        "spilled_share": mean_ci([r.spilled_ml / r.target_ml for r in rows]),
        "completed": sum(r.ended_because == "done" for r in rows) / max(len(rows), 1),
    }


def compare(first: Iterable[TrialResult], other: Iterable[TrialResult]) -> dict:
    """How much worse ``other`` is than ``first`` on the very same trials, overall and by group.

    ``{nmae, opaque, transparent}``, each {mean, ci95, n} of the paired differences of NMAE, and
    ``lower_by``: by which share of the other's mean the first one's is lower, {mean, ci95}.
    """
    pairs = list(zip(first, other, strict=True))
    groups = _groups(pairs, lambda pair: pair[0].condition)
    return {
        name: {
            **mean_ci([b.nmae - a.nmae for a, b in group]),
            "lower_by": _lower_by([a.nmae for a, _ in group], [b.nmae for _, b in group]),
        }
        for name, group in groups.items()
    }


def _groups(rows: list[Row], condition: Callable[[Row], str]) -> dict[str, list[Row]]:
    """All of them, and those of the paper's two groups of conditions."""
    return {
        "nmae": rows,
        "opaque": [r for r in rows if condition(r) in OPAQUE],
        "transparent": [r for r in rows if condition(r) in TRANSPARENT],
    }


def _resampled(n: int, resamples: int) -> np.ndarray:
    """Indices [resamples n] of a bootstrap; a fixed seed, so that a report is reproducible."""
    return np.random.default_rng(0).integers(0, n, (resamples, n))


def _lower_by(first: list[float], other: list[float], resamples: int = 2000) -> dict:
    """1 - mean(first) / mean(other), its interval from resampled pairs."""
    if not first or sum(other) == 0:
        return {"mean": None, "ci95": [None, None]}
    a, b = np.array(first), np.array(other)
    picks = _resampled(len(a), resamples)
    shares = 1 - a[picks].mean(1) / np.maximum(b[picks].mean(1), 1e-9)
    lo, hi = np.percentile(shares, [2.5, 97.5])
    return {"mean": float(1 - a.mean() / b.mean()), "ci95": [float(lo), float(hi)]}


def mean_ci(values: list[float], *, resamples: int = 2000) -> dict:
    """Mean and its 95 % bootstrap interval (percentile; fixed seed, so a report is reproducible)."""
    if not values:
        return {"mean": None, "ci95": [None, None], "n": 0}
    x = np.array(values)
    picks = _resampled(len(x), resamples)
    lo, hi = np.percentile(x[picks].mean(1), [2.5, 97.5])
    return {"mean": float(x.mean()), "ci95": [float(lo), float(hi)], "n": len(x)}
