"""Many tasks on one machine: spawned processes, one thread each, a progress bar, the first error raised.

Reads:  a function and its tasks.   Makes: results in task order.   Used by: pipeline, benchmark.
``spawn`` because a forked child of a process that holds an OpenGL context hangs for ever.
One thread per process, whatever the number of workers, so that numbers do not depend on it.
A worker may die without an exception (out of memory; a crash inside a graphics driver or a codec):
its task is a function of its arguments alone and is done again by a fresh one.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .errors import WorkerError

Task = TypeVar("Task")
Result = TypeVar("Result")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS")
_ONE_THREAD += ("NUMBA_NUM_THREADS",)


MOST_DEATHS = 3
"""Workers that may die before it is taken for no accident."""


def cpu_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def progress_bar() -> Progress:
    """The bar every long stage shows."""
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    old = {k: os.environ.get(k) for k in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for k, v in old.items():
            if v is None:
                os.environ.pop(k, None)
            else:
                os.environ[k] = v


def run_tasks(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    workers: int,
    label: str,
    on_result: Callable[[int, Any], None] | None = None,
) -> list[Result]:
    """``[work(t) for t in tasks]`` on ``workers`` processes; results in task order.

    ``on_result(index, result)`` is called in this process as each task ends (any order).
    The first exception cancels what has not started and is raised here. Tasks of a worker that died
    are done again; WorkerError when that happens more than MOST_DEATHS times.
    """
    if not tasks:
        return []
    results: dict[int, Any] = {}
    deaths = 0
    with _environment(dict.fromkeys(_ONE_THREAD, "1")), progress_bar() as bar:
        shown = bar.add_task(label, total=len(tasks))

        def keep(index: int, result: Any) -> None:
            results[index] = result
            if on_result:
                on_result(index, result)
            bar.advance(shown)

        while len(results) < len(tasks):
            left = {i: t for i, t in enumerate(tasks) if i not in results}
            try:
                _run_pool(work, left, workers, keep)
            except BrokenProcessPool as e:
                deaths += 1
                if deaths > MOST_DEATHS:
                    raise WorkerError(
                        f"{label}: {deaths} worker processes died, {len(left)} of {len(tasks)} tasks "
                        "are left; check memory (or use fewer --workers) and run the command again"
                    ) from e
                bar.console.print(f"{label}: a worker process died; its task is done again")
    return [results[i] for i in range(len(tasks))]


def _run_pool(
    work: Callable[[Task], Result],
    tasks: dict[int, Task],
    workers: int,
    keep: Callable[[int, Result], None],
) -> None:
    """Do ``tasks`` and hand each result to ``keep``. BrokenProcessPool when a process died."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context)
    try:
        waiting = {pool.submit(work, t): i for i, t in tasks.items()}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            # what was finished before another process died is kept
            for future in sorted(done, key=lambda f: isinstance(f.exception(), BrokenProcessPool)):
                keep(waiting.pop(future), future.result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
