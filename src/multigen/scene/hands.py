"""What holds the source where there is no robot: a plain hand, or a plain gripper on an arm.

Reads:  Hand, Vessel.   Makes: geoms on the source's body, without contact or mass.   Used by:
scene.build, for the scenes a sound model learns from. A gripper is as much in the way of the eye as
a robot's, so that a robot in the picture is nothing new to what learned from these scenes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import mujoco
import numpy as np

from ..types import Vessel
from .cups import GROUP_SOLID

CAPSULE, ELLIPSOID = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_ELLIPSOID
BOX = mujoco.mjtGeom.mjGEOM_BOX


@dataclass(frozen=True)
class Hand:
    """What holds the source, and from where."""

    azimuth_rad: float
    """Where it comes from, in the source's frame; +x is the side that is poured over."""
    kind: Literal["hand", "gripper"] = "hand"


def add_hand(body: Any, source: Vessel, hand: Hand) -> None:
    """Add the geoms 'hand_...' of a hand or a gripper to the source's body."""
    h = source.height_m * 0.5
    r = float(source.outer_radius_m(np.array([h]))[0])
    look = {"contype": 0, "conaffinity": 0, "mass": 0, "group": GROUP_SOLID}
    draw = _draw_hand if hand.kind == "hand" else _draw_gripper
    draw(body, r, h, hand.azimuth_rad, look)


def _at(radius: float, angle: float, z: float) -> list[float]:
    return [radius * np.cos(angle), radius * np.sin(angle), z]


def _turned(angle: float) -> list[float]:
    """Rotation about the vessel's axis."""
    return [np.cos(angle / 2), 0, 0, np.sin(angle / 2)]


def _draw_hand(body: Any, r: float, h: float, azimuth: float, look: dict) -> None:
    """A forearm and a palm at ``azimuth``, four fingers and a thumb around the vessel."""
    look = {"material": "hand", **look}

    def at(radius: float, turn: float, z: float) -> list[float]:
        return _at(radius, azimuth + turn, z)

    body.add_geom(
        name="hand_arm", type=CAPSULE, size=[0.022, 0, 0],
        fromto=[*at(r + 0.035, 0.1, h), *at(r + 0.3, -0.25, h - 0.05)], **look,
    )  # fmt: skip
    body.add_geom(
        name="hand_palm", type=ELLIPSOID, size=[0.016, 0.03, 0.045],
        pos=at(r + 0.012, 0, h), quat=_turned(azimuth), **look,
    )  # fmt: skip
    for k in range(4):
        z = h - 0.03 + 0.019 * k
        for j, (a, b) in enumerate(((0.3, 1.0), (1.0, 1.7))):
            ends = [*at(r + 0.009, a, z), *at(r + 0.009, b, z)]
            body.add_geom(
                name=f"hand_finger{k}{j}", type=CAPSULE, size=[0.008, 0, 0], fromto=ends, **look
            )
    thumb = [*at(r + 0.009, -0.3, h), *at(r + 0.009, -1.2, h + 0.01)]
    body.add_geom(name="hand_thumb", type=CAPSULE, size=[0.009, 0, 0], fromto=thumb, **look)


def _draw_gripper(body: Any, r: float, h: float, azimuth: float, look: dict) -> None:
    """Two pads on either side, fingers back to a palm, a wrist, a forearm bent upwards."""
    dark = {"material": "gripper", **look}
    light = {"material": "hand", **look}
    palm = r + 0.095
    for side in (-1, 1):
        pad = _at(r + 0.008, azimuth + side * np.pi / 2, h)
        body.add_geom(
            name=f"hand_pad{side}", type=BOX, size=[0.013, 0.007, 0.011],
            pos=pad, quat=_turned(azimuth), **dark,
        )  # fmt: skip
        knuckle = np.array(_at(palm, azimuth, h))
        knuckle += _at(0.035, azimuth + side * np.pi / 2, 0)
        body.add_geom(
            name=f"hand_link{side}",
            type=CAPSULE,
            size=[0.01, 0, 0],
            fromto=[*pad, *knuckle],
            **dark,
        )
    body.add_geom(
        name="hand_palm", type=BOX, size=[0.03, 0.05, 0.035],
        pos=_at(palm + 0.02, azimuth, h), quat=_turned(azimuth), **dark,
    )  # fmt: skip
    wrist, elbow = _at(palm + 0.2, azimuth, h), _at(palm + 0.45, azimuth + 0.15, h + 0.18)
    body.add_geom(
        name="hand_wrist", type=CAPSULE, size=[0.042, 0, 0],
        fromto=[*_at(palm + 0.06, azimuth, h), *wrist], **light,
    )  # fmt: skip
    body.add_geom(
        name="hand_forearm", type=CAPSULE, size=[0.048, 0, 0], fromto=[*wrist, *elbow], **light
    )
