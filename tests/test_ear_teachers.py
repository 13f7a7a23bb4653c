"""Laws of the ear's teachers: pours that never spill, labels that survive a dataset, copies among noise."""

import numpy as np
import pytest

from multigen.audio.corpus import write_clip
from multigen.ear.augment import OWN, make_example
from multigen.ear.bands import HEARD, RATE
from multigen.ear.lessons import read_lessons, shard_path, write_lessons
from multigen.ear.noise import among_noise, environment_noise, robot_noise
from multigen.ear.teachers import copies_of, lessons_of, trace_of_labels
from multigen.episode.tabletop_draw import draw_tabletop
from multigen.errors import FormatError, OutputError
from multigen.pipeline.ear_pours import (
    draw_copies,
    draw_lessons,
    draw_steady,
    draw_vessel,
    hear_pour,
    hear_steady,
    hear_tabletop,
    steady_trace,
)
from multigen.pipeline.own_pours import draw_own, hear_own
from multigen.types import Clip, Waveform
from pours import cylinder, pour
from tiny_corpus import tiny_corpus


@pytest.fixture(scope="module")
def heard():
    return hear_steady(draw_steady(3))


def test_drawn_vessels_are_of_kitchen_sizes():
    rng = np.random.default_rng(0)
    made = [draw_vessel(rng) for _ in range(40)]
    assert {v.kind for v in made} >= {"cylinder", "frustum"}
    assert all(60 <= v.capacity_ml <= 1500 and 0.05 <= v.depth_m <= 0.27 for v in made)


@pytest.mark.parametrize("seed", range(6))
def test_a_steady_pour_keeps_its_ledger_and_its_ends(seed):
    plan = draw_steady(seed)
    trace = steady_trace(plan)
    assert np.ptp(trace.total_ml) < 1e-6
    fill = trace.receiver_ml / plan.receiver.capacity_ml
    assert fill[0] == pytest.approx(plan.begin_fill, abs=0.02)
    assert fill[-1] == pytest.approx(plan.end_fill, abs=1e-6)
    assert (np.diff(fill) >= -1e-12).all()
    assert (trace.source_ml > -1e-6).all()


def test_half_the_flow_takes_twice_as_long_for_the_same_millilitres():
    plan = draw_steady(5)
    whole, half = steady_trace(plan), steady_trace(plan, 0.5)
    pours = [float((t.flow_in_ml_s > 0).sum()) for t in (whole, half)]
    assert pours[1] / pours[0] == pytest.approx(2, rel=0.05)
    assert half.receiver_ml[-1] == pytest.approx(whole.receiver_ml[-1])


def test_an_own_pour_goes_into_an_empty_vessel_of_any_size():
    drawn = [draw_own(seed) for seed in range(40)]
    assert min(x.receiver.depth_m for x in drawn) < 0.04
    assert max(x.receiver.depth_m for x in drawn) > 0.12
    lessons = [hear_own(seed).lesson for seed in range(8)]
    assert all(x.fill[0] < 0.02 for x in lessons)
    assert any(x.fill[-1] > 0.3 for x in lessons)


def test_an_own_pour_is_heard_from_before_its_beginning():
    lesson = hear_steady(draw_own(1)).lesson
    for seed in range(5):
        made = make_example(lesson, 200, np.random.default_rng(seed), OWN)
        quiet = round(OWN.before_s[0] * RATE)
        assert not made.pouring[:quiet].any()
        assert made.fill[:quiet] == pytest.approx(0, abs=0.02)
        assert made.log_power.shape == (200, HEARD)


def test_the_same_seed_sounds_the_same(heard):
    assert np.array_equal(hear_steady(draw_steady(3)).samples, heard.samples)
    assert len(heard.samples) == 160 * len(heard.trace)
    table = hear_tabletop(8)
    assert len(table.samples) == 160 * len(table.trace)
    assert 5 <= table.trace.duration_s <= 14


