"""Policies that come with the software, and where a checkpoint is.

Reads:  a folder or a name.   Makes: the policy in it.   Used by: policy.controller, policy.train.
Each packaged folder has a card: what it was trained on, the command, the scores.
"""

from pathlib import Path

from ..errors import WeightsError
from ..learning.checkpoint import CONFIG
from .policy import AudioVisualDiffusionPolicy

PACKAGED = Path(__file__).parent / "weights"
DEFAULT = "lab_va"
"""Sees, hears and feels; trained in the world 'lab'. What the demo starts from."""


def find_policy(name_or_path: str | Path) -> Path:
    """A checkpoint folder: a path, or the name of a packaged policy. WeightsError lists the names."""
    path = Path(name_or_path)
    if (path / CONFIG).is_file():
        return path
    if (PACKAGED / str(name_or_path) / CONFIG).is_file():
        return PACKAGED / str(name_or_path)
    known = ", ".join(sorted(p.parent.name for p in PACKAGED.glob(f"*/{CONFIG}")))
    raise WeightsError(
        f"no policy '{name_or_path}'; give a checkpoint folder or a packaged policy "
        f"({known or 'none in this installation'})"
    )


def load_weights(name_or_path: str | Path) -> AudioVisualDiffusionPolicy:
    """The policy of a checkpoint folder or of a packaged name, in eval mode."""
    return AudioVisualDiffusionPolicy.from_pretrained(find_policy(name_or_path))
