"""Laws of parallel work: order kept, errors raised, nothing lost."""

import math

import pytest

from multigen.workers import run_tasks


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
