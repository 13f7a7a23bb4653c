"""Laws of the ear: nothing looks ahead, equal in equal out, every wrong thing is refused in a sentence."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from multigen.audio.acoustics import RoomAndMic, through_room
from multigen.cli import main
from multigen.ear import Calibration, Hearing, calibrate, load_ear
from multigen.ear.augment import NONE, STEP, Augmentation, make_example
from multigen.ear.background import without_background
from multigen.ear.bands import BANDS, FIRST, HEARD, HOP, RATE, SHIFT, band_power, centres_hz
from multigen.ear.lessons import (
    Lesson,
    make_lesson,
    read_lessons,
    shard_path,
    write_lessons,
)
from multigen.ear.network import Ear, EarConfig, standing
from multigen.ear.train import train_ear
from multigen.errors import ClockError, ConfigError, FormatError, MediaError, WeightsError
from multigen.files import write_arrays, write_sound
from multigen.learning import save_checkpoint
from multigen.pipeline.ear_pours import draw_steady, hear_pour, hear_steady
from multigen.pipeline.own_pours import draw_own
from multigen.types import Waveform
from pours import cylinder, pour

SMALL = EarConfig(width=16, state=16)


def noise(seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    wave = np.random.default_rng(seed).standard_normal(round(16_000 * seconds))
    return (0.05 * wave).astype(np.float32)


def small_ear(seed: int = 0) -> Ear:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Ear(SMALL).eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint folder of an ear that has learned nothing and always hears a pour."""
    path = tmp_path_factory.mktemp("ear")
    ear = small_ear()
    with torch.no_grad():
        ear.get_parameter("head.2.bias")[6] = 9.0
    save_checkpoint(path, SMALL, ear.state_dict())
    return path


def lesson(seed: int = 0, frames: int = 60) -> Lesson:
    """A cup that fills, with a bump in the spectrum that rises."""
    rng = np.random.default_rng(seed)
    share = np.linspace(0, 1, frames)
    at = np.arange(BANDS)
    bump = np.exp(-0.5 * ((at - (20 + 35 * share)[:, None]) / 2) ** 2)
    power = -6 + 2 * bump + 0.1 * rng.standard_normal((frames, BANDS))
    fill, flow = share.astype(np.float32), np.full(frames, 30, np.float32)
    flow[:3] = flow[-3:] = 0
    return Lesson(power.astype(np.float16), fill, 0.12 * (1 - fill), flow, 0.12)


def test_frames_already_made_never_change_when_more_is_heard():
    wave = noise(3.0)
    whole, part = band_power(wave), band_power(wave[: 12 * HOP + 77])
    assert len(whole) == 30
    assert len(part) == 12
    assert np.array_equal(whole[:12], part)


def test_a_tone_lights_its_band_and_white_noise_is_flat():
    hz = centres_hz()[40]
    tone = 0.1 * np.sin(2 * np.pi * hz * np.arange(32_000) / 16_000)
    assert (band_power(tone)[2:].argmax(1) == 40).all()
    flat = band_power(noise(20.0))[1:].mean(0)
    assert np.ptp(flat) < 0.15
    # bins add up to the mean square, so each of 512 has its share
    assert flat.mean() == pytest.approx(np.log10(0.05**2 / 512), abs=0.05)


def test_labels_belong_to_the_end_of_their_frame():
    cup = cylinder(0.035, 0.12)
    trace = pour(cup, seconds=4.0, start=1.0, stop=3.0, flow_ml_s=50.0)
    made = make_lesson(noise(4.0), trace, cup)
    assert len(made) == 40
    assert made.fill[-1] * cup.capacity_ml == pytest.approx(trace.receiver_ml[-1], rel=1e-5)
    assert made.fill[19] * cup.capacity_ml == pytest.approx(trace.receiver_ml[199], rel=1e-5)
    assert made.air_m[0] == pytest.approx(cup.depth_m)
    assert made.flow_ml_s.sum() / 10 == pytest.approx(trace.receiver_ml[-1], rel=1e-5)
    assert made.pouring[12:28].all()
    assert not made.pouring[:9].any()
    with pytest.raises(ClockError, match="same pour"):
        make_lesson(noise(2.0), trace, cup)


