"""Laws of glimpses: looking less changes nothing of the pour, and what was seen reads back as it was."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from multigen.dataset.cache import area_resize
from multigen.dataset.glimpses import holds_glimpses, open_glimpses, scene_path
from multigen.ear import load_ear
from multigen.episode import Expert, make_expert, rollout, rollout_blind
from multigen.episode.glimpse import Glimpsed, rollout_glimpsed
from multigen.errors import ConfigError, FormatError
from multigen.pipeline.glimpses import as_episode, glimpse
from multigen.policy import train
from multigen.policy.config import preset
from multigen.policy.windows import build_windows
from multigen.scene import draw_scene, load_world
from multigen.types.pose import absolute_chunk

FAST = replace(load_world("lab"), tilt_seconds=(1.5, 1.5))
SCENE = draw_scene(FAST, 3)
SEED, NUDGE_M = 5, 0.018


@lru_cache(maxsize=1)
def seen() -> Glimpsed:
    return rollout_glimpsed(SCENE, Expert(), seed=SEED, size=64, nudge_m=NUDGE_M)


def test_the_pour_is_the_one_that_nobody_saw() -> None:
    blind = rollout_blind(SCENE, Expert(), seed=SEED, nudge_m=NUDGE_M)
    for name in ("state", "eef", "action"):
        assert np.array_equal(getattr(blind, name), getattr(seen().pour, name))
    assert blind.outcome == seen().pour.outcome


def test_the_pictures_are_those_of_an_episode_seen_throughout() -> None:
    whole = rollout(SCENE, Expert(), seed=SEED, size=64, nudge_m=NUDGE_M)
    assert 4 < len(seen().row) < len(whole) / 3
    for row, (before, now) in zip(seen().row, seen().images, strict=True):
        # the liquid is drawn anew when it has moved by 0.01 mL since it was last looked at
        assert np.mean(now != whole.ego[row]) < 0.01
        assert np.mean(before != whole.ego[max(row - 1, 0)]) < 0.01


def test_what_has_landed_is_a_share_of_what_there_was() -> None:
    one = as_episode(seen(), SCENE, 32)
    assert one.landed[0] == 0
    assert (np.diff(one.landed) >= 0).all()
    outcome = seen().pour.outcome
    assert one.landed[-1] == pytest.approx(outcome.poured_ml / outcome.initial_ml, abs=0.01)
    fill = pytest.approx(outcome.poured_ml / SCENE.receiver.capacity_ml, abs=0.01)
    assert one.landed[-1] / one.sizes[0] == fill


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("glimpses") / "one"
    glimpse(out, scenes=3, seed=0, world=FAST, workers=1, size=32, expert="planned", nudge_m=0.01)
    return out


def everything(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_two_workers_and_a_resumed_run_make_the_same_bytes(folder, tmp_path) -> None:
    options = {"seed": 0, "world": FAST, "size": 32, "expert": "planned", "nudge_m": 0.01}
    glimpse(tmp_path / "two", scenes=1, workers=1, **options)
    one = tmp_path / "more"
    scene_path(one, 0).parent.mkdir(parents=True)
    glimpse(one, scenes=3, workers=2, **options)
    assert everything(one) == everything(folder)
    glimpse(one, scenes=3, workers=2, **options)
    assert everything(one) == everything(folder)
    with pytest.raises(ConfigError, match="3 scenes, asked were 4"):
        glimpse(one, scenes=4, workers=2, **options)
    assert everything(one) == everything(folder)


def test_what_was_seen_reads_back_as_a_policy_sees_it(folder) -> None:
    cache = open_glimpses(folder)
    assert holds_glimpses(folder)
    assert cache.episodes == 3
    assert cache.command.shape == (3,)
    assert set(cache.command) <= {0.25, 0.5, 0.75, 1.0}
    config = preset("tiny", image_size=32)
    windows = build_windows(cache, config, np.arange(3))
    assert len(windows) == len(cache.rgb)
    batch = windows.batch(np.arange(len(windows)))
    assert cache.glimpsed is not None
    assert np.array_equal(batch["images"].permute(0, 1, 3, 4, 2).numpy(), cache.rgb)
    assert bool(batch["deaf"].all())
    for i, row in enumerate(cache.glimpsed):
        back = absolute_chunk(cache.eef[row], batch["action"][i].numpy())
        assert back[0] == pytest.approx(cache.action[row], abs=1e-5)
        assert batch["landed"][i] == cache.landed[row]


def test_a_scene_of_one_run_is_the_scene_that_was_drawn(folder) -> None:
    """The first picture of a folder is the wrist's own view, averaged as a dataset's cache does it."""
    from multigen.pipeline.simulate import scene_seed

    seed = scene_seed(0, 0, 0)
    again = rollout_glimpsed(
        draw_scene(FAST, seed), make_expert("planned"), seed=seed, size=224, nudge_m=0.01
    )
    small = area_resize(again.images[:, 1], 32)
    assert np.array_equal(open_glimpses(folder).rgb[: len(small), 1], small)


def test_deaf_decisions_count_as_a_missing_sense(folder) -> None:
    config = preset("tiny", image_size=32, sense_dropout=0.0)
    windows = build_windows(open_glimpses(folder), config, np.arange(3))
    policy = train.new_policy(config, windows, 0, load_ear().ear)
    batch = windows.batch(np.arange(8))
    loud = batch | {"heard": torch.ones_like(batch["heard"])}
    silent = {k: v for k, v in batch.items() if k != "heard"}
    losses = [
        float(policy.train().loss(b, torch.Generator().manual_seed(0))[0].detach())
        for b in (batch, loud, silent)
    ]
    assert losses[0] == losses[1] == pytest.approx(losses[2], rel=1e-6)


def test_glimpses_alone_and_of_another_size_are_refused(folder, tmp_path) -> None:
    with pytest.raises(ConfigError, match="alone"):
        train.load_windows(folder, preset("tiny", image_size=32), 0.0, 0)
    with pytest.raises(ConfigError, match="32 px"):
        train.load_windows([folder], preset("tiny"), 0.0, 0)
    (tmp_path / "broken").mkdir()
    for path in folder.iterdir():
        if path.name != "eef.npy":
            (tmp_path / "broken" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(FormatError, match="damaged"):
        open_glimpses(tmp_path / "broken")
