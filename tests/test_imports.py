"""Anyone's recordings: a pour passes; silence, clipping, a still picture and a voice are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from multigen.audio.acoustics import sound_of_pour
from multigen.audio.cache import open_cache
from multigen.audio.corpus import read_corpus
from multigen.audio.fitness import fitness
from multigen.audio.import_epic import epic_segments, seconds_of
from multigen.audio.import_soundofwater import geometry_of
from multigen.audio.imports import Segment, import_segments, read_verdicts
from multigen.audio.limits import Limits
from multigen.audio.sound_model import latents_for
from multigen.audio.windows import Augmentation, Windows
from multigen.cli.main import main
from multigen.errors import FormatError
from multigen.files import write_sound, write_video
from multigen.files.excerpt import frames_between, length_s, sound_between
from multigen.types import Liquid, Waveform
from pours import bottle, cylinder, pour

RATE = 16_000


def a_pour(seed: int, seconds: float = 4.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vessel = cylinder(float(rng.uniform(0.025, 0.05)), float(rng.uniform(0.06, 0.2)))
    flow = 0.7 * vessel.capacity_ml / seconds
    trace = pour(
        vessel, seconds=seconds, start=0.5, stop=seconds - 0.5, flow_ml_s=flow, source_ml=2e3
    )
    source = bottle() if seed % 2 else cylinder()
    return sound_of_pour(trace, source, vessel, Liquid(), rng=rng)


def a_voice(seed: int, seconds: float = 4.0, syllables_hz: float = 4.0) -> np.ndarray:
    """Glottal pulses of a gliding pitch through three formants, in syllables."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = rng.uniform(95, 240) * (1 + 0.08 * np.sin(2 * np.pi * 0.4 * t + rng.uniform(0, 6)))
    wave = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0)
    for formant, width in ((500, 80), (1500, 120), (2500, 160)):
        r = np.exp(-np.pi * width / RATE)
        wave = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * formant / RATE), r * r], wave)
    wave = wave * np.clip(np.sin(2 * np.pi * syllables_hz * t), 0, 1)
    wave = 0.3 * wave / np.abs(wave).max() + 0.001 * rng.standard_normal(len(t))
    return wave.astype(np.float32)


def moving(seconds: float = 4.0, fps: float = 10.0) -> np.ndarray:
    """A bright thin stream that flickers in a still, dim room."""
    rng = np.random.default_rng(0)
    frames = np.full((round(seconds * fps), 64, 96, 3), 60, np.uint8)
    frames[:, 10:50, 46:49] = rng.integers(120, 255, (len(frames), 40, 3, 3))
    return frames


def run(*args: object) -> None:
    """One verb, which must end well."""
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in args])
    assert stop.value.code == 0


def judged(wave: np.ndarray, frames: np.ndarray | None = None):
    return fitness(np.asarray(wave, np.float32)[None], RATE, frames, 10.0)


@pytest.mark.parametrize("seed", range(4))
def test_a_pour_passes(seed):
    found = judged(a_pour(seed), moving())
    assert found.why is None
    assert found.measures["voiced_share"] < 0.05
    assert found.measures["moving_share"] > 0.9


@pytest.mark.parametrize(("seed", "hz"), [(0, 3.0), (1, 4.0), (2, 5.5)])
def test_a_voice_in_syllables_is_refused(seed, hz):
    voice = a_voice(seed, syllables_hz=hz)
    found = judged(voice)
    assert found.why == "speech"
    assert found.measures["voiced_share"] > 0.5
    assert "somebody speaks" in found.reason


def test_a_voice_well_below_the_pour_passes():
    pouring = a_pour(0)
    quiet = a_voice(0)[: len(pouring)]
    quiet *= 0.2 * np.std(pouring) / np.std(quiet)
    assert judged(pouring + quiet).why is None


def test_a_steady_hum_is_no_speech_and_silence_is_silent():
    t = np.arange(4 * RATE) / RATE
    hum = 0.2 * sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 15))
    assert judged(hum).why != "speech"
    assert judged(np.zeros(4 * RATE)).why == "silent"
    assert judged(1e-4 * np.random.default_rng(0).standard_normal(4 * RATE)).why == "silent"


