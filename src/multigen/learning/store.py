"""The state of a run in one file: weights, average and optimiser as named tensors, step as metadata.

Reads:  model, optimiser.   Makes: state.safetensors.   Used by: learning.fit.
"""

import json
from pathlib import Path

from safetensors import safe_open
from torch import Tensor, nn

from ..errors import WeightsError
from .checkpoint import check_state, load_tensors, save_tensors
from .optimiser import Muon, Optimisers


def store(
    path: Path,
    model: nn.Module,
    optimisers: Optimisers,
    average: dict[str, Tensor],
    step: int,
    seconds: float,
) -> None:
    """Write everything an exact continuation needs, atomically."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.items()}
    for name, p in model.named_parameters():
        for o in optimisers:
            tensors |= {f"optimiser.{name}:{k}": v for k, v in o.state.get(p, {}).items()}
    # A tensor that two names share is written twice: safetensors refuses aliases.
    tensors = {k: v.detach().clone() for k, v in tensors.items()}
    save_tensors(path, tensors, {"progress": json.dumps({"step": step, "seconds": seconds})})


def restore(
    path: Path, model: nn.Module, optimisers: Optimisers, average: dict[str, Tensor]
) -> tuple[int, float]:
    """Load a stored run into model, optimiser and average, in place; returns (step, seconds).

    Raises WeightsError when the file belongs to another model or another optimiser.
    """
    tensors = load_tensors(path)
    kept = {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}
    check_state(kept, {k: tuple(v.shape) for k, v in model.state_dict().items()}, str(path))
    model.load_state_dict(kept)
    for k, v in average.items():
        v.copy_(tensors[f"average.{k}"])
    parameters = dict(model.named_parameters())
    owner = {p: o for o in optimisers for group in o.param_groups for p in group["params"]}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            name, slot = key[10:].rsplit(":", 1)
            p = parameters[name]
            if (slot == "momentum_buffer") != isinstance(owner[p], Muon):
                raise WeightsError(
                    f"{path} was trained with another optimiser; say the same, or start again without --resume"
                )
            owner[p].state[p][slot] = value if slot == "step" else value.to(p)
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    if "progress" not in metadata:
        raise WeightsError(f"{path} holds no progress record; start again without --resume")
    progress = json.loads(metadata["progress"])
    return int(progress["step"]), float(progress["seconds"])
