"""What a person points at in a video: points and boxes per role, in pixels of a frame.

Reads:  'x,y' and 'x0,y0,x1,y1' as typed, or a JSON of prompts.   Makes: Prompts.
Used by: masks.motion, pipeline.masks, pipeline.sam2, cli.
"""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError
from ..files import from_json, read_json
from ..types import Role

Point = tuple[float, float]
Box = tuple[float, float, float, float]
NAMES = {role.name.lower(): role for role in Role if role is not Role.BACKGROUND}
"""Roles that can be pointed at, by name."""


@dataclass(frozen=True)
class Prompt:
    """Where one thing is in one frame: points on it, a box around it, or both. Pixels."""

    points: tuple[Point, ...] = ()
    box: Box | None = None
    """Left, top, right, bottom."""
    frame: int = 0
    """The frame pointed at: for a stream, one in which it runs."""


Prompts = dict[Role, Prompt]


def parse_prompt(text: str, where: str) -> Prompt:
    """'x,y', several as 'x,y;x,y', or a box 'x0,y0,x1,y1', with '@frame' behind where it is not 0.

    Raises ConfigError naming ``where``, for instance '--source'.
    """
    body, _, at = text.partition("@")
    try:
        groups = [tuple(float(v) for v in part.split(",")) for part in body.split(";")]
        frame = int(at) if at else 0
    except ValueError:
        raise _unclear(text, where) from None
    if len(groups) == 1 and len(groups[0]) == 4:
        return checked(Prompt(box=groups[0], frame=frame), where)
    if not all(len(g) == 2 for g in groups):
        raise _unclear(text, where)
    return checked(Prompt(points=tuple((g[0], g[1]) for g in groups), frame=frame), where)


def read_prompts(path: Path) -> Prompts:
    """A JSON object, role name to {"points": [[x, y]], "box": [x0, y0, x1, y1], "frame": 0}.

    Raises ConfigError for a role or field that is unknown, FormatError when it is no JSON.
    """
    data = from_json(dict[str, Prompt], read_json(path), str(path))
    unknown = sorted(set(data) - set(NAMES))
    if unknown:
        raise ConfigError(f"{path}: unknown role '{unknown[0]}'; known: {', '.join(NAMES)}")
    return {NAMES[name]: checked(prompt, f"{path}: {name}") for name, prompt in data.items()}


def checked(prompt: Prompt, where: str) -> Prompt:
    """The prompt, if it points at something. Raises ConfigError otherwise."""
    if not prompt.points and prompt.box is None:
        raise ConfigError(f"{where} points at nothing; give points x,y or a box x0,y0,x1,y1")
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box
        if x0 >= x1 or y0 >= y1:
            raise ConfigError(
                f"{where}: the box {x0:g},{y0:g},{x1:g},{y1:g} is empty; give left,top,right,bottom"
            )
    if prompt.frame < 0:
        raise ConfigError(f"{where}: frame {prompt.frame} does not exist; frames count from 0")
    return prompt


def _unclear(text: str, where: str) -> ConfigError:
    return ConfigError(f"{where} '{text}' is no place; give x,y or x0,y0,x1,y1 in pixels")
