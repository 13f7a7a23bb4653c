"""The compiled loops in which particles meet vessels: sides, walls, lids, and who is where.

Reads:  float32 arrays of particles, Sections, poses.   Makes: changes in those arrays.
Used by: liquid.particles.fluid (every iteration of a step), liquid.particles.pour (the ledger).

Walls fill the missing half of the kernel with its integral over the half-space behind them, and
particles are kept half a spacing away from them. On which side of a wall a particle is depends on
where it was in the vessel's previous pose: a wall that moves by more than its thickness in a step does not leak.
"""

import numpy as np
from numba import njit

from .kernels import FAST, ONE, TINY, ZERO
from .section import INNER, OUTER, STEP_M

ABOVE = 2
"""Side of a particle outside, above the plane of the rim: the only place from where to get in."""
SOURCE, FLIGHT, RECEIVER, SPILLED = range(4)
"""Places in the ledger."""
QUARTER = np.float32(0.25)
EDGE = np.float32(0.3)
"""Distance from the edge of a hole in a lid, of the usual distance from walls."""
CELLS_PER_M = np.float32(1 / STEP_M)


@njit(**FAST)
def into_vessel(x, y, z, rot, pos):
    """A world point in a vessel's frame."""
    a, b, c = x - pos[0], y - pos[1], z - pos[2]
    return (
        rot[0, 0] * a + rot[1, 0] * b + rot[2, 0] * c,
        rot[0, 1] * a + rot[1, 1] * b + rot[2, 1] * c,
        rot[0, 2] * a + rot[1, 2] * b + rot[2, 2] * c,
    )


@njit(**FAST)
def is_inside(middle, rim, floor, rim_row, r, z):
    """Whether (r, z) in a vessel's frame lies in its cavity: below the rim, within mid-wall."""
    if z >= rim or z <= floor:
        return False
    u = (z - rim) * CELLS_PER_M + np.float32(rim_row)
    k = int(u)
    f = u - np.float32(k)
    return r < middle[k] + f * (middle[k + 1] - middle[k])


@njit(**FAST)
def find_sides(x, n, s, rot, pos, side):
    """``side[v, i]``: INNER where particle i is in the cavity of vessel v, else OUTER or ABOVE."""
    for v in range(side.shape[0]):
        turn, at, middle = rot[v], pos[v], s.middle[v]
        rim, floor, rim_row = s.rim[v], s.floor[v], s.rim_row[v]
        for i in range(n):
            a, b, z = into_vessel(x[i, 0], x[i, 1], x[i, 2], turn, at)
            inside = is_inside(middle, rim, floor, rim_row, np.sqrt(a * a + b * b), z)
            side[v, i] = INNER if inside else (ABOVE if z >= rim else OUTER)


@njit(**FAST)
def _fell_in(r, z, rim, middle_rim, old, turn, at):
    """Whether the straight way from above the rim's plane crossed it within the middle of the rim."""
    a, b, z0 = into_vessel(old[0], old[1], old[2], turn, at)
    r0 = np.sqrt(a * a + b * b)
    return r0 + (r - r0) * (z0 - rim) / max(z0 - z, TINY) < middle_rim


@njit(**FAST)
def wall_distance(table, u, w):
    """Distance to the wall and its derivatives along r and z, at row ``u`` and column ``w``."""
    i, j = np.uint32(u), np.uint32(w)
    fz, fr = u - np.float32(i), w - np.float32(j)
    a, b, c, d = table[i, j], table[i, j + 1], table[i + 1, j], table[i + 1, j + 1]
    low, high = a + fr * (b - a), c + fr * (d - c)
    along = (b - a) + fz * ((d - c) - (b - a))
    return low + fz * (high - low), along * CELLS_PER_M, (high - low) * CELLS_PER_M


