"""Laws of learning and acting: windows, resume, seeds, the commands that come out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fake_demonstrations import fake_demonstration
from multigen.dataset import DatasetWriter
from multigen.dataset.cache import PolicyCache
from multigen.errors import ConfigError, WeightsError
from multigen.policy import (
    PRESETS,
    AudioVisualDiffusionPolicy,
    PolicyController,
    load_policy,
    train,
)
from multigen.policy.augment import augment
from multigen.policy.validate import action_error
from multigen.policy.windows import (
    Shuffled,
    build_windows,
    join,
    proprioception,
    split_episodes,
)
from multigen.types import Controller, Observation
from multigen.types.pose import absolute_chunk, decode_pose, encode_pose, proper

SMALL = replace(
    PRESETS["tiny"],
    image_size=32, image_widths=(8, 16, 32), audio_encoder="ast", audio_seconds=0.96, audio_width=32,
    audio_layers=1, audio_heads=2, denoiser_widths=(64,), denoiser_layers=2, denoiser_heads=2,
)  # fmt: skip
LENGTHS = (30, 24, 27)


@pytest.fixture(scope="module")
def cache() -> PolicyCache:
    """Three episodes: the hand moves along a line, tilts, and a square moves in the picture."""
    rng = np.random.default_rng(0)
    rgb, state, poses, actions = [], [], [], []
    for length in LENGTHS:
        t = np.arange(length + 1) / length
        turn = 0.5 * t
        c, s, z, o = np.cos(turn), np.sin(turn), 0 * t, 0 * t + 1
        rot = np.stack([c, z, s, z, o, z, -s, z, c], -1).reshape(-1, 3, 3)
        pose = encode_pose(np.stack([0.3 + 0.2 * t, 0.1 * t, z], -1), rot, 0.5 * o)
        poses.append(pose[:-1])
        actions.append(pose[1:])
        state.append(np.outer(t[:-1], np.linspace(-1, 1, 7)))
        frames = np.full((length, 32, 32, 3), 60, np.uint8)
        for k, place in enumerate((24 * t[:-1]).astype(int)):
            frames[k, 8:16, place : place + 8] = 220
        rgb.append(frames)
    rows = sum(LENGTHS)
    sound = (3000 * rng.standard_normal(rows * 1600)).clip(-32768, 32767).astype(np.int16)
    return PolicyCache(
        folder=Path("nowhere"), size=32, fps=10, sample_rate=16_000, dataset_sha256="",
        rgb=np.concatenate(rgb), sound=sound,
        state=np.concatenate(state).astype(np.float32),
        eef=np.concatenate(poses), action=np.concatenate(actions),
        starts=np.cumsum([0, *LENGTHS]), command=np.array([0.25, 0.5, 1.0], np.float32),
        landed=np.concatenate([np.linspace(0, 1, n) for n in LENGTHS]).astype(np.float32),
        sizes=np.array([[1.2, 0.1], [2.0, 0.06], [1.1, 0.14]], np.float32),
    )  # fmt: skip


def observe(cache: PolicyCache, episode: int, frame: int) -> Observation:
    """What a rollout would hand over at a row of the cache."""
    start = int(cache.starts[episode])
    rows = np.maximum(start + frame - np.array([1, 0]), start)
    heard = cache.sound[start * 1600 : (start + frame) * 1600].astype(np.float32) / 32_768
    return Observation(
        frame / 10, float(cache.command[episode]), cache.rgb[rows], cache.state[rows],
        cache.eef[rows], heard,
    )  # fmt: skip


def small_policy(cache: PolicyCache, **changes) -> AudioVisualDiffusionPolicy:
    config = replace(SMALL, **changes)
    policy = train.new_policy(config, build_windows(cache, config, np.arange(3)), 0)
    out = policy.get_parameter("denoiser.out.weight")
    torch.nn.init.normal_(out, std=0.1, generator=torch.Generator().manual_seed(0))
    return policy


def test_training_sees_what_acting_sees(cache):
    windows = build_windows(cache, SMALL, np.arange(3))
    controller = PolicyController(small_policy(cache))
    for episode, frame in ((0, 0), (0, 1), (1, 0), (1, 23), (2, 13)):
        row = int(cache.starts[episode]) + frame
        batch = windows.batch(np.flatnonzero(windows.frame == row))
        seen = observe(cache, episode, frame)
        controller.reset(seen.command)
        live = controller.sense(seen)
        assert torch.equal(batch["images"], live["images"])
        assert torch.equal(batch["state"], live["state"])
        assert torch.equal(batch["command"], live["command"])
        assert torch.allclose(batch["mel"], live["mel"], atol=1e-3)  # kept as float16


def test_chunks_are_relative_and_the_last_action_is_repeated(cache):
    windows = build_windows(cache, SMALL, np.array([1]))
    start, stop = cache.starts[1:3]
    assert len(windows) == LENGTHS[1]
    for t in (0, 5, LENGTHS[1] - 1):
        rows = np.minimum(start + t + np.arange(16), stop - 1)
        back = absolute_chunk(cache.eef[start + t], windows.chunk[t])
        assert back == pytest.approx(cache.action[rows], abs=1e-5)
    assert windows.done.sum() == SMALL.n_action_steps
    assert windows.done[-1] == 1
    assert windows.done[0] == 0


def test_places_are_the_grasp_the_end_and_the_pour_as_the_hand_sees_them(cache):
    """Wherever the hand is, taking them back to the world gives the same three points; these hands turn on
    and on, so that the first one is turned the furthest from the last."""
    action = np.array(cache.action)
    grasps = []
    for e, closes in enumerate((7, 11, 9)):
        start, stop = cache.starts[e : e + 2]
        action[start:stop, 9] = np.arange(stop - start) >= closes
        grasps.append(action[start + closes, :3])
    windows = build_windows(replace(cache, action=action), SMALL, np.arange(3))
    position, rotation, _ = decode_pose(cache.eef[windows.frame])
    back = position[:, None] + np.einsum("nij,nkj->nki", rotation, windows.places.reshape(-1, 3, 3))
    ends = action[cache.starts[1:] - 1, :3]
    assert back[:, 0] == pytest.approx(np.stack(grasps)[windows.episode], abs=1e-5)
    assert back[:, 1] == pytest.approx(ends[windows.episode], abs=1e-5)
    firsts = action[cache.starts[:-1], :3]
    assert back[:, 2] == pytest.approx(firsts[windows.episode], abs=1e-5)


def test_the_hand_knows_where_it_is_to_the_millimetre(cache):
    """The workspace as seen from the hand moves as a relative action does: by what the hand moves."""
    config = replace(SMALL, pose_state=True)
    felt = build_windows(cache, config, np.array([0])).felt()
    assert felt.shape[-1] == config.state_dim == 17
    here = np.array(cache.eef[:1])
    there = here + np.array([0.01, -0.02, 0.03, *[0] * 7], np.float32)
    a, b = (proprioception(cache.state[:1], eef, config)[0, -3:] for eef in (here, there))
    _, rotation, _ = decode_pose(here[0])
    assert rotation @ (a - b) == pytest.approx([0.01, -0.02, 0.03], abs=1e-6)


def test_sound_after_the_decision_cannot_change_the_condition(cache):
    policy, frame = small_policy(cache).eval(), 12
    other = np.array(cache.sound)
    other[(cache.starts[0] + frame) * 1600 :] = 12_345
    conditions = []
    for sound in (cache.sound, other):
        windows = build_windows(replace(cache, sound=sound), SMALL, np.array([0]))
        with torch.no_grad():
            conditions.append(policy.encode(windows.batch(np.array([frame]))))
    assert torch.equal(*conditions)
    before = np.array(cache.sound)
    before[(cache.starts[0] + frame) * 1600 - 10 :] = 12_345
    heard = build_windows(replace(cache, sound=before), SMALL, np.array([0]))
    with torch.no_grad():
        assert not torch.equal(conditions[0], policy.encode(heard.batch(np.array([frame]))))


def test_every_decision_comes_once_an_epoch_and_the_order_is_a_function_of_the_step():
    order = Shuffled(50, 8, seed=3)
    seen = np.concatenate([order(step) for step in range(25)])
    assert (np.bincount(seen) == 4).all()
    assert (np.sort(seen[:50]) == np.arange(50)).all()
    assert (Shuffled(50, 8, seed=3)(11) == seen[88:96]).all()
    assert (Shuffled(3, 8, seed=0)(0) < 3).all()


def test_validation_holds_out_whole_episodes_of_all_commands():
    command = np.tile([0.25, 0.5, 0.75, 1.0], 10).astype(np.float32)
    learned, held = split_episodes(command, 0.2, seed=0)
    assert len(held) == 8
    assert len(np.intersect1d(learned, held)) == 0
    assert len(np.union1d(learned, held)) == 40
    assert set(command[held]) == set(command)
    assert len(split_episodes(command[:3], 0.0, seed=0)[1]) == 0


def test_augmentation_leaves_labels_and_ranges_alone(cache):
    batch = build_windows(cache, SMALL, np.arange(3)).batch(np.arange(16))
    changed = augment(batch, torch.Generator().manual_seed(0))
    again = augment(batch, torch.Generator().manual_seed(0))
    for key in ("action", "state", "command", "done"):
        assert changed[key] is batch[key]
    for key in ("images", "mel"):
        assert changed[key].shape == batch[key].shape
        assert torch.equal(changed[key], again[key])
        assert not torch.equal(changed[key].float(), batch[key].float())
    assert float(changed["images"].min()) >= 0
    assert float(changed["images"].max()) <= 255
    assert float(changed["mel"].min()) >= -1


def run(monkeypatch, cache, out, **options):
    monkeypatch.setitem(PRESETS, "tiny", SMALL)
    monkeypatch.setattr(train, "open_cache", lambda root, size: cache)
    return train.train_policy(Path("dataset"), out, batch_size=8, threads=1, **options)


def test_a_resumed_training_is_the_same_training(monkeypatch, cache, tmp_path):
    whole = run(monkeypatch, cache, tmp_path / "whole", steps=6)
    halted = {"count": 0}
    gather = train.Windows.batch

    def stop_at_three(windows, index):
        halted["count"] += 1
        if halted["count"] > 4:
            raise KeyboardInterrupt
        return gather(windows, index)

    monkeypatch.setattr(train, "CHECKPOINT_EVERY", 3)
    monkeypatch.setattr(train.Windows, "batch", stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, cache, tmp_path / "part", steps=6, validation=0.0)
    monkeypatch.setattr(train.Windows, "batch", gather)
    again = run(monkeypatch, cache, tmp_path / "part", steps=6, resume=True)
    assert all(torch.equal(v, again.average[k]) for k, v in whole.average.items())
    kept = load_policy(tmp_path / "part").policy.state_dict()
    assert all(torch.equal(v, kept[k]) for k, v in whole.average.items())


def test_a_training_goes_on_from_another_policy(monkeypatch, cache, tmp_path):
    first = run(monkeypatch, cache, tmp_path / "first", steps=3)
    base = load_policy(tmp_path / "first").policy.state_dict()
    on = run(monkeypatch, cache, tmp_path / "on", steps=1, start_from=tmp_path / "first", lr=1e-9)
    assert all(torch.allclose(v, on.average[k], atol=1e-6) for k, v in base.items())
    assert all(torch.equal(v, first.average[k]) for k, v in base.items())
    with pytest.raises(WeightsError, match="lab_ear"):
        run(monkeypatch, cache, tmp_path / "no", steps=1, start_from=tmp_path / "nowhere")
    assert not (tmp_path / "no").exists()


def test_going_on_with_another_size_or_other_senses_is_refused(monkeypatch, cache, tmp_path):
    run(monkeypatch, cache, tmp_path / "first", steps=1)
    for wish in ({"preset": "compact"}, {"senses": ("vision",)}, {"ear": "pour_ear"}):
        with pytest.raises(ConfigError, match="leave --"):
            run(monkeypatch, cache, tmp_path / "no", start_from=tmp_path / "first", **wish)
    assert not (tmp_path / "no").exists()


def test_no_senses_at_all_are_refused(monkeypatch, cache, tmp_path):
    with pytest.raises(ConfigError, match="at least one"):
        run(monkeypatch, cache, tmp_path / "no", steps=1, senses=())
    assert not (tmp_path / "no").exists()


def test_several_datasets_are_learned_from_as_one(cache):
    """Whatever way the episodes are divided among datasets, a decision is the same decision."""
    whole = build_windows(cache, SMALL, np.arange(3))
    parts = join([build_windows(cache, SMALL, np.array(e)) for e in ([0], [1, 2])])
    assert len(parts) == len(whole)
    assert np.array_equal(parts.chunk, whole.chunk)
    assert np.array_equal(parts.felt(), whole.felt())
    index = np.random.default_rng(0).permutation(len(whole))[:20]
    a, b = whole.batch(index), parts.batch(index)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    last = np.array([len(whole) - 1])
    assert torch.equal(parts.batch(last)["action"], whole.batch(last)["action"])


def test_half_the_file_is_nearly_the_same_policy(monkeypatch, cache, tmp_path):
    whole = run(monkeypatch, cache, tmp_path / "whole", steps=2)
    run(monkeypatch, cache, tmp_path / "half", steps=2, half=True)
    kept = load_policy(tmp_path / "half").policy.state_dict()
    assert all(torch.allclose(v, kept[k], rtol=1e-3, atol=1e-4) for k, v in whole.average.items())
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("half", "whole")]
    assert sizes[0] < 0.6 * sizes[1]


def test_training_learns_and_reports_held_out_episodes(monkeypatch, cache, tmp_path):
    result = run(monkeypatch, cache, tmp_path, steps=3, validation=0.34)
    assert {"denoising", "denoising_with_other_sound", "position_mm", "rotation_deg"} <= set(
        result.validation
    )
    assert (tmp_path / "config.json").is_file()
    assert (tmp_path / "validation.json").is_file()


def test_from_a_dataset_to_commands(monkeypatch, tmp_path):
    """Nothing made up but the demonstrations: dataset, cache, training, checkpoint, controller."""
    demos = [fake_demonstration(seed) for seed in range(3)]
    with DatasetWriter(tmp_path / "dataset", demos[0].episode.clock, (64, 64)) as writer:
        for demo in demos:
            writer.add(demo)
    monkeypatch.setitem(PRESETS, "tiny", SMALL)
    result = train.train_policy(
        tmp_path / "dataset", tmp_path / "policy", steps=2, batch_size=4, threads=1
    )
    assert result.steps == 2
    controller, episode = load_policy(tmp_path / "policy"), demos[0].episode
    controller.reset(episode.scene, seed=0)
    heard = demos[0].sound.samples[: 5 * 1600]
    commands = controller.act(
        Observation(0.5, 1.0, episode.ego[4:6], episode.state[4:6], episode.eef[4:6], heard)
    )
    assert commands is not None
    assert commands.shape == (4, 10)


def test_a_controller_is_a_function_of_its_seed_and_what_it_saw(cache):
    controller = PolicyController(small_policy(cache), temperature=1.0)
    assert isinstance(controller, Controller)
    runs = []
    for seed in (1, 1, 2):
        controller.reset("half", seed)
        runs.append([controller.act(observe(cache, 0, t)) for t in (0, 4)])
    (a, b), (c, d), (e, _) = runs
    assert a.shape == (4, 10)
    assert a.dtype == np.float32
    assert (a == c).all()
    assert (b == d).all()
    assert (a != e).any()


def test_at_temperature_zero_chance_decides_nothing(cache):
    controller = PolicyController(small_policy(cache))
    commands = []
    for seed in (1, 2):
        controller.reset("half", seed)
        commands.append(controller.act(observe(cache, 0, 4)))
    assert np.array_equal(*commands)


def test_commands_are_where_the_hand_is_plus_the_relative_chunk(cache):
    """Moving the hand and the world together moves the commands with them, for one who does not feel where
    in the world its hand is."""
    controller = PolicyController(small_policy(cache, pose_state=False))
    seen = observe(cache, 0, 10)
    controller.reset("half", 0)
    here = controller.act(seen)
    assert here is not None
    pos, rot, grip = decode_pose(seen.eef)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    controller.reset("half", 0)
    there = controller.act(replace(seen, eef=encode_pose(pos @ turn.T + 0.5, turn @ rot, grip)))
    p, r, g = decode_pose(here)
    assert there == pytest.approx(encode_pose(p @ turn.T + 0.5, turn @ r, g), abs=1e-5)


def test_rotation_rows_that_span_no_plane_mean_do_not_turn():
    rows = np.array([[0, 0, 0, 1, 1, 1, -1, -1, -1, 0], [0, 0, 0, 0, 1, 0, 1, 0, 0, 0]], np.float32)
    _, rot, _ = decode_pose(proper(rows))
    assert (rot[0] == np.eye(3)).all()
    assert (rot[1] == np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]])).all()


def test_an_episode_ends_after_the_last_commands_were_given_out(cache):
    policy = small_policy(cache)
    with torch.no_grad():
        policy.get_parameter("done.2.bias").fill_(50.0)
    controller = PolicyController(policy)
    controller.reset("all", 0)
    assert controller.act(observe(cache, 0, 20)) is not None
    assert controller.act(observe(cache, 0, 24)) is None
    controller.reset("all", 0)
    assert controller.act(observe(cache, 0, 20)) is not None


def test_a_controller_refuses_commands_and_senses_it_does_not_know(cache):
    controller = PolicyController(small_policy(cache, senses=("vision", "state")))
    with pytest.raises(ConfigError, match="reset"):
        controller.act(observe(cache, 0, 0))
    with pytest.raises(ConfigError, match="half"):
        controller.reset("a bit")
    with pytest.raises(ConfigError, match="fraction"):
        controller.reset_command(1.5)
    with pytest.raises(ConfigError, match="vision, state"):
        PolicyController(controller.policy, senses=("audio",))


def test_a_policy_can_be_asked_to_close_its_ears(cache):
    policy, seen = small_policy(cache), observe(cache, 0, 10)
    deaf, whole = PolicyController(policy, senses=("vision", "state")), PolicyController(policy)
    for controller in (deaf, whole):
        controller.reset("half", 0)
    assert "mel" not in deaf.sense(seen)
    loud = replace(seen, sound=np.full_like(seen.sound, 0.5))
    assert torch.equal(*(policy.encode(deaf.sense(s)) for s in (seen, loud)))
    assert not torch.equal(*(policy.encode(whole.sense(s)) for s in (seen, loud)))


def test_action_error_is_in_millimetres_and_degrees():
    still = encode_pose(np.zeros(3), np.eye(3), 0.0)[None, None]
    c, s = np.cos(np.radians(10)), np.sin(np.radians(10))
    moved = encode_pose(
        np.array([3e-3, 4e-3, 0]), np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), 0.0
    )
    error = action_error(torch.from_numpy(still), torch.from_numpy(moved[None, None]))
    assert error == pytest.approx((5.0, 10.0), abs=1e-2)
