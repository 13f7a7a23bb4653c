"""Policies that come with the software, and where a checkpoint is.

Reads:  a folder or a name.   Makes: the policy in it.   Used by: policy.controller, policy.train.
Each packaged folder has a card: what it was trained on, the command, the scores.
"""

from pathlib import Path

from ..learning import find_checkpoint
from .policy import AudioVisualDiffusionPolicy

PACKAGED = Path(__file__).parent / "weights"
DEFAULT = "lab_ear"
"""Sees, hears and feels; trained in the world 'lab'. What the demo starts from."""


def find_policy(name_or_path: str | Path) -> Path:
    """A checkpoint folder: a path, or the name of a packaged policy. WeightsError lists the names."""
    return find_checkpoint(name_or_path, PACKAGED, "policy")


def load_weights(name_or_path: str | Path) -> AudioVisualDiffusionPolicy:
    """The policy of a checkpoint folder or of a packaged name, in eval mode."""
    return AudioVisualDiffusionPolicy.from_pretrained(find_policy(name_or_path))
