"""Roughened role images: boxes where the things are, a strip while something falls, nothing else."""

import numpy as np
import pytest

from multigen.audio.rough import roughen
from multigen.types import Role

SIDE = 32


def window(falls: slice) -> np.ndarray:
    """A source above a receiver with liquid in it; a stream in some frames; a table everywhere below."""
    made = np.zeros((20, len(Role), SIDE, SIDE), np.uint8)
    made[:, Role.TABLE, 24:] = 255
    made[:, Role.SOURCE, 4:10, 4:14] = 255
    made[:, Role.RECEIVER, 16:26, 12:20] = 255
    made[:, Role.LIQUID, 22:25, 13:19] = 255
    made[falls, Role.STREAM, 9:22, 15] = 255
    return made


def test_what_is_marked_is_where_it_was_and_the_rest_is_lost() -> None:
    exact = window(slice(5, 15))
    for seed in range(20):
        got = roughen(exact, np.random.default_rng(seed))
        assert got.shape == exact.shape
        assert got.dtype == np.uint8
        assert np.abs(got.astype(int).sum(1) - 255).max() <= 2  # every pixel has its roles once
        assert not got[:, [Role.TABLE, Role.ROBOT, Role.LIQUID]].any()
        assert (got[:, Role.RECEIVER] > 0)[:, 18:22, 14:18].mean() > 0.5
        falling = got[:, Role.STREAM].any((1, 2))
        assert falling.sum() == 10
        assert abs(int(np.flatnonzero(falling).mean()) - 9) <= 5


def test_without_a_stream_there_is_no_strip() -> None:
    got = roughen(window(slice(0, 0)), np.random.default_rng(0))
    assert not got[:, Role.STREAM].any()
    assert got[:, Role.RECEIVER].any()


def test_an_empty_picture_stays_empty() -> None:
    got = roughen(np.zeros((4, len(Role), SIDE, SIDE), np.uint8), np.random.default_rng(0))
    assert got[:, Role.BACKGROUND].min() == 255


def test_the_same_draw_gives_the_same_roles() -> None:
    a, b = (roughen(window(slice(5, 15)), np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, roughen(window(slice(5, 15)), np.random.default_rng(4)))


@pytest.mark.parametrize("first", [0, 18])
def test_a_stream_at_the_edge_of_a_window_is_no_error(first: int) -> None:
    roughen(window(slice(first, first + 2)), np.random.default_rng(0))
