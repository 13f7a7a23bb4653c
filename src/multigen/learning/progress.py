"""Where a run stands: a live bar in a terminal, plain lines in a log file.

Reads:  step, seconds, scalars.   Makes: text.   Used by: learning.fit.
"""

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """Context manager around a run of ``steps`` steps."""

    def __init__(self, steps: int, console: Console | None) -> None:
        self.steps = steps
        self.console = console or Console(stderr=True)
        self.bar = Bar(
            TextColumn("training"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"), console=self.console, transient=True,
            disable=not self.console.is_terminal,
        )  # fmt: skip
        self.task = self.bar.add_task("training", total=steps, text="")

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def show(
        self,
        done: int,
        elapsed_s: float,
        before_s: float,
        first: int,
        scalars: dict[str, Any],
        time_limit_s: float | None,
    ) -> None:
        """Say where we are; the estimate counts this sitting's steps only."""
        each = (elapsed_s - before_s) / max(done - first, 1)
        left = (self.steps - done) * each
        if time_limit_s:
            left = min(left, time_limit_s - elapsed_s)
        numbers = " ".join(f"{k} {float(v):.4g}" for k, v in scalars.items())
        text = f"{numbers} · {each * 1000:.0f} ms/step · {clock(left)} left"
        self.bar.update(self.task, completed=done, text=text)
        if not self.console.is_terminal:
            self.console.print(f"step {done}/{self.steps} {text}", highlight=False, soft_wrap=True)
