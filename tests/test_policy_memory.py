"""Laws of a policy's memory: places stay in the world, whoever moves; one wrong look changes little."""

import numpy as np
import pytest
import torch

from multigen.policy import PolicyController
from multigen.policy.measures import log_sizes
from multigen.policy.memory import Memory
from multigen.types.pose import decode_pose, encode_pose
from test_policy_learning import cache, observe, small_policy

__all__ = ["cache"]  # the made-up demonstrations, as a fixture

GRASP_M, END_M = np.array([0.55, 0.0, 0.1]), np.array([0.62, -0.02, 0.2])


def hand(xyz: tuple[float, float, float], turned_rad: float, closed: float) -> np.ndarray:
    c, s = np.cos(turned_rad), np.sin(turned_rad)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return encode_pose(np.array([xyz]), turn[None], np.array([closed]))[0].astype(np.float32)


def seen_from(eef: np.ndarray, end_m: np.ndarray = END_M) -> torch.Tensor:
    """All places in the frame of ``eef`` [dm]: what perfect eyes would say."""
    at, turn, _ = decode_pose(eef)
    places = [(p - at) @ turn for p in (GRASP_M, end_m, end_m)]
    return torch.tensor(10 * np.concatenate(places)[None], dtype=torch.float32)


HANDS = [hand((0.55 + 0.01 * k, 0.02 * k, 0.1), 0.2 * k, 1.0) for k in range(6)]


def test_what_perfect_eyes_say_is_remembered_as_it_is_said_wherever_the_hand_goes():
    memory = Memory()
    for eef in HANDS:
        memory.arrive(eef)
        said = seen_from(eef)
        assert memory.places(said).numpy() == pytest.approx(said.numpy(), abs=1e-4)


def test_a_hand_that_has_come_down_too_low_is_still_told_the_place_it_missed():
    """Eyes that take the hand's place for the end are believed less than what they said on the way."""
    memory = Memory()
    for eef in HANDS[:5]:
        memory.arrive(eef)
        memory.places(seen_from(eef))
    low = hand((0.62, -0.02, 0.17), 0.0, 1.0)
    memory.arrive(low)
    told = memory.places(seen_from(low, END_M - [0, 0, 0.03]))
    assert told.numpy() == pytest.approx(seen_from(low).numpy(), abs=1e-3)


def test_before_it_holds_something_it_believes_its_eyes():
    memory = Memory()
    for k in range(3):
        memory.arrive(hand((0.5, 0.0, 0.3), 0.0, 0.0))
        said = torch.full((1, 9), float(k))
        assert torch.equal(memory.places(said), said)
        assert torch.equal(memory.sizes(said[:, :2]), said[:, :2])
    memory.arrive(HANDS[0])
    assert memory.sizes(torch.ones(1, 2))[0].tolist() == [1, 1]
    memory.sizes(torch.ones(1, 2))
    assert memory.sizes(torch.full((1, 2), 9.0))[0].tolist() == [1, 1]


def test_whatever_eyes_say_the_grasp_is_where_the_hand_has_closed():
    for looks in (0, 1):
        memory = Memory(looks)
        for eef in HANDS:
            memory.arrive(eef)
            wrong = seen_from(eef) + torch.tensor([[0.3, 0.1, -0.2] + 6 * [0.0]])
            assert memory.places(wrong).numpy() == pytest.approx(seen_from(eef).numpy(), abs=1e-4)


def test_who_forgets_believes_the_newest_look():
    memory = Memory(looks=1)
    for k, eef in enumerate(HANDS):
        memory.arrive(eef)
        said = seen_from(eef, END_M + 0.01 * k)
        assert memory.places(said).numpy() == pytest.approx(said.numpy(), abs=1e-4)
        assert memory.sizes(torch.full((1, 2), float(k)))[0].tolist() == [k, k]


def test_the_depth_that_is_told_the_ear_is_the_middle_of_what_was_seen():
    memory = Memory()
    assert memory.depth_m is None
    memory.arrive(HANDS[0])
    for depth_m in (0.09, 0.03, 0.1):
        memory.sizes(log_sizes(torch.tensor([[1.5, depth_m]])))
    assert memory.depth_m == pytest.approx(0.09, rel=1e-5)


def test_a_hand_stands_still_when_it_has_not_moved_nor_turned_nor_closed():
    still, memory = hand((0.5, 0.0, 0.2), 0.1, 0.2), Memory()
    for _ in range(3):
        memory.arrive(still)
        assert not memory.stands_still
    memory.arrive(still)
    assert memory.stands_still
    for other in (
        hand((0.51, 0.0, 0.2), 0.1, 0.2),
        hand((0.5, 0.0, 0.2), 0.2, 0.2),
        hand((0.5, 0.0, 0.2), 0.1, 0.3),
    ):
        for _ in range(3):
            memory.arrive(still)
        memory.arrive(other)
        assert not memory.stands_still


def test_nothing_is_remembered_of_another_episode(cache):
    controller = PolicyController(small_policy(cache))
    looks = [observe(cache, 0, t) for t in (4, 12, 20)]

    def commands() -> list[np.ndarray | None]:
        controller.reset("half", 0)
        return [controller.act(seen) for seen in looks]

    first, again = commands(), commands()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
