"""Scenes: the same seed draws the same picture, meshes hold what they should, glass hides nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from multigen.errors import ConfigError, SceneError
from multigen.files import from_json, to_json
from multigen.masks import compose
from multigen.scene import (
    CONDITIONS,
    HOME,
    SMALL,
    WORLDS,
    Column,
    LiquidMesh,
    StreamMesh,
    View,
    WorldConfig,
    build_scene,
    draw_scene,
    load_world,
    look_sheet,
    paper_vessel,
)
from multigen.scene.lathe import vessel_mesh
from multigen.scene.liquid_mesh import signed_volume_ml
from multigen.scene.stream_mesh import LEAD_RINGS
from multigen.types import Role, SceneConfig

NAMES = {
    "water-white_cup-red_cup", "coffee-metal_thermos-paper_cup", "sake-sake_carafe-sake_cup",
    "water-metal_thermos-metal_mug", "water-white_cup-plastic_cup", "juice-plastic_bottle-plastic_cup",
    "soda-metal_can-plastic_cup", "juice-plastic_bottle-glass_mug",
}  # fmt: skip


def tilted(degrees: float, azimuth: float = 0.7) -> np.ndarray:
    """World-up in the frame of a vessel tilted by so much."""
    a = np.radians(degrees)
    return np.array([-np.sin(a) * np.cos(azimuth), -np.sin(a) * np.sin(azimuth), np.cos(a)])


def pitched(degrees: float) -> np.ndarray:
    """Attitude of a vessel that pours towards +x."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


# -- drawing


def test_the_eight_conditions_are_the_papers():
    assert set(CONDITIONS) == NAMES


@pytest.mark.parametrize("world", list(WORLDS))
def test_the_same_seed_draws_the_same_scene_and_survives_json(world):
    for seed in (0, 7):
        scene = draw_scene(WORLDS[world], seed)
        assert draw_scene(WORLDS[world], seed) == scene
        text = json.dumps(to_json(scene))
        assert from_json(SceneConfig, json.loads(text), "scene") == scene
    assert draw_scene(WORLDS[world], 1) != draw_scene(WORLDS[world], 2)


def test_one_more_aspect_does_not_move_the_others():
    scene = draw_scene(WORLDS["train"], 5)
    brighter = draw_scene(replace(WORLDS["train"], ambient=(0.1, 0.2), lights=(3, 3)), 5)
    assert brighter.source == scene.source
    assert brighter.front == scene.front
    assert brighter.initial_ml == scene.initial_ml


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_named_condition_fills_within_the_papers_range_and_never_overflows(name):
    scene = draw_scene(WORLDS["train"], 3, condition=name, command="all")
    assert scene.condition == name
    assert scene.command == 1.0
    share = scene.initial_ml / scene.source.capacity_ml
    room = 0.9 * scene.receiver.capacity_ml
    assert share <= 0.75
    assert share >= 0.65 or scene.initial_ml == pytest.approx(room)
    assert scene.target_ml <= room + 1e-9


def test_fingers_fit_between_the_vessels():
    for seed in range(20):
        scene = draw_scene(WORLDS["train"], seed)
        apart = np.hypot(*np.subtract(scene.source_xy_m, scene.receiver_xy_m))
        walls = sum(max(r for _, r in v.outer) for v in (scene.source, scene.receiver))
        assert apart - walls >= WORLDS["train"].clearance_m - 1e-9


def test_what_nobody_knows_is_refused_with_what_is_known(tmp_path):
    with pytest.raises(ConfigError, match="quarter, half, three-quarters, all"):
        draw_scene(WORLDS["train"], 0, command="most")
    with pytest.raises(ConfigError, match="sake-sake_carafe-sake_cup"):
        draw_scene(WORLDS["train"], 0, condition="tea")
    with pytest.raises(ConfigError, match="train, lab, nominal, shifted, particles"):
        load_world("lunar")
    with pytest.raises(ConfigError, match="low end"):
        WorldConfig(ambient=(0.5, 0.1))
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"name": "mine", "fill_fractoin": [0.6, 0.7]}))
    with pytest.raises(ConfigError, match=r"unknown field 'fill_fractoin'.*fill_fraction"):
        load_world(file)


