"""Vessels and liquids: the catalogue keeps the paper's capacities, the draws keep their bounds."""

import numpy as np
import pytest

from multigen.errors import SceneError
from multigen.scene.liquids import LIQUIDS, draw_liquid
from multigen.scene.vessels import (
    PAPER_VESSELS,
    draw_receiver,
    draw_source,
    empties_at_rad,
    is_graspable,
    paper_vessel,
    scaled_to_capacity,
)

PAPER_ML = {
    "white_cup": 491,
    "red_cup": 284,
    "metal_thermos": 500,
    "paper_cup": 287,
    "sake_carafe": 216,
    "sake_cup": 35,
    "metal_mug": 300,
    "plastic_cup": 356,
    "plastic_bottle": 450,
    "metal_can": 222,
    "glass_mug": 364,
}
SOURCES = ("white_cup", "metal_thermos", "sake_carafe", "plastic_bottle", "metal_can")


def fine_capacity_ml(vessel, n=200_001):
    h = np.linspace(0, vessel.depth_m, n)
    return float(np.trapezoid(np.pi * vessel.inner_radius_m(h) ** 2, h)) * 1e6


@pytest.mark.parametrize("name", PAPER_VESSELS)
def test_paper_vessels_hold_what_the_paper_says(name):
    vessel = paper_vessel(name)
    assert fine_capacity_ml(vessel) == pytest.approx(PAPER_ML[name], rel=1e-3)
    assert vessel.capacity_ml == pytest.approx(PAPER_ML[name], rel=1e-9)
    assert vessel.name == name


def test_the_paper_has_eleven_vessels_and_its_sources_can_be_grasped_and_emptied():
    assert set(PAPER_VESSELS) == set(PAPER_ML)
    for name in SOURCES:
        assert is_graspable(paper_vessel(name)), name
        assert np.degrees(empties_at_rad(paper_vessel(name))) < 128, name


def test_an_unknown_vessel_lists_the_known_ones():
    with pytest.raises(SceneError, match="sake_carafe"):
        paper_vessel("teapot")


@pytest.mark.parametrize("keep", ["radius", "height", "shape"])
@pytest.mark.parametrize("name", PAPER_VESSELS)
def test_scaling_hits_the_capacity_and_keeps_what_it_promises(name, keep):
    vessel = paper_vessel(name)
    scaled = scaled_to_capacity(vessel, 321.0, keep)
    assert scaled.capacity_ml == pytest.approx(321.0, rel=1e-9)
    if keep == "radius":
        assert scaled.rim_radius_m == vessel.rim_radius_m
    if keep == "height":
        assert scaled.height_m == vessel.height_m
    if keep == "shape":
        assert scaled.rim_radius_m / scaled.depth_m == pytest.approx(
            vessel.rim_radius_m / vessel.depth_m
        )


def test_scaling_refuses_nonsense():
    with pytest.raises(SceneError, match="positive"):
        scaled_to_capacity(paper_vessel("red_cup"), 0.0)
    with pytest.raises(SceneError, match="choose from"):
        scaled_to_capacity(paper_vessel("red_cup"), 100.0, keep="colour")


def walls_are_solid(vessel):
    z = np.linspace(vessel.floor_m, vessel.height_m, 300)
    wall = vessel.outer_radius_m(z) - vessel.inner_radius_m(z - vessel.floor_m)
    return vessel.floor_m > 5e-4 and wall.min() > 5e-4


def test_drawn_sources_stay_in_bounds_and_can_be_grasped_and_emptied():
    rng = np.random.default_rng(1)
    drawn = [draw_source(rng) for _ in range(200)]
    assert len({v.kind for v in drawn}) == 6
    for v in drawn:
        assert 180 <= v.capacity_ml <= 500
        assert 0.08 <= v.height_m <= 0.23
        assert is_graspable(v)
        assert np.degrees(empties_at_rad(v)) <= 128
        assert walls_are_solid(v)
        assert 0.02 <= v.mass_kg <= 0.4
        assert v.name not in PAPER_VESSELS


def test_drawn_receivers_stay_in_bounds():
    rng = np.random.default_rng(2)
    for v in [draw_receiver(rng) for _ in range(200)]:
        assert 150 <= v.capacity_ml <= 500
        assert 0.06 <= v.height_m <= 0.17
        assert 0.028 <= v.rim_radius_m <= 0.05
        assert walls_are_solid(v)
        assert v.name not in PAPER_VESSELS


def test_the_same_seed_draws_the_same_things():
    def drawn(seed):
        rng = np.random.default_rng(seed)
        return draw_source(rng), draw_receiver(rng), draw_liquid(rng)

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_every_vessel_is_transparent_or_not_as_its_material_allows():
    rng = np.random.default_rng(3)
    for v in [draw_source(rng) for _ in range(100)]:
        assert all(0 <= c <= 1 for c in v.rgba)
        if v.is_transparent:
            assert v.material in ("plastic", "glass")


def test_liquids_are_physical_and_draws_stay_near_them():
    assert set(LIQUIDS) == {"water", "hot water", "coffee", "sake", "juice", "soda", "milk", "tea"}
    rng = np.random.default_rng(4)
    for _ in range(200):
        liquid = draw_liquid(rng)
        base = LIQUIDS[liquid.name]
        assert abs(liquid.density_kg_m3 / base.density_kg_m3 - 1) <= 0.03
        assert 0.7 <= liquid.viscosity_pa_s / base.viscosity_pa_s <= 8
        assert 0.02 < liquid.surface_tension_n_m < 0.09
        assert all(0 <= c <= 1 for c in liquid.rgba)
        assert (liquid.fizz > 0) == (base.fizz > 0)
