"""Laws of the pouring acoustics, judged by checks that share no code with it."""

from dataclasses import replace

import numpy as np
import pytest

from multigen.audio.acoustic_ears import AcousticEars
from multigen.audio.acoustics import (
    Layers,
    PourSynth,
    RoomAndMic,
    air_column,
    rows_between,
    sound_of_pour,
    through_room,
)
from multigen.audio.acoustics.glug import neck_of
from multigen.audio.onset import detect_onset_offset, true_onset_offset
from multigen.audio.plausibility import expected_pitch_hz, flow_loudness, ridge_hz
from multigen.audio.waveform import rms_db
from multigen.errors import ClockError, ConfigError
from multigen.types import CameraPose, Clip, Ears, Liquid, SceneConfig
from pours import bottle, cylinder, pour, wide_frustum

WATER = Liquid()
CUP = cylinder()


@pytest.fixture
def scene():
    eye = CameraPose((1.0, 0.0, 0.5), (0.0, 0.0, 0.0))
    return SceneConfig(
        seed=1, condition="random", command=0.5, command_text="pour half of the water",
        source=bottle(), receiver=CUP, liquid=WATER, initial_ml=300.0, receiver_initial_ml=0.0,
        source_xy_m=(0.4, 0.0), receiver_xy_m=(0.5, 0.1), grasp_offset=0.0, pour_height_m=0.05,
        tilt_seconds=2.0, ego=eye, front=eye, lights=(), ambient=0.3, table_texture="plain",
        table_rgb=(0.5, 0.5, 0.5), table_reflectance=0.0, wall_rgb=(1.0, 1.0, 1.0), texture_seed=0,
    )  # fmt: skip


def sound(trace, receiver=CUP, source=CUP, liquid=WATER, seed=0, **kw):
    return sound_of_pour(trace, source, receiver, liquid, rng=np.random.default_rng(seed), **kw)


def level_of(wave, begin_s, end_s):
    return rms_db(wave[int(begin_s * 16000) : int(end_s * 16000)])


def ridge_error(wave, trace, receiver):
    """Median relative distance between the tracked ridge and the geometry's quarter wave."""
    on, off = true_onset_offset(trace)
    t, hz = ridge_hz(wave)
    inside = (t > on + 0.1 * (off - on)) & (t < on + 0.95 * (off - on))
    air = receiver.depth_m - np.interp(t, np.arange(len(trace)) / 100, trace.receiver_level_m)
    quarter_wave = 343.2 / (4 * (air + 0.61 * receiver.rim_radius_m))
    return np.median(np.abs(hz / quarter_wave - 1)[inside])


@pytest.mark.parametrize(
    ("length_m", "radius_m", "hz"),
    [(0.150, 0.030, 510), (0.100, 0.035, 707), (0.050, 0.035, 1203), (0.020, 0.035, 2075)],
)
def test_an_empty_cylinder_sounds_its_quarter_wave(length_m, radius_m, hz):
    vessel = cylinder(radius_m, length_m)
    assert air_column(vessel).resonance_hz(0.0)[0] == pytest.approx(hz, rel=0.003)
    assert expected_pitch_hz(vessel, np.zeros(1))[0] == pytest.approx(hz, rel=0.003)


@pytest.mark.parametrize("vessel", [bottle(), wide_frustum()], ids=["bottle", "frustum"])
def test_two_ways_to_compute_a_resonance_agree_on_bottles_and_cones(vessel):
    levels = np.linspace(0, 0.8 * vessel.depth_m, 7)
    chain = np.array([air_column(vessel).resonance_hz(h)[0] for h in levels])
    np.testing.assert_allclose(chain, expected_pitch_hz(vessel, levels), rtol=0.02)


def test_hot_air_raises_every_resonance_by_the_root_of_temperature():
    column = air_column(CUP)
    ratio = column.resonance_hz(0.03, 60.0) / column.resonance_hz(0.03, 20.0)
    np.testing.assert_allclose(ratio, np.sqrt(333.15 / 293.15), rtol=1e-6)


