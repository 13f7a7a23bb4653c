"""The eleven vessels of the paper's eight conditions.

Reads:  a name.   Makes: Vessel.   Used by: scene.conditions, scene.vessel_draws (keeps clear of them).
Capacity, material and colour are those of the paper's appendix A.1; what shape they have it does not
say: ours are those of such vessels in a kitchen, scaled to the capacity.
"""

from collections.abc import Callable

from ..errors import SceneError
from ..types import Vessel
from .families import MM, Rgba, bottle, can, carafe, frustum, mug, sake_cup, thermos
from .sizing import scaled_to_capacity

WHITE: Rgba = (0.93, 0.93, 0.91, 1.0)
CLEAR: Rgba = (0.88, 0.94, 0.96, 0.25)

# The paper's appendix A.1 gives capacity and looks; shapes are those of such vessels in a kitchen.
_PAPER: dict[str, tuple[float, Callable[[str], Vessel]]] = {
    "white_cup": (491, lambda n: frustum(n, 29 * MM, 38 * MM, 138 * MM, rgba=WHITE)),
    "red_cup": (284, lambda n: frustum(n, 26 * MM, 38 * MM, 88 * MM, rgba=(0.75, 0.08, 0.08, 1.0))),
    "metal_thermos": (
        500,
        lambda n: thermos(n, 29.5 * MM, 195 * MM, 24.5 * MM, rgba=(0.12, 0.25, 0.55, 1.0)),
    ),
    "paper_cup": (
        287,
        lambda n: frustum(
            n, 28 * MM, 39 * MM, 81 * MM, material="paper", wall_m=1 * MM, rgba=(0.92, 0.88, 0.80, 1.0)
        ),
    ),
    "sake_carafe": (
        216,
        lambda n: carafe(
            n, 23 * MM, 29 * MM, 13.5 * MM, 17 * MM, 126 * MM, wall_m=3 * MM, floor_m=4 * MM,
            rgba=(0.86, 0.84, 0.78, 1.0),
        ),
    ),
    "sake_cup": (
        35,
        lambda n: sake_cup(
            n, 14 * MM, 25 * MM, 26 * MM, wall_m=2.5 * MM, floor_m=5 * MM, rgba=(0.86, 0.84, 0.78, 1.0)
        ),
    ),
    "metal_mug": (
        300,
        lambda n: mug(n, 37 * MM, 72 * MM, material="metal", rgba=(0.07, 0.07, 0.08, 1.0)),
    ),
    "plastic_cup": (
        356,
        lambda n: frustum(n, 28 * MM, 42 * MM, 92 * MM, wall_m=1 * MM, rgba=CLEAR),
    ),
    "plastic_bottle": (
        450,
        lambda n: bottle(n, 34 * MM, 152 * MM, 18.5 * MM, body=0.64, wall_m=1.2 * MM, rgba=CLEAR),
    ),
    "metal_can": (
        222,
        lambda n: can(n, 28 * MM, 92 * MM, 25 * MM, rgba=(0.72, 0.06, 0.08, 1.0)),
    ),
    "glass_mug": (
        364,
        lambda n: mug(
            n, 38.5 * MM, 82 * MM, wall_m=3.5 * MM, floor_m=6 * MM, material="glass",
            rgba=(0.05, 0.05, 0.06, 0.92),
        ),
    ),
}  # fmt: skip
PAPER_VESSELS = tuple(_PAPER)
"""Names of the eleven vessels of the paper's eight conditions."""


def paper_vessel(name: str) -> Vessel:
    """One of the paper's eleven vessels, at the capacity of its appendix A.1. Raises SceneError."""
    if name not in _PAPER:
        raise SceneError(f"no vessel named {name!r} in the paper: choose from {list(_PAPER)}")
    capacity_ml, make = _PAPER[name]
    return scaled_to_capacity(make(name), capacity_ml, keep="radius")
