"""What a check has to say.

Reads:  nothing.   Makes: Finding.   Used by: validate, episode_checks, cli, report.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One sentence about a dataset."""

    level: Literal["FAIL", "WARN", "PASS"]
    """FAIL: do not train on it. WARN: know it. PASS: this check has nothing to say."""
    check: str
    """One of validate.CHECKS."""
    text: str
    episode: int | None = None
    """None where the whole dataset is meant."""


def fail(check: str, text: str, episode: int | None = None) -> Finding:
    """A finding that forbids training."""
    return Finding("FAIL", check, text, episode)


def warn(check: str, text: str, episode: int | None = None) -> Finding:
    """A finding that wants to be known."""
    return Finding("WARN", check, text, episode)
