"""The prepared velocities are the network's own; masks beside the base."""

import pytest
import torch

from multigen.audio import mmaudio
from multigen.audio.network import FlowNetwork, MaskConfig
from multigen.audio.network.fast import FastVelocity, fast_velocity
from multigen.audio.network.winograd import FastConv
from multigen.errors import ConfigError

MASKS = MaskConfig(widths=(4, 8), embed=16)


def network(seed: int = 0, **more) -> FlowNetwork:
    torch.manual_seed(seed)
    sizes = {"hidden": 64, "heads": 2, "joint": 2, "fused": 1, "clip_dim": 24, "text_dim": 16}
    net = mmaudio.build("small_16k", sync_dim=20, text_length=5, **sizes, **more)
    for p in net.parameters():
        if not p.any():
            torch.nn.init.normal_(p, std=0.1)
    return net


def given(batch: int = 1, masks: bool = False) -> dict:
    g = torch.Generator().manual_seed(5)
    shapes = {"clip": (batch, 16, 24), "sync": (batch, 48, 20), "text": (batch, 5, 16)}
    inputs = {k: torch.randn(shape, generator=g) for k, shape in shapes.items()}
    if masks:
        inputs["masks"] = torch.rand(batch, 16, 7, 16, 16, generator=g)
    return inputs | {"x0": torch.randn(batch, 63, 20, generator=g), "steps": 3}


@pytest.mark.parametrize(("channels", "out", "kernel"), [(5, 7, 3), (4, 3, 7), (3, 2, 5)])
@pytest.mark.parametrize("length", [1, 2, 4, 9, 250])
@torch.no_grad()
def test_a_fast_convolution_is_the_convolution(channels, out, kernel, length) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv1d(channels, out, kernel, padding=kernel // 2)
    x = torch.randn(2, length, channels)
    want = conv(x.transpose(1, 2)).transpose(1, 2)
    got = FastConv(conv.weight, conv.bias)(x)
    torch.testing.assert_close(got, want, atol=3e-5, rtol=0)


@pytest.mark.parametrize("guidance", [1.0, 4.5])
@pytest.mark.parametrize("method", ["euler", "heun"])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("v2", [False, True])
def test_prepared_samples_are_the_plain_ones(guidance, method, masks, v2) -> None:
    net = network(masks=MASKS, v2=v2)
    net.seg_fusion.gate.bias.data.zero_()
    options = given(2, masks) | {"guidance": guidance, "method": method}
    plain, fast = (net.sample(**options, fast=f) for f in (False, True))
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=0)


@torch.no_grad()
def test_repeated_rows_of_motion_are_modulated_once() -> None:
    net, i = network(), given()
    seen = net.conditions(i["clip"], i["sync"], i["text"], 63)
    both = fast_velocity(net).prepare(seen.join(net.null_conditions(seen, 48)))
    assert len(both.rows) < 48 + 48
    assert torch.equal(both.rows[both.where].unflatten(0, (2, 63)), both.conditions.sync)


@torch.no_grad()
def test_prepared_weights_follow_the_network() -> None:
    net, i = network(), given()
    before = fast_velocity(net)
    assert fast_velocity(net) is before
    first = net.sample(**i, fast=True)
    net.load_state_dict(network(1).state_dict())
    assert fast_velocity(net) is not before
    second = net.sample(**i, fast=True)
    torch.testing.assert_close(second, net.sample(**i, fast=False), atol=1e-4, rtol=0)
    assert not torch.allclose(first, second, atol=1e-2)


def test_compact_networks_take_the_plain_way() -> None:
    with torch.device("meta"):
        assert not FastVelocity.fits(mmaudio.build("pour_nano"))
        assert FastVelocity.fits(mmaudio.build("small_16k"))


@pytest.mark.parametrize("fast", [False, True])
def test_absent_masks_leave_the_base_bit_for_bit(fast: bool) -> None:
    base, beside = network(), network(masks=MASKS)
    beside.load_state_dict(base.state_dict() | beside_only(beside), strict=True)
    assert beside.masks_loaded
    given_none = given() | {"guidance": 3.0, "fast": fast}
    want = base.sample(**given_none)
    assert torch.equal(beside.sample(**given_none), want)
    off = torch.tensor([False])
    masks = given(masks=True)["masks"]
    assert torch.equal(beside.sample(**given_none, masks=masks, valid=off), want)
    # A new gate is nearly closed (0.0025): masks change little, and something.
    slightly = (beside.sample(**given_none, masks=masks) - want).abs().max()
    assert 0 < slightly < 0.05 * want.abs().max()


def beside_only(net: FlowNetwork) -> dict[str, torch.Tensor]:
    return {
        k: v for k, v in net.state_dict().items() if k.startswith(("seg_encoder.", "seg_fusion."))
    }


@torch.no_grad()
def test_guidance_drops_masks_with_the_video() -> None:
    net, i = network(masks=MASKS), given(masks=True)
    net.seg_fusion.gate.bias.data.zero_()
    x, t = i["x0"], torch.tensor([0.4])
    seen = net.conditions(i["clip"], i["sync"], i["text"], 63, i["masks"])
    null = net.null_conditions(seen, 48)
    assert null.masks is None
    joined = net.velocity(torch.cat([x, x]), t.expand(2), seen.join(null))
    torch.testing.assert_close(joined[1:], net.velocity(x, t, null), atol=1e-5, rtol=0)
    torch.testing.assert_close(joined[:1], net.velocity(x, t, seen), atol=1e-5, rtol=0)


@torch.no_grad()
def test_masks_may_be_mixed_into_the_content_alone() -> None:
    net = network(masks=MaskConfig(widths=(4, 8), embed=16, fuse_point="content"))
    i = given(masks=True)
    seen = net.conditions(i["clip"], i["sync"], i["text"], 63, i["masks"])
    early, late = (torch.tensor([t]) for t in (0.1, 0.9))
    net.seg_fusion.gate.weight.data.normal_()
    assert torch.equal(net.gate_opening(early, seen), net.gate_opening(late, seen))
    net.seg_fusion.gate.weight.data.zero_()
    net.seg_fusion.gate.bias.data.fill_(50.0)  # wide open: the masks alone, and still the time
    c_g, _ = net.modulators(early, seen)
    want = net.seg_fusion.in_proj(seen.masks).mean(1, keepdim=True) + net.t_embed(early)
    torch.testing.assert_close(c_g, want, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_gate_starts_nearly_closed_and_shows_its_opening() -> None:
    net, i = network(masks=MASKS), given(masks=True)
    net.seg_fusion.gate.weight.data.zero_()
    t = torch.tensor([0.5])
    seen = net.conditions(i["clip"], i["sync"], i["text"], 63, i["masks"])
    opening = net.gate_opening(t, seen)
    assert opening.shape == (1, 16, 1)
    torch.testing.assert_close(opening, torch.full((1, 16, 1), 0.00247), atol=1e-4, rtol=0)
    with pytest.raises(ConfigError, match="no masks"):
        net.gate_opening(t, net.conditions(i["clip"], i["sync"], i["text"], 63))