def test_one_clipped_channel_is_enough():
    pouring = a_pour(1)
    loud = np.clip(8 * pouring / np.abs(pouring).max(), -1, 1)
    both = np.stack([0.2 * pouring, loud]).astype(np.float32)
    assert fitness(both, RATE, None).why == "clipped"
    assert judged(0.9 * pouring / np.abs(pouring).max()).why is None


def test_a_still_picture_is_refused_and_so_are_two_slides():
    still = np.repeat(moving()[:1], 40, axis=0)
    noise = np.random.default_rng(1).integers(-1, 2, still.shape)
    assert judged(a_pour(0), (still + noise).astype(np.uint8)).why == "static"
    slides = still.copy()
    slides[20:] = 200
    assert judged(a_pour(0), slides).why == "static"


def test_every_limit_can_be_set():
    wave = a_voice(0)[None]
    assert fitness(wave, RATE, None, limits=replace(Limits(), voiced_share=1.0)).why is None


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    """pour.mp4 (9.5 s), talk.mp4, loud.mp4, slide.mp4, quiet.mp4, mute.mp4, blink.mp4, broken.mp4."""
    root = tmp_path_factory.mktemp("recordings")
    long, four = a_pour(0, 9.5), a_pour(1)
    loud = np.clip(20 * four / np.abs(four).max(), -1, 1)
    still = np.repeat(moving()[:1], 40, axis=0)

    def write(name, frames, wave):
        sound = None if wave is None else Waveform(RATE, np.asarray(wave, np.float32))
        write_video(root / f"{name}.mp4", frames, 10.0, sound=sound)

    write("pour", moving(9.5), long)
    write("talk", moving(), a_voice(0))
    write("loud", moving(), loud)
    write("slide", still, four)
    write("quiet", moving(), np.zeros(4 * RATE))
    write("mute", moving(), None)
    write("blink", moving(0.5), four[RATE : RATE + RATE // 2])
    (root / "broken.mp4").write_bytes((root / "pour.mp4").read_bytes()[:4000])
    return root


def test_a_folder_of_videos_becomes_a_corpus_with_a_reason_each(recordings, tmp_path, capsys):
    out = tmp_path / "corpus"
    run("corpus", "import", recordings, "--out", out)
    assert "2 of 9 clips kept" in capsys.readouterr().out
    summary = json.loads((out / "import.json").read_text())
    assert summary["counts"]["kept"] == 2
    assert {v["file"]: v["why"] for v in summary["verdicts"]} == {
        "pour.mp4": None, "talk.mp4": "speech", "loud.mp4": "clipped", "slide.mp4": "static",
        "quiet.mp4": "silent", "mute.mp4": "unusable", "blink.mp4": "short",
        "broken.mp4": "unusable",
    }  # fmt: skip
    assert [c.id for c in read_corpus(out)] == ["pour-000", "pour-001"]
    page = (out / "import.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 7
    assert all(
        v["reason"].split(",")[0][:30] in page for v in summary["verdicts"] if v["why"] == "speech"
    )
    assert "http" not in page.replace("http-equiv", "")
    made = {p: p.stat().st_mtime_ns for p in (out / "clips").iterdir()}
    run("corpus", "import", recordings, "--out", out, "--resume")
    assert made == {p: p.stat().st_mtime_ns for p in (out / "clips").iterdir()}
    assert read_verdicts(out).counts == summary["counts"]


def test_excerpts_line_up_with_the_whole(recordings):
    path = recordings / "pour.mp4"
    assert length_s(path) == pytest.approx(9.5, abs=0.15)
    whole, late = frames_between(path, 0, 9.5, fps=10), frames_between(path, 6.0, 8.0, fps=10)
    assert len(whole) == 95
    np.testing.assert_array_equal(late, whole[60:80])
    (a, rate), (b, _) = sound_between(path, 0, 9.5), sound_between(path, 6.0, 8.0)
    assert b.shape == (1, 2 * rate)
    np.testing.assert_allclose(b, a[:, 6 * rate : 8 * rate], atol=1e-3)
    small = frames_between(path, 0, 0.2, short_side=32)
    assert small.shape[1:] == (32, 48, 3)


def test_two_recordings_of_one_name_are_refused(tmp_path):
    twin = Segment("a", tmp_path / "a.mp4", "train")
    with pytest.raises(FormatError, match="'a'"):
        import_segments([twin, twin], tmp_path)


EPIC = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,"
    "start_frame,stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
)


def epic_row(number, start, stop, narration, verb, verb_class, noun, person="P01", video="P01_01"):
    return (
        f"{video}_{number},{person},{video},00:00:00.00,00:00:{start:05.2f},00:00:{stop:05.2f},1,2,"
        f"{narration},{verb},{verb_class},{noun},0,\"['{noun}']\",[0]\n"
    )


@pytest.fixture
def epic(recordings, tmp_path) -> tuple[Path, Path]:
    table = tmp_path / "EPIC_100_train.csv"
    table.write_text(
        EPIC
        + epic_row(1, 1.5, 3.0, "pour olive oil", "pour-into", 9, "oil:olive")
        + epic_row(2, 3.5, 4.0, "take cup", "take", 0, "cup")
        + epic_row(3, 5.0, 5.5, "sieve water", "sieve", 9, "water")
        + epic_row(4, 6.5, 7.5, "pour water", "pour", 9, "water")
        + epic_row(5, 8.0, 9.0, "wash pan", "wash", 2, "pan")
        + epic_row(6, 1.0, 2.0, "pour rice", "pour", 9, "rice")
        + epic_row(7, 1.0, 3.0, "pour milk", "pour", 9, "milk", "P02", "P02_03")
        + epic_row(8, 1.0, 3.0, "pour tea", "pour", 9, "tea", "P03", "P03_01")
    )
    videos = tmp_path / "EPIC-KITCHENS"
    for person, video in (("P01", "P01_01"), ("P02", "P02_03")):
        (videos / person / "videos").mkdir(parents=True)
        (videos / person / "videos" / f"{video}.MP4").symlink_to(recordings / "pour.mp4")
    return table, videos


def test_epic_kitchens_gives_its_poured_liquids(epic, tmp_path, capsys):
    table, videos = epic
    out = tmp_path / "epic"
    run(
        "corpus", "import-epic", "--annotations", table, "--videos", videos, "--val-every", 2,
        "--out", out,
    )  # fmt: skip
    assert "2 of 2 clips kept, 2 left out" in capsys.readouterr().out
    first, second = read_corpus(out)
    assert (first.id, first.caption, first.split) == ("P01_01_1-000", "pour olive oil", "train")
    assert (second.id, second.split) == ("P02_03_7-000", "val")
    assert first.duration_s == pytest.approx(3.5, abs=0.05)
    assert first.source == "epic-kitchens"
    assert "NC" in first.licence
    assert not first.redistributable
    notes = json.loads((out / "made_by.json").read_text())["notes"]
    assert any("wash pan" in n for n in notes)
    assert any("P03_01" in n for n in notes)


def test_other_tables_are_no_epic_annotations(epic, tmp_path):
    table, videos = epic
    assert seconds_of("01:02:03.50") == 3723.5
    kept, _ = epic_segments(table, videos, keep_loud=True)
    assert len(kept) == 3
    with pytest.raises(FormatError, match="none of the"):
        epic_segments(table, tmp_path / "nowhere")
    table.write_text("a,b\n1,2\n")
    with pytest.raises(FormatError, match="narration_id"):
        epic_segments(table, videos)
    table.write_text(
        EPIC + epic_row(1, 1, 2, "pour", "pour", 9, "water").replace("['", "exit(), [")
    )
    with pytest.raises(FormatError, match="line 2"):
        epic_segments(table, videos)


def test_esc50_gives_sounds_without_pictures(tmp_path, capsys):
    root, out = tmp_path / "ESC-50", tmp_path / "out"
    (root / "meta").mkdir(parents=True)
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold, name, target in ((1, "pouring_water", 17), (5, "pouring_water", 17), (1, "dog", 0)):
        file = f"{fold}-{fold}000-A-{target}.wav"
        rows.append(f"{file},{fold},{target},{name},{target == 0},{fold}000,A")
        padded = np.pad(a_pour(fold)[: 3 * RATE], (0, 2 * RATE))
        write_sound(root / "audio" / file, Waveform(RATE, padded))
    (root / "meta" / "esc50.csv").write_text("\n".join(rows) + "\n")
    run("corpus", "import-esc50", root, "--out", out)
    assert "2 of 2 clips kept" in capsys.readouterr().out
    first, second = read_corpus(out)
    assert (first.split, second.split) == ("train", "val")
    assert first.video is None
    assert first.roles is None
    assert 2 < first.duration_s <= 3.01
    assert first.licence == "CC BY-NC 3.0"
    cache = open_cache(out, size=64)
    assert not cache.clips[0].has_picture
    rgb, _, sound = cache.whole(0)
    assert rgb.max() == 0
    assert np.abs(sound).max() > 100
    latents = [torch.zeros(latents_for(c.frames), 4) for c in cache.clips]
    windows = Windows(
        cache, latents, split="train", window_s=1.6, batch_size=2, seed=0,
        augmentation=Augmentation(blind=0.0),
    )  # fmt: skip
    assert windows.batch(0)["blind"].all()
    assert windows.fixed(1)[0]["blind"].all()
    with pytest.raises(SystemExit):
        main(["corpus", "import-esc50", str(root), "--out", str(out), "--categories", "rain"])
    assert "pouring_water" in capsys.readouterr().err


def test_sound_of_water_brings_its_geometry(recordings, tmp_path, capsys):
    root, out = tmp_path / "sow", tmp_path / "out"
    for folder in ("videos", "annotations", "splits"):
        (root / folder).mkdir(parents=True)
    (root / "annotations" / "containers.yaml").write_text(
        "container_1:\n  shape: semiconical\n  material: plastic\n  measurements:\n"
        "    diameter_bottom: 5.7\n    diameter_top: 6.3\n    net_height: 19.7\n    thickness: 0.32\n"
    )
    (root / "annotations" / "localisation.csv").write_text(
        "video_id,start_time,end_time,setting,liquid,container_id\n"
        "VID_1,2.057,11.5,kitchen,water_normal,container_1\n"
        "VID_2,0,4,kitchen,water_hot,container_1\n"
        "VID_3,0,4,kitchen,water_hot,container_1\n"
    )
    (root / "videos" / "VID_1_2.1_11.5.mp4").symlink_to(recordings / "pour.mp4")
    (root / "videos" / "VID_2_0.0_4.0.mp4").symlink_to(recordings / "talk.mp4")
    (root / "splits" / "train.txt").write_text("VID_2_0.0_4.0\n")
    run("corpus", "import-soundofwater", root, "--out", out)
    assert "2 of 3 clips kept, 1 left out" in capsys.readouterr().out
    clip = read_corpus(out)[0]
    assert clip.split == "val"
    assert clip.caption == "pouring water into a semiconical plastic container"
    assert clip.geometry is not None
    assert clip.geometry["receiver_depth_m"] == 0.197
    assert clip.geometry["receiver_rim_radius_m"] == 0.0315
    assert clip.geometry["receiver_wall_m"] == 0.0032
    assert clip.geometry["receiver_capacity_ml"] == pytest.approx(557.4, abs=0.5)


def test_measurements_that_are_none_are_refused():
    with pytest.raises(FormatError, match="net_height"):
        geometry_of({"measurements": {"net_height": -3}}, "container_9")
    bottle_only = geometry_of({"shape": "bottleneck", "measurements": {"net_height": 20}}, "b")
    assert bottle_only == {"receiver_depth_m": 0.2}
