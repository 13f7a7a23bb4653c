"""Room: envs. The pouring task for learners of others: ``gymnasium.make("multigen/Pour-v0")``.

Reads:  worlds, seeds, actions.   Makes: observations with sound among them, rewards, a ledger.
Used by: people; registered with Gymnasium when this room is imported.
A thin room of its own above ``episode``, whose Session it steps, because ears that hear live in
``audio``, which ``episode`` never opens. Names load on first use; torch only where learned ears are
asked for.
"""

from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from .pour import PourEnv as PourEnv
    from .task import RewardWeights as RewardWeights

ENV_ID = "multigen/Pour-v0"
_HOME = {"PourEnv": "pour", "RewardWeights": "task"}

gymnasium.register(id=ENV_ID, entry_point="multigen.envs.pour:PourEnv")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
