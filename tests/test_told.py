"""What is told about a receiver: the right numbers at the right time, and never when it is hidden."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from multigen.audio import Generator, load_generator
from multigen.audio.eyes import FRAME, ROLE_SIDE, ROLES, STATISTICS, Eyes, EyesConfig, View
from multigen.audio.told import (
    PITCH_OCTAVES,
    TOLD,
    Told,
    hide,
    levels_at,
    pitch_code,
    refuse_untold,
    told_features,
    told_of_pour,
    told_of_vessel,
    told_so_far,
)
from multigen.errors import ClockError, ConfigError
from multigen.scene import draw_scene, load_world
from multigen.types import PourTrace

SCENE = draw_scene(load_world("nominal"), 0, condition="water-white_cup-red_cup", command="half")


def rising(steps: int = 200) -> PourTrace:
    """Two seconds in which the level rises by a tenth of a millimetre a step."""
    zero = np.zeros(steps)
    level = 1e-4 * np.arange(1, steps + 1)
    return PourTrace(100, *[zero] * 10, level)


def test_the_level_is_the_one_of_its_instant() -> None:
    levels = levels_at(rising(), 50, 25.0)
    assert levels[0] == pytest.approx(1e-4)  # the first state there is
    assert levels[1:] == pytest.approx(4e-4 * np.arange(1, 50), abs=1e-8)


def test_the_future_changes_nothing() -> None:
    whole, half = rising(), rising().upto(1.0)
    told = told_so_far(SCENE, half, 26, 25.0, "all")
    assert told is not None
    assert told.level_m is not None
    assert np.array_equal(told.level_m, levels_at(whole, 26, 25.0))


def test_less_can_be_told() -> None:
    trace = rising()
    everything = told_features(told_so_far(SCENE, trace, 50, 25.0, "all"), 50)
    size = told_features(told_so_far(SCENE, trace, 50, 25.0, "size"), 50)
    nothing = told_features(told_so_far(SCENE, trace, 50, 25.0, "nothing"), 50)
    assert everything.shape == (50, TOLD)
    assert np.array_equal(size, hide(everything, all_of_it=False, level=True))
    assert np.array_equal(nothing, hide(everything, all_of_it=True, level=False))
    assert not nothing.any()
    assert np.array_equal(size[:, : TOLD // 2], everything[:, : TOLD // 2])
    assert (np.diff(everything[:, TOLD // 2 + 1]) < 0).all()  # the air column shortens
    assert told_of_pour(SCENE, trace, 50, 25.0).depth_m == pytest.approx(SCENE.receiver.depth_m)


def test_wrong_units_and_wrong_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="metres"):
        Told(90.0, 0.03)
    with pytest.raises(ConfigError, match="NaN"):
        Told(0.09, 0.03, np.array([np.nan], np.float32))
    with pytest.raises(ClockError, match="one per frame"):
        told_features(Told(0.09, 0.03, np.zeros(4, np.float32)), 5)


def blank(told: torch.Tensor | None) -> View:
    frames = 8
    return View(
        torch.zeros(1, frames, FRAME, FRAME, 3, dtype=torch.uint8),
        torch.zeros(1, frames, ROLES, ROLE_SIDE, ROLE_SIDE, dtype=torch.uint8),
        torch.zeros(1, frames, STATISTICS), torch.tensor([True]), told=told,
    )  # fmt: skip


def test_eyes_that_take_it_see_the_difference_and_others_do_not() -> None:
    features = told_features(Told(0.2, 0.03), 8)
    torch.manual_seed(0)
    for listens in (True, False):
        eyes = Eyes(EyesConfig(dim=32, told=listens))
        with_it = eyes(blank(torch.from_numpy(features)[None]))[1]
        without = eyes(blank(None))[1]
        assert torch.equal(with_it, without) != listens
        assert torch.equal(eyes(blank(torch.zeros(1, 8, TOLD)))[1], without)


def test_weights_that_cannot_be_told_say_so() -> None:
    class Deaf:
        can_be_told = False

    refuse_untold(Deaf(), None)
    with pytest.raises(ConfigError, match="pictures alone"):
        refuse_untold(Deaf(), Told(0.09, 0.03))


def test_the_code_of_a_pitch_is_that_of_its_octave() -> None:
    code = pitch_code(np.array([440.0, 880.0]))
    whole = [PITCH_OCTAVES.index(p) for p in (1.0, 0.5, 0.25)]
    assert np.allclose(code[0, whole], code[1, whole])  # an octave is a whole turn of these
    assert not np.allclose(code[0], code[1])
    assert np.allclose(code[:, :6] ** 2 + code[:, 6:] ** 2, 1.0)


def test_a_cylinder_measured_by_hand_has_the_pitch_the_acoustics_give_it() -> None:
    """At 20 C; other shapes differ, and a simulator says so."""
    receiver = SCENE.receiver
    cylinder = replace(receiver, inner=tuple((z, receiver.rim_radius_m) for z, _ in receiver.inner))
    by_hand = told_features(Told(receiver.depth_m, receiver.rim_radius_m), 1)
    assert by_hand == pytest.approx(told_features(told_of_vessel(cylinder), 1), abs=0.02)


def test_guidance_of_what_is_told_leaves_the_rest_alone() -> None:
    """Weights of the branches sum to one, and nothing is made more of when nothing is told."""
    generator = load_generator()
    assert isinstance(generator, Generator)
    view = blank(torch.from_numpy(told_features(Told(0.1, 0.03), 8))[None])
    for guidance, of_told, branches in ((1, 1, 1), (1, 3, 2), (2, 2, 2), (2, 3, 3)):
        c, weights = generator.model.branches(view, 10, guidance, of_told)
        assert len(c.clip) == len(weights) == branches
        assert sum(weights) == pytest.approx(1.0)
    noise = torch.randn(10, generator.config.network.latent_dim)
    drawn = [
        generator.draw(replace(view, told=told), noise, noise[:0], 2, 1.0, w)
        for told in (None, view.told)
        for w in (1.0, 3.0)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[2], drawn[3])
