"""How long the packaged generator takes for 8 s of sound, everything included.

    .venv/bin/python benchmarks/generator.py [--threads 2] [--repeats 3]

Random frames and roles of 224 px: the cost does not depend on what they show. Writes
out/bench/generator.json.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from multigen.audio import load_generator
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
    generator.generate(frames, roles, FPS)  # the first call pays for tables
    taken = []
    for seed in range(args.repeats):
        start = time.perf_counter()
        generator.generate(frames, roles, FPS, seed=seed)
        taken.append(time.perf_counter() - start)
    ratio = float(np.median(taken)) / SECONDS
    print(f"{min(taken):.2f} to {max(taken):.2f} s for {SECONDS} s of sound: {ratio:.2f} s per s")
    write_json(args.out / "generator.json", {"seconds": taken, "real_time_factor": ratio})


if __name__ == "__main__":
    main()
