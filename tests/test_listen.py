"""Laws of the listening test: what each disturbance does to a policy's senses, and the verdict."""

from dataclasses import replace

import numpy as np
import pytest

from multigen.audio.waveform import rms_db
from multigen.benchmark.disturb import AS_IT_IS, DISTURBANCES, Disturbance, Disturbed, disturb
from multigen.benchmark.listen import verdict
from multigen.files import write_sound
from multigen.types import Controller, Observation, Waveform

RATE = 16_000


def seen(hz: float = 1000.0, seconds: float = 2.0) -> Observation:
    t = np.arange(round(RATE * seconds)) / RATE
    return Observation(
        time_s=seconds, command=0.5, ego=np.full((2, 8, 8, 3), 90, np.uint8),
        state=np.zeros((2, 7), np.float32), eef=np.zeros((2, 10), np.float32),
        sound=(0.1 * np.sin(2 * np.pi * hz * t)).astype(np.float32),
    )  # fmt: skip


def centre_hz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return float(np.average(np.fft.rfftfreq(len(sound), 1 / RATE), weights=power))


def test_undisturbed_is_untouched() -> None:
    before = seen()
    after = disturb(before, DISTURBANCES[AS_IT_IS])
    assert np.array_equal(after.sound, before.sound)
    assert np.array_equal(after.ego, before.ego)


@pytest.mark.parametrize("name", [n for n, d in DISTURBANCES.items() if not d.swapped])
def test_every_disturbance_keeps_the_shapes_and_the_world_and_repeats_itself(name: str) -> None:
    before = seen()
    after, again = (disturb(before, DISTURBANCES[name], seed=3) for _ in range(2))
    assert after.sound.shape == before.sound.shape
    assert after.sound.dtype == np.float32
    assert np.array_equal(after.sound, again.sound)
    assert after.ego.shape == before.ego.shape
    assert np.array_equal(after.eef, before.eef)
    if name != AS_IT_IS:
        assert not (
            np.array_equal(after.sound, before.sound) and np.array_equal(after.ego, before.ego)
        )


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_a_shifted_tone_is_where_music_says(semitones: float) -> None:
    after = disturb(seen(1000.0), Disturbance(semitones=semitones))
    assert centre_hz(after.sound) == pytest.approx(1000 * 2 ** (semitones / 12), rel=0.02)


def test_late_sound_is_the_same_sound_later() -> None:
    before = seen()
    after = disturb(before, Disturbance(delay_s=0.25))
    assert not after.sound[:4000].any()
    assert np.array_equal(after.sound[4000:], before.sound[:-4000])


def test_noise_has_its_level_and_does_not_change_what_was_heard_before() -> None:
    quiet = replace(seen(), sound=np.zeros(2 * RATE, np.float32))
    noise = disturb(quiet, Disturbance(noise_db=-26.0), seed=1).sound
    assert rms_db(noise) == pytest.approx(-26, abs=0.2)
    longer = replace(quiet, sound=np.zeros(3 * RATE, np.float32))
    assert np.array_equal(
        disturb(longer, Disturbance(noise_db=-26.0), seed=1).sound[: 2 * RATE], noise
    )


def test_a_swapped_ear_hears_the_other_trial_and_then_silence(tmp_path) -> None:
    other = np.full(RATE, 0.25, np.float32)
    write_sound(tmp_path / "other.flac", Waveform(RATE, other))
    heard = disturb(seen(), Disturbance(swapped=True), other=tmp_path / "other.flac").sound
    assert heard[:RATE] == pytest.approx(other, abs=1e-4)
    assert not heard[RATE:].any()


def test_a_disturbed_controller_is_one_and_its_guest_gets_the_disturbed_view() -> None:
    class Curious:
        def reset(self, scene, seed):
            self.got = []

        def act(self, seen):
            self.got.append(seen)

    guest = Curious()
    controller = Disturbed(guest, Disturbance(muted=True, dark=True))
    assert isinstance(controller, Controller)
    controller.reset(None, 0)  # pyright: ignore[reportArgumentType]
    assert controller.act(seen()) is None
    assert not guest.got[0].sound.any()
    assert not guest.got[0].ego.any()


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.1, 0.3, "hearing helps"), (-0.1, 0.3, "no evidence"), (-0.4, -0.1, "hearing harms")],
)
def test_the_verdict_follows_the_interval(low: float, high: float, word: str) -> None:
    worse = {"mean": (low + high) / 2, "ci95": [low, high], "n": 9}
    assert word in verdict({"muted": {"worse_by": worse}})
    assert "too few" in verdict({"muted": {"worse_by": {**worse, "n": 2}}})
