"""Many tasks on one machine: spawned processes, one thread each, a progress bar, the first error raised.

Reads:  a function and its tasks.   Makes: results in task order.   Used by: pipeline, benchmark.
``spawn`` because a forked child of a process that holds an OpenGL context hangs for ever.
One thread per process, whatever the number of workers, so that numbers do not depend on it.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
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

Task = TypeVar("Task")
Result = TypeVar("Result")

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS")
_ONE_THREAD += ("NUMBA_NUM_THREADS",)


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
    The first exception cancels what has not started and is raised here.
    """
    if not tasks:
        return []
    results: list[Any] = [None] * len(tasks)
    context = multiprocessing.get_context("spawn")
    with _environment(dict.fromkeys(_ONE_THREAD, "1")), progress_bar() as bar:
        shown = bar.add_task(label, total=len(tasks))
        pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context)
        try:
            waiting = {pool.submit(work, t): i for i, t in enumerate(tasks)}
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    i = waiting.pop(future)
                    results[i] = future.result()
                    if on_result:
                        on_result(i, results[i])
                    bar.advance(shown)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return results