def test_lessons_come_back_as_they_were_written(tmp_path):
    some = [lesson(0, 40), lesson(1, 55)]
    write_lessons(shard_path(tmp_path, 0), some)
    write_lessons(shard_path(tmp_path, 1), some[:1])
    back = read_lessons(tmp_path)
    assert [len(x) for x in back] == [40, 55, 40]
    assert np.array_equal(back[1].log_power, some[1].log_power)
    assert back[2].height_m == some[0].height_m
    first = shard_path(tmp_path, 0).read_bytes()
    write_lessons(shard_path(tmp_path, 0), some)
    assert shard_path(tmp_path, 0).read_bytes() == first


def test_a_folder_without_lessons_and_a_foreign_shard_are_refused(tmp_path):
    with pytest.raises(FormatError, match="no lessons"):
        read_lessons(tmp_path)
    write_arrays(shard_path(tmp_path, 0), {"fill": np.zeros(3)})
    with pytest.raises(FormatError, match="make it again"):
        read_lessons(tmp_path)


def test_the_network_does_not_look_ahead():
    ear, rng = small_ear(), np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(-6, 1, (1, 300, HEARD)).astype(np.float32))
    changed = x.clone()
    changed[:, 200:] += 1
    with torch.no_grad():
        before, after, part = ear(x), ear(changed), ear(x[:, :200])
    for name in vars(before):
        a, b, c = (getattr(belief, name)[0] for belief in (before, after, part))
        assert torch.equal(a[:200], b[:200])
        assert torch.allclose(a[:200], c, atol=1e-5)
        assert not torch.equal(a[200:], b[200:])


def test_what_stands_still_is_the_weighted_mean_of_the_past():
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 600, 3)))
    decay, total, weight = np.exp(-1 / 40), 0.0, 0.0
    for t in range(600):
        total, weight = decay * total + x[0, t].numpy(), decay * weight + 1
        if t in (0, 100, 255, 256, 599):
            assert np.allclose(standing(x, 4.0)[0, t].numpy(), total / weight)


def test_spreads_are_positive_and_an_unknown_height_is_not_a_height():
    ear = small_ear()
    x = torch.full((1, 20, HEARD), -6.0)
    with torch.no_grad():
        none, nan = ear(x), ear(x, torch.tensor([float("nan")]))
        told, usual = ear(x, torch.tensor([0.2])), ear(x, torch.tensor([0.12]))
    assert torch.equal(none.fill, nan.fill)
    assert not torch.equal(none.fill, usual.fill)
    assert not torch.equal(told.fill, usual.fill)
    for belief in (none, told):
        assert (belief.fill_std >= 0.01).all()
        assert (belief.air_log_std > 0).all()
        assert ((belief.fill >= 0) & (belief.fill <= 1)).all()


def test_a_lesson_that_nothing_is_done_to_is_itself_then_silence():
    one = lesson(0, 30)
    made = make_example(
        one, 50, np.random.default_rng(0), replace(NONE, cut_start=0.0, cut_end=0.0)
    )
    kept = int(np.argmax(made.log_power[:, 0] < -11)) or 30
    heard = one.log_power[:kept, FIRST : FIRST + HEARD].astype(np.float32)
    assert np.allclose(made.log_power[:kept], heard, atol=1e-3)
    assert (made.log_power[kept:] == -12).all()
    assert made.fill[-1] == made.fill[kept]
    assert not made.pouring[kept:].any()


def test_a_transposed_lesson_is_a_pour_into_another_size():
    one = lesson(0, 40)
    how = replace(NONE, transpose=1.0, cut_start=0.0, cut_end=0.0)
    seen = set()
    for seed in range(30):
        made = make_example(one, 20, np.random.default_rng(seed), how)
        shift = round(-np.log(made.height_m / one.height_m) / np.log(STEP))
        seen.add(shift)
        assert abs(shift) <= SHIFT
        peak = made.log_power[10].argmax() + FIRST
        assert abs(peak - shift - one.log_power[10].argmax()) <= 1
        assert np.allclose(made.air_m, one.air_m[:20] * STEP**-shift, rtol=1e-5)
        assert np.array_equal(made.fill, one.fill[:20])
    assert len(seen) > 5


