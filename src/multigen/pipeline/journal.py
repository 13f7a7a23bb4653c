"""Which stages are finished, how long each took, how much memory it needed.

Reads:  journal.json.   Makes: journal.json.   Used by: pipeline.demo.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ..files import read_json, write_json


class Journal:
    """A folder's stages. A stage that ended well is not run again."""

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "journal.json"
        self.stages: dict[str, dict] = read_json(self.path) if self.path.exists() else {}

    def done(self, stage: str) -> bool:
        return stage in self.stages

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and note it when the block ends well."""
        started = time.perf_counter()
        with _memory() as peak:
            yield
        self.stages[name] = {
            "seconds": round(time.perf_counter() - started, 1),
            "peak_gb": round(peak[0] / 2**30, 2),
        }
        write_json(self.path, self.stages)


@contextmanager
def _memory(every_s: float = 0.5) -> Iterator[list[int]]:
    """Largest resident memory of this process and its children together, in bytes."""
    peak, stop, me = [0], threading.Event(), psutil.Process()

    def watch() -> None:
        while True:
            total = 0
            for p in (me, *me.children(recursive=True)):
                try:
                    total += p.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peak[0] = max(peak[0], total)
            if stop.wait(every_s):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        watcher.join()
