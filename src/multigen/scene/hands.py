"""What holds the source where there is no robot: a plain hand, or a plain gripper on an arm.

Reads:  Hand, Vessel.   Makes: geoms on a body of its own, without contact or mass.   Used by:
scene.build, for the scenes a sound model learns from. A gripper is as much in the way of the eye as
a robot's, and it may come from elsewhere and have a pillar it seems to grow from, so that a robot
that reaches for a vessel is nothing new to what learned from these scenes.
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
    shoulder_rad: float = 0.3
    """A gripper's upper arm: how far it turns aside behind the elbow."""
    shoulder_m: float = 0.4
    """And how far it rises."""
    pillar_m: tuple[float, float, float] | None = None
    """x, y and height of a pillar on the table with a part of an arm on it, world frame."""


def add_hand(world: Any, source: Vessel, hand: Hand) -> None:
    """Add the mocap body 'hand' in the source's frame, with the geoms 'hand_...', and the pillar."""
    h = source.height_m * 0.5
    r = float(source.outer_radius_m(np.array([h]))[0])
    look = {"contype": 0, "conaffinity": 0, "mass": 0, "group": GROUP_SOLID}
    body = world.add_body(name="hand", mocap=True)
    if hand.kind == "hand":
        _draw_hand(body, r, h, hand.azimuth_rad, look)
    else:
        _draw_gripper(body, r, h, hand, look)
    if hand.pillar_m is not None:
        _draw_pillar(world, hand, look)


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


def _draw_gripper(body: Any, r: float, h: float, hand: Hand, look: dict) -> None:
    """Two pads on either side, fingers back to a palm, a wrist, a forearm bent upwards, an upper arm."""
    azimuth = hand.azimuth_rad
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
    shoulder = _at(palm + 0.75, azimuth + hand.shoulder_rad, h + hand.shoulder_m)
    body.add_geom(
        name="hand_upper", type=CAPSULE, size=[0.055, 0, 0], fromto=[*elbow, *shoulder], **light
    )


def _draw_pillar(world: Any, hand: Hand, look: dict) -> None:
    """What an arm stands on, and a link that leans from its top."""
    assert hand.pillar_m is not None
    x, y, top = hand.pillar_m
    light = {"material": "hand", **look}
    lean = np.array(_at(0.25, hand.azimuth_rad + hand.shoulder_rad, hand.shoulder_m - 0.2))
    world.add_geom(
        name="hand_pillar", type=CAPSULE, size=[0.06, 0, 0], fromto=[x, y, 0, x, y, top], **light
    )
    world.add_geom(
        name="hand_pillar_link", type=CAPSULE, size=[0.05, 0, 0],
        fromto=[x, y, top, *(np.array([x, y, top]) + lean)], **light,
    )  # fmt: skip
