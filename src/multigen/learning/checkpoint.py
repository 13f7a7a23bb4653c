"""A model on disk: a folder with config.json and model.safetensors, never a pickle.

Reads:  a folder.   Makes: a folder.   Used by: audio and policy (every model they keep).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import WeightsError
from ..files import from_json, read_json, replacing, write_json

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
C = TypeVar("C")


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write a .safetensors file atomically: a reader sees the old file or the new one."""
    with replacing(path) as part:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part, metadata)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a .safetensors file; WeightsError when it is absent or something else."""
    if not path.is_file():
        raise WeightsError(
            f"no weights at {path}; give a folder that holds {WEIGHTS}, or train a model first"
        )
    try:
        return load_file(path)
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{path} is not a complete safetensors file ({error}); copy or download it again"
        ) from error


def save_checkpoint(
    folder: Path, config: Any, state: Mapping[str, Tensor], *, half: bool = False
) -> None:
    """Write ``config`` (a dataclass) and ``state`` into ``folder``; ``half`` stores floats in 16 bit.

    The weights are written first: a folder with a config.json is complete.
    """
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    save_tensors(folder / WEIGHTS, state)
    write_json(folder / CONFIG, config)


def find_checkpoint(name_or_path: str | Path, packaged: Path, what: str) -> Path:
    """A checkpoint folder: a path, or the name of one under ``packaged``.

    Raises WeightsError, which says what ``what`` ("sound model") there is, for anything else.
    """
    for path in (Path(name_or_path), packaged / str(name_or_path)):
        if (path / CONFIG).is_file():
            return path
    known = ", ".join(sorted(p.parent.name for p in packaged.glob(f"*/{CONFIG}")))
    raise WeightsError(
        f"no {what} '{name_or_path}'; give a checkpoint folder or the name of a packaged {what} "
        f"({known or 'none in this installation'})"
    )


def load_config(cls: type[C], folder: Path) -> C:
    """The config dataclass of a checkpoint folder; WeightsError where there is none."""
    path = folder / CONFIG
    if not path.is_file():
        raise WeightsError(f"{folder} holds no {CONFIG}; give a checkpoint folder")
    return from_json(cls, read_json(path), str(path))


def load_state(
    source: Path,
    expected: Mapping[str, tuple[int, ...]],
    *,
    may_miss: tuple[str, ...] = (),
) -> dict[str, Tensor]:
    """Tensors of a checkpoint folder (or .safetensors file), checked against ``expected`` shapes.

    Floats come back in 32 bit. Keys that start with a prefix in ``may_miss`` may be absent. Raises
    WeightsError, in one sentence, for missing, unexpected or wrongly shaped tensors.
    """
    path = source / WEIGHTS if source.is_dir() else source
    state = load_tensors(path)
    check_state(state, expected, str(path), may_miss=may_miss)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def check_state(
    state: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
    where: str,
    *,
    may_miss: tuple[str, ...] = (),
) -> None:
    """WeightsError naming the first differences between ``state`` and the ``expected`` shapes."""
    missing = [k for k in expected if k not in state and not k.startswith(may_miss or ("\0",))]
    extra = [k for k in state if k not in expected]
    wrong = [
        f"{k} {list(state[k].shape)} instead of {list(expected[k])}"
        for k in expected
        if k in state and tuple(state[k].shape) != tuple(expected[k])
    ]
    found = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for what, names in (("missing", missing), ("unexpected", extra), ("wrongly shaped", wrong))
        if names
    ]
    if found:
        raise WeightsError(
            f"{where} has tensors {' and '.join(found)}; use the config it was trained with"
        )


def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """What ``load_state`` expects of a model: key -> shape of its state dict."""
    return {k: tuple(v.shape) for k, v in model.state_dict().items()}
