"""Is the generated sound any good? Held-out pours, beside the acoustics it imitates and controls.

    .venv/bin/python benchmarks/sound.py [--pours 200] [--world tabletop|robot] [--sound flow|PATH|none]
        [--masks on|off|shuffled] [--look nominal|shifted] [--told all|size|nothing] [--steps N]
        [--guidance G] [--told-guidance W] [--workers K]
    .venv/bin/python benchmarks/sound.py --ablate [--pours 40]

Every pour gets a sound from picture and masks. Rows beside it: the acoustics' own sound of the same
pour, which is what was learned (no generator can be expected beyond it); a second take of it; white
noise; the next pour's sound; the sound reversed in time. Half as many more pours of modulated flow
judge loudness, a quarter as many clips in which nothing pours judge silence (table-top only).
``--sound none`` measures the acoustics and the controls alone. ``--ablate`` tries masks and looks,
steps, guidance, and what is told of the receiver. Pours and sounds are kept under out/bench,
keyed by the code that makes them, so a killed run continues and a second generator is compared in a
fraction of the time.
Writes out/bench/sound.<world>.json and sound.png (sound.robot.png), or out/bench/sound.ablation.json.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sound_plot import plot
from sound_pours import OTHERS, Pours, gather
from sound_rows import ROWS, SILENT_RMS, Case, Settings, generate, hear, measure
from sound_table import METRICS, show, summarise, verdicts

from multigen.files import write_json
from multigen.workers import cpu_count, run_tasks

SHARES = {"pours": 1.0, "modulated": 0.5, "never": 0.25}
"""Size of each set, of ``--pours``."""
UNPOURED = ("generated", "acoustics", "white noise")
"""Rows of clips without a pour: what is the next one's or reversed says nothing there."""
ABLATED = {
    "onset_ms": "onset, ms", "offset_ms": "offset, ms", "rank": "resonance, rank",
    "pitch_error": "resonance off by", "lsd_ratio": "LSD, of second take's",
    "level_db": "level in silence, dB", "false_sound": "false sounds",
}  # fmt: skip
"""Columns of the ablation."""
STEPS, GUIDANCE = (4, 8, 16), (1.0, 2.5)
TOLD_GUIDANCE = (1.0, 2.0, 4.0)
CONSOLE = Console(width=170)


@dataclass(frozen=True)
class Run:
    """What was measured."""

    cases: list[Case]
    """Of the set 'pours'."""
    values: dict[str, dict[str, list[float | None]]]
    """{row: {metric: per pour}}, all sets."""


def evaluate(
    pours: Pours,
    settings: Settings | None,
    *,
    n: int,
    workers: int,
    rows: Sequence[str] = ROWS,
    groups: Sequence[str] = tuple(SHARES),
) -> Run:
    """Simulate, hear and measure what is missing; ``groups`` begins with 'pours'."""
    if pours.world == "robot":
        groups = groups[:1]
    other = Pours(pours.root, "tabletop", "others")
    others = tuple(gather(other, OTHERS, workers=workers, seen=False))
    rows = tuple(r for r in rows if settings is not None or not r.startswith("generated"))
    first: list[Case] = []
    values: dict[str, dict[str, list[float | None]]] = {row: {} for row in rows}
    for group in groups:
        these = replace(pours, group=group)
        count = max(2, round(SHARES[group] * n))
        keys = gather(these, count, workers=workers, seen=settings is not None)
        kept = tuple(r for r in rows if group != "never" or r in UNPOURED)
        levels = _levels(values, kept) if group == "never" else ()
        sounds = pours.root / "sounds" / settings.name / these.name if settings else None
        cases = [
            Case(these, key, after, settings, sounds, kept, others, levels)
            for key, after in zip(keys, [*keys[1:], keys[0]], strict=True)
        ]
        if settings is not None:
            mute = [c for c in cases if not c.sound_at(c.key).exists()]
            run_tasks(generate, mute, workers=workers, label=f"sound of {group}")
        for found in run_tasks(measure, cases, workers=workers, label=f"measuring {group}"):
            for row, metrics in found.items():
                for name, value in metrics.items():
                    values[row].setdefault(name, []).append(value)
        first = first or cases
    return Run(first, values)


