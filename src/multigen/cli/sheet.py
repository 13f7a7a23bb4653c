"""Many scenes on one labelled picture: what a world looks like, at a glance.

Reads:  a world, a seed.   Makes: uint8 RGB.   Used by: cli.inspect (look --sheet).
"""

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from ..episode.still import at_rest, mid_pour
from ..errors import ConfigError, SceneError
from ..scene import FINE, Detail, View, WorldConfig, draw_scene
from ..types import COMMANDS, SceneConfig
from ..workers import progress_bar

LABEL_PX, GAP_PX = 17, 2
PAPER, INK = (255, 255, 255), (40, 40, 40)
DETAIL = Detail(FINE.segments * 2, FINE.slices, FINE.around * 2, 2048, 4, shadow_cone=0.75)


def contact_sheet(
    world: WorldConfig,
    count: int,
    *,
    seed: int = 0,
    condition: str | None = None,
    size: int = 224,
    detail: Detail = DETAIL,
) -> UInt8[np.ndarray, "H W 3"]:
    """Scenes of seeds ``seed`` .. ``seed + count - 1`` from the front, in their middle of the pour
    (at the start where the arm reaches no pour), each ``size`` px with a line of text below.

    Raises ConfigError for a count below one, and what drawing and rendering raise.
    """
    if count < 1:
        raise ConfigError(f"a sheet of {count} scenes is empty; ask for at least 1")
    columns = min(count, int(np.ceil(np.sqrt(count * 4 / 3))))
    rows = -(-count // columns)
    wide, tall = size + GAP_PX, size + LABEL_PX + GAP_PX
    sheet = Image.new("RGB", (columns * wide - GAP_PX, rows * tall - GAP_PX), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
    with progress_bar() as bar:
        shown = bar.add_task("scenes", total=count)
        for k in range(count):
            config = draw_scene(world, seed + k, condition=condition)
            x, y = k % columns * wide, k // columns * tall
            sheet.paste(Image.fromarray(_picture(config, size, detail)), (x, y))
            text = _label(config)
            while pen.textlength(text, font=font) > size:
                text = text[:-2] + "…"
            pen.text((x + 1, y + size + 2), text, fill=INK, font=font)
            bar.advance(shown)
    return np.asarray(sheet)


def _picture(config: SceneConfig, size: int, detail: Detail) -> UInt8[np.ndarray, "H W 3"]:
    try:
        still = mid_pour(config, size=size, detail=detail)
    except SceneError:  # a random scene nobody promised to be within reach
        still = at_rest(config, size=size, detail=detail)
    with View(still.scene, size) as view:
        view.draw_liquid(still.source_ml, still.receiver_ml, still.stream)
        return view.rgb("front")


def _label(config: SceneConfig) -> str:
    """Seed, amount, liquid, vessels."""
    said = next(name for name, share in COMMANDS.items() if share == config.command)
    source, receiver = (
        v.name.removeprefix("random_").replace("_", " ") for v in (config.source, config.receiver)
    )
    return f"{config.seed}  {said} · {config.liquid.name} · {source} > {receiver}"
