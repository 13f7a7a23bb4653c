"""The dataset in other people's formats: plain npz, or the zarr zip of diffusion_policy and UMI.

Reads:  a Dataset.   Makes: a folder of npz files, or one ``.zarr.zip``.   Used by: cli (export).

* ``npz``: ``episode-000000.npz`` per episode (every column under its own name, both cameras and
  their role images) and ``episodes.json``. Opens with numpy alone.
* ``zarr``: one zip in zarr's format version 2, keys as ManiWAV names them (``data/camera0_rgb``,
  ``data/mic_0``, ``data/robot0_eef_pos`` … and ``meta/episode_ends``). Written with the standard
  library: no zarr is needed here. ManiWAV asserts 800 samples a row (20 Hz); ours are 1600 at 10 Hz.
"""

import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from ..errors import ConfigError, OutputError
from ..files import replacing, write_arrays, write_json
from .layout import ACTION, CAMERAS, EEF, MIC, STATE
from .reader import Dataset

GRIPPER_OPEN_M = 0.085
"""Between the fingers of an open Robotiq 2F-85."""


def export(root: Path, out: Path, to: str) -> Path:
    """Write the dataset at ``root`` as ``to`` (one of FORMATS) and return where it is.

    Raises ConfigError for another format, OutputError when ``out`` exists or cannot be written.
    """
    if to not in FORMATS:
        raise ConfigError(f"cannot export to '{to}'; formats are {', '.join(FORMATS)}")
    out = Path(out)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise OutputError(f"{out} already holds something; choose another --out")
    return FORMATS[to](Dataset(root), out)


def _npz(dataset: Dataset, out: Path) -> Path:
    about = []
    for i, info in enumerate(dataset.episodes):
        arrays = dataset.rows(i)
        arrays |= {key: dataset.video(i, key) for key in info.files.videos}
        arrays |= {f"{key}.roles": dataset.masks(i, key) for key in info.files.masks}
        write_arrays(out / f"episode-{i:06d}.npz", arrays)
        kept = {k: v for k, v in asdict(info).items() if k not in {"files", "video_from_s"}}
        about.append(kept)
    write_json(out / "episodes.json", about)
    return out


def _zarr(dataset: Dataset, out: Path) -> Path:
    out = out if out.name.endswith(".zarr.zip") else out.with_name(f"{out.name}.zarr.zip")
    if out.exists():
        raise OutputError(f"{out} already exists; choose another --out")
    with replacing(out) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as file:
        for group in ("", "data/", "meta/"):
            _entry(file, f"{group}.zgroup", json.dumps({"zarr_format": 2}).encode())
        whole: dict[str, list[np.ndarray]] = {}
        row = 0
        streams: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
        for i, info in enumerate(dataset.episodes):
            columns = dataset.rows(i)
            large = {f"camera{c}_rgb": dataset.video(i, key) for c, key in enumerate(CAMERAS)}
            large["mic_0"] = columns[MIC].astype("<f8")
            for name, values in large.items():
                streams[name] = (values.dtype, values.shape[1:])
                for t, value in enumerate(values):
                    at = ".".join(["0"] * value.ndim)
                    _entry(file, f"data/{name}/{row + t}.{at}", _packed(value))
            for name, values in _small(columns).items():
                whole.setdefault(name, []).append(values)
            row += info.length
            whole.setdefault("episode_ends", []).append(np.array([row], "<i8"))
        for name, (dtype, shape) in streams.items():
            _entry(file, f"data/{name}/.zarray", _header(dtype, (row, *shape), (1, *shape)))
        for name, parts in whole.items():
            values = np.ascontiguousarray(np.concatenate(parts))
            place = f"{'meta' if name == 'episode_ends' else 'data'}/{name}"
            _entry(file, f"{place}/.zarray", _header(values.dtype, values.shape, values.shape))
            _entry(file, f"{place}/{'.'.join(['0'] * values.ndim)}", _packed(values))
    return out


def _small(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Poses and actions as UMI names them: position, axis-angle, gripper width in metres."""
    eef = columns[EEF]
    turn = axis_angle(eef[:, 3:9])
    pose = np.concatenate([eef[:, :3], turn], 1).astype("<f8")
    return {
        "robot0_eef_pos": eef[:, :3].astype("<f4"),
        "robot0_eef_rot_axis_angle": turn.astype("<f4"),
        "robot0_gripper_width": (GRIPPER_OPEN_M * (1 - eef[:, 9:])).astype("<f4"),
        "robot0_demo_start_pose": np.repeat(pose[:1], len(pose), 0),
        "robot0_demo_end_pose": np.repeat(pose[-1:], len(pose), 0),
        "robot0_joint_pos": columns[STATE].astype("<f4"),
        "action": columns[ACTION].astype("<f4"),
    }


def axis_angle(r6d: Float[np.ndarray, "T 6"]) -> Float[np.ndarray, "T 3"]:
    """Rotation vectors [rad] of the first two rows of rotation matrices (Zhou et al. 2019)."""
    a, b = r6d[:, :3].astype(float), r6d[:, 3:].astype(float)
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b - (a * b).sum(1, keepdims=True) * a
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return Rotation.from_matrix(np.stack([a, b, np.cross(a, b)], 1)).as_rotvec()


def _packed(values: np.ndarray) -> bytes:
    return zlib.compress(np.ascontiguousarray(values).tobytes(), 1)


def _header(dtype: np.dtype, shape: tuple[int, ...], chunks: tuple[int, ...]) -> bytes:
    """``.zarray`` of zarr's storage specification, version 2."""
    array: dict[str, Any] = {
        "zarr_format": 2,
        "shape": shape,
        "chunks": chunks,
        "dtype": dtype.str,
        "compressor": {"id": "zlib", "level": 1},
        "fill_value": 0,
        "filters": None,
        "order": "C",
    }
    return json.dumps(array).encode()


def _entry(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


FORMATS: dict[str, Callable[[Dataset, Path], Path]] = {"npz": _npz, "zarr": _zarr}
