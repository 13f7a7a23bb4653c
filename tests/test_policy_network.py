"""Laws of the policy's network: its ear, its senses, its sizes, what it can learn, its checkpoints."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from multigen.errors import ConfigError, WeightsError
from multigen.files import from_json, to_json
from multigen.policy.config import PRESETS, PolicyConfig, preset
from multigen.policy.log_mel import episode_mel, log_mel, recent_mel, samples_for, scale
from multigen.policy.policy import AudioVisualDiffusionPolicy

SMALL = replace(
    PRESETS["tiny"],
    image_size=32, image_widths=(8, 16, 32), audio_encoder="ast", audio_seconds=0.96, audio_width=32,
    audio_layers=1, audio_heads=2, denoiser_widths=(64,), denoiser_layers=2, denoiser_heads=2,
)  # fmt: skip


def make(config: PolicyConfig = SMALL, seed: int = 0) -> AudioVisualDiffusionPolicy:
    torch.manual_seed(seed)
    return AudioVisualDiffusionPolicy(config).eval()


def fake_batch(config: PolicyConfig, size: int, seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    pixels = config.image_size
    return {
        "images": torch.randint(
            0, 256, (size, 2, 3, pixels, pixels), dtype=torch.uint8, generator=g
        ),
        "mel": torch.rand(size, config.audio_frames, 64, generator=g) * 2 - 1,
        "state": torch.rand(size, 2, config.state_dim, generator=g) * 2 - 1,
        "command": torch.rand(size, generator=g),
        # straight lines from 0 to anywhere, as chunks are smooth
        "action": torch.linspace(0, 0.8, config.horizon)[:, None]
        * (torch.rand(size, 1, 10, generator=g) * 2 - 1),
        "done": (torch.rand(size, generator=g) < 0.3).float(),
        "places": torch.rand(size, 9, generator=g) * 0.2 - 0.1,
        "landed": torch.rand(size, generator=g),
        "sizes": 0.1 + torch.rand(size, 2, generator=g),
    }


def tone_and_noise(seconds: float = 4.0) -> dict[str, np.ndarray]:
    n = int(16_000 * seconds)
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(n)).astype(np.float32)
    tone = np.sin(2 * np.pi * 700 * np.arange(n) / 16_000).astype(np.float32)
    return {"noise": noise, "quiet noise": noise * 1e-3, "tone": tone}


@pytest.mark.parametrize("name", ["noise", "quiet noise", "tone"])
def test_log_mel_equals_that_of_transformers(name):
    from transformers import ASTFeatureExtractor

    sound = tone_and_noise()[name]
    ours = log_mel(torch.from_numpy(sound)).numpy()
    extractor = ASTFeatureExtractor(num_mel_bins=64, max_length=400, do_normalize=False)
    theirs = np.asarray(extractor(sound, sampling_rate=16_000)["input_values"])[0]
    assert ours.shape == (398, 64)
    assert np.abs(ours - theirs[:398]).max() < 2e-3


def test_silence_is_minus_one_and_the_loudest_sine_is_at_most_one():
    assert samples_for(4.0) == 64_240
    silence = recent_mel(torch.zeros(0), 4.0)
    assert silence.shape == (400, 64)
    assert silence.numpy() == pytest.approx(-0.9955, abs=1e-3)
    loud = scale(log_mel(torch.sin(2 * np.pi * 4000 * torch.arange(16_000) / 16_000)))
    assert 0.95 < float(loud.max()) <= 1.0


def test_padding_belongs_to_the_waveform():
    short = torch.from_numpy(tone_and_noise(1.0)["noise"])
    padded = torch.cat([torch.zeros(64_240 - len(short)), short])
    assert torch.equal(recent_mel(short, 4.0), scale(log_mel(padded)))


def test_every_decision_is_a_slice_of_the_log_mel_of_its_episode():
    sound = torch.from_numpy(tone_and_noise(6.0)["noise"])
    whole = episode_mel(sound, 4.0)
    for frame in (0, 1, 7, 39, 41, 59):
        known = sound[: frame * 1600]
        assert torch.allclose(
            whole[10 * frame : 10 * frame + 400], recent_mel(known, 4.0), atol=1e-5
        )


@pytest.mark.parametrize(
    ("name", "low", "high"), [("tiny", 2.5, 4.0), ("compact", 5.5, 8.5), ("paper", 240.0, 290.0)]
)
def test_presets_have_their_published_size(name, low, high):
    with torch.device("meta"):
        policy = AudioVisualDiffusionPolicy(PRESETS[name])
    millions = sum(p.numel() for p in policy.parameters()) / 1e6
    assert low < millions < high


@pytest.mark.parametrize("key", ["images", "mel", "state"])
def test_a_missing_sense_is_not_zeros(key):
    policy, batch = make(), fake_batch(SMALL, 2)
    with torch.no_grad():
        whole = policy.encode(batch)
        missing = policy.encode({k: v for k, v in batch.items() if k != key})
        blank = policy.encode(batch | {key: torch.zeros_like(batch[key])})
    assert not torch.allclose(missing, blank, atol=1e-3)
    assert not torch.allclose(missing, whole, atol=1e-3)


def test_a_dropped_sense_is_an_absent_one():
    policy, batch = make(), fake_batch(SMALL, 2)
    drop = torch.tensor([[False, True, False]]).expand(2, -1)
    with torch.no_grad():
        dropped = policy.encode(batch, drop)
        absent = policy.encode({k: v for k, v in batch.items() if k != "mel"})
    assert torch.allclose(dropped, absent, atol=1e-6)


def test_a_deaf_policy_is_the_same_class_and_ignores_sound():
    policy = make(replace(SMALL, senses=("vision", "state")))
    batch = fake_batch(SMALL, 2)
    with torch.no_grad():
        assert torch.equal(policy.encode(batch), policy.encode(batch | {"mel": batch["mel"] * 0}))
    assert not hasattr(policy, "ears")


def descend(policy: AudioVisualDiffusionPolicy, batch: dict, steps: int) -> np.ndarray:
    optimiser = torch.optim.AdamW(policy.train().parameters(), 2e-3)
    losses = []
    for step in range(steps):
        loss, _ = policy.loss(batch, torch.Generator().manual_seed(step))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return np.array(losses)


def test_eight_decisions_can_be_learned_by_heart():
    policy, batch = make(replace(SMALL, sense_dropout=0.0)), fake_batch(SMALL, 8)
    losses = descend(policy, batch, 120)
    assert losses[-10:].mean() < 0.1 * losses[0]
    noise = torch.randn(batch["action"].shape, generator=torch.Generator().manual_seed(0))
    chunk, done = policy.eval().predict_action_chunk(batch, noise)
    assert float((chunk - batch["action"])[..., :9].abs().mean()) < 0.1
    assert torch.equal(done > 0.5, batch["done"] > 0.5)


@pytest.mark.parametrize(("denoiser", "widths"), [("unet", (32, 64)), ("dit", (64,))])
def test_other_denoisers_learn_by_the_same_loss(denoiser, widths):
    config = replace(SMALL, denoiser=denoiser, denoiser_widths=widths, sense_dropout=0.0)
    losses = descend(make(config), fake_batch(config, 8), 40)
    assert losses[-5:].mean() < 0.6 * losses[0]


def test_normalising_is_undone_and_a_still_axis_keeps_its_scale():
    policy = make()
    rng = np.random.default_rng(0)
    chunks = rng.normal(size=(50, 16, 10)).astype(np.float32)
    chunks[..., 1] = 0.3
    policy.set_ranges(chunks, rng.normal(size=(50, SMALL.state_dim)).astype(np.float32))
    sent = policy.normalise(torch.from_numpy(chunks))
    assert float(sent[..., :3].abs().max()) <= 1 + 1e-5
    assert float(sent[..., 1].abs().max()) < 1e-4
    assert torch.allclose(policy.denormalise(sent), torch.from_numpy(chunks), atol=1e-5)


def test_config_and_weights_survive_the_disk(tmp_path):
    policy = make()
    policy.set_ranges(
        np.random.default_rng(0).normal(size=(5, 16, 10)), np.ones((5, SMALL.state_dim))
    )
    policy.save_pretrained(tmp_path)
    again = AudioVisualDiffusionPolicy.from_pretrained(tmp_path)
    assert again.config == policy.config
    assert again.state_dict().keys() == policy.state_dict().keys()
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in policy.state_dict().items())


@pytest.mark.parametrize("harm", ["missing", "unexpected", "wrong shape"])
def test_weights_that_do_not_fit_are_refused_in_one_sentence(tmp_path, harm):
    make().save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    if harm == "missing":
        del weights["command.bias"]
    elif harm == "unexpected":
        weights["command.other"] = torch.zeros(1)
    else:
        weights["command.bias"] = torch.zeros(3)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"command\.") as caught:
        AudioVisualDiffusionPolicy.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_config_is_flat_json_and_refuses_what_it_does_not_know():
    for config in PRESETS.values():
        data = json.loads(json.dumps(to_json(config)))
        assert from_json(PolicyConfig, data) == config
        assert not any(isinstance(v, dict) for v in data.values())
    with pytest.raises(ConfigError, match="smell"):
        preset("tiny", senses=("vision", "smell"))
    with pytest.raises(ConfigError, match="compact"):
        preset("enormous")


def test_pretrained_encoders_load_whole_or_not_at_all(tmp_path):
    from transformers import ASTConfig, ASTModel, CLIPVisionConfig, CLIPVisionModel

    from multigen.policy.pretrained import load_pretrained_encoders

    clip = CLIPVisionConfig(
        image_size=32, patch_size=16, hidden_size=32, intermediate_size=128,
        num_hidden_layers=1, num_attention_heads=2,
    )  # fmt: skip
    ast = ASTConfig(
        max_length=128, num_mel_bins=128, hidden_size=32, intermediate_size=128,
        num_hidden_layers=1, num_attention_heads=2,
    )  # fmt: skip
    CLIPVisionModel(clip).save_pretrained(tmp_path / "clip")
    ASTModel(ast).save_pretrained(tmp_path / "ast")
    config = replace(
        SMALL,
        image_encoder="clip",
        image_widths=(32,),
        image_layers=1,
        image_heads=2,
        image_patch=16,
    )
    policy = make(config)
    load_pretrained_encoders(policy, clip=tmp_path / "clip", ast=tmp_path / "ast")
    theirs = CLIPVisionModel.from_pretrained(tmp_path / "clip").state_dict()
    assert all(torch.equal(v, policy.eyes.clip.state_dict()[k]) for k, v in theirs.items())
    assert torch.isfinite(policy.encode(fake_batch(config, 1))).all()
    with pytest.raises(WeightsError, match="wrongly shaped"):
        other = replace(config, image_widths=(64,))
        load_pretrained_encoders(make(other), clip=tmp_path / "clip")
    with pytest.raises(WeightsError, match="nowhere"):
        load_pretrained_encoders(policy, ast=tmp_path / "nowhere")
