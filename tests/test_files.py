"""Laws of the files room: whole or absent, lossless where promised, one sentence where refused."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from multigen import files
from multigen.errors import ConfigError, FormatError, MediaError, OutputError
from multigen.types import SceneConfig, Waveform


@dataclass(frozen=True)
class Inner:
    size_m: float = 1.0
    pair: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    maybe: int | None = None


@pytest.fixture
def frames():
    y, x = np.mgrid[:48, :64]
    return np.stack(
        [np.stack([(x * 3 + t * 5) % 256, y * 4, x + y], -1) for t in range(30)]
    ).astype(np.uint8)


def test_a_record_survives_json() -> None:
    made = Outer("a", Inner(2.5), (Inner(), Inner(3.0)), 4)
    assert files.from_json(Outer, files.to_json(made)) == made


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            {"name": "a", "colour": 1},
            "unknown field 'colour'; valid fields here: name, inner, many, maybe",
        ),
        (
            {"name": "a", "inner": {"size_m": "big"}},
            "field 'inner.size_m' is \"big\", needs a number",
        ),
        ({"name": "a", "inner": {"pair": [1]}}, "needs a list of 2 values"),
        ({"inner": {}}, "field 'name' is missing"),
        ({"name": 3}, "needs text"),
        ({"name": "a", "maybe": True}, "needs an integer"),
        ([], "needs an object"),
    ],
)
def test_a_wrong_record_is_refused_by_name(data, says: str) -> None:
    with pytest.raises(ConfigError, match="world.json") as e:
        files.from_json(Outer, data, "world.json")
    assert says in str(e.value)


def test_arrays_are_equal_bytes(tmp_path: Path) -> None:
    arrays = {"a": np.arange(10.0), "b": np.ones((2, 3), np.uint8)}
    for name in ("x", "y"):
        files.write_arrays(tmp_path / f"{name}.npz", arrays)
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()
    back = files.read_arrays(tmp_path / "x.npz")
    assert all((back[k] == v).all() and back[k].dtype == v.dtype for k, v in arrays.items())


def test_a_truncated_array_file_is_refused(tmp_path: Path) -> None:
    files.write_arrays(tmp_path / "x.npz", {"a": np.arange(1000)})
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="not a readable array file"):
        files.read_arrays(tmp_path / "x.npz")


def test_roles_are_lossless_and_reproducible(tmp_path: Path) -> None:
    roles = np.random.default_rng(0).integers(0, 7, (12, 40, 50)).astype(np.uint8)
    for name in ("a", "b"):
        files.write_roles(tmp_path / f"{name}.mkv", roles, 25)
    assert (files.read_roles(tmp_path / "a.mkv") == roles).all()
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


@pytest.mark.parametrize("fps", [10, 25, 29.97])
def test_video_keeps_its_frames_and_rate(tmp_path: Path, frames, fps: float) -> None:
    for name in ("a", "b"):
        files.write_video(tmp_path / f"{name}.mp4", frames, fps, crf=10, gop=2)
    back, rate = files.read_video(tmp_path / "a.mp4")
    assert back.shape == frames.shape
    assert rate == pytest.approx(fps, rel=1e-3)
    assert np.abs(back.astype(float) - frames).mean() < 12
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_muxed_sound_keeps_its_length_and_place(tmp_path: Path, frames) -> None:
    click = np.zeros(19_200, np.float32)
    click[9_600:9_700] = 0.5
    files.write_video(tmp_path / "a.mp4", frames, 25, sound=Waveform(16_000, click))
    heard = files.read_sound(tmp_path / "a.mp4")
    assert abs(len(heard.samples) - 19_200) <= 2_048
    assert abs(int(np.abs(heard.samples).argmax()) - 9_650) < 200


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sound_on_the_sixteen_bit_grid_is_exact(tmp_path: Path, suffix: str) -> None:
    x = np.random.default_rng(0).integers(-32768, 32768, 5000).astype(np.float32) / 32768
    files.write_sound(tmp_path / f"a{suffix}", Waveform(16_000, x))
    assert (files.read_sound(tmp_path / f"a{suffix}").samples == x).all()


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_bad_videos_are_refused_in_one_sentence(tmp_path: Path, frames) -> None:
    empty, text, half, sound = (
        tmp_path / n for n in ("empty.mp4", "text.mp4", "half.mp4", "sound.wav")
    )
    empty.touch()
    text.write_text("no video at all")
    files.write_video(half, np.tile(frames, (4, 1, 1, 1)), 25)
    _half(half)
    files.write_sound(sound, Waveform(16_000, np.ones(1600, np.float32) * 0.1))
    for path, says in (
        (tmp_path / "none.mp4", "does not exist"),
        (empty, "is empty"),
        (text, "cannot be opened"),
        (half, "truncated|breaks off|cannot be opened|no frames"),
        (sound, "no video stream"),
    ):
        with pytest.raises(MediaError, match=says):
            files.read_video(path)


def test_a_video_without_sound_has_nothing_to_hear(tmp_path: Path, frames) -> None:
    files.write_video(tmp_path / "a.mp4", frames, 25)
    with pytest.raises(MediaError, match="no audio stream"):
        files.read_sound(tmp_path / "a.mp4")


def test_a_folder_is_continued_with_the_settings_it_was_begun_with(tmp_path: Path) -> None:
    files.begin_with(tmp_path, {"seed": 0, "nudge_mm": 18.0})
    files.begin_with(tmp_path, {"seed": 0, "nudge_mm": 18.0})
    with pytest.raises(OutputError, match=r"nudge_mm 18.0 \(now 0.0\)"):
        files.begin_with(tmp_path, {"seed": 0, "nudge_mm": 0.0})


def test_an_output_folder_is_never_overwritten_silently(tmp_path: Path) -> None:
    out = files.open_output(tmp_path / "out")
    (out / "kept.txt").write_text("work")
    with pytest.raises(OutputError, match="--resume"):
        files.open_output(out)
    assert (files.open_output(out, resume=True) / "kept.txt").exists()
    assert not (files.open_output(out, overwrite=True) / "kept.txt").exists()
    with pytest.raises(OutputError, match="is a file"):
        (tmp_path / "f").touch()
        files.open_output(tmp_path / "f")


def test_a_full_or_forbidden_folder_is_one_sentence_and_leaves_nothing() -> None:
    with pytest.raises(OutputError, match="cannot write"):
        files.open_output(Path("/proc/multigen"))
    with pytest.raises(OutputError, match="cannot write"):
        files.write_json(Path("/proc/multigen/x.json"), {})


def test_a_scene_is_plain_data() -> None:
    assert "command_text" in SceneConfig.__dataclass_fields__


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from multigen import files
from multigen.errors import OutputError
from multigen.types import Waveform
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rng, folder = np.random.default_rng(0), Path(sys.argv[1])
frames = rng.integers(0, 255, (40, 64, 64, 3)).astype(np.uint8)
sound = Waveform(16_000, rng.uniform(-1, 1, 160_000).astype(np.float32))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for write in (
    lambda: files.write_video(folder / "a.mp4", frames, 25, sound=sound),
    lambda: files.write_roles(folder / "a.mkv", frames[..., 0], 25),
    lambda: files.write_sound(folder / "a.wav", sound),
    lambda: files.write_sound(folder / "a.flac", sound),
    lambda: files.write_arrays(folder / "a.npz", {"a": rng.random(20_000)}),
    lambda: files.write_json(folder / "a.json", list(range(20_000))),
):
    try:
        write()
    except OutputError as e:
        print(e)
"""


def test_a_disk_that_takes_no_more_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip().splitlines()
    assert len(said) == 6, done.stdout + done.stderr
    assert all(s.startswith("cannot write") for s in said)
    assert not list(tmp_path.iterdir())
