"""Every planted damage is found, by the check that is meant for it; what can be mended is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fake_demonstrations import fake_demonstration
from multigen.dataset import EGO, FRONT, MIC, DatasetWriter, repair, tables, validate
from multigen.errors import FormatError
from multigen.files import read_json, read_roles, write_json, write_roles
from multigen.types import Clock, Demonstration, Waveform

EPISODES, ROWS_EACH, SIZE = 2, 10, (32, 32)
EGO_0, EGO_1 = (f"videos/{EGO}/chunk-000/file-00{i}.mp4" for i in (0, 1))
FLAC_1 = f"audio/{MIC}/chunk-000/episode-000001.flac"
MASK_1 = f"masks/{FRONT}/chunk-000/episode-000001.mkv"
CLIP_1 = f"clips/{FRONT}/chunk-000/episode-000001.mp4"
DATA_1 = "data/chunk-000/file-001.parquet"
ROWS = "meta/episodes/chunk-000/file-000.parquet"
INFO = "meta/info.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("validated") / "dataset"
    writer = DatasetWriter(root, Clock(), SIZE)
    for seed in range(EPISODES):
        writer.add(fake_demonstration(seed, seconds=ROWS_EACH / 10, size=SIZE))
    return root


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def levels(root: Path) -> dict[str, str]:
    """The worst level of every check."""
    worst: dict[str, str] = {}
    for finding in validate(root):
        worst.setdefault(finding.check, finding.level)
    return worst


def truncate(name: str) -> Callable[[Path], object]:
    def damage(root: Path) -> None:
        path = root / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def remove(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def empty(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes(b"")


def column(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    def damage(root: Path) -> None:
        columns = tables.read_columns(root / DATA_1)
        tables.write_columns(root / DATA_1, columns | {name: change(columns[name])})

    return damage


def info(**changes: object) -> Callable[[Path], object]:
    return lambda root: write_json(root / INFO, read_json(root / INFO) | changes)


def row(**changes: object) -> Callable[[Path], object]:
    def damage(root: Path) -> None:
        rows = tables.read_rows(root / ROWS)
        tables.write_rows(root / ROWS, [rows[0], rows[1] | changes])

    return damage


def swap(root: Path) -> None:
    one, two = (root / EGO_0).read_bytes(), (root / EGO_1).read_bytes()
    (root / EGO_0).write_bytes(two)
    (root / EGO_1).write_bytes(one)


def wrong_numbers(root: Path) -> None:
    stats = read_json(root / "meta/stats.json")
    stats["action"]["mean"][3] += 0.1
    write_json(root / "meta/stats.json", stats)


def other_flac(root: Path) -> None:
    samples, rate = soundfile.read(root / FLAC_1, dtype="int16")
    samples[100] += 1
    soundfile.write(root / FLAC_1, samples, rate, "PCM_16")


def unknown_role(root: Path) -> None:
    roles = read_roles(root / MASK_1)
    roles[3, 0, 0] = 9
    write_roles(root / MASK_1, roles, 10)


def nan_at_row_three(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[3] = np.nan
    return values


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated mp4": (truncate(EGO_1), "videos"),
    "empty mp4": (empty(EGO_1), "videos"),
    "missing mp4": (remove(EGO_1), "files"),
    "truncated parquet": (truncate(DATA_1), "rows"),
    "missing data file": (remove(DATA_1), "files"),
    "NaN in an action": (column("action", nan_at_row_three), "rows"),
    "wrong total_frames": (info(total_frames=21), "info"),
    "too many episodes counted": (info(total_episodes=3), "info"),
    "too few episodes counted": (info(total_episodes=1), "info"),
    "wrong fps": (info(fps=20), "info"),
    "wrong split": (info(splits={"train": "0:1"}), "info"),
    "wrong episode length": (row(length=9), "episodes"),
    "episodes out of order": (row(episode_index=5), "episodes"),
    "rows overlap": (row(dataset_from_index=9), "episodes"),
    "missing tasks": (remove("meta/tasks.parquet"), "info"),
    "missing statistics": (remove("meta/stats.json"), "statistics"),
    "wrong statistics": (wrong_numbers, "statistics"),
    "timestamp jump": (column("timestamp", lambda t: t + (np.arange(ROWS_EACH) > 4) * 1), "rows"),
    "timestamps drift 20 ms": (
        column("timestamp", lambda t: (t * 1.01).astype(np.float32)),
        "rows",
    ),
    "index shifted": (column("index", lambda i: i + 1), "rows"),
    "index not monotone": (column("frame_index", lambda i: i[::-1].copy()), "rows"),
    "wrong task": (column("task_index", lambda i: 1 - i), "rows"),
    "videos swapped": (swap, "hashes"),
    "video copied over another": (
        lambda r: shutil.copyfile(r / EGO_0, r / EGO_1),
        "hashes",
    ),
    "missing FLAC": (remove(FLAC_1), "files"),
    "truncated FLAC": (truncate(FLAC_1), "sound"),
    "FLAC differs in one bit": (other_flac, "sound"),
    "silent sound column": (column(MIC, np.zeros_like), "sound"),
    "sound off the grid": (column(MIC, lambda x: (x * 0.7).astype(np.float32)), "sound"),
    "NaN in the sound": (column(MIC, nan_at_row_three), "rows"),
    "short sound rows": (
        column(MIC, lambda x: np.ascontiguousarray(x[:, :1599])),
        "sound",
    ),
    "a millilitre lost": (
        column("label.source_ml", lambda v: v - (np.arange(ROWS_EACH) > 4)),
        "ledger",
    ),
    "wrong type of a column": (column("label.fill", lambda v: v.astype(np.float64)), "rows"),
    "missing masks": (remove(MASK_1), "files"),
    "truncated masks": (truncate(MASK_1), "masks"),
    "unknown role": (unknown_role, "masks"),
    "short masks": (lambda r: write_roles(r / MASK_1, read_roles(r / MASK_1)[:-1], 10), "masks"),
    "truncated clip": (truncate(CLIP_1), "clips"),
    "clip of another pour": (
        lambda r: shutil.copyfile(r / CLIP_1.replace("001.mp4", "000.mp4"), r / CLIP_1),
        "clips",
    ),
    "manifest gone": (remove("meta/manifest.json"), "hashes"),
}


def test_a_whole_dataset_passes_every_check(whole: Path) -> None:
    assert set(levels(whole).values()) == {"PASS"}


@pytest.mark.parametrize("name", DAMAGES)
def test_planted_damage_is_found(name: str, root: Path) -> None:
    damage, check = DAMAGES[name]
    damage(root)
    assert levels(root)[check] == "FAIL"


@pytest.mark.parametrize("name", ["videos swapped", "video copied over another"])
def test_swapped_videos_are_found_even_without_a_manifest(name: str, root: Path) -> None:
    DAMAGES[name][0](root)
    said = read_json(root / INFO)
    del said["manifest_sha256"]
    write_json(root / INFO, said)
    found = levels(root)
    assert (found["hashes"], found["statistics"]) == ("WARN", "FAIL")


def test_left_overs_are_a_warning(root: Path) -> None:
    (root / "data/chunk-000/file-002.parquet.part").write_bytes(b"half")
    found = levels(root)
    assert found.pop("files") == "WARN"
    assert set(found.values()) == {"PASS"}


def test_other_files_in_the_folder_are_nobodys_business(root: Path) -> None:
    write_json(root / "made_by.json", {"started": "now"})
    assert set(levels(root).values()) == {"PASS"}


def test_silence_that_was_ordered_is_a_warning(tmp_path: Path) -> None:
    demo = fake_demonstration(0, seconds=1, size=SIZE)
    deaf = Demonstration(demo.episode, Waveform(16_000, np.zeros_like(demo.sound.samples)))
    DatasetWriter(tmp_path / "a", Clock(), SIZE, {"sound": "none"}).add(deaf)
    DatasetWriter(tmp_path / "b", Clock(), SIZE, {"sound": "flow"}).add(deaf)
    DatasetWriter(tmp_path / "c", Clock(), SIZE, {"config": {"sound": "none"}}).add(deaf)
    found = [levels(tmp_path / name)["sound"] for name in "abc"]
    assert found == ["WARN", "FAIL", "WARN"]


def test_a_folder_that_is_no_dataset_fails_in_one_sentence(tmp_path: Path) -> None:
    assert [f.level for f in validate(tmp_path)] == ["FAIL"]
    (tmp_path / "meta").mkdir()
    (tmp_path / INFO).write_text(json.dumps({"fps": 10}))
    assert [f.level for f in validate(tmp_path)] == ["FAIL"]


def test_repair_leaves_a_whole_dataset_alone(root: Path) -> None:
    assert repair(root) == []


def test_repair_counts_an_episode_that_info_json_forgot(root: Path, whole: Path) -> None:
    info(total_episodes=1, total_frames=10, total_tasks=1, splits={"train": "0:1"})(root)
    assert levels(root)["info"] == "WARN"
    assert "counts 2 episodes instead of 1" in repair(root)[0]
    assert (root / INFO).read_bytes() == (whole / INFO).read_bytes()


@pytest.mark.parametrize("damage", [truncate(DATA_1), remove(EGO_1), truncate(FLAC_1)])
def test_repair_drops_a_damaged_end(damage: Callable[[Path], object], root: Path) -> None:
    damage(root)
    repair(root)
    assert set(levels(root).values()) == {"PASS"}
    assert read_json(root / INFO)["total_episodes"] == 1
    assert not (root / MASK_1).exists()


def test_repair_writes_lost_metadata_again(root: Path) -> None:
    wrong_numbers(root)
    remove("meta/tasks.parquet")(root)
    repair(root)
    assert set(levels(root).values()) == {"PASS"}


def test_repair_never_drops_a_good_episode(root: Path) -> None:
    (root / EGO_0).unlink()
    with pytest.raises(FormatError, match="episode 0 of 2 is damaged"):
        repair(root)
    assert (root / DATA_1).exists()


def test_two_workers_find_what_one_finds(root: Path) -> None:
    assert validate(root, workers=2) == validate(root)
    truncate(CLIP_1)(root)
    found = validate(root, workers=2)
    assert found == validate(root)
    assert "FAIL" in {f.level for f in found}