def _levels(values: dict, rows: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """What a pour's RMS is in each row, for clips that have none."""
    return tuple((row, float(np.median(values[row]["pour_rms"]))) for row in rows)


def table(args: argparse.Namespace, pours: Pours, settings: Settings | None) -> None:
    """The table of one generator."""
    run = evaluate(pours, settings, n=args.pours, workers=args.workers)
    summary, rows = summarise(run.values), list(run.values)
    judged = "generated" if settings else "second take"
    said = f"{args.sound} on {args.pours} {args.world} pours ({args.look} look)"
    CONSOLE.print(show(summary, rows, f"{said}; judged: {judged}", judged))
    silent = {
        row: sum((x or 0) < SILENT_RMS for x in found["pour_rms"])
        for row, found in run.values.items()
    }
    if any(silent.values()):
        CONSOLE.print(f"silent while it pours: {silent}")
    results = {
        "pours": args.pours, "world": args.world, "look": args.look,
        "settings": settings and asdict(settings) | {"made_by": settings.name},
        "asked": {m.name: {"low": m.low, "high": m.high, "controls": m.controls} for m in METRICS},
        "definitions": {m.name: m.definition for m in METRICS},
        "verdicts": {judged: verdicts(summary, judged)},
        "table": summary, "silent": silent,
        "per_pour": {"key": [c.key for c in run.cases], **run.values[judged]},
    }  # fmt: skip
    write_json(args.out / f"sound.{args.world}.json", results)
    if settings:
        ranks = [float(x or 0) for x in run.values["generated"]["rank"]]
        name = "sound.png" if args.world == "tabletop" else f"sound.{args.world}.png"
        plot(args.out / name, run.cases, ranks)


def ablate(args: argparse.Namespace, pours: Pours, settings: Settings) -> None:
    """One line per way of making the sound, on the same pours."""
    tried: dict[str, tuple[str, Settings]] = {
        f"masks {masks}, {look} look": (look, replace(settings, masks=masks))
        for look in ("nominal", "shifted")
        for masks in ("on", "off", "shuffled")
    }
    tried |= {
        f"{steps} steps, guidance {g:g}": ("nominal", replace(settings, steps=steps, guidance=g))
        for g in GUIDANCE
        for steps in STEPS
    }
    tried |= {
        f"told {told}": ("nominal", replace(settings, told=told))
        for told in ("all", "size", "nothing")
    }
    tried |= {
        f"told all, guidance of it {w:g}": ("nominal", replace(settings, told_guidance=w))
        for w in TOLD_GUIDANCE
    }
    screen = Table(title=f"{args.sound} on {args.pours} {args.world} pours", pad_edge=False)
    for head in ("", *ABLATED.values(), "CPU s per 8 s"):
        screen.add_column(head, justify="left" if head == "" else "right", no_wrap=head == "")
    shapes, lines = {m.name: m.shape for m in METRICS}, {}
    for label, (look, chosen) in tried.items():
        CONSOLE.print(label)
        run = evaluate(
            replace(pours, look=look), chosen, n=args.pours, workers=args.workers,
            rows=("generated", "second take"), groups=("pours",),
        )  # fmt: skip
        summary = summarise(run.values)
        line = {name: summary[name]["generated"] for name in ABLATED if name in summary}
        taken = 8 * min(hear(run.cases[0])[1] for _ in range(2))  # the first pays for tables
        lines[label] = {"look": look, **asdict(chosen), **line, "cpu_s_per_8s": taken}
        cells = [shapes[k].format(line[k]["value"]) if k in line else "–" for k in ABLATED]
        screen.add_row(label, *cells, f"{taken:.2f}")
        write_json(args.out / "sound.ablation.json", {"pours": args.pours, "lines": lines})
    CONSOLE.print(screen)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pours", type=int, default=200)
    parser.add_argument("--world", choices=("tabletop", "robot"), default="tabletop")
    parser.add_argument("--sound", default="flow", help="flow, a sound model's folder, or none")
    parser.add_argument("--masks", choices=("on", "off", "shuffled"), default="on")
    parser.add_argument("--look", choices=("nominal", "shifted"), default="nominal")
    parser.add_argument("--steps", type=int, default=None, help="default: the model's own")
    parser.add_argument("--guidance", type=float, default=None, help="default: the model's own")
    parser.add_argument(
        "--told", choices=("all", "size", "nothing"), default="all",
        help="what the generator is told of the receiver: size and level, size alone, nothing",
    )  # fmt: skip
    parser.add_argument(
        "--told-guidance",
        type=float,
        default=None,
        help="how much more of it; default: the model's",
    )
    parser.add_argument(
        "--ablate", action="store_true", help="masks, looks, steps, guidance, what is told"
    )
    parser.add_argument("--workers", type=int, default=cpu_count())
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    if args.pours < 2:
        parser.error(
            f"--pours is {args.pours}; need at least 2, for each is also another's control"
        )
    if args.ablate and args.sound == "none":
        parser.error("--ablate compares generated sounds; give --sound flow or a folder")
    began = time.perf_counter()
    pours = Pours(args.out, args.world, look=args.look)
    settings = Settings(
        args.sound, args.masks, args.steps, args.guidance, args.told, args.told_guidance
    )
    if args.ablate:
        ablate(args, pours, settings)
    else:
        table(args, pours, None if args.sound == "none" else settings)
    CONSOLE.print(f"{time.perf_counter() - began:.0f} s; pours in {pours.path(0, '').parent}")


if __name__ == "__main__":
    main()
