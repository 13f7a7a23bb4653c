"""Laws of the pipeline: same seed, same bytes, whatever the number of workers; killed and resumed too."""

import hashlib
from pathlib import Path

import pytest

from multigen.audio.corpus import read_corpus
from multigen.dataset import Dataset, validate
from multigen.files import MadeBy, read_video
from multigen.pipeline.corpus import resound_corpus, synth_corpus
from multigen.pipeline.generate import generate
from multigen.scene import load_world

SIZE = 64


def make(out: Path, workers: int, sound: str = "flow", episodes: int = 2) -> Path:
    config = {"episodes": episodes, "seed": 7, "sound": sound}
    generate(
        out,
        episodes=episodes,
        seed=7,
        world=load_world("train"),
        sound=sound,
        made_by=MadeBy("generate", config, 7),
        workers=workers,
        size=SIZE,
    )
    return out


def content(root: Path) -> dict[str, str]:
    """Checksum of every file, and of the decoded frames of every video."""
    sums = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = str(path.relative_to(root))
        sums[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.suffix == ".mp4":
            sums[f"{name} frames"] = hashlib.sha256(read_video(path)[0].tobytes()).hexdigest()
    return sums


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("generate") / "one", workers=1)


def test_same_seed_same_bytes_with_one_worker_or_two(dataset: Path) -> None:
    assert content(make(dataset.parent / "two", workers=2)) == content(dataset)


def test_what_is_generated_validates_and_is_heard(dataset: Path) -> None:
    assert not [f for f in validate(dataset) if f.level == "FAIL"]
    opened = Dataset(dataset)
    assert len(opened) == 2
    for i, one in enumerate(opened.episodes):
        assert len(opened.sound(i)) == one.length * 1600
        assert abs(opened.sound(i)).max() > 0.01
        assert one.poured_ml > 0.5 * one.target_ml


def test_corpus_clips_are_the_same_for_any_number_of_workers_and_after_a_kill(
    tmp_path: Path,
) -> None:
    kwargs = {"clips": 3, "seed": 1, "seconds": 2.0, "size": 64}
    synth_corpus(tmp_path / "a", workers=1, **kwargs)
    synth_corpus(tmp_path / "b", workers=2, **kwargs)
    (tmp_path / "b" / "clips" / "000001.json").unlink()  # as if killed before the record
    assert len(read_corpus(tmp_path / "b")) == 2
    synth_corpus(tmp_path / "b", workers=2, **kwargs)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert [c.split for c in read_corpus(tmp_path / "a")] == ["train", "train", "val"]


def test_a_corpus_resounded_by_the_same_acoustics_is_the_same_corpus(tmp_path: Path) -> None:
    synth_corpus(tmp_path / "a", clips=1, seed=1, seconds=2.0, size=64, workers=1)
    before = content(tmp_path / "a")
    resound_corpus(tmp_path / "a", seed=1, workers=1)
    assert content(tmp_path / "a") == before
