"""Worlds: what they vary, what they keep, what they refuse; old files still load."""

import json
from dataclasses import replace

import numpy as np
import pytest

from multigen.errors import ConfigError, SceneError
from multigen.files import from_json, to_json
from multigen.liquid import HydraulicPour, lip_pose
from multigen.scene import (
    CONDITIONS,
    LIQUIDS,
    SMALL,
    WORLDS,
    View,
    WorldConfig,
    build_scene,
    condition_parts,
    draw_scene,
    load_world,
)
from multigen.scene.distractors import ARM_M, SIZES_M
from multigen.scene.sizing import is_graspable
from multigen.scene.textures import (
    HELD_OUT_TABLES,
    HELD_OUT_WALLS,
    TABLES,
    WALLS,
    table_texture,
    wall_texture,
)
from multigen.types import Role, SceneConfig

TRAIN, NOMINAL, SHIFTED = WORLDS["train"], WORLDS["nominal"], WORLDS["shifted"]


# -- what is poured


def test_the_literal_rule_fills_as_the_paper_says_and_the_other_never_overflows():
    literal = replace(NOMINAL, fill_rule="literal")
    over = 0
    for name in CONDITIONS:
        paper = draw_scene(literal, 0, condition=name, command="all")
        fits = draw_scene(NOMINAL, 0, condition=name, command="all")
        assert paper.initial_ml == pytest.approx(0.7 * paper.source.capacity_ml)
        room = 0.9 * fits.receiver.capacity_ml
        assert fits.initial_ml == pytest.approx(min(paper.initial_ml, room))
        over += paper.initial_ml > paper.receiver.capacity_ml
    assert over == 4, "four of the paper's eight overflow when all of 70 % is poured"


def test_the_conditions_pour_the_papers_liquids():
    poured = {name: condition_parts(name)[2].name for name in CONDITIONS}
    assert poured["water-metal_thermos-metal_mug"] == "hot water"
    for name, liquid in poured.items():
        assert name.split("-")[0] == liquid.split()[-1]


def test_a_world_changes_the_liquids_of_named_conditions_by_its_factors():
    name = "water-white_cup-red_cup"
    thick = replace(
        NOMINAL, viscosity_factor=(3.0, 3.0), density_factor=(1.1, 1.1), colour_jitter=0.2
    )
    liquid, water = draw_scene(thick, 0, condition=name).liquid, LIQUIDS["water"]
    assert liquid.viscosity_pa_s == pytest.approx(3 * water.viscosity_pa_s)
    assert liquid.density_kg_m3 == pytest.approx(1.1 * water.density_kg_m3)
    assert liquid.rgba[:3] != water.rgba[:3]
    assert draw_scene(NOMINAL, 0, condition=name).liquid == water
    drawn = [draw_scene(SHIFTED, s, condition=name).liquid for s in range(20)]
    ratio = np.array([d.viscosity_pa_s for d in drawn]) / water.viscosity_pa_s
    assert ratio.min() < 1
    assert ratio.max() > 2


def test_scaled_sources_still_fit_the_gripper_and_one_scale_moves_nothing_else():
    for name in CONDITIONS:
        for seed in range(6):
            scene = draw_scene(SHIFTED, seed, condition=name)
            assert is_graspable(scene.source), (name, seed)
            exact, _, _ = condition_parts(name)
            assert scene.source.capacity_ml != exact.capacity_ml
    plain = draw_scene(replace(TRAIN, object_scale=(1.0, 1.0)), 4)
    scaled = draw_scene(TRAIN, 4)
    assert plain.liquid == scaled.liquid
    assert plain.table_rgb == scaled.table_rgb
    assert plain.source.kind == scaled.source.kind


def test_a_can_stands_with_its_hole_towards_the_pour():
    scene = draw_scene(NOMINAL, 0, condition="soda-metal_can-plastic_cup")
    yaw = scene.source_yaw_rad
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    lip = lip_pose(scene.source, np.zeros(3), turn).lip_m
    np.testing.assert_allclose(lip[:2], [0.0, -scene.source.rim_radius_m], atol=1e-9)
    built = build_scene(scene, size=32, detail=SMALL)
    _, rot = built.source_pose()
    np.testing.assert_allclose(rot, turn, atol=1e-9)


# -- how it looks and sounds


