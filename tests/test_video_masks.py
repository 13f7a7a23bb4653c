"""Masks of real videos: what is pointed at is followed, a stream is found, and doubts are said aloud."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Sam2VideoConfig, Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from multigen.cli.main import main
from multigen.errors import ConfigError, WeightsError
from multigen.files import read_roles, read_sound, write_roles, write_video
from multigen.masks.found import roles_found
from multigen.masks.motion import roles_from_motion
from multigen.masks.prompts import Prompt, parse_prompt, read_prompts
from multigen.pipeline.masks import mask_video, roles_for
from multigen.pipeline.sam2 import _prepared, load_sam2, roles_by_sam2
from multigen.types import Role

FPS = 25.0
SOURCE, RECEIVER = (30.0, 4.0, 62.0, 30.0), (44.0, 50.0, 74.0, 92.0)


def video(start: int, stop: int, frames: int = 60, width: int = 3) -> np.ndarray:
    """A still table-top; between two frames a rippling stream of ``width`` falls into the receiver."""
    rng = np.random.default_rng(0)
    rgb = np.full((frames, 96, 96, 3), 90, np.int16)
    rgb[:, 4:30, 30:62], rgb[:, 50:92, 44:74] = 150, 200
    ripples = rng.integers(-60, 60, (frames, 60, width, 1))
    rgb[start:stop, 28:88, 58 : 58 + width] = 160 + ripples[start:stop]
    rgb += rng.integers(-1, 2, rgb.shape, dtype=np.int16)
    return rgb.astype(np.uint8)


def run(*args: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in args])
    assert stop.value.code == 0


def test_places_are_points_boxes_and_frames():
    assert parse_prompt("3,4", "--source") == Prompt(points=((3, 4),))
    assert parse_prompt("3,4;5,6@7", "--source") == Prompt(points=((3, 4), (5, 6)), frame=7)
    assert parse_prompt("1,2,3,4", "--source") == Prompt(box=(1, 2, 3, 4))
    for bad in ("", "3", "3,x", "1,2,3", "5,5,2,2", "1,2@x", "1,2@-3"):
        with pytest.raises(ConfigError, match="--source"):
            parse_prompt(bad, "--source")


def test_prompts_come_from_a_file_too(tmp_path):
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps({"stream": {"points": [[5, 6]], "frame": 3}}))
    assert read_prompts(path) == {Role.STREAM: Prompt(points=((5, 6),), frame=3)}
    path.write_text(json.dumps({"cup": {"points": [[5, 6]]}}))
    with pytest.raises(ConfigError, match="receiver"):
        read_prompts(path)
    path.write_text(json.dumps({"stream": {}}))
    with pytest.raises(ConfigError, match="nothing"):
        read_prompts(path)


def test_motion_finds_when_and_where_a_stream_falls():
    roles = roles_from_motion(video(20, 45), FPS, SOURCE, RECEIVER)
    on = np.flatnonzero((roles == Role.STREAM).any((1, 2)))
    assert abs(on[0] - 20) <= 4
    assert abs(on[-1] - 44) <= 4
    _, y, x = np.nonzero(roles == Role.STREAM)
    assert 55 <= x.min() <= x.max() <= 63
    assert y.max() - y.min() > 40
    assert (roles[0, 10, 35], roles[0, 60, 70], roles[0, 0, 0]) == (Role.SOURCE, Role.RECEIVER, 0)


@pytest.mark.parametrize("still", [video(0, 0), video(0, 60, width=26)])
def test_neither_stillness_nor_something_wide_is_a_stream(still):
    assert not (roles_from_motion(still, FPS, SOURCE, RECEIVER) == Role.STREAM).any()


def test_boxes_that_make_no_pour_are_refused():
    with pytest.raises(ConfigError, match="below"):
        roles_from_motion(video(0, 0, 3), FPS, RECEIVER, SOURCE)
    with pytest.raises(ConfigError, match="outside"):
        roles_from_motion(video(0, 0, 3), FPS, (200, 0, 300, 20), RECEIVER)


def test_the_verb_writes_what_sonify_reads(tmp_path, capsys):
    clip, out = tmp_path / "pour.mp4", tmp_path / "masks"
    write_video(clip, video(10, 40, frames=50), FPS, crf=10)
    places = ("--source", "30,4,62,30", "--receiver", "44,50,74,92")
    run("masks", clip, *places, "--out", out)
    assert "boxes held still" in capsys.readouterr().out
    roles = read_roles(out / "pour.roles.mkv")
    assert len(roles) == 50
    assert (roles == Role.STREAM).any((1, 2)).sum() > 20
    assert (out / "pour.masks.png").stat().st_size > 1000
    assert "held still" in json.loads((out / "pour.made_by.json").read_text())["how"]
    assert roles_for(clip, out) == out / "pour.roles.mkv"
    run("sonify", "--video", clip, "--masks", out, "--out", tmp_path / "heard.wav")
    assert read_sound(tmp_path / "heard.wav").duration_s == pytest.approx(2.0, abs=0.01)
    with pytest.raises(SystemExit):
        main(["masks", str(clip), *places, "--out", str(out)])
    assert "--overwrite" in capsys.readouterr().err


def test_a_folder_may_still_hold_one_roles_file(tmp_path):
    write_roles(tmp_path / "roles.mkv", np.zeros((2, 8, 8), np.uint8), FPS)
    assert roles_for(Path("pour.mp4"), tmp_path) == tmp_path / "roles.mkv"
    assert roles_for(Path("pour.mp4"), tmp_path / "x.mkv") == tmp_path / "x.mkv"


def test_points_alone_need_weights(tmp_path):
    clip = tmp_path / "pour.mp4"
    write_video(clip, video(0, 0, 3), FPS)
    with pytest.raises(ConfigError, match="box"):
        mask_video(clip, tmp_path, {Role.SOURCE: Prompt(points=((3, 4),))})
    with pytest.raises(ConfigError, match="pointed"):
        mask_video(clip, tmp_path, {})
    assert not list(tmp_path.glob("*.mkv"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """SAM 2 in miniature, with random weights: 1.2 million of them, pictures of 128 pixels."""
    side, d = 128, 128
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 8, "image_size": [side, side],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 2], "window_size_per_stage": [4, 4, 4, 4],
        "global_attention_blocks": [3],
    }  # fmt: skip
    config = Sam2VideoConfig(
        vision_config={
            "model_type": "sam2_vision_model", "backbone_config": backbone, "fpn_hidden_size": d,
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
        },
        prompt_encoder_config={"hidden_size": d, "image_size": side, "patch_size": 16},
        mask_decoder_config={
            "hidden_size": d, "mlp_dim": d, "num_attention_heads": 2, "iou_head_hidden_dim": d,
        },
        image_size=side, memory_attention_hidden_size=d, memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=d,
        memory_attention_rope_feat_sizes=[side // 16] * 2, memory_encoder_hidden_size=d,
        memory_encoder_output_channels=64, mask_downsampler_embed_dim=d, memory_fuser_embed_dim=d,
        memory_fuser_intermediate_dim=d, memory_fuser_num_layers=1, num_maskmem=3,
        max_object_pointers_in_encoder=4,
    )  # fmt: skip
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("sam2")
    Sam2VideoModel(config).save_pretrained(folder)
    return folder


def test_frames_one_by_one_give_the_masks_of_the_whole_video_in_memory(weights):
    model, frames = load_sam2(weights), video(0, 12, frames=12)
    box = {Role.RECEIVER: Prompt(box=(44, 50, 74, 92), points=((60, 70),))}
    ours = np.stack(list(roles_by_sam2(model, frames, box, (32, 32))))
    with torch.inference_mode():
        whole = torch.cat([_prepared(f, model) for f in frames])
        session = Sam2VideoInferenceSession(whole, 96, 96, dtype=torch.float32)
        points = torch.tensor([[44.0, 50], [74, 92], [60, 70]]) * 128 / 96
        inputs = {"point_coords": points[None, None], "point_labels": torch.tensor([[[2, 3, 1]]])}
        session.add_point_inputs(session.obj_id_to_idx(4), 0, inputs)
        session.obj_with_new_inputs = [4]
        found = model.propagate_in_video_iterator(session, start_frame_idx=0)
        theirs = torch.cat([f.pred_masks for f in found]).float()
        theirs = torch.nn.functional.interpolate(theirs, (32, 32), mode="bilinear")[:, 0] > 0
    assert 0 < theirs.float().mean() < 1
    np.testing.assert_array_equal(ours == Role.RECEIVER, theirs.numpy())


def test_a_role_appears_with_the_frame_it_was_pointed_at(weights):
    prompts = {Role.STREAM: Prompt(points=((59, 40),), frame=3)}
    roles = list(roles_by_sam2(load_sam2(weights), video(0, 6, 6), prompts, (16, 16)))
    assert not np.stack(roles[:3]).any()
    assert set(np.unique(roles[3:])) <= {0, int(Role.STREAM)}
    assert roles[3].any()
    for bad, said in (
        (Prompt(points=((5, 5),), frame=9), "has 6"),
        (Prompt(points=((99, 5),)), "outside"),
    ):
        with pytest.raises(ConfigError, match=said):
            list(roles_by_sam2(load_sam2(weights), video(0, 6, 6), {Role.STREAM: bad}, (16, 16)))


def test_the_verb_follows_points_with_weights(weights, tmp_path, capsys):
    clip, out = tmp_path / "pour.mp4", tmp_path / "masks"
    write_video(clip, video(2, 8, frames=8), FPS)
    run(
        "masks",
        clip,
        "--weights",
        weights,
        "--source",
        "40,12",
        "--receiver",
        "60,70",
        "--out",
        out,
    )
    assert "SAM 2" in capsys.readouterr().out
    roles = read_roles(out / "pour.roles.mkv")
    assert roles.shape == (8, 96, 96)
    assert set(np.unique(roles)) <= {0, int(Role.SOURCE), int(Role.RECEIVER)}


def test_foreign_and_incomplete_weights_are_refused(weights, tmp_path):
    with pytest.raises(WeightsError, match=r"config\.json"):
        load_sam2(tmp_path)
    (tmp_path / "config.json").write_text((weights / "config.json").read_text())
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_sam2(tmp_path)
    tensors = load_file(weights / "model.safetensors")
    lost = sorted(tensors)[5]
    del tensors[lost]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=lost):
        load_sam2(tmp_path)


def flickering(seconds: float = 4.0, fps: float = 25.0) -> np.ndarray:
    """A still picture in which, from 1 s to 3 s, a strip 6 pixels wide flickers."""
    rng = np.random.default_rng(0)
    frames = np.full((round(seconds * fps), 96, 72, 3), 90, np.uint8)
    frames += rng.integers(0, 2, frames.shape, dtype=np.uint8)
    on = slice(round(fps), round(3 * fps))
    frames[on, 20:70, 30:36] = rng.integers(60, 200, (frames[on].shape[0], 50, 6, 1))
    return frames


def test_a_pour_that_flickers_in_one_place_is_found_where_and_when_it_is():
    roles = roles_found(flickering(), 25.0)
    assert roles is not None
    falling = np.flatnonzero((roles == Role.STREAM).any((1, 2))) / 25
    assert abs(falling[0] - 1.0) < 0.3
    assert abs(falling[-1] - 3.0) < 0.3
    rows, columns = np.nonzero(roles[50] == Role.STREAM)
    assert 18 <= rows.min() < rows.max() <= 70
    assert 28 <= columns.min() <= columns.max() <= 38
    source, receiver = (np.nonzero(roles[0] == r)[0].mean() for r in (Role.SOURCE, Role.RECEIVER))
    assert source < receiver, "the source is above"


def test_no_pour_is_found_in_a_still_picture_or_one_that_moves_all_over():
    still = np.full((50, 96, 72, 3), 90, np.uint8)
    assert roles_found(still, 25.0) is None
    rng = np.random.default_rng(0)
    assert roles_found(rng.integers(0, 255, still.shape, dtype=np.uint8), 25.0) is None
