"""How full, by ear? On held-out pours in rooms among noise, their variants, a real clip, beside controls.

    .venv/bin/python benchmarks/ear.py [--ear NAME=FOLDER ...] [--pours 60] [--only TEXT] [--real CLIP.mp4]

Reads:  ears (folders that train-ear made), pours of seeds that no training uses, optionally the real clip.
Makes:  tables on screen, out/bench/ear.json.

Every number is the mean absolute error of the fill fraction over the frames in which it pours. Each pour is
heard through a drawn room with background and hum, and coloured noise at 0-30 dB below it. Variants are the
same pours, rooms and noises: half and double flow, the first 40 % of the pour cut away, broken off at 60 %,
and after eight seconds in which only room and noise are heard, as before a robot's pour: without and with
the ear being told that nothing pours there (``hear --quiet-s``). A robot's own pours (pipeline.own_pours) go
into an empty vessel, down to a sake cup, after such eight seconds.
Controls that hear nothing of the filling: a clock (told when the pour begins; full after the mean duration
of the training's pours), the constant 0.5, and the ear given white noise of the same length and loudness,
white noise with the recording's envelope, and the recording reversed. The real clip (a cylinder of constant
flow, trimmed to its pour) is taken as filling linearly from its first moment to its last, as in the
SoundOfWater data it is from.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from multigen.audio.acoustics.room import through_room
from multigen.ear import Listener, calibrate, load_ear
from multigen.ear.background import without_background
from multigen.ear.bands import HOP, SAMPLE_RATE, band_power
from multigen.ear.lessons import Lesson, labels_of
from multigen.ear.listener import DEFAULT
from multigen.files import read_sound, write_json
from multigen.pipeline.ear_pours import (
    HeardPour,
    SteadyPour,
    draw_steady,
    hear_steady,
    hear_tabletop,
    steady_trace,
)
from multigen.pipeline.own_pours import draw_own
from multigen.workers import progress_bar

FIRST_SEED = 30_000_000_000
"""Above 2^32: no lesson's seed."""
ASKED = {
    "held-out pours": 0.09, "half flow": 0.11, "double flow": 0.11, "first 40 % cut away": 0.11,
    "broken off at 60 %": 0.11, "real clip": 0.10, "five calibration pours": 0.05,
}  # fmt: skip
REAL_HEIGHT_M = 0.197
QUIET_S = 8.0
OWN = "a robot's own pours, told so"
AFTER_QUIET, QUIET_TOLD = "after 8 s of the room alone", "the same, told so"
NOISE_MARGIN = 0.12
"""By how much flat noise shall be worse than the recording."""


@dataclass(frozen=True)
class Recording:
    """What is listened to, and the truth."""

    samples: np.ndarray
    truth: Lesson
    """Labels per tenth of a second; its band power is empty."""
    quiet_s: float = 0.0
    """For so long the ear is told that nothing pours."""

    @property
    def pouring(self) -> np.ndarray:
        return self.truth.pouring

    def cut(self, start: int, stop: int) -> "Recording":
        """Frames [start, stop)."""
        return Recording(self.samples[start * HOP : stop * HOP], self.truth.cut(start, stop))


def recorded(pour: HeardPour, seed: int) -> Recording:
    """A pour in a room: reverberation, hum, background, and noise 0-30 dB below it."""
    rng = np.random.default_rng([seed, 9])
    samples = through_room(pour.samples, rng)
    dull = lfilter([1.0], [1.0, -rng.uniform(0.0, 0.95)], rng.standard_normal(len(samples)))
    noise = np.asarray(dull)
    loud = float(np.sqrt(np.mean(samples.astype(float) ** 2)))
    samples = samples + loud * 10 ** (-rng.uniform(0, 30) / 20) * noise / noise.std()
    return labelled(np.clip(samples, -1, 1).astype(np.float32), pour)


