"""Things that only stand around: a kitchen table is never empty.

Reads:  where vessels and camera are, a random stream.   Makes: Distractor, geoms without contact.
Used by: scene.draw (draws them), scene.build (draws them on the picture, role BACKGROUND).
They keep out of the arm's way and out of the front camera's view of the two vessels.
"""

import mujoco
import numpy as np

from ..types import CameraPose, Distractor
from .cups import GROUP_SOLID, add_mesh_geom
from .lathe import lathe
from .streams import draw_colour

SIZES_M = {
    "box": ((0.05, 0.12), (0.04, 0.09), (0.07, 0.19)),
    "book": ((0.13, 0.19), (0.10, 0.14), (0.012, 0.035)),
    "ball": ((0.055, 0.085), (0.0, 0.0), (0.0, 0.0)),
    "jar": ((0.05, 0.085), (0.0, 0.0), (0.06, 0.13)),
    "bowl": ((0.10, 0.16), (0.0, 0.0), (0.04, 0.07)),
    "plate": ((0.14, 0.22), (0.0, 0.0), (0.012, 0.02)),
    "bottle": ((0.055, 0.075), (0.0, 0.0), (0.17, 0.25)),
}
"""Width, depth, height per kind; what is round has its width for a depth, a ball for both."""
TABLE_X_M, TABLE_Y_M = (0.0, 0.98), (-0.54, 0.54)
SEEN_X_M, SEEN_Y_M = (0.0, 0.5), (-0.46, 0.46)
"""Behind the vessels, where the front camera sees: half of the things go there."""
ARM_M = 0.22
"""Nothing stands this close to where arm and vessels move."""
SIGHT_M = 0.11
"""Nothing stands this close to a line of sight, in front of the vessels."""
TRIES = 40


def draw_distractors(
    rng: np.random.Generator,
    count: tuple[int, int],
    source_xy: tuple[float, float],
    receiver_xy: tuple[float, float],
    front: CameraPose,
) -> tuple[Distractor, ...]:
    """Between ``count[0]`` and ``count[1]`` things on the table; fewer where the table has no free place left."""
    base, eye = np.zeros(2), np.array(front.position[:2])
    source, receiver = np.array(source_xy), np.array(receiver_xy)
    lines = [
        (base, source, ARM_M), (base, receiver, ARM_M), (source, receiver, ARM_M),
        (receiver, eye, SIGHT_M), (source, eye, SIGHT_M), (eye, eye, 0.2),
    ]  # fmt: skip
    placed: list[Distractor] = []
    for _ in range(int(rng.integers(count[0], count[1] + 1))):
        kind = str(rng.choice(list(SIZES_M)))
        wide, deep, high = (float(rng.uniform(*span)) for span in SIZES_M[kind])
        size = (wide, deep or wide, high or wide)
        rgb = draw_colour(rng, (0.25, 0.95), (0.05, 0.8))
        yaw = float(rng.uniform(0, 2 * np.pi))
        x_m, y_m = (TABLE_X_M, TABLE_Y_M) if rng.random() < 0.5 else (SEEN_X_M, SEEN_Y_M)
        for at in np.stack([rng.uniform(*x_m, TRIES), rng.uniform(*y_m, TRIES)], 1):
            reach = np.hypot(*size[:2]) / 2 if kind in ("box", "book") else wide / 2
            free = all(_apart(at, a, b) > keep + reach for a, b, keep in lines)
            beside = all(
                np.hypot(*(at - p.xy_m)) > reach + np.hypot(*p.size_m[:2]) / 2 + 0.01
                for p in placed
            )
            if free and beside:
                where = (float(at[0]), float(at[1]))
                placed.append(Distractor(kind, where, yaw, size, rgb))
                break
    return tuple(placed)


def _apart(point: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Distance of a point from a segment [m]."""
    ahead = b - a
    length = float(ahead @ ahead)
    s = float(np.clip((point - a) @ ahead / length, 0, 1)) if length > 0 else 0.0
    return float(np.hypot(*(point - a - s * ahead)))


def add_distractors(spec: mujoco.MjSpec, things: tuple[Distractor, ...]) -> None:
    """Bodies 'distractor<i>' with what is seen of them; no contact, no mass."""
    for i, thing in enumerate(things):
        yaw = thing.yaw_rad / 2
        body = spec.worldbody.add_body(
            name=f"distractor{i}", pos=[*thing.xy_m, 0], quat=[np.cos(yaw), 0, 0, np.sin(yaw)]
        )
        _draw(spec, body, f"distractor{i}", thing)


def _draw(spec: mujoco.MjSpec, body, name: str, thing: Distractor) -> None:
    """Bowls, plates and bottles are lathe meshes, the rest a primitive or two."""
    w, d, h = thing.size_m
    own = [*thing.rgb, 1]
    if thing.kind in _OUTLINES:
        outline = np.array(_OUTLINES[thing.kind]) * [w / 2, h]
        add_mesh_geom(spec, body, name, lathe(outline, 40), "thing", GROUP_SOLID).rgba = own
        return
    pale = [*np.clip(0.55 * np.array(thing.rgb) + 0.35, 0, 1), 1]
    paper = [0.93, 0.91, 0.84, 1]
    box, round_, ball = (
        mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_SPHERE,
    )  # fmt: skip
    parts = {
        "ball": [(ball, [w / 2, 0, 0], [0, 0, w / 2], own)],
        "jar": [
            (round_, [w / 2, 0.42 * h, 0], [0, 0, 0.42 * h], own),
            (round_, [0.46 * w, 0.08 * h, 0], [0, 0, 0.92 * h], pale),
        ],
        "book": [
            (box, [w / 2, d / 2, h / 2], [0, 0, h / 2], own),
            (box, [w / 2 - 0.004, d / 2 + 0.0005, 0.36 * h], [0.0045, 0, h / 2], paper),
        ],
        "box": [
            (box, [w / 2, d / 2, h / 2], [0, 0, h / 2], own),
            (box, [w / 2 + 0.0008, d / 2 + 0.0008, 0.18 * h], [0, 0, 0.6 * h], pale),
        ],
    }[thing.kind]
    for k, (shape, size, pos, rgba) in enumerate(parts):
        body.add_geom(
            name=f"{name}_{k}", type=shape, size=size, pos=pos, rgba=rgba, material="thing",
            contype=0, conaffinity=0, mass=0, group=GROUP_SOLID,
        )  # fmt: skip


_OUTLINES = {
    "bowl": (
        (0, 0), (0.45, 0), (0.5, 0.06), (0.72, 0.35), (0.9, 0.7), (1, 1),
        (0.95, 1), (0.84, 0.72), (0.66, 0.42), (0.4, 0.2), (0, 0.16),
    ),
    "plate": (
        (0, 0), (0.6, 0), (0.66, 0.3), (1, 0.85), (1, 1), (0.97, 1), (0.63, 0.5), (0, 0.4),
    ),
    "bottle": (
        (0, 0), (0.96, 0), (1, 0.03), (1, 0.58), (0.9, 0.66), (0.6, 0.75), (0.4, 0.82),
        (0.36, 0.88), (0.36, 0.92), (0.42, 0.92), (0.42, 1), (0, 1),
    ),
}  # fmt: skip
"""Sections (radius over half the width, height over the height), from the bottom's centre around."""
