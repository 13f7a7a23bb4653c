"""JSON for frozen dataclasses, strict at the door.

Reads:  JSON files.   Makes: records, JSON files.   Used by: scene (world files), episode (stores),
learning (checkpoints), cli (made_by). An unknown field is an error that lists the valid ones.
"""

import dataclasses
import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import ConfigError, FormatError, OutputError

T = TypeVar("T")


def to_json(obj: Any) -> Any:
    """Plain dicts, lists, numbers, strings: what ``json.dumps`` takes."""
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: to_json(getattr(obj, f.name)) for f in dataclasses.fields(obj) if f.init}
    if isinstance(obj, dict):
        return {str(k): to_json(v) for k, v in obj.items()}
    if isinstance(obj, list | tuple | set | frozenset):
        return [to_json(v) for v in obj]
    if isinstance(obj, Enum):
        return obj.value
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return obj.tolist()
    if isinstance(obj, Path):
        return str(obj)
    return obj


def from_json(cls: type[T], data: Any, where: str = "file") -> T:
    """Build ``cls`` (a dataclass, nested at will) from parsed JSON.

    Raises ConfigError naming the field for an unknown name (with the valid ones), a missing one or a wrong type.
    """
    return typing.cast(T, _build(cls, data, where, ""))


def _build(kind: Any, data: Any, where: str, at: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), data, where, at)
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _union(args, data, where, at)
    if origin in (tuple, list):
        return _sequence(origin, args, data, where, at)
    if origin is dict:
        if not isinstance(data, dict):
            raise _wrong(data, "an object", where, at)
        return {k: _build(args[1], v, where, f"{at}.{k}") for k, v in data.items()}
    if origin is typing.Literal:
        if data not in args:
            raise _wrong(data, f"one of {', '.join(map(repr, args))}", where, at)
        return data
    if kind is Any:
        return data
    return _scalar(kind, data, where, at)


def _record(kind: type, data: Any, where: str, at: str) -> Any:
    if not isinstance(data, dict):
        raise _wrong(data, f"an object ({kind.__name__})", where, at)
    wanted = {f.name: f for f in dataclasses.fields(kind) if f.init}
    for name in data:
        if name not in wanted:
            raise ConfigError(
                f"{where}: unknown field '{_join(at, name)}'; valid fields here: {', '.join(wanted)}"
            )
    hints = typing.get_type_hints(kind)
    made = {}
    for name, f in wanted.items():
        if name in data:
            made[name] = _build(hints[name], data[name], where, _join(at, name))
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: field '{_join(at, name)}' is missing; it has no default")
    return kind(**made)


def _union(args: tuple[Any, ...], data: Any, where: str, at: str) -> Any:
    if data is None and type(None) in args:
        return None
    problems = []
    for arg in args:
        if arg is type(None):
            continue
        try:
            return _build(arg, data, where, at)
        except ConfigError as e:
            problems.append(e)
    raise problems[-1]


def _sequence(origin: Any, args: tuple[Any, ...], data: Any, where: str, at: str) -> Any:
    if not isinstance(data, list | tuple):
        raise _wrong(data, "a list", where, at)
    if origin is list or (len(args) == 2 and args[1] is Ellipsis):
        return origin(_build(args[0], v, where, f"{at}[{i}]") for i, v in enumerate(data))
    if len(data) != len(args):
        raise _wrong(data, f"a list of {len(args)} values", where, at)
    return tuple(
        _build(a, v, where, f"{at}[{i}]") for i, (a, v) in enumerate(zip(args, data, strict=True))
    )


def _scalar(kind: Any, data: Any, where: str, at: str) -> Any:
    if kind is float and isinstance(data, int | float) and not isinstance(data, bool):
        if not np.isfinite(data):
            raise _wrong(data, "a finite number", where, at)
        return float(data)
    if kind is Path and isinstance(data, str):
        return Path(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if isinstance(data, bool) != (kind is bool) or not isinstance(data, kind):
        names = {float: "a number", int: "an integer", str: "text", bool: "true or false"}
        raise _wrong(data, names.get(kind, str(kind)), where, at)
    return data


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _wrong(data: Any, want: str, where: str, at: str) -> ConfigError:
    said = json.dumps(data, default=str)
    said = said if len(said) < 60 else said[:57] + "..."
    return ConfigError(f"{where}: field '{at}' is {said}, needs {want}")


def read_json(path: Path) -> Any:
    """Parsed JSON. Raises FormatError when missing or not JSON."""
    path = Path(path)
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as e:
        raise FormatError(f"{path} does not exist; check the path") from e
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError) as e:
        raise FormatError(f"{path} is not JSON ({e}); check that it is the right file") from e


def write_json(path: Path, data: Any) -> None:
    """Whole or not at all. Raises OutputError when the folder is full or read-only."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(to_json(data), indent=2, ensure_ascii=False) + "\n")
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {path}: {e.strerror}; free some space or choose another folder"
        ) from e
