"""Families of vessels: what shape the cavity has, and a wall around it.

Reads:  radii, depths [m], material, colour.   Makes: Vessel.   Used by: scene.catalogue (the paper's
eleven), scene.vessel_draws (training), tests.
The outside follows the cavity at the wall's thickness. Everything is a solid of revolution but two
things: a mug's handle, which is only drawn, and the hole in a can's lid (see Vessel).
"""

from dataclasses import replace

import numpy as np

from ..types import Vessel
from .sizing import wall_volume_m3

MM = 1e-3
Rgba = tuple[float, float, float, float]
Cavity = list[tuple[float, float]]
"""(height above the inner floor [m], radius [m])."""

# Effective density of the drawn wall [kg/m3]: thin walls are drawn thicker than they are made.
WALL_DENSITY = {
    "plastic": 1000.0,
    "metal": 3500.0,
    "paper": 700.0,
    "ceramic": 2200.0,
    "glass": 2400.0,
}


def _made(
    name: str,
    kind: str,
    cavity: Cavity,
    *,
    wall_m: float = 1.5 * MM,
    floor_m: float = 2.0 * MM,
    material: str = "plastic",
    rgba: Rgba = (0.85, 0.93, 0.95, 0.3),
    wall_density: float | None = None,
    mouth_radius_m: float | None = None,
) -> Vessel:
    """A vessel around a cavity: radial wall thickness, a floor, mass = wall volume x density."""
    inner = tuple((float(z + floor_m), float(r)) for z, r in cavity)
    outer = ((0.0, float(cavity[0][1] + wall_m)), *((z, r + float(wall_m)) for z, r in inner))
    vessel = Vessel(name, kind, outer, inner, material, rgba, mouth_radius_m=mouth_radius_m)
    density = WALL_DENSITY[material] if wall_density is None else wall_density
    return replace(vessel, mass_kg=round(max(0.02, density * wall_volume_m3(vessel)), 4))


def _ramp(z0: float, r0: float, z1: float, r1: float, n: int = 10) -> Cavity:
    """Half a cosine from (z0, r0) to (z1, r1), both ends included: a shoulder without a crease."""
    s = np.linspace(0, 1, n)
    return [
        (float(z0 + (z1 - z0) * a), float(r0 + (r1 - r0) * b))
        for a, b in zip(s, (1 - np.cos(np.pi * s)) / 2, strict=True)
    ]


def _rounded_floor(radius: float, fillet: float, n: int = 6) -> Cavity:
    """Quarter-circle edge between floor and wall, without its last point (0 < fillet < radius)."""
    a = np.linspace(0, np.pi / 2, n)[:-1]
    return [(float(fillet * (1 - np.cos(t))), float(radius - fillet * (1 - np.sin(t)))) for t in a]


def cylinder(
    name: str, radius_m: float, depth_m: float, *, fillet_m: float = 0.0, **looks
) -> Vessel:
    """Straight walls; inner radius and depth of the cavity; optionally a rounded floor edge."""
    start = _rounded_floor(radius_m, fillet_m) if fillet_m > 0 else [(0.0, radius_m)]
    low = [(fillet_m, radius_m)] if fillet_m > 0 else []
    return _made(name, "cylinder", [*start, *low, (depth_m, radius_m)], **looks)


def frustum(
    name: str, floor_radius_m: float, rim_radius_m: float, depth_m: float, **looks
) -> Vessel:
    """The ordinary cup: a cone frustum, inner radii at floor and rim."""
    return _made(name, "frustum", [(0.0, floor_radius_m), (depth_m, rim_radius_m)], **looks)


def mug(name: str, radius_m: float, depth_m: float, *, fillet_m: float = 8 * MM, **looks) -> Vessel:
    """A stout cylinder with a rounded floor edge ; its handle, on +x, is only drawn."""
    return replace(cylinder(name, radius_m, depth_m, fillet_m=fillet_m, **looks), kind="mug")


