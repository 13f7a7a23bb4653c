"""MMAudio's eyes: Synchformer's numbers, CLIP against an independent reading, exact frames."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPConfig, CLIPModel

from multigen.audio.mmaudio.clip import ClipConfig, clip, from_transformers
from multigen.audio.mmaudio.synchformer import SynchformerConfig, synchformer
from multigen.errors import ConfigError

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "mmaudio"
needs_fixtures = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason=f"MMAudio parity NOT checked: no fixtures at {FIXTURES}"
)
TINY = SynchformerConfig(width=24, heads=2, depth=1, side=32, frames=4)


@needs_fixtures
@torch.no_grad()
def test_synchformer_has_the_published_names_and_numbers() -> None:
    spec = importlib.util.spec_from_file_location("mmaudio_rule", FIXTURES / "rule.py")
    assert spec is not None
    assert spec.loader is not None
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    with np.load(FIXTURES / "synchformer.npz", allow_pickle=False) as file:
        truth = dict(file)
    assert np.array_equal(rule.probe(), truth["rule_probe"])
    keys = json.loads((FIXTURES / "synchformer.keys.json").read_text())
    with torch.device("meta"):
        eyes = synchformer()
    assert {k: list(v.shape) for k, v in eyes.state_dict().items()} == keys
    flat = {k: torch.from_numpy(v) for k, v in rule.state(keys).items()}
    unwanted = {
        "afeat_extractor.ast.cls_token": torch.zeros(1),
        "transformer.OFF_tok": torch.zeros(1),
    }
    eyes.load_state_dict(flat | unwanted, strict=True, assign=True)
    frames = torch.from_numpy(rule.signal("frames", (1, 1, 16, 3, 224, 224)))
    encoder = eyes.vfeat_extractor
    patches = encoder.patch_embed_3d.proj(frames[0].transpose(1, 2)).flatten(2).transpose(1, 2)
    assert np.abs(patches[0, ::97].numpy() - truth["dbg_patch"].reshape(-1, 768)).max() < 1e-5
    first = encoder.blocks[0](encoder.tokens(frames[0].transpose(1, 2)), 8)
    assert np.abs(first[0, ::97].numpy() - truth["dbg_block0"].reshape(-1, 768)).max() < 1e-5
    assert np.abs(eyes(frames).numpy() - truth["features"]).max() < 1e-5


@torch.no_grad()
def test_segments_are_independent_and_ordered() -> None:
    torch.manual_seed(0)
    eyes = synchformer(TINY)
    segments = torch.randn(2, 3, 4, 3, 32, 32)
    together = eyes(segments)
    assert together.shape == (2, 3, 2, 24)
    torch.testing.assert_close(eyes(segments[1:, 2:])[0, 0], together[1, 2])


def test_a_file_without_its_visual_half_is_refused() -> None:
    eyes = synchformer(TINY)
    flat = eyes.state_dict()
    flat.pop("vfeat_extractor.norm.weight")
    with pytest.raises(RuntimeError, match=r"vfeat_extractor\.norm\.weight"):
        eyes.load_state_dict(flat, strict=True)
    with pytest.raises(RuntimeError, match="unknown"):
        eyes.load_state_dict(eyes.state_dict() | {"vfeat_extractor.unknown": torch.zeros(1)})
    with pytest.raises(ConfigError, match="need"):
        eyes(torch.zeros(1, 1, 4, 3, 16, 16))


CLIP = ClipConfig(32, 2, 4, 4, 3, 24, 2, 3, 60, 16)


@pytest.fixture(scope="module")
def other_clip() -> CLIPModel:
    """An independent implementation, of the same small size."""
    torch.manual_seed(0)
    same = {"num_hidden_layers": 2, "hidden_act": "quick_gelu"}
    text = {"hidden_size": 24, "intermediate_size": 96, "num_attention_heads": 3, "vocab_size": 60}
    vision = {"hidden_size": 32, "intermediate_size": 128, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config={**text, **same, "max_position_embeddings": 77, "projection_dim": 16},
        vision_config={**vision, **same, "image_size": 12, "patch_size": 4, "projection_dim": 16},
        projection_dim=16,
    )
    model = CLIPModel(config).eval()
    for p in model.parameters():
        p.data += 0.1 * torch.randn(p.shape)
    return model


@torch.no_grad()
def test_clip_sees_and_reads_as_transformers_does(other_clip) -> None:
    ours = clip(CLIP)
    ours.load_state_dict(from_transformers(other_clip.state_dict()), strict=True)
    pictures = torch.randn(3, 3, 14, 14)  # larger than 3 x 3 patches of 4: the rest is not seen
    pooled = other_clip.vision_model(pictures[:, :, :12, :12]).pooler_output
    want = torch.nn.functional.normalize(other_clip.visual_projection(pooled), dim=-1)
    torch.testing.assert_close(ours.see(pictures), want, atol=1e-5, rtol=0)
    tokens = torch.zeros(2, 77, dtype=torch.int64)
    tokens[:, :5] = torch.randint(0, 60, (2, 5))
    states = other_clip.text_model(tokens).last_hidden_state
    want = torch.nn.functional.normalize(states, dim=-1)
    torch.testing.assert_close(ours.read(tokens), want, atol=1e-5, rtol=0)


def test_clip_has_open_clips_names_and_shapes() -> None:
    with torch.device("meta"):
        state = clip().state_dict()
    shapes = {k: tuple(v.shape) for k, v in state.items()}
    expected = {
        "visual.class_embedding": (1280,), "visual.positional_embedding": (730, 1280),
        "visual.proj": (1280, 1024), "visual.conv1.weight": (1280, 3, 14, 14),
        "visual.ln_pre.weight": (1280,), "visual.ln_post.bias": (1280,),
        "visual.transformer.resblocks.31.attn.in_proj_weight": (3840, 1280),
        "visual.transformer.resblocks.31.attn.in_proj_bias": (3840,),
        "visual.transformer.resblocks.0.attn.out_proj.weight": (1280, 1280),
        "visual.transformer.resblocks.0.mlp.c_fc.weight": (5120, 1280),
        "visual.transformer.resblocks.0.mlp.c_proj.bias": (1280,),
        "token_embedding.weight": (49408, 1024), "positional_embedding": (77, 1024),
        "transformer.resblocks.23.ln_2.weight": (1024,), "ln_final.bias": (1024,),
        "text_projection": (1024, 1024), "logit_scale": (),
    }  # fmt: skip
    assert expected.items() <= shapes.items()
    # 12 tensors a block; beside the blocks 8 in the vision tower, 6 in the text tower.
    assert len(shapes) == 12 * (32 + 24) + 8 + 6


def test_an_unknown_clip_tensor_is_named(other_clip) -> None:
    state = from_transformers({**other_clip.state_dict(), "adapter.weight": torch.zeros(1)})
    with pytest.raises(RuntimeError, match=r"adapter\.weight"):
        clip(CLIP).load_state_dict(state, strict=True)
