"""Particles and the hydraulic model: acceptance gate, speed, calibration.

    .venv/bin/python benchmarks/liquid.py [--gate] [--particles 2000]
    .venv/bin/python benchmarks/liquid.py --calibrate [--pours 124] [--pours-particles 1000]
    .venv/bin/python benchmarks/liquid.py --lids 40

Gate (the default): every kind of vessel is tilted in 4 s by both models. Asked: settled mean height
within 3 % of the analytic one; less than 0.5 % of the particles lost before the geometric onset;
5, 50 and 95 % poured within 0.15 s of the hydraulic model; a ledger closed to 1e-9 mL; at most 3 CPU
seconds per simulated second on one thread at 2,000 particles. Writes out/bench/liquid.gate.json.

Calibrate: random pours (benchmarks/liquid_pours.py; kept under out/bench, so a killed run continues)
are simulated by particles; the constants of HydraulicParams, as shipped and fitted anew to the even
ones, are judged on the odd ones.
Asked: held volume, rms over a pour in % of the initial volume, median <= 1.5, 95th percentile <= 4;
landed volume, median <= 3 %. Writes out/bench/liquid.calibration.json and .png.

Lids: the same for cans alone, 2,000 particles a pour, and the one constant a lid has.
Writes out/bench/liquid.lids.json and .png.

Particles know no air, so the full-bore limit is lifted where the two are compared.
"""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from liquid_pours import DT_S, Pour, by_particles, kept_pours, lip_path, smoothstep
from scipy.optimize import minimize

from multigen.files import write_json
from multigen.liquid import HydraulicParams, simulate_pour, tilt_to_hold
from multigen.liquid.particles.fill import settled
from multigen.scene.liquids import LIQUIDS
from multigen.scene.vessels import cylinder, empties_at_rad, frustum, paper_vessel
from multigen.types import PourTrace, Vessel

NO_AIR = replace(HydraulicParams(), flooding=1e6)
GATE_VESSELS = (
    "white_cup", "metal_mug", "metal_thermos", "plastic_bottle", "sake_carafe", "metal_can", "sake_cup"
)  # fmt: skip
FITTED = {
    "discharge": (0.4, 0.9),
    "inertia": (0.0, 4.0),
    "run_down": (0.0, 1.5),
    "slide": (0.0, 4.0),
    "slide_length": (0.3, 2.0),
    "drag": (0.05, 20.0),
    "neck": (0.0, 6.0),
    "filled": (0.3, 1.2),
}
LID = {"lid": (0.0, 1.0)}
LAUNCH = {"launch": (0.0, 3.0), "launch_down_rad": (-0.3, 0.8), "launch_slope": (0.0, 1.5)}
"""Constants of the model that are fitted, and their bounds."""


def by_model(pour: Pour, params: HydraulicParams, dt_s: float = DT_S) -> PourTrace:
    """The hydraulic model's trace of a pour whose path is given every ``dt_s``."""
    return simulate_pour(
        pour.source, pour.receiver, pour.liquid,
        initial_ml=pour.initial_ml, receiver_initial_ml=pour.receiver_initial_ml,
        tilt_rad=pour.tilt_rad, lip_m=pour.lip_m, out_xy=np.array([1.0, 0.0]),
        receiver_floor_m=np.array([*pour.receiver_xy_m, pour.receiver.floor_m]),
        dt_s=dt_s, params=params,
    )  # fmt: skip


# --- gate


def gate_pour(vessel: Vessel) -> Pour:
    """Upright to 15 degrees beyond where it empties, in 4 s, over a wide receiver."""
    final = min(empties_at_rad(vessel) + np.radians(18), np.radians(148))
    t = np.arange(DT_S, 5.6, DT_S)
    receiver = frustum("receiver", 0.045, 0.060, 0.170)
    tilt = float(final) * smoothstep((t - 0.2) / 4.0)
    lip = lip_path(vessel, receiver, tilt, -0.035, 0.05)
    return Pour(vessel, receiver, LIQUIDS["water"], 0.7 * vessel.capacity_ml, 0.0, tilt, lip)


def mean_height_m(vessel: Vessel, volume_ml: float) -> float:
    """Centre of mass of a still filling above the inner floor."""
    h = np.linspace(0, float(vessel.level_m(volume_ml)), 4001)
    area = vessel.inner_radius_m(h) ** 2
    return float((h * area).sum() / area.sum())


def times_left(trace: PourTrace, initial_ml: float) -> list[float]:
    """Seconds until 95, 50 and 5 % are left."""
    return [
        float(np.argmax(trace.source_ml < share * initial_ml) + 1) / 100
        for share in (0.95, 0.5, 0.05)
    ]


