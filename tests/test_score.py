"""Scores that know the pour: the right sound rings and swells where this vessel and flow say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fake_demonstrations import fake_demonstration
from multigen.audio.acoustics import sound_of_pour
from multigen.audio.corpus import write_clip
from multigen.audio.plausibility import matched_track_rank
from multigen.audio.score import POUR_DEFINITIONS, score_folders, score_sounds
from multigen.audio.score_inputs import Sound, read_sounds
from multigen.audio.tracks import FEWEST_OTHERS, random_pour, trace_of, track_ranker
from multigen.cli.main import main
from multigen.dataset import DatasetWriter
from multigen.errors import MediaError
from multigen.files import write_sound
from multigen.pipeline.score import score, sounds_of
from multigen.scene import draw_scene, load_world
from multigen.types import Clip, Clock, Waveform
from pours import cylinder, pour

RATE, SECONDS, CLIPS = 16_000, 6.0, 6


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """A corpus of six modulated pours that know their scene, and a folder of other takes of them."""
    root, rng = tmp_path_factory.mktemp("scored"), np.random.default_rng(3)
    frames = np.random.default_rng(0).integers(0, 255, (round(25 * SECONDS), 16, 16, 3), np.uint8)
    base = draw_scene(load_world("train"), 1)
    for i in range(CLIPS):
        vessel = cylinder(float(rng.uniform(0.025, 0.05)), float(rng.uniform(0.07, 0.2)))
        scene = replace(base, seed=i, receiver=vessel)
        flow = 0.8 * vessel.capacity_ml / 4
        trace = pour(
            vessel, seconds=SECONDS, start=1, stop=5, flow_ml_s=flow, source_ml=3e3, modulation=0.6
        )
        takes = [
            sound_of_pour(
                trace, scene.source, vessel, scene.liquid, rng=np.random.default_rng([i, take])
            )
            for take in range(2)
        ]
        write_clip(
            root / "real", f"p{i}", Clip(25.0, frames, None), Waveform(RATE, takes[0]),
            split="val", trace=trace, scene=scene,
        )  # fmt: skip
        write_sound(root / "made" / f"p{i}.flac", Waveform(RATE, takes[1]))
    return root / "made", root / "real"


@pytest.fixture(scope="module")
def scores(folders) -> dict:
    return score(*folders, resamples=100)


def test_a_corpus_lends_its_pours_to_a_folder_of_sounds(scores):
    json.dumps(scores, allow_nan=False)
    track = scores["matched_track"]
    assert track["n"] == CLIPS
    assert track["definition"] == POUR_DEFINITIONS["matched_track"]
    assert track["mean"] > 0.85
    rows = track["calibration"]
    assert rows["reference"]["mean"] > 0.85
    assert rows["second_take"]["mean"] > 0.85
    for wrong in ("white_noise", "time_reversed", "shuffled_pairs", "other_reference"):
        assert rows[wrong]["mean"] < 0.8


def test_loudness_follows_the_flow_of_its_own_pour(scores):
    loud = scores["loudness_flow"]
    assert loud["mean"] > 0.4
    assert loud["mean"] > loud["calibration"]["white_noise"]["mean"] + 0.3
    assert loud["calibration"]["reference"]["mean"] > 0.4


def test_a_synthetic_corpus_makes_its_own_second_take(scores):
    take, made = scores["lsd"]["calibration"]["second_take"], scores["lsd"]
    assert take["n"] == CLIPS
    assert take["mean"] == pytest.approx(made["mean"], rel=0.15)
    assert take["mean"] < made["calibration"]["other_reference"]["mean"]


def test_plain_folders_know_no_pour_and_no_second_take(folders):
    made, _ = folders
    plain = score(made, made, resamples=20)
    assert "matched_track" not in plain
    assert "second_take" not in plain["lsd"]["calibration"]
    given = score_folders(made, made, second_take=made, resamples=20)
    assert given["lsd"]["calibration"]["second_take"]["mean"] == 0


def test_the_verb_scores_a_folder_against_a_corpus(folders, tmp_path):
    made, real = folders
    args = ["--generated", str(made), "--reference", str(real), "--out", str(tmp_path / "s")]
    with pytest.raises(SystemExit) as stop:
        main(["score-sound", *args])
    assert stop.value.code == 0
    written = json.loads((tmp_path / "s" / "scores.json").read_text())
    assert {"lsd", "si_sdr", "min_lsd", "onset_error_s", *POUR_DEFINITIONS} <= set(written)
    assert all(entry["definition"] for entry in written.values())


def test_a_dataset_knows_its_pours(tmp_path):
    writer = DatasetWriter(tmp_path / "data", Clock(), (64, 64), {"command": "test", "seed": 0})
    for seed in range(2):
        writer.add(fake_demonstration(seed))
    sounds = sounds_of(tmp_path / "data")
    assert list(sounds) == ["episode-000000", "episode-000001"]
    one, demo = sounds["episode-000000"], fake_demonstration(0)
    np.testing.assert_array_equal(one.wave, demo.sound.samples)
    assert one.trace is not None
    assert one.receiver == demo.episode.scene.receiver
    landed = demo.episode.trace.receiver_ml
    assert np.abs(one.trace.receiver_ml - landed).max() < 0.12 * np.ptp(landed)
    assert one.trace.flow_in_ml_s.sum() / 100 == pytest.approx(np.ptp(landed), rel=0.15)
    scored = score(tmp_path / "data", tmp_path / "data", resamples=20)
    assert scored["matched_track"]["n"] == 2


def test_names_that_do_not_match_are_refused(folders):
    made, real = folders
    few = dict(list(read_sounds(real).items())[:3])
    with pytest.raises(MediaError, match="'p3'"):
        score_sounds(read_sounds(made), few)
    with pytest.raises(MediaError, match="silent"):
        score_sounds({"a": Sound(np.zeros(9999))}, {"a": Sound(np.ones(9999))})


def test_a_small_set_is_ranked_among_random_cylinders():
    rng = np.random.default_rng(0)
    vessel = cylinder(0.035, 0.12)
    trace = trace_of(vessel, 100, np.linspace(1, 0.9 * vessel.capacity_ml, 500))
    assert trace.flow_in_ml_s[5] == pytest.approx(0.9 * vessel.capacity_ml / 5, rel=0.02)
    noise = np.random.default_rng(1).standard_normal(5 * RATE)
    rank = track_ranker([(trace, vessel)], np.random.default_rng(2))
    assert rank(noise, trace, vessel) * FEWEST_OTHERS == pytest.approx(
        round(rank(noise, trace, vessel) * FEWEST_OTHERS), abs=1e-6
    )
    others = [random_pour(rng) for _ in range(3)]
    assert 0 <= matched_track_rank(noise, trace, vessel, others) <= 1
