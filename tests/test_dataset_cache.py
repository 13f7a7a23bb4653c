"""The training cache is the dataset, unpacked; it notices when the dataset has changed."""

from pathlib import Path

import numpy as np
import pytest

from fake_demonstrations import fake_demonstration
from multigen.dataset import EGO, Dataset, DatasetWriter, area_resize, open_cache
from multigen.errors import FormatError
from multigen.types import Clock


@pytest.fixture
def root(tmp_path: Path) -> Path:
    writer = DatasetWriter(tmp_path / "d", Clock(), (64, 64))
    for seed in range(2):
        writer.add(fake_demonstration(seed))
    return tmp_path / "d"


def test_the_cache_holds_what_the_dataset_holds(root: Path) -> None:
    cache, dataset = open_cache(root, size=32, progress=False), Dataset(root)
    assert (len(cache), cache.episodes, cache.samples_per_frame) == (40, 2, 1600)
    np.testing.assert_array_equal(cache.starts, [0, 20, 40])
    np.testing.assert_allclose(cache.command, [0.25, 0.5])
    for e in range(2):
        rows, part = dataset.rows(e), slice(cache.starts[e], cache.starts[e + 1])
        np.testing.assert_array_equal(cache.state[part], rows["observation.state"])
        np.testing.assert_array_equal(cache.eef[part], rows["observation.eef"])
        np.testing.assert_array_equal(cache.action[part], rows["action"])
        np.testing.assert_array_equal(cache.rgb[part], area_resize(dataset.video(e, EGO), 32))
    heard = cache.sound[20 * 1600 :] / np.float32(32768)
    np.testing.assert_array_equal(heard, dataset.sound(1))


def test_the_cache_is_built_once_and_again_after_a_change(root: Path) -> None:
    first = open_cache(root, size=32, progress=False)
    stamp = (first.folder / "rgb.u8").stat().st_mtime_ns
    assert (open_cache(root, size=32).folder / "rgb.u8").stat().st_mtime_ns == stamp
    DatasetWriter(root, Clock(), (64, 64), resume=True).add(fake_demonstration(2))
    again = open_cache(root, size=32, progress=False)
    assert len(again) == 60
    assert len(first) == 40  # an open map outlives its file
    assert not list(first.folder.parent.glob("*.part"))


def test_a_read_only_dataset_is_cached_elsewhere(root: Path, tmp_path: Path) -> None:
    cache = open_cache(root, size=16, folder=tmp_path / "elsewhere", progress=False)
    assert cache.folder == tmp_path / "elsewhere"
    assert not (root / ".cache").exists()
    with pytest.raises(ValueError, match="read-only"):
        cache.rgb[0] = 0


def test_area_resize_is_the_mean_of_what_a_pixel_covers() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    blocks = frames.reshape(3, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(area_resize(frames, 32) - blocks).max() <= 1


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="does not exist"):
        open_cache(tmp_path)
