"""What all verbs share: --out, --seed, --overwrite, --resume, and made_by.json.

Reads:  flags.   Makes: an output folder and its record.   Used by: the other files of cli.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..files import MadeBy, begin_with, open_output, to_json
from ..workers import cpu_count


@dataclass(frozen=True)
class Verb:
    """Base of the verbs that write a folder."""

    COMMAND: ClassVar[str] = ""

    def made_by(self) -> MadeBy:
        return MadeBy(self.COMMAND, self, getattr(self, "seed", None))


def opened(verb: Verb, out: Path, decides: Collection[str] = ()) -> Path:
    """The output folder, honouring --overwrite and --resume.

    ``decides``: the flags on which its results depend; refused where it was begun with others.
    """
    folder = open_output(
        out, overwrite=getattr(verb, "overwrite", False), resume=getattr(verb, "resume", False)
    )
    if decides:
        begin_with(folder, {k: v for k, v in to_json(verb).items() if k in decides})
    return folder


def workers_or_all(workers: int | None) -> int:
    """--workers, or every core."""
    return max(1, workers or cpu_count())
