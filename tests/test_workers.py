"""Laws of parallel work: order kept, errors raised, nothing lost."""

import math
import os
import signal
from pathlib import Path

import pytest

from multigen.errors import WorkerError
from multigen.workers import run_tasks


def die_once(mark: Path) -> str:
    """The first process to come here dies as by a crash; the next one finds the mark."""
    if mark.suffix == ".fatal" or not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return mark.name


def test_results_come_in_task_order_whatever_the_number_of_workers() -> None:
    tasks = [9.0, 4.0, 1.0, 16.0]
    want = [3.0, 2.0, 1.0, 4.0]
    assert run_tasks(math.sqrt, tasks, workers=2, label="roots") == want
    assert run_tasks(math.sqrt, tasks, workers=1, label="roots") == want


def test_an_error_in_a_worker_is_raised_here() -> None:
    with pytest.raises(ValueError, match="math domain|nonnegative"):
        run_tasks(math.sqrt, [1.0, -1.0], workers=2, label="roots")


def test_no_tasks_no_processes() -> None:
    assert run_tasks(math.sqrt, [], workers=2, label="roots") == []


def test_the_task_of_a_worker_that_died_is_done_again(tmp_path: Path) -> None:
    for name in ("a", "c", "d"):
        (tmp_path / name).touch()
    tasks = [tmp_path / name for name in ("a", "b", "c", "d")]
    assert run_tasks(die_once, tasks, workers=2, label="dying") == ["a", "b", "c", "d"]


def test_workers_that_die_again_and_again_are_named(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="4 worker processes died, 1 of 1 tasks"):
        run_tasks(die_once, [tmp_path / "a.fatal"], workers=1, label="dying")
