"""The compiled loops of a position-based fluid: neighbours, density, corrections, walls.

Reads:  float32 arrays of particles, Sections, poses.   Makes: changes in those arrays.
Used by: liquid.particles.fluid, in the order of one step. One thread; no allocation per particle.

Equations: Macklin & Mueller 2013, "Position Based Fluids", ACM Trans. Graph. 32(4): a density
constraint C_i = rho_i / rho_0 - 1 per particle, multipliers lambda_i = -C_i / (sum |grad C_i|^2 + eps),
corrections dx_i = sum_j (lambda_i + lambda_j) grad W; poly6 for densities, spiky for gradients
(Mueller et al. 2003); XSPH for viscosity (Schechter & Bridson 2012). Only compression is corrected.
Walls fill the missing half of the kernel with its integral over the half-space behind them, and
particles are kept half a spacing away from them.
"""

import numpy as np
from numba import njit

from .section import INNER, OUTER, STEP_M

ABOVE = 2
"""Side of a particle outside, above the plane of the rim: the only place from where to get in."""
SOURCE, FLIGHT, RECEIVER, SPILLED = range(4)
MAX_NEIGHBOURS = 48
MOST = MAX_NEIGHBOURS - 1
ZERO, ONE = np.float32(0), np.float32(1)
TINY, QUARTER = np.float32(1e-12), np.float32(0.25)
CELLS_PER_M = np.float32(1 / STEP_M)
FAST = {"cache": True, "fastmath": True, "error_model": "numpy"}


@njit(**FAST)
def sort_into_cells(x, n, size, low, dims, cell, start, order):
    """Counting sort of the first ``n`` particles by cell; fills ``low``, ``dims``, ``start``, ``order``.

    The grid spans the particles; beyond the room in ``start`` the outermost cells hold the rest.
    """
    for m in range(3):
        a = b = x[0, m]
        for i in range(1, n):
            a, b = min(a, x[i, m]), max(b, x[i, m])
        low[m] = a
        dims[m] = int((b - a) / size) + 1
    while dims[0] * dims[1] * dims[2] >= start.size:
        m = int(np.argmax(dims))
        dims[m] = (dims[m] + 1) // 2
    cells = dims[0] * dims[1] * dims[2]
    start[: cells + 1] = 0
    for i in range(n):
        c = 0
        for m in range(3):
            c = c * dims[m] + min(int((x[i, m] - low[m]) / size), dims[m] - 1)
        cell[i] = c
        start[c + 1] += 1
    for k in range(cells):
        start[k + 1] += start[k]
    for i in range(n - 1, -1, -1):  # start[c] .. start[c + 1] after this loop has shifted it
        c = cell[i]
        start[c + 1] -= 1
        order[start[c + 1]] = i
    for k in range(cells):
        start[k] = start[k + 1]
    start[cells] = n


@njit(**FAST)
def find_pairs(x, n, size, h2, low, dims, start, count, near):
    """``near[i, :count[i]]``: the particles j > i within the support; particles are sorted by cell.

    Every pair once: of the 27 cells around a particle only those that follow its own are searched.
    """
    for i in range(n):
        xi, yi, zi = x[i, 0], x[i, 1], x[i, 2]
        a = min(int((xi - low[0]) / size), dims[0] - 1)
        b = min(int((yi - low[1]) / size), dims[1] - 1)
        c = min(int((zi - low[2]) / size), dims[2] - 1)
        found = near[i]
        k = 0
        for p in range(a, min(a + 2, dims[0])):
            for q in range(b if p == a else max(b - 1, 0), min(b + 2, dims[1])):
                row = (p * dims[1] + q) * dims[2]  # cells along z follow each other
                first = i + 1 if p == a and q == b else start[row + max(c - 1, 0)]
                for j in range(first, start[row + min(c + 2, dims[2])]):
                    dx, dy, dz = xi - x[j, 0], yi - x[j, 1], zi - x[j, 2]
                    found[k] = j  # overwritten by the next one unless it counts: no branch
                    k += int((dx * dx + dy * dy + dz * dz < h2) & (k < MOST))
        count[i] = k


