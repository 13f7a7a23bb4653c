"""How exact Vessel's volumes are, how exact and how fast the pour table is.

    .venv/bin/python benchmarks/volume.py [--profiles 1000] [--seed 0]

Random profiles (2 to 8 points, radii 8 to 45 mm, 30 to 220 mm deep, cups to hourglasses), each at a
random tilt up to 150 degrees and a random surface: volume under the surface, the surface for a
volume, and the volume held at rest, against the midpoint rule over 40,000 slices that shares no code
with them. The table: what one costs as a multiple of one exact answer, and its error at random tilts.
Writes out/bench/volume.json; exits with 1 where an error exceeds 1e-4. A table is meant to take 30 ms
or less on the machine of docs/measured.md; elsewhere read the ratio.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from multigen.files import write_json
from multigen.liquid import MAX_TILT_RAD, head_m, pour_table
from multigen.scene import Vessel, draw_receiver, draw_source

TOLERANCE, TABLE_MS = 1e-4, 30.0


def random_vessel(rng: np.random.Generator) -> Vessel:
    """Any piecewise linear cavity."""
    n = int(rng.integers(2, 9))
    z = 0.003 + np.concatenate([[0.0], np.cumsum(rng.uniform(0.02, 0.03, n - 1))])
    r = rng.uniform(0.008, 0.045, n)
    inner = tuple((float(a), float(b)) for a, b in zip(z, r, strict=True))
    return Vessel("any", "any", ((0.0, 0.05), (inner[-1][0], 0.05)), inner)


def integrated_ml(vessel: Vessel, tilt: float, level: float | None, n: int = 40_000) -> float:
    """Midpoint rule: under a surface, or (None) what is held at rest."""
    z = (np.arange(n) + 0.5) * vessel.depth_m / n
    r = vessel.inner_radius_m(z)
    height = z * np.cos(tilt) - r * np.sin(tilt) if level is None else np.full(n, level)
    if level is None:  # the way out leads over the wall's highest corner between here and the mouth
        for corner, radius in vessel.inner:
            up = corner - vessel.floor_m
            sill = up * np.cos(tilt) - radius * np.sin(tilt)
            height = np.where(z < up, np.maximum(height, sill), height)
    c = np.clip((z * np.cos(tilt) - height) / np.sin(tilt), -r, r)
    area = r**2 * np.arccos(c / r) - c * np.sqrt(r**2 - c**2)
    return float(area.sum() * vessel.depth_m / n * 1e6)


def errors_of(vessel: Vessel, rng: np.random.Generator) -> dict[str, float]:
    """Relative errors at one random tilt; the held volume's over at least 1 % of the capacity."""
    tilt, share = float(rng.uniform(0.01, MAX_TILT_RAD)), float(rng.uniform(0.02, 0.98))
    volume = share * vessel.capacity_ml
    level = float(vessel.level_m(volume, tilt))
    fine = integrated_ml(vessel, tilt, level)
    held = integrated_ml(vessel, tilt, None)
    return {
        "volume under a surface": abs(float(vessel.volume_ml(level, tilt)) / fine - 1),
        "surface of a volume": abs(fine / volume - 1),
        "volume held at rest": abs(vessel.held_ml(tilt) - held) / max(held, 0.01 * vessel.capacity_ml),
    }  # fmt: skip


def table_error_m(vessel: Vessel, rng: np.random.Generator) -> float:
    """Head of the table at the exact held volume; exactly 0 would be right."""
    tilt = float(rng.uniform(0.3, 1.4))
    return abs(head_m(vessel, tilt, vessel.held_ml(tilt)))


def main() -> int:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profiles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    rows = [errors_of(random_vessel(rng), rng) for _ in range(args.profiles)]
    worst = {name: max(row[name] for row in rows) for name in rows[0]}
    drawn = [draw_source(rng) if k % 2 else draw_receiver(rng) for k in range(41)]
    pour_table(drawn[0])  # the first pays for the compiler
    start = time.process_time()
    for vessel in drawn[1:]:
        pour_table(vessel)
    table_ms = (time.process_time() - start) / 40 * 1e3
    start = time.process_time()
    for vessel in drawn[1:]:
        vessel.held_ml(0.8)
    exact_ms = (time.process_time() - start) / 40 * 1e3
    head_mm = [1e3 * table_error_m(vessel, rng) for vessel in drawn]
    for name, error in worst.items():
        print(f"{name:<24} worst relative error {error:.1e} over {args.profiles} profiles")
    print(
        f"table: {table_ms:.1f} ms of CPU per vessel (meant: {TABLE_MS:.0f}), "
        f"as much as {table_ms / exact_ms:.0f} exact answers"
    )
    print(f"table: head at the held volume off by at most {max(head_mm):.3f} mm")
    write_json(
        args.out / "volume.json",
        {"profiles": args.profiles, "worst_relative_error": worst, "table_ms": table_ms,
         "table_in_exact_answers": table_ms / exact_ms, "worst_table_head_mm": max(head_mm)},
    )  # fmt: skip
    return int(max(worst.values()) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