def test_things_stand_on_the_table_apart_from_each_other_and_out_of_the_way():
    world, kinds = replace(TRAIN, distractors=(3, 7)), set()
    for seed in range(30):
        scene = draw_scene(world, seed)
        spots = [np.array(d.xy_m) for d in scene.distractors]
        for d, at in zip(scene.distractors, spots, strict=True):
            kinds.add(d.kind)
            assert abs(at[1]) < 0.6
            assert -0.15 < at[0] < 1.05
            for vessel in (scene.source_xy_m, scene.receiver_xy_m):
                for s in np.linspace(0, 1, 20):  # where the arm reaches over the table
                    assert np.hypot(*(at - s * np.array(vessel))) > ARM_M + d.size_m[0] / 2 - 1e-9
        for i, a in enumerate(spots):
            for b in spots[:i]:
                assert np.hypot(*(a - b)) > 0.05
    assert kinds == set(SIZES_M)
    assert draw_scene(NOMINAL, 0).distractors == ()


def test_distractors_and_papered_walls_are_background_and_a_lid_belongs_to_its_can():
    name = "soda-metal_can-plastic_cup"
    scene = draw_scene(
        replace(SHIFTED, wall_textures=("bricks",), distractors=(6, 7)), 5, condition=name
    )
    built = build_scene(scene, robot=False, size=96, detail=SMALL)
    names = [built.model.geom(i).name for i in range(built.model.ngeom)]
    assert sum(n.startswith("distractor") for n in names) >= len(scene.distractors) > 3
    assert sum(n.endswith("_paper") for n in names) == 4
    for i, n in enumerate(names):
        if n.startswith("distractor") or n.endswith("_paper"):
            assert built.role_of_geom[i] == Role.BACKGROUND
            assert built.model.geom_contype[i] == built.model.geom_conaffinity[i] == 0
        if n in ("source_lid", "source_tab"):
            assert built.role_of_geom[i] == Role.SOURCE
    with View(built, 96) as view:
        rgb, roles = view.frame("front")
        assert (roles == Role.BACKGROUND).any()
        assert rgb[roles == Role.BACKGROUND].std() > 5


def test_a_mugs_handle_points_away_from_the_source_and_belongs_to_the_mug():
    scene = draw_scene(NOMINAL, 0, condition="water-metal_thermos-metal_mug")
    built = build_scene(scene, robot=False, size=96, detail=SMALL)
    handle = built.model.geom("receiver_handle").id
    assert built.role_of_geom[handle] == Role.RECEIVER
    assert built.model.geom_contype[handle] == 0
    away = built.data.geom_xpos[handle][:2] - scene.receiver_xy_m
    assert away[1] < -0.03
    with View(built, 96) as view:
        everything, _ = view.segments("front")
        assert (everything == handle).sum() > 20


def test_what_overflows_under_the_literal_rule_is_spilled_and_nothing_is_lost():
    world = replace(NOMINAL, fill_rule="literal")
    scene = draw_scene(world, 0, condition="sake-sake_carafe-sake_cup", command="all")
    pour = HydraulicPour(scene.source, scene.receiver, scene.liquid, initial_ml=scene.initial_ml)
    tilt = np.radians(128) * np.clip(np.arange(4000) / 2500, 0, 1)
    for angle in tilt:
        pour.step(angle, np.array([0.0, 0.0, 0.06]), np.array([0.05, 0.0]), np.zeros(3))
    now = pour.state
    assert now.receiver_ml == pytest.approx(scene.receiver.capacity_ml)
    assert now.spilled_ml > 100
    assert now.total_ml == pytest.approx(scene.initial_ml, abs=1e-9)


def test_textures_repeat_without_a_seam_and_the_held_out_ones_are_in_no_training_world():
    for paint, kinds in (
        (table_texture, (*TABLES, *HELD_OUT_TABLES)),
        (wall_texture, (*WALLS, *HELD_OUT_WALLS)),
    ):
        for kind in kinds:
            pixels = paint(kind, (0.8, 0.7, 0.6), np.random.default_rng(2), 128)
            assert (paint(kind, (0.8, 0.7, 0.6), np.random.default_rng(2), 128) == pixels).all()
            value = pixels.astype(float).mean(2)
            inside = np.abs(np.diff(value, axis=1)).mean(0)
            across = np.abs(value[:, 0] - value[:, -1]).mean()
            assert across <= inside.max() + 1, kind
        with pytest.raises(SceneError, match="needs one of"):
            paint("lava", (0.8, 0.7, 0.6), np.random.default_rng(2))
    assert not set(TRAIN.table_textures) & set(SHIFTED.table_textures)
    assert not (set(TRAIN.wall_textures) - {"plain"}) & set(SHIFTED.wall_textures)


