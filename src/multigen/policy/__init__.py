"""The audio-visual diffusion policy: what to do next, from what was seen, heard and felt.

Reads:  a dataset (to learn), Observations (to act).   Makes: checkpoints, action chunks.
Used by: benchmark, pipeline, cli. Names load on first use: torch and transformers are heavy.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import PRESETS as PRESETS
    from .config import PolicyConfig as PolicyConfig
    from .controller import PolicyController as PolicyController
    from .controller import load_policy as load_policy
    from .packaged import DEFAULT as DEFAULT
    from .policy import AudioVisualDiffusionPolicy as AudioVisualDiffusionPolicy
    from .train import train_policy as train_policy

_HOME = {
    "PRESETS": "config",
    "PolicyConfig": "config",
    "PolicyController": "controller",
    "load_policy": "controller",
    "DEFAULT": "packaged",
    "AudioVisualDiffusionPolicy": "policy",
    "train_policy": "train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
