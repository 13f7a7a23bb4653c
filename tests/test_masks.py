"""Role images: glass does not hide liquid, areas add up, colours are the palette's."""

import numpy as np
import pytest

from multigen.errors import FormatError
from multigen.masks import PALETTE, colour_roles, compose, one_hot_area, one_hot_bytes, overlay
from multigen.types import ROLE_COLOURS, Role

GEOMS = np.array(
    [Role.TABLE, Role.SOURCE, Role.RECEIVER, Role.LIQUID, Role.STREAM, Role.ROBOT], np.uint8
)


def test_liquid_and_stream_behind_glass_win_over_the_glass():
    with_glass = np.array([[1, 1, 2, -1]], np.int32)
    without = np.array([[3, 0, 4, -1]], np.int32)
    seen = compose(with_glass, without, GEOMS)
    assert seen.tolist() == [[Role.LIQUID, Role.SOURCE, Role.STREAM, Role.BACKGROUND]]
    assert seen.dtype == np.uint8


def test_an_opaque_vessel_keeps_what_is_in_it_to_itself():
    ids = np.array([[1, 5], [3, 0]], np.int32)
    assert (compose(ids, ids, GEOMS) == GEOMS[ids]).all()


def test_every_role_has_its_colour():
    roles = np.arange(len(Role), dtype=np.uint8)[None]
    assert [tuple(c) for c in colour_roles(roles)[0]] == [ROLE_COLOURS[r] for r in Role]
    assert PALETTE.shape == (7, 3)


def test_a_value_that_is_no_role_is_refused():
    bad = np.full((1, 2, 2), 7, np.uint8)
    with pytest.raises(FormatError, match="roles go from 0 to 6"):
        colour_roles(bad)
    with pytest.raises(FormatError, match="roles go from 0 to 6"):
        one_hot_area(bad, 2)


def test_overlay_darkens_the_room_and_paints_the_stream():
    rgb = np.full((2, 2, 3), 200, np.uint8)
    roles = np.array([[0, 0], [0, Role.STREAM]], np.uint8)
    out = overlay(rgb, roles, opacity=1.0)
    assert tuple(out[1, 1]) == ROLE_COLOURS[Role.STREAM]
    assert (out[0] == 90).all()


@pytest.mark.parametrize(("pixels", "size"), [(8, 4), (7, 3), (5, 8)])
def test_areas_of_all_roles_add_up_to_one_and_keep_the_mean(pixels, size):
    rng = np.random.default_rng(0)
    roles = rng.integers(0, 7, (3, pixels, pixels + 2)).astype(np.uint8)
    areas = one_hot_area(roles, size)
    assert areas.shape == (3, 7, size, size)
    np.testing.assert_allclose(areas.sum(1), 1, atol=1e-5)
    share = np.stack([(roles == r).mean((1, 2)) for r in Role], 1)
    np.testing.assert_allclose(areas.mean((2, 3)), share, atol=1e-5)


def test_a_whole_cell_of_one_role_is_one():
    roles = np.zeros((1, 4, 4), np.uint8)
    roles[0, :2, :2] = Role.LIQUID
    areas = one_hot_area(roles, 2)
    assert areas[0, Role.LIQUID].tolist() == [[1, 0], [0, 0]]
    assert one_hot_bytes(roles, 2)[0, Role.LIQUID, 0, 0] == 255
