"""A dataset reads back as it was written, in every stream, whatever happened while writing."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fake_demonstrations import fake_demonstration
from multigen.dataset import ACTION, EEF, EGO, FRONT, MIC, STATE, Dataset, DatasetWriter
from multigen.errors import ClockError, FormatError, MediaError, OutputError
from multigen.files import read_json, read_sound, replacing, write_video
from multigen.types import Clock, Demonstration, Waveform

SIZE = (64, 64)
MADE_BY = {"command": "test", "seed": 0}


def write(root: Path, episodes: int = 3, **options) -> DatasetWriter:
    writer = DatasetWriter(root, Clock(), SIZE, MADE_BY, **options)
    for seed in range(len(writer), episodes):
        writer.add(fake_demonstration(seed))
    return writer


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "dataset"
    write(folder)
    return folder


def test_arrays_and_sound_read_back_bit_exact(root: Path) -> None:
    dataset = Dataset(root)
    assert len(dataset) == 3
    for i in range(3):
        demo, rows = fake_demonstration(i), dataset.rows(i)
        for key, name in ((STATE, "state"), (EEF, "eef"), (ACTION, "action")):
            np.testing.assert_array_equal(rows[key], getattr(demo.episode, name))
        np.testing.assert_array_equal(dataset.sound(i), demo.sound.samples)
        np.testing.assert_array_equal(read_sound(dataset.sound_file(i)).samples, demo.sound.samples)
        np.testing.assert_array_equal(dataset.masks(i, EGO), demo.episode.ego_roles)
        np.testing.assert_array_equal(dataset.clip(i).roles, demo.episode.front_roles)


def test_pictures_survive_encoding_nearly(root: Path) -> None:
    dataset, demo = Dataset(root), fake_demonstration(1)
    for seen, shown in (
        (dataset.video(1, EGO), demo.episode.ego),
        (dataset.clip(1).rgb, demo.episode.front),
    ):
        assert seen.shape == shown.shape
        assert np.abs(seen.astype(int) - shown).mean() < 16  # random colours, halved chroma


def test_a_row_shows_the_newest_front_frame(root: Path) -> None:
    """25 Hz into 10 Hz: rows 0..5 show frames 0, 2, 5, 7, 10, 12."""
    dataset, demo = Dataset(root), fake_demonstration(0)
    np.testing.assert_array_equal(
        dataset.masks(0, FRONT)[:6], demo.episode.front_roles[[0, 2, 5, 7, 10, 12]]
    )


def test_labels_are_the_ledger_at_the_rows_time(root: Path) -> None:
    rows, trace = Dataset(root).rows(0), fake_demonstration(0).episode.trace
    assert rows["label.source_ml"][7] == np.float32(trace.source_ml[69])  # ends at 0.70 s
    assert rows["label.source_ml"][0] == np.float32(trace.source_ml[0])
    total = sum(rows[f"label.{k}_ml"] for k in ("source", "receiver", "spilled", "in_flight"))
    np.testing.assert_allclose(total, 210.0, atol=1e-3)
    assert 0 < rows["label.fill"][-1] < 1


def test_counters_go_on_through_the_dataset(root: Path) -> None:
    dataset = Dataset(root)
    index = np.concatenate([dataset.rows(i)["index"] for i in range(3)])
    np.testing.assert_array_equal(index, np.arange(60))
    assert dataset.rows(2)["timestamp"][3] == np.float32(0.3)
    assert [e.task for e in dataset.episodes] == [
        "pour quarter of the water",
        "pour half of the water",
        "pour all of the water",
    ]
    assert dataset.tasks == [e.task for e in dataset.episodes]


def test_an_episode_knows_its_scene_and_its_outcome(root: Path) -> None:
    one, demo = Dataset(root).episodes[1], fake_demonstration(1)
    assert one.scene == demo.episode.scene
    assert (one.seed, one.condition, one.command) == (1, "water-white_cup-red_cup", 0.5)
    assert one.poured_ml == demo.episode.outcome.poured_ml
    assert one.spilled_ml == demo.episode.outcome.spilled_ml


def test_lerobot_doctor_finds_no_failure(root: Path) -> None:
    doctor = Path(sys.executable).with_name("lerobot-doctor")
    done = subprocess.run(
        [doctor, "check", root, "--ci"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 fail" in done.stderr


def test_same_input_same_bytes(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "again")
    assert tree(tmp_path / "again") == tree(root)


def test_a_killed_run_resumes_to_the_same_bytes(root: Path, tmp_path: Path) -> None:
    """Killed inside episode 1: its data and a .part are there, info.json counts one episode."""
    folder = tmp_path / "killed"
    write(folder, episodes=1)
    info = (folder / "meta/info.json").read_bytes()
    writer = DatasetWriter(folder, Clock(), SIZE, MADE_BY, resume=True)
    writer.add(fake_demonstration(1))
    (folder / "meta/info.json").write_bytes(info)  # as if killed before the last rename
    (folder / "data/chunk-000/file-002.parquet.part").write_bytes(b"half")
    assert len(Dataset(folder)) == 1
    write(folder, resume=True)
    assert tree(folder) == tree(root)


def test_a_run_killed_in_its_first_episode_starts_over(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "early"
    write(folder, episodes=1)
    (folder / "meta/info.json").unlink()
    assert len(write(folder, resume=True)) == 3
    assert tree(folder) == tree(root)


def test_the_hundredth_episode_begins_a_new_metadata_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("layout", "manifest"):
        monkeypatch.setattr(f"multigen.dataset.{name}.ROWS", 2)
    write(tmp_path / "whole", episodes=5)
    assert len(Dataset(tmp_path / "whole")) == 5
    assert len(list((tmp_path / "whole/meta/episodes").rglob("*.parquet"))) == 3
    write(tmp_path / "cut", episodes=2)
    write(tmp_path / "cut", episodes=3, resume=True)
    write(tmp_path / "cut", episodes=5, resume=True)
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_a_finished_video_is_copied_and_must_fit(tmp_path: Path) -> None:
    demo = fake_demonstration(0)
    write_video(tmp_path / "ego.mp4", demo.episode.ego, 10, crf=30, gop=2)
    write_video(tmp_path / "front.mp4", demo.episode.front, 25)
    writer = DatasetWriter(tmp_path / "d", Clock(), SIZE)
    writer.add(demo, ego_video=tmp_path / "ego.mp4", front_25=tmp_path / "front.mp4")
    copy = tmp_path / "d/videos/observation.images.ego/chunk-000/file-000.mp4"
    assert copy.read_bytes() == (tmp_path / "ego.mp4").read_bytes()
    with pytest.raises(FormatError, match="50 frames instead of 20"):
        writer.add(demo, ego_video=tmp_path / "front.mp4")
    with pytest.raises(MediaError, match="missing"):
        writer.add(demo, front_25=tmp_path / "nowhere.mp4")
    assert len(writer) == 1


def test_closing_removes_what_a_failed_episode_left(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the masks of the second episode."""
    with DatasetWriter(tmp_path / "d", Clock(), SIZE, MADE_BY) as writer:
        writer.add(fake_demonstration(0))
        whole = tree(tmp_path / "d")
        with monkeypatch.context() as patch:
            patch.setattr("multigen.dataset.writer.write_roles", _no_space)
            with pytest.raises(OutputError, match="No space left"):
                writer.add(fake_demonstration(1))
        assert tree(tmp_path / "d").keys() > whole.keys()
    assert tree(tmp_path / "d") == whole
    assert writer.add(fake_demonstration(1)) == 1
    assert writer.add(fake_demonstration(2)) == 2
    assert tree(tmp_path / "d") == tree(root)


