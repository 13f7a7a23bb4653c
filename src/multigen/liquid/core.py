"""One time step of a pour, compiled: volume table -> weir -> ballistic packets -> receiver.

Reads:  tables of both vessels, physical constants, lip pose per step.   Makes: the ledger.
Used by: liquid.hydraulic (step by step), liquid.simulate (a whole path). Both run ``advance``, so
their numbers are the same bit for bit. SI units inside (m3, not mL).

Equations
  outflow   q = Cd int_0^h chord(y) sqrt(2 g (h - y)) dy over the wetted part of the mouth, the weir
            form used for tilting ladles (Noda & Terashima 2007, "Modeling and feedforward flow rate
            control of automatic pouring system", ACC), Cd 0.60 (0.577 is critical flow). A layer
            running down the wall past 90 degrees adds Cd * area * sqrt(2 g run_down).
  sliding   what no sill holds back any more (V less the volume at rest at this tilt) slides out as a
            whole: du/dt = k g sin(slope) - u^2 / (drag L), q = V_free u / (share L), a slug on an
            incline with turbulent drag, slowed by a throat or a lid and never more than the throat passes.
            A form of our own, after what particles do: their flow keeps growing to the end, where a
            weir's dies away exponentially. The larger of the two flows counts.
  full bore q <= Fl * A sqrt(g D) once air has to enter through the liquid: Wallis flooding with
            j* = C^2 / 4 and C about 0.9 (Whalley 1987, Int. J. Multiphase Flow 13:723).
  inertia   the head at the lip follows the hydrostatic one with a multiple of
            tau = sqrt(R / (1.84 g)), the inverse frequency of the first sloshing mode (deep liquid,
            R the widest radius).
  lip       starts to flow at a head of a share of the capillary length sqrt(sigma / (rho g)), stops
            at a smaller one, then dribbles away in a fixed time.
  viscosity q Re / (Re + Re_half), Re = rho q / (mu 2 R): the usual fall of a discharge coefficient.
  launch    v^2 = 2 g h / 3 sin(tilt)^4 (critical flow; an upright wall has to be climbed first)
            + 2 g launch run_down, at an angle linear in the wall's slope at the lip, plus the
            velocity of the lip itself. Then free fall.
  capture   where the jet crosses the receiver's rim plane.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .compiled import EXACT
from .table import BELOW, MAX_TILT_RAD, head_of, row_at

G = 9.81
GRAIN = 2.0**60
"""Volumes are whole multiples of 1 / GRAIN m3 (1e-12 mL), so that adding them is exact."""
RING_S = 1.0
"""Longest fall that is kept in flight; a lip 4.9 m up."""


def _weir_lookup(top: float = 12.0, n: int = 2401) -> tuple[np.ndarray, np.ndarray]:
    """Discharge and wetted area of a unit circle's lip against relative head eta, both / Cd.

    ``int_0^min(eta, 2) 2 sqrt(1 - (1 - y)^2) sqrt(2 (eta - y)) dy`` and the same without the
    square root of depth; substituting y = top sin^2 removes both end singularities.
    """
    eta = np.linspace(0, top, n)[:, None]
    a, w = np.polynomial.legendre.leggauss(48)
    t = (a + 1) * np.pi / 4
    wet = np.minimum(eta, 2.0)
    y = wet * np.sin(t) ** 2
    dy = wet * 2 * np.sin(t) * np.cos(t) * np.pi / 4 * w
    chord = 2 * np.sqrt(np.maximum(1 - (1 - y) ** 2, 0))
    return (chord * np.sqrt(2 * (eta - y)) * dy).sum(1), (chord * dy).sum(1)


WEIR_TOP = 12.0
WEIR_Q, WEIR_AREA = _weir_lookup(WEIR_TOP)


class Setup(NamedTuple):
    """Everything that stays the same during a pour."""

    heads: np.ndarray
    volumes: np.ndarray
    sill_radius: np.ndarray
    run_down: np.ndarray
    slide: np.ndarray
    weir_q: np.ndarray
    weir_area: np.ndarray
    receiver_volume: np.ndarray
    receiver_level: np.ndarray
    constants: np.ndarray
    """Indexed by the C_ names."""


(
    C_DT, C_DENSITY, C_VISCOSITY, C_ON, C_OFF, C_CD, C_FOLLOW, C_RE_HALF, C_RUN, C_FLOOD, C_DRIBBLE,
    C_THROAT, C_WALL_ANGLE, C_RECV_RIM, C_RECV_DEPTH, C_STRIDE, C_SLIDE, C_LENGTH,
    C_FILLED, C_LAUNCH, C_DOWN, C_DOWN_SLOPE, C_REST, C_DRAG, C_COUNT,
) = range(25)  # fmt: skip

(
    SOURCE, FLIGHT, RECEIVER, SPILLED, HEAD, FLOW, FLOWING, DRIBBLE_LEFT, DRIBBLE_FLOW, STEP,
    LAST_LANDING, STARTED, LIP_X, LIP_Y, LIP_Z, LIP_VX, LIP_VY, LIP_VZ, FRONT, TAIL,
    START_X, START_Y, START_Z, VEL_X, VEL_Y, VEL_Z, END_Z, LEVEL, TILT, DROP,
    SUM_OUT, SUM_IN, SUM_LANDED, SUM_SPEED, SLIDE, NEAR_HEAD, NEAR_LEVEL, STATE_SIZE,
) = range(38)  # fmt: skip

TRACE_COLUMNS = 11
"""Columns of PourTrace after liquid_hz, in its order."""


@njit(**EXACT)
def grain(volume):
    """A volume [m3] rounded to the ledger's grain."""
    return np.rint(volume * GRAIN) / GRAIN


