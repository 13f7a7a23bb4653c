"""Output folders: opened once, never silently overwritten, always able to say how they were made.

Reads:  a path.   Makes: a folder, ``made_by.json``.   Used by: cli, pipeline, training.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import OutputError
from .json import read_json, to_json, write_json


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A sibling path to write to; renamed to ``path`` when the block ends well, removed when not."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise OutputError(_cannot_write(path, e)) from e
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _cannot_write(path: Path, e: OSError) -> str:
    return (
        f"cannot write {path}: {e.strerror or e}; "
        "free some space or choose another folder with --out"
    )


def open_output(path: Path, *, overwrite: bool = False, resume: bool = False) -> Path:
    """Create ``path``; refuse a folder that already holds something unless told what to do with it.

    Raises OutputError when it is a file, not empty (without ``overwrite`` or ``resume``) or not writable.
    """
    path = Path(path)
    if path.is_file():
        raise OutputError(f"{path} is a file; --out needs a folder")
    if path.is_dir() and any(path.iterdir()):
        if overwrite:
            shutil.rmtree(path)
        elif not resume:
            raise OutputError(
                f"{path} already holds files; add --resume to continue it or --overwrite to start over"
            )
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable.part"
        probe.write_bytes(b"multigen")
        probe.unlink()
    except OSError as e:
        raise OutputError(_cannot_write(path, e)) from e
    return path


def begin_with(folder: Path, settings: dict[str, Any]) -> None:
    """Keep in ``folder/settings.json`` what decides the results, or refuse to go on with something else.

    Raises OutputError naming what differs from the settings the folder was begun with.
    """
    path, asked = Path(folder) / "settings.json", to_json(settings)
    if not path.exists():
        write_json(path, asked)
        return
    before = read_json(path)
    differ = [name for name in sorted(asked) if before.get(name) != asked[name]]
    if differ:
        said = ", ".join(f"{name} {before.get(name)} (now {asked[name]})" for name in differ)
        raise OutputError(
            f"{folder} was begun with {said}; give the same to continue it, or another --out"
        )


@dataclass
class MadeBy:
    """How an output came to be; write it when the work is done."""

    command: str
    config: Any
    seed: int | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.perf_counter)

    def record(self, **more: Any) -> dict[str, Any]:
        return {
            "command": self.command,
            "argv": sys.argv[1:],
            "multigen": version("multigen"),
            "python": sys.version.split()[0],
            "config": to_json(self.config),
            "seed": self.seed,
            "started": self.started.isoformat(timespec="seconds"),
            "duration_s": round(time.perf_counter() - self._clock, 2),
            **more,
        }

    def write(self, folder: Path, **more: Any) -> None:
        """``folder/made_by.json``: command, version, full config, seed, start, duration."""
        write_json(Path(folder) / "made_by.json", self.record(**more))
