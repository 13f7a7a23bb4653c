"""The flow network: MMAudio's numbers, key by key; the mask pathway's laws; the compact options."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from multigen.audio import mmaudio
from multigen.audio.network import PRESETS, FlowNetwork, MaskConfig, NetworkConfig
from multigen.errors import ClockError, ConfigError
from multigen.learning import interpolate

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "mmaudio"
needs_fixtures = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason=f"MMAudio parity NOT checked: no fixtures at {FIXTURES}"
)
T = torch.tensor([0.37])


@pytest.fixture(scope="module")
def rule():
    spec = importlib.util.spec_from_file_location("mmaudio_rule", FIXTURES / "rule.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def truth():
    with np.load(FIXTURES / "tiny_16k.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def flat(rule) -> dict[str, torch.Tensor]:
    keys = json.loads((FIXTURES / "tiny_16k.keys.json").read_text())
    return {k: torch.from_numpy(v) for k, v in rule.state(keys).items()}


def tiny(**more) -> FlowNetwork:
    return mmaudio.build("small_16k", hidden=64, heads=2, joint=2, fused=2, **more)


@pytest.fixture(scope="module")
def net(flat) -> FlowNetwork:
    network = tiny()
    network.load_state_dict(flat, strict=True)
    return network


@pytest.fixture(scope="module")
def inputs(rule):
    def signal(name: str, *shape: int) -> torch.Tensor:
        return torch.from_numpy(rule.signal(name, shape))

    return {
        "latent": signal("latent", 1, 125, 20),
        "clip": signal("clip", 1, 32, 1024),
        "sync": signal("sync", 1, 88, 768),
        "text": signal("text", 1, 77, 1024),
        "x0": signal("x0", 1, 125, 20),
        "latent_3s": signal("latent_3s", 1, 94, 20),
        "clip_3s": signal("clip_3s", 1, 24, 1024),
        "sync_3s": signal("sync_3s", 1, 64, 768),
    }


def away(a: torch.Tensor, b: np.ndarray) -> float:
    return float(np.abs(a.detach().numpy() - b).max())


@needs_fixtures
@torch.no_grad()
def test_velocities_and_conditions_are_those_of_mmaudio(net, rule, truth, inputs) -> None:
    assert np.array_equal(rule.probe(), truth["rule_probe"])
    latent, clip, sync, text = (inputs[k] for k in ("latent", "clip", "sync", "text"))
    assert away(net.predict_flow(latent, clip, sync, text, T), truth["flow"]) < 2e-5
    seen = net.conditions(clip, sync, text, 125)
    assert away(seen.clip, truth["cond_clip_f"]) < 2e-5
    assert away(seen.sync, truth["cond_sync_f"]) < 2e-5
    assert away(seen.text, truth["cond_text_f"]) < 2e-5
    assert away(seen.pooled[:, 0], truth["dbg_global_mlp"]) < 2e-5
    null = net.null_conditions(seen, 88)
    assert away(net.velocity(latent, T, null), truth["empty_flow"]) < 2e-5
    three = net.predict_flow(inputs["latent_3s"], inputs["clip_3s"], inputs["sync_3s"], text, T)
    assert away(three, truth["flow_3s"]) < 2e-5


@needs_fixtures
@torch.no_grad()
def test_guided_samples_statistics_and_loss_are_those_of_mmaudio(net, truth, inputs) -> None:
    latent, clip, sync, text = (inputs[k] for k in ("latent", "clip", "sync", "text"))
    sampled = net.sample(latent, clip, sync, text, steps=25, guidance=4.5)
    assert away(sampled, truth["x1_cfg45_25"]) < 1e-4
    assert away(net.normalise(latent), truth["normalized"]) < 2e-5
    assert away(net.unnormalise(latent), truth["unnormalized"]) < 2e-5
    xt, v = interpolate(inputs["x0"], latent, T)
    assert away(xt, truth["xt"]) < 2e-5
    loss = (net.predict_flow(xt, clip, sync, text, T) - v).square().mean()
    assert away(loss[None], truth["cfm_loss"]) < 2e-5


@needs_fixtures
def test_normalisation_keeps_the_small_epsilon(rule, truth) -> None:
    from multigen.audio.network.layers import RMSNorm

    norm = RMSNorm(32)
    norm.weight.data = torch.from_numpy(rule.weight("rms.weight", (32,)))
    x = 1e-4 * torch.from_numpy(rule.signal("rms", (1, 2, 5, 32)))
    assert away(norm(x), truth["rms_small"]) < 2e-5


@needs_fixtures
def test_official_keys_and_shapes_are_met_exactly() -> None:
    keys = json.loads((FIXTURES / "small_16k.keys.json").read_text())
    with torch.device("meta"):
        state = mmaudio.build("small_16k").state_dict()
    assert {k: list(v.shape) for k, v in state.items()} == keys


@pytest.mark.parametrize(
    ("name", "values", "keys"),
    [
        ("small_16k", 157_283_644, 251),
        ("small_44k", 157_409_144, 251),
        ("medium_44k", 621_805_944, 251),
        ("large_44k", 1_030_002_168, 416),
        ("large_44k_v2", 1_030_575_608, 416),
    ],
)
def test_official_presets_have_the_published_size(name: str, values: int, keys: int) -> None:
    with torch.device("meta"):
        state = mmaudio.build(name).state_dict()
    assert len(state) == keys
    assert sum(v.numel() for v in state.values()) == values


@needs_fixtures
@torch.no_grad()
def test_a_base_file_loads_beside_the_mask_pathway_and_masks_stay_bypassed(
    flat, net, inputs
) -> None:
    both = tiny(masks=MaskConfig(widths=(4, 8)))
    old = {**flat, "t_embed.freqs": torch.zeros(3), "latent_rot": torch.zeros(3)}
    both.load_state_dict(old, strict=True)
    assert not both.masks_loaded
    latent, clip, sync, text = (inputs[k] for k in ("latent", "clip", "sync", "text"))
    want = net.predict_flow(latent, clip, sync, text, T)
    masks = torch.rand(1, 32, 7, 16, 16)
    assert torch.equal(both.predict_flow(latent, clip, sync, text, T), want)
    assert torch.equal(both.predict_flow(latent, clip, sync, text, T, masks), want)
    both.load_state_dict(both.state_dict())
    assert both.masks_loaded
    assert not torch.equal(both.predict_flow(latent, clip, sync, text, T, masks), want)
    off = torch.tensor([False])
    assert torch.equal(both.predict_flow(latent, clip, sync, text, T, masks, off), want)
    with pytest.raises(RuntimeError, match="seg_encoder"):
        partial = {k: v for k, v in both.state_dict().items() if not k.startswith("seg_fusion.")}
        both.load_state_dict(partial | {"seg_encoder.unknown": torch.zeros(1)})


def compact(**more) -> FlowNetwork:
    torch.manual_seed(0)
    sizes = {"clip_dim": 24, "sync_dim": 20, "text_dim": None, "sync_period": None}
    options = {"projection": "linear", "mixing": "depthwise", "v2": True}
    config = NetworkConfig(32, 2, 2, 1, 6, **{**sizes, **options, "masks": SMALL_MASKS, **more})
    network = FlowNetwork(config).eval()
    for p in network.parameters():  # zero-initialised networks agree whatever the code says
        if not p.any():
            torch.nn.init.normal_(p, std=0.2)
    return network


SMALL_MASKS = MaskConfig(widths=(4, 8), embed=16, gate_bias=0.0)


def compact_inputs(batch: int = 2) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return {
        "latent": torch.randn(batch, 25, 6, generator=g),
        "clip": torch.randn(batch, 6, 24, generator=g),
        "sync": torch.randn(batch, 20, 20, generator=g),
        "masks": torch.rand(batch, 6, 7, 16, 16, generator=g),
    }


def flow(net: FlowNetwork, i: dict[str, torch.Tensor], valid=None, masks=True) -> torch.Tensor:
    t = torch.full((len(i["latent"]),), 0.3)
    m = i["masks"] if masks else None
    return net.predict_flow(i["latent"], i["clip"], i["sync"], None, t, m, valid)


@pytest.mark.parametrize("modulation", ["own", "shared"])
def test_every_parameter_of_a_compact_network_learns(modulation: str) -> None:
    net, i = compact(modulation=modulation), compact_inputs()
    flow(net, i).square().mean().backward()
    unused = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    # The empty vectors stand in for what was given here; pictures that end in a block ask nothing.
    assert unused <= {
        "empty_clip_feat",
        "empty_sync_feat",
        "joint_blocks.1.clip_block.attn.q_norm.weight",
    }


def test_each_sample_is_treated_by_its_own_validity() -> None:
    net, i = compact(), compact_inputs()
    with torch.no_grad():
        mixed = flow(net, i, torch.tensor([True, False]))
        with_masks, without = flow(net, i), flow(net, i, masks=False)
    assert torch.allclose(mixed[0], with_masks[0], atol=1e-6)
    assert torch.allclose(mixed[1], without[1], atol=1e-6)
    assert not torch.allclose(with_masks, without, atol=1e-3)


def test_the_gate_opens_and_closes() -> None:
    net, i = compact(), compact_inputs()
    c_g = torch.randn(2, 1, 32)
    seg = net.seg_encoder(i["masks"])
    net.seg_fusion.gate.weight.data.zero_()
    for bias, want in ((50.0, net.seg_fusion.in_proj(seg)), (-50.0, c_g.expand(-1, 6, -1))):
        net.seg_fusion.gate.bias.data.fill_(bias)
        fused, alpha = net.seg_fusion(c_g, seg)
        assert torch.allclose(fused, want, atol=1e-6)
        assert alpha.shape == (2, 6, 1)


def test_exchanging_two_classes_changes_the_velocity() -> None:
    net, i = compact(), compact_inputs()
    swapped = {**i, "masks": i["masks"][:, :, [0, 1, 2, 4, 3, 5, 6]]}
    assert not torch.allclose(flow(net, i), flow(net, swapped), atol=1e-5)


def test_guidance_of_one_is_the_conditional_branch_and_a_batch_is_its_samples() -> None:
    net, i = compact(), compact_inputs()
    given = {"clip": i["clip"], "sync": i["sync"], "text": None, "masks": i["masks"]}
    one = net.sample(i["latent"], **given, steps=4, guidance=1.0)
    assert torch.allclose(
        one, net.sample(i["latent"], **given, steps=4, guidance=1.0 + 1e-9), atol=1e-4
    )
    second = {k: None if v is None else v[1:] for k, v in given.items()}
    alone = net.sample(i["latent"][1:], **second, steps=4, guidance=3.0)
    together = net.sample(i["latent"], **given, steps=4, guidance=3.0)
    assert torch.allclose(alone[0], together[1], atol=1e-4)


def test_misfits_are_refused_in_a_sentence() -> None:
    net, i = compact(), compact_inputs()
    with pytest.raises(ClockError, match="same instants"):
        flow(net, {**i, "masks": i["masks"][:, :5]})
    with pytest.raises(ConfigError, match="no text stream"):
        net.conditions(i["clip"], i["sync"], torch.zeros(2, 77, 8), 25)
    with pytest.raises(ConfigError, match="no mask pathway"):
        flow(compact(masks=None), i)
    with pytest.raises(ClockError, match="multiple of 8"):
        flow(compact(sync_period=8), i)
    with pytest.raises(ConfigError, match="choose one of small_16k"):
        mmaudio.build("huge")
    with pytest.raises(ConfigError, match="no 'width'"):
        mmaudio.build("small_16k", width=3)
    with pytest.raises(ConfigError, match="even head size"):
        NetworkConfig(10, 3, 1, 1, 4)


def test_a_fresh_network_predicts_zero_velocity() -> None:
    for name in ("pour_nano",):
        net, i = FlowNetwork(PRESETS[name]), compact_inputs(1)
        width = PRESETS[name].hidden
        v = net.predict_flow(
            torch.randn(1, 25, 20), torch.randn(1, 6, width), torch.randn(1, 20, width), None, T, i["masks"]
        )  # fmt: skip
        assert v.shape == (1, 25, 20)
        assert not v.any()
