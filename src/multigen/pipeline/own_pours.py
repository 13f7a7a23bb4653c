"""Pours as their own pourer hears them: into an empty vessel of any size, slowly, from before the first drop.

Reads:  seeds.   Makes: HeardPour.   Used by: cli train-ear (``--own-pours``), benchmarks.
A robot that listens knows what no recording tells: that the vessel was empty, and that nothing flowed at
first. It also pours smaller cups, and more slowly, than the pours of ``ear_pours``.
"""

from dataclasses import replace

import numpy as np

from ..episode.tabletop_draw import TabletopConfig
from .ear_pours import (
    HeardPour,
    SteadyPour,
    between,
    draw_steady,
    draw_vessel,
    hear_steady,
    hear_tabletop,
)

STEADY = 0.6
"""Share of steady pours; the others are table-top pours."""
DEPTH_M, RADIUS_M, LEAST_ML = (0.018, 0.22), (0.015, 0.055), 12.0
"""Of receivers: down to a sake cup."""
SECONDS = (3.0, 25.0)
FLOW_ML_S = (0.6, 120.0)
EMPTY = TabletopConfig(prefilled=0.0)


def draw_own(seed: int) -> SteadyPour:
    """A steady pour into an empty vessel, to any level: 3-25 s long, 0.6-120 mL/s, interrupted more often."""
    rng = np.random.default_rng([seed, 5])
    receiver = draw_vessel(rng, depth_m=DEPTH_M, radius_m=RADIUS_M, least_ml=LEAST_ML)
    end = float(rng.uniform(0.1, 0.98))
    flow = float(np.clip(end * receiver.capacity_ml / between(rng, *SECONDS), *FLOW_ML_S))
    return replace(
        draw_steady(seed), receiver=receiver, begin_fill=0.0, end_fill=end, flow_ml_s=flow,
        uneven=float(rng.uniform(0, 0.8)), pauses=int(rng.choice((0, 1, 2), p=(0.6, 0.25, 0.15))),
        before_s=0.0, after_s=float(rng.uniform(0, 3)),
    )  # fmt: skip


def hear_own(seed: int) -> HeardPour:
    """One of both kinds, as the seed will have it."""
    if np.random.default_rng([seed, 6]).random() < STEADY:
        return hear_steady(draw_own(seed))
    return hear_tabletop(seed, EMPTY)
