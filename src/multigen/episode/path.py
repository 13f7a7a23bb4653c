"""The geometry of a pour: where the pinch site must be so that the lip is where it should be.

Reads:  two vessels, where they stand, a pour height.   Makes: pinch-site poses, timed pose rows.
Used by: episode.plan. Pure numpy: no simulator, no joints.
Words: ``a`` approach direction of the gripper (horizontal), ``d`` direction of the pour (horizontal,
perpendicular to ``a``), ``theta`` tilt of the cup: a right-handed roll about ``turn * a`` tips the
cup's axis from up towards ``d``.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..types import Clock, SceneConfig, Vessel

FINGER_OUT_M = 0.032
"""How far a closed finger reaches beyond the wall it presses on."""
FINGER_HALF_WIDTH_M = 0.013
KNUCKLE_M = 0.070
"""Half the gripper's width where its linkage bulges, behind the fingers."""
CLEAR_M = 0.012
"""Air kept between what is carried and what stands."""
BERTH_M = 0.03
"""The same where a beginner shall learn from it, whose hand is a centimetre off."""
TABLE_CLEAR_M = 0.02
"""Air kept above the table: a hand that sags a little shall not look as if it had set the vessel down."""
LOWEST_GRASP_M = 0.039
"""Of the pads above the table: the hand's own hull then clears it by 1.5 mm."""
UP = np.array([0.0, 0.0, 1.0])
LEVEL = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""Site axes as columns, gripper level and pointing along +x: x down, y (opening) sideways."""


@dataclass(frozen=True)
class Manner:
    """How a plan is chosen among the possible ones."""

    clear_m: float = CLEAR_M
    """Air kept between what is carried and the receiver."""
    steady: bool = False
    """Rather slower than from another side, and the lip where it usually hangs as long as little is lost:
    who learns by watching cannot know why the same scene was solved in another way."""
    pours_s: float | None = None
    """Tilt quickly until it flows, then so slowly that the asked amount takes about this long; None: in
    one movement. What a learner's ear tells is a few tenths of a second old, and so much has flowed since."""


TEACHING = Manner(BERTH_M, steady=True, pours_s=3.0)
"""Of a teacher of beginners."""


