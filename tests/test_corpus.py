"""Corpora and their cache: nothing unfinished is read, and frames line up with samples."""

from pathlib import Path

import numpy as np
import pytest

from multigen.audio.cache import SAMPLES_PER_FRAME, open_cache
from multigen.audio.corpus import (
    read_corpus,
    read_scene,
    read_trace,
    write_clip,
)
from multigen.audio.imports import import_videos
from multigen.audio.shrink import pack_roles, resample_frames, role_coverage, shrink_frames
from multigen.errors import ClockError, ConfigError, FormatError, MediaError
from multigen.files import write_video
from multigen.types import Clip, PourTrace, Role, Waveform

SIZE = 32


def counting_clip(frames: int, fps: float = 25.0, roles: bool = True) -> tuple[Clip, Waveform]:
    """Frame f is grey of level 4 f; sample n holds the number of the 25 Hz frame it belongs to."""
    grey = np.arange(frames, dtype=np.uint8)[:, None, None, None] * np.uint8(4)
    rgb = np.broadcast_to(grey, (frames, 64, 64, 3)).copy()
    image = np.zeros((frames, 64, 64), np.uint8)
    image[:, 32:] = Role.TABLE
    image[:, :32, 20] = Role.STREAM
    samples = round(frames / fps * 16_000)
    wave = np.float32(np.arange(samples) // 640) / 1024
    return Clip(fps, rgb, image if roles else None), Waveform(16_000, wave)


def trace(steps: int) -> PourTrace:
    ramp = np.linspace(0, 1, steps)
    return PourTrace(100, *(ramp + i for i in range(11)))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for id, frames, split in (("b", 30, "val"), ("a", 50, "train")):
        clip, sound = counting_clip(frames)
        write_clip(tmp_path, id, clip, sound, split=split, trace=trace(4 * frames))
    return tmp_path


def test_clips_come_back_sorted_and_whole(corpus):
    a, b = read_corpus(corpus)
    assert (a.id, b.id, a.split, b.split) == ("a", "b", "train", "val")
    assert (a.duration_s, a.fps, a.source) == (2.0, 25.0, "synthetic")
    assert a.video.is_absolute()
    assert read_scene(a) is None
    assert a.trace is not None
    back, want = read_trace(a.trace), trace(200)
    np.testing.assert_allclose(back.receiver_level_m, want.receiver_level_m, atol=1e-6)
    assert back.liquid_hz == 100


def test_an_unfinished_clip_is_not_read(corpus):
    (corpus / "clips" / "a.json").unlink()
    assert [clip.id for clip in read_corpus(corpus)] == ["b"]


def test_an_empty_folder_and_a_lost_file_are_told_apart(corpus, tmp_path):
    with pytest.raises(FormatError, match="no finished clip"):
        read_corpus(tmp_path / "nothing")
    (corpus / "clips" / "a.flac").unlink()
    with pytest.raises(FormatError, match=r"a\.flac is missing"):
        read_corpus(corpus)


def test_a_record_with_an_unknown_field_is_refused(corpus):
    record = corpus / "clips" / "a.json"
    record.write_text(record.read_text().replace('"caption"', '"subtitle"'))
    with pytest.raises(FormatError, match="subtitle"):
        read_corpus(corpus)


def test_equal_clips_are_equal_bytes(corpus, tmp_path):
    clip, sound = counting_clip(30)
    write_clip(tmp_path / "again", "b", clip, sound, split="val", trace=trace(120))
    for path in (corpus / "clips").glob("b*"):
        assert path.read_bytes() == (tmp_path / "again" / "clips" / path.name).read_bytes()


def test_sound_of_another_length_and_bad_ids_are_refused(tmp_path):
    clip, sound = counting_clip(30)
    short = Waveform(16_000, sound.samples[:-2000])
    with pytest.raises(ClockError, match="cut or pad"):
        write_clip(tmp_path, "x", clip, short, split="train")
    with pytest.raises(ConfigError):
        write_clip(tmp_path, "../x", clip, sound, split="train")


def test_cache_windows_line_frames_up_with_samples(corpus):
    cache = open_cache(corpus, size=SIZE)
    assert len(cache) == 2
    assert cache.of_split("train") == [0]
    for number, entry in enumerate(cache.clips):
        start, n = 7, 12
        rgb, roles, sound = cache.window(number, start, n)
        assert rgb.shape == (n, SIZE, SIZE, 3)
        assert roles.shape == (n, 7, SIZE, SIZE)
        assert sound.shape == (n * SAMPLES_PER_FRAME,)
        frame = np.arange(start, start + n)
        assert np.abs(rgb.mean((1, 2, 3)) / 4 - frame).max() < 1
        heard = sound.reshape(n, 640).astype(float) / 32
        np.testing.assert_array_equal(heard, np.repeat(frame[:, None], 640, 1))
        assert entry.has_roles


def test_cached_roles_keep_a_thin_streams_share_of_a_pixel(corpus):
    cache = open_cache(corpus, size=SIZE)
    _, roles, _ = cache.window(0, 0, 3)
    stream, table = roles[:, Role.STREAM], roles[:, Role.TABLE]
    assert set(np.unique(stream[:, :16, 10])) == {127}
    assert np.unique(table[:, 16:]) == 255
    total = roles.sum(1, dtype=int)
    assert total.min() >= 249
    assert total.max() <= 255


def test_windows_outside_a_clip_are_refused(corpus):
    cache = open_cache(corpus, size=SIZE)
    for start, n in ((-1, 5), (45, 6), (0, 0)):
        with pytest.raises(ClockError):
            cache.window(0, start, n)


def test_a_cache_is_reused_until_the_corpus_changes(corpus):
    first = open_cache(corpus, size=SIZE)
    made = (first.folder / "index.json").stat().st_mtime_ns
    assert (open_cache(corpus, size=SIZE).folder / "index.json").stat().st_mtime_ns == made
    clip, sound = counting_clip(25)
    write_clip(corpus, "c", clip, sound, split="train")
    assert len(open_cache(corpus, size=SIZE)) == 3


def test_a_cut_off_cache_is_noticed(corpus):
    cache = open_cache(corpus, size=SIZE)
    rgb = cache.folder / "rgb.bin"
    with rgb.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(FormatError, match=r"rgb\.bin"):
        open_cache(corpus, size=SIZE)


def test_other_frame_rates_are_picked_by_time(tmp_path):
    clip, sound = counting_clip(20, fps=10.0, roles=False)
    write_clip(tmp_path, "slow", clip, sound, split="train")
    cache = open_cache(tmp_path, size=SIZE)
    rgb, roles, _ = cache.whole(0)
    assert len(rgb) == 50
    shown = rgb.mean((1, 2, 3)) / 4
    assert np.abs(shown - np.arange(50) * 10 // 25).max() < 1
    assert roles.max() == 0


def test_resampling_never_shows_a_frame_before_its_time():
    for fps in (10.0, 23.976, 25.0, 29.97, 59.94):
        index = resample_frames(200, fps)
        time_s = np.arange(len(index)) / 25
        assert (index / fps <= time_s + 1e-6).all()
        assert (time_s - index / fps < 1 / fps + 1e-6).all()


@pytest.mark.parametrize("shape", [(64, 64), (48, 80), (270, 480), (20, 20)])
def test_shrinking_keeps_means_and_role_areas(shape):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    roles = rng.integers(0, 7, (2, *shape), dtype=np.uint8)
    small = shrink_frames(frames, SIZE)
    assert small.shape == (2, SIZE, SIZE, 3)
    assert np.abs(small.mean((1, 2)) - frames.mean((1, 2))).max() < 1
    covered = role_coverage(roles, SIZE).mean((2, 3)) / 255
    share = np.stack([(roles == r).mean((1, 2)) for r in range(7)], 1)
    assert np.abs(covered - share).max() < 0.03


def test_a_value_that_is_no_role_is_refused():
    with pytest.raises(MediaError, match="background"):
        pack_roles(np.full((1, 8, 8), 9, np.uint8), 4)


def test_videos_are_cut_into_windows_and_silent_ones_refused(tmp_path):
    videos = tmp_path / "videos"
    grey = np.random.default_rng(0).integers(0, 255, (100, 32, 48, 3), dtype=np.uint8)
    t = np.arange(160_000) / 16_000
    tone = Waveform(16_000, (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32))
    quiet = Waveform(16_000, np.zeros(160_000, np.float32))
    write_video(videos / "long.mp4", grey, 10.0, sound=tone)
    write_video(videos / "quiet.mp4", grey, 10.0, sound=quiet)
    write_video(videos / "mute.mp4", grey, 10.0)
    seen = []
    done = import_videos(
        videos,
        tmp_path / "out",
        progress=lambda name, done, total: seen.append((name, done, total)),
    )
    clips = done.clips
    assert [c.id for c in clips] == ["long-000", "long-001"]
    assert [round(c.duration_s) for c in clips] == [8, 2]
    assert all(c.roles is None and not c.redistributable for c in clips)
    assert {v.file for v in done.verdicts if v.why} == {"quiet.mp4", "mute.mp4"}
    assert seen[-1][1:] == (3, 3)
    assert len(read_corpus(tmp_path / "out")) == 2
    again = import_videos(videos, tmp_path / "out").clips
    assert [c.id for c in again] == ["long-000", "long-001"]
    assert open_cache(tmp_path / "out", size=SIZE).clips[0].frames == 200
