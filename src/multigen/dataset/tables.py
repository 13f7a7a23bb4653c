"""Parquet in and out: columns of arrays, lists of rows, the task table.

Reads:  parquet.   Makes: parquet that is whole or absent; arrays.   Used by: writer, reader.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import FormatError
from ..files import replacing


def write_columns(path: Path, columns: dict[str, np.ndarray]) -> None:
    """One row group; [T] becomes a scalar column, [T, n] a fixed-size list."""
    _write(path, pa.table({name: _arrow(values) for name, values in columns.items()}))


def _arrow(values: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def read_columns(path: Path, episode: int | None = None) -> dict[str, np.ndarray]:
    """Columns of a data file as [T] or [T, n]; only rows of ``episode`` when given.

    Raises FormatError when the file is missing, truncated or has ragged lists.
    """
    table = _read(path)
    if episode is not None and "episode_index" in table.column_names:
        mine = np.flatnonzero(table["episode_index"].to_numpy() == episode)
        table = table if len(mine) == len(table) else table.take(mine)
    return {name: _numpy(path, name, table[name].combine_chunks()) for name in table.column_names}


def _numpy(path: Path, name: str, column: pa.Array) -> np.ndarray:
    if not (pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)):
        return column.to_numpy(zero_copy_only=False)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if len(column) and len(flat) % len(column):
        raise FormatError(f"{path}: the lists of column '{name}' differ in length; write it again")
    return flat.reshape(len(column), -1)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """A table from dicts with equal keys and types."""
    _write(path, pa.Table.from_pylist(rows))


def read_rows(path: Path, *, stats: bool = True) -> list[dict[str, Any]]:
    """The rows as dicts, without the ``stats/`` columns (most of the bytes) if not wanted.

    Raises FormatError when missing or truncated.
    """
    table = _read(path)
    wanted = [n for n in table.column_names if stats or not n.startswith("stats/")]
    return table.select(wanted).to_pylist()


def write_tasks(path: Path, tasks: list[str]) -> None:
    """``task_index`` as a column and the sentence as the pandas INDEX: LeRobot takes an item's task
    from ``tasks.iloc[i].name``. Without pandas, its metadata is written by hand."""
    kinds = {"task_index": ("int64", "int64"), "task": ("unicode", "object")}
    hint = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {"name": n, "field_name": n, "pandas_type": p, "numpy_type": d, "metadata": None}
            for n, (p, d) in kinds.items()
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.3.3",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": tasks})
    _write(path, table.replace_schema_metadata({"pandas": json.dumps(hint)}))


def read_tasks(path: Path) -> list[str]:
    """The sentences, in the order of ``task_index``."""
    table = _read(path)
    name = next((n for n in ("task", "__index_level_0__") if n in table.column_names), None)
    if name is None or "task_index" not in table.column_names:
        raise FormatError(f"{path} has columns {table.column_names}; needs task_index and task")
    pairs = zip(table["task_index"].to_pylist(), table[name].to_pylist(), strict=True)
    return [sentence for _, sentence in sorted(pairs)]


def _write(path: Path, table: pa.Table) -> None:
    with replacing(path) as part:
        pq.write_table(table, part, compression="snappy", row_group_size=max(len(table), 1))


def _read(path: Path) -> pa.Table:
    try:
        return pq.ParquetFile(path).read()
    except FileNotFoundError as e:
        raise FormatError(f"{path} does not exist; validate the dataset to see what else") from e
    except (pa.ArrowException, OSError) as e:
        raise FormatError(
            f"{path} is not readable parquet ({e}); it is truncated or damaged"
        ) from e
