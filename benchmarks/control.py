"""How long a policy thinks before it acts: one decision of a controller, everything included.

    .venv/bin/python benchmarks/control.py [--presets tiny compact] [--decisions 400] [--threads 1]

Frames of 224 px, postures and sound as an episode of 20 s has them: what is heard grows from nothing to
20 s, and an ear hears all of it anew at every decision. Weights are fresh: time does not depend on them.
Asked: 99 of 100 decisions within 100 ms on one core, the control interval. Writes out/bench/control.json.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from multigen.ear import load_ear
from multigen.files import write_json
from multigen.policy.config import preset
from multigen.policy.controller import PolicyController
from multigen.policy.policy import AudioVisualDiffusionPolicy
from multigen.types import Observation

LONGEST_S, RATE_HZ, SAMPLES = 20, 10, 1600
SIZE = 224


def main() -> None:
    """Print the times and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", default=["tiny", "compact"])
    parser.add_argument("--decisions", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    results = {}
    for name in args.presets:
        ms = 1e3 * decisions(name, args.decisions)
        results[name] = {
            "median_ms": float(np.median(ms)),
            "p99_ms": float(np.percentile(ms, 99)),
            "largest_ms": float(ms.max()),
        }
        print(
            f"{name}: {results[name]['median_ms']:.0f} ms, 99 of 100 within "
            f"{results[name]['p99_ms']:.0f} ms, all within {results[name]['largest_ms']:.0f} ms"
        )
    write_json(args.out / "control.json", {"threads": args.threads, **results})


def decisions(name: str, count: int) -> np.ndarray:
    """Seconds of each of ``count`` decisions of one preset."""
    torch.manual_seed(0)
    policy = AudioVisualDiffusionPolicy(preset(name))
    if policy.ear is not None:
        policy.ear.load_state_dict(load_ear().ear.state_dict())
    controller, rng = PolicyController(policy), np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.uint8)
    sound = (0.01 * rng.standard_normal(LONGEST_S * RATE_HZ * SAMPLES)).astype(np.float32)
    upright = np.array([0.5, 0, 0.3, 1, 0, 0, 0, 1, 0, 0], np.float32)
    taken = []
    for row in np.concatenate([[1, 2, 3], np.linspace(0, LONGEST_S * RATE_HZ, count)]).astype(int):
        seen = Observation(
            time_s=row / RATE_HZ,
            command=0.5,
            ego=frames,
            state=np.zeros((2, 7), np.float32),
            eef=np.stack([upright, upright]),
            sound=sound[: row * SAMPLES],
        )
        controller.reset(0.5)
        start = time.perf_counter()
        controller.act(seen)
        taken.append(time.perf_counter() - start)
    return np.array(taken[3:])  # the first calls pay for tables


if __name__ == "__main__":
    main()
