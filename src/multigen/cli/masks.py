"""The verb that finds out what is where in a real video.

Reads:  a video and what a person points at in it.   Makes: role images.   Used by: cli.main.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tyro.conf import Positional

from ..files import write_json
from .common import Verb


@dataclass(frozen=True, kw_only=True)
class Masks(Verb):
    """A real video and what you point at in it → role images for sonify --masks.

    With SAM 2 weights of yours (--weights; a folder as transformers saves it, such as
    facebook/sam2.1-hiera-tiny, Apache-2.0; never downloaded) every role is followed through the
    video from the frame it was pointed at. Without them source and receiver must be boxes: they are
    held still, and only a stream, thin, upright and moving, is looked for between them.

    A place is x,y (several: x,y;x,y), or a box x0,y0,x1,y1, in pixels; @40 behind it means frame 40
    instead of the first.

    Examples: multigen masks pour.mp4 --source 0,0,132,215 --receiver 97,217,170,475 --out masks/
              multigen masks pour.mp4 --weights sam2.1-hiera-tiny --source 60,80 --receiver 130,300
                  --stream 133,205@30 --out masks/
              multigen sonify --video pour.mp4 --masks masks/ --out pour_heard.mp4
    """

    COMMAND: ClassVar[str] = "masks"
    clip: Positional[Path]
    out: Path
    """A folder; <stem>.roles.mkv and <stem>.masks.png (a look at it) are written into it."""
    source: str | None = None
    receiver: str | None = None
    liquid: str | None = None
    stream: str | None = None
    robot: str | None = None
    table: str | None = None
    prompts: Path | None = None
    """All of it as JSON: {"source": {"points": [[x, y]], "box": [x0, y0, x1, y1], "frame": 0}, ...}."""
    weights: Path | None = None
    """Folder of SAM 2 video weights."""
    device: str = "cpu"
    overwrite: bool = False

    def run(self) -> None:
        from ..errors import OutputError
        from ..masks.prompts import NAMES, parse_prompt, read_prompts
        from ..pipeline.masks import mask_video

        target = self.out / f"{self.clip.stem}.roles.mkv"
        if target.exists() and not self.overwrite:
            raise OutputError(f"{target} exists; add --overwrite to replace it")
        made_by = self.made_by()
        prompts = {} if self.prompts is None else read_prompts(self.prompts)
        for name, role in NAMES.items():
            if (text := getattr(self, name)) is not None:
                prompts[role] = parse_prompt(text, f"--{name}")
        done = mask_video(self.clip, self.out, prompts, weights=self.weights, device=self.device)
        write_json(self.out / f"{self.clip.stem}.made_by.json", made_by.record(how=done.how))
        print(f"{done.frames} role images in {done.roles}: {done.how}")
