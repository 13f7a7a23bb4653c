"""Random pours for the liquid benchmark: drawn from a number, simulated by particles, kept on disk.

Reads:  a pour's number.   Makes: Pour (what moves), out/bench/liquid_pours/NNN.npz (what came out).
Used by: benchmarks/liquid.py. Nothing runs when this file is called by itself.
Pour i depends on i alone; a file that exists is not made again, so a killed run continues.
"""

import os
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from multigen.liquid import MAX_TILT_RAD, lip_pose, tilt_to_hold
from multigen.liquid.particles import ParticlePour
from multigen.scene.liquids import LIQUIDS
from multigen.scene.vessels import SOURCE_KINDS, draw_receiver, draw_source, empties_at_rad
from multigen.types import Liquid, PourTrace, Vessel
from multigen.workers import progress_bar

DT_S = 0.0025
FIRST_SEED = 30_000_000
"""Nobody else draws from here on."""
KINDS = tuple(kind for kind in SOURCE_KINDS if kind != "can")
"""The hole in a can's lid wants twice as many particles: `--lids`."""


@dataclass(frozen=True)
class Pour:
    """A motion of a vessel over another: everything both liquids need to know."""

    source: Vessel
    receiver: Vessel
    liquid: Liquid
    initial_ml: float
    receiver_initial_ml: float
    tilt_rad: np.ndarray
    """Per step of DT_S."""
    lip_m: np.ndarray
    """Lowest point of the mouth, [3] or per step."""
    receiver_xy_m: tuple[float, float] = (0.0, 0.0)

    def poses(self):
        """(source, receiver) poses, first where both start and then per step."""
        still = (np.array([*self.receiver_xy_m, 0.0]), np.eye(3))
        lips = np.broadcast_to(self.lip_m, (len(self.tilt_rad), 3))
        for k in [0, *range(len(self.tilt_rad))]:
            yield pose_at(self.source, float(self.tilt_rad[k]), lips[k]), still


def pose_at(vessel: Vessel, tilt: float, lip: np.ndarray):
    """The pose that leans ``vessel`` towards +x with its lip at ``lip``."""
    c, s = np.cos(tilt), np.sin(tilt)
    rot = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return lip - lip_pose(vessel, np.zeros(3), rot).lip_m, rot


def lip_path(
    source: Vessel, receiver: Vessel, tilt: np.ndarray, x_m: float, clear_m: float
) -> np.ndarray:
    """Lip positions [n, 3] at ``x_m`` from the receiver's axis, at least ``clear_m`` above its rim,
    and as much higher as keeps the two walls apart; smoothed over 0.15 s.
    """
    z, r = np.array(source.outer, float).T
    fine = np.linspace(0, source.height_m, 60)
    down, out = fine - source.height_m, np.interp(fine, z, r) - source.rim_radius_m
    s, c = np.sin(tilt)[:, None], np.cos(tilt)[:, None]
    px, pz = down * s + out * c, down * c - out * s  # the lower outline, from the lip
    over = px + x_m > -(max(r for _, r in receiver.outer) + 0.004)
    needed = np.where(over, 0.004 - pz, clear_m).max(1)
    height = receiver.height_m + np.maximum(clear_m, needed)
    window = round(0.15 / DT_S)
    padded = np.pad(height, (window, window), mode="edge")
    smooth = np.convolve(padded, np.ones(2 * window + 1) / (2 * window + 1), "valid")
    lip = np.stack([np.full_like(tilt, x_m), np.zeros_like(tilt), smooth], 1)
    lowest = (pz.min(1) + lip[:, 2]).min()
    lip[:, 2] += max(0.0, 0.003 - lowest)  # the source stays above the table
    return lip


def smoothstep(s: np.ndarray) -> np.ndarray:
    """0 to 1 with level ends."""
    s = np.clip(s, 0, 1)
    return s * s * (3 - 2 * s)


def draw_pour(index: int, kinds: tuple[str, ...] = KINDS) -> Pour:
    """Vessel families in turn; fill 50-85 %, 2.5-5 s of tilt to anything between a sip and empty,
    half of them tilted back; the lip comes down to 2-5 cm above the rim as the tilt allows."""
    rng = np.random.default_rng(FIRST_SEED + index)
    kind = kinds[index // 2 % len(kinds)]
    source = draw_source(rng)
    while source.kind != kind:
        source = draw_source(rng)
    receiver = draw_receiver(rng)
    initial = float(rng.uniform(0.5, 0.85)) * source.capacity_ml
    already = float(rng.uniform(0, 0.3)) * receiver.capacity_ml if rng.random() < 0.25 else 0.0
    onset = tilt_to_hold(source, initial)
    most = min(max(empties_at_rad(source), np.radians(100)) + np.radians(12), MAX_TILT_RAD)
    back = rng.random() < 0.5
    final = float(rng.uniform(onset + np.radians(12), most)) if back else float(most)
    seconds, hold = float(rng.uniform(2.5, 5.0)), float(rng.uniform(0.2, 0.8))
    total = np.ceil((0.2 + seconds + (hold + 1.3 if back else 0.9)) / 0.01) * 0.01
    t = np.arange(DT_S, total + DT_S / 2, DT_S)
    tilt = smoothstep((t - 0.2) / seconds)
    if back:
        tilt = np.minimum(tilt, 1 - smoothstep((t - 0.2 - seconds - hold) / 1.0))
    tilt = final * tilt
    x = -float(rng.uniform(0.55, 0.95)) * receiver.rim_radius_m
    lip = lip_path(source, receiver, tilt, x, float(rng.uniform(0.02, 0.05)))
    return Pour(source, receiver, LIQUIDS["water"], initial, already, tilt, lip)


def by_particles(pour: Pour, particles: int = 2000) -> tuple[PourTrace, float]:
    """The pour's trace and its cost, CPU seconds per simulated second (settling left out)."""
    poses = pour.poses()
    at_source, at_receiver = next(poses)
    fluid = ParticlePour(
        pour.source, pour.receiver, pour.liquid,
        initial_ml=pour.initial_ml, receiver_initial_ml=pour.receiver_initial_ml,
        source_pose=at_source, receiver_pose=at_receiver, dt_s=DT_S, particles=particles,
    )  # fmt: skip
    began = time.process_time()
    for source, receiver in poses:
        fluid.follow(source, receiver)
    spent = time.process_time() - began
    return fluid.trace(), spent / (len(pour.tilt_rad) * DT_S)


COLUMNS = tuple(f.name for f in fields(PourTrace))[1:]


def kept_pours(
    count: int, folder: Path, particles: int, kinds: tuple[str, ...] = KINDS
) -> list[tuple[Pour, dict[str, np.ndarray]]]:
    """Pours 0 .. count - 1 and what the particles did; missing ones are simulated and written."""
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    with progress_bar() as bar:
        shown = bar.add_task("particle pours", total=count)
        for i in range(count):
            file, pour = folder / f"{i:03d}.npz", draw_pour(i, kinds)
            if not file.exists():
                trace, cost = by_particles(pour, particles)
                part = file.with_suffix(".part.npz")
                np.savez(part, cost=cost, **{c: getattr(trace, c) for c in COLUMNS})
                os.replace(part, file)
            with np.load(file) as saved:
                out.append((pour, dict(saved)))
            bar.advance(shown)
    return out
