"""How fast silent episodes are made, where the time goes, and whether memory stays flat.

Run:    .venv/bin/python benchmarks/simulate.py [--episodes 4] [--memory-episodes 300]
Reads:  the production path of `multigen generate`, stage simulate: draw, plan, two 224 px cameras
        (ego 10 Hz, front 25 Hz) with masks, ledger, encode, write. Nothing of it is changed: its
        functions are wrapped by a stopwatch here.
Makes:  a table on screen, out/bench/simulate.json.

Throughput: simulated seconds per second of wall clock, on one and on two processes at once, after
one short warm-up each. Each stage's time is its own, without the stages it calls, and is given in
CPU seconds too: where other work keeps the cores busy (`cores` well below the number of processes)
only those mean anything. Memory: resident
size after every episode of a fresh process, tiny frames without shadows; growth is from the median of the second
tenth of the episodes to that of the last tenth.
"""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import wraps
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "LP_NUM_THREADS"), "1"))

import mujoco
import numpy as np
import psutil
import tyro
from rich.console import Console
from rich.table import Table

from multigen.episode import Expert, RolloutLimits, World, rollout
from multigen.episode import store as store_room
from multigen.episode import world as world_room
from multigen.files import read_arrays, write_json
from multigen.pipeline import simulate as stage
from multigen.scene import View, WorldConfig, draw_scene, load_world
from multigen.types import Clock

SEGMENT = int(mujoco.mjtRndFlag.mjRND_SEGMENT)
STAGES = {
    "plan": "the expert's search",
    "build": "scene and renderer",
    "control": "inverse kinematics",
    "physics": "contacts and liquid",
    "shapes": "meshes of liquid and stream",
    "colour": "render colour",
    "masks": "render masks",
    "compose": "scene updates, roles from ids",
    "encode": "h264 and masks",
    "write": "everything else on disk",
    "rest": "observations, copies, interpreter",
}
MOST_GROWTH_MB = 60
LEAST_EPISODES = 20
"""Fewer say nothing about growth."""


@dataclass(frozen=True)
class Config:
    """How much to measure."""

    episodes: int = 4
    """Per process."""
    processes: tuple[int, ...] = (1, 2)
    size: int = 224
    world: str = "train"
    liquid: str = "hydraulic"
    particles: bool = True
    """Beside it, the first process's episodes once more on one process, with a particle liquid."""
    seed: int = 0
    memory_episodes: int = 0
    """0: memory is not measured; 300 for the study (the better part of an hour)."""
    memory_size: int = 32
    out: Path = Path("out/bench/simulate.json")


class Stopwatch:
    """Exclusive time per stage: what a wrapped function calls is not counted twice."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Zero."""
        self.seconds = {name: np.zeros(2) for name in STAGES}
        """Wall clock and CPU (all threads of this process)."""
        self._open = ["rest"]
        self._since = self._now()

    @staticmethod
    def _now() -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])

    def _turn(self) -> None:
        now = self._now()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def read(self) -> dict[str, list[float]]:
        """(wall, CPU) seconds of every stage so far."""
        self._turn()
        return {name: spent.tolist() for name, spent in self.seconds.items()}

    def wrap(self, owner: Any, name: str, stage_of: str | Callable[..., str]) -> None:
        """Time ``owner.name`` from now on, in this process only."""
        inner = getattr(owner, name)

        @wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._turn()
            self._open.append(stage_of if isinstance(stage_of, str) else stage_of(*args))
            try:
                return inner(*args, **kwargs)
            finally:
                self._turn()
                self._open.pop()

        setattr(owner, name, timed)


def watch() -> Stopwatch:
    """Wrap every stage. A picture is of masks when MuJoCo's segment flag is set while it is drawn."""
    clock, drawing = Stopwatch(), ["colour"]

    def kind(rect: object, scene: mujoco.MjvScene, context: object) -> str:
        drawing[0] = "masks" if scene.flags[SEGMENT] else "colour"
        return drawing[0]

    clock.wrap(Expert, "reset", "plan")
    clock.wrap(world_room, "build_scene", "build")
    clock.wrap(View, "__init__", "build")
    clock.wrap(World, "command", "control")
    clock.wrap(World, "tick", "physics")
    clock.wrap(View, "draw_liquid", "shapes")
    clock.wrap(View, "draw_particles", "shapes")
    clock.wrap(View, "frame", "compose")
    clock.wrap(mujoco, "mjr_render", kind)
    clock.wrap(mujoco, "mjr_readPixels", lambda *_: drawing[0])
    for name in ("write_video", "write_roles"):
        clock.wrap(store_room, name, "encode")
    clock.wrap(stage, "write_episode", "write")
    return clock


def make(config: Config, world: WorldConfig, index: int, folder: Path, size: int) -> float:
    """One silent episode by the production function; its simulated seconds. Leaves nothing behind."""
    task = stage.SimulateTask(index, config.seed, world, folder, size=size, liquid=config.liquid)
    done = stage.simulate_one(task)
    seconds = len(read_arrays(done / store_room.ARRAYS)["state"]) / Clock().control_hz
    for file in done.iterdir():
        file.unlink()
    done.rmdir()
    return seconds


