"""Vessel's volumes against numerical integration: at any tilt and level, and back."""

import sys
from pathlib import Path

import numpy as np
import pytest

from multigen.errors import SceneError
from multigen.scene import Vessel

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from volume import errors_of, random_vessel

CONE = Vessel("cone", "frustum", ((0.0, 0.05), (0.1, 0.05)), ((0.002, 0.02), (0.1, 0.04)))


def test_a_hundred_random_profiles_agree_with_integration_to_a_ten_thousandth():
    rng = np.random.default_rng(5)
    for _ in range(100):
        for name, error in errors_of(random_vessel(rng), rng).items():
            assert error < 1e-4, name


def test_levels_and_volumes_are_inverse_of_each_other_and_take_arrays():
    volumes = np.linspace(0.05, 0.95, 7) * CONE.capacity_ml
    for tilt in (0.0, 0.3, 1.2, 2.0):
        levels = CONE.level_m(volumes, tilt)
        assert levels.shape == (7,)
        assert (np.diff(levels) > 0).all()
        np.testing.assert_allclose(CONE.volume_ml(levels, tilt), volumes, rtol=1e-5)
    assert float(CONE.level_m(2 * CONE.capacity_ml, 0.5)) == pytest.approx(
        float(CONE.level_m(CONE.capacity_ml, 0.5))
    )


def test_a_hair_of_tilt_changes_nothing():
    for share in (0.1, 0.6):
        level = float(CONE.level_m(share * CONE.capacity_ml))
        assert float(CONE.volume_ml(level, 1e-7)) == pytest.approx(
            float(CONE.volume_ml(level)), rel=1e-5
        )
    assert CONE.held_ml(0.0) == pytest.approx(CONE.capacity_ml, rel=1e-9)


def test_a_sunken_mouth_keeps_a_pocket_that_the_lip_does_not_reach():
    """An hourglass on its side: what lies beyond the waist stays."""
    waist = ((0.002, 0.04), (0.05, 0.015), (0.1, 0.04))
    glass = Vessel("hourglass", "any", ((0.0, 0.05), (0.1, 0.05)), waist)
    lower = Vessel("lower half", "any", ((0.0, 0.05), (0.05, 0.05)), waist[:2])
    tilt = np.pi / 2
    assert glass.held_ml(tilt) == pytest.approx(lower.held_ml(tilt), rel=1e-9)
    assert lower.held_ml(tilt) > 5


def test_what_cannot_be_is_refused_in_one_sentence():
    with pytest.raises(SceneError, match="tilt must lie"):
        CONE.volume_ml(0.05, -0.1)
    with pytest.raises(SceneError, match="tilt must lie"):
        CONE.held_ml(3.0)
    with pytest.raises(SceneError, match="mouth of 0.05 m does not fit"):
        Vessel("c", "can", CONE.outer, CONE.inner, mouth_radius_m=0.05)