@njit(**EXACT)
def _interp(x, xs, ys, near):
    """Like np.interp, and the index below ``x``, which is where to look ``near`` next time."""
    n = xs.size
    if x <= xs[0]:
        return ys[0], 0
    if x >= xs[n - 1]:
        return ys[n - 1], n - 2
    lo, hi = 0, n - 1
    if xs[near] <= x:
        lo = near
        if xs[near + 1] > x:
            hi = near + 1
    while hi - lo > 1:
        mid = (lo + hi) // 2
        if xs[mid] <= x:
            lo = mid
        else:
            hi = mid
    return ys[lo] + (ys[hi] - ys[lo]) * (x - xs[lo]) / (xs[hi] - xs[lo]), lo


@njit(**EXACT)
def _length(x, y):
    return np.sqrt(x * x + y * y)


@njit(**EXACT)
def _discharge(setup, half, head, sill_radius, run_down):
    """Flow over the lip [m3/s] before hysteresis, and the share a full mouth lets through.

    ``half``: half the vertical extent of the mouth.
    """
    c = setup.constants
    x = min(head / half, WEIR_TOP * 0.9999) / WEIR_TOP * (setup.weir_q.size - 1)
    i = int(x)
    weir = setup.weir_q[i] + (x - i) * (setup.weir_q[i + 1] - setup.weir_q[i])
    area = setup.weir_area[i] + (x - i) * (setup.weir_area[i + 1] - setup.weir_area[i])
    q = (
        sill_radius
        * half
        * (weir * np.sqrt(G * half) + area * np.sqrt(2 * G * c[C_RUN] * run_down))
    )
    q *= c[C_CD]
    reynolds = c[C_DENSITY] * q / (c[C_VISCOSITY] * 2 * sill_radius)
    q *= reynolds / (reynolds + c[C_RE_HALF])
    bore = c[C_FLOOD] * np.pi * c[C_THROAT] ** 2 * np.sqrt(2 * G * c[C_THROAT])
    blocked = min(max((head / half - 1.2) / 0.8, 0.0), 1.0)
    limited = q - blocked * max(0.0, q - bore)
    return limited, (limited / q if q > 0 else 1.0)


@njit(**EXACT)
def _outflow(setup, state, half, head, sill_radius, run_down):
    """Hysteresis of the lip around the discharge; returns flow [m3/s] and the full-bore share."""
    c, dt = setup.constants, setup.constants[C_DT]
    if state[FLOWING] == 0.0 and head > c[C_ON]:
        state[FLOWING] = 1.0
    elif state[FLOWING] == 1.0 and head < c[C_OFF]:
        state[FLOWING] = 0.0
        state[DRIBBLE_LEFT], state[DRIBBLE_FLOW] = c[C_DRIBBLE], state[FLOW]
    if state[FLOWING] == 1.0:
        return _discharge(setup, half, head, sill_radius, run_down)
    if state[DRIBBLE_LEFT] > 0.5 * dt:
        state[DRIBBLE_LEFT] -= dt
        return state[DRIBBLE_FLOW] * (max(state[DRIBBLE_LEFT], 0.0) / c[C_DRIBBLE]) ** 2, 1.0
    return 0.0, 1.0


@njit(**EXACT)
def _sliding(setup, state, held, slide, v):
    """Flow [m3/s] of liquid that nothing holds back any more and that slides out as a whole.

    ``held``: volume at rest at this tilt; ``v``: speed at the mouth.
    """
    c, dt = setup.constants, setup.constants[C_DT]
    free = state[SOURCE] - held
    if slide <= 0 or state[FLOWING] == 0.0 or free <= 0:
        state[SLIDE] = 0.0
        return 0.0
    length = c[C_LENGTH]
    left = c[C_REST] * length
    u = state[SLIDE] if state[SLIDE] > 0 else min(state[FLOW] * left / free, 1.0)
    a = c[C_SLIDE] * 2 * G * slide / length
    u = (u + dt * a) / (1 + dt * u / (c[C_DRAG] * length))
    u = min(u, 0.5 * left / dt)
    state[SLIDE] = u
    q, area = free * u / left, np.pi * c[C_THROAT] ** 2
    q = min(q, c[C_FILLED] * area * v)
    bore = c[C_FLOOD] * area * np.sqrt(2 * G * c[C_THROAT])
    blocked = min(max((q / (area * max(v, 0.05)) - 0.4) / 0.3, 0.0), 1.0)
    return q - blocked * max(0.0, q - bore)


