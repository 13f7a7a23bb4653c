"""The compact sound model, from a corpus in miniature to sound: training, generating, listening."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from multigen.audio.cache import open_cache
from multigen.audio.eyes import Eyes, EyesConfig, halve, role_statistics
from multigen.audio.flow_ears import FlowEars
from multigen.audio.generator import load_generator, make_view
from multigen.audio.sound_model import load_sound_model
from multigen.audio.train import EXPECT, sound_loss, train_sound
from multigen.audio.windows import Augmentation, Windows, latents_of, mirror_statistics
from multigen.errors import ClockError, ConfigError, MediaError, WeightsError
from multigen.learning import step_generator
from multigen.types import Clip, Role
from tiny_corpus import tiny_clip, tiny_corpus

SMALL = {
    "preset": "pour_nano", "batch_size": 4, "window_s": 1.28, "latent_dim": 8, "warmup_steps": 2,
    "log_every": 2, "checkpoint_every": 2, "validation_windows": 2, "threads": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"), 4)


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    result = train_sound(corpus, out, steps=4, **SMALL)
    assert result.steps == 4
    assert set(result.validation) == {
        "val_flow", "val_expect", "val_no_masks_flow", "val_no_masks_expect",
        "val_untold_flow", "val_untold_expect", "val_rough_flow", "val_rough_expect",
        "val_blind_flow",
    }  # fmt: skip
    return out


@pytest.fixture(scope="module")
def generator(trained: Path):
    return load_generator(trained)


def test_a_stopped_training_run_continues_to_the_same_bytes(
    corpus: Path, trained: Path, tmp_path: Path
) -> None:
    # The learning rate follows the planned number of steps, so the run is planned whole and stopped.
    class Stopped(Exception):
        pass

    from multigen.audio import train

    real = train.save_sound_model

    def stop_after_first(*args, **kwargs) -> None:
        real(*args, **kwargs)
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "save_sound_model", stop_after_first)
        with pytest.raises(Stopped):
            train_sound(corpus, tmp_path, steps=4, **SMALL)
    train_sound(corpus, tmp_path, steps=4, resume=True, **SMALL)
    for name in ("model.safetensors", "codec.safetensors", "config.json"):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes(), name


def test_sound_lasts_as_long_as_the_frames_whatever_their_rate(generator) -> None:
    clip, _ = tiny_clip(0, 2.0)
    for fps, count in ((25, 50), (30, 31), (10, 20), (5, 7), (120, 61), (24, 13)):
        frames, masks = clip.rgb[np.arange(count) % 50], clip.roles[np.arange(count) % 50]
        wave = generator.generate(frames, masks, fps, steps=1, guidance=1)
        assert wave.dtype == np.float32
        assert len(wave) == round(count / fps * 16000)
        assert np.abs(wave).max() <= 1


def test_a_long_clip_is_made_in_windows_and_repeats_exactly(generator) -> None:
    clip, _ = tiny_clip(1, 4.8)
    first = generator.generate(clip.rgb, clip.roles, 25, seed=3, steps=2)
    again = generator.generate(clip.rgb, clip.roles, 25, seed=3, steps=2)
    other = generator.generate(clip.rgb, clip.roles, 25, seed=4, steps=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("frames", [13, 32, 33, 40, 77, 100, 250, 1500])
def test_windows_cover_every_frame_and_overlap(generator, frames: int) -> None:
    windows = generator.windows(frames)
    assert windows[0][0] == 0
    assert windows[-1][1] == frames
    for (a, b), (c, d) in itertools.pairwise(windows):
        assert a < c < b < d, windows
    assert all(s % 4 == 0 and e - s <= 36 for s, e in windows), windows


def test_held_latents_come_back_as_they_were(generator) -> None:
    clip, _ = tiny_clip(2, 1.28)
    view = make_view(clip.rgb, clip.roles, 25)
    random = torch.Generator().manual_seed(0)
    x0 = torch.randn(40, 8, generator=random)
    known = torch.randn(25, 8, generator=random)
    drawn = generator.draw(view, x0, known, 3, 2.0)
    assert torch.equal(drawn[:25], known)
    assert drawn.shape == x0.shape


def test_masks_matter_and_may_be_absent(generator) -> None:
    clip, _ = tiny_clip(1, 1.2)
    with_masks = generator.generate(clip.rgb, clip.roles, 25, steps=2)
    without = generator.generate(clip.rgb, None, 25, steps=2)
    assert not np.array_equal(with_masks, without)


def test_wrong_clips_are_refused_in_a_sentence(generator) -> None:
    frames = np.zeros((25, 32, 32, 3), np.uint8)
    with pytest.raises(MediaError, match="uint8"):
        generator.generate(frames.astype(np.float32), None, 25)
    with pytest.raises(MediaError, match="one role image per frame"):
        generator.generate(frames, np.zeros((24, 32, 32), np.uint8), 25)
    with pytest.raises(MediaError, match="roles are 0..6"):
        generator.generate(frames, np.full((25, 32, 32), 9, np.uint8), 25)
    with pytest.raises(ClockError, match="frames per second"):
        generator.generate(frames, None, 2)
    with pytest.raises(ClockError, match="lasts"):
        generator.generate(frames[:5], None, 25)
    with pytest.raises(ConfigError, match="at least one step"):
        generator.generate(frames, None, 25, steps=0)
    with pytest.raises(WeightsError, match="no sound model"):
        load_generator("no-such-model")


def test_a_damaged_checkpoint_is_refused_in_a_sentence(trained: Path, tmp_path: Path) -> None:
    for name in ("config.json", "codec.safetensors"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    state = load_file(trained / "model.safetensors")
    dropped = state.pop("eyes.where")
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"1 missing \(eyes.where\)"):
        load_generator(tmp_path)
    save_file({**state, "eyes.where": dropped[:1].clone()}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="wrongly shaped"):
        load_generator(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(WeightsError, match="not a complete safetensors"):
        load_generator(tmp_path)


def test_ears_never_change_what_was_heard_and_keep_the_clock(generator) -> None:
    clip, _ = tiny_clip(3, 3.0)
    ears = FlowEars(generator, steps=2)
    ears.reset(None, 5)
    before = np.zeros(0, np.float32)
    for count in (1, 3, 20, 21, 60, 75):
        seen = Clip(25.0, clip.rgb[:count], clip.roles[:count])
        wave = ears.hear(seen)
        assert len(wave) == 640 * count
        assert np.array_equal(wave[: len(before)], before)
        before = wave
    ears.reset(None, 5)
    assert np.array_equal(ears.hear(Clip(25.0, clip.rgb[:1], clip.roles[:1])), before[:640])
    with pytest.raises(ClockError, match="call reset"):
        ears.hear(Clip(25.0, clip.rgb[:0], clip.roles[:0]))


def test_ears_take_other_frame_rates(generator) -> None:
    clip, _ = tiny_clip(3, 2.0)
    ears = FlowEars(generator, steps=1)
    before = np.zeros(0, np.float32)
    for count in (2, 9, 20):
        wave = ears.hear(Clip(20.0, clip.rgb[:count], clip.roles[:count]))
        assert len(wave) == 800 * count
        assert np.array_equal(wave[: len(before)], before)
        before = wave


def test_sixteen_bit_products_change_the_loss_little(corpus: Path, generator) -> None:
    cache = open_cache(corpus, size=64)
    options = {"split": "train", "window_s": 1.28, "batch_size": 4, "seed": 0}
    windows = Windows(cache, latents_of(cache, generator.codec), augmentation=None, **options)
    losses = [
        float(
            sound_loss(generator.model, windows.batch(0), step_generator(0, 0), None, short)[
                0
            ].detach()
        )
        for short in (False, True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_batches_are_functions_of_the_step_and_line_up_with_the_clip(
    corpus: Path, generator
) -> None:
    cache = open_cache(corpus, size=64)
    latents = latents_of(cache, generator.codec)
    options = {"split": "train", "window_s": 1.28, "batch_size": 4, "seed": 1}
    windows = Windows(cache, latents, augmentation=Augmentation(), **options)
    first, again, other = (windows.batch(s) for s in (3, 3, 4))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["latents"], other["latents"])
    batch = windows.gather([1], [5], None)  # 5 x 0.16 s in: frame 20, latent 25
    rgb, _, _ = cache.window(1, 20, 32)
    assert np.array_equal(batch["rgb"][0].numpy(), rgb)
    assert torch.equal(batch["latents"][0], latents[1][25:65])
    with pytest.raises(ConfigError, match="choose a shorter window_s"):
        Windows(cache, latents, augmentation=None, **{**options, "window_s": 30.0})


def test_only_frames_without_masks_are_cut_and_made_noisy(corpus: Path, generator) -> None:
    cache = open_cache(corpus, size=64)
    latents = latents_of(cache, generator.codec)
    options = {"split": "train", "window_s": 1.28, "batch_size": 8, "seed": 2}
    varied = Augmentation(flip=0.0, no_masks=0.5, zoom=0.75, noise=10)
    plain = Augmentation(flip=0.0, no_masks=0.5, zoom=1.0, noise=0)
    a, b = (Windows(cache, latents, augmentation=x, **options).batch(1) for x in (varied, plain))
    assert torch.equal(a["valid"], b["valid"])
    same = (a["rgb"] == b["rgb"]).flatten(1).all(1)
    assert torch.equal(same, a["valid"])
    assert 0 < a["valid"].sum() < 8


def test_what_is_expected_of_a_view_is_learned_beside_the_flow(corpus: Path, trained: Path) -> None:
    model, codec = load_sound_model(trained)
    cache = open_cache(corpus, size=64)
    options = {"split": "train", "window_s": 1.28, "batch_size": 2, "seed": 0}
    batch = Windows(cache, latents_of(cache, codec), augmentation=None, **options).batch(0)
    value, parts = sound_loss(model, batch, step_generator(0, 0))
    total = float(parts["flow"] + EXPECT * parts["expect"])
    assert value.item() == pytest.approx(total, rel=1e-6)
    value.backward()
    assert model.expect.weight.grad.abs().sum() > 0
    assert model.eyes.see_rgb.weight.grad.abs().sum() > 0


def test_statistics_measure_places_and_extents() -> None:
    roles = np.zeros((1, 7, 64, 64), np.uint8)
    roles[0, Role.RECEIVER, 32:64, 16:48] = 255
    roles[0, Role.LIQUID, 48:64, 20:44] = 255
    roles[0, Role.LIQUID, 0:8, 0:8] = 255
    s = role_statistics(halve(torch.from_numpy(roles)).float() / 255).view(8, 11)
    here, area, _, cy, cx, _, _, top, bottom, left, right = range(11)
    receiver, filled = s[Role.RECEIVER], s[7]
    assert receiver[here] > 0.99
    assert receiver[area] == pytest.approx(4 * 0.25, abs=1e-3)
    assert receiver[[cy, cx]].tolist() == pytest.approx([0.5, 0.0], abs=0.01)
    assert receiver[[top, bottom, left, right]].tolist() == pytest.approx(
        [0, 1, -0.5, 0.5], abs=0.05
    )
    assert filled[top] == pytest.approx(0.5, abs=0.05), "liquid elsewhere is not what fills"
    assert s[Role.STREAM, here] == 0


def test_mirrored_statistics_are_those_of_the_mirrored_picture() -> None:
    clip, _ = tiny_clip(4, 0.4)
    from multigen.audio.shrink import role_coverage

    def measured(roles: np.ndarray) -> np.ndarray:
        return role_statistics(
            halve(torch.from_numpy(role_coverage(roles, 64))).float() / 255
        ).numpy()

    mirrored = measured(np.ascontiguousarray(clip.roles[:, :, ::-1]))
    assert np.allclose(mirror_statistics(measured(clip.roles)), mirrored, atol=2e-3)


def test_eyes_believe_roles_only_where_valid() -> None:
    torch.manual_seed(0)
    eyes = Eyes(EyesConfig(dim=32, widths=(8, 8, 8)))
    clip, _ = tiny_clip(5, 0.64)
    view = make_view(clip.rgb, clip.roles, 25)
    blind = make_view(clip.rgb, None, 25)
    ignored = type(view)(view.rgb, view.roles, view.statistics, torch.tensor([False]))
    assert torch.equal(eyes(ignored)[1], eyes(blind)[1])
    assert not torch.allclose(eyes(view)[1], eyes(blind)[1])
    appearance, motion = eyes(view)
    assert appearance.shape == (1, 5, 32)
    assert motion.shape == (1, 16, 32)
