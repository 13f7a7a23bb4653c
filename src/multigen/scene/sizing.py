"""What a vessel's size means: mass of its wall, whether a gripper holds it, other sizes of the same.

Reads:  Vessel, millilitres.   Makes: Vessel, numbers.   Used by: scene.families, catalogue,
vessel_draws, draw.
"""

from dataclasses import replace

import numpy as np

from ..errors import SceneError
from ..types import Vessel

GRASP_DIAMETER_M = (0.040, 0.076)
"""What a Robotiq 2F-85 (85 mm stroke) takes with room to open on both sides of the wall."""
LEAST_KG = 0.02


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
    """Tilt from which no wall holds liquid back: 90 degrees plus the steepest narrowing inside.

    Behind a lid something always stays: the tilt at which that is 1 % of the capacity.
    """
    if vessel.mouth_radius_m is not None:
        return vessel.tilt_to_hold_rad(0.01 * vessel.capacity_ml)
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
    return stretched(vessel, *factors[keep])


def stretched(vessel: Vessel, wide: float, tall: float) -> Vessel:
    """Radii of the cavity times ``wide``, its heights times ``tall``; walls and floor keep their
    thickness, the mass follows the wall's volume.
    """
    floor = vessel.floor_m

    def up(z: float) -> float:
        return z if z <= floor else floor + tall * (z - floor)

    def inside(z: float) -> float:
        return float(vessel.inner_radius_m(np.array([z - floor]))[0])

    inner = tuple((up(z), wide * r) for z, r in vessel.inner)
    outer = tuple((up(z), r + (wide - 1) * inside(z)) for z, r in vessel.outer)
    mouth = None if vessel.mouth_radius_m is None else wide * vessel.mouth_radius_m
    scaled = replace(vessel, inner=inner, outer=outer, mouth_radius_m=mouth)
    mass = vessel.mass_kg * wall_volume_m3(scaled) / wall_volume_m3(vessel)
    return replace(scaled, mass_kg=round(max(LEAST_KG, mass), 4))


def fitted(vessel: Vessel) -> Vessel:
    """The vessel, made as much narrower as the gripper needs."""
    widest = max(grasp_diameter_m(vessel, h) for h in (0.45, 0.5, 0.55))
    inside = float(vessel.inner_radius_m(np.array([0.5 * vessel.depth_m]))[0])
    excess = max(0.0, widest - GRASP_DIAMETER_M[1]) / 2
    return stretched(vessel, 1 - excess / inside, 1.0) if excess > 0 else vessel


def unlikeness(a: Vessel, b: Vessel) -> float:
    """The largest of the relative differences (logarithms) in capacity, height, lip and girth.

    0 for the same shape; vessels below 0.05 are told apart by little but their colour.
    """

    def sizes(v: Vessel) -> np.ndarray:
        return np.log([v.capacity_ml, v.height_m, v.rim_radius_m, max(r for _, r in v.outer)])

    return float(np.abs(sizes(a) - sizes(b)).max())