def test_shadows_reflections_microphones_and_motors_vary_as_far_as_the_world_says():
    drawn = [draw_scene(TRAIN, s) for s in range(80)]
    shaded = np.mean([any(light.casts_shadow for light in d.lights) for d in drawn])
    assert 0.7 < shaded < 0.97
    shining = np.mean([d.table_reflectance > 0 for d in drawn])
    assert 0.08 < shining < 0.35
    at = np.array([d.microphone_m for d in drawn])
    assert np.abs(at - TRAIN.microphone_m).max() <= TRAIN.microphone_jitter_m
    assert at.std(0).min() > 0.03
    noise = np.array([d.motor_noise_db for d in drawn])
    assert -80 <= noise.min() < -70
    assert -65 < noise.max() <= -55
    assert {len(d.lights) for d in drawn} == {1, 2, 3}
    assert {draw_scene(NOMINAL, s).motor_noise_db for s in range(5)} == {-66.0}


def test_a_rolled_camera_keeps_its_aim():
    level = draw_scene(replace(TRAIN, front_roll_deg=(0.0, 0.0)), 3).front
    rolled = draw_scene(replace(TRAIN, front_roll_deg=(20.0, 20.0)), 3).front
    assert (rolled.position, rolled.target) == (level.position, level.target)
    ahead = np.subtract(level.target, level.position)
    ahead /= np.linalg.norm(ahead)
    upright = np.array(level.up) - ahead * (ahead @ level.up)
    upright /= np.linalg.norm(upright)
    assert np.degrees(np.arccos(upright @ rolled.up)) == pytest.approx(20, abs=1e-6)


# -- files


def test_particles_is_nominal_with_another_liquid():
    assert replace(WORLDS["particles"], name="nominal", liquid_model="hydraulic") == NOMINAL
    scene = draw_scene(WORLDS["particles"], 3)
    assert scene.liquid_model == "particles"
    assert replace(scene, liquid_model="hydraulic") == draw_scene(NOMINAL, 3)


def test_a_scene_stored_before_there_were_distractors_still_loads():
    later = (
        "source_yaw_rad", "receiver_yaw_rad", "friction", "wall_texture", "distractors",
        "microphone_m", "motor_noise_db", "liquid_model",
    )  # fmt: skip
    scene = draw_scene(TRAIN, 2)
    stored = json.loads(json.dumps(to_json(scene)))
    assert from_json(SceneConfig, stored, "scene") == scene
    for name in later:
        stored.pop(name)
    for role in ("source", "receiver"):
        stored[role].pop("mouth_radius_m")
    old = from_json(SceneConfig, stored, "scene")
    assert old.distractors == ()
    assert old.liquid_model == "hydraulic"
    assert old.motor_noise_db is None
    assert old.source.opening_radius_m == old.source.rim_radius_m


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"fill_rule": "generous"}, "choose from fits, literal"),
        ({"liquid_model": "lattice"}, "choose from hydraulic, particles"),
        ({"wall_textures": ["lava"]}, "bricks"),
        ({"viscosity_factor": [0.0, 1.0]}, "factor is above 0"),
        ({"distractors": [-1, 2]}, "count from 0"),
        ({"reflecting": 1.5}, "between 0 and 1"),
        ({"object_scale": [1.2, 0.8]}, "low end comes first"),
        ({"distractor": [0, 1]}, "unknown field 'distractor'"),
    ],
)
def test_a_world_that_cannot_be_is_refused_in_one_sentence(tmp_path, wrong, says):
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"name": "mine", **wrong}))
    with pytest.raises(ConfigError, match=says):
        load_world(file)
    assert isinstance(WORLDS["train"], WorldConfig)


def test_the_wrist_camera_is_where_the_world_says():
    """A world file moves the bracket; the lens and everything else of the scene stay."""
    moved = replace(NOMINAL, ego_position_m=(-0.16, 0.09, -0.04), ego_target_m=(0.06, -0.04, 0.17))
    here, there = draw_scene(NOMINAL, 3), draw_scene(moved, 3)
    assert there.ego.position == pytest.approx(moved.ego_position_m)
    assert there.ego.target == pytest.approx(moved.ego_target_m)
    assert replace(there, ego=here.ego) == here
    assert from_json(WorldConfig, json.loads(json.dumps(to_json(moved)))) == moved