@njit(**FAST)
def meet_walls(  # noqa: PLR0915
    x, n, h, old, s, rot, pos, rot_old, pos_old, side, margin, table_z, wall, density, push
):  # fmt: skip
    """Push particles to ``margin`` from every wall of their side, and above the table.

    ``density`` and ``push`` [n, 3] receive what the walls add to each particle's density, and its
    gradient. The side is where a particle came from (find_sides); a cavity is left and entered
    through the rim's plane alone.
    """
    per = np.float32(wall.size - 1) / h
    last = wall.size - 2
    density[:n] = ZERO
    push[:n] = ZERO
    for v in range(rot.shape[0]):
        turn, at, rim, reach = rot[v], pos[v], s.rim[v], s.reach[v]
        rim_row, rows = np.float32(s.rim_row[v]), np.float32(s.distance.shape[2] - 2)
        tables, middle_rim = s.distance[v], s.middle[v, s.rim_row[v]]
        inner, outer = tables[INNER], tables[OUTER]
        hole, offset = s.hole[v], s.offset[v]
        for i in range(n):
            a, b, z = into_vessel(x[i, 0], x[i, 1], x[i, 2], turn, at)
            u = (z - rim) * CELLS_PER_M + rim_row
            r2 = a * a + b * b
            if r2 >= reach * reach or u <= ZERO or u >= rows:
                continue
            r = np.sqrt(r2)
            came = side[v, i]
            through = z < rim
            if hole > ZERO:  # a lid: through the hole or not at all
                in_hole = (a - offset) ** 2 + b * b < hole * hole
                through = through or not in_hole
                if came == ABOVE and z < rim and not in_hole and r < middle_rim:
                    continue  # meet_lid puts it back
            table = outer
            if (came == INNER and through) or (
                (came == ABOVE and z < rim)
                and (hole > ZERO or _fell_in(r, z, rim, middle_rim, old[i], rot_old[v], pos_old[v]))
            ):
                table = inner
            away, gr, gz = wall_distance(table, u, r * CELLS_PER_M)
            if away >= h:
                continue
            if away < margin:
                to_r, to_z = r, z
                for _ in range(2):  # twice, for corners
                    by = (margin - away) / max(gr * gr + gz * gz, QUARTER)
                    to_r, to_z = max(to_r + by * gr, ZERO), to_z + by * gz
                    u = (to_z - rim) * CELLS_PER_M + rim_row
                    if to_r >= reach or u <= ZERO or u >= rows:
                        break
                    away, gr, gz = wall_distance(table, u, to_r * CELLS_PER_M)
                    if away >= margin:
                        break
                f = (to_r - r) / max(r, TINY)
                da, db, dz = f * a, f * b, to_z - z
                x[i, 0] += turn[0, 0] * da + turn[0, 1] * db + turn[0, 2] * dz
                x[i, 1] += turn[1, 0] * da + turn[1, 1] * db + turn[1, 2] * dz
                x[i, 2] += turn[2, 0] * da + turn[2, 1] * db + turn[2, 2] * dz
            e = max(away, ZERO) * per
            k = min(int(e), last)
            step = wall[k + 1] - wall[k]
            density[i] += wall[k] + min(e - np.float32(k), ONE) * step
            f = step * per * gr / max(r, TINY)
            ga, gb, gc = f * a, f * b, step * per * gz
            push[i, 0] += turn[0, 0] * ga + turn[0, 1] * gb + turn[0, 2] * gc
            push[i, 1] += turn[1, 0] * ga + turn[1, 1] * gb + turn[1, 2] * gc
            push[i, 2] += turn[2, 0] * ga + turn[2, 1] * gb + turn[2, 2] * gc
    for i in range(n):
        x[i, 2] = max(x[i, 2], table_z + margin)


@njit(**FAST)
def meet_lid(x, n, h, v, s, rot, pos, side, margin, wall, density, push):
    """Like meet_walls, for the flat lid of vessel ``v``: a plane in the rim's with a round hole.

    The hole's edge is a wire: it keeps particles at EDGE of the usual distance and fills no space.
    """
    per = np.float32(wall.size - 1) / h
    last = wall.size - 2
    turn, at, rim = rot[v], pos[v], s.rim[v]
    hole, offset, edge_r = s.hole[v], s.offset[v], s.middle[v, s.rim_row[v]]
    for i in range(n):
        a, b, z = into_vessel(x[i, 0], x[i, 1], x[i, 2], turn, at)
        came = side[v, i]
        if came == OUTER or a * a + b * b > edge_r * edge_r or abs(z - rim) > h:
            continue
        ca, cb = a - offset, b
        rho = np.sqrt(ca * ca + cb * cb) + TINY
        near, fills = margin, ONE
        if rho >= hole:
            up = ONE if came == ABOVE else -ONE
            away, ga, gb, gz = up * (z - rim), ZERO, ZERO, up
        else:
            near, fills = EDGE * margin, ZERO
            inward, above = hole - rho, z - rim
            away = np.sqrt(inward * inward + above * above) + TINY
            ga, gb, gz = -inward * ca / (rho * away), -inward * cb / (rho * away), above / away
        if away >= h:
            continue
        by = max(near - away, ZERO)
        e = max(away, near) * per
        k = min(int(e), last)
        step = wall[k + 1] - wall[k]
        density[i] += fills * (wall[k] + min(e - np.float32(k), ONE) * step)
        f = fills * step * per
        for m in range(3):
            g = turn[m, 0] * ga + turn[m, 1] * gb + turn[m, 2] * gz
            x[i, m] += by * g
            push[i, m] += f * g


@njit(**FAST)
def classify(x, n, s, rot, pos, label, level, table_z, entered, gone):
    """Give every active particle its place in the ledger.

    ``label``: SOURCE, FLIGHT, RECEIVER or SPILLED. Vessel 0 is the source, vessel 1 the receiver.
    Liquid in the receiver's cavity has landed once it comes below ``level`` [m, above the base].
    ``entered[i]``: whether particle i came to RECEIVER or SPILLED in this step; ``gone[i]``: whether
    it reached the table and may retire.
    """
    for i in range(n):
        entered[i] = gone[i] = False
        before = label[i]
        a, b, z = into_vessel(x[i, 0], x[i, 1], x[i, 2], rot[0], pos[0])
        if is_inside(s.middle[0], s.rim[0], s.floor[0], s.rim_row[0], np.sqrt(a * a + b * b), z):
            label[i] = SOURCE
            continue
        a, b, z = into_vessel(x[i, 0], x[i, 1], x[i, 2], rot[1], pos[1])
        if is_inside(s.middle[1], s.rim[1], s.floor[1], s.rim_row[1], np.sqrt(a * a + b * b), z):
            if before != RECEIVER:
                entered[i] = z < level
                label[i] = RECEIVER if z < level else FLIGHT
            continue
        gone[i] = entered[i] = x[i, 2] < table_z
        label[i] = SPILLED if gone[i] else FLIGHT