def _no_space(path: Path, *_: object) -> None:
    with replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_does_not_fit_is_refused_before_a_byte_is_written(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path / "d", Clock(), SIZE)
    one = fake_demonstration(0)
    with pytest.raises(FormatError, match="ego has shape"):
        writer.add(fake_demonstration(0, size=(32, 32)))
    with pytest.raises(ClockError, match="runs on"):
        writer.add(fake_demonstration(0, clock=Clock(control_hz=20, front_hz=20)))
    nan = np.full_like(one.sound.samples, np.nan)
    with pytest.raises(MediaError, match="NaN"):
        writer.add(Demonstration(one.episode, Waveform(16_000, nan)))
    assert not (tmp_path / "d").exists()


def test_a_finished_dataset_is_never_overwritten(root: Path) -> None:
    with pytest.raises(OutputError, match="already holds"):
        DatasetWriter(root, Clock(), SIZE, MADE_BY, resume=False)
    with pytest.raises(OutputError, match="another 'made_by'"):
        DatasetWriter(root, Clock(), SIZE, {"seed": 1})


def test_lerobot_reads_the_task_from_the_pandas_index(root: Path) -> None:
    hint = pq.read_schema(root / "meta/tasks.parquet").pandas_metadata
    assert hint["index_columns"] == ["task"]
    assert read_json(root / "meta/stats.json")[MIC]["mean"] != []
    assert np.shape(read_json(root / "meta/stats.json")[EGO]["std"]) == (3, 1, 1)


def test_a_reader_follows_file_numbers_after_lerobot_deletes_an_episode(
    root: Path, tmp_path: Path
) -> None:
    """delete_episodes renumbers episodes, keeps file numbers and drops our columns."""
    import shutil

    from multigen.dataset import tables
    from multigen.files import write_json

    folder = tmp_path / "edited"
    shutil.copytree(root, folder)
    shutil.rmtree(folder / "audio")
    (folder / "data/chunk-000/file-000.parquet").unlink()
    path = folder / "meta/episodes/chunk-000/file-000.parquet"
    kept = [
        {k: v for k, v in row.items() if not k.startswith(("pour/", "sidecar/"))}
        | {"episode_index": row["episode_index"] - 1}
        for row in tables.read_rows(path)[1:]
    ]
    tables.write_rows(path, kept)
    for number in (1, 2):
        data = folder / f"data/chunk-000/file-{number:03d}.parquet"
        columns = tables.read_columns(data)
        tables.write_columns(data, columns | {"episode_index": columns["episode_index"] - 1})
    info = read_json(folder / "meta/info.json") | {"total_episodes": 2}
    write_json(folder / "meta/info.json", info)
    dataset = Dataset(folder)
    np.testing.assert_array_equal(dataset.sound(0), fake_demonstration(1).sound.samples)
    assert dataset.episodes[0].command == 0.5  # parsed from the task
    assert np.isnan(dataset.episodes[0].target_ml)
    with pytest.raises(FormatError, match="dropped it"):
        _ = dataset.episodes[0].scene
    with pytest.raises(FormatError, match="drop our folders"):
        dataset.clip(0)