def worker(config: Config, k: int, barrier: Any, results: Any) -> None:
    """A process: warm up, wait for the others, make episodes."""
    world = load_world(config.world)
    scene = draw_scene(world, config.seed)
    rollout(
        scene, Expert(), seed=0, size=config.size, limits=RolloutLimits(0.4), liquid=config.liquid
    )
    clock = watch()
    with tempfile.TemporaryDirectory() as folder:
        barrier.wait()
        clock.begin()
        simulated = 0.0
        for i in range(config.episodes):
            index = k * config.episodes + i
            simulated += make(config, world, index, Path(folder) / str(i), config.size)
        row = {
            "simulated_s": simulated,
            "stages_s": clock.read(),
            "resident_mb": psutil.Process().memory_info().rss / 1e6,
        }
    results.put(row)


def throughput(config: Config, processes: int) -> dict[str, Any]:
    """Rates of processes that run at once add up."""
    rows = in_processes(worker, config, processes)
    spent = np.array([[row["stages_s"][s] for s in STAGES] for row in rows])
    wall, cpu = spent.sum(1).T
    simulated = np.array([row["simulated_s"] for row in rows])
    per_second = spent.sum(0) / simulated.sum()
    return {
        "times_real_time": float((simulated / wall).sum()),
        "times_real_time_by_cpu": float((simulated / cpu).sum()),
        "cores": float((cpu / wall).sum()),
        "simulated_s": float(simulated.sum()),
        "wall_s_per_simulated_s": dict(zip(STAGES, per_second[:, 0].tolist(), strict=True)),
        "cpu_s_per_simulated_s": dict(zip(STAGES, per_second[:, 1].tolist(), strict=True)),
        "resident_mb": max(row["resident_mb"] for row in rows),
    }


def remember(config: Config, k: int, barrier: Any, results: Any) -> None:
    """A process: its resident megabytes after every episode."""
    barrier.wait()
    me, sizes = psutil.Process(), []
    world = replace(load_world(config.world), shadows=False)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(config.memory_episodes):
            make(config, world, i, Path(folder) / str(i), config.memory_size)
            sizes.append(round(me.memory_info().rss / 1e6, 2))
    results.put(sizes)


def memory(config: Config) -> dict[str, Any]:
    """Growth of one process over many episodes."""
    (sizes,) = in_processes(remember, config, 1)
    n = max(1, len(sizes) // 10)
    growth = float(np.median(sizes[-n:]) - np.median(sizes[n : 2 * n] or sizes[:1]))
    return {
        "episodes": len(sizes),
        "frame_px": config.memory_size,
        "growth_mb": growth,
        "allowed_mb": MOST_GROWTH_MB,
        "flat": growth <= MOST_GROWTH_MB if len(sizes) >= LEAST_EPISODES else None,
        "resident_mb": sizes,
    }


def in_processes(work: Callable, config: Config, processes: int) -> list[Any]:
    """``work`` in spawned processes that begin together; SystemExit when one dies."""
    context = get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    started = [
        context.Process(target=work, args=(config, k, barrier, results)) for k in range(processes)
    ]
    for process in started:
        process.start()
    rows = []
    while len(rows) < processes:
        if any(process.exitcode for process in started):
            for process in started:
                process.terminate()
            raise SystemExit("a process of the benchmark died; see its message above")
        while not results.empty():
            rows.append(results.get())
        time.sleep(0.2)
    for process in started:
        process.join()
    return rows


def show(console: Console, runs: dict[str, dict[str, Any]]) -> None:
    table = Table(title="Seconds per simulated second: wall clock, CPU (its share)")
    table.add_column("stage")
    table.add_column("")
    for name in runs:
        table.add_column(f"{name} process{'' if name.endswith('1') else 'es'}", justify="right")
    for stage_name, what in STAGES.items():
        cells = []
        for run in runs.values():
            wall, cpu = run["wall_s_per_simulated_s"], run["cpu_s_per_simulated_s"]
            share = cpu[stage_name] / sum(cpu.values())
            cells.append(f"{wall[stage_name]:.3f}  {cpu[stage_name]:.3f} ({share:4.0%})")
        table.add_row(stage_name, what, *cells)
    table.add_section()
    for key, what in (
        ("times_real_time", "x real time, by the wall clock"),
        ("times_real_time_by_cpu", "x real time, had it the cores to itself"),
        ("cores", "it had, of those it asked for"),
    ):
        table.add_row(key, what, *(f"{run[key]:.2f}" for run in runs.values()))
    console.print(table)


def main(config: Config) -> None:
    """Measure, print, write."""
    console = Console()
    runs = {str(n): throughput(config, n) for n in config.processes}
    if runs and config.particles:
        runs["particles, 1"] = throughput(replace(config, liquid="particles"), 1)
    if runs:
        show(console, runs)
    flat = memory(config) if config.memory_episodes else None
    if flat:
        verdict = {True: "flat", False: "GROWS", None: "too few episodes to tell"}[flat["flat"]]
        console.print(
            f"memory: {flat['growth_mb']:+.1f} MB over {flat['episodes']} episodes "
            f"(allowed {MOST_GROWTH_MB}): {verdict}"
        )
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    write_json(config.out, {"config": settings, "processes": runs, "memory": flat})
    console.print(f"Written to {config.out}")


if __name__ == "__main__":
    main(tyro.cli(Config))
