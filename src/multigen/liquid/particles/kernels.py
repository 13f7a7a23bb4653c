"""The compiled loops of a position-based fluid: neighbours, density, corrections.

Reads:  float32 arrays of particles.   Makes: changes in those arrays.
Used by: liquid.particles.fluid, in the order of one step. One thread; no allocation per particle.

Equations: Macklin & Mueller 2013, "Position Based Fluids", ACM Trans. Graph. 32(4): a density
constraint C_i = rho_i / rho_0 - 1 per particle, multipliers lambda_i = -C_i / (sum |grad C_i|^2 + eps),
corrections dx_i = sum_j (lambda_i + lambda_j) grad W; poly6 for densities, spiky for gradients
(Mueller et al. 2003); XSPH for viscosity (Schechter & Bridson 2012). Only compression is corrected.
"""

import numpy as np
from numba import njit

MAX_NEIGHBOURS = 48
MOST = MAX_NEIGHBOURS - 1
ZERO, ONE = np.float32(0), np.float32(1)
TINY = np.float32(1e-12)
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
