"""Still liquid in an upright vessel, as particles: where a pour begins.

Reads:  Vessel, millilitres, number of particles.   Makes: points in the vessel's frame.
Used by: liquid.particles.pour. No randomness: a lattice, shaken by a fixed pattern, left to settle.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from ...errors import SceneError
from ...types import Vessel
from .fluid import Fluid, poses

SETTLE_S, DAMPING_S = 0.6, 0.05
"""How long a filling settles; in the first three quarters its velocities die away this fast."""


@lru_cache(maxsize=32)
def settled(
    vessel: Vessel, volume_ml: float, count: int, spacing_m: float, dt_s: float
) -> Float32[np.ndarray, "N 3"]:
    """``count`` particles at rest below the level of ``volume_ml``, in the vessel's frame.

    About SETTLE_S / dt_s steps of the fluid; kept for the last 32 fillings of the process. Raises
    SceneError when so many particles do not stay below the rim.
    """
    points = lattice(vessel, count, spacing_m)
    still = poses((np.zeros(3), np.eye(3)))
    fluid = Fluid(
        (vessel,), points, still,
        spacing_m=spacing_m, viscosity_m2_s=0.0, dt_s=dt_s,
    )  # fmt: skip
    steps = round(SETTLE_S / dt_s)
    for i in range(steps):
        fluid.step(still, damping=float(np.exp(-dt_s / DAMPING_S)) if i < 0.75 * steps else 1.0)
    z, r = fluid.x[:, 2] - vessel.floor_m, np.hypot(fluid.x[:, 0], fluid.x[:, 1])
    if (z > vessel.depth_m).any() or (r > vessel.inner_radius_m(z)).any():
        raise SceneError(
            f"{vessel.name} cannot keep {volume_ml:.0f} of its {vessel.capacity_ml:.0f} mL as {count} "
            "particles below its rim; start with less liquid or more particles"
        )
    fluid.x.setflags(write=False)
    return fluid.x


def lattice(vessel: Vessel, count: int, spacing_m: float) -> Float[np.ndarray, "N 3"]:
    """``count`` points of a cubic lattice in the cavity, lowest first, shaken by 2 % of the spacing.

    Higher than the liquid's level, because the walls keep half a spacing free: it settles from
    there. Compressed only where not even the whole cavity has enough places.
    """
    wide = max(r for _, r in vessel.inner)
    for closer in np.linspace(1.0, 0.7, 31):
        d = closer * spacing_m
        side = np.arange(-wide, wide, d) + 0.37 * d
        up = np.arange(vessel.floor_m + 0.5 * spacing_m, vessel.height_m - 0.3 * spacing_m, d)
        points = np.stack(np.meshgrid(up, side, side, indexing="ij"), -1).reshape(-1, 3)[:, ::-1]
        free = vessel.inner_radius_m(points[:, 2] - vessel.floor_m) - 0.45 * spacing_m
        points = points[np.hypot(points[:, 0], points[:, 1]) < free]
        if len(points) >= count:
            break
    else:
        raise SceneError(f"{vessel.name} has no room for {count} particles; start with less liquid")
    i = np.arange(count)[:, None]
    shake = np.modf(i * np.array([0.7548777, 0.5698403, 0.4301597]))[0] - 0.5
    return points[:count] + 0.04 * spacing_m * shake