def labelled(samples: np.ndarray, pour: HeardPour) -> Recording:
    """With the truth beside it."""
    frames = len(samples) // HOP
    labels = labels_of(pour.trace, pour.receiver, frames)
    none = np.zeros((frames, 0), np.float16)
    return Recording(samples, Lesson(none, **labels, height_m=float(pour.receiver.depth_m)))


def span(one: Recording) -> tuple[int, int]:
    """First frame of the pour, and the one after its last."""
    rows = np.flatnonzero(one.pouring)
    return int(rows[0]), int(rows[-1]) + 1


def without_start(one: Recording) -> Recording:
    first, last = span(one)
    return one.cut(first + round(0.4 * (last - first)), len(one.truth))


def broken_off(one: Recording) -> Recording:
    first, last = span(one)
    return one.cut(0, first + round(0.6 * (last - first)))


def error(fill: np.ndarray, one: Recording) -> float:
    return float(np.abs(fill - one.truth.fill)[one.pouring].mean())


def flat_noise(one: Recording, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, 11])
    return (one.samples.std() * rng.standard_normal(len(one.samples))).astype(np.float32)


def envelope_noise(one: Recording, seed: int) -> np.ndarray:
    """White noise as loud as the recording at each moment (50 ms)."""
    level = np.sqrt(uniform_filter1d(one.samples.astype(float) ** 2, SAMPLE_RATE // 20))
    return (level * np.random.default_rng([seed, 12]).standard_normal(len(level))).astype(
        np.float32
    )


def errors(listener: Listener, one: Recording, seed: int, duration_s: float) -> dict[str, float]:
    """The ear's error on one recording, and every control's."""
    first, _ = span(one)
    time_s = (np.arange(len(one.truth)) + 1 - first) / 10

    def heard(samples: np.ndarray, height_m: float | None = None) -> float:
        bands = without_background(band_power(samples)[: len(one.truth)], one.quiet_s)
        return error(listener.hear_bands(bands, height_m=height_m).fill, one)

    return {
        "ear": heard(one.samples),
        "ear, height told": heard(one.samples, one.truth.height_m),
        "clock": error(np.clip(time_s / duration_s, 0, 1), one),
        "constant": error(np.full(len(one.truth), 0.5), one),
        "flat noise": heard(flat_noise(one, seed)),
        "envelope noise": heard(envelope_noise(one, seed)),
        "reversed": heard(one.samples[::-1].copy()),
    }


def test_sets() -> dict[str, Callable[[int], Recording]]:
    """Recording number i of every set."""

    def steady(i: int, flow: float = 1.0) -> Recording:
        return recorded(hear_steady(draw_steady(FIRST_SEED + i), flow), i)

    def after_quiet(i: int) -> Recording:
        return recorded(hear_steady(replace(draw_steady(FIRST_SEED + i), before_s=QUIET_S)), i)

    def own(i: int) -> Recording:
        pour = hear_steady(replace(draw_own(FIRST_SEED + i), before_s=QUIET_S))
        return replace(recorded(pour, i), quiet_s=QUIET_S)

    return {
        "held-out pours": steady,
        "half flow": lambda i: steady(i, 0.5),
        "double flow": lambda i: steady(i, 2.0),
        "first 40 % cut away": lambda i: without_start(steady(i)),
        "broken off at 60 %": lambda i: broken_off(steady(i)),
        AFTER_QUIET: after_quiet,
        QUIET_TOLD: lambda i: replace(after_quiet(i), quiet_s=QUIET_S),
        OWN: own,
        "table-top pours": lambda i: recorded(_tabletop(i), i),
    }


def _tabletop(i: int) -> HeardPour:
    """The i-th fresh seed, or the next one in which half a second pours."""
    seed = FIRST_SEED + 1000 * i
    while (pour := hear_tabletop(seed)).lesson.pouring.sum() < 5:
        seed += 1
    return pour


def calibrated(listener: Listener, vessels: int) -> dict[str, float]:
    """Fill error on fresh pours into a vessel, its height told, before and after five labelled ones: other
    levels, flows, heights and voices in the same room. Means over vessels."""
    rows = []
    for v in range(vessels):
        plan = draw_steady(FIRST_SEED + 600_000 + v)
        takes = [recorded(hear_steady(_again(plan, k)), 1000 + v) for k in range(10)]
        heard = [
            listener.hear_bands(band_power(x.samples), height_m=x.truth.height_m) for x in takes
        ]
        true = [np.where(x.pouring, x.truth.fill, np.nan) for x in takes]
        correct = calibrate(heard[:5], true[:5])
        for one, x in zip(heard[5:], takes[5:], strict=True):
            rows.append([error(one.fill, x), error(correct(one).fill, x)])
    before, after = np.mean(rows, 0)
    return {"before": float(before), "after": float(after), "vessels": vessels}


def _again(plan: SteadyPour, take: int) -> SteadyPour:
    """Another pour into the same vessel, of the same liquid."""
    other = draw_steady(FIRST_SEED + 900_000 + 100 * (plan.seed % 1000) + take)
    kept = {"source": plan.source, "receiver": plan.receiver, "liquid": plan.liquid}
    volume = (other.end_fill - other.begin_fill) * plan.receiver.capacity_ml
    seconds = np.random.default_rng([other.seed, 13]).uniform(4, 14)
    flow = float(np.clip(volume / seconds, 6, 220))
    return SteadyPour(**{**vars(other), **kept, "flow_ml_s": flow})


def real_recording(path: Path) -> Recording:
    """The clip with its linear truth; its height is the 19.7 cm measured by its authors, its flow that of
    558 mL in its duration."""
    samples = read_sound(path).samples
    frames = len(samples) // HOP
    fill = ((np.arange(frames) + 1) * HOP / len(samples)).astype(np.float32)
    flow = np.full(frames, 558 * SAMPLE_RATE / len(samples), np.float32)
    none = np.zeros((frames, 0), np.float16)
    return Recording(samples, Lesson(none, fill, REAL_HEIGHT_M * (1 - fill), flow, REAL_HEIGHT_M))


def mean_duration_s(pours: int = 200) -> float:
    """Mean duration of the training's steady pours."""
    traces = (steady_trace(draw_steady(seed)) for seed in range(pours))
    return float(np.mean([(t.flow_in_ml_s > 0.5).sum() / t.liquid_hz for t in traces]))


def besides(listener: Listener, recordings: list[Recording]) -> dict[str, float]:
    """What else it hears: beginning and end, air column, flow, and how honest its spreads are (the share
    of frames within one and two of them; 0.68 and 0.95 for a Gaussian). Medians but for the shares."""
    on, off, air, flow, within = [], [], [], [], []
    early = 0
    for one in recordings:
        heard = listener.hear(one.samples, quiet_s=one.quiet_s)
        n, rows = len(heard.fill), one.pouring[: len(heard.fill)]
        truth = one.truth.cut(0, n)
        first, last = span(one)
        early += heard.onset_s is not None and heard.onset_s < first / 10 - 1
        on.append(abs((heard.onset_s if heard.onset_s is not None else np.nan) - first / 10))
        off.append(abs((heard.offset_s if heard.offset_s is not None else np.nan) - last / 10))
        air.append(np.abs(np.log(heard.air_column_m / np.maximum(truth.air_m, 3e-3)))[rows])
        both = rows & (heard.flow_ml_s > 0)
        flow.append(np.abs(np.log(heard.flow_ml_s[both] / truth.flow_ml_s[both])))
        within.append((np.abs(heard.fill - truth.fill) / heard.fill_std)[rows])
    spread = np.concatenate(within)
    return {
        "onset_error_s": float(np.nanmedian(on)), "offset_error_s": float(np.nanmedian(off)),
        "not_heard": int(np.isnan(on).sum()), "heard_a_second_early": early,
        "air_column_relative_error": float(np.expm1(np.median(np.concatenate(air)))),
        "flow_relative_error": float(np.expm1(np.median(np.concatenate(flow)))),
        "within_1_std": float((spread < 1).mean()), "within_2_std": float((spread < 2).mean()),
    }  # fmt: skip


def measure(listener: Listener, sets: dict[str, list[Recording]], duration_s: float) -> dict:
    """Rows of the table: means over the recordings of each set."""
    table = {}
    for name, recordings in sets.items():
        rows = [errors(listener, one, i, duration_s) for i, one in enumerate(recordings)]
        table[name] = {column: float(np.mean([r[column] for r in rows])) for column in rows[0]}
        table[name]["n"] = len(rows)
    return table


def show(console: Console, title: str, table: dict, calibration: dict[str, float]) -> None:
    shown = Table(title=title)
    columns = [c for c in next(iter(table.values())) if c != "n"]
    for name in ("mean absolute error of the fill", "n", "asked", *columns):
        shown.add_column(name, justify="left" if name.startswith("mean") else "right")
    for name, row in table.items():
        cells = [f"{row[c]:.3f}" for c in columns]
        asked = f"{ASKED[name]:.2f}" if name in ASKED else ""
        shown.add_row(name, str(row["n"]), asked, *cells)
    console.print(shown)
    for name, row in table.items():
        margin = row["flat noise"] - row["ear"]
        if name in ("held-out pours", "real clip"):
            console.print(f"{name}: flat noise is worse by {margin:.3f} (asked {NOISE_MARGIN:g})")
    if calibration:
        console.print(
            f"five calibration pours, height told: {calibration['before']:.3f} becomes "
            f"{calibration['after']:.3f} (asked {ASKED['five calibration pours']:.2f}; "
            f"{calibration['vessels']:.0f} vessels, five fresh pours each)"
        )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ear", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--pours", type=int, default=60)
    parser.add_argument("--only", default="", metavar="TEXT", help="sets whose name holds it")
    parser.add_argument("--vessels", type=int, default=8, help="for calibration")
    parser.add_argument("--real", type=Path, help="the real clip (not distributed)")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    console = Console(width=150)
    named = [text.split("=", 1) if "=" in text else [text, text] for text in args.ear]
    listeners = {name: load_ear(folder) for name, folder in named or [[DEFAULT, DEFAULT]]}
    makers = {name: make for name, make in test_sets().items() if args.only in name}
    if not makers:
        parser.error(f"no set is called like '{args.only}'; there are {', '.join(test_sets())}")
    sets: dict[str, list[Recording]] = {name: [] for name in makers}
    with progress_bar() as bar:
        shown = bar.add_task("ear: pours", total=args.pours * len(sets))
        for name, make in makers.items():
            for i in range(args.pours):
                sets[name].append(make(i))
                bar.advance(shown)
    if args.real is None:
        console.print("[bold red]No real clip (--real CLIP): simulation alone proves little.[/]")
    else:
        sets["real clip"] = [real_recording(args.real)]
    duration_s = mean_duration_s()
    report: dict = {
        "pours": args.pours,
        "clock_full_after_s": duration_s,
        "asked": ASKED,
        "ears": {},
    }
    for name, listener in listeners.items():
        table = measure(listener, sets, duration_s)
        calibration = calibrated(listener, args.vessels) if args.vessels else {}
        show(console, f"{name} (the clock is full after {duration_s:.1f} s)", table, calibration)
        told = ("held-out pours", AFTER_QUIET, QUIET_TOLD, OWN)
        more = {x: besides(listener, sets[x]) for x in told if x in sets}
        for name_of_set, numbers in more.items():
            said = ", ".join(f"{k} {v:.3g}" for k, v in numbers.items())
            console.print(f"{name_of_set}: {said}")
        report["ears"][name] = {"fill_mae": table, "calibration": calibration, "besides": more}
    write_json(args.out / "ear.json", report)


if __name__ == "__main__":
    main()