@njit(**EXACT)
def _fall_time(up, drop):
    """Seconds to fall ``drop`` metres from an upward speed ``up``."""
    return (up + np.sqrt(up * up + 2 * G * max(drop, 0.0))) / G


@njit(**EXACT)
def _follow_lip(state, lip, dt):
    """Velocity of the lip, smoothed over 20 ms (contacts make a held cup tremble)."""
    if state[STARTED] == 0.0:
        state[STARTED] = 1.0
    else:
        a = min(1.0, dt / 0.02)
        for k in range(3):
            state[LIP_VX + k] += a * ((lip[k] - state[LIP_X + k]) / dt - state[LIP_VX + k])
    for k in range(3):
        state[LIP_X + k] = lip[k]


@njit(**EXACT)
def _throw(setup, state, ring, q, dv, v, slope, lip, out_xy, floor):
    """Launch this step's packet: where and when it lands. Updates the stream and the ring."""
    c, dt, level = setup.constants, setup.constants[C_DT], state[LEVEL]
    vx = out_xy[0] * v * np.cos(slope) + state[LIP_VX]
    vy = out_xy[1] * v * np.cos(slope) + state[LIP_VY]
    vz = -v * np.sin(slope) + state[LIP_VZ]
    to_rim = _fall_time(vz, lip[2] - floor[2] - max(level, c[C_RECV_DEPTH]))
    aside = _length(lip[0] + vx * to_rim - floor[0], lip[1] + vy * to_rim - floor[1])
    speed = np.sqrt(vx * vx + vy * vy + (vz - G * to_rim) ** 2)
    edge = np.sqrt(q / (np.pi * max(speed, 0.05))) + 2e-3  # the jet's radius, and some wobble
    share = min(max(0.5 * ((c[C_RECV_RIM] - aside) / edge + 1), 0.0), 1.0)
    state[END_Z] = floor[2] + (level if share >= 0.5 else 0.0)
    state[DROP] = max(lip[2] - state[END_Z], 0.0)
    for k in range(3):
        state[START_X + k] = lip[k]
    state[VEL_X], state[VEL_Y], state[VEL_Z] = vx, vy, vz
    state[FLIGHT] += dv
    slots = ring.shape[0]
    now = int(state[STEP]) % slots
    caught = grain(dv * share)
    for part in range(2):
        volume = caught if part == 0 else dv - caught
        if volume <= 0:
            continue
        fall = _fall_time(vz, lip[2] - floor[2] - (level if part == 0 else 0.0))
        impact = np.sqrt(vx * vx + vy * vy + (vz - G * fall) ** 2)
        x = min(fall / dt, slots - 3.0)
        n = int(x)
        late = grain(volume * (x - n))  # it lands over two steps: no ripple when n changes
        for extra in range(2):
            w = late if extra == 1 else volume - late
            j = now + n + extra
            j -= slots if j >= slots else 0
            ring[j, part] += w
            ring[j, 2] += w * impact
        state[LAST_LANDING] = max(state[LAST_LANDING], state[STEP] + n + 1)


@njit(**EXACT)
def _land(setup, state, ring):
    """Move what lands in this step; what exceeds the brim is spilled."""
    i = int(state[STEP]) % ring.shape[0]
    caught, missed = ring[i, 0], ring[i, 1]
    state[SUM_IN] += caught
    state[SUM_LANDED] += caught + missed
    state[SUM_SPEED] += ring[i, 2]
    ring[i, 0] = ring[i, 1] = ring[i, 2] = 0.0
    state[FLIGHT] -= caught + missed
    state[RECEIVER] += caught
    state[SPILLED] += missed
    brim = grain(setup.receiver_volume[-1])
    if state[RECEIVER] > brim:
        state[SPILLED] += state[RECEIVER] - brim
        state[RECEIVER] = brim


@njit(**EXACT)
def _wait(setup, state, lip, floor):
    """A step in which nothing leaves the source."""
    dt = setup.constants[C_DT]
    state[FRONT] += dt
    state[TAIL] += dt
    state[FLOW] = 0.0
    over = _length(lip[0] - floor[0], lip[1] - floor[1]) < setup.constants[C_RECV_RIM]
    state[DROP] = max(lip[2] - floor[2] - (state[LEVEL] if over else 0.0), 0.0)