def gate(vessel: Vessel, particles: int) -> dict:
    """All checks of one vessel, with what was measured."""
    pour = gate_pour(vessel)
    ml = pour.initial_ml
    trace, cost = by_particles(pour, particles)
    model = by_model(pour, NO_AIR)
    spacing = (ml * 1e-6 / particles) ** (1 / 3)
    height = settled(vessel, ml, particles, float(spacing), DT_S)[:, 2].mean() - vessel.floor_m
    onset = int(np.argmax(trace.tilt_rad > tilt_to_hold(vessel, ml)))
    lost = 1 - trace.source_ml[:onset].min() / ml
    seconds = [times_left(t, ml) for t in (trace, model)]
    row = {
        "vessel": vessel.name,
        "kind": vessel.kind,
        "height_ratio": float(height / mean_height_m(vessel, ml)),
        "lost_before_onset": float(lost),
        "particles_s": seconds[0],
        "hydraulic_s": seconds[1],
        "ledger_error_ml": float(np.abs(trace.total_ml - ml).max()),
        "cpu_s_per_s": cost,
    }
    radii = np.array([r for _, r in vessel.inner])
    narrowest = min(radii[radii.argmax() :].min(), vessel.opening_radius_m)
    row["opening_in_spacings"] = 2 * narrowest / spacing
    row["passes"] = {
        "height": abs(row["height_ratio"] - 1) < 0.03,
        "onset": row["lost_before_onset"] < 0.005,
        "times": bool(np.abs(np.subtract(*seconds)).max() < 0.15),
        "ledger": row["ledger_error_ml"] < 1e-9,
        "speed": cost <= 3.0 or particles != 2000,
    }
    return row


def run_gate(out: Path, particles: int) -> bool:
    """Print and write the table; True when everything passes."""
    vessels = (cylinder("straight", 0.030, 0.110), *(paper_vessel(n) for n in GATE_VESSELS))
    print(
        f"{'':<12}{'height':>8}{'lost':>7}   seconds to 95/50/5 % left: particles, model   CPU s/s"
    )
    rows = []
    for vessel in vessels:
        row = gate(vessel, particles)
        a, b = (" ".join(f"{x:.2f}" for x in row[k]) for k in ("particles_s", "hydraulic_s"))
        failed = [name for name, ok in row["passes"].items() if not ok]
        print(
            f"{vessel.kind:<12}{100 * (row['height_ratio'] - 1):>+7.1f}%{100 * row['lost_before_onset']:>6.2f}%"
            f"   {a}   {b}{row['cpu_s_per_s']:>20.2f}   {_verdict(row, failed)}",
            flush=True,
        )
        rows.append(row)
    write_json(out / "liquid.gate.json", {"particles": particles, "rows": rows})
    return all(all(r["passes"].values()) for r in rows)


def _verdict(row: dict, failed: list[str]) -> str:
    verdict = "FAILS " + ", ".join(failed) if failed else "ok"
    return f"{verdict} (opening of {row['opening_in_spacings']:.1f} spacings)"


# --- calibration


def errors(pour: Pour, seen: dict[str, np.ndarray], params: HydraulicParams) -> np.ndarray:
    """Held volume, rms over the pour in % of the initial one; landed volume at the end in % of what
    landed (or of 5 % of the initial volume); spilled volume in % of the initial one.
    """
    trace, whole = by_model(pour, params), pour.initial_ml
    held = np.sqrt(((trace.source_ml - seen["source_ml"]) ** 2).mean()) / whole
    landed = seen["receiver_ml"][-1] - pour.receiver_initial_ml
    wrong = abs(trace.receiver_ml[-1] - seen["receiver_ml"][-1]) / max(landed, 0.05 * whole)
    spilled = abs(trace.spilled_ml[-1] - seen["spilled_ml"][-1]) / whole
    return 100 * np.array([held, wrong, spilled])


def judged(pours: list, params: HydraulicParams) -> dict:
    """Errors over pours, and per kind of vessel."""
    table = np.array([errors(pour, seen, params) for pour, seen in pours])
    kinds = np.array([pour.source.kind for pour, _ in pours])
    return {
        "n": len(table),
        "held_median_pct": float(np.median(table[:, 0])),
        "held_p95_pct": float(np.percentile(table[:, 0], 95)),
        "landed_median_pct": float(np.median(table[:, 1])),
        "landed_p95_pct": float(np.percentile(table[:, 1], 95)),
        "spilled_median_pct": float(np.median(table[:, 2])),
        "spilled_p95_pct": float(np.percentile(table[:, 2], 95)),
        "held_median_pct_by_kind": {
            kind: float(np.median(table[kinds == kind, 0])) for kind in np.unique(kinds)
        },
    }


