"""Particles drawn: one smooth surface, cut where the liquid is in flight; counted like the other liquid."""

import numpy as np
import pytest

from multigen.cli.main import main
from multigen.episode.world import World
from multigen.errors import ConfigError, SceneError
from multigen.liquid import ParticlePour, liquid_of
from multigen.scene import View, draw_scene, load_world
from multigen.scene.liquid_mesh import signed_volume_ml
from multigen.scene.mesh_writer import MeshWriter
from multigen.scene.particle_mesh import NAMES, fitted_surfaces, placeholder, room
from multigen.types import Clock, Role

SPACING = 0.006
CONDITION = "water-white_cup-plastic_cup"


def block(n=8, at=(0.0, 0.0, 0.1)):
    g = np.arange(n) * SPACING
    return (np.stack(np.meshgrid(g, g, g), -1).reshape(-1, 3) + at).astype(np.float32)


def test_a_block_of_particles_becomes_a_closed_surface_of_about_its_volume():
    points = block()
    liquid, stream = fitted_surfaces(
        points, np.zeros(len(points), np.int8), SPACING, room(len(points)), ()
    )
    assert len(stream.faces) == 0
    edges = np.sort(liquid.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    asked = len(points) * SPACING**3 * 1e6
    assert signed_volume_ml(liquid.vertices, liquid.faces) == pytest.approx(asked, rel=0.15)
    outward = np.einsum("ij,ij->i", liquid.normals, liquid.vertices - liquid.vertices.mean(0))
    assert (outward > 0).mean() > 0.99


def test_what_is_in_flight_is_the_stream_and_what_is_spilled_is_not_drawn():
    points = np.concatenate([block(5), block(3, (0.2, 0, 0.1)), block(3, (0.4, 0, 0.0))])
    places = np.repeat(np.array([2, 1, 3], np.int8), [125, 27, 27])
    liquid, stream = fitted_surfaces(points, places, SPACING, room(len(points)), ())
    assert liquid.vertices[:, 0].max() < 0.1
    assert 0.15 < stream.vertices[:, 0].min() < stream.vertices[:, 0].max() < 0.3


def test_a_surface_too_fine_for_its_mesh_is_made_coarser():
    points, places = block(), np.zeros(512, np.int8)
    fine = fitted_surfaces(points, places, SPACING, room(512), ())[0]
    most = ((len(fine.vertices) // 3, len(fine.faces) // 3), (10, 10))
    coarse = fitted_surfaces(points, places, SPACING, most, ())[0]
    assert 0 < len(coarse.vertices) <= most[0][0]
    vertices, faces = placeholder(100, 300)
    assert len(vertices) >= 100
    assert len(faces) >= 300


@pytest.fixture(scope="module")
def world():
    scene = draw_scene(load_world("nominal"), 3, condition=CONDITION)
    return World(scene, Clock(), size=96, liquid="particles")


def test_a_surface_larger_than_its_mesh_is_refused(world):
    writer = MeshWriter(world.model, f"{NAMES[0]}_mesh")
    many = np.zeros((writer.room[0] + 1, 3))
    with pytest.raises(SceneError, match="does not fit"):
        writer.write_surface(many, np.zeros((1, 3), int), many)


def test_pictures_and_roles_show_the_particles(world):
    points, places = world.pour.points
    receiver, _ = world.scene.receiver_pose()
    source, _ = world.scene.source_pose()
    with View(world.scene, 96) as view:
        world.show(view)
        upright = view.roles()
        assert not (upright == Role.LIQUID).any()  # behind an opaque wall
        assert not (upright == Role.STREAM).any()
        moved = points - source.astype(np.float32) + receiver.astype(np.float32)
        view.draw_particles(moved, np.full_like(places, 2), world.pour.spacing_m)
        landed = view.roles()
        lifted = moved + np.array([0, 0, 0.15], np.float32)
        view.draw_particles(lifted, np.full_like(places, 1), world.pour.spacing_m)
        falling = view.roles()
    assert (landed == Role.LIQUID).sum() > 60
    assert not (landed == Role.STREAM).any()
    assert (falling == Role.STREAM).sum() > 60
    assert not (falling == Role.LIQUID).any()


def test_the_world_steps_particles_beside_its_physics(world):
    assert isinstance(world.pour, ParticlePour)
    for k in range(20):
        world.tick((k % 10 + 1) / 10)
    now = world.pour.state
    assert now.time_s == pytest.approx(20 * world.dt_s)
    assert now.source_ml == pytest.approx(world.config.initial_ml, abs=1e-9)


def test_an_unknown_liquid_is_refused_at_the_door(tmp_path, capsys):
    with pytest.raises(ConfigError, match="hydraulic, particles"):
        World(draw_scene(load_world("nominal"), 3), Clock(), liquid="jelly")
    with pytest.raises(ConfigError, match="jelly"):
        liquid_of(load_world("train"), "jelly")
    assert liquid_of(load_world("train")) == "hydraulic"
    with pytest.raises(SystemExit, match="2"):
        main(["simulate", "--out", str(tmp_path / "x"), "--liquid", "jelly"])
    assert "hydraulic, particles" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
