"""The front hall: help that teaches, one sentence and a non-zero exit for bad input, nothing half-written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multigen import files
from multigen.cli.main import VERBS, main
from multigen.types import Waveform


def refused(capsys, *args: object) -> str:
    """Run a verb that must refuse; the one sentence it says."""
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in args])
    said = capsys.readouterr().err.strip()
    assert stop.value.code == 2
    assert said.startswith("multigen: ")
    assert len(said.splitlines()) == 1
    return said


@pytest.fixture
def video(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3)).astype(np.uint8)
    files.write_video(tmp_path / "pour.mp4", frames, 20)
    return tmp_path / "pour.mp4"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_teaches_by_example(verb: str, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert "Example" in capsys.readouterr().out


def test_unusable_videos_are_refused_and_nothing_is_written(
    tmp_path: Path, video: Path, capsys
) -> None:
    empty, half, sound = (tmp_path / n for n in ("empty.mp4", "half.mp4", "sound.wav"))
    empty.touch()
    half.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    files.write_sound(sound, Waveform(16_000, np.full(1600, 0.1, np.float32)))
    out = tmp_path / "heard" / "out.mp4"
    for bad in (tmp_path / "missing.mp4", empty, half, sound):
        refused(capsys, "sonify", "--video", bad, "--out", out)
        assert not out.exists()
        assert not list(tmp_path.rglob("*.part"))


def test_a_video_is_written_only_as_something_that_holds_sound(
    video: Path, tmp_path: Path, capsys
) -> None:
    said = refused(capsys, "sonify", "--video", video, "--out", tmp_path / "out.gif")
    assert ".wav, .flac or .mp4" in said


def test_a_world_with_an_unknown_field_or_a_wrong_type_is_refused(tmp_path: Path, capsys) -> None:
    main_out = subprocess.run(
        [sys.executable, "-m", "multigen.cli", "world", "--print", "train"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    world = json.loads(main_out)
    (tmp_path / "w.json").write_text(json.dumps({**world, "gravity_on_mars": 3.7}))
    said = refused(capsys, "generate", "--world", tmp_path / "w.json", "--out", tmp_path / "d")
    assert "unknown field 'gravity_on_mars'" in said
    assert "valid fields" in said
    first = next(iter(world))
    (tmp_path / "w.json").write_text(json.dumps({**world, first: {"not": "this"}}))
    said = refused(capsys, "generate", "--world", tmp_path / "w.json", "--out", tmp_path / "d")
    assert first in said
    assert not (tmp_path / "d").exists()


def test_unknown_names_are_refused_with_the_known_ones(tmp_path: Path, capsys) -> None:
    said = refused(capsys, "generate", "--world", "mars", "--out", tmp_path / "d")
    assert "train" in said
    said = refused(
        capsys, "bench", "--policy", "expert", "--conditions", "tea", "--out", tmp_path / "b"
    )
    assert "water-white_cup-red_cup" in said


def test_a_forbidden_output_folder_is_one_sentence(capsys) -> None:
    said = refused(capsys, "generate", "--episodes", 1, "--out", "/proc/multigen")
    assert "cannot write" in said


def test_a_used_output_folder_is_refused(tmp_path: Path, capsys) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "precious.txt").write_text("mine")
    said = refused(capsys, "generate", "--episodes", 1, "--out", tmp_path / "d")
    assert "--overwrite" in said
    assert (tmp_path / "d" / "precious.txt").read_text() == "mine"


def test_no_opengl_names_the_packages(tmp_path: Path) -> None:
    env = os.environ | {"MUJOCO_GL": "glfw", "DISPLAY": ""}
    done = subprocess.run(
        [sys.executable, "-m", "multigen.cli", "look", "--seed", "1", "--out", tmp_path / "x.png"],
        capture_output=True, text=True, env=env, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "libegl1" in done.stderr
    assert not (tmp_path / "x.png").exists()


def test_weights_of_the_wrong_shape_are_refused(tmp_path: Path, video: Path, capsys) -> None:
    from safetensors.numpy import load_file, save_file

    from multigen.audio import generator

    packaged = Path(generator.__file__).parent / "weights" / "pour_micro"
    broken = tmp_path / "model"
    broken.mkdir()
    for path in packaged.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = load_file(broken / "model.safetensors")
    name = next(k for k, v in weights.items() if v.ndim == 2)
    weights[name] = weights[name][:-1]
    save_file(weights, broken / "model.safetensors")
    out = tmp_path / "out.wav"
    said = refused(capsys, "sonify", "--video", video, "--with", broken, "--out", out)
    assert name in said
    assert not out.exists()