def test_a_world_file_overrides_what_it_names(tmp_path):
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"name": "mine", "fill_fraction": [0.5, 0.5]}))
    world = load_world(str(file))
    assert world == replace(WORLDS["train"], name="mine", fill_fraction=(0.5, 0.5))
    assert from_json(WorldConfig, to_json(WORLDS["shifted"]), "w") == WORLDS["shifted"]


# -- meshes


@pytest.mark.parametrize(
    "name", ["white_cup", "metal_thermos", "sake_carafe", "plastic_bottle", "metal_can", "sake_cup"]
)
def test_drawn_liquid_has_its_volume_and_stays_in_the_cavity(name):
    vessel = paper_vessel(name)
    mesh = LiquidMesh(vessel)
    for degrees in (0, 0.05, 2, 20, 45, 60, 75, 90, 100):
        up = tilted(degrees)
        brim = up[2] * mesh.z[-1] - np.hypot(up[0], up[1]) * mesh.r[-1]
        ml = min(0.7 * vessel.capacity_ml, float(mesh.volume_ml(up, np.array([brim]))[0]))
        if ml < 0.5:
            continue
        v = mesh.vertices(up, ml).astype(float)
        assert signed_volume_ml(v, mesh.faces) == pytest.approx(ml, rel=0.01)
        radius = np.hypot(v[:, 0], v[:, 1])
        assert (radius <= vessel.inner_radius_m(v[:, 2] - vessel.floor_m)).all()
        assert v[:, 2].min() >= vessel.floor_m
        assert v[:, 2].max() <= vessel.height_m + 1e-6
        assert (v @ up).max() <= mesh.level(up, ml) + 1e-4


def test_an_empty_vessel_draws_nothing():
    mesh = LiquidMesh(paper_vessel("red_cup"))
    assert np.ptp(mesh.vertices(tilted(30), 0.0), axis=0).max() == 0


def test_a_vessels_mesh_encloses_its_wall():
    vessel = paper_vessel("plastic_bottle")
    vertices, faces = vessel_mesh(vessel, 96)
    z, r = np.array(vessel.outer).T
    solid = np.pi / 3 * np.diff(z) @ (r[1:] ** 2 + r[1:] * r[:-1] + r[:-1] ** 2) * 1e6
    assert signed_volume_ml(vertices, faces) == pytest.approx(solid - vessel.capacity_ml, rel=0.02)


def test_the_stream_thins_as_it_falls_and_ends_where_it_lands():
    mesh = StreamMesh()
    start = np.array([0.1, 0.2, 0.3])
    v = mesh.vertices(Column(start, np.array([0.2, 0.0, 0.0]), end_z=0.05)).reshape(
        mesh.rings, mesh.around, 3
    )
    assert v[-1, :, 2].mean() == pytest.approx(0.05, abs=1e-3)
    wide = np.linalg.norm(v - v.mean(1, keepdims=True), axis=2).mean(1)
    assert wide[LEAD_RINGS] > 1.5 * wide[-2]
    assert wide[0] < 1e-6, "begins rounded, inside the lip"
    assert signed_volume_ml(v.reshape(-1, 3), mesh.faces) > 0


def test_a_torn_off_stream_hangs_between_its_tail_and_its_front():
    mesh = StreamMesh()
    v = mesh.vertices(Column(np.array([0, 0, 0.4]), np.array([0.1, 0, 0]), front_s=0.2, tail_s=0.1))
    fall = 0.4 - 9.81 / 2 * np.array([0.1, 0.2]) ** 2
    assert v[:, 2].max() == pytest.approx(fall[0], abs=2e-3)
    assert v[:, 2].min() == pytest.approx(fall[1], abs=2e-3)
    gone = mesh.vertices(Column(np.array([0, 0, 0.4]), np.zeros(3), front_s=0.2, tail_s=0.2))
    assert np.ptp(gone, axis=0).max() == 0


# -- building and rendering


@pytest.fixture(scope="module")
def clear_scene():
    """A see-through pair without a robot."""
    return draw_scene(WORLDS["nominal"], 0, condition="juice-plastic_bottle-plastic_cup")