@njit(**EXACT)
def _pour(setup, state, ring, tilt, i, f, lip, out_xy, floor):
    """A step in which liquid may leave: its volume, its speed, where it lands."""
    c, dt, head = setup.constants, setup.constants[C_DT], state[HEAD]
    sill_radius = (1 - f) * setup.sill_radius[i] + f * setup.sill_radius[i + 1]
    run_down = (1 - f) * setup.run_down[i] + f * setup.run_down[i + 1]
    sine = np.sin(tilt)
    half = sill_radius * max(sine, 0.15)
    q, share = _outflow(setup, state, half, head, sill_radius, run_down)
    critical = 2 * G * min(max(head, 0.0), 2 * half) / 3 * share * share * sine**4
    v = np.sqrt(critical + 2 * G * c[C_LAUNCH] * run_down)
    held = (1 - f) * setup.volumes[i, BELOW] + f * setup.volumes[i + 1, BELOW]
    slide = (1 - f) * setup.slide[i] + f * setup.slide[i + 1]
    q = max(q, _sliding(setup, state, held, slide, v))
    dv = min(grain(q * dt), state[SOURCE])
    if dv <= 0:
        _wait(setup, state, lip, floor)
        return
    q = dv / dt
    state[SOURCE] -= dv
    state[SUM_OUT] += dv
    state[FRONT] = state[FRONT] + dt if state[FLOW] > 0 else dt
    state[TAIL] = 0.0
    state[FLOW] = q
    down = c[C_DOWN] + c[C_DOWN_SLOPE] * (tilt - 0.5 * np.pi + c[C_WALL_ANGLE])
    _throw(setup, state, ring, q, dv, v, down, lip, out_xy, floor)


@njit(**EXACT)
def advance(setup, state, ring, tilt, lip, out_xy, floor, rise):
    """Advance ``state`` [STATE_SIZE] and ``ring`` [slots, 3] by one step, in place.

    ``rise``: how much higher the lip is than the table's, where a lid's hole is not on the low side.
    """
    c, dt = setup.constants, setup.constants[C_DT]
    _follow_lip(state, lip, dt)
    i, f = row_at(setup.heads.shape[0], MAX_TILT_RAD, tilt)
    still, near = head_of(setup.heads, setup.volumes, i, f, state[SOURCE], int(state[NEAR_HEAD]))
    still, state[NEAR_HEAD] = still - rise, near
    state[HEAD] += (still - state[HEAD]) * (c[C_FOLLOW] if state[STEP] > 0 else 1.0)

    state[TILT] = tilt
    if state[FLOWING] == 0.0 and state[HEAD] <= c[C_ON] and state[DRIBBLE_LEFT] <= 0.5 * dt:
        _wait(setup, state, lip, floor)
    else:
        _pour(setup, state, ring, tilt, i, f, lip, out_xy, floor)
    if state[STEP] <= state[LAST_LANDING]:
        _land(setup, state, ring)
        state[LEVEL], below = _interp(
            state[RECEIVER], setup.receiver_volume, setup.receiver_level, int(state[NEAR_LEVEL])
        )
        state[NEAR_LEVEL] = below
    state[STEP] += 1


@njit(**EXACT)
def write_row(setup, state, row):
    """Close a window of C_STRIDE steps: fill one PourTrace row (mL, SI) and reset the sums."""
    window = setup.constants[C_STRIDE] * setup.constants[C_DT]
    row[0], row[1] = state[SOURCE] * 1e6, state[FLIGHT] * 1e6
    row[2], row[3] = state[RECEIVER] * 1e6, state[SPILLED] * 1e6
    row[4], row[5] = state[SUM_OUT] / window * 1e6, state[SUM_IN] / window * 1e6
    row[6], row[7] = state[TILT], state[DROP]
    landed = state[SUM_LANDED]
    if landed > 0:
        row[8] = state[SUM_SPEED] / landed
        row[9] = np.sqrt(4 * landed / window / (np.pi * max(row[8], 0.05)))
    else:
        row[8] = row[9] = 0.0
    row[10] = state[LEVEL]
    for k in range(SUM_OUT, SUM_SPEED + 1):
        state[k] = 0.0


@njit(**EXACT)
def run_path(setup, state, ring, tilt, lip, out_xy, floor, rows):
    """A whole path: ``advance`` for every step, ``write_row`` after every C_STRIDE of them."""
    stride = int(setup.constants[C_STRIDE])
    for k in range(tilt.size):
        advance(setup, state, ring, tilt[k], lip[k], out_xy[k], floor, 0.0)
        if (k + 1) % stride == 0:
            write_row(setup, state, rows[(k + 1) // stride - 1])
