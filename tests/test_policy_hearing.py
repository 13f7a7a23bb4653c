"""Laws of a policy that believes a trained ear: causal, the same in training and acting, the ear unchanged."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from multigen.audio.acoustics import sound_of_pour
from multigen.ear import load_ear
from multigen.ear.listener import ROBOTS
from multigen.ear.network import USUAL_AIR_M, Ear
from multigen.errors import ConfigError
from multigen.policy import PolicyController, load_policy, train
from multigen.policy.augment import augment
from multigen.policy.config import BELIEFS, HEARD_DIM
from multigen.policy.hearing import ROOMS, beliefs, in_rooms, looked_back
from multigen.policy.measures import amounts, log_sizes
from multigen.policy.windows import build_windows
from multigen.scene.liquids import LIQUIDS
from pours import cylinder, pour
from test_policy_learning import SMALL as AST
from test_policy_learning import cache, observe, run

__all__ = ["cache"]  # the made-up demonstrations, as a fixture
SMALL = replace(AST, audio_encoder="ear")


@pytest.fixture(scope="module")
def ear() -> Ear:
    return load_ear(ROBOTS).ear


def small_policy(cache, ear, config=SMALL):
    return train.new_policy(config, build_windows(cache, config, np.arange(3), ear), 0, ear).eval()


def test_it_hears_how_full_the_vessel_is_at_every_row(ear):
    """Not a law of the policy but what all of it rests on: the beliefs rise with the level."""
    receiver = cylinder()
    trace = pour(receiver, flow_ml_s=60.0)
    sound = sound_of_pour(
        trace, cylinder(), receiver, LIQUIDS["water"], rng=np.random.default_rng(0)
    )
    rows = len(sound) // 1600 + 1
    known = beliefs(ear, sound, rows)
    assert known.shape == (rows, BELIEFS)
    assert (known[0] == 0).all()
    truth = trace.receiver_ml[:: trace.liquid_hz // 10] / receiver.capacity_ml
    poured = np.flatnonzero(np.diff(truth) > 0.005)
    off = np.abs(known[poured + 1, 0] - truth[poured])
    assert off.mean() < 0.15


def test_what_is_believed_depends_on_nothing_later(ear):
    sound = (0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)
    whole = beliefs(ear, sound, 21)
    other = sound.copy()
    other[16_000:] = 0
    assert beliefs(ear, other, 21)[:11] == pytest.approx(whole[:11], abs=1e-5)
    assert beliefs(ear, sound[:16_000], 11) == pytest.approx(whole[:11], abs=1e-5)
    assert beliefs(ear, other, 21)[12:] != pytest.approx(whole[12:], abs=1e-3)


def test_a_policy_is_told_what_was_believed_before_but_not_of_another_episode():
    known = np.repeat(np.arange(40, dtype=np.float32)[:, None], BELIEFS, 1)
    told = looked_back(known, np.array([20, 22]), np.array([0, 20]))
    assert told.shape == (2, HEARD_DIM)
    assert told[0, ::BELIEFS].tolist() == [20, 18, 16, 12, 4]
    assert told[1, ::BELIEFS].tolist() == [22, 20, 20, 20, 20]


def test_training_hears_what_acting_hears(cache, ear):
    """Where no eye tells the ear a depth: training draws one, acting has seen it."""
    untold = replace(SMALL, depth_told=False)
    windows = build_windows(cache, untold, np.arange(3), ear)
    controller = PolicyController(small_policy(cache, ear, untold))
    for episode, frame in ((0, 0), (0, 1), (1, 23), (2, 13)):
        row = int(cache.starts[episode]) + frame
        batch = windows.batch(np.flatnonzero(windows.frame == row))
        seen = observe(cache, episode, frame)
        controller.reset(seen.command)
        live = controller.sense(seen)
        assert batch["heard"].shape == (1, ROOMS, HEARD_DIM)
        assert torch.allclose(batch["heard"][:, 0], live["heard"], atol=1e-4)


def test_rooms_change_what_is_heard_and_are_a_function_of_their_seed(ear):
    sound = (0.05 * np.random.default_rng(0).standard_normal(24_000)).astype(np.float32)
    a, b, c = (in_rooms(ear, sound, 16, seed=(k,)) for k in (1, 1, 2))
    assert a.shape == (16, ROOMS, BELIEFS)
    assert np.array_equal(a, b)
    assert np.array_equal(a[:, 0], c[:, 0])
    assert not np.allclose(a[:, 1], c[:, 1], atol=1e-3)


def test_an_ear_is_told_a_depth_that_is_as_wrong_as_eyes_are(ear):
    receiver = cylinder()
    trace = pour(receiver, flow_ml_s=60.0)
    sound = sound_of_pour(
        trace, cylinder(), receiver, LIQUIDS["water"], rng=np.random.default_rng(0)
    )
    untold, told, again = (
        in_rooms(ear, sound, 30, seed=(1,), depth_m=depth) for depth in (None, 0.1, 0.1)
    )
    assert np.array_equal(told, again)
    assert np.array_equal(untold[:, 0], beliefs(ear, sound, 30))
    assert not np.allclose(told[5:, 0], untold[5:, 0], atol=1e-3)
    assert not np.allclose(told[5:, 0], beliefs(ear, sound, 30, 0.1)[5:], atol=1e-4)


def test_only_an_ear_with_eyes_beside_it_is_told_the_depth(cache, ear):
    told = replace(SMALL, sizes=True, landed=True, depth_told=True)
    assert told.eyes_tell_ear
    assert not replace(told, senses=("audio", "state")).eyes_tell_ear
    assert not replace(told, audio_encoder="ast").eyes_tell_ear
    with pytest.raises(ConfigError, match="sizes"):
        replace(SMALL, sizes=False, depth_told=True)


def test_augmentation_draws_one_of_the_rooms(cache, ear):
    batch = build_windows(cache, SMALL, np.arange(3), ear).batch(np.arange(60))
    drawn = augment(batch, torch.Generator().manual_seed(0))["heard"]
    assert drawn.shape == (60, HEARD_DIM)
    same = (drawn[:, None] == batch["heard"]).all(-1)
    assert same.any(1).all()
    assert all(same[:, room].any() for room in range(ROOMS))


def test_the_ear_comes_along_and_training_leaves_it_as_it_was(monkeypatch, cache, ear, tmp_path):
    monkeypatch.setattr("test_policy_learning.SMALL", SMALL)
    result = run(monkeypatch, cache, tmp_path, steps=3, validation=0.34)
    kept = load_policy(tmp_path).policy.ear
    assert kept is not None
    assert all(torch.equal(v, kept.state_dict()[k]) for k, v in ear.state_dict().items())
    assert {"denoising_with_other_sound", "landed_off"} <= set(result.validation)


def test_closed_ears_are_not_silence(cache, ear):
    policy, seen = small_policy(cache, ear), observe(cache, 0, 20)
    deaf = PolicyController(policy, senses=("vision", "state"))
    whole = PolicyController(policy)
    for controller in (deaf, whole):
        controller.reset("half", 0)
    assert "heard" not in deaf.sense(seen)
    quiet = replace(seen, sound=np.zeros_like(seen.sound))
    assert torch.equal(*(policy.encode(deaf.sense(s)) for s in (seen, quiet)))
    assert not torch.equal(*(policy.encode(whole.sense(s)) for s in (seen, quiet)))


def learned(policy, batch, part: str) -> list[float]:
    """One part of the loss at each of sixty steps."""
    optimiser = torch.optim.AdamW(policy.parameters(), 2e-3)
    off = []
    for step in range(60):
        loss, parts = policy.loss(batch, torch.Generator().manual_seed(step))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        off.append(float(parts[part]))
    return off


def test_what_has_landed_is_learned_where_it_is_known_and_left_alone_elsewhere(cache, ear):
    policy = small_policy(cache, ear, replace(SMALL, sense_dropout=0.0)).train()
    windows = build_windows(cache, SMALL, np.arange(3), ear)
    batch = windows.batch(np.arange(0, 81, 2))
    off = learned(policy, batch, "landed")
    assert off[-1] < 0.2 * off[0]
    unknown = batch | {"landed": torch.full_like(batch["landed"], torch.nan)}
    loss, _ = policy.loss(unknown, torch.Generator().manual_seed(0))
    assert torch.isfinite(loss)


def test_who_is_told_numbers_alone_is_told_nothing_else_of_what_was_seen(cache, ear):
    """Pictures that say the same of places, sizes and amounts are the same to the denoiser."""
    policy = small_policy(cache, ear)
    assert policy.config.measured
    batch = build_windows(cache, SMALL, np.arange(3), ear).batch(np.arange(8))
    for name in ("places", "sizes", "landed"):
        for weight in getattr(policy, name).parameters():
            torch.nn.init.zeros_(weight)
    darker = batch | {"images": batch["images"] // 2}
    assert torch.equal(policy.encode(batch), policy.encode(darker))
    fused = small_policy(cache, ear, replace(SMALL, measured=False))
    assert not torch.equal(fused.encode(batch), fused.encode(darker))
    with pytest.raises(ConfigError, match="places"):
        replace(SMALL, places=False)


def test_a_policy_that_believes_an_ear_needs_its_rate(cache, ear):
    with pytest.raises(ConfigError, match="10"):
        build_windows(replace(cache, fps=20), SMALL, np.arange(1), ear)


def heard_of(fill: float, air_m: float) -> torch.Tensor:
    row = torch.zeros(1, HEARD_DIM)
    row[0, 0], row[0, 2] = fill, np.log(air_m / USUAL_AIR_M)
    return row


def test_the_same_length_of_air_is_less_liquid_in_a_shallow_vessel():
    deep, shallow = (log_sizes(torch.tensor([[1.5, depth]])) for depth in (0.12, 0.04))
    half_full = heard_of(0.5, 0.06)
    assert amounts(half_full, deep)[0].tolist() == pytest.approx([0.75, 0.75], abs=1e-5)
    assert amounts(half_full, shallow)[0, 1] < 0
    assert amounts(heard_of(0.5, 0.02), shallow)[0, 1] == pytest.approx(0.75, abs=1e-5)


def test_a_vessel_that_holds_more_has_more_at_the_same_fill():
    small, large = (log_sizes(torch.tensor([[room, 0.1]])) for room in (1.1, 2.2))
    told = heard_of(0.3, 0.07)
    assert amounts(told, large)[0] == pytest.approx(2 * amounts(told, small)[0])


def test_sizes_are_learned_where_they_are_known_and_left_alone_elsewhere(cache, ear):
    policy = small_policy(cache, ear, replace(SMALL, sense_dropout=0.0)).train()
    batch = build_windows(cache, SMALL, np.arange(3), ear).batch(np.arange(0, 81, 2))
    batch["sizes"] = (
        1 + batch["state"][:, -1, :2].abs()
    )  # something that can be told from what is felt
    off = learned(policy, batch, "sizes")
    assert off[-1] < 0.3 * off[0]
    loss, parts = policy.loss(
        batch | {"sizes": torch.full_like(batch["sizes"], torch.nan)},
        torch.Generator().manual_seed(0),
    )
    assert torch.isfinite(loss)
    assert "sizes" not in parts
