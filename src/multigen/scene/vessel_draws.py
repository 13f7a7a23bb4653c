"""Random vessels for training: wide families, never close to the paper's eleven.

Reads:  a numpy Generator.   Makes: Vessel.   Used by: scene.draw, episode (corpora).
"""

from functools import lru_cache

import numpy as np

from ..types import Vessel
from .catalogue import PAPER_VESSELS, paper_vessel
from .families import MM, bottle, can, carafe, cylinder, frustum, mug, sake_cup, thermos
from .sizing import empties_at_rad, is_graspable, scaled_to_capacity, unlikeness


def _draw_looks(rng: np.random.Generator, materials: tuple[str, ...]) -> dict:
    """Material with a colour and wall it could have; clear ones get an alpha below one."""
    material = str(rng.choice(materials))
    clear = material in ("plastic", "glass") and rng.random() < 0.6
    tint = rng.uniform(0.75, 1.0, 3) if clear else rng.uniform(0.05, 0.95, 3)
    if material == "paper":
        tint = rng.uniform(0.55, 0.98) * np.array([1.0, 0.97, 0.9])
    if material == "metal" and rng.random() < 0.5:
        tint = np.full(3, rng.uniform(0.5, 0.8))
    alpha = float(rng.uniform(0.2, 0.4)) if clear else 1.0
    walls = {
        "plastic": (1, 2),
        "metal": (1, 2),
        "paper": (1, 1.4),
        "ceramic": (2.5, 4),
        "glass": (2, 3.5),
    }
    wall = float(rng.uniform(*walls[material])) * MM
    red, green, blue = (float(c) for c in np.round(tint, 3))
    return {
        "material": material,
        "rgba": (red, green, blue, round(alpha, 3)),
        "wall_m": wall,
        "floor_m": float(wall * rng.uniform(1.0, 2.0)),
    }


def _shape_source(rng: np.random.Generator, kind: str, radius: float, depth: float) -> Vessel:
    """One vessel of a family, its widest (frusta: mean) radius given; capacity comes later."""
    name = f"random_{kind}"
    u = rng.uniform
    if kind == "cylinder":
        return cylinder(
            name,
            radius,
            depth,
            fillet_m=u(2, 8) * MM,
            **_draw_looks(rng, ("plastic", "metal", "glass", "ceramic")),
        )
    if kind == "frustum":
        taper = u(0.04, 0.2)
        looks = _draw_looks(rng, ("plastic", "paper", "glass", "metal"))
        return frustum(name, radius * (1 - taper), radius * (1 + taper), depth, **looks)
    if kind == "thermos":
        looks = _draw_looks(rng, ("metal",)) | {"wall_m": u(2.5, 4.5) * MM}
        return thermos(name, radius, depth, radius * u(0.75, 0.95), **looks)
    if kind == "bottle":
        looks = _draw_looks(rng, ("plastic", "glass"))
        mouth = max(13 * MM, radius * u(0.42, 0.65))
        return bottle(
            name, radius, depth, mouth, body=u(0.58, 0.66), shoulder=u(0.2, 0.26), **looks
        )
    if kind == "carafe":
        neck = max(12 * MM, radius * u(0.4, 0.55))
        looks = _draw_looks(rng, ("ceramic", "glass"))
        return carafe(name, radius * u(0.7, 0.95), radius, neck, neck * u(1.1, 1.4), depth, **looks)
    looks = _draw_looks(rng, ("metal",)) | {"wall_m": 0.8 * MM}
    lid, edge = radius * u(0.85, 0.95), u(2.5, 4.5) * MM
    hole = min(u(10.5, 12.5) * MM, 0.55 * (lid - edge))
    return can(name, radius, depth, lid, hole_radius_m=hole, hole_edge_m=edge, **looks)


