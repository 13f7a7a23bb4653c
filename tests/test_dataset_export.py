"""An export holds what the dataset holds, in a form its own readers know."""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fake_demonstrations import fake_demonstration
from multigen.dataset import EGO, MIC, Dataset, DatasetWriter, export
from multigen.dataset.export import axis_angle
from multigen.errors import ConfigError, OutputError
from multigen.files import read_arrays, read_json
from multigen.types import Clock


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "dataset"
    writer = DatasetWriter(folder, Clock(), (32, 32))
    for seed in range(2):
        writer.add(fake_demonstration(seed, seconds=1, size=(32, 32)))
    return folder


def read_zarr(path: Path, name: str) -> np.ndarray:
    """By zarr's storage specification, version 2: header, then chunks named by their position."""
    with zipfile.ZipFile(path) as file:
        head = json.loads(file.read(f"{name}/.zarray"))
        whole = np.full(head["shape"], head["fill_value"], head["dtype"])
        counts = [-(-n // c) for n, c in zip(head["shape"], head["chunks"], strict=True)]
        for at in np.ndindex(*counts):
            data = zlib.decompress(file.read(f"{name}/{'.'.join(map(str, at))}"))
            part = tuple(slice(i * c, (i + 1) * c) for i, c in zip(at, head["chunks"], strict=True))
            whole[part] = np.frombuffer(data, head["dtype"]).reshape(head["chunks"])
        return whole


def test_npz_holds_every_column_and_picture(root: Path, tmp_path: Path) -> None:
    out, dataset = export(root, tmp_path / "npz", "npz"), Dataset(root)
    arrays = read_arrays(out / "episode-000001.npz")
    for name, column in dataset.rows(1).items():
        np.testing.assert_array_equal(arrays[name], column)
    np.testing.assert_array_equal(arrays[EGO], dataset.video(1, EGO))
    np.testing.assert_array_equal(arrays[f"{EGO}.roles"], dataset.masks(1, EGO))
    assert read_json(out / "episodes.json")[1]["command"] == 0.5


def test_zarr_holds_rows_end_to_end(root: Path, tmp_path: Path) -> None:
    out, dataset = export(root, tmp_path / "pour", "zarr"), Dataset(root)
    assert out.name == "pour.zarr.zip"
    np.testing.assert_array_equal(read_zarr(out, "meta/episode_ends"), [10, 20])
    np.testing.assert_array_equal(read_zarr(out, "data/mic_0")[10:], dataset.rows(1)[MIC])
    np.testing.assert_array_equal(read_zarr(out, "data/camera0_rgb")[10:], dataset.video(1, EGO))
    action = np.concatenate([dataset.rows(i)["action"] for i in range(2)])
    np.testing.assert_array_equal(read_zarr(out, "data/action"), action)
    start = read_zarr(out, "data/robot0_demo_start_pose")
    np.testing.assert_array_equal(start[10], start[19])
    np.testing.assert_allclose(start[10, :3], dataset.rows(1)["observation.eef"][0, :3])


def test_axis_angle_is_the_rotation_whose_first_two_rows_we_keep() -> None:
    turns = Rotation.random(20, rng=np.random.default_rng(0))
    rows = turns.as_matrix()[:, :2].reshape(20, 6)
    np.testing.assert_allclose(axis_angle(rows), turns.as_rotvec(), atol=1e-12)


def test_equal_datasets_export_to_equal_bytes(root: Path, tmp_path: Path) -> None:
    one, two = (export(root, tmp_path / n, "zarr") for n in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()


def test_an_unknown_format_or_a_full_folder_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="npz, zarr"):
        export(root, tmp_path / "x", "rlds")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match="already holds"):
        export(root, tmp_path, "npz")
