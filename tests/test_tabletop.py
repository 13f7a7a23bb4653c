"""Tabletop clips: seeds repeat, liquid in flight is seen in flight, silence is silent."""

import numpy as np
import pytest

from multigen.episode.tabletop import TabletopConfig, draw_tabletop, simulate_tabletop
from multigen.errors import ConfigError
from multigen.liquid import MAX_TILT_RAD
from multigen.types import Role

SEEN = TabletopConfig(
    fill_fraction=(0.85, 0.9), styles=(("splash", 1.0),), hand=0.0, elevation_deg=(15.0, 20.0), distance_m=(0.4, 0.45)
)  # fmt: skip


def test_the_same_seed_gives_the_same_clip_to_the_byte():
    a, b = (simulate_tabletop(3, seconds=0.4, size=32) for _ in range(2))
    assert a[2] == b[2]
    assert a[0].rgb.tobytes() == b[0].rgb.tobytes()
    assert a[0].roles.tobytes() == b[0].roles.tobytes()
    assert a[1].source_ml.tobytes() == b[1].source_ml.tobytes()
    assert a[0].fps == 25
    assert len(a[0]) == 10
    assert len(a[1]) == 40


def test_a_stream_is_seen_exactly_while_liquid_is_in_flight():
    clip, trace, _ = simulate_tabletop(11, seconds=4.0, size=96, config=SEEN)
    seen = (clip.roles == Role.STREAM).any((1, 2))
    falls = np.concatenate([[0.0], trace.in_flight_ml])[:-1:4] > 0
    assert falls.any(), "this seed pours"
    on, off = np.flatnonzero(falls)[[0, -1]]
    first, last = np.flatnonzero(seen)[[0, -1]]
    assert abs(first - on) <= 2
    assert abs(last - off) <= 2
    assert not seen[~falls].any()
    np.testing.assert_allclose(trace.total_ml, trace.total_ml[0], atol=1e-9)


def test_a_pour_that_never_reaches_the_lip_pours_nothing():
    quiet = TabletopConfig(styles=(("never", 1.0),))
    for seed in range(3):
        scene, pour = draw_tabletop(seed, seconds=4.0, config=quiet)
        assert pour.style == "never"
        clip, trace, _ = simulate_tabletop(seed, seconds=0.4, size=32, config=quiet)
        assert trace.flow_out_ml_s.max() == 0
        assert not (clip.roles == Role.STREAM).any()
        assert scene.initial_ml > 0


def test_draws_vary_and_stay_possible():
    draws = [draw_tabletop(seed, seconds=4.0) for seed in range(20)]
    assert len({d[1].style for d in draws}) >= 3
    assert len({d[0].source.kind for d in draws}) >= 3
    assert {d[1].hand and d[1].hand.kind for d in draws} == {None, "hand", "gripper"}
    for scene, pour in draws:
        assert pour.motion.tilt_rad.min() >= 0
        assert pour.motion.tilt_rad.max() < MAX_TILT_RAD
        step = np.abs(np.diff(pour.motion.tilt_rad)).max() / pour.motion.dt_s
        assert step < 8, "rad/s: a hand, not a hammer"
        pos, rot = pour.motion.pose(0, scene.source)
        np.testing.assert_allclose(rot @ rot.T, np.eye(3), atol=1e-12)
        assert pos[2] > -0.02


def test_a_source_that_comes_from_elsewhere_is_there_before_it_pours():
    travelled = 0
    for seed in range(6):
        kept = {"styles": (("single", 1.0),), "hand": 0.0}
        config, stay = TabletopConfig(journey=1.0, **kept), TabletopConfig(journey=0.0, **kept)
        (_, pour), (_, same) = (draw_tabletop(seed, seconds=4.0, config=c) for c in (config, stay))
        away = np.linalg.norm(pour.motion.lip_m - same.motion.lip_m, axis=1)
        there = away == 0
        np.testing.assert_array_equal(pour.motion.tilt_rad[there], same.motion.tilt_rad[there])
        travelled += away[0] > 0.1
        assert (np.diff(away) < 1e-3).all(), "it comes, and does not go again"
        _, trace, _ = simulate_tabletop(seed, seconds=4.0, size=16, config=config)
        pouring = np.flatnonzero(trace.flow_out_ml_s > 0)
        if len(pouring):
            assert away[pouring[0] * 5] == 0
        scene, _ = draw_tabletop(seed, seconds=4.0, config=config)
        corner, _ = pour.motion.pose(0, scene.source)
        assert corner[2] > -1e-9, "not below the table"
    assert travelled >= 3


def test_a_hand_that_reaches_is_there_before_the_source_leaves_the_table():
    config = TabletopConfig(journey=1.0, hand=1.0, reach=1.0, wait=1.0)
    reaching = 0
    for seed in range(12):
        scene, pour = draw_tabletop(seed, config=config)
        if pour.reach is None:
            continue
        reaching += 1
        start, _ = pour.motion.pose(0, scene.source)
        for step in range(0, len(pour.motion.tilt_rad), 25):
            position, rotation = pour.motion.pose(step, scene.source)
            if np.abs(pour.hand_away_m(step * pour.motion.dt_s)).max() > 0:
                np.testing.assert_allclose(position, start, atol=1e-9)
                assert rotation[2, 2] == 1, "upright"
        assert np.linalg.norm(pour.hand_away_m(0.0)) <= 1.3 * config.reach_m[1]
    assert reaching >= 3


def test_a_clip_is_a_whole_number_of_frames():
    with pytest.raises(ConfigError, match="whole number"):
        simulate_tabletop(0, seconds=1.01)
    with pytest.raises(ConfigError, match="no pouring style"):
        TabletopConfig(styles=(("gargle", 1.0),))
