"""Laws of silence and pitch: a burst before the pour is caught, a silence is one, a pour passes."""

import numpy as np
import pytest

from multigen.audio.acoustics import Layers, sound_of_pour
from multigen.audio.onset import detect_onset_offset
from multigen.audio.plausibility import expected_pitch_hz, pitch_error, pitch_errors
from multigen.audio.quiet import FLOOR_DB, Silence, nothing_pours, pour_rms, silence
from multigen.errors import ClockError, MediaError
from multigen.types import Liquid
from pours import cylinder, pour

VESSEL = cylinder(0.035, 0.15)
TRACE = pour(VESSEL, start=3.0, stop=6.0, flow_ml_s=120.0, source_ml=2000.0)


def heard(seed=0, trace=TRACE, liquid=Liquid(), **layers):
    return sound_of_pour(
        trace, cylinder(), VESSEL, liquid, rng=np.random.default_rng(seed), layers=Layers(**layers)
    )


def white(seed, n=128_000, level=0.05):
    return (level * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def of(*args, **kwargs) -> Silence:
    found = silence(*args, **kwargs)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def sound():
    return heard()


def test_a_pour_is_silent_before_and_after(sound):
    found = of(sound, TRACE)
    assert found.level_db < -30  # a last drop
    assert not found.false_sound
    assert of(heard(drips=0.0), TRACE).level_db < -60
    assert found.quiet_s == pytest.approx(8 - 3 - 2 * 0.3, abs=0.05)


def test_silence_is_silent_even_if_the_pour_is_not_heard_either():
    found = of(np.zeros(128_000, np.float32), TRACE)
    assert (found.level_db, found.loud_s) == (FLOOR_DB, 0)


def test_gain_changes_nothing(sound):
    wave = sound + white(1, level=0.003)
    quiet, loud = of(0.1 * wave, TRACE), of(wave, TRACE)
    assert quiet.level_db == pytest.approx(loud.level_db, abs=1e-3)
    assert quiet.loud_s == pytest.approx(loud.loud_s)


def test_a_loud_burst_before_the_pour_is_a_false_sound(sound):
    wave = sound.copy()
    wave[8_000:16_000] += white(1, 8_000, pour_rms(sound, TRACE) or 0.0)
    found = of(wave, TRACE)
    assert found.false_sound
    assert found.loud_s == pytest.approx(0.5 + 0.05, abs=0.08)  # frames at its edges too
    # half a second of 4.4 at the pour's level
    assert found.level_db == pytest.approx(10 * np.log10(0.5 / 4.4), abs=0.5)


def test_a_click_a_murmur_and_a_sound_beside_the_pour_are_none(sound):
    loud = pour_rms(sound, TRACE) or 0.0
    click, murmur, beside = sound.copy(), sound.copy(), sound.copy()
    click[8_000] = 1.0
    murmur[8_000:24_000] += white(1, 16_000, loud * 10 ** (-30 / 20))
    beside[int(2.72 * 16_000) : 48_000] += white(2, 48_000 - int(2.72 * 16_000), loud)
    for wave in (click, murmur, beside):
        assert not of(wave, TRACE).false_sound
    assert of(murmur, TRACE).level_db > -40


def test_noise_and_a_reversed_pour_are_false_sounds(sound):
    early = pour(VESSEL, start=1.0, stop=4.0, flow_ml_s=120.0, source_ml=2000.0)
    backwards = heard(trace=early)[::-1]
    assert of(backwards, early).false_sound
    assert of(backwards, early).level_db > -10
    assert of(white(0), TRACE).level_db == pytest.approx(0, abs=0.2)


def test_a_pour_nobody_hears_makes_every_other_sound_loud():
    wave = np.zeros(128_000, np.float32)
    wave[8_000:16_000] = 0.01
    assert of(wave, TRACE).level_db > 100
    assert of(wave, TRACE).false_sound


def test_a_clip_without_a_pour_is_compared_with_what_it_is_told():
    empty = pour(VESSEL, flow_ml_s=0.0)
    with pytest.raises(ClockError, match="pour_level"):
        silence(white(0), empty)
    found = of(white(0, level=0.005), empty, pour_level=0.05)
    assert found.level_db == pytest.approx(-20, abs=0.1)
    assert found.quiet_s == pytest.approx(8)
    assert found.false_sound


def test_a_clip_that_pours_throughout_has_no_silence():
    assert silence(white(0), pour(VESSEL, start=-1.0, stop=9.0)) is None


def test_fizz_after_the_pour_is_no_false_sound_before_it_would_be():
    soda = heard(liquid=Liquid("soda", fizz=0.8))
    assert of(soda, TRACE).false_sound
    found = of(soda, TRACE, fizzes=True)
    assert not found.false_sound
    assert found.quiet_s == pytest.approx(2.7, abs=0.05)
    soda[8_000:16_000] += white(1, 8_000, 0.05)
    assert of(soda, TRACE, fizzes=True).false_sound


def test_what_spills_or_still_falls_is_not_nothing():
    quiet = nothing_pours(TRACE)
    assert quiet[:265].all()
    assert not quiet[275:625].any()
    falling = np.zeros(len(TRACE))
    falling[100] = 1.0
    fields = {**TRACE.__dict__, "in_flight_ml": falling}
    assert not nothing_pours(type(TRACE)(**fields))[70:131].any()


def test_sound_longer_than_its_ledger_is_judged_where_the_ledger_knows(sound):
    wave = np.concatenate([sound, white(0, 16_000)])
    assert not of(wave, TRACE).false_sound


def test_the_ridge_of_a_pour_is_where_the_geometry_says(sound):
    guide, rising = heard(1), expected_pitch_hz(VESSEL, TRACE.receiver_level_m)
    error = pitch_error(sound, guide, TRACE, VESSEL)
    assert error is not None
    assert error < 0.05
    # a pure tone on the expected track, and one 20 % beside it
    phase = 2 * np.pi * np.cumsum(np.repeat(rising, 160)) / 16_000
    tone, beside = np.sin(phase) + white(0, level=0.01), np.sin(1.2 * phase) + white(0, level=0.01)
    assert (pitch_error(tone, guide, TRACE, VESSEL) or 1) < 0.02
    assert pitch_error(beside, guide, TRACE, VESSEL) == pytest.approx(0.2, abs=0.03)


def test_noise_a_reversed_pour_and_hotter_air_miss_the_pitch(sound):
    guide = heard(1)
    assert (pitch_error(white(0), guide, TRACE, VESSEL) or 0) > 0.1
    assert (pitch_error(sound[::-1], guide, TRACE, VESSEL) or 0) > 0.1
    hot = np.nanmedian(pitch_errors(sound, TRACE, VESSEL, 70.0))
    assert hot == pytest.approx(1 - np.sqrt(293.15 / 343.15), abs=0.04)


def test_pitch_is_judged_only_while_something_lands(sound):
    errors = pitch_errors(sound, TRACE, VESSEL)
    seconds = np.arange(len(errors)) * 0.04
    known = np.isfinite(errors)
    assert known[(seconds > 3.2) & (seconds < 5.8)].all()
    assert not known[(seconds < 2.9) | (seconds > 6.1)].any()


def test_where_no_resonance_can_be_tracked_there_is_no_error(sound):
    assert pitch_error(sound, white(3), TRACE, VESSEL) is None
    with pytest.raises(ClockError, match="fit"):
        pitch_error(sound, sound[:-1], TRACE, VESSEL)
    with pytest.raises(MediaError, match="silent"):
        pitch_error(np.zeros_like(sound), sound, TRACE, VESSEL)


def test_a_lower_threshold_hears_a_soft_beginning_earlier():
    wave = np.zeros(96_000, np.float32)
    wave[16_000:80_000] = white(0, 64_000, 0.1)
    wave[16_000:32_000] *= 0.12
    assert detect_onset_offset(wave)[0] == pytest.approx(2.0, abs=0.05)
    assert detect_onset_offset(wave, share=0.1)[0] == pytest.approx(1.0, abs=0.05)
