"""Kill the writer wherever you like: the dataset stays usable and goes on to the same bytes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_demonstrations import fake_demonstration
from multigen.dataset import Dataset, DatasetWriter, repair, validate
from multigen.types import Clock

SIZE = (32, 32)


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


class Killed(BaseException):
    """Not an Exception: nothing may catch it on the way."""


def test_killed_at_any_rename_the_dataset_stays_usable_and_resumes_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second episode is stopped before one rename after another, until it gets through."""
    rename = Path.replace
    demos = [fake_demonstration(s, seconds=1, size=SIZE) for s in range(2)]
    whole = tmp_path / "whole"
    for demo in demos:
        DatasetWriter(whole, Clock(), SIZE).add(demo)
    begun = tmp_path / "begun"
    DatasetWriter(begun, Clock(), SIZE).add(demos[0])
    for stop in (0, 3, *range(7, 40)):  # its files, then each of the metadata
        root = Path(shutil.copytree(begun, tmp_path / str(stop)))
        writer, left = DatasetWriter(root, Clock(), SIZE), iter(range(stop))

        def replace(
            path: Path, target: Path, left: Iterator[int] = left, root: Path = root
        ) -> Path:
            if root in path.parents and next(left, None) is None:
                raise Killed
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            try:
                writer.add(demos[1])
            except Killed:
                done = False
            else:
                done = True
        assert "FAIL" not in {f.level for f in validate(root)}, f"after {stop} renames"
        assert len(Dataset(root)) == 1 + done
        if not done:
            if stop % 2:
                repair(root)
            left_to_do = demos[len(DatasetWriter(root, Clock(), SIZE)) :]
            for demo in left_to_do:
                DatasetWriter(root, Clock(), SIZE).add(demo)
        assert tree(root) == tree(whole), f"after {stop} renames"
        if done:
            assert stop > 10
            return
    pytest.fail("the episode never got through")
