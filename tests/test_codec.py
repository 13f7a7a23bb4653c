"""Codec and phase: what survives the way from sound to latents and back."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from multigen.audio.codec import LATENT_SAMPLES, PcaCodec
from multigen.audio.mel import log_mel
from multigen.audio.phase import StreamingPhase, band_magnitudes, bin_magnitudes, mel_to_wave
from multigen.errors import ConfigError, WeightsError

SECONDS = 2


def sound(seed: int) -> torch.Tensor:
    """Coloured noise with a slow swell and a rising resonance, after half a second of silence."""
    rng = torch.Generator().manual_seed(seed)
    n = 16_000 * SECONDS
    t = torch.arange(n) / 16_000
    noise = torch.randn(n, generator=rng)
    tone = torch.sin(2 * torch.pi * (500 + 100 * seed + 200 * t) * t)
    wave = (0.05 * noise + 0.1 * tone * (1 + 0.3 * noise)) * (1 + 0.5 * torch.sin(9 * t))
    return torch.where(t < 0.5, torch.zeros(()), wave).float()


@pytest.fixture(scope="module")
def mels() -> torch.Tensor:
    wave = torch.stack([sound(seed) for seed in range(6)])
    mel = log_mel(wave)
    return mel[:, :, : mel.shape[2] // 2 * 2]


@pytest.fixture(scope="module")
def codec(mels) -> PcaCodec:
    return PcaCodec.fit([m.numpy() for m in mels], 24, seed=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_latents_are_white_on_what_the_codec_was_fitted_to(codec, mels):
    latent = codec.encode(mels).reshape(-1, codec.latent_dim)
    assert codec.latent_dim == 24
    torch.testing.assert_close(latent.mean(0), torch.zeros(24), atol=1e-3, rtol=0)
    torch.testing.assert_close(latent.T @ latent / len(latent), torch.eye(24), atol=2e-3, rtol=0)


def test_encode_undoes_decode(codec):
    latent = torch.randn(3, 20, 24, generator=generator())
    torch.testing.assert_close(codec.encode(codec.decode(latent)), latent, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("dim", [1, 8, 160])
def test_silence_survives_any_latent_size(mels, dim):
    codec = PcaCodec.fit([m.numpy() for m in mels], dim)
    silence = torch.full((1, 80, 6), -5.0)
    torch.testing.assert_close(codec.decode(codec.encode(silence)), silence, atol=1e-4, rtol=0)
    again = codec.decode(codec.silence.expand(1, 3, -1))
    torch.testing.assert_close(again, silence, atol=1e-4, rtol=0)
    assert mel_to_wave(again[0], generator=generator()).abs().max() == 0


def test_more_dimensions_lose_less_and_all_of_them_nothing(mels):
    lost = []
    for dim in (4, 16, 64, 160):
        codec = PcaCodec.fit([m.numpy() for m in mels], dim)
        lost.append(float((codec.decode(codec.encode(mels)) - mels).square().mean()))
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] < 1e-8


def test_equal_data_and_seed_fit_equal_codecs_and_files_keep_them(codec, mels, tmp_path):
    again = PcaCodec.fit([m.numpy() for m in mels], 24, seed=0)
    codec.save(tmp_path / "a.safetensors")
    again.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded = PcaCodec.load(tmp_path / "a.safetensors")
    torch.testing.assert_close(loaded.encode(mels), codec.encode(mels), rtol=0, atol=0)


def test_a_file_that_is_no_codec_is_refused(tmp_path):
    save_file({"mean": torch.zeros(160), "basis": torch.zeros(4, 80)}, tmp_path / "x.safetensors")
    (tmp_path / "y.safetensors").write_bytes(b"nothing")
    for name in ("x", "y", "absent"):
        with pytest.raises(WeightsError):
            PcaCodec.load(tmp_path / f"{name}.safetensors")


def test_odd_frames_and_impossible_sizes_are_refused(codec, mels):
    with pytest.raises(ConfigError, match="even"):
        codec.encode(mels[:, :, :5])
    with pytest.raises(ConfigError, match="latent_dim"):
        PcaCodec.fit([mels[0].numpy()], 161)


def test_bin_magnitudes_have_the_mel_they_were_made_from(mels):
    from multigen.audio.mel import mel_matrix

    bands = band_magnitudes(mels[0])[40:]
    bins = bin_magnitudes(bands, iterations=100)
    assert float(bins.min()) >= 0
    back = bins @ torch.from_numpy(mel_matrix()).T
    assert float((back / bands).log10().abs().mean()) < 0.05


def test_the_sound_has_the_mel_it_was_made_from_its_level_and_its_length(mels):
    wave = mel_to_wave(mels[1], generator=generator())
    assert wave.shape == (256 * mels.shape[2],)
    loud = mels[1] > -3
    error = (log_mel(wave[None])[0] - mels[1])[loud]
    assert float(error.abs().mean()) < 0.05
    level = wave[12_000:].std() / sound(1)[12_000:].std()
    assert 0.9 < float(level) < 1.1


def test_silence_stays_exactly_silent_and_sound_around_it_does_not_leak_far(mels):
    wave = mel_to_wave(mels[2], generator=generator())
    assert wave[:6500].abs().max() == 0
    assert wave[9000:].abs().max() > 0.05


def test_equal_generators_give_equal_sound_and_others_give_another(mels):
    one, two = (mel_to_wave(mels[0], generator=generator(3)) for _ in range(2))
    other = mel_to_wave(mels[0], generator=generator(4))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("block", [2, 14])
def test_streamed_sound_is_a_function_of_the_past_alone(mels, block):
    """Two futures, one past: what was given out before they part is equal, sample by sample."""
    other = mels[0].clone()
    other[:, 70:] = -5.0
    waves = []
    for mel in (mels[0], other):
        stream = StreamingPhase(generator(), iterations=4)
        blocks = [stream.extend(mel[:, i : i + block]) for i in range(0, 112, block)]
        assert all(len(b) == block * 256 for b in blocks)
        waves.append(torch.cat(blocks))
    assert torch.equal(waves[0][: 70 * 256], waves[1][: 70 * 256])
    assert not torch.equal(waves[0], waves[1])


def test_streamed_sound_has_the_mel_it_was_made_from_and_no_clicks_at_the_joins(mels):
    stream = StreamingPhase(generator())
    mel = mels[1][:, :124]
    wave = torch.cat([stream.extend(mel[:, i : i + 4]) for i in range(0, 124, 4)])
    loud = mel > -3
    assert float((log_mel(wave[None])[0] - mel)[loud].abs().mean()) < 0.1
    step = wave.diff().abs()[12_000:]
    joins = step[(torch.arange(len(step)) + 12_001) % (4 * 256) == 0]
    assert float(joins.square().mean()) < 2 * float(step.square().mean())


def test_a_stream_of_silence_is_silent():
    stream = StreamingPhase(generator())
    assert stream.extend(torch.full((80, 10), -5.0)).abs().max() == 0


def test_one_latent_stands_for_two_frames_of_256_samples(codec):
    mel = codec.decode(codec.silence.expand(1, 25, -1))
    assert mel_to_wave(mel[0], generator=generator()).shape == (25 * LATENT_SAMPLES,)
    assert np.isclose(16_000 / LATENT_SAMPLES, 31.25)
