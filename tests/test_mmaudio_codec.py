"""MMAudio's codec: its numbers at both rates, its names, its laws."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from multigen.audio import mmaudio
from multigen.audio.mmaudio.magnitude import MagnitudeConv, pixel_norm
from multigen.errors import ConfigError

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "mmaudio"
needs_fixtures = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason=f"MMAudio parity NOT checked: no fixtures at {FIXTURES}"
)


@pytest.fixture(scope="module")
def rule():
    spec = importlib.util.spec_from_file_location("mmaudio_rule", FIXTURES / "rule.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def truth(rule):
    with np.load(FIXTURES / "vae_16k.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert np.array_equal(rule.probe(), arrays["rule_probe"])
    return arrays


def ruled(rule, codec: mmaudio.Codec) -> mmaudio.Codec:
    shapes = {k: list(v.shape) for k, v in codec.state_dict().items()}
    flat = {k: torch.from_numpy(v) for k, v in rule.state(shapes).items()}
    codec.load_state_dict(flat, strict=True)
    return codec


def away(a: torch.Tensor, b: np.ndarray) -> float:
    assert tuple(a.shape) == b.shape
    return float(np.abs(a.numpy() - b).max())


@needs_fixtures
@torch.no_grad()
def test_a_narrow_codec_has_mmaudios_numbers(rule, truth) -> None:
    codec = ruled(rule, mmaudio.codec(16_000, width=32))
    z = torch.from_numpy(rule.signal("tiny_z", (1, 20, 24)))
    mel = torch.from_numpy(rule.signal("tiny_mel", (1, 80, 48)))
    mean, std = codec.encode(mel)
    assert away(codec.decode(z), truth["tiny_mel"]) < 2e-5
    assert away(codec.decoder(z), truth["tiny_mel_raw"]) < 2e-5
    assert away(mean, truth["tiny_enc_mean"]) < 2e-5
    assert away(std, truth["tiny_enc_std"]) < 2e-5


@needs_fixtures
@torch.no_grad()
def test_the_official_16k_codec_has_mmaudios_names_and_numbers(rule, truth) -> None:
    keys = json.loads((FIXTURES / "vae_16k.keys.json").read_text())
    codec = mmaudio.codec("16k")
    assert {k: list(v.shape) for k, v in codec.state_dict().items()} == keys
    ruled(rule, codec)
    for suffix, length in (("_short", 16), ("", 250)):
        z = torch.from_numpy(rule.signal(f"z{suffix}", (1, 20, length)))
        mel = torch.from_numpy(rule.signal(f"mel{suffix}", (1, 80, 2 * length)))
        mean, std = codec.encode(mel)
        assert away(codec.decode(z), truth[f"mel{suffix}"]) < 1e-4
        assert away(mean, truth[f"enc_mean{suffix}"]) < 1e-4
        assert away(std, truth[f"enc_std{suffix}"]) < 1e-4


@pytest.mark.parametrize(("rate", "values"), [(16_000, 171_657_378), (44_100, 305_479_938)])
def test_official_codecs_have_the_published_size(rate: int, values: int) -> None:
    with torch.device("meta"):
        state = mmaudio.codec(rate).state_dict()
    assert len(state) == 57
    assert sum(v.numel() for v in state.values()) == values


@pytest.mark.parametrize(("rate", "samples", "frames", "latents"), [
    (16_000, 128_000, 500, 250), (44_100, 353_280, 690, 345),
])  # fmt: skip
@torch.no_grad()
def test_eight_seconds_have_the_published_lengths(rate, samples, frames, latents) -> None:
    codec = mmaudio.codec(rate, width=4)
    mel = codec.mel(torch.zeros(1, samples))
    assert mel.shape == (1, codec.config.bins, frames)
    assert codec.encode(mel).mean.shape == (1, codec.config.latent, latents)
    assert codec.decode(torch.zeros(1, codec.config.latent, latents)).shape == mel.shape
    assert codec.rate.latents_for(8) == latents
    assert codec.rate.latents_for(10) == {16_000: 313, 44_100: 431}[rate]


@torch.no_grad()
def test_a_convolution_is_that_of_the_normalised_weight_and_keeps_its_raw_one() -> None:
    torch.manual_seed(0)
    conv, x = MagnitudeConv(6, 4, 3), torch.randn(2, 6, 9)
    conv.weight.data *= 7
    raw = conv.weight.clone()
    norm = raw.flatten(1).norm(dim=1)[:, None, None]
    want = torch.nn.functional.conv1d(x, raw / (1e-4 + norm / 18**0.5) / 18**0.5, padding=1)
    torch.testing.assert_close(conv(x), want)
    assert torch.equal(conv.weight, raw)


def test_the_norm_is_over_channels_alone() -> None:
    x = pixel_norm(torch.randn(2, 16, 3, 5, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(x.square().mean(1), torch.ones(2, 3, 5), atol=1e-3, rtol=0)


@torch.no_grad()
def test_a_posterior_is_drawn_by_the_generator_handed_in() -> None:
    posterior = mmaudio.codec(16_000, width=4).encode(torch.zeros(1, 80, 8))
    first, again = (posterior.sample(torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, posterior.sample(torch.Generator().manual_seed(4)))


def test_misfits_are_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="16000"):
        mmaudio.codec(48_000)
    codec = mmaudio.codec(16_000, width=4)
    with pytest.raises(ConfigError, match="20 latent channels"):
        codec.decode(torch.zeros(1, 250, 20))
    with pytest.raises(ConfigError, match="80 mel bins"):
        codec.encode(torch.zeros(1, 128, 4))
