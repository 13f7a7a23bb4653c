"""A folder of official files, in small: found, checked, turned into sound."""

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.convert_slow_tokenizer import bytes_to_unicode

from multigen.audio import load_generator, mmaudio
from multigen.audio.flow_ears import FlowEars
from multigen.audio.mmaudio.clip import ClipConfig, clip
from multigen.audio.mmaudio.features import FeatureCache, fingerprint
from multigen.audio.mmaudio.frames import (
    fit_duration,
    for_clip,
    for_synchformer,
    mask_input,
    pick_frames,
    schedule,
    segments_of,
)
from multigen.audio.mmaudio.synchformer import SynchformerConfig, synchformer
from multigen.audio.mmaudio.tokens import tokenise
from multigen.audio.network import MaskConfig
from multigen.errors import ClockError, ConfigError, MediaError, WeightsError

VOCODER = {
    "num_mels": 80, "upsample_rates": [4, 4, 4, 4], "upsample_kernel_sizes": [8, 8, 8, 8],
    "upsample_initial_channel": 32, "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]], "use_tanh_at_final": True, "use_bias_at_final": True,
}  # fmt: skip
MASKS = MaskConfig(widths=(4, 8), embed=16)


def network(**more):
    sizes = {"clip_dim": 32, "sync_dim": 64, "text_dim": 128}
    net = mmaudio.build("small_16k", hidden=64, heads=1, joint=2, fused=1, **sizes, **more)
    for p in net.parameters():  # a fresh network is silent whatever it sees
        if not p.any():
            torch.nn.init.normal_(p, std=0.1)
    return net


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """Upstream's layout: weights/ for the network, ext_weights/ for the rest."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("mmaudio")
    inner, outer = root / "weights", root / "ext_weights"
    inner.mkdir()
    outer.mkdir()
    old_tables = {"t_embed.freqs": torch.zeros(2), "latent_rot": torch.zeros(2)}
    torch.save({**network().state_dict(), **old_tables}, inner / "mmaudio_small_16k.pth")
    torch.save(mmaudio.codec(16_000, width=8).state_dict(), outer / "v1-16.pth")
    (outer / "config.json").write_text(json.dumps(VOCODER))
    sizes = mmaudio.VocoderConfig.read(outer / "config.json")
    vocoder = mmaudio.vocoder(16_000, config=sizes)
    torch.save({"generator": vocoder.state_dict()}, outer / "best_netG.pt")
    eyes = synchformer(SynchformerConfig(width=64, heads=1, depth=1))
    unwanted = {"afeat_extractor.x": torch.zeros(1)}
    torch.save(eyes.state_dict() | unwanted, outer / "synchformer_state_dict.pth")
    tower = clip(ClipConfig(160, 1, 2, 14, 27, 128, 1, 2, 49408, 32))
    for p in tower.parameters():
        p.data += 0.02 * torch.randn(p.shape)
    torch.save(tower.state_dict(), outer / "open_clip_pytorch_model.bin")
    return root


@pytest.fixture(scope="module")
def clip_and_roles():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (18, 32, 48, 3), dtype=np.uint8)
    return frames, rng.integers(0, 7, (18, 32, 48), dtype=np.uint8)


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_folder_of_files_sounds_through_the_common_door(
    weights, clip_and_roles, home, caplog
) -> None:
    frames, roles = clip_and_roles
    with caplog.at_level(logging.WARNING):
        generator = load_generator(weights)
    assert [r for r in caplog.records if "non-commercial" in r.getMessage()]
    given = {"fps": 25.0, "seed": 3, "steps": 2, "guidance": 2.0}
    first = generator.generate(frames, roles, **given)
    assert first.shape == (round(18 / 25 * 16_000),)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1
    assert first.std() > 0
    kept = sorted((home / "multigen/features").iterdir())
    assert [p.name.split("-")[0] for p in kept] == ["clip", "synchformer", "text"]
    again = mmaudio.load(weights / "weights" / "mmaudio_small_16k.pth")
    same = again.generate(frames, None, **given)  # no mask pathway in the file: no difference
    assert np.array_equal(same, first)
    assert not {"clip", "synchformer"} & set(vars(again.eyes))  # read from disk, eyes never loaded
    assert not np.array_equal(again.generate(frames, None, **given | {"seed": 4}), first)
    assert not np.array_equal(again.generate(255 - frames, None, **given), first)
    with pytest.raises(MediaError, match="uint8"):
        again.generate(frames.astype(np.float32), None, 25.0)
    with pytest.raises(ConfigError, match="whole clips"):
        FlowEars(again)


def test_masks_reach_a_network_that_was_trained_with_them_and_can_be_switched_off(
    weights, clip_and_roles, tmp_path
) -> None:
    from safetensors.torch import save_file

    frames, roles = clip_and_roles
    torch.manual_seed(1)
    net = network(masks=MASKS)
    net.seg_fusion.gate.bias.data.zero_()
    tensors = {k: v.contiguous() for k, v in net.state_dict().items()}
    save_file(tensors, tmp_path / "mmaudio_small_16k.safetensors")
    files = {"network": tmp_path / "mmaudio_small_16k.safetensors"} | {
        k: weights / "ext_weights" / v
        for k, v in {
            "vae": "v1-16.pth", "vocoder": "best_netG.pt",
            "synchformer": "synchformer_state_dict.pth", "clip": "open_clip_pytorch_model.bin",
        }.items()
    }  # fmt: skip
    with_masks = mmaudio.load(files, cache=tmp_path / "features")
    assert with_masks.sees_masks
    given = {"fps": 25.0, "steps": 1, "guidance": 1.0}
    seen = with_masks.generate(frames, roles, **given)
    blind = with_masks.generate(frames, None, **given)
    assert not np.array_equal(seen, blind)
    without = mmaudio.load(files, cache=tmp_path / "features", use_masks=False)
    assert np.array_equal(without.generate(frames, roles, **given), blind)


def test_what_is_missing_or_ambiguous_is_named(weights, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("multigen.audio.mmaudio.files._hub", lambda *_: None)
    lone = tmp_path / "mmaudio_small_16k.pth"
    lone.write_bytes((weights / "weights" / "mmaudio_small_16k.pth").read_bytes())
    with pytest.raises(WeightsError, match=r"v1-16\.pth.*best_netG\.pt.*synchformer"):
        mmaudio.load(lone)
    (tmp_path / "mmaudio_large_44k.pth").write_bytes(b"")
    with pytest.raises(WeightsError, match="2 flow networks"):
        mmaudio.load(tmp_path)
    with pytest.raises(WeightsError, match="no flow network in"):
        mmaudio.load(tmp_path / "nothing")
    with pytest.raises(WeightsError, match="no file 'vea'"):
        mmaudio.find_files({"network": lone, "vea": lone})


def test_damaged_and_foreign_files_are_refused_in_a_sentence(weights, tmp_path) -> None:
    from multigen.audio.mmaudio.files import read_codec, read_flat, read_network

    class Bomb:
        def __reduce__(self):
            return print, ("a pickle ran",)

    torch.save({"weights": Bomb()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="not a file of tensors"):
        read_flat(tmp_path / "evil.pth")
    (tmp_path / "cut.pth").write_bytes(
        (weights / "weights" / "mmaudio_small_16k.pth").read_bytes()[:5000]
    )
    with pytest.raises(WeightsError, match="not a file of tensors"):
        read_flat(tmp_path / "cut.pth")
    flat = network().state_dict()
    torch.save({"weights": {k: v for k, v in flat.items() if "fused" not in k}}, tmp_path / "a.pth")
    assert read_network(tmp_path / "a.pth").config.fused == 0
    torch.save({k: v for k, v in flat.items() if "linear1" not in k}, tmp_path / "b.pth")
    with pytest.raises(WeightsError, match="missing"):
        read_network(tmp_path / "b.pth")
    torch.save(flat | {"latent_mean": torch.full((1, 1, 20), torch.nan)}, tmp_path / "c.pth")
    with pytest.raises(WeightsError, match="statistics"):
        read_network(tmp_path / "c.pth")
    with pytest.raises(WeightsError, match="unexpected"):
        read_codec(tmp_path / "b.pth", "16k")


@pytest.mark.parametrize("name", ["small_16k", "medium_44k", "large_44k", "large_44k_v2"])
def test_a_preset_is_recognised_by_its_tensors(name: str) -> None:
    from multigen.audio.mmaudio.detect import detect, rate_of

    with torch.device("meta"):
        net = mmaudio.build(name)
    assert detect(net.state_dict(), "here") == net.config
    assert rate_of(net.state_dict(), "here") == name.split("_")[1]


@pytest.mark.parametrize(("seconds", "clip_count", "sync"), [
    (3, 24, 64), (4, 32, 88), (5, 40, 112), (6, 48, 136), (8, 64, 192), (10, 80, 240), (12, 96, 288),
])  # fmt: skip
@pytest.mark.parametrize("fps", [10.0, 25.0, 30.0])
def test_feature_counts_are_the_published_ones(seconds, clip_count, sync, fps) -> None:
    duration, appearance, motion = schedule(round(seconds * fps), fps)
    assert duration == seconds
    assert len(appearance) == clip_count
    assert fit_duration(len(appearance), len(motion), duration)[3] == sync
    assert 8 * len(segments_of(np.zeros((len(motion), 1, 1, 3), np.uint8))) == sync


def test_a_clock_gives_the_frame_on_screen_and_repeats_slow_ones() -> None:
    eight, four = pick_frames([i / 4 for i in range(5)], (8, 4), 1.0)
    assert eight.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert four.tolist() == [0, 1, 2, 3, 4]
    late = pick_frames([0.0, 0.5, 1.0, 1.5, 2.0], (1,), 0.6)[0]
    assert late.tolist() == [0, 2]  # the first frame after the end is still looked at


def test_too_few_frames_shorten_the_clip_and_one_segment_is_needed() -> None:
    assert fit_duration(40, 200, 8.0) == (5.0, 40, 125, 112)
    assert fit_duration(65, 150, 8.0) == (6.0, 48, 150, 136)
    with pytest.raises(ClockError, match=r"0\.64 s"):
        fit_duration(64, 15, 8.0)


def test_pictures_are_squeezed_for_clip_and_cropped_for_synchformer() -> None:
    grey = np.full((2, 90, 160, 3), 128, np.uint8)
    seen = for_clip(grey)
    assert seen.shape == (2, 3, 384, 384)
    want = (128 / 255 - 0.48145466) / 0.26862954
    torch.testing.assert_close(seen[:, 0], torch.full((2, 384, 384), want))
    cropped = for_synchformer(grey)
    torch.testing.assert_close(cropped, torch.full((2, 3, 224, 224), (128 / 255 - 0.5) / 0.5))
    same = np.random.default_rng(0).integers(0, 256, (1, 224, 260, 3), dtype=np.uint8)
    middle = torch.from_numpy(same[:, :, 18:242]).permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(for_synchformer(same), (middle - 0.5) / 0.5)


def test_mask_input_is_the_share_of_each_role() -> None:
    roles = np.zeros((1, 128, 192), np.uint8)
    roles[:, :, 96:] = 5
    roles[:, 0, 0] = 3
    masks = mask_input(roles)
    assert masks.shape == (1, 7, 64, 64)
    np.testing.assert_allclose(masks.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(masks[0, 5, :, 32:], 1, atol=1e-6)
    np.testing.assert_allclose(masks[0, 3, 0, 0], 1 / 6, atol=1e-6)


def test_text_is_framed_padded_with_zeros_and_needs_a_vocabulary_only_when_said(tmp_path) -> None:
    assert tokenise("", tmp_path)[0, :4].tolist() == [49406, 49407, 0, 0]
    with pytest.raises(ConfigError, match="vocabulary"):
        tokenise("water", tmp_path)
    # 48894 merges as in the published file; the first few spell a word.
    merges = ["#version: 0.2", "w a", "t e", "wa te", "wate r</w>"]
    letters = list(bytes_to_unicode().values())
    others = [a for a in letters if not a.islower() or not a.isascii()]
    merges += [f"{a} {b}" for a in others for b in letters][: 48894 - 4]
    (tmp_path / "bpe_simple_vocab_16e6.txt.gz").write_bytes(
        gzip.compress("\n".join(merges).encode())
    )
    ids = tokenise("  Water   WATER ", tmp_path)
    assert ids.shape == (1, 77)
    assert ids[0, :5].tolist() == [49406, 515, 515, 49407, 0]
    long = tokenise("water " * 100, tmp_path)
    assert long[0, -1] == 49407
    assert int((long == 515).sum()) == 75


def test_a_damaged_feature_is_made_again_and_another_file_is_not_confused(tmp_path) -> None:
    cache, made = FeatureCache(tmp_path), []

    def make() -> torch.Tensor:
        made.append(1)
        return torch.ones(2)

    for _ in range(2):
        assert torch.equal(cache.get("clip", [b"a"], make), torch.ones(2))
    assert len(made) == 1
    next(tmp_path.iterdir()).write_bytes(b"cut")
    cache.get("clip", [b"a"], make)
    cache.get("clip", [b"b"], make)
    cache.get("text", [b"a"], make)
    assert len(made) == 4
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * 100_000)
    two.write_bytes(b"x" * 99_999 + b"y")
    assert fingerprint(one) != fingerprint(two)
