"""A few labelled pours of one vessel correct the ear for that vessel.

Reads:  Hearings and the true fill beside them.   Makes: Calibration (JSON both ways through multigen.files).
Used by: cli (hear --calibration, calibrate-ear), benchmarks.
For one vessel the fill is a function of the air column, so the corrected fill is a weighted sum of what was
heard: 1, the fill, the air column and its logarithm. The weights are those of ridge regression around *no
correction*: with little to learn from, little changes. One factor sets the spread right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..errors import ConfigError
from .listener import Hearing
from .network import LEAST_STD, USUAL_AIR_M

RIDGE = 1e-3
"""Penalty on weights that differ from no correction, in units of the mean square of a feature."""
LEAST_FRAMES = 10
UNCORRECTED = (0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Calibration:
    """A correction for one vessel."""

    weights: tuple[float, float, float, float] = UNCORRECTED
    """Of 1, fill, air column / 6 cm, and the logarithm of that."""
    spread: float = 1.0
    """Factor on the fill's standard deviation."""

    def __call__(self, hearing: Hearing) -> Hearing:
        """The same hearing with corrected fill, within 0..1, and spread."""
        fill = np.clip(_features(hearing) @ np.array(self.weights), 0, 1).astype(np.float32)
        std = np.maximum(self.spread * hearing.fill_std, LEAST_STD).astype(np.float32)
        return replace(hearing, fill=fill, fill_std=std)


def _features(hearing: Hearing) -> Float[np.ndarray, "T 4"]:
    air = np.maximum(hearing.air_column_m, 1e-3) / USUAL_AIR_M
    return np.stack([np.ones_like(air), hearing.fill, air, np.log(air)], -1).astype(float)


def calibrate(
    heard: Sequence[Hearing], true_fill: Sequence[Float[np.ndarray, " T"]], *, ridge: float = RIDGE
) -> Calibration:
    """Fit a correction to labelled pours of one vessel.

    ``true_fill[i]`` has an entry for every entry of ``heard[i]``; NaN where nobody knows, and only frames
    in which it is heard to pour count. Every pour counts alike, whatever its length. Raises ConfigError
    for lists of different length or fewer than 10 usable frames.
    """
    if len(heard) != len(true_fill):
        raise ConfigError(f"{len(heard)} hearings and {len(true_fill)} labels; give one per pour")
    rows, wanted, spreads, shares = [], [], [], []
    for hearing, labels in zip(heard, true_fill, strict=True):
        true = np.asarray(labels, float)
        if true.shape != hearing.fill.shape:
            raise ConfigError(
                f"{len(true)} labels for {len(hearing.fill)} frames; give one per tenth of a second"
            )
        use = np.isfinite(true) & (hearing.pouring > 0.5)
        rows.append(_features(hearing)[use])
        wanted.append(true[use])
        spreads.append(hearing.fill_std[use])
        shares.append(np.full(int(use.sum()), 1 / max(int(use.sum()), 1)))
    x, y, share = np.concatenate(rows), np.concatenate(wanted), np.concatenate(shares)
    if len(y) < LEAST_FRAMES:
        raise ConfigError(
            f"{len(y)} labelled frames in which it is heard to pour; a calibration needs at least {LEAST_FRAMES}"
        )
    share = share / share.sum()
    start = np.array(UNCORRECTED)
    scale = np.maximum((share[:, None] * x**2).sum(0), 1e-3)
    square = (x * share[:, None]).T @ x + ridge * np.diag(scale * (0.1, 1, 1, 1))
    change = np.linalg.solve(square, (x * share[:, None]).T @ (y - x @ start))
    weights = start + change
    error = (np.clip(x @ weights, 0, 1) - y) / np.concatenate(spreads)
    spread = float(np.sqrt((share * error**2).sum()))
    a, b, c, d = (float(w) for w in weights)
    return Calibration((a, b, c, d), max(spread, 0.05))
