"""A vessel in a scene: what the eye sees, what the fingers touch, what it weighs.

Reads:  a Vessel.   Makes: geoms on an MjSpec body.   Used by: scene.build.
A mesh collides as its convex hull, which would close the mouth, so contact is a ring of boxes per
stretch of wall and a disc for the bottom. They carry the mass; everything seen is massless.
"""

from itertools import pairwise

import mujoco
import numpy as np

from ..types import Vessel
from .lathe import Mesh, handle_mesh, lid_mesh, vessel_mesh
from .liquid_mesh import LiquidMesh

GROUP_SOLID, GROUP_LIQUID, GROUP_ROBOT, GROUP_ROBOT_CONTACT, GROUP_CONTACT, GROUP_GLASS = range(6)
"""Geom groups: rooms, tables, opaque vessels | liquid | arm | hidden | hidden | see-through vessels."""
CONTACT_WALL_M = 0.003
"""Thinnest contact wall and bottom: thinner ones are tunnelled through."""
BOXES = 12
TOUCH = {
    "condim": 4, "friction": [0.7, 0.005, 0.0001], "priority": 1,
    "solref": [0.004, 1], "solimp": [0.95, 0.99, 0.001, 0.5, 2],
}  # fmt: skip
"""Contact of a wall: the gripper pads' own stiffness and sliding friction (at lower stiffness the
vessel creeps), and the torsional friction that a soft pad's patch has: 5 mm, about half its radius.
Without it a heavy vessel whose edge lies between the pads swings like a pendulum (66 degrees, now 1:
benchmarks/grasp.py --azimuth 15)."""


def add_mesh_geom(spec: mujoco.MjSpec, body, name: str, mesh: Mesh, material: str, group: int):
    """A massless geom that touches nothing, named like its mesh ('<name>' and '<name>_mesh')."""
    vertices, faces = mesh
    spec.add_mesh(
        name=f"{name}_mesh", uservert=vertices.ravel(), userface=faces.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )  # fmt: skip
    return body.add_geom(
        name=name, type=mujoco.mjtGeom.mjGEOM_MESH, meshname=f"{name}_mesh", material=material,
        contype=0, conaffinity=0, mass=0, group=group,
    )  # fmt: skip


def add_vessel(
    spec: mujoco.MjSpec,
    body,
    role: str,
    vessel: Vessel,
    liquid: LiquidMesh,
    ml: float,
    *,
    segments: int = 48,
) -> None:
    """Visible geoms '<role>' (the vessel), '<role>_lid', '<role>_handle' where it has them, and
    '<role>_liquid' on ``body``; role 'source' or 'receiver'.
    """
    group = GROUP_GLASS if vessel.is_transparent else GROUP_SOLID
    add_mesh_geom(spec, body, role, vessel_mesh(vessel, segments), role, group)
    if vessel.mouth_radius_m is not None:
        add_mesh_geom(spec, body, f"{role}_lid", lid_mesh(vessel, segments), "lid", group)
        _add_tab(body, role, vessel, group)
    if vessel.kind == "mug":
        add_mesh_geom(spec, body, f"{role}_handle", handle_mesh(vessel), role, group)
    # A mesh without any area does not compile: start with at least a little and empty it later.
    first = liquid.vertices(np.array([0.0, 0.0, 1.0]), max(ml, 0.3 * vessel.capacity_ml))
    add_mesh_geom(spec, body, f"{role}_liquid", (first, liquid.faces), "liquid", GROUP_LIQUID)


def _add_tab(body, role: str, vessel: Vessel, group: int) -> None:
    """The tab that opened the can, beyond the hole's far edge."""
    length = 0.35 * vessel.inner[-2][1]
    x = vessel.mouth_offset_m - vessel.opening_radius_m - length
    body.add_geom(
        name=f"{role}_tab", type=mujoco.mjtGeom.mjGEOM_ELLIPSOID, size=[length, 0.55 * length, 0.0009],
        pos=[x, 0, vessel.height_m + 0.0012], material="lid", contype=0, conaffinity=0, mass=0, group=group,
    )  # fmt: skip


def add_contact(
    body, role: str, vessel: Vessel, *, extra_kg: float = 0.0, friction: float = 1.0
) -> None:
    """Boxes and a disc that follow the outside; three quarters of the mass on the wall.

    ``extra_kg`` (the liquid) sits on the bottom; ``friction`` scales the sliding friction.
    """
    rub = [friction, 0.01, 0.001]
    sliding, *rest = TOUCH["friction"]
    touch = TOUCH | {"friction": [friction * sliding, *rest]}
    wall = _straightened(np.array(vessel.outer, float), 1.5e-3)
    lengths = np.hypot(*np.diff(wall, axis=0).T)
    turn, lean = np.zeros(4), np.zeros(4)
    for k, ((z0, r0), (z1, r1)) in enumerate(pairwise(wall)):
        angle = np.arctan2(r1 - r0, z1 - z0)
        zm, rm = (z0 + z1) / 2, (r0 + r1) / 2
        inner = float(vessel.inner_radius_m(np.array([zm - vessel.floor_m]))[0])
        thick = max(CONTACT_WALL_M, (rm - inner) * np.cos(angle)) / 2
        lean[:] = np.cos(angle / 2), 0, np.sin(angle / 2), 0
        size = [thick, rm * np.tan(np.pi / BOXES) * 1.02, lengths[k] / 2]
        share = 0.75 * vessel.mass_kg * lengths[k] / lengths.sum() / BOXES
        for i in range(BOXES):
            a = 2 * np.pi * i / BOXES
            mujoco.mju_mulQuat(turn, np.array([np.cos(a / 2), 0, 0, np.sin(a / 2)]), lean)
            radius = rm - thick * np.cos(angle)
            body.add_geom(
                name=f"{role}_wall{k}_{i}", type=mujoco.mjtGeom.mjGEOM_BOX, size=size,
                pos=[radius * np.cos(a), radius * np.sin(a), zm + thick * np.sin(angle)], quat=turn.copy(),
                group=GROUP_CONTACT, mass=share, **touch,
            )  # fmt: skip
    half = max(CONTACT_WALL_M, vessel.floor_m) / 2
    body.add_geom(
        name=f"{role}_bottom", type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[vessel.outer[0][1], half, 0],
        pos=[0, 0, half], group=GROUP_CONTACT, mass=0.25 * vessel.mass_kg + extra_kg,
        solref=[0.004, 1], friction=rub,
    )  # fmt: skip


def _straightened(profile: np.ndarray, tolerance: float) -> np.ndarray:
    """Fewer points within ``tolerance`` [m] of the profile (Douglas-Peucker)."""
    if len(profile) < 3:
        return profile
    a, b = profile[0], profile[-1]
    ahead = (b - a) / np.linalg.norm(b - a)
    off = np.abs((profile[:, 0] - a[0]) * ahead[1] - (profile[:, 1] - a[1]) * ahead[0])
    k = int(off.argmax())
    if off[k] <= tolerance:
        return np.stack([a, b])
    left, right = _straightened(profile[: k + 1], tolerance), _straightened(profile[k:], tolerance)
    return np.concatenate([left[:-1], right])