def fit(pours: list, start: HydraulicParams, bounds: dict, column: int) -> HydraulicParams:
    """Least mean error of one kind (a column of ``errors``) over ``pours`` (Nelder-Mead).

    A pour counts for at most 12 %: one that goes wrong altogether must not decide the rest.
    """

    def cost(x: np.ndarray) -> float:
        params = replace(start, **dict(zip(bounds, map(float, x), strict=True)))
        return float(np.mean([min(errors(p, seen, params)[column], 12.0) for p, seen in pours]))

    found = minimize(
        cost, [getattr(start, n) for n in bounds], method="Nelder-Mead",
        bounds=list(bounds.values()), options={"xatol": 2e-3, "fatol": 1e-3, "maxfev": 400},
    )  # fmt: skip
    return replace(start, **{n: round(float(x), 3) for n, x in zip(bounds, found.x, strict=True)})


def calibrate(out: Path, count: int, particles: int) -> None:
    """Simulate what is missing, fit, judge, write, plot."""
    pours = kept_pours(count, out / f"liquid_pours.{particles}", particles)
    fitted = fit(pours[0::2], fit(pours[0::2], NO_AIR, FITTED, 0), LAUNCH, 2)
    report(out / "liquid.calibration", pours, fitted, (*FITTED, *LAUNCH), particles)


def calibrate_lids(out: Path, count: int, particles: int = 2000) -> None:
    """The same for what stands behind a lid."""
    pours = kept_pours(count, out / f"liquid_pours.lids.{particles}", particles, ("can",))
    report(out / "liquid.lids", pours, fit(pours[0::2], NO_AIR, LID, 0), (*LID,), particles)


def report(
    path: Path, pours: list, fitted: HydraulicParams, names: tuple[str, ...], particles: int
) -> None:
    """Judge on the even (fitting) and odd (held out) pours; table, JSON, plot."""
    fitting, held_out = pours[0::2], pours[1::2]
    rows = {
        "as shipped, all": judged(pours, NO_AIR),
        "as shipped, fitting half": judged(fitting, NO_AIR),
        "as shipped, held out": judged(held_out, NO_AIR),
        "fitted, fitting half": judged(fitting, fitted),
        "fitted, held out": judged(held_out, fitted),
    }
    print(f"{'':<28}{'n':>4}{'held median':>13}{'p95':>7}{'landed median':>15}{'p95':>7}   %")
    for name, r in rows.items():
        print(
            f"{name:<28}{r['n']:>4}{r['held_median_pct']:>13.2f}{r['held_p95_pct']:>7.2f}"
            f"{r['landed_median_pct']:>15.2f}{r['landed_p95_pct']:>7.2f}"
        )
    print({name: getattr(fitted, name) for name in names})
    write_json(
        path.with_name(path.name + ".json"),
        {"particles": particles, "fitted": asdict(fitted), "shipped": asdict(NO_AIR), "rows": rows},
    )
    plot(path.with_name(path.name + ".png"), held_out, fitted)


def plot(path: Path, pours: list, params: HydraulicParams) -> None:
    """Held volume of 24 held-out pours, both models, sorted by error."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ranked = sorted(pours, key=lambda p: errors(*p, params)[0])
    chosen = [ranked[k] for k in np.unique(np.linspace(0, len(ranked) - 1, 24).astype(int))]
    figure, axes = plt.subplots(4, 6, figsize=(18, 10), layout="constrained")
    for ax, (pour, seen) in zip(axes.flat, chosen, strict=False):
        t = (np.arange(len(seen["source_ml"])) + 1) / 100
        model = by_model(pour, params)
        ax.plot(t, seen["source_ml"], "k", lw=2, label="particles")
        ax.plot(t, model.source_ml, "r", lw=1, label="hydraulic")
        ax.plot(t, seen["receiver_ml"], "k:", t, model.receiver_ml, "r:")
        ax.set_title(f"{pour.source.kind}: {errors(pour, seen, params)[0]:.2f} %", fontsize=9)
    axes.flat[0].legend(fontsize=8)
    figure.supxlabel("s (solid: held by the source, dotted: in the receiver)")
    figure.supylabel("mL")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main() -> None:
    """Gate or calibration, by the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gate", action="store_true", help="the default")
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--particles", type=int, default=2000, help="of the gate")
    parser.add_argument("--pours", type=int, default=124)
    parser.add_argument("--pours-particles", type=int, default=1000, help="of the calibration")
    parser.add_argument("--lids", type=int, default=0, help="so many pours from cans")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    if args.calibrate:
        calibrate(args.out, args.pours, args.pours_particles)
    if args.lids:
        calibrate_lids(args.out, args.lids)
    if args.gate or not (args.calibrate or args.lids):
        sys.exit(0 if run_gate(args.out, args.particles) else 1)


if __name__ == "__main__":
    main()
