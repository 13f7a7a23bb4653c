"""How firmly does the hand hold? Slip and swing of the source in the grasp, over whole pours.

    .venv/bin/python benchmarks/grasp.py [--world train] [--scenes 30] [--azimuth DEG]

The source's pose in the hand when it leaves the table, against its pose at every later control
frame: the largest distance its grasp point moves [mm] and the largest angle its axis turns [degrees].
``--azimuth`` allows this direction of approach alone. Writes out/bench/grasp.<world>.json.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from multigen.episode import Plan, kinova, plan_pour
from multigen.episode import plan as planning
from multigen.episode.path import grasp_height_m
from multigen.episode.world import World
from multigen.errors import SceneError
from multigen.files import write_json
from multigen.scene import draw_scene, load_world
from multigen.types import Clock, SceneConfig
from multigen.workers import progress_bar

FIRST_SEED = 22_000_000


def in_hand(world: World) -> tuple[np.ndarray, np.ndarray]:
    """(grasp point [m], axis) of the source as the hand sees them."""
    world.refresh()
    pinch, turn = world.scene.pinch_pose()
    base, rot = world.scene.source_pose()
    point = base + rot[:, 2] * grasp_height_m(world.config)
    return turn.T @ (point - pinch), turn.T @ rot[:, 2]


def hold(scene: SceneConfig, plan: Plan, clock: Clock) -> dict:
    """Play the plan; the largest slip [mm] and swing [degrees] after the source left the table."""
    world, first = World(scene, clock), None
    slip, swing = 0.0, 0.0
    began = time.process_time()
    for row in plan.actions:
        world.command(row)
        for i in range(world.steps_per_control):
            world.tick((i + 1) / world.steps_per_control)
        if world.is_lifted():
            point, axis = in_hand(world)
            first = first or (point, axis)
            slip = max(slip, float(np.linalg.norm(point - first[0])))
            swing = max(swing, float(np.arccos(np.clip(axis @ first[1], -1, 1))))
    return {
        "source": scene.source.name,
        "azimuth_deg": float(np.degrees(plan.azimuth_rad)),
        "held": first is not None and world.in_hand(),
        "slip_mm": 1e3 * slip,
        "swing_deg": float(np.degrees(swing)),
        "cpu_s": time.process_time() - began,
    }


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", default="train")
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--azimuth", type=float, default=None)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    if args.azimuth is not None:
        planning.AZIMUTHS_RAD = (float(np.radians(args.azimuth)),)
    arm, clock, rows, refused = kinova(), Clock(), [], 0
    with progress_bar() as bar:
        shown = bar.add_task("grasp", total=args.scenes)
        for seed in range(FIRST_SEED, FIRST_SEED + args.scenes):
            scene = draw_scene(load_world(args.world), seed)
            try:
                rows.append(hold(scene, plan_pour(scene, arm, clock), clock))
            except SceneError:
                refused += 1
            bar.advance(shown)
    print(f"{'':<12}{'median':>9}{'p90':>9}{'max':>9}")
    for key in ("slip_mm", "swing_deg", "cpu_s"):
        values = np.array([r[key] for r in rows])
        print(f"{key:<12}{np.median(values):>9.2f}{np.percentile(values, 90):>9.2f}{values.max():>9.2f}")  # fmt: skip
    print(f"held {sum(r['held'] for r in rows)} of {len(rows)}; no plan for {refused}")
    write_json(args.out / f"grasp.{Path(args.world).stem}.json", {"rows": rows, "no_plan": refused})


if __name__ == "__main__":
    main()
