"""Laws of what a policy's senses say in numbers, of the truth that training tells instead, and of the pace."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from multigen.errors import ConfigError
from multigen.policy import PolicyController
from multigen.policy.impression import (
    LANDED_OFF,
    MOST_LANDED,
    PLACES_OFF_M,
    SIZES_OFF,
    Impression,
    answer_losses,
    with_truth,
)
from multigen.policy.measures import log_sizes
from multigen.policy.pace import MOST_PACE, pouring_s, told_pace, usual_and_slow
from test_policy_learning import cache, observe, small_policy
from test_policy_network import SMALL, fake_batch, make

__all__ = ["cache"]  # the made-up demonstrations, as a fixture

MANY = 4000


def said(count: int, *, answers: float = 7.0) -> Impression:
    """Senses that say the same wrong thing of everything."""
    command, felt = torch.full((count,), 0.5), torch.zeros(count, 3)
    return Impression(command, felt, *(torch.full((count, width), answers) for width in (2, 1, 9)))


def truth(count: int) -> dict[str, torch.Tensor]:
    return {
        "sizes": torch.tensor([[1.2, 0.09]]).repeat(count, 1),
        "landed": torch.full((count,), 0.4),
        "places": torch.linspace(-0.2, 0.2, 9).repeat(count, 1),
    }


def test_the_truth_that_is_told_is_off_by_as_much_as_is_said_of_it():
    true, known = truth(MANY), torch.ones(MANY, 1, dtype=torch.bool)
    told = with_truth(said(MANY), true, known, torch.Generator().manual_seed(0))
    assert told.sizes is not None
    assert told.landed is not None
    assert told.places is not None
    for off, spread in (
        (told.sizes - log_sizes(true["sizes"]), SIZES_OFF),
        (told.places - 10 * true["places"], 10 * PLACES_OFF_M),
        (told.landed[:, 0] - true["landed"], math.hypot(0.4 * LANDED_OFF[0], LANDED_OFF[1])),
    ):
        assert float(off.mean()) == pytest.approx(0, abs=0.1 * spread)
        assert float(off.std()) == pytest.approx(spread, rel=0.06)


def test_where_nobody_knows_the_truth_or_a_sense_is_missing_what_is_said_is_told():
    true, known = truth(3), torch.tensor([[True], [True], [False]])
    true["landed"][1] = torch.nan
    true["sizes"][1] = torch.nan
    told = with_truth(said(3), true, known, torch.Generator().manual_seed(0))
    assert told.sizes is not None
    assert told.landed is not None
    assert told.places is not None
    assert (told.landed[:, 0] == 7).tolist() == [False, True, True]
    assert (told.sizes == 7).all(-1).tolist() == [False, True, True]
    assert (told.places == 7).all(-1).tolist() == [False, False, True]


def test_the_same_seed_tells_the_same():
    a, b, c = (
        with_truth(
            said(4), truth(4), torch.ones(4, 1, dtype=torch.bool), torch.Generator().manual_seed(k)
        ).condition()
        for k in (0, 0, 1)
    )
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_what_landed_is_told_beside_its_ratio_to_what_was_asked():
    for landed, ratio in ((0.25, 0.5), (0.5, 1.0), (40.0, MOST_LANDED)):
        told = replace(said(1), landed=torch.tensor([[landed]]), places=None).condition()
        assert told[0, -2:].tolist() == pytest.approx([ratio, landed])


def test_who_says_the_truth_has_nothing_to_learn_and_the_unknown_is_not_asked_for():
    true = truth(2)
    perfect = Impression(
        torch.ones(2), torch.zeros(2, 1), log_sizes(true["sizes"]), true["landed"][:, None],
        10 * true["places"],
    )  # fmt: skip
    assert {n: float(e) for n, (_, e) in answer_losses(perfect, true).items()} == {
        "places": 0.0, "sizes": 0.0, "landed": 0.0,
    }  # fmt: skip
    unknown = true | {"landed": true["landed"] * torch.nan, "sizes": true["sizes"] * torch.nan}
    assert set(answer_losses(perfect, unknown)) == {"places"}


def test_only_training_is_told_the_truth():
    """What is validated, and what acts, hears what its own senses say."""
    config = replace(SMALL, sense_dropout=0.0)
    batch = fake_batch(config, 6)
    losses = {}
    for truthful in (True, False):
        policy = make(replace(config, truth_told=truthful))
        for training in (True, False):
            loss, _ = policy.train(training).loss(batch, torch.Generator().manual_seed(1))
            losses[truthful, training] = float(loss.detach())
    assert losses[True, False] == losses[False, False]
    assert losses[True, True] != losses[False, True]


def test_a_pour_lasts_from_its_first_to_its_last_twentieth():
    steady = np.clip(np.linspace(-1, 2, 301), 0, 1).astype(np.float32)  # ten seconds of thirty
    assert pouring_s(steady, 10) == pytest.approx(9.0, abs=0.21)
    assert pouring_s(steady[::2], 10) == pytest.approx(4.5, abs=0.21)
    dribble = np.concatenate([steady, np.linspace(1, 1.02, 100)]).astype(np.float32)
    assert pouring_s(dribble, 10) == pytest.approx(9.2, abs=0.41)
    assert math.isnan(pouring_s(0 * steady, 10))
    assert math.isnan(pouring_s(np.nan * steady, 10))


def test_a_pace_is_told_against_the_usual_one_and_that_it_is_known():
    usual, slow = usual_and_slow(np.array([1.0, 2.0, np.nan, 3.0, 4.0, 5.0]))
    assert float(usual) == 3
    assert float(slow) > 3
    told = told_pace(torch.tensor([3.0, 6.0, math.nan, 1e9]), usual)
    assert told[:, 1].tolist() == [1, 1, 0, 1]
    assert told[:, 0].tolist() == pytest.approx([0, math.log(2), 0, MOST_PACE])


def test_who_acts_is_asked_for_a_slow_pour_unless_told_another(cache):
    policy = small_policy(cache)
    policy.pace_s.copy_(torch.tensor([2.0, 3.5]))
    seen = observe(cache, 0, 12)
    for asked, told in ((None, 3.5), (6.0, 6.0)):
        controller = PolicyController(policy, pour_s=asked)
        controller.reset_command(0.5)
        assert float(controller.sense(seen)["pour_s"]) == pytest.approx(told)
    other = small_policy(cache, paced=False)
    unpaced = PolicyController(other)
    unpaced.reset_command(0.5)
    assert "pour_s" not in unpaced.sense(seen)
    for one, asked in ((other, 6.0), (policy, 0.0), (policy, math.nan)):
        with pytest.raises(ConfigError, match="pour_s"):
            PolicyController(one, pour_s=asked)
