"""The environment keeps Gymnasium's contract, the rollout's ledger, its seeds and its ears."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

import multigen.envs
from multigen.audio import AcousticEars
from multigen.envs import PourEnv, RewardWeights
from multigen.episode import Deaf, Expert, Session, World, rollout_blind
from multigen.episode.rollout import Blind
from multigen.errors import ConfigError, FormatError
from multigen.scene import View, WorldConfig, draw_scene, load_world
from multigen.types import Clip, Clock, PourTrace, SceneConfig
from multigen.types.pose import decode_pose, encode_pose, relative_chunk

CUPS = "water-white_cup-red_cup"
LEDGER = ("source_ml", "in_flight_ml", "receiver_ml", "spilled_ml")


def world() -> WorldConfig:
    """The lab, poured fast, lit without shadows."""
    return replace(
        load_world("nominal"), conditions=(CUPS,), tilt_seconds=(2.0, 2.0), shadows=False
    )


def make(**settings) -> PourEnv:
    settings = {"world": world(), "images": False, **settings}
    env = gymnasium.make("multigen/Pour-v0", **settings).unwrapped
    assert isinstance(env, PourEnv)
    return env


def still(seen: dict[str, np.ndarray]) -> np.ndarray:
    return seen["eef"]


@lru_cache(maxsize=1)
def poured() -> tuple[SceneConfig, Blind]:
    scene = draw_scene(world(), 3, command="half")
    return scene, rollout_blind(scene, Expert(), seed=3)


class Watching:
    """Ears that write down what they were shown."""

    def reset(self, scene: SceneConfig, seed: int) -> None:
        self.shown: list[tuple[int, int]] = []

    def hear(self, seen: Clip, trace: PourTrace) -> np.ndarray:
        assert seen.roles is not None
        self.shown.append((len(seen), int(seen.roles.max())))
        return np.full(len(seen) * 640, 0.25, np.float32)


@pytest.fixture
def env() -> Iterator[PourEnv]:
    with make(ears="acoustics") as env:
        yield env


def test_it_keeps_gymnasiums_contract() -> None:
    with make(ears="acoustics", size=16, action_frame="relative") as env:
        check_env(env)


def test_replaying_the_expert_gives_the_rollouts_ledger_and_the_rewards_add_up(env) -> None:
    scene, blind = poured()
    seen, info = env.reset(seed=3, options={"command": "half"})
    assert env.scene == scene
    heard, rewards = [], []
    for k, action in enumerate(blind.action):
        np.testing.assert_array_equal(seen["state"], blind.state[k])
        np.testing.assert_array_equal(seen["eef"], blind.eef[k])
        seen, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        heard.append(seen["audio.mic"])
        total = sum(info[name] for name in LEDGER)
        assert total == pytest.approx(scene.initial_ml + scene.receiver_initial_ml, abs=1e-6)
        assert not terminated
        assert not truncated
    assert info["poured_ml"] == blind.outcome.poured_ml
    assert info["spilled_ml"] == blind.outcome.spilled_ml
    assert info["nmae"] == blind.outcome.nmae < 0.1
    spilled = RewardWeights().spill * info["spilled_ml"] / info["target_ml"]
    assert sum(rewards) == pytest.approx(1 - info["nmae"] - spilled)
    ears = AcousticEars()
    ears.reset(scene, 3)
    front = len(blind.action) * 5 // 2
    whole = ears.hear(Clip(25.0, np.zeros((front, 0, 0, 3), np.uint8), None), blind.trace)
    np.testing.assert_allclose(np.concatenate(heard), whole[: 1600 * len(heard)], atol=1e-6)
    assert np.abs(whole).max() > 1e-3


def test_relative_actions_are_the_policys_own() -> None:
    _, blind = poured()
    with make(action_frame="relative") as relative, make() as absolute:
        options = {"command": "half"}
        (a, _), (b, _) = (
            relative.reset(seed=3, options=options),
            absolute.reset(seed=3, options=options),
        )
        for action in blind.action[:12]:
            a = relative.step(relative_chunk(a["eef"], action[None])[0])[0]
            b = absolute.step(action)[0]
        np.testing.assert_allclose(a["eef"], b["eef"], atol=1e-4)
        assert np.abs(b["eef"][:3] - blind.eef[0, :3]).max() > 0.01
        before = a["eef"]
        a = relative.step(np.zeros(10, np.float32))[0]  # spans no plane: do not turn
        np.testing.assert_allclose(a["eef"][3:9], before[3:9], atol=0.02)


def test_the_same_seed_gives_the_same_bytes() -> None:
    def play(env: PourEnv) -> list[bytes]:
        seen, _ = env.reset(seed=5)
        env.action_space.seed(1)
        frames = [seen]
        for _ in range(3):
            frames.append(env.step(env.action_space.sample())[0])
        return [frame[key].tobytes() for frame in frames for key in sorted(frame)]

    settings = {"images": True, "size": 16, "ears": "acoustics"}
    with make(**settings) as one, make(**settings) as other:
        first = play(one)
        assert play(other) == first
        assert play(one) == first


def test_a_seed_draws_the_same_scene_as_everywhere_and_no_seed_the_next() -> None:
    with make(world="lab", command=0.4) as env:
        env.reset(seed=7)
        assert env.scene.source == draw_scene(load_world("lab"), 7).source
        assert env.scene.command == 0.4
        _, info = env.reset()
        assert info["seed"] != 7
        _, info = env.reset(options={"world": world(), "command": "pour 60 ml of it"})
        assert info["target_ml"] == pytest.approx(60)
        assert info["condition"] == CUPS
        env.reset(seed=7)
        first = env.reset()[1]["seed"]
        env.reset(seed=7)
        assert env.reset()[1]["seed"] == first


def test_pictures_show_what_an_episodes_rows_show() -> None:
    scene = draw_scene(world(), 3)
    complete = World(scene, Clock(), size=32)
    with (
        make(images=True, size=32, render_mode="rgb_array") as env,
        View(complete.scene, 32) as view,
    ):
        seen, _ = env.reset(seed=3)
        session = Session(complete, view, ears=Deaf(), seed=3)
        session.look()
        assert env.observation_space.contains(seen)
        shown = []
        for _ in range(3):
            shown.append(seen["images.front"])
            np.testing.assert_array_equal(seen["images.ego"], session.observation().ego[-1])
            action = still(seen) + np.array([0, 0, -0.03, *[0] * 7], np.float32)
            seen = env.step(action)[0]
            session.step(action)
            session.look()
        for row, picture in enumerate(shown):
            np.testing.assert_array_equal(picture, session.film.front[row * 25 // 10])
        np.testing.assert_array_equal(env.render(), seen["images.front"])
        assert (shown[0] != shown[2]).any()
        env.close()
        env.close()
        env.reset(seed=3)


def test_any_ears_can_be_plugged_in_and_those_that_look_see_the_whole_film() -> None:
    ears = Watching()
    with make(ears=ears, size=32) as env:
        seen, _ = env.reset(seed=3)
        assert seen["audio.mic"].shape == (1600,)
        assert not seen["audio.mic"].any()
        for _ in range(2):
            seen = env.step(still(seen))[0]
        assert [n for n, _ in ears.shown] == [3, 5]
        assert all(role > 1 for _, role in ears.shown)
        assert (seen["audio.mic"] == 0.25).all()
        assert len(env.seen.sound) == 3200
        assert env.seen.ego.shape == (2, 32, 32, 3)


def test_from_the_grasp_the_cup_can_be_lifted_and_dropped() -> None:
    with make(start="grasp", max_seconds=10.0) as env:
        seen, info = env.reset(seed=3)
        assert info["time_s"] == 0
        assert env.seen.time_s == 0
        assert seen["eef"][9] > 0.1
        pos, rot, _ = decode_pose(seen["eef"])
        up, reward, terminated = pos.copy(), 0.0, False
        for k in range(30):
            up[2] += 0.02 if k < 12 else 0.0
            seen, reward, terminated, _, info = env.step(encode_pose(up, rot, float(k < 15)))
            if terminated:
                break
            assert k < 14 or not info["ended_because"]
        assert terminated
        assert info["ended_because"] == "dropped"
        assert reward <= -1
        with pytest.raises(ResetNeeded, match="dropped"):
            env.step(still(seen))


def test_time_runs_out() -> None:
    with make(max_seconds=0.4) as env:
        seen, _ = env.reset(seed=3)
        ends = [env.step(still(seen))[2:4] for _ in range(4)]
        assert ends == [(False, False)] * 3 + [(False, True)]


def test_what_makes_no_sense_is_refused() -> None:
    for settings in (
        {"start": "moon"},
        {"action_frame": "joint"},
        {"ears": "no such"},
        {"size": 2},
    ):
        with pytest.raises(ConfigError):
            PourEnv(**settings)
    with make() as env:
        with pytest.raises(ResetNeeded, match="reset first"):
            env.step(np.zeros(10, np.float32))
        with pytest.raises(ConfigError, match="weather"):
            env.reset(seed=1, options={"weather": "fine"})
        with pytest.raises(ConfigError, match="names no amount"):
            env.reset(seed=1, options={"command": "some"})
        env.reset(seed=1)
        for action in (np.full(10, np.nan, np.float32), np.zeros(7, np.float32)):
            with pytest.raises(FormatError, match="10 finite"):
                env.step(action)


def test_two_pour_side_by_side_in_processes_of_their_own() -> None:
    vector = gymnasium.make_vec(
        "multigen/Pour-v0", num_envs=2, vectorization_mode="async",
        vector_kwargs={"context": "spawn"}, world=world(), ears="acoustics", size=16,
    )  # fmt: skip
    try:
        seen, info = vector.reset(seed=[3, 4])
        assert seen["images.front"].shape == (2, 16, 16, 3)
        assert list(info["seed"]) == [3, 4]
        seen, _, terminated, _, info = vector.step(seen["eef"])
        assert not terminated.any()
        assert seen["audio.mic"].shape == (2, 1600)
        np.testing.assert_allclose(sum(info[name] for name in LEDGER), info["initial_ml"])
    finally:
        vector.close()


def test_the_room_is_light_and_needs_no_network() -> None:
    code = (
        "import sys, gymnasium, multigen.envs; print({'torch', 'mujoco'} & set(sys.modules))\n"
        "gymnasium.make('multigen/Pour-v0', ears='acoustics'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "False"]
    assert "PourEnv" in dir(multigen.envs)


def examples() -> list[str]:
    text = (Path(__file__).parents[1] / "docs" / "environment.md").read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_documented_example_runs(capsys) -> None:
    exec(examples()[0], {})
    assert "(96, 96, 3) (1600,) 0.0 1.0" in capsys.readouterr().out


def test_a_controller_of_ours_pours_in_it_as_documented(env) -> None:
    env.reset(seed=3, options={"command": "half"})
    names = {"env": env, "controller": Expert()}
    exec(examples()[1], names)
    assert names["info"]["nmae"] < 0.1
