"""How long the packaged generator takes for 8 s of sound, everything included.

    .venv/bin/python benchmarks/generator.py [--threads 2] [--repeats 3]

Random frames and roles of 224 px: the cost does not depend on what they show. Once with the receiver's
size and level told, which takes two evaluations a step, and once with nothing told. Writes
out/bench/generator.json.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from multigen.audio import load_generator
from multigen.audio.told import Told
from multigen.files import write_json

SECONDS, FPS, SIZE = 8, 25, 224


def main() -> None:
    """Print the times and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out/bench"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    generator, rng = load_generator(), np.random.default_rng(0)
    frames = rng.integers(0, 256, (SECONDS * FPS, SIZE, SIZE, 3)).astype(np.uint8)
    roles = rng.integers(0, 7, (SECONDS * FPS, SIZE, SIZE)).astype(np.uint8)
    level_m = np.linspace(0, 0.08, SECONDS * FPS).astype(np.float32)
    results = {}
    for name, told in (("told", Told(0.1, 0.035, level_m)), ("nothing told", None)):
        generator.generate(frames, roles, FPS, told=told)  # the first call pays for tables
        taken = []
        for seed in range(args.repeats):
            start = time.perf_counter()
            generator.generate(frames, roles, FPS, seed=seed, told=told)
            taken.append(time.perf_counter() - start)
        ratio = float(np.median(taken)) / SECONDS
        print(
            f"{name}: {min(taken):.2f} to {max(taken):.2f} s for {SECONDS} s of sound: {ratio:.2f} s per s"
        )
        results[name] = {"seconds": taken, "real_time_factor": ratio}
    write_json(args.out / "generator.json", results)


if __name__ == "__main__":
    main()
