"""SAM 2 through ``transformers``: prompts in some frames, masks in all that follow. One adapter file.

Reads:  frames one by one, Prompts, a folder of SAM 2 weights the user has.   Makes: role images.
Used by: pipeline.masks. Nothing is ever downloaded: weights are a local folder in the layout of
``transformers`` (config.json with model_type sam2_video, model.safetensors; for instance the hub's
facebook/sam2.1-hiera-tiny, Apache-2.0). The pinned ``transformers`` has the model; its processor
needs torchvision, which this project leaves out, so the few lines of preprocessing are here.

Preprocessing (as published with the weights): bilinear resize to the model's square with
anti-aliasing, division by 255, ImageNet mean and deviation; prompts are scaled to the same square.
Memory stays constant over a video: what the model can no longer look back at is dropped.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from ..errors import ConfigError, WeightsError
from ..masks.prompts import Prompt, Prompts
from ..types import Role

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_ON_THE_OBJECT, _TOP_LEFT, _BOTTOM_RIGHT = 1, 2, 3
_PAINTED = (Role.TABLE, Role.ROBOT, Role.RECEIVER, Role.SOURCE, Role.LIQUID, Role.STREAM)
"""Where masks overlap, the later one wins: liquid and stream are seen through glass."""


def load_sam2(weights: Path, device: str = "cpu") -> Sam2VideoModel:
    """The model in evaluation mode. Raises WeightsError when the folder is no SAM 2 video model."""
    weights = Path(weights)
    if not (weights / "config.json").is_file():
        raise WeightsError(
            f"{weights} holds no config.json; give a folder of SAM 2 weights as transformers saves "
            "them (config.json, model.safetensors)"
        )
    try:
        loaded: Any = Sam2VideoModel.from_pretrained(
            str(weights), local_files_only=True, output_loading_info=True, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError) as e:
        first = str(e).strip().splitlines()[0]
        raise WeightsError(f"{weights} cannot be loaded as SAM 2 video ({first})") from e
    model, info = loaded
    if info["missing_keys"]:
        raise WeightsError(
            f"{weights} lacks {len(info['missing_keys'])} tensors of SAM 2 video, first "
            f"'{sorted(info['missing_keys'])[0]}'; is it another model?"
        )
    return model.to(device).eval()


def roles_by_sam2(
    model: Sam2VideoModel,
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    prompts: Prompts,
    size: tuple[int, int],
) -> Iterator[UInt8[np.ndarray, "h w"]]:
    """A role image of ``size`` (height, width) per frame, in order.

    Prompts are in pixels of the frames as they come; a role is followed from the frame it was
    pointed at, and absent before. Raises ConfigError when a prompt lies outside the picture or its
    frame is never reached.
    """
    session = Sam2VideoInferenceSession(inference_device=model.device, dtype=model.dtype)
    waiting, reached = dict(prompts), -1
    for index, rgb in enumerate(frames):
        reached = index
        for role in [r for r, p in waiting.items() if p.frame == index]:
            _add(session, role, waiting.pop(role), rgb.shape[:2], _side(model))
        if session.get_obj_num() == 0:
            yield np.zeros(size, np.uint8)
            continue
        with torch.inference_mode():
            found = model(session, frame=_prepared(rgb, model), frame_idx=index)
            masks = interpolate(found.pred_masks.float(), size, mode="bilinear")[:, 0] > 0
        yield _painted(masks.cpu().numpy(), [Role(i) for i in found.object_ids])
        _forget(session, index, model)
    if waiting:
        role, prompt = next(iter(waiting.items()))
        raise ConfigError(
            f"{role.name.lower()} is pointed at in frame {prompt.frame}, the video has {reached + 1}"
        )


def _add(
    session: Sam2VideoInferenceSession,
    role: Role,
    prompt: Prompt,
    shape: tuple[int, int],
    side: int,
) -> None:
    """One prompt as the model's points: a box is its two corners, before the points on the object."""
    height, width = shape
    box = [] if prompt.box is None else [prompt.box[:2], prompt.box[2:]]
    places = [*box, *prompt.points]
    if not all(0 <= x <= width and 0 <= y <= height for x, y in places):
        raise ConfigError(
            f"{role.name.lower()} is pointed at outside the picture of {width} x {height} pixels"
        )
    labels = [_TOP_LEFT, _BOTTOM_RIGHT][: len(box)] + [_ON_THE_OBJECT] * len(prompt.points)
    scaled = torch.tensor(places, dtype=torch.float32) * torch.tensor([side / width, side / height])
    number = session.obj_id_to_idx(int(role))
    session.add_point_inputs(
        number,
        prompt.frame,
        {"point_coords": scaled[None, None], "point_labels": torch.tensor(labels)[None, None]},
    )
    session.obj_with_new_inputs.append(int(role))


def _side(model: Sam2VideoModel) -> int:
    """Pixels of the square the model sees."""
    size = model.config.image_size
    return size if isinstance(size, int) else size[0]


def _prepared(rgb: UInt8[np.ndarray, "H W 3"], model: Sam2VideoModel) -> Float32[Tensor, "1 3 S S"]:
    side = _side(model)
    image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float()
    image = interpolate(image, (side, side), mode="bilinear", antialias=True) / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (_MEAN, _STD))
    return ((image - mean) / std).to(model.device, model.dtype)


def _painted(masks: np.ndarray, roles: list[Role]) -> UInt8[np.ndarray, "h w"]:
    image = np.zeros(masks.shape[1:], np.uint8)
    for role in _PAINTED:
        if role in roles:
            image[masks[roles.index(role)]] = role
    return image


def _forget(session: Sam2VideoInferenceSession, index: int, model: Sam2VideoModel) -> None:
    """Drop the frame and what lies further back than the model looks."""
    if session.processed_frames is not None:
        session.processed_frames.pop(index, None)
    reach = max(model.config.num_maskmem, model.config.max_object_pointers_in_encoder)
    for outputs in session.output_dict_per_obj.values():
        outputs["non_cond_frame_outputs"].pop(index - reach, None)
