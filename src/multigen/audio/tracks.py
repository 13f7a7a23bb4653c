"""Other pours to rank a resonance track against: the set's own, filled up with random cylinders.

Reads:  pours (trace, receiver).   Makes: a function that ranks a sound.   Used by: score.
A rank (``plausibility.matched_track_rank``) needs at least forty others; small sets have fewer.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..types import PourTrace, Vessel
from .plausibility import matched_track_rank

FEWEST_OTHERS = 48
MOST_OTHERS = 96
_RADIUS_M, _DEPTH_M, _FILL = (0.02, 0.055), (0.05, 0.22), (0.4, 0.95)
"""Cups to bottles' bodies; how full they end."""
Pour = tuple[PourTrace, Vessel]
Ranker = Callable[[np.ndarray, PourTrace, Vessel], float]


def track_ranker(pours: Sequence[Pour], rng: np.random.Generator) -> Ranker:
    """``rank(wave at 16 kHz, trace, receiver)`` against all other ``pours``, at most MOST_OTHERS of
    them, at least FEWEST_OTHERS with random cylinders. NaN for a wave without sound or too short."""
    chosen = list(pours)
    if len(chosen) > MOST_OTHERS:
        chosen = [pours[i] for i in rng.choice(len(pours), MOST_OTHERS, replace=False)]
    missing = max(0, FEWEST_OTHERS + 1 - len(chosen))
    decoys = [random_pour(rng) for _ in range(missing)]

    def rank(wave: np.ndarray, trace: PourTrace, receiver: Vessel) -> float:
        others = [pour for pour in chosen if pour[0] is not trace]
        return matched_track_rank(wave, trace, receiver, [*others, *decoys])

    return rank


def random_pour(rng: np.random.Generator) -> Pour:
    """A steady pour of 5 s into a random cylinder; only level and flow mean anything in it."""
    radius, depth = float(rng.uniform(*_RADIUS_M)), float(rng.uniform(*_DEPTH_M))
    wall, floor = 0.002, 0.004
    top = floor + depth
    vessel = Vessel(
        "cylinder", "cylinder", ((0.0, radius + wall), (top, radius + wall)),
        ((floor, radius), (top, radius)),
    )  # fmt: skip
    volume = vessel.capacity_ml * float(rng.uniform(*_FILL)) * np.linspace(0.002, 1, 500)
    return trace_of(vessel, 100, volume), vessel


def trace_of(receiver: Vessel, liquid_hz: int, receiver_ml: np.ndarray) -> PourTrace:
    """A trace that knows what is in the receiver, hence level and flow; the rest is zero."""
    landed = np.asarray(receiver_ml, np.float64)
    zero = np.zeros_like(landed)
    flow = np.diff(landed, prepend=landed[:1]) * liquid_hz
    return PourTrace(
        liquid_hz, source_ml=zero, in_flight_ml=zero, receiver_ml=landed, spilled_ml=zero,
        flow_out_ml_s=flow, flow_in_ml_s=flow, tilt_rad=zero, drop_m=zero, impact_speed_m_s=zero,
        jet_diameter_m=zero, receiver_level_m=receiver.level_m(landed),
    )  # fmt: skip
