"""Laws of the nouns: rates divide, sound is as long as its episode, words name amounts."""

import numpy as np
import pytest

from multigen.errors import ClockError, ConfigError, SceneError
from multigen.types import COMMANDS, Clock, PourTrace, Vessel, parse_command

CUP = Vessel("cup", "cylinder", ((0, 0.033), (0.1, 0.033)), ((0.003, 0.03), (0.1, 0.03)))


def test_rates_that_do_not_divide_are_refused() -> None:
    assert (Clock().samples_per_frame, Clock().samples_per_front_frame) == (1600, 640)
    with pytest.raises(ClockError, match="control_hz=30"):
        Clock(control_hz=30)


@pytest.mark.parametrize(
    ("said", "fraction"),
    [
        ("pour a quarter of the water", 0.25),
        ("half", 0.5),
        ("three-quarters", 0.75),
        ("pour all of it", 1.0),
        ("two thirds", 2 / 3),
        ("pour 40 %", 0.4),
        ("3/8 of the juice", 0.375),
        ("0.3", 0.3),
        ("empty it", 1.0),
    ],
)
def test_words_name_amounts(said: str, fraction: float) -> None:
    assert parse_command(said) == pytest.approx(fraction)


def test_every_command_of_the_paper_is_understood() -> None:
    assert {c: parse_command(c) for c in COMMANDS} == COMMANDS


def test_millilitres_need_a_known_fill() -> None:
    assert parse_command("pour 120 ml", initial_ml=240) == 0.5
    with pytest.raises(ConfigError, match="initial volume"):
        parse_command("pour 120 ml")


@pytest.mark.parametrize("said", ["", "some", "pour it nicely", "150 %", "0/4", "-1"])
def test_text_without_an_amount_is_refused_with_help(said: str) -> None:
    with pytest.raises(ConfigError, match="say quarter, half"):
        parse_command(said)


def test_a_cylinder_holds_what_geometry_says() -> None:
    assert CUP.capacity_ml == pytest.approx(np.pi * 0.03**2 * 0.097 * 1e6, rel=1e-6)
    levels = np.linspace(0, CUP.depth_m, 7)
    assert CUP.level_m(CUP.volume_ml(levels)) == pytest.approx(levels, abs=1e-9)


def test_a_cone_holds_what_geometry_says() -> None:
    cone = Vessel("c", "frustum", ((0, 0.03), (0.1, 0.04)), ((0.002, 0.028), (0.1, 0.038)))
    exact = np.pi * 0.098 / 3 * (0.028**2 + 0.028 * 0.038 + 0.038**2) * 1e6
    assert cone.capacity_ml == pytest.approx(exact, rel=1e-6)


def test_an_impossible_vessel_is_refused() -> None:
    with pytest.raises(SceneError, match="rising z"):
        Vessel("v", "cup", ((0, 0.03), (0.1, 0.03)), ((0.1, 0.03), (0.05, 0.03)))
    with pytest.raises(SceneError, match="same rim height"):
        Vessel("v", "cup", ((0, 0.03), (0.1, 0.03)), ((0.0, 0.03), (0.09, 0.03)))


def test_columns_of_a_trace_share_one_length() -> None:
    with pytest.raises(ClockError, match="differ in length"):
        PourTrace(100, *[np.zeros(5)] * 10, np.zeros(4))