def test_a_resonance_fades_as_the_cup_fills():
    q = air_column(cylinder(0.035, 0.1)).sharpness[:, 0]
    assert q[0] == pytest.approx(15, rel=0.15)
    assert q[0] > 2 * q[len(q) // 2] > 2 * q[-1]


@pytest.mark.parametrize(("radius", "depth"), [(0.030, 0.10), (0.035, 0.14), (0.045, 0.18)])
def test_the_heard_ridge_follows_the_geometry_within_five_percent(radius, depth):
    vessel = cylinder(radius, depth)
    trace = pour(vessel, flow_ml_s=0.75 * vessel.capacity_ml / 5)
    assert ridge_error(sound(trace, vessel), trace, vessel) < 0.05


def test_time_reversed_sound_slopes_the_other_way():
    vessel = cylinder(0.035, 0.14)
    trace = pour(vessel, start=1, stop=7, flow_ml_s=0.75 * vessel.capacity_ml / 6)
    wave = sound(trace, vessel)
    band = (300, 2500)

    def slope(w):
        f = np.fft.rfftfreq(16000, 1 / 16000)
        keep = (f > band[0]) & (f < band[1])
        power = [
            np.abs(np.fft.rfft(w[s * 16000 : (s + 1) * 16000]))[keep] ** 2 for s in range(1, 7)
        ]
        return np.polyfit(range(6), [np.average(f[keep], weights=p) for p in power], 1)[0]

    assert slope(wave) > 30
    assert slope(wave[::-1]) < -30


def test_doubling_the_flow_raises_the_level():
    deep = cylinder(0.05, 0.2)
    levels = [level_of(sound(pour(deep, flow_ml_s=q), deep), 1.5, 5.5) for q in (20, 40, 80)]
    assert levels[0] + 1.5 < levels[1] < levels[2] - 1.5


def test_falling_further_is_louder():
    deep = cylinder(0.05, 0.2)
    near, far = (level_of(sound(pour(deep, lip_m=h), deep), 1.5, 5.5) for h in (0.02, 0.2))
    assert far > near + 2


def test_loudness_follows_a_flow_that_varies():
    deep = cylinder(0.05, 0.2)
    trace = pour(deep, modulation=0.5, stop=7.5)
    found = [flow_loudness(sound(trace, deep, seed=s), trace) for s in range(4)]
    assert np.mean(found) > 0.3


def test_nothing_pours_nothing_sounds():
    trace = pour(CUP, flow_ml_s=0.0)
    assert np.abs(sound(trace)).max() == 0
    wave = sound(pour(CUP))
    assert level_of(wave, 0, 0.99) <= -80


def test_strong_pours_have_headroom():
    wide = cylinder(0.045, 0.16)
    loud = [np.abs(sound(pour(wide, flow_ml_s=150), wide, seed=s)).max() for s in range(4)]
    assert 0.3 < np.median(loud) < 0.8
    assert max(loud) < 1


def test_onset_and_offset_are_heard_where_they_are():
    for start, stop in [(0.7, 4.0), (2.0, 7.0)]:
        trace = pour(CUP, start=start, stop=stop)
        heard, true = detect_onset_offset(sound(trace)), true_onset_offset(trace)
        np.testing.assert_allclose(heard, true, atol=0.1)


def test_the_first_touch_sounds_only_on_a_dry_bottom():
    only = Layers(0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    assert np.abs(sound(pour(CUP), layers=only)).max() > 0.01
    assert np.abs(sound(pour(CUP, begin_ml=100), layers=only)).max() < 1e-6


def test_last_drops_fall_after_the_stream_ends():
    after = [level_of(sound(pour(CUP), seed=s), 6.1, 7.5) for s in range(12)]
    before = [
        level_of(sound(pour(CUP), seed=s, layers=Layers(drips=0)), 6.3, 7.5) for s in range(3)
    ]
    assert np.sum(np.array(after) > -75) >= 6
    assert max(before) <= -80


def test_fizz_outlasts_the_pour():
    cola = Liquid("cola", fizz=1.0)
    assert level_of(sound(pour(CUP), liquid=cola), 7, 8) > -60


def test_a_bottle_glugs_and_an_open_cup_does_not():
    only = Layers(0, 0, 0, 0, 0, 0, 0, 1, 0, 0)
    deep = cylinder(0.05, 0.2)
    trace = pour(deep, flow_ml_s=60)
    assert level_of(sound(trace, deep, bottle(), layers=only), 1.5, 5.5) > -50
    assert np.abs(sound(trace, deep, CUP, layers=only)).max() == 0


def test_a_hole_in_a_lid_gulps_air_like_a_neck():
    open_cup = cylinder(radius=0.03)
    lidded = replace(open_cup, mouth_radius_m=0.009)
    assert neck_of(open_cup) is None
    neck = neck_of(lidded)
    assert neck is not None
    assert neck.radius_m == 0.009
    assert neck.length_m < 0.005


def test_a_sound_is_as_long_as_its_trace_at_any_rate_that_divides():
    trace = pour(CUP, seconds=2.0, hz=100)
    assert sound(trace).shape == (32000,)
    assert sound(trace, sample_rate=44100).shape == (88200,)
    assert sound(trace).dtype == np.float32
    with pytest.raises(ClockError, match="multiple"):
        sound(trace, sample_rate=16030)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    trace = pour(CUP, seconds=3)
    assert sound(trace, seed=3).tobytes() == sound(trace, seed=3).tobytes()
    assert sound(trace, seed=3).tobytes() != sound(trace, seed=4).tobytes()


@pytest.mark.parametrize("pieces", [(1,) * 300, (4, 10, 37, 0, 249), (299, 1)])
def test_streamed_in_pieces_is_the_same_as_in_one_go(pieces):
    cola = Liquid("cola", fizz=1.0)
    trace = pour(CUP, seconds=3, start=0.3, stop=2.2, flow_ml_s=60)
    synth = PourSynth(bottle(), CUP, cola, rng=np.random.default_rng(5))
    parts, at = [], 0
    for n in pieces:
        parts.append(synth.advance(rows_between(trace, at, at + n)))
        at += n
    assert (
        np.concatenate(parts).tobytes()
        == sound(trace, source=bottle(), liquid=cola, seed=5).tobytes()
    )


def test_the_future_does_not_change_the_past():
    trace, other = pour(CUP, seconds=4, stop=3), pour(CUP, seconds=4, stop=2)
    a, b = sound(trace), sound(other)
    assert np.array_equal(a[: int(1.8 * 16000)], b[: int(1.8 * 16000)])


def test_ears_hear_a_growing_prefix(scene):
    trace = pour(scene.receiver, seconds=2, start=0.3, stop=1.5)
    for room in (None, RoomAndMic()):
        ears = AcousticEars(room=room)
        assert isinstance(ears, Ears)
        ears.reset(scene, 7)
        before = np.zeros(0, np.float32)
        for frames in (0, 1, 5, 25, 26, 50):
            clip = Clip(25.0, np.zeros((frames, 2, 2, 3), np.uint8), None)
            heard = ears.hear(clip, trace.upto(frames / 25))
            assert len(heard) == frames * 640
            assert np.array_equal(heard[: len(before)], before)
            before = heard
        ears.reset(scene, 7)
        again = ears.hear(clip, trace)
        assert np.array_equal(again, before)


def test_ears_do_not_hear_the_rest_of_a_frame_that_is_still_going_on(scene):
    trace = pour(scene.receiver, seconds=1, start=0.1, stop=0.9)
    ears = AcousticEars()
    ears.reset(scene, 0)
    three_frames = Clip(25.0, np.zeros((3, 2, 2, 3), np.uint8), None)
    assert len(ears.hear(three_frames, trace.upto(0.1))) == 1600
    assert len(ears.hear(three_frames, trace.upto(0.2))) == 1920


def test_ears_complain_when_time_runs_backwards(scene):
    trace = pour(scene.receiver, seconds=1)
    clip = Clip(25.0, np.zeros((25, 2, 2, 3), np.uint8), None)
    ears = AcousticEars()
    with pytest.raises(ClockError, match="reset"):
        ears.hear(clip, trace)
    ears.reset(scene, 0)
    with pytest.raises(ClockError, match="liquid steps"):
        ears.hear(clip, trace.upto(0.5))


def test_a_room_adds_a_tail_and_a_noise_floor_and_keeps_the_length():
    wave = sound(pour(CUP, seconds=4, stop=2))
    heard = through_room(wave, np.random.default_rng(0), RoomAndMic(noise_db=-60, hum_db=-70))
    assert heard.shape == wave.shape
    assert level_of(heard, 0, 0.9) == pytest.approx(-59.6, abs=1)
    quiet = RoomAndMic(noise_db=-200, hum_db=-200)
    assert level_of(through_room(wave, np.random.default_rng(0), quiet), 2.02, 2.1) > -70


def test_a_recording_hears_the_scenes_motors_and_how_far_its_microphone_stands(scene):
    trace = pour(scene.receiver, seconds=3, start=1.0, stop=2.5)
    clip = Clip(25.0, np.zeros((75, 2, 2, 3), np.uint8), None)

    def heard(recorded=True, **changes):
        ears = AcousticEars(recorded=recorded)
        ears.reset(replace(scene, **changes), 3)
        return ears.hear(clip, trace)

    mouth = (*scene.receiver_xy_m, scene.receiver.height_m)
    near, far = ((mouth[0], mouth[1] + away, mouth[2]) for away in (0.35, 1.4))
    loud = heard(microphone_m=near, motor_noise_db=-40.0)
    assert level_of(loud, 0.0, 0.9) == pytest.approx(-40, abs=1.5)
    assert level_of(heard(microphone_m=near), 0.0, 0.9) < -49
    fall = level_of(heard(microphone_m=near), 1.3, 2.4) - level_of(
        heard(microphone_m=far), 1.3, 2.4
    )
    assert 6 < fall < 12.2
    assert not np.array_equal(heard(recorded=False), heard())
    assert np.array_equal(heard(microphone_m=far), heard(microphone_m=far))


def test_an_unknown_material_is_named():
    with pytest.raises(ConfigError, match="marble"):
        sound(pour(CUP), cylinder(material="marble"))
