"""Vessels to pour from and into: profile families, the paper's eleven, random draws for training.

Reads:  radii and heights [m], capacities [mL], a numpy Generator.   Makes: Vessel.
Used by: scene (draws and named conditions), liquid and audio tests.
A family gives the shape of the cavity; the outside follows it at the wall's thickness. Everything
is a solid of revolution: a mug has no handle, and a can's opening is round and centred.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..errors import SceneError
from ..types import Vessel

MM = 1e-3
GRASP_DIAMETER_M = (0.040, 0.076)
"""What a Robotiq 2F-85 (85 mm stroke) takes with room to open on both sides of the wall."""

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
) -> Vessel:
    """A vessel around a cavity: radial wall thickness, a floor, mass = wall volume x density."""
    inner = tuple((float(z + floor_m), float(r)) for z, r in cavity)
    outer = ((0.0, float(cavity[0][1] + wall_m)), *((z, r + float(wall_m)) for z, r in inner))
    vessel = Vessel(name, kind, outer, inner, material, rgba)
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
    """A stout cylinder with a rounded floor edge (its handle is not modelled)."""
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


def can(name: str, radius_m: float, depth_m: float, mouth_radius_m: float, **looks) -> Vessel:
    """Drinks can: a cylinder under a cone that ends in a narrow round opening.

    The real opening sits at the edge of a flat lid, so a real can empties at about 100 degrees;
    ours is centred and its cone is steep enough to empty before 130 degrees.
    """
    looks.setdefault("wall_m", 0.8 * MM)
    looks.setdefault("material", "metal")
    taper = min(0.25 * depth_m, 2.0 * (radius_m - mouth_radius_m))
    cone = [
        (depth_m - taper, radius_m),
        (depth_m - 2 * MM, mouth_radius_m),
        (depth_m, mouth_radius_m),
    ]
    low = [(0.0, radius_m - 4 * MM), (4 * MM, radius_m)]
    return _made(name, "can", [*low, *cone], **looks)


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


def wall_volume_m3(vessel: Vessel) -> float:
    """Volume of the vessel's own material: the outer solid less the cavity."""
    z, r = np.array(vessel.outer, float).T
    solid = np.pi / 3 * np.diff(z) * (r[1:] ** 2 + r[1:] * r[:-1] + r[:-1] ** 2)
    return float(solid.sum()) - vessel.capacity_ml * 1e-6


def grasp_diameter_m(vessel: Vessel, height: float = 0.5) -> float:
    """Outer diameter at a share of the outer height (0.5 = mid height, where it is gripped)."""
    return 2 * float(vessel.outer_radius_m(np.array([height * vessel.height_m]))[0])


def is_graspable(vessel: Vessel) -> bool:
    """Whether the gripper can hold it anywhere within 5 % of mid height (the paper's offset)."""
    low, high = GRASP_DIAMETER_M
    return all(low <= grasp_diameter_m(vessel, h) <= high for h in (0.45, 0.5, 0.55))


def empties_at_rad(vessel: Vessel) -> float:
    """Tilt from which no wall holds liquid back: 90 degrees plus the steepest narrowing inside."""
    z, r = np.array(vessel.inner, float).T
    return float(np.pi / 2 + np.arctan(max(0.0, (-np.diff(r) / np.diff(z)).max())))


def scaled_to_capacity(vessel: Vessel, capacity_ml: float, keep: str = "radius") -> Vessel:
    """The same vessel with another capacity, exact to rounding; walls keep their thickness.

    ``keep='radius'`` stretches heights, ``'height'`` stretches radii, ``'shape'`` both alike.
    Raises SceneError for a capacity that is not positive or another ``keep``.
    """
    if not capacity_ml > 0:
        raise SceneError(f"capacity of {vessel.name} must be positive, got {capacity_ml} mL")
    ratio = capacity_ml / vessel.capacity_ml
    factors = {
        "radius": (1.0, ratio),
        "height": (ratio**0.5, 1.0),
        "shape": (ratio ** (1 / 3), ratio ** (1 / 3)),
    }
    if keep not in factors:
        raise SceneError(
            f"cannot keep {keep!r} while scaling {vessel.name}: choose from {list(factors)}"
        )
    wide, tall = factors[keep]
    floor = vessel.floor_m

    def up(z: float) -> float:
        return z if z <= floor else floor + tall * (z - floor)

    def inside(z: float) -> float:
        return float(vessel.inner_radius_m(np.array([z - floor]))[0])

    inner = tuple((up(z), wide * r) for z, r in vessel.inner)
    outer = tuple((up(z), r + (wide - 1) * inside(z)) for z, r in vessel.outer)
    scaled = replace(vessel, inner=inner, outer=outer)
    mass = vessel.mass_kg * wall_volume_m3(scaled) / wall_volume_m3(vessel)
    return replace(scaled, mass_kg=round(max(0.02, mass), 4))


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
        lambda n: can(n, 28 * MM, 92 * MM, 19 * MM, rgba=(0.72, 0.06, 0.08, 1.0)),
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
    return can(name, radius, depth, radius * u(0.55, 0.75), **looks)


SOURCE_KINDS = ("cylinder", "frustum", "thermos", "bottle", "carafe", "can")
RECEIVER_KINDS = ("cylinder", "frustum", "mug")


def draw_source(rng: np.random.Generator) -> Vessel:
    """A random vessel to pour from: 180-500 mL, 80-230 mm tall, graspable, empty by 128 degrees.

    Radii and heights come from continuous ranges, so none is ever one of the paper's eleven.
    """
    while True:
        kind = str(rng.choice(SOURCE_KINDS))
        capacity_ml = float(rng.uniform(180, 500))
        radius = float(rng.uniform(20, 36)) * MM
        depth = capacity_ml * 1e-6 / (np.pi * radius**2)
        if not 0.07 <= depth <= 0.22:  # a share of the draws: no shape below can repair it
            continue
        vessel = scaled_to_capacity(_shape_source(rng, kind, radius, depth), capacity_ml, "radius")
        pourable = empties_at_rad(vessel) <= np.radians(128)  # the wrist tilts a little further
        if pourable and is_graspable(vessel) and 0.08 <= vessel.height_m <= 0.23:
            return vessel


def draw_receiver(rng: np.random.Generator) -> Vessel:
    """A random vessel to pour into: 150-500 mL, 60-170 mm tall, inner rim radius 28-50 mm."""
    while True:
        kind = str(rng.choice(RECEIVER_KINDS))
        capacity_ml = float(rng.uniform(150, 500))
        rim = float(rng.uniform(28, 50)) * MM
        depth = capacity_ml * 1e-6 / (np.pi * rim**2)
        looks = _draw_looks(rng, ("plastic", "metal", "paper", "ceramic", "glass"))
        if kind == "frustum":
            vessel = frustum("random_frustum", rim * rng.uniform(0.62, 1.0), rim, depth, **looks)
        else:
            family = cylinder if kind == "cylinder" else mug
            vessel = family(f"random_{kind}", rim, depth, fillet_m=rng.uniform(3, 12) * MM, **looks)
        vessel = scaled_to_capacity(vessel, capacity_ml, "radius")
        if 0.06 <= vessel.height_m <= 0.17:
            return vessel
