"""The ten numbers of an action go round trips and survive what a network does to them."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from multigen.errors import FormatError
from multigen.types.pose import absolute_chunk, angle_rad, decode_pose, encode_pose, relative_chunk


def some_poses(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return encode_pose(
        rng.normal(size=(n, 3)), Rotation.random(n, rng=rng).as_matrix(), rng.uniform(size=n)
    )


def test_a_pose_comes_back_from_its_encoding() -> None:
    rng = np.random.default_rng(0)
    pos, rot, closed = (
        rng.normal(size=(5, 3)),
        Rotation.random(5, rng=rng).as_matrix(),
        rng.uniform(size=5),
    )
    back = decode_pose(encode_pose(pos, rot, closed))
    for want, got in zip((pos, rot, closed), back, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)
    assert encode_pose(pos, rot, closed).dtype == np.float32


def test_rows_are_rows() -> None:
    rot = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    np.testing.assert_allclose(
        encode_pose(np.zeros(3), rot, 0.0)[3:9], [0, -1, 0, 1, 0, 0], atol=1e-7
    )


def test_a_noisy_rotation_decodes_to_a_rotation() -> None:
    noisy = some_poses(20) + np.random.default_rng(1).normal(0, 0.1, (20, 10)).astype(np.float32)
    _, rot, closed = decode_pose(noisy)
    np.testing.assert_allclose(
        rot @ rot.swapaxes(-1, -2), np.broadcast_to(np.eye(3), rot.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rot), 1, atol=1e-9)
    assert closed.min() >= 0
    assert closed.max() <= 1


def test_relative_and_absolute_are_inverse() -> None:
    here, *chunk = some_poses(9)
    chunk = np.array(chunk)
    np.testing.assert_allclose(absolute_chunk(here, relative_chunk(here, chunk)), chunk, atol=1e-5)
    np.testing.assert_allclose(
        relative_chunk(here, here[None])[0, :9], [0, 0, 0, 1, 0, 0, 0, 1, 0], atol=1e-6
    )


def test_relative_does_not_change_when_the_whole_world_is_moved() -> None:
    here, *chunk = some_poses(9)
    world = some_poses(1)[0]
    moved = absolute_chunk(world, np.array([here, *chunk]))
    np.testing.assert_allclose(
        relative_chunk(moved[0], moved[1:]), relative_chunk(here, np.array(chunk)), atol=1e-5
    )


@pytest.mark.parametrize("broken", [np.zeros(10), np.full(10, np.nan), np.ones(9), np.ones(10)])
def test_numbers_that_are_no_pose_are_refused(broken: np.ndarray) -> None:
    with pytest.raises(FormatError):
        decode_pose(broken)


def test_a_batch_of_chunks_is_what_its_members_are() -> None:
    here, chunks = some_poses(4), some_poses(12).reshape(4, 3, 10)
    batch = relative_chunk(here, chunks)
    for i in range(4):
        np.testing.assert_allclose(batch[i], relative_chunk(here[i], chunks[i]), atol=1e-6)
    np.testing.assert_allclose(absolute_chunk(here, batch), chunks, atol=1e-5)


def test_the_angle_between_rotations_is_how_far_one_was_turned() -> None:
    rng = np.random.default_rng(5)
    first, second = Rotation.random(20, rng=rng), Rotation.random(20, rng=rng)
    turned = (first.inv() * second).magnitude()
    assert angle_rad(first.as_matrix(), second.as_matrix()) == pytest.approx(turned, abs=1e-6)
    assert angle_rad(first.as_matrix(), first[0].as_matrix())[0] == pytest.approx(0, abs=1e-6)