@njit(**FAST)
def multipliers(x, n, h, h2, poly6, spiky, own, eps, count, near, density, push, grad, total, lam):
    """lambda of every particle, and the gradients of its pairs in ``grad`` [n, k, 3].

    ``density`` and ``push``: what walls add to the density, and its gradient. ``total`` [n, 5] is
    scratch: density, gradient and squared pair gradients of every particle.
    """
    for i in range(n):
        total[i, 0] = total[i, 4] = ZERO
        for m in range(3):
            total[i, 1 + m] = push[i, m]
    for i in range(n):
        xi, yi, zi = x[i, 0], x[i, 1], x[i, 2]
        near_i, grad_i = near[i], grad[i]
        d = sx = sy = sz = s2 = ZERO
        for k in range(count[i]):
            j = near_i[k]
            dx, dy, dz = xi - x[j, 0], yi - x[j, 1], zi - x[j, 2]
            r2 = dx * dx + dy * dy + dz * dz + TINY
            q = max(h2 - r2, ZERO)
            w = q * q * q
            r = np.sqrt(r2)
            e = max(h - r, ZERO)
            g = spiky * e * e / r
            gx, gy, gz = g * dx, g * dy, g * dz
            g2 = g * g * r2
            grad_i[k, 0], grad_i[k, 1], grad_i[k, 2] = gx, gy, gz
            total[j, 0] += w
            total[j, 1] -= gx
            total[j, 2] -= gy
            total[j, 3] -= gz
            total[j, 4] += g2
            d += w
            sx += gx
            sy += gy
            sz += gz
            s2 += g2
        d += total[i, 0]
        sx += total[i, 1]
        sy += total[i, 2]
        sz += total[i, 3]
        s2 += total[i, 4]
        # particles before i have all added their share by now: the sums are complete
        excess = max(own + density[i] + poly6 * d - ONE, ZERO)
        lam[i] = -excess / (s2 + sx * sx + sy * sy + sz * sz + eps)


@njit(**FAST)
def correct(x, n, count, near, grad, push, lam, move):
    """Move every particle by its own and its neighbours' corrections; ``move`` [n, 3] is scratch."""
    for i in range(n):
        for m in range(3):
            move[i, m] = lam[i] * push[i, m]
    for i in range(n):
        own, near_i, grad_i = lam[i], near[i], grad[i]
        dx = dy = dz = ZERO
        for k in range(count[i]):
            j = near_i[k]
            f = own + lam[j]
            gx, gy, gz = f * grad_i[k, 0], f * grad_i[k, 1], f * grad_i[k, 2]
            move[j, 0] -= gx
            move[j, 1] -= gy
            move[j, 2] -= gz
            dx += gx
            dy += gy
            dz += gz
        x[i, 0] += move[i, 0] + dx
        x[i, 1] += move[i, 1] + dy
        x[i, 2] += move[i, 2] + dz


@njit(**FAST)
def smooth_velocities(x, v, n, h2, poly6, share, count, near, out):
    """XSPH: every velocity takes ``share`` of its neighbours' weighted differences."""
    out[:n] = v[:n]
    f = share * poly6
    for i in range(n):
        xi, yi, zi, near_i = x[i, 0], x[i, 1], x[i, 2], near[i]
        for k in range(count[i]):
            j = near_i[k]
            dx, dy, dz = xi - x[j, 0], yi - x[j, 1], zi - x[j, 2]
            q = max(h2 - (dx * dx + dy * dy + dz * dz), ZERO)
            w = f * q * q * q
            for m in range(3):
                u = w * (v[j, m] - v[i, m])
                out[i, m] += u
                out[j, m] -= u


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
def meet_walls(
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
        for i in range(n):
            a, b, z = into_vessel(x[i, 0], x[i, 1], x[i, 2], turn, at)
            u = (z - rim) * CELLS_PER_M + rim_row
            r2 = a * a + b * b
            if r2 >= reach * reach or u <= ZERO or u >= rows:
                continue
            r = np.sqrt(r2)
            table = outer
            if z < rim and (
                side[v, i] == INNER
                or (
                    side[v, i] == ABOVE
                    and _fell_in(r, z, rim, middle_rim, old[i], rot_old[v], pos_old[v])
                )
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
