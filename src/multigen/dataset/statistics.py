"""Statistics as LeRobot keeps them: ten numbers per feature and episode, merged over episodes.

Reads:  columns, decoded pictures.   Makes: Stats (feature → statistic → array).
Used by: writer (writes them), validate (computes them again).

Two shapes are ours to choose: a picture has one number per channel in [0, 1], shaped (3, 1, 1),
which LeRobot demands; sound has ONE number for all samples of a frame, because a sample's place in
its frame means nothing and a normaliser must not scale sample 7 differently from sample 8.
"""

from typing import Any

import numpy as np

from .layout import CAMERAS, MIC

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
EVERY = 10
"""Every tenth picture is counted: neighbours look alike."""

Stats = dict[str, dict[str, np.ndarray]]


def episode_stats(columns: dict[str, np.ndarray], pictures: dict[str, np.ndarray]) -> Stats:
    """Of one episode: its data columns and, per camera, decoded frames uint8 [T, H, W, 3]."""
    stats = {k: vector_stats(v) for k, v in columns.items() if k != MIC}
    stats[MIC] = vector_stats(columns[MIC].reshape(-1, 1)) | _count(len(columns[MIC]))
    return stats | {k: image_stats(pictures[k]) for k in CAMERAS if k in pictures}


def vector_stats(values: np.ndarray) -> dict[str, np.ndarray]:
    """Over the first axis, in double precision; ``count`` is its length."""
    x = values.reshape(len(values), -1).astype(np.float64)
    stats = {"min": x.min(0), "max": x.max(0), "mean": x.mean(0), "std": x.std(0)}
    quantiles = np.quantile(x, list(QUANTILES.values()), axis=0)
    return stats | dict(zip(QUANTILES, quantiles, strict=True)) | _count(len(x))


def image_stats(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Per channel, in [0, 1], shaped (3, 1, 1), over every tenth frame."""
    some = frames[::EVERY]
    stats = vector_stats(some.reshape(-1, 3))
    scaled = {k: (v / 255).reshape(3, 1, 1) for k, v in stats.items() if k != "count"}
    return scaled | _count(len(some))


def _count(n: int) -> dict[str, np.ndarray]:
    return {"count": np.array([n])}


def merge(old: Stats, new: Stats) -> Stats:
    """Exact for min, max, mean and std (parallel formula, Chan et al. 1979); quantiles are
    weighted means of quantiles, as in LeRobot."""
    return {k: _merge(old[k], s) if k in old else s for k, s in new.items()}


def _merge(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    n, m = int(a["count"][0]), int(b["count"][0])
    mixed = {k: (n * a[k] + m * b[k]) / (n + m) for k in ("mean", *QUANTILES)}
    within = [s["std"] ** 2 + (s["mean"] - mixed["mean"]) ** 2 for s in (a, b)]
    return {
        "min": np.minimum(a["min"], b["min"]),
        "max": np.maximum(a["max"], b["max"]),
        "mean": mixed["mean"],
        "std": np.sqrt((n * within[0] + m * within[1]) / (n + m)),
        **{k: mixed[k] for k in QUANTILES},
        "count": np.array([n + m]),
    }


def to_row(stats: Stats) -> dict[str, Any]:
    """Columns ``stats/<feature>/<statistic>`` of an episode's row."""
    return {f"stats/{k}/{s}": v.tolist() for k, each in stats.items() for s, v in each.items()}


def from_row(row: dict[str, Any]) -> Stats:
    """Inverse of to_row."""
    stats: Stats = {}
    for name, value in row.items():
        if name.startswith("stats/") and value is not None:
            _, feature, statistic = name.split("/")
            stats.setdefault(feature, {})[statistic] = np.array(value)
    return stats
