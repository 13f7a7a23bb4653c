"""Does every term of the hydraulic model help, and how fast is it? One term left out at a time.

    .venv/bin/python benchmarks/liquid_terms.py [--pours 78] [--pours-particles 1000]

The random pours of benchmarks/liquid.py --calibrate (kept under out/bench, so whoever ran that waits
for nothing here), simulated by particles and by the hydraulic model: as shipped, then with one term
neutralised. A term helps where its row is worse than the first. Particles know no air, no surface
tension and next to no viscosity: the terms for those (`flooding`, heads at the lip, `reynolds_half`)
have no judge here; their rows say only that they do no harm to water in wide openings.
Then the speed: simulated seconds per CPU second of `simulate_pour`, one core, its table made before,
at steps of 2 ms (the simulator's), 5 and 10, and what the longer steps change.
Writes out/bench/liquid.terms.json.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from liquid import NO_AIR, by_model, judged
from liquid_pours import DT_S, Pour, kept_pours
from rich.console import Console
from rich.table import Table

from multigen.files import write_json
from multigen.liquid import LIQUID_HZ

WITHOUT: dict[str, dict[str, float]] = {
    "as shipped": {},
    "lag of the head (inertia)": {"inertia": 0.0},
    "height lost along the wall speeds up (run_down)": {"run_down": 0.0},
    "liquid that slides out (slide)": {"slide": 0.0},
    "... slower through a narrow throat (neck)": {"neck": 0.0},
    "... fills part of the throat (filled)": {"filled": 1.0},
    "speed at the lip from that height (launch)": {"launch": 0.0},
    "leaves below the horizontal (launch_down_rad)": {"launch_down_rad": 0.0},
    "leaves along the wall (launch_slope)": {"launch_slope": 0.0},
    "dribble after the stop (dribble_s)": {"dribble_s": 1e-3},
    "heads that start and stop the flow": {"onset_head": 0.0, "stop_head": 0.0},
    "viscosity (reynolds_half)": {"reynolds_half": 1e-9},
}
"""Term -> the constants that neutralise it."""
SHOWN = {
    "held_median_pct": "held median", "held_p95_pct": "95 %",
    "landed_median_pct": "landed median", "spilled_median_pct": "spilled median",
    "spilled_p95_pct": "95 %",
}  # fmt: skip


STEPS_S = (0.002, 0.005, 0.01)


def at_step(pour: Pour, dt_s: float) -> Pour:
    """The same motion given every ``dt_s``."""
    there = DT_S * np.arange(1, len(pour.tilt_rad) + 1)
    times = np.arange(1, int(there[-1] / 0.01 + 1e-6) * round(0.01 / dt_s) + 1) * dt_s
    lips = np.broadcast_to(pour.lip_m, (len(there), 3))
    return replace(
        pour,
        tilt_rad=np.interp(times, there, pour.tilt_rad),
        lip_m=np.stack([np.interp(times, there, lips[:, k]) for k in range(3)], 1),
    )


def speed(pours: list, dt_s: float, repeats: int = 9) -> dict[str, float]:
    """Simulated seconds per CPU second, the best of ``repeats`` rounds (what is compiled or tabled
    once is left out), and how far the held volume is from that of the shortest steps: 95th
    percentile over pours of the rms, % of the initial volume."""
    ready = [at_step(pour, dt_s) for pour, _ in pours]
    off, rows, rounds = [], 0, []
    for (pour, _), at_this in zip(pours, ready, strict=True):
        fine = by_model(at_step(pour, STEPS_S[0]), NO_AIR, STEPS_S[0]).source_ml
        coarse = by_model(at_this, NO_AIR, dt_s).source_ml
        off.append(100 * float(np.sqrt(((fine - coarse) ** 2).mean())) / pour.initial_ml)
        rows += len(coarse)
    for _ in range(repeats):
        began = time.process_time()
        for pour in ready:
            by_model(pour, NO_AIR, dt_s)
        rounds.append(time.process_time() - began)
    return {
        "step_ms": 1e3 * dt_s,
        "times_real_time": rows / LIQUID_HZ / min(rounds),
        "held_off_p95_pct": float(np.percentile(off, 95)),
    }


def main() -> None:
    """Simulate what is missing, leave out, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pours", type=int, default=78)
    parser.add_argument("--pours-particles", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    folder = args.out / f"liquid_pours.{args.pours_particles}"
    pours = kept_pours(args.pours, folder, args.pours_particles)
    rows = {name: judged(pours, replace(NO_AIR, **change)) for name, change in WITHOUT.items()}
    table = Table("without", *SHOWN.values(), title=f"Error against {len(pours)} particle pours, %")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[key]:.2f}" for key in SHOWN))
    console = Console(width=120)
    console.print(table)
    steps = [speed(pours, dt_s) for dt_s in STEPS_S]
    for s in steps:
        console.print(
            f"steps of {s['step_ms']:.1f} ms: {s['times_real_time']:,.0f} times real time on one core; "
            f"held volume off by {s['held_off_p95_pct']:.3f} % (95th percentile)"
        )
    write_json(args.out / "liquid.terms.json", {"without": rows, "steps": steps})


if __name__ == "__main__":
    main()