def ease(s: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """0 to 1 with resting ends: smoothstep, peak speed 1.5."""
    s = np.clip(s, 0.0, 1.0)
    return s * s * (3 - 2 * s)


def whole_frames(seconds: float, clock: Clock) -> float:
    """Rounded up to whole control intervals [s]."""
    return float(np.ceil(seconds * clock.control_hz - 1e-9)) / clock.control_hz


def turn_about(axis: Float[np.ndarray, " 3"], angle: float) -> Float[np.ndarray, "3 3"]:
    """Rotation matrix (Rodrigues)."""
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


@dataclass(frozen=True)
class PourPath:
    """All pinch poses of one pour as a function of tilt alone; the lip stays over the receiver."""

    approach: Float[np.ndarray, " 3"]
    turn: float
    """+1 or -1: sense of the roll about the approach direction."""
    lip_xy: Float[np.ndarray, " 2"]
    """Where the lip hangs, seen from above [m]."""
    grip_m: float
    """Grasp height on the source, above its base."""
    lip_radius_m: float
    rim_m: float
    """Height of the source's rim above its base."""
    tilts: Float[np.ndarray, " n"]
    lip_z: Float[np.ndarray, " n"]
    """Height of the lip at ``tilts`` [m]."""
    clear_m: float = CLEAR_M
    """Air kept between what is carried and the receiver."""

    @property
    def direction(self) -> Float[np.ndarray, " 3"]:
        return self.turn * np.cross(self.approach, UP)

    def lip(self, theta: float) -> Float[np.ndarray, " 3"]:
        """World position of the lip [m]."""
        return self.lips(np.array([theta]))[0]

    def lips(self, thetas: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
        """World positions of the lip [m], one per tilt."""
        z = np.interp(thetas, self.tilts, self.lip_z)
        return np.column_stack([np.broadcast_to(self.lip_xy, (len(z), 2)), z])

    def pinch(self, theta: float) -> tuple[np.ndarray, np.ndarray]:
        """Pinch-site pose that puts the lip there."""
        roll = turn_about(self.turn * self.approach, theta)
        arm_of_lip = self.lip_radius_m * self.direction + (self.rim_m - self.grip_m) * UP
        yaw = np.arctan2(self.approach[1], self.approach[0])
        return self.lip(theta) - roll @ arm_of_lip, roll @ turn_about(UP, float(yaw)) @ LEVEL


def pour_path(
    scene: SceneConfig,
    receiver_xyz: Float[np.ndarray, " 3"],
    azimuth: float,
    turn: float,
    offset_m: float,
    clear_m: float = CLEAR_M,
) -> PourPath:
    """The path for one choice of approach azimuth [rad], sense and offset of the lip along ``d``.

    The lip hangs ``offset_m`` from the receiver's axis (negative: on the near side), at
    pour_height_m above the rim, higher only where cup or fingers would otherwise touch something.
    """
    source, receiver = scene.source, scene.receiver
    approach = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    direction = turn * np.cross(approach, UP)
    rim = receiver_xyz[2] + receiver.height_m
    grip = grasp_height_m(scene)
    tilts = np.linspace(0.0, np.radians(150), 151)
    floor = lip_clearance_m(source, receiver, grip, offset_m, tilts, rim, clear_m)
    lip_z = _above(tilts, np.maximum(rim + scene.pour_height_m, floor))
    return PourPath(
        approach, turn, (receiver_xyz + offset_m * direction)[:2], grip,
        source.rim_radius_m, source.height_m, tilts, lip_z, clear_m,
    )  # fmt: skip


def grasp_height_m(scene: SceneConfig) -> float:
    """Mid height and the drawn offset (paper 3.3: within 5 % of the container's centre), as far as the
    hand, which is wider than its fingers, stays off the table."""
    return max((0.5 + scene.grasp_offset) * scene.source.height_m, LOWEST_GRASP_M)


def lip_clearance_m(
    source: Vessel,
    receiver: Vessel,
    grip_m: float,
    offset_m: float,
    tilts: Float[np.ndarray, " n"],
    rim_m: float,
    clear_m: float = CLEAR_M,
) -> Float[np.ndarray, " n"]:
    """Lowest lip height at which cup and fingers clear receiver (by ``clear_m``) and table, for each
    tilt [m].

    In the plane of the pour: a point (rho, z) of the cup sits, seen from the lip,
    (rho - r) cos + (z - h) sin ahead and (z - h) cos - (rho - r) sin above.
    """
    z = np.linspace(0.0, source.height_m, 40)
    r = source.outer_radius_m(z)
    grip_r = float(source.outer_radius_m(np.array([grip_m]))[0])
    f_rho = np.array([grip_r, grip_r + FINGER_OUT_M])
    f_rho, f_z = np.meshgrid(f_rho, grip_m + np.array([-1.0, 1.0]) * FINGER_HALF_WIDTH_M)
    rho = np.concatenate([r, -r, f_rho.ravel(), -f_rho.ravel()])
    zed = np.concatenate([z, z, f_z.ravel(), f_z.ravel()]) - source.height_m
    c, s = np.cos(tilts)[:, None], np.sin(tilts)[:, None]
    ahead = offset_m + (rho - source.rim_radius_m) * c + zed * s
    above = zed * c - (rho - source.rim_radius_m) * s
    reach = float(np.max([p[1] for p in receiver.outer])) + clear_m
    over = np.where(np.abs(ahead) < reach, rim_m + clear_m - above, -np.inf)
    # the gripper's body is wider than its fingers but never over the receiver: table only
    knuckles = (grip_m - source.height_m) * c - (KNUCKLE_M + source.rim_radius_m) * s
    table = np.maximum(TABLE_CLEAR_M - above.min(1), TABLE_CLEAR_M - knuckles[:, 0])
    return np.maximum(over.max(1), table)


def _above(tilts: np.ndarray, floor: np.ndarray, slope: float = 0.25) -> np.ndarray:
    """The lowest curve over ``floor`` that changes by at most ``slope`` metres per radian, smoothed."""
    reach = np.abs(tilts[:, None] - tilts[None])
    cone = np.max(floor[None] - slope * reach, axis=1)
    kernel = np.hanning(17)[1:-1]
    padded = np.pad(cone, len(kernel) // 2, mode="edge")
    return np.maximum(np.convolve(padded, kernel / kernel.sum(), "valid"), cone)


@dataclass(frozen=True)
class Leg:
    """One eased displacement; legs may overlap in time, which rounds the corners between them."""

    start_s: float
    seconds: float
    move: Float[np.ndarray, " 3"]


def along(
    start: Float[np.ndarray, " 3"], legs: tuple[Leg, ...], times: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n 3"]:
    """Positions at ``times``: the start and every leg's share of its displacement."""
    shares = [ease((times - leg.start_s) / leg.seconds)[:, None] * leg.move for leg in legs]
    return start + np.sum(shares, axis=0)