def thermos(
    name: str,
    radius_m: float,
    depth_m: float,
    mouth_radius_m: float,
    *,
    fillet_m: float = 8 * MM,
    **looks,
) -> Vessel:
    """Tall and straight, narrowing over the last fifth to a slightly smaller mouth."""
    looks.setdefault("wall_m", 4 * MM)
    looks.setdefault("material", "metal")
    looks.setdefault("wall_density", 1300.0)  # two thin steel shells and vacuum between them
    body = [*_rounded_floor(radius_m, fillet_m), (fillet_m, radius_m)]
    neck = _ramp(0.80 * depth_m, radius_m, 0.93 * depth_m, mouth_radius_m)
    return _made(name, "thermos", [*body, *neck, (depth_m, mouth_radius_m)], **looks)


def bottle(
    name: str,
    radius_m: float,
    depth_m: float,
    mouth_radius_m: float,
    *,
    body: float = 0.62,
    shoulder: float = 0.24,
    fillet_m: float = 5 * MM,
    **looks,
) -> Vessel:
    """Body, shoulder, neck; ``body`` and ``shoulder`` are shares of the depth, the rest is neck."""
    low = [*_rounded_floor(radius_m, fillet_m), (fillet_m, radius_m)]
    ramp = _ramp(body * depth_m, radius_m, (body + shoulder) * depth_m, mouth_radius_m)
    return _made(name, "bottle", [*low, *ramp, (depth_m, mouth_radius_m)], **looks)


def carafe(
    name: str,
    floor_radius_m: float,
    belly_radius_m: float,
    neck_radius_m: float,
    mouth_radius_m: float,
    depth_m: float,
    **looks,
) -> Vessel:
    """Bulb, neck and a flared mouth (a tokkuri): widest around mid height, where it is held."""
    bulb = _ramp(0.0, floor_radius_m, 0.36 * depth_m, belly_radius_m)
    shoulder = _ramp(0.56 * depth_m, belly_radius_m, 0.86 * depth_m, neck_radius_m, 12)
    flare = _ramp(0.86 * depth_m, neck_radius_m, depth_m, mouth_radius_m, 6)[1:]
    looks.setdefault("material", "ceramic")
    return _made(name, "carafe", [*bulb, *shoulder, *flare], **looks)


LID_M = 0.8 * MM


def can(
    name: str,
    radius_m: float,
    depth_m: float,
    lid_radius_m: float,
    *,
    hole_radius_m: float = 10.5 * MM,
    hole_edge_m: float = 3.5 * MM,
    **looks,
) -> Vessel:
    """Drinks can: a cylinder, a short shoulder, a flat lid with a round hole near its edge (on +x).

    ``hole_edge_m`` of the lid remain between hole and seam. That ledge and the shoulder hold back
    what a cylinder would have let go at 90 degrees: it is empty, but for a sip, at about 100.
    """
    looks.setdefault("wall_m", 0.8 * MM)
    looks.setdefault("material", "metal")
    wall = [
        (depth_m - 10 * MM, radius_m),
        (depth_m - 3 * MM, lid_radius_m),
        (depth_m - LID_M, lid_radius_m),
    ]
    low = [(0.0, radius_m - 4 * MM), (4 * MM, radius_m)]
    lip = (depth_m, lid_radius_m - hole_edge_m)
    return _made(name, "can", [*low, *wall, lip], mouth_radius_m=hole_radius_m, **looks)


def sake_cup(
    name: str, floor_radius_m: float, rim_radius_m: float, depth_m: float, **looks
) -> Vessel:
    """Small bowl on a round base (an ochoko): the wall rises along a quarter of an ellipse."""
    a = np.linspace(0, np.pi / 2, 10)
    wide = rim_radius_m - floor_radius_m
    cavity = [
        (float(depth_m * (1 - np.cos(t))), float(floor_radius_m + wide * np.sin(t))) for t in a
    ]
    looks.setdefault("material", "ceramic")
    return _made(name, "sake_cup", cavity, **looks)