SOURCE_KINDS = ("cylinder", "frustum", "thermos", "bottle", "carafe", "can")
RECEIVER_KINDS = ("cylinder", "frustum", "mug", "sake_cup")
CUPS = RECEIVER_KINDS[:3]
"""Receivers of a hand's width; bowls of a sip apart."""
LEAST_UNLIKENESS = 0.05
"""A drawn vessel differs from each of the paper's by at least this (sizing.unlikeness)."""


CAN_ML, CAN_RADIUS_M = 340.0, 0.024
"""Cans are no larger, and no slimmer: 40 mL/s through the hole of a lid must empty them in time."""


def unlike_the_papers(vessel: Vessel) -> bool:
    """Whether a benchmark vessel of the paper could not be taken for this one."""
    return all(unlikeness(vessel, other) >= LEAST_UNLIKENESS for other in _papers())


@lru_cache(maxsize=1)
def _papers() -> tuple[Vessel, ...]:
    return tuple(paper_vessel(name) for name in PAPER_VESSELS)


def draw_source(rng: np.random.Generator) -> Vessel:
    """A random vessel to pour from: 180-500 mL, 80-230 mm tall, graspable, empty by 128 degrees.

    Never one of the paper's eleven, nor close to one (unlike_the_papers).
    """
    while True:
        kind = str(rng.choice(SOURCE_KINDS))
        capacity_ml = float(rng.uniform(180, 500))
        radius = float(rng.uniform(20, 36)) * MM
        depth = capacity_ml * 1e-6 / (np.pi * radius**2)
        if not 0.07 <= depth <= 0.22:  # a share of the draws: no shape below can repair it
            continue
        if kind == "can" and (capacity_ml > CAN_ML or radius < CAN_RADIUS_M):
            continue
        vessel = scaled_to_capacity(_shape_source(rng, kind, radius, depth), capacity_ml, "radius")
        pourable = empties_at_rad(vessel) <= np.radians(128)  # the wrist tilts a little further
        fits = pourable and is_graspable(vessel) and 0.08 <= vessel.height_m <= 0.23
        if fits and unlike_the_papers(vessel):
            return vessel


def draw_receiver(rng: np.random.Generator, kinds: tuple[str, ...] = CUPS) -> Vessel:
    """A random vessel to pour into, never close to one of the paper's.

    Cups and mugs of 150-500 mL, 60-170 mm tall, inner rim radius 28-50 mm; bowls ('sake_cup') of
    30-160 mL, 20-70 mm tall, rim radius 20-42 mm.
    """
    while True:
        kind = str(rng.choice(kinds))
        vessel = _bowl(rng) if kind == "sake_cup" else _cup(rng, kind)
        low, high = (0.02, 0.07) if kind == "sake_cup" else (0.06, 0.17)
        if low <= vessel.height_m <= high and unlike_the_papers(vessel):
            return vessel


def _cup(rng: np.random.Generator, kind: str) -> Vessel:
    capacity_ml = float(rng.uniform(150, 500))
    rim = float(rng.uniform(28, 50)) * MM
    depth = capacity_ml * 1e-6 / (np.pi * rim**2)
    looks = _draw_looks(rng, ("plastic", "metal", "paper", "ceramic", "glass"))
    if kind == "frustum":
        vessel = frustum("random_frustum", rim * rng.uniform(0.62, 1.0), rim, depth, **looks)
    else:
        family = cylinder if kind == "cylinder" else mug
        vessel = family(f"random_{kind}", rim, depth, fillet_m=rng.uniform(3, 12) * MM, **looks)
    return scaled_to_capacity(vessel, capacity_ml, "radius")


def _bowl(rng: np.random.Generator) -> Vessel:
    capacity_ml = float(np.exp(rng.uniform(*np.log((30, 160)))))
    rim = float(rng.uniform(20, 42)) * MM
    looks = _draw_looks(rng, ("ceramic", "glass", "plastic", "metal"))
    bowl = sake_cup("random_sake_cup", rim * rng.uniform(0.45, 0.7), rim, 0.8 * rim, **looks)
    return scaled_to_capacity(bowl, capacity_ml, "radius")
