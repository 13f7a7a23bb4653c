"""Small pours for tests of sound: made by hand from a flow curve, no simulator involved.

Reads:  nothing.   Makes: Vessels and PourTraces.   Used by: test_acoustics, test_metrics.
"""

import numpy as np

from multigen.types import PourTrace, Vessel


def cylinder(radius=0.035, depth=0.12, wall=0.002, material="plastic") -> Vessel:
    top = depth + 0.004
    return Vessel(
        "cylinder", "cylinder", ((0.0, radius + wall), (top, radius + wall)),
        ((0.004, radius), (top, radius)), material,
    )  # fmt: skip


def bottle(radius=0.035, neck=0.0125, depth=0.20) -> Vessel:
    inner = ((0.003, radius), (0.55 * depth, radius), (0.75 * depth, neck), (depth + 0.003, neck))
    outer = ((0.0, radius + 2e-3), *((z, r + 2e-3) for z, r in inner[1:]))
    return Vessel("bottle", "bottle", outer, inner, "plastic")


def pour(
    receiver: Vessel, *, seconds=8.0, start=1.0, stop=6.0, flow_ml_s=40.0, lip_m=0.10, begin_ml=0.0,
    modulation=0.0, hz=100, source_ml=400.0,
) -> PourTrace:  # fmt: skip
    """A pour with ramps of 0.15 s, ``lip_m`` above the rim; ``modulation`` is a sine of 0.7 Hz."""
    t = (np.arange(int(seconds * hz)) + 1) / hz
    shape = np.clip((t - start) / 0.15, 0, 1) * np.clip((stop - t) / 0.15, 0, 1)
    flow = flow_ml_s * shape * (1 + modulation * np.sin(2 * np.pi * 0.7 * t))
    landed = np.cumsum(flow) / hz
    level = receiver.level_m(begin_ml + landed)
    drop = receiver.depth_m + lip_m - level
    speed = np.where(flow > 0, np.sqrt(0.09 + 2 * 9.81 * drop), 0)
    width = np.sqrt(4e-6 * flow / np.pi / np.maximum(speed, 0.1))
    zero = np.zeros_like(t)
    return PourTrace(
        hz, source_ml - landed, zero, begin_ml + landed, zero, flow, flow, zero + 1.2, drop, speed,
        width, level,
    )  # fmt: skip


def wide_frustum() -> Vessel:
    return Vessel(
        "frustum", "frustum", ((0.0, 0.030), (0.124, 0.047)), ((0.004, 0.028), (0.124, 0.045)),
        "paper",
    )  # fmt: skip
