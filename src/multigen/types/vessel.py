"""Container geometry: a solid of revolution by its outer and inner profile, its material, its looks.

Reads:  profiles.   Makes: Vessel.   Used by: scene (meshes, contact), liquid (tables), audio
(air column). The public name is ``multigen.scene.Vessel``: capacity, the volume held at a tilt and
a level, and the inverses; exact for its piecewise conical cavity (types.cavity).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ..errors import SceneError
from .cavity import held_m3, surface_span_m, volume_below_m3

MAX_TILT_RAD = float(np.radians(150))
"""Largest tilt the volume functions are asked for; a wrist goes no further."""
Profile = tuple[tuple[float, float], ...]
"""(z [m], radius [m]) points, z increasing; linear in between."""


@dataclass(frozen=True)
class Vessel:
    """Axisymmetric vessel standing on z = 0, axis along z.

    ``inner`` starts at the inner floor and ends at the brim; ``outer`` starts at z = 0 and ends at
    the same height as ``inner`` (the rim). Volumes are of the cavity, in millilitres.

    A lid with an off-centre hole (a drinks can) is the one thing that is not round: ``inner`` ends
    at the hole's outermost point, so that the lip is where it is for every other vessel, and
    ``mouth_radius_m`` is the hole's radius. The hole touches that point on the +x side: such a
    vessel is poured towards its +x. With a handle (kind 'mug') +x is where that is.
    """

    name: str
    kind: str
    """'cylinder', 'frustum', 'thermos', 'bottle', 'carafe', 'can', 'mug', 'sake_cup'."""
    outer: Profile
    inner: Profile
    material: str = "plastic"
    """'plastic', 'metal', 'paper', 'ceramic' or 'glass'."""
    rgba: tuple[float, float, float, float] = (0.85, 0.93, 0.95, 0.3)
    """Alpha < 1: see-through, drawn in the glass group."""
    mass_kg: float = 0.13
    mouth_radius_m: float | None = None
    """Radius of a round hole in a flat lid; None: open up to the rim."""

    def __post_init__(self) -> None:
        for label, profile in (("inner", self.inner), ("outer", self.outer)):
            z = [p[0] for p in profile]
            if len(profile) < 2 or any(b <= a for a, b in pairwise(z)):
                raise SceneError(
                    f"{self.name}: {label} profile needs at least two points of rising z, got {z}"
                )
            if any(p[1] <= 0 for p in profile):
                raise SceneError(f"{self.name}: {label} profile has a radius that is not positive")
        if abs(self.inner[-1][0] - self.outer[-1][0]) > 1e-9:
            raise SceneError(
                f"{self.name}: inner and outer profile must end at the same rim height"
            )
        if self.mouth_radius_m is not None and not 0 < self.mouth_radius_m <= self.inner[-1][1]:
            raise SceneError(
                f"{self.name}: a mouth of {self.mouth_radius_m} m does not fit into a rim of "
                f"{self.inner[-1][1]} m; give a radius between 0 and the rim's"
            )

    @property
    def is_transparent(self) -> bool:
        return self.rgba[3] < 1

    @property
    def height_m(self) -> float:
        """Outer height: rim above the table."""
        return self.outer[-1][0]

    @property
    def floor_m(self) -> float:
        """Thickness of the bottom: z of the inner floor."""
        return self.inner[0][0]

    @property
    def depth_m(self) -> float:
        """Inner floor to brim."""
        return self.inner[-1][0] - self.inner[0][0]

    @property
    def rim_radius_m(self) -> float:
        """From the axis to the lip: inner radius of the mouth; with a lid, the hole's far side."""
        return self.inner[-1][1]

    @property
    def opening_radius_m(self) -> float:
        """Radius of the hole that liquid leaves through: the mouth's, or the one in the lid."""
        return self.rim_radius_m if self.mouth_radius_m is None else self.mouth_radius_m

    @property
    def mouth_offset_m(self) -> float:
        """From the axis to the centre of the opening, along +x; 0 without a lid."""
        return self.rim_radius_m - self.opening_radius_m

    def inner_radius_m(self, z_m: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Radius of the cavity at heights above the inner floor."""
        z, r = np.array(self.inner, float).T
        return np.interp(z_m, z - z[0], r)

    def outer_radius_m(self, z_m: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Outer radius at heights above the table."""
        z, r = np.array(self.outer, float).T
        return np.interp(z_m, z, r)

    @cached_property
    def _upright(self) -> tuple[np.ndarray, np.ndarray]:
        """(level above the inner floor, volume below it): exact at profile points, dense between."""
        z, _ = np.array(self.inner, float).T
        h = np.unique(np.concatenate([np.linspace(0, z[-1] - z[0], 801), z - z[0]]))
        r = self.inner_radius_m(h)
        cone = np.pi / 3 * np.diff(h) * (r[1:] ** 2 + r[1:] * r[:-1] + r[:-1] ** 2)
        return h, np.concatenate([[0.0], np.cumsum(cone)]) * 1e6

    @property
    def capacity_ml(self) -> float:
        """Volume to the brim, exact for a piecewise conical profile."""
        return float(self._upright[1][-1])

    @cached_property
    def _cavity(self) -> tuple[np.ndarray, np.ndarray]:
        """(height above the inner floor, radius) at the profile's points."""
        z, r = np.array(self.inner, float).T
        return z - z[0], r

    def volume_ml(self, level_m: float | np.ndarray, tilt_rad: float = 0.0) -> np.ndarray:
        """Volume of the cavity under a horizontal surface.

        ``level_m``: height of the surface above the centre of the inner floor along world up, a
        number or an array; ``tilt_rad``: between the vessel's axis and the vertical. The surface may
        stand above the lip: this is geometry, held_ml says what stays inside.
        Raises SceneError for a tilt outside [0, MAX_TILT_RAD].
        """
        if _checked(tilt_rad) == 0.0:
            return np.asarray(np.interp(level_m, *self._upright))
        levels = np.asarray(level_m, float)
        held = [volume_below_m3(*self._cavity, tilt_rad, float(h)) for h in levels.ravel()]
        return np.reshape(held, levels.shape) * 1e6

    def level_m(self, volume_ml: float | np.ndarray, tilt_rad: float = 0.0) -> np.ndarray:
        """Height of the surface above the centre of the inner floor, along world up, under which the
        tilted cavity holds ``volume_ml`` (clipped to 0 .. capacity): inverse of volume_ml.

        Raises SceneError for a tilt outside [0, MAX_TILT_RAD].
        """
        if _checked(tilt_rad) == 0.0:
            h, v = self._upright
            return np.asarray(np.interp(volume_ml, v, h))
        volumes = np.clip(np.asarray(volume_ml, float), 0.0, self.capacity_ml)
        return np.reshape(
            [self._level(float(v) * 1e-6, tilt_rad) for v in volumes.ravel()], volumes.shape
        )

    def _level(self, volume_m3: float, tilt_rad: float) -> float:
        """Bisection, with a secant step in between wherever that stays inside the bracket."""
        low, high = surface_span_m(*self._cavity, tilt_rad)
        below, above = -volume_m3, self.capacity_ml * 1e-6 - volume_m3
        for k in range(80):
            slope = (above - below) / (high - low)
            guess = low - below / slope if k % 3 and slope > 0 else 0.5 * (low + high)
            miss = volume_below_m3(*self._cavity, tilt_rad, guess) - volume_m3
            if miss < 0:
                low, below = guess, miss
            else:
                high, above = guess, miss
            if high - low < 1e-9 or abs(miss) < 1e-14:
                break
        return guess if abs(miss) < 1e-14 else 0.5 * (low + high)

    def held_ml(self, tilt_rad: float) -> float:
        """Volume left in the vessel at rest at a tilt: the surface just reaches the lip, or the sill
        of a neck; pockets behind a narrowing included. Hydrostatics, no capillarity.

        Raises SceneError for a tilt outside [0, MAX_TILT_RAD].
        """
        return held_m3(*self._cavity, _checked(tilt_rad)) * 1e6

    def tilt_to_hold_rad(self, volume_ml: float) -> float:
        """The smallest tilt at which no more than ``volume_ml`` is held: inverse of held_ml.

        0 for a full vessel. Raises SceneError when the vessel keeps more even at MAX_TILT_RAD.
        """
        if (least := self.held_ml(MAX_TILT_RAD)) > volume_ml + 1e-6:
            raise SceneError(
                f"{self.name} still holds {least:.1f} mL at 150 degrees: "
                f"{volume_ml:.1f} mL cannot be reached by tilting"
            )
        if self.held_ml(0.0) <= volume_ml:
            return 0.0
        low, high = 0.0, MAX_TILT_RAD
        for _ in range(46):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.held_ml(middle) > volume_ml + 1e-6 else (low, middle)
        return high


def _checked(tilt_rad: float) -> float:
    if not 0 <= tilt_rad <= MAX_TILT_RAD:
        raise SceneError(f"tilt must lie between 0 and {MAX_TILT_RAD:.3f} rad, got {tilt_rad}")
    return float(tilt_rad)
