"""One scene at a glance: both cameras, colour and roles, as one picture.

Reads:  SceneConfig.   Makes: uint8 RGB.   Used by: cli (multigen look).
"""

import numpy as np
from jaxtyping import UInt8

from ..masks import colour_roles
from ..types import SceneConfig
from .build import Detail, build_scene
from .render import View


def look_sheet(
    config: SceneConfig, size: int = 448, *, detail: Detail | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """Ego and front camera in two columns, colour above roles; [2 size, 2 size, 3].

    The arm is at home, nothing is poured yet. Raises SceneError, RenderError.
    """
    fine = detail or Detail(96, 40, 80, 2048, samples=4, shadow_cone=0.75)
    with View(build_scene(config, size=size, detail=fine), size) as view:
        columns = []
        for camera in ("ego", "front"):
            rgb, roles = view.frame(camera)
            columns.append(np.vstack([rgb, colour_roles(roles)]))
    return np.hstack(columns)
