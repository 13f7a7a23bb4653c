"""The arm follows, the expert pours, the loop keeps its clocks and its ledger, folders are whole."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from multigen.episode import (
    Deaf,
    Expert,
    RolloutLimits,
    is_complete,
    kinova,
    plan_pour,
    read_episode,
    rollout,
    rollout_blind,
    write_episode,
)
from multigen.episode import store as store_module
from multigen.errors import FormatError, MultigenError, OutputError, SceneError
from multigen.scene import draw_scene, load_world
from multigen.scene.vessels import frustum
from multigen.types import Clip, Clock, Episode, Observation, PourTrace, Role, SceneConfig
from multigen.types.pose import decode_pose, encode_pose

CUPS = "water-white_cup-red_cup"


def scene(command: str = "half") -> SceneConfig:
    """The lab scene, poured fast and lit without shadows: quick to simulate and to draw."""
    drawn = draw_scene(load_world("nominal"), 0, condition=CUPS, command=command)
    lights = tuple(replace(light, casts_shadow=False) for light in drawn.lights)
    return replace(drawn, tilt_seconds=2.0, lights=lights)


class Still:
    """Stays where it is for a while; keeps what it was shown."""

    def __init__(self, frames: int, chunk: int = 1) -> None:
        self.frames, self.chunk, self.seen = frames, chunk, []

    def reset(self, scene: SceneConfig, seed: int) -> None:
        self.seen: list[Observation] = []

    def act(self, seen: Observation) -> np.ndarray | None:
        self.seen.append(seen)
        done = round(seen.time_s * 10) >= self.frames
        return None if done else np.tile(seen.eef[-1], (self.chunk, 1))


class Counting:
    """Ears that write down how much they were shown, and hear a ramp."""

    def reset(self, scene: SceneConfig, seed: int) -> None:
        self.shown: list[tuple[int, int]] = []

    def hear(self, seen: Clip, trace: PourTrace) -> np.ndarray:
        self.shown.append((len(seen), len(trace)))
        return np.arange(1, len(seen) * 640 + 1, dtype=np.float32) * 1e-6


@lru_cache(maxsize=1)
def poured() -> Episode:
    return rollout(scene(), Expert(), seed=0, size=64)


def test_the_arm_reaches_poses_along_a_line_and_keeps_its_speed_limit() -> None:
    arm = kinova()
    start, rot = arm.pose(arm.home)
    q = arm.home
    for s in np.linspace(0, 1, 11)[1:]:
        step = arm.follow(q, encode_pose(start + s * np.array([0.05, -0.1, -0.1]), rot, 0.0), 0.2)
        assert step.reached.within(2e-4, 1e-3)
        assert step.effort < 1
        assert np.abs(step.q - q).max() < 0.15
        q = step.q
    far = arm.follow(q, encode_pose(start + np.array([0.0, 0.3, 0.0]), rot, 1.0), 0.1)
    assert far.effort > 1
    assert np.abs(far.q - q).max() <= 0.139 + 1e-9
    assert far.closed == 1.0


def test_a_pose_out_of_reach_is_said_to_be_out_of_reach() -> None:
    arm = kinova()
    _, rot = arm.pose(arm.home)
    assert not arm.solve(arm.home, np.array([1.5, 0.0, 0.4]), rot).within(0.05, 0.1)


def test_a_scene_without_solution_says_why() -> None:
    with pytest.raises(SceneError, match="no side grasp"):
        plan_pour(replace(scene(), source_xy_m=(1.3, 0.1)), kinova(), Clock())
    wide = replace(scene(), source=frustum("bucket", 0.05, 0.06, 0.12))
    with pytest.raises(SceneError, match="gripper opens"):
        plan_pour(wide, kinova(), Clock())


@pytest.mark.parametrize("command", ["quarter", "all"])
def test_the_plan_expects_to_land_what_was_asked(command: str) -> None:
    config = scene(command)
    plan = plan_pour(config, kinova(), Clock())
    assert plan.tilt.landed_ml == pytest.approx(config.target_ml, rel=0.03)
    assert plan.tilt.spilled_ml < 1
    _, rot, closed = decode_pose(plan.actions)
    assert closed[0] == 0
    assert closed[-1] == 1
    np.testing.assert_allclose(
        rot @ rot.swapaxes(1, 2), np.tile(np.eye(3), (len(rot), 1, 1)), atol=1e-6
    )


def test_the_expert_lands_what_was_asked_and_every_millilitre_is_accounted_for() -> None:
    episode = poured()
    o = episode.outcome
    assert o.ended_because == "done"
    assert o.completed
    assert o.nmae < 0.1
    np.testing.assert_allclose(episode.trace.total_ml, o.initial_ml, atol=1e-6)
    assert o.poured_ml + o.left_source_ml + o.spilled_ml == pytest.approx(o.initial_ml, abs=1e-6)
    assert episode.trace.in_flight_ml[-1] == 0


def test_clocks_agree_and_the_liquid_is_seen_where_the_ledger_has_it() -> None:
    episode = poured()
    t = len(episode)
    assert t % 2 == 0
    assert len(episode.front) * 2 == 5 * t
    assert len(episode.trace) == 10 * t
    assert episode.front.shape[1:] == (64, 64, 3)
    flowing = episode.trace.flow_out_ml_s > 20
    middle = int(np.flatnonzero(flowing)[flowing.sum() // 2] / 4)
    assert (episode.front_roles[middle] == Role.STREAM).any()
    assert not (episode.front_roles[0] == Role.STREAM).any()
    assert (episode.ego_roles[0] == Role.ROBOT).any()


def test_the_hand_is_where_it_was_told_to_be() -> None:
    episode = poured()
    told, felt = decode_pose(episode.action[:-1])[0], decode_pose(episode.eef[1:])[0]
    assert np.median(np.linalg.norm(told - felt, axis=1)) < 5e-3
    assert np.abs(felt - told).max() < 3e-2


def test_the_same_seed_gives_the_same_arrays_with_and_without_eyes() -> None:
    seen, blind = poured(), rollout_blind(scene(), Expert(), seed=0)
    np.testing.assert_array_equal(seen.state, blind.state)
    np.testing.assert_array_equal(seen.trace.receiver_ml, blind.trace.receiver_ml)
    assert blind.outcome == seen.outcome


def test_the_same_seed_gives_the_same_frames() -> None:
    a, b = (rollout(scene(), Still(4), seed=1, size=64) for _ in range(2))
    for name in ("ego", "ego_roles", "front", "front_roles", "state", "eef", "action"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_ears_are_shown_the_past_only_and_heard_up_to_now() -> None:
    ears, controller = Counting(), Still(6)
    rollout_blind(scene(), controller, ears=ears, seed=0)
    assert ears.shown == [(int(np.ceil(2.5 * t)), 10 * t) for t in range(1, 7)]
    for t, seen in enumerate(controller.seen):
        assert len(seen.sound) == 1600 * t
        assert seen.eef.shape == (2, 10)
    np.testing.assert_array_equal(controller.seen[0].state[0], controller.seen[0].state[1])
    assert controller.seen[-1].sound[-1] == pytest.approx(9600e-6)


def test_a_controller_is_asked_again_only_when_its_chunk_is_spent() -> None:
    controller = Still(8, chunk=4)
    blind = rollout_blind(scene(), controller, seed=0)
    assert [round(s.time_s * 10) for s in controller.seen] == [0, 4, 8]
    assert len(blind.action) == 8
    assert blind.outcome.ended_because == "done"
    assert not blind.outcome.completed


def test_one_who_never_stops_is_stopped() -> None:
    blind = rollout_blind(scene(), Still(10**6), seed=0, limits=RolloutLimits(max_seconds=0.5))
    assert blind.outcome.ended_because == "timeout"
    assert len(blind.action) == 6


def test_what_is_no_action_is_refused() -> None:
    class Broken(Still):
        def act(self, seen: Observation) -> np.ndarray:
            return np.full((1, 10), np.nan, np.float32)

    with pytest.raises(FormatError, match="finite"):
        rollout_blind(scene(), Broken(1), seed=0)


def test_deaf_ears_hear_silence_of_the_right_length() -> None:
    clip = Clip(25.0, np.zeros((5, 0, 0, 3), np.uint8), None)
    heard = Deaf().hear(clip, poured().trace)
    assert heard.shape == (3200,)
    assert not heard.any()


def test_an_episode_comes_back_from_its_folder(tmp_path) -> None:
    episode, folder = poured(), tmp_path / "episode-000007"
    write_episode(folder, episode)
    assert is_complete(folder)
    assert not list(tmp_path.glob("*.part"))
    back = read_episode(folder)
    assert back.scene == episode.scene
    assert back.outcome == episode.outcome
    assert back.clock == episode.clock
    for name in ("state", "eef", "action", "ego_roles", "front_roles"):
        np.testing.assert_array_equal(getattr(back, name), getattr(episode, name))
    np.testing.assert_array_equal(back.trace.receiver_ml, episode.trace.receiver_ml)
    assert back.front.shape == episode.front.shape
    assert np.abs(back.front.astype(int) - episode.front).mean() < 6
    with pytest.raises(OutputError, match="exists already"):
        write_episode(folder, episode)


def test_a_killed_write_leaves_nothing_that_looks_complete(tmp_path, monkeypatch) -> None:
    episode, folder = poured(), tmp_path / "episode-000000"

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(store_module, "_to_disk", die)
    with pytest.raises(Killed):
        write_episode(folder, episode)
    assert not folder.exists()
    assert not is_complete(folder)
    assert not any(is_complete(path) for path in tmp_path.iterdir())
    monkeypatch.undo()
    write_episode(folder, episode)
    assert is_complete(folder)
    (folder / "front.mp4").unlink()
    assert not is_complete(folder)
    with pytest.raises(MultigenError, match=r"front\.mp4 missing"):
        read_episode(folder)
