"""MMAudio's eyes: Synchformer's numbers, CLIP against an independent reading, exact frames."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

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
    unwanted = {"afeat_extractor.ast.cls_token": torch.zeros(1), "transformer.OFF_tok": torch.zeros(1)}
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
