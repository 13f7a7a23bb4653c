"""Experts by name, so that a flag can choose one and a process can build it.

Reads:  a name.   Makes: Controllers.   Used by: pipeline, benchmark, cli.
"""

from collections.abc import Callable
from functools import partial

from ..errors import ConfigError
from ..types import Controller
from .expert import Expert
from .feedback import MISJUDGED_RAD, FeedbackExpert
from .path import TEACHING

EXPERTS: dict[str, Callable[..., Controller]] = {
    "planned": Expert,
    "feedback": FeedbackExpert,
    "misjudging": partial(FeedbackExpert, misjudges_rad=MISJUDGED_RAD, manner=TEACHING),
}
"""'planned' as in the paper: decided before the pour; 'feedback': watches the ledger; 'misjudging', the
teacher of listening: so does this one, but how fast it pours is drawn by chance, so that neither the plan
nor a clock tells when to stop; it moves in the same way every time, gently, at a distance (path.TEACHING)."""


def make_expert(name: str) -> Controller:
    """A fresh expert. Raises ConfigError for a name that is none of EXPERTS."""
    if name not in EXPERTS:
        raise ConfigError(f"no expert '{name}'; choose from {', '.join(EXPERTS)}")
    return EXPERTS[name]()
