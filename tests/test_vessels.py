"""Vessels and liquids: the catalogue keeps the paper's capacities, the draws keep their bounds."""

import numpy as np
import pytest

from multigen.errors import SceneError
from multigen.liquid import HydraulicPour, lip_pose, pour_table
from multigen.scene.lathe import LID_M, handle_mesh, lid_mesh
from multigen.scene.liquid_mesh import signed_volume_ml
from multigen.scene.liquids import LIQUIDS, draw_liquid
from multigen.scene.vessels import (
    PAPER_VESSELS,
    RECEIVER_KINDS,
    SOURCE_KINDS,
    draw_receiver,
    draw_source,
    empties_at_rad,
    is_graspable,
    paper_vessel,
    scaled_to_capacity,
    stretched,
    unlikeness,
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


def test_a_can_pours_through_a_hole_at_the_edge_of_its_lid():
    can = paper_vessel("metal_can")
    assert can.opening_radius_m < 0.5 * can.rim_radius_m
    assert can.mouth_offset_m + can.opening_radius_m == pytest.approx(can.rim_radius_m)
    assert 95 < np.degrees(empties_at_rad(can)) < 103
    girth = max(r for _, r in can.inner)
    assert 0.7 < can.rim_radius_m / girth < 0.9, "a ledge of lid between hole and wall"
    table = pour_table(can)
    assert table.sill_radius_m.max() == can.opening_radius_m
    for wide in (0.8, 1.2):
        assert stretched(can, wide, 1.0).opening_radius_m == wide * can.opening_radius_m


def test_no_drawn_vessel_could_be_taken_for_one_of_the_papers():
    rng = np.random.default_rng(11)
    drawn = [draw_source(rng) for _ in range(150)]
    drawn += [draw_receiver(rng, RECEIVER_KINDS) for _ in range(150)]
    assert {v.kind for v in drawn} == {*SOURCE_KINDS, *RECEIVER_KINDS}
    papers = [paper_vessel(n) for n in PAPER_VESSELS]
    for v in drawn:
        assert v.name not in PAPER_VESSELS
        # at least one of capacity, height, lip and girth differs by 5 %
        assert min(unlikeness(v, p) for p in papers) > 0.049
    looks = {(v.material, v.rgba) for v in drawn}
    assert len(looks) > 280
    assert not looks & {(p.material, p.rgba) for p in papers}


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


def test_a_lid_covers_the_can_but_for_its_hole_and_a_handle_hangs_on_its_mug():
    can = paper_vessel("metal_can")
    vertices, faces = lid_mesh(can, 96)
    top = vertices[:, 2] == vertices[:, 2].max()
    apart = np.hypot(vertices[top, 0] - can.mouth_offset_m, vertices[top, 1])
    assert apart.min() == pytest.approx(can.opening_radius_m, rel=1e-4)
    assert vertices[:, 2].max() == pytest.approx(can.height_m)
    ring = can.inner[-2][1] ** 2 - can.opening_radius_m**2
    assert signed_volume_ml(vertices, faces) == pytest.approx(np.pi * ring * LID_M * 1e6, rel=0.01)
    mug = paper_vessel("metal_mug")
    vertices, faces = handle_mesh(mug)
    assert signed_volume_ml(vertices, faces) > 0, "faces look outwards"
    assert 0.1 * mug.height_m < vertices[:, 2].min()
    assert vertices[:, 2].max() < 0.95 * mug.height_m
    assert 0.02 < vertices[:, 0].max() - max(r for _, r in mug.outer) < 0.045
    inside = np.hypot(vertices[:, 0], vertices[:, 1]) < mug.inner[0][1]
    assert not inside.any(), "not through the wall"


def test_the_lip_of_a_can_is_the_lowest_point_of_its_hole_whichever_way_it_is_tilted():
    can = paper_vessel("metal_can")
    a = np.linspace(0, 2 * np.pi, 3600)
    hole = np.stack([can.mouth_offset_m + can.opening_radius_m * np.cos(a),
                     can.opening_radius_m * np.sin(a), 0 * a + can.height_m])  # fmt: skip
    for heading in (0.0, 0.6, 2.0, np.pi):
        for tilt in (0.4, 1.3, 1.7):
            c, s, ch, sh = np.cos(tilt), np.sin(tilt), np.cos(heading), np.sin(heading)
            lean = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
            turn = np.array([[ch, -sh, 0], [sh, ch, 0], [0, 0, 1]])
            rot = turn @ lean @ turn.T
            points = rot @ hole
            pose = lip_pose(can, np.zeros(3), rot)
            lip = pose.lip_m
            assert lip == pytest.approx(points[:, points[2].argmin()], abs=1e-4)
            towards = can.height_m * c - can.rim_radius_m * s  # hole on the low side
            assert lip[2] - towards == pytest.approx(pose.sill_rise_m, abs=1e-9)
    cup = paper_vessel("white_cup")
    assert lip_pose(cup, np.zeros(3), rot).sill_rise_m == 0


def test_a_can_held_the_wrong_way_round_lets_less_go():
    can, cup, water = paper_vessel("metal_can"), paper_vessel("plastic_cup"), LIQUIDS["water"]
    left = []
    for heading in (0.0, np.pi):
        pour = HydraulicPour(can, cup, water, initial_ml=150.0)
        for tilt in np.radians(88) * np.clip(np.arange(10_000) / 1500, 0, 1):
            c, s, f = np.cos(tilt), np.sin(tilt), np.cos(heading)
            rot = np.array([[c, 0, f * s], [0, 1, 0], [-f * s, 0, c]])
            rise = lip_pose(can, np.zeros(3), rot).sill_rise_m
            pour.step(tilt, np.array([0, 0, 0.2]), np.array([f, 0.0]), np.zeros(3), rise)
        left.append(pour.state.source_ml)
    assert left[0] < 40
    higher = can.level_m(left[1], np.radians(88)) - can.level_m(left[0], np.radians(88))
    assert float(higher) == pytest.approx(2 * can.mouth_offset_m, rel=0.15)