def test_roles_show_liquid_and_stream_through_glass(clear_scene):
    scene = build_scene(clear_scene, robot=False, size=96, detail=SMALL)
    x, y = clear_scene.receiver_xy_m
    falling = Column(np.array([x, y, 0.25]), np.array([0, -0.01, -0.1]), end_z=0.03)
    with View(scene, 96) as view:
        view.draw_liquid(clear_scene.initial_ml, 0.4 * clear_scene.receiver.capacity_ml, falling)
        everything, without = view.segments()
        rgb, roles = view.frame()
        glass = scene.role_of_geom[everything] >= Role.SOURCE
        hidden = (roles == Role.LIQUID).sum()
        assert hidden > 100
        assert (scene.role_of_geom[everything[everything >= 0]] == Role.LIQUID).sum() < hidden / 4
        assert (roles == Role.STREAM).sum() > 10
        assert (roles[glass] != Role.BACKGROUND).all()
        assert (roles == compose(everything, without, scene.role_of_geom)).all()
        assert (view.roles() == roles).all()
        assert (view.rgb() == rgb).all()
        view.draw_liquid(0, 0, None)
        assert not (view.roles() >= Role.LIQUID).any()


def test_segment_numbers_are_those_of_mujocos_own_renderer(clear_scene):
    scene = build_scene(clear_scene, robot=False, size=64, detail=SMALL)
    with View(scene, 64) as view:
        ids, _ = view.segments()
        view._renderer.enable_segmentation_rendering()
        view._look("front", "all")
        theirs = view._renderer.render()[..., 0]
    assert (ids == theirs).all()


def test_the_same_seed_gives_the_same_pixels(clear_scene):
    shots = []
    for _ in range(2):
        with View(build_scene(clear_scene, robot=False, size=64, detail=SMALL), 64) as view:
            shots.append(view.frame())
    assert (shots[0][0] == shots[1][0]).all()
    assert (shots[0][1] == shots[1][1]).all()


def test_the_robot_scene_stands_still_and_sees_everything():
    config = draw_scene(WORLDS["nominal"], 1)
    scene = build_scene(config, size=64)
    assert scene.arm_actuators.shape == (7,)
    assert scene.data.qpos[scene.arm_qpos] == pytest.approx(HOME)
    assert scene.model.actuator(scene.fingers_actuator).name.endswith("fingers_actuator")
    import mujoco

    mujoco.mj_step(scene.model, scene.data, 150)
    for name, xy in (("source", config.source_xy_m), ("receiver", config.receiver_xy_m)):
        pos, rot = scene.body_pose(name)
        assert np.hypot(*(pos[:2] - xy)) < 1e-3
        assert rot[2, 2] > np.cos(np.radians(0.5))
    pos, rot = scene.pinch_pose()
    np.testing.assert_allclose(pos, [0.61, 0.0, 0.43], atol=0.03)
    assert rot[0, 2] > 0.95, "approaches along +x"
    wet = config.initial_ml * 1e-6 * config.liquid.density_kg_m3
    assert scene.model.body("source").mass == pytest.approx(config.source.mass_kg + wet, rel=1e-6)
    with View(scene, 64) as view:
        roles = view.roles("front")
        assert {Role.TABLE, Role.ROBOT, Role.SOURCE, Role.RECEIVER} <= set(np.unique(roles))
        assert (view.roles("ego") == Role.ROBOT).any()
    with pytest.raises(SceneError, match="moves by physics"):
        scene.move_source(np.zeros(3), np.eye(3))


def test_the_robot_is_the_one_we_measured():
    model = build_scene(draw_scene(WORLDS["nominal"], 1), size=64).model
    limits = {j: model.joint(f"k/joint_{j}").range[1] for j in (2, 4, 6)}
    assert limits == pytest.approx({2: 2.24, 4: 2.57, 6: 2.09}, abs=0.01)
    for j in (1, 3, 5, 7):
        assert not model.joint(f"k/joint_{j}").limited[0]
    robot = [model.body_mass[i] for i in range(model.nbody) if model.body(i).name.startswith("k/")]
    assert sum(robot) == pytest.approx(9.1, abs=0.05)


def test_a_camera_that_looks_along_its_up_vector_is_refused():
    config = draw_scene(WORLDS["nominal"], 1)
    down = replace(config.front, position=(0.5, 0.0, 1.0), target=(0.5, 0.0, 0.0))
    with pytest.raises(SceneError, match="up vector"):
        build_scene(replace(config, front=down), robot=False, size=64)


def test_a_look_sheet_shows_both_cameras_in_colour_and_roles():
    sheet = look_sheet(draw_scene(WORLDS["nominal"], 2), 64, detail=SMALL)
    assert sheet.shape == (128, 128, 3)
    assert sheet[:64].std() > 10
