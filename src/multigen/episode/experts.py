"""Experts by name, so that a flag can choose one and a process can build it.

Reads:  a name.   Makes: Controllers.   Used by: pipeline, benchmark, cli.
"""

from ..errors import ConfigError
from ..types import Controller
from .expert import Expert
from .feedback import FeedbackExpert

EXPERTS = {"planned": Expert, "feedback": FeedbackExpert}
"""'planned' as in the paper: decided before the pour; 'feedback': watches the ledger."""


def make_expert(name: str) -> Controller:
    """A fresh expert. Raises ConfigError for a name that is none of EXPERTS."""
    if name not in EXPERTS:
        raise ConfigError(f"no expert '{name}'; choose from {', '.join(EXPERTS)}")
    return EXPERTS[name]()
