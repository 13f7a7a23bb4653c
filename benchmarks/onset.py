"""Does the generated sound begin and end with the pour? On held-out pours, beside controls.

    .venv/bin/python benchmarks/onset.py [--pours 20] [--sound flow] [--guidance G] [--world robot|tabletop]

Simulates pours that no training ever saw (robot: the eight named conditions, whose vessels are never
in a training world, with the robot in the picture; tabletop: fresh seeds of the corpus's own world),
gives each a sound from picture and masks, and compares what is heard with the ledger's truth.
Controls: the acoustics' own sound (what a perfect generator would score), white noise, and every
sound paired with the next pour. False sound: share of pours in which at least 0.2 s sound above -25 dB
of the pour where nothing has flowed for 0.3 s (audio.quiet). Writes out/bench/onset.<world>.json;
benchmarks/sound.py asks more, of more pours.
"""

import argparse
from pathlib import Path

import numpy as np

from multigen.audio import load_generator, sound_of_pour
from multigen.audio.onset import detect_onset_offset, true_onset_offset
from multigen.audio.quiet import silence
from multigen.episode import Expert, rollout
from multigen.episode.tabletop import TabletopConfig, simulate_tabletop
from multigen.errors import SceneError
from multigen.files import write_json
from multigen.scene import CONDITIONS, draw_scene, load_world
from multigen.workers import progress_bar

FIRST_SEED = 20_000_000
"""Neither training (below ten million) nor the benchmark (from ten million) uses these."""


def robot_pours(n: int):
    """(clip, trace, scene) of ``n`` pours by the expert, over the eight conditions in turn."""
    world, made, seed = load_world("nominal"), 0, FIRST_SEED
    while made < n:
        scene = draw_scene(world, seed, condition=tuple(CONDITIONS)[made % len(CONDITIONS)])
        seed += 1
        try:
            episode = rollout(scene, Expert(), seed=seed)
        except SceneError:
            continue
        if episode.outcome.completed:
            made += 1
            yield episode.clip, episode.trace, scene


def tabletop_pours(n: int):
    """(clip, trace, scene) of ``n`` clips in which liquid flows, begins and ends inside the clip."""
    made, seed = 0, FIRST_SEED
    while made < n:
        clip, trace, scene = simulate_tabletop(seed, config=TabletopConfig(wait=0.15))
        seed += 1
        onset, offset = true_onset_offset(trace)
        if (
            onset is not None
            and offset is not None
            and onset > 0.3
            and offset < clip.duration_s - 0.3
        ):
            made += 1
            yield clip, trace, scene


def errors_ms(heard: list, true: list) -> dict:
    """Median and 90th percentile of |heard - true|, ms; what was not heard at all is counted."""
    row: dict = {}
    for side, name in enumerate(("onset", "offset")):
        pairs = [
            (h[side], t[side]) for h, t in zip(heard, true, strict=True) if t[side] is not None
        ]
        e = [abs(a - b) * 1000 for a, b in pairs if a is not None]
        row[name] = {
            "median_ms": float(np.median(e)) if e else None,
            "p90_ms": float(np.percentile(e, 90)) if e else None,
            "n": len(e),
            "not_heard": len(pairs) - len(e),
        }
    return row


def false_sounds(sounds: list, traces: list, fizzes: list) -> float | None:
    """Share of pours that are given a sound where nothing pours; None where one always does."""
    found = [silence(x, t, fizzes=f) for x, t, f in zip(sounds, traces, fizzes, strict=True)]
    known = [s.false_sound for s in found if s is not None]
    return float(np.mean(known)) if known else None


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pours", type=int, default=20)
    parser.add_argument("--sound", default="flow", help="flow, or the folder of a sound model")
    parser.add_argument("--guidance", type=float, default=None, help="default: the model's own")
    parser.add_argument("--world", choices=("robot", "tabletop"), default="robot")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    generator = load_generator() if args.sound == "flow" else load_generator(args.sound)
    true, traces, fizzes = [], [], []
    sounds: dict[str, list] = {"generated": [], "acoustics": [], "white noise": []}
    pours = {"robot": robot_pours, "tabletop": tabletop_pours}[args.world](args.pours)
    with progress_bar() as bar:
        shown = bar.add_task(f"onset: {args.world}", total=args.pours)
        for i, (clip, trace, scene) in enumerate(pours):
            rng = np.random.default_rng(i)
            true.append(true_onset_offset(trace))
            traces.append(trace)
            fizzes.append(scene.liquid.fizz > 0)
            heard_of = generator.generate(
                clip.rgb, clip.roles, clip.fps, seed=i, guidance=args.guidance
            )
            sounds["generated"].append(heard_of)
            sounds["acoustics"].append(
                sound_of_pour(trace, scene.source, scene.receiver, scene.liquid, rng=rng)
            )
            sounds["white noise"].append(0.05 * rng.standard_normal(len(trace) * 160))
            bar.advance(shown)
    sounds["shuffled pairs"] = sounds["generated"][1:] + sounds["generated"][:1]
    heard = {name: [detect_onset_offset(x) for x in xs] for name, xs in sounds.items()}
    table = {name: errors_ms(h, true) for name, h in heard.items()}
    for name, xs in sounds.items():
        table[name]["false_sound"] = false_sounds(xs, traces, fizzes)
    print(
        f"{'':<16}{'onset median':>14}{'p90':>8}{'offset median':>15}{'p90':>8}   ms   not heard"
        f"{'false sound':>14}"
    )
    for name, row in table.items():
        a, b = row["onset"], row["offset"]
        cells = [
            f"{v:.0f}" if v is not None else "–"
            for v in (a["median_ms"], a["p90_ms"], b["median_ms"], b["p90_ms"])
        ]
        lost, false = f"{a['not_heard']}/{b['not_heard']}", row["false_sound"]
        print(
            f"{name:<16}{cells[0]:>14}{cells[1]:>8}{cells[2]:>15}{cells[3]:>8}{lost:>17}"
            f"{'–' if false is None else f'{false:.0%}':>14}"
        )
    write_json(
        args.out / f"onset.{args.world}.json",
        {"pours": args.pours, "world": args.world, "errors": table},
    )


if __name__ == "__main__":
    main()
