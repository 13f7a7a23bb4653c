"""The vocoder: published sizes, three spellings of one weight, activations that do not alias."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import firwin, kaiser_atten, kaiser_beta
from torch.nn.utils import parametrizations
from torch.nn.utils import weight_norm as old_weight_norm

from multigen.audio import mmaudio
from multigen.audio.mmaudio.snake import CleanSnake, Downsample, Upsample, half_band
from multigen.errors import ConfigError, WeightsError

SMALL = mmaudio.VocoderConfig(80, (4, 4, 2), (8, 8, 4), 32)


def small(seed: int = 0) -> mmaudio.Vocoder:
    torch.manual_seed(seed)
    vocoder = mmaudio.vocoder(16_000, config=SMALL)
    for p in vocoder.parameters():
        p.data += 0.1 * torch.randn(p.shape)
    return vocoder


def convolutions(module: torch.nn.Module) -> list[torch.nn.Module]:
    kinds = (torch.nn.Conv1d, torch.nn.ConvTranspose1d)
    return [m for m in module.modules() if isinstance(m, kinds)]


@pytest.mark.parametrize(("rate", "values", "tensors", "hop"), [
    (16_000, 112_233_866, 784, 256), (44_100, None, 783, 512),
])  # fmt: skip
def test_official_vocoders_have_the_published_size(rate, values, tensors, hop) -> None:
    with torch.device("meta"):
        vocoder = mmaudio.vocoder(rate)
    # A file holds two tensors for each weight: direction, and one magnitude per first axis.
    magnitudes = sum(len(m.weight) for m in convolutions(vocoder))
    state = vocoder.state_dict()
    assert len(state) + len(convolutions(vocoder)) == tensors
    total = sum(v.numel() for v in state.values()) + magnitudes
    assert total == values if values else 122.0e6 < total < 122.3e6
    assert vocoder.hop == hop
    assert {"ups.5.0.weight", "resblocks.17.activations.5.downsample.lowpass.filter"} < set(state)


@pytest.mark.parametrize("normed", [old_weight_norm, parametrizations.weight_norm])
@torch.no_grad()
def test_both_spellings_of_weight_norm_and_fused_weights_load(normed) -> None:
    mel = torch.randn(2, 80, 12)
    source = small()
    for m in convolutions(source):
        normed(m, "weight")
        for name, p in m.named_parameters():
            if name.endswith(("_g", "original0")):
                p.data *= 1.5
    want, flat = source(mel), source.state_dict()
    assert any(k.endswith(("weight_g", "original0")) for k in flat)
    target = small(1)
    target.load_state_dict(flat, strict=True)
    torch.testing.assert_close(target(mel), want)
    again = small(2)
    again.load_state_dict(target.state_dict(), strict=True)
    assert torch.equal(again(mel), target(mel))
    assert want.shape == (2, 12 * 32)
    assert want.abs().max() <= 1


@torch.no_grad()
def test_filters_in_a_file_are_used_and_absent_ones_are_the_analytic_ones() -> None:
    source, mel = small(), torch.randn(1, 80, 6)
    flat = {k: v for k, v in source.state_dict().items() if not k.endswith("filter")}
    bare = small(1)
    bare.load_state_dict(flat, strict=True)
    assert torch.equal(bare(mel), source(mel))
    odd = source.state_dict()
    odd["activation_post.upsample.filter"] = torch.rand(1, 1, 12)
    bare.load_state_dict(odd, strict=True)
    assert not torch.allclose(bare(mel), source(mel))


def test_a_half_weight_is_refused() -> None:
    flat = {k: v for k, v in small().state_dict().items() if k != "conv_pre.weight"}
    with pytest.raises(WeightsError, match="no partner"):
        small().load_state_dict(flat | {"conv_pre.weight_v": torch.zeros(32, 80, 7)})
    with pytest.raises(RuntimeError, match=r"conv_pre\.weight"):
        small().load_state_dict(flat, strict=True)


def test_the_filter_is_scipys_kaiser_design() -> None:
    beta = kaiser_beta(kaiser_atten(6, 1.2))
    want = firwin(12, 0.5, window=("kaiser", beta))
    np.testing.assert_allclose(half_band()[0, 0].numpy(), want / want.sum(), atol=1e-7)


@torch.no_grad()
def test_up_and_down_keep_a_slow_wave_in_place() -> None:
    t = torch.arange(256.0)
    slow = torch.sin(2 * torch.pi * t / 40)[None, None]
    twice = Upsample()(slow)
    assert twice.shape == (1, 1, 512)
    assert (Downsample()(twice) - slow)[..., 16:-16].abs().max() < 0.02


@torch.no_grad()
def test_the_activation_is_the_snake_where_nothing_can_alias() -> None:
    snake = CleanSnake(2)
    snake.act.alpha.data = torch.tensor([0.3, -0.5])
    snake.act.beta.data = torch.tensor([-0.2, 0.4])
    level = torch.tensor([[[0.7], [-1.1]]]).expand(1, 2, 64)
    a, b = snake.act.alpha.exp()[:, None], snake.act.beta.exp()[:, None]
    want = level + torch.sin(a * level) ** 2 / b
    torch.testing.assert_close(snake(level), want, atol=1e-5, rtol=0)


def test_the_published_config_is_read_and_another_architecture_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    published = {
        "resblock": "1", "activation": "snakebeta", "snake_logscale": True, "num_mels": 128,
        "upsample_rates": [8, 4, 2, 2, 2, 2], "upsample_kernel_sizes": [16, 8, 4, 4, 4, 4],
        "upsample_initial_channel": 1536, "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        "use_tanh_at_final": False, "use_bias_at_final": False, "sampling_rate": 44100,
    }  # fmt: skip
    path.write_text(json.dumps(published))
    with torch.device("meta"):
        assert mmaudio.VocoderConfig.read(path) == mmaudio.vocoder(44_100).config
    path.write_text(json.dumps(published | {"activation": "snake"}))
    with pytest.raises(WeightsError, match="snakebeta"):
        mmaudio.VocoderConfig.read(path)
    path.write_text(json.dumps({"num_mels": 128}))
    with pytest.raises(WeightsError, match="lacks sizes"):
        mmaudio.VocoderConfig.read(path)


def test_misfits_are_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="80 mel bins"):
        small()(torch.zeros(1, 128, 4))
    with pytest.raises(ConfigError, match="44100"):
        mmaudio.vocoder(22_050)