def test_a_lesson_depends_on_its_number_and_a_finished_shard_is_kept(tmp_path):
    draw_lessons(tmp_path, pours=2, seed=4)
    first, second = read_lessons(tmp_path)
    assert not np.array_equal(first.fill, second.fill)
    seed = int(np.random.SeedSequence([4, 1]).generate_state(1)[0])
    assert np.array_equal(hear_pour(seed).lesson.log_power, second.log_power)
    write_lessons(shard_path(tmp_path, 0), [first])
    draw_lessons(tmp_path, pours=2, seed=4)
    assert len(read_lessons(tmp_path)) == 1
    for other in ({"seed": 5}, {"seed": 4, "hear": hear_own}):
        with pytest.raises(OutputError, match="begun with"):
            draw_lessons(tmp_path, pours=2, **other)


def test_copies_differ_by_their_noise_alone(heard, tmp_path):
    made = list(copies_of([heard.taught], copies=6, seed=1))
    assert len(made) == 6
    assert all(np.array_equal(x.fill, made[0].fill) for x in made)
    assert any(not np.array_equal(x.log_power, made[0].log_power) for x in made)
    draw_copies(tmp_path, originals=2, copies=2, seed=1)
    assert len(lessons_of(tmp_path)) == 4


def test_noises_have_a_level_and_a_copy_stays_in_range():
    rng = np.random.default_rng(0)
    for make in (environment_noise, robot_noise):
        level = 20 * np.log10(make(32_000, rng).std())
        assert -50.1 <= level <= -19.9
    copy = among_noise(np.full(16_000, 0.99, np.float32), rng)
    assert np.abs(copy).max() <= 1


def test_a_corpus_teaches_with_the_sound_it_has(heard, tmp_path):
    scene, _ = draw_tabletop(1, seconds=3.0)
    trace = pour(scene.receiver, seconds=3.0, start=0.5, stop=2.5, flow_ml_s=20)
    clip = Clip(25.0, np.zeros((75, 16, 16, 3), np.uint8), None)
    wave = Waveform(16_000, heard.samples[:48_000])
    write_clip(tmp_path, "one", clip, wave, split="train", trace=trace, scene=scene)
    (made,) = lessons_of(tmp_path)
    assert len(made) == 30
    assert made.height_m == pytest.approx(scene.receiver.depth_m)
    assert made.fill[-1] * scene.receiver.capacity_ml == pytest.approx(
        trace.receiver_ml[-1], rel=1e-4
    )


def test_what_knows_no_filling_is_refused(tmp_path):
    with pytest.raises(FormatError, match="nothing to learn listening from"):
        lessons_of(tmp_path)
    with pytest.raises(FormatError, match="no clip with a trace"):
        lessons_of(tiny_corpus(tmp_path, clips=2))


def test_labels_of_a_dataset_say_what_the_ledger_said():
    cup = cylinder()
    trace = pour(cup, seconds=4.0, start=1.0, stop=3.0, flow_ml_s=30.0)
    step = np.maximum(np.arange(40) * 10 - 1, 0)
    columns = {
        "label.source_ml": trace.source_ml,
        "label.in_flight_ml": trace.in_flight_ml,
        "label.receiver_ml": trace.receiver_ml,
        "label.spilled_ml": trace.spilled_ml,
        "label.flow_ml_s": trace.flow_out_ml_s,
        "label.tilt_rad": trace.tilt_rad,
    }
    rows = {name: column[step].astype(np.float32) for name, column in columns.items()}
    back = trace_of_labels(rows, 10, cup)
    assert np.allclose(back.receiver_ml[:-1], trace.receiver_ml[9::10][:-1], atol=1e-3)
    assert np.allclose(back.flow_in_ml_s[12:28], 30, atol=0.1)
    assert back.duration_s == len(back) / RATE
    del rows["label.receiver_ml"]
    with pytest.raises(FormatError, match="dropped the labels"):
        trace_of_labels(rows, 10, cup)
