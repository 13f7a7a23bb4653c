"""Does a teacher solve like scenes alike? Where plans come from and hang the lip, quick and steady.

    .venv/bin/python benchmarks/manner.py [--scenes 40] [--world lab]

For each manner (episode.path.Manner): how often the approach is not the usual one, the spread of the lip's
place in receiver radii, and how long a pour takes. Writes out/bench/manner.json.
"""

import argparse
from pathlib import Path

import numpy as np

from multigen.episode import kinova, plan_pour
from multigen.episode.feedback import SPARE_RAD
from multigen.episode.path import TEACHING, Manner
from multigen.files import write_json
from multigen.scene import draw_scene, load_world
from multigen.types import Clock


def main() -> None:
    """Print both manners and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--world", default="lab")
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    world, results = load_world(args.world), {}
    for name, manner in (("quick", Manner()), ("steady", TEACHING)):
        rows = []
        for seed in range(args.seed, args.seed + args.scenes):
            scene = draw_scene(world, seed)
            plan = plan_pour(scene, kinova(), Clock(), spare_rad=SPARE_RAD, manner=manner)
            share = plan.tilt.lip_offset_m / scene.receiver.rim_radius_m
            rows.append((abs(plan.azimuth_rad) > 0.01, share, len(plan.actions) / 10))
        aside, share, seconds = np.array(rows).T
        results[name] = {
            "from_aside": float(aside.mean()),
            "lip_radii": [float(share.min()), float(np.median(share)), float(share.max())],
            "seconds": float(seconds.mean()),
        }
        print(
            f"{name}: {100 * aside.mean():.0f} % from another side; lip {share.min():.2f} to "
            f"{share.max():.2f} radii, median {np.median(share):.2f}, "
            f"spread {share.std():.2f}; {seconds.mean():.1f} s"
        )
    write_json(args.out / "manner.json", results)


if __name__ == "__main__":
    main()
