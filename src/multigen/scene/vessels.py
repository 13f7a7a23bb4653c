"""Vessels to pour from and into, one door: families, sizes, the paper's eleven, random draws.

Reads:  nothing of its own.   Makes: Vessel (through families, sizing, catalogue, vessel_draws).
Used by: scene, and tests of other rooms that need a cup.
"""

from .catalogue import PAPER_VESSELS, paper_vessel
from .families import bottle, can, carafe, cylinder, frustum, mug, sake_cup, thermos
from .sizing import (
    GRASP_DIAMETER_M,
    empties_at_rad,
    grasp_diameter_m,
    is_graspable,
    scaled_to_capacity,
    stretched,
    unlikeness,
    wall_volume_m3,
)
from .vessel_draws import RECEIVER_KINDS, SOURCE_KINDS, draw_receiver, draw_source

__all__ = [
    "GRASP_DIAMETER_M", "PAPER_VESSELS", "RECEIVER_KINDS", "SOURCE_KINDS", "bottle", "can", "carafe",
    "cylinder", "draw_receiver", "draw_source", "empties_at_rad", "frustum", "grasp_diameter_m",
    "is_graspable", "mug", "paper_vessel", "sake_cup", "scaled_to_capacity", "stretched", "thermos",
    "unlikeness", "wall_volume_m3",
]  # fmt: skip