def test_where_nothing_pours_nothing_fills_and_equal_seeds_are_equal():
    how = Augmentation(nothing=1.0)
    made = make_example(lesson(), 60, np.random.default_rng(1), how)
    assert np.ptp(made.fill) == 0
    assert not made.pouring.any()
    a, b = (make_example(lesson(), 60, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(a.log_power, b.log_power)
    assert np.isfinite(a.log_power).all()


class Interrupted(list):
    """Lessons that are taken away after so many have been used."""

    def __init__(self, lessons: list[Lesson], left: int) -> None:
        super().__init__(lessons)
        self.left = left

    def __getitem__(self, index):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().__getitem__(index)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    some = [lesson(i) for i in range(6)]
    options = {"batch_size": 4, "window_s": 4.0, "model": SMALL, "checkpoint_every": 3, "steps": 6}
    train_ear(some, tmp_path / "a", validation=0.0, **options)
    with pytest.raises(KeyboardInterrupt):
        train_ear(Interrupted(some, 4 * 4 + 1), tmp_path / "b", validation=0.0, **options)
    train_ear(some, tmp_path / "b", validation=0.0, resume=True, **options)
    a, b = (load_ear(tmp_path / n).ear.state_dict() for n in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_a_training_says_how_wrong_it_is_on_pours_it_has_not_learned_from(tmp_path):
    some = [lesson(i) for i in range(6)]
    train_ear(some, tmp_path, batch_size=4, window_s=4.0, model=SMALL, steps=2, validation=0.2)
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert record["steps"] == 2
    assert 0 < record["fill_mae"] < 1


def test_an_unknown_option_and_too_few_lessons_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="batch_size"):
        train_ear([lesson()] * 2, tmp_path, rate=1)
    with pytest.raises(ConfigError, match="at least two"):
        train_ear([lesson()], tmp_path)


def test_the_same_recording_is_heard_the_same_and_its_beginning_too(folder):
    listener = load_ear(folder)
    wave = noise(4.0)
    a, b, part = listener.hear(wave), listener.hear(wave), listener.hear(wave[: 20 * HOP])
    assert np.array_equal(a.fill, b.fill)
    assert np.allclose(a.fill[:20], part.fill, atol=1e-6)
    assert len(a.time_s) == 40
    assert a.time_s[-1] == pytest.approx(4.0)


def test_hear_writes_what_it_heard_as_json(folder, tmp_path, capsys):
    write_sound(tmp_path / "a.wav", Waveform(16_000, noise(2.0)))
    out = tmp_path / "a.json"
    command = ["hear", str(tmp_path / "a.wav"), "--ear", str(folder)]
    for more in ([], ["--out", str(out), "--height-m", "0.1"]):
        with pytest.raises(SystemExit) as end:
            main([*command, *more])
        assert not end.value.code
    printed, kept = json.loads(capsys.readouterr().out), json.loads(out.read_text())
    tracks = ("time_s", "fill", "fill_std", "air_column_m", "flow_ml_s", "pouring")
    for record in (printed, kept):
        assert {len(record[name]) for name in tracks} == {20}
        assert {"onset_s", "offset_s"} <= set(record)
    assert kept["made_by"]["command"] == "hear"
    assert printed["fill"] != kept["fill"]
    with pytest.raises(SystemExit) as end:
        main([*command, "--out", str(out)])
    assert end.value.code == 2
    assert "--overwrite" in capsys.readouterr().err


def test_silence_and_short_and_broken_recordings_are_refused(folder, tmp_path):
    listener = load_ear(folder)
    for wave, said in (
        (np.zeros(16_000, np.float32), "silent"),
        (noise(0.3), "longer recording"),
        (np.full(16_000, np.nan, np.float32), "NaN"),
    ):
        with pytest.raises(MediaError, match=said):
            listener.hear(wave)
    with pytest.raises(ConfigError, match="cavity"):
        listener.hear(noise(), height_m=12.0)
    from multigen.ear import hear

    with pytest.raises(MediaError, match="does not exist"):
        hear(tmp_path / "nothing.wav", ear=listener)


def test_weights_that_are_no_ear_are_refused(folder, tmp_path):
    with pytest.raises(WeightsError, match="train-ear"):
        load_ear(tmp_path / "nowhere")
    save_checkpoint(tmp_path, SMALL, Ear(EarConfig(width=24, state=16)).state_dict())
    with pytest.raises(WeightsError, match="wrongly shaped"):
        load_ear(tmp_path)
    (tmp_path / "config.json").write_text('{"preset": "pour_micro"}')
    with pytest.raises(WeightsError, match="not an ear"):
        load_ear(tmp_path)


def heard(fill: np.ndarray, pouring: float = 0.9) -> Hearing:
    """A hearing of a vessel 12 cm deep."""
    n = len(fill)
    air, std = 0.12 * (1 - fill) + 1e-3, np.full(n, 0.05)
    columns = (np.arange(n) / 10, fill, std, air, std, 30 + 0 * fill, std, np.full(n, pouring))
    return Hearing(*(np.asarray(c, np.float32) for c in columns))


def test_a_calibration_corrects_what_is_always_wrong_and_leaves_the_rest():
    ramps = [np.linspace(a, b, 80) for a, b in ((0.0, 0.7), (0.2, 0.9), (0.1, 0.6))]
    good = [heard(r) for r in ramps]
    assert np.abs(calibrate(good, ramps)(good[0]).fill - ramps[0]).max() < 1e-3
    true = [0.1 + 0.6 * r for r in ramps]
    correct = calibrate(good[:2], true[:2])
    assert np.abs(correct(good[2]).fill - true[2]).mean() < 0.02
    assert np.abs(good[2].fill - true[2]).mean() > 0.04
    late = [np.where(np.arange(80) < 40, np.nan, t) for t in true]
    assert isinstance(calibrate(good, late), Calibration)


def test_a_calibration_without_enough_to_go_by_is_refused():
    one = heard(np.linspace(0, 1, 40))
    for true, said in (
        (np.full(40, np.nan), "at least 10"),
        (np.zeros(39), "tenth of a second"),
    ):
        with pytest.raises(ConfigError, match=said):
            calibrate([one], [true])
    with pytest.raises(ConfigError, match="one per pour"):
        calibrate([one], [])
    with pytest.raises(ConfigError, match="heard to pour"):
        calibrate([heard(np.linspace(0, 1, 40), pouring=0.1)], [np.linspace(0, 1, 40)])


def test_onset_and_offset_are_where_pouring_is_heard_and_flickers_do_not_count():
    fill = np.linspace(0, 1, 50)
    probability = np.zeros(50)
    assert heard(fill, 0.0).onset_s is None
    probability[10:40] = 1
    probability[[3, 20]] = 1, 0
    one = replace(heard(fill), pouring=probability.astype(np.float32))
    assert one.onset_s == pytest.approx(1.0)
    assert one.offset_s == pytest.approx(4.0)
    assert heard(fill, 0.9).onset_s == 0


def test_train_ear_asks_what_to_learn_from(tmp_path, capsys):
    write_lessons(shard_path(tmp_path / "some", 0), [lesson(i) for i in range(3)])
    for wrong, said in (
        (["train-ear", "--out", str(tmp_path / "a")], "--from acoustics"),
        (
            ["train-ear", str(tmp_path), "--from", "acoustics", "--out", str(tmp_path / "a")],
            "leave",
        ),
        (
            ["train-ear", str(tmp_path / "some"), "--own-pours", "--out", str(tmp_path / "a")],
            "--from acoustics",
        ),
        (
            ["train-ear", str(tmp_path / "some" / "x"), "--out", str(tmp_path / "b")],
            "nothing to learn",
        ),
    ):
        with pytest.raises(SystemExit) as end:
            main(wrong)
        assert end.value.code == 2
        assert said in capsys.readouterr().err


def test_calibrate_ear_reads_labels_and_hear_uses_what_it_wrote(folder, tmp_path, capsys):
    write_sound(tmp_path / "a.wav", Waveform(16_000, noise(4.0)))
    labels = [{"file": "a.wav", "time_s": [0, 4], "fill": [0.1, 0.8]}]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    out = tmp_path / "c.json"
    command = [
        "calibrate-ear",
        str(tmp_path / "labels.json"),
        "--ear",
        str(folder),
        "--out",
        str(out),
    ]
    with pytest.raises(SystemExit) as end:
        main(command)
    assert not end.value.code
    with pytest.raises(SystemExit) as end:
        main(["hear", str(tmp_path / "a.wav"), "--ear", str(folder), "--calibration", str(out)])
    assert not end.value.code
    record = json.loads(capsys.readouterr().out)
    truth = np.interp(record["time_s"], [0, 4], [0.1, 0.8])
    assert np.abs(np.array(record["fill"]) - truth).mean() < 0.2
    (tmp_path / "labels.json").write_text('{"file": 1}')
    with pytest.raises(SystemExit) as end:
        main([*command, "--overwrite"])
    assert end.value.code == 2
    assert "not a list" in capsys.readouterr().err


def test_the_packaged_ear_hears_a_vessel_fill() -> None:
    """On pours no lesson was drawn from: closer than a constant, and than it is on noise."""
    listener = load_ear()
    heard, deaf, constant = [], [], []
    for seed in range(3):
        one = hear_pour(31_000_000_000 + seed)
        frames = np.flatnonzero(one.lesson.pouring)
        noise_only = 0.05 * np.random.default_rng(seed).standard_normal(len(one.samples))
        for samples, errors in ((one.samples, heard), (noise_only.astype(np.float32), deaf)):
            fill = listener.hear_bands(band_power(samples)[: len(one.lesson)]).fill
            errors.append(np.abs(fill - one.lesson.fill)[frames].mean())
        constant.append(np.abs(0.5 - one.lesson.fill)[frames].mean())
    assert np.mean(heard) < 0.7 * np.mean(constant)
    assert np.mean(heard) < 0.7 * np.mean(deaf)


def test_who_knows_that_the_vessel_was_empty_hears_better_how_full_it_is() -> None:
    """Both packaged ears on a robot's own pours: quiet for six seconds, as both are told."""
    off = {"pour_ear": [], "robot_ear": []}
    for seed in range(4):
        one = hear_steady(replace(draw_own(31_000_000_000 + seed), before_s=6.0))
        samples = through_room(one.samples, np.random.default_rng(seed))
        frames = np.flatnonzero(one.lesson.pouring)
        for name, errors in off.items():
            heard = load_ear(name).hear(samples, quiet_s=3.0)
            errors.append(np.abs(heard.fill - one.lesson.fill)[frames].mean())
    assert np.mean(off["robot_ear"]) < 0.6 * np.mean(off["pour_ear"])
    assert np.mean(off["robot_ear"]) < 0.08


def test_what_sounds_before_anything_pours_is_taken_away_and_nothing_later_is_foreseen() -> None:
    rng = np.random.default_rng(0)
    noise = 1e-4 * rng.gamma(10, 0.1, (200, BANDS))
    pour = np.zeros_like(noise)
    pour[80:, 30:34] = 3e-3
    heard = without_background(np.log10(noise + pour), 3.0)
    alone = np.log10(np.maximum(pour, 1e-12))
    assert np.abs(heard[80:, 30:34] - alone[80:, 30:34]).max() < 0.05
    assert (heard[:80] < np.log10(noise[:80]) - 0.2).mean() > 0.99
    assert np.allclose(without_background(np.log10(noise + pour)[:90], 3.0), heard[:90])
    assert np.array_equal(without_background(alone, 0.0), alone.astype(np.float32))


def test_a_loud_room_is_not_taken_for_a_stream_by_who_knows_it() -> None:
    """Told that nothing pours in the first seconds, the packaged ear finds the pour's beginning."""
    pour = hear_steady(replace(draw_steady(30_000_000_007), before_s=6.0))
    loud = RoomAndMic(noise_db=-51.0, hum_db=-60.0)
    samples = through_room(pour.samples, np.random.default_rng(2), loud)
    began = float(np.flatnonzero(pour.lesson.pouring)[0]) / RATE
    told = load_ear().hear(samples, quiet_s=5.0)
    assert told.onset_s == pytest.approx(began, abs=0.3)
    with pytest.raises(ConfigError, match="quiet seconds"):
        load_ear().hear(samples, quiet_s=1e3)
