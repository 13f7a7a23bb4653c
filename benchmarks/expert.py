"""How well does the expert pour? Grasp, completion, error, spill and collisions over many scenes.

    .venv/bin/python benchmarks/expert.py [--world nominal] [--seeds 1] [--expert planned|feedback]
                                          [--believes true|thick|thin] [--workers 1]

Blind pours (no rendering): eight conditions × four commands × seeds, or as many random scenes where
the world has no named conditions (train, lab). Collisions are looked for along the joints as they
moved, with all geometry on (episode.clearance). ``--believes`` gives the expert a wrong idea of how
the liquid flows. Writes out/bench/expert.<world>.<expert>.<believes>.json; rows that are there are kept, so a
longer run continues a shorter one.
"""

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from multigen.episode import EXPERTS, rollout_blind
from multigen.episode.clearance import Surroundings
from multigen.errors import SceneError
from multigen.files import read_json, write_json
from multigen.liquid import HydraulicParams
from multigen.scene import CONDITIONS, draw_scene, load_world
from multigen.types import COMMANDS
from multigen.workers import run_tasks

FIRST_SEED = 21_000_000
"""Neither training (below ten million) nor the benchmark's own trials use these."""
BELIEFS = {
    "true": HydraulicParams(),
    "thick": HydraulicParams(discharge=0.35, onset_head=1.0, stop_head=0.5, inertia=3.0),
    "thin": HydraulicParams(discharge=0.9, onset_head=0.3, stop_head=0.15, inertia=0.5),
}
"""What the expert takes the liquid for; the episode's liquid is always the first."""
KEPT = ("planned", "grasped", "completed", "ended", "nmae", "spilled", "clearance_m", "cpu_s")


@dataclass(frozen=True)
class Pour:
    """One pour to be tried."""

    world: str
    expert: str
    believes: str
    condition: str | None
    command: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.condition or 'random'}.{self.command}.{self.seed}"


def plan_pours(world: str, expert: str, believes: str, seeds: int) -> list[Pour]:
    """Seeds outermost, so that a shorter run is the beginning of a longer one."""
    named = "random" not in load_world(world).conditions
    conditions = tuple(CONDITIONS) if named else (None,) * len(CONDITIONS)
    return [
        Pour(world, expert, believes, condition, command, FIRST_SEED + 1000 * k + s)
        for s in range(seeds)
        for k, condition in enumerate(conditions)
        for command in COMMANDS
    ]


def pour(task: Pour) -> dict:
    """One row of the study; a scene the planner refuses is a row too."""
    scene = draw_scene(
        load_world(task.world), task.seed, condition=task.condition, command=task.command
    )
    began = time.process_time()
    try:
        blind = rollout_blind(
            scene, EXPERTS[task.expert](params=BELIEFS[task.believes]), seed=task.seed
        )
    except SceneError as e:
        return {**asdict(task), **dict.fromkeys(KEPT), "planned": False, "ended": str(e)}
    cpu_s, outcome = time.process_time() - began, blind.outcome
    clear = Surroundings(scene).clearance(blind.state, blind.action[:, 9])
    return {
        **asdict(task),
        "planned": True,
        "grasped": bool(blind.trace.tilt_rad.max() > 0.3 and outcome.ended_because != "dropped"),
        "completed": outcome.completed,
        "ended": outcome.ended_because,
        "nmae": outcome.nmae,
        "spilled": outcome.spilled_ml / outcome.target_ml,
        "clearance_m": clear.metres,
        "between": clear.between,
        "seconds": len(blind.action) / 10,
        "cpu_s": cpu_s,
    }


def summary(rows: list[dict]) -> dict:
    """Shares of all, medians and 90th percentiles of what was poured."""
    poured = [r for r in rows if r["planned"]]

    def spread(key: str) -> dict:
        values = [r[key] for r in poured]
        return {
            "median": float(np.median(values)), "p90": float(np.percentile(values, 90)), "max": float(np.max(values))
        }  # fmt: skip

    return {
        "n": len(rows),
        "planned": len(poured) / len(rows),
        "grasped": sum(r["grasped"] for r in poured) / len(rows),
        "completed": sum(r["completed"] for r in poured) / len(rows),
        "collisions": sum(r["clearance_m"] < 0 for r in poured),
        "smallest_clearance_m": min(r["clearance_m"] for r in poured),
        "nmae": spread("nmae"),
        "spilled_of_target": spread("spilled"),
        "cpu_s": spread("cpu_s"),
    }


def show(title: str, groups: dict[str, dict]) -> None:
    """The table on screen."""
    heads = ("n", 5), ("grasp", 8), ("done", 8), ("hits", 6), ("NMAE med", 10), ("p90", 8)
    heads += ("max", 8), ("spill med", 11), ("p90", 8), ("cpu s", 7)
    print(f"{title:<36}" + "".join(f"{word:>{width}}" for word, width in heads))
    for name, s in groups.items():
        e, p = s["nmae"], s["spilled_of_target"]
        print(
            f"{name:<36}{s['n']:>5}{s['grasped']:>8.1%}{s['completed']:>8.1%}{s['collisions']:>6}"
            f"{e['median']:>10.4f}{e['p90']:>8.4f}{e['max']:>8.3f}{p['median']:>11.2%}{p['p90']:>8.2%}"
            f"{s['cpu_s']['median']:>7.2f}"
        )


def main() -> None:
    """Pour what is missing, print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", default="nominal")
    parser.add_argument("--seeds", type=int, default=1, help="25 with nominal: 800 pours")
    parser.add_argument("--expert", choices=tuple(EXPERTS), default="planned")
    parser.add_argument("--feedback", action="store_true", help="same as --expert feedback")
    parser.add_argument("--believes", choices=tuple(BELIEFS), default="true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    expert = "feedback" if args.feedback else args.expert
    file = args.out / f"expert.{Path(args.world).stem}.{expert}.{args.believes}.json"
    rows = read_json(file)["rows"] if file.exists() else {}
    pours = plan_pours(args.world, expert, args.believes, args.seeds)
    missing = [p for p in pours if p.name not in rows]

    def keep(i: int, row: dict) -> None:
        rows[missing[i].name] = row
        write_json(file, {"rows": rows})

    run_tasks(
        pour, missing, workers=args.workers, label=f"{expert} in {args.world}", on_result=keep
    )
    chosen = [rows[p.name] for p in pours]
    groups = {"every pour": summary(chosen)}
    for key in ("command", "condition"):
        for value in dict.fromkeys(r[key] for r in chosen if r[key]):
            part = [r for r in chosen if r[key] == value]
            if any(r["planned"] for r in part):
                groups[value] = summary(part)
    show(f"{expert} in {args.world}, believes {args.believes}", groups)
    for r in chosen:
        if not r["completed"]:
            print(
                f"not completed: {r['condition'] or 'random'} {r['command']} {r['seed']}: {r['ended']}"
            )
    write_json(file, {"rows": rows, "summary": groups})


if __name__ == "__main__":
    main()
