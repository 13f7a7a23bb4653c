"""The mel front end: parity with MMAudio's, and the meaning of its numbers."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from multigen.audio.mel import MEL_16K, MEL_44K, log_mel, mel_matrix
from multigen.errors import MediaError

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "mmaudio"


@pytest.fixture(scope="module")
def fixture():
    if not (FIXTURES / "mel_16k.npz").is_file():
        pytest.skip(f"parity fixtures are absent ({FIXTURES})")
    sys.path.insert(0, str(FIXTURES))
    try:
        import rule
    finally:
        sys.path.remove(str(FIXTURES))
    with np.load(FIXTURES / "mel_16k.npz", allow_pickle=False) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    np.testing.assert_array_equal(stored["rule_probe"], rule.probe())
    return stored, torch.from_numpy(rule.signal("wav", (1, 16000)))


def test_the_16k_mel_equals_mmaudios_on_its_fixtures(fixture):
    stored, wave = fixture
    np.testing.assert_allclose(mel_matrix(MEL_16K), stored["basis"], atol=1e-8)
    np.testing.assert_allclose(log_mel(0.1 * wave), stored["mel"], atol=1e-5)
    np.testing.assert_allclose(log_mel(wave[:, :4000]), stored["mel_loud"], atol=1e-5)
    np.testing.assert_allclose(log_mel(torch.zeros(1, 4000)), stored["mel_silence"], atol=1e-6)


@pytest.mark.parametrize("config", [MEL_16K, MEL_44K])
def test_frames_are_samples_over_hop_and_silence_is_the_floor(config):
    mel = log_mel(torch.zeros(2, config.sample_rate), config)
    assert mel.shape == (2, config.n_mels, config.sample_rate // config.hop)
    torch.testing.assert_close(mel, torch.full_like(mel, config.silence))


@pytest.mark.parametrize("config", [MEL_16K, MEL_44K])
def test_a_tone_is_loudest_in_the_band_that_holds_it(config):
    hz = 1500.0
    t = torch.arange(config.sample_rate) / config.sample_rate
    mel = log_mel(0.5 * torch.sin(2 * torch.pi * hz * t)[None], config)[0]
    band = int(mel.mean(1).argmax())
    bins = np.linspace(0, config.sample_rate / 2, config.n_fft // 2 + 1)
    inside = bins[mel_matrix(config)[band] > 0]
    assert inside.min() <= hz <= inside.max()


def test_ten_times_louder_is_one_more_in_log10_and_ln_10_more_in_ln():
    wave = 0.01 * torch.randn(1, 44_100, generator=torch.Generator().manual_seed(0))
    for config, step in ((MEL_16K, 1.0), (MEL_44K, np.log(10))):
        louder = log_mel(10 * wave, config) - log_mel(wave, config)
        assert abs(float(louder.median()) - step) < 1e-3


def test_frame_m_is_centred_on_sample_m_and_a_half_hops():
    wave = torch.zeros(1, 16_000)
    wave[0, 20 * 256 + 128] = 1.0
    assert int(log_mel(wave)[0].mean(0).argmax()) == 20


def test_a_wave_too_short_to_reflect_is_refused():
    with pytest.raises(MediaError, match="384"):
        log_mel(torch.zeros(1, 384))
