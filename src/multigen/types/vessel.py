"""Container geometry: a solid of revolution by its outer and inner profile, its material, its looks.

Reads:  profiles.   Makes: Vessel.   Used by: scene (meshes, contact), liquid (tables), audio
(air column). The public name is ``multigen.scene.Vessel``.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ..errors import SceneError

Profile = tuple[tuple[float, float], ...]
"""(z [m], radius [m]) points, z increasing; linear in between."""


@dataclass(frozen=True)
class Vessel:
    """Axisymmetric vessel standing on z = 0, axis along z.

    ``inner`` starts at the inner floor and ends at the brim; ``outer`` starts at z = 0 and ends at
    the same height as ``inner`` (the rim). Volumes are of the cavity, in millilitres.
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
        """Inner radius of the mouth."""
        return self.inner[-1][1]

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

    def volume_ml(self, level_m: float | np.ndarray) -> np.ndarray:
        """Volume below an upright level above the inner floor."""
        return np.asarray(np.interp(level_m, *self._upright))

    def level_m(self, volume_ml: float | np.ndarray) -> np.ndarray:
        """Upright level above the inner floor that holds ``volume_ml``: inverse of volume_ml."""
        h, v = self._upright
        return np.asarray(np.interp(volume_ml, v, h))
