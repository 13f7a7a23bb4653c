"""Procedural textures of tables and walls: periodic pictures out of noise, nothing from files.

Reads:  a kind, a colour, a random stream.   Makes: uint8 pictures.
Used by: scene.materials; the names by scene.world.
The held-out kinds are in no training world.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial import cKDTree

from ..errors import SceneError

TABLES = ("wood", "marble", "checker", "fabric", "plain")
HELD_OUT_TABLES = ("planks", "granite", "terrazzo", "stripes", "concrete")
WALLS = ("plain", "plaster", "panels", "tiles")
HELD_OUT_WALLS = ("bricks", "wallpaper", "curtain")

Colour = tuple[float, float, float]
Shade = Float[np.ndarray, "n n"]


def _noise(rng: np.random.Generator, n: int, across: float, along: float) -> np.ndarray:
    """Periodic Gaussian noise in [0, 1] with a correlation length per axis (fractions of the image)."""
    spectrum = np.fft.rfft2(rng.normal(size=(n, n)))
    ky, kx = np.fft.fftfreq(n)[:, None] * n, np.fft.rfftfreq(n)[None] * n
    smooth = np.fft.irfft2(spectrum * np.exp(-((kx * across) ** 2) - (ky * along) ** 2), s=(n, n))
    return (smooth - smooth.min()) / max(float(np.ptp(smooth)), 1e-12)


def table_texture(
    kind: str, rgb: Colour, rng: np.random.Generator, n: int = 256
) -> UInt8[np.ndarray, "n n 3"]:
    """Seamless table top around the colour ``rgb`` (0..1). Raises SceneError for an unknown kind."""
    return _painted("table", _TABLE_PAINTERS, kind, rgb, rng, n)


def wall_texture(
    kind: str, rgb: Colour, rng: np.random.Generator, n: int = 256
) -> UInt8[np.ndarray, "n n 3"]:
    """One square metre of wall around the colour ``rgb``. Raises SceneError for an unknown kind."""
    return _painted("wall", _WALL_PAINTERS, kind, rgb, rng, n)


def _painted(what: str, painters: dict, kind: str, rgb: Colour, rng, n: int) -> np.ndarray:
    if kind not in painters:
        raise SceneError(f"{what} texture is '{kind}', needs one of {', '.join(painters)}")
    value = painters[kind](rng, n)
    value = value[..., None] if value.ndim == 2 else value
    return (np.clip(np.array(rgb) * value, 0, 1) * 255).astype(np.uint8)


def _wood(rng: np.random.Generator, n: int) -> Shade:
    grain = 0.75 * _noise(rng, n, 0.35, 0.012) + 0.25 * _noise(rng, n, 0.05, 0.004)
    return 0.62 + 0.55 * grain


def _marble(rng: np.random.Generator, n: int) -> Shade:
    bend = _noise(rng, n, 0.25, 0.35) + 0.25 * _noise(rng, n, 0.06, 0.06)
    vein = np.abs(np.sin(2 * np.pi * (1.2 * bend + rng.random())))
    return 0.7 + 0.36 * vein**0.35 - 0.12 * _noise(rng, n, 0.03, 0.03)


def _checker(rng: np.random.Generator, n: int) -> Shade:
    cell = np.arange(n) * 4 // n
    return np.where((cell[:, None] + cell) % 2, 1.05, rng.uniform(0.45, 0.8)) * (
        0.96 + 0.08 * _noise(rng, n, 0.02, 0.02)
    )


def _fabric(rng: np.random.Generator, n: int) -> Shade:
    x = np.arange(n)
    weave = np.sin(2 * np.pi * x * 32 / n)
    return 0.88 + 0.1 * weave[:, None] * weave + 0.16 * (_noise(rng, n, 0.01, 0.01) - 0.5)


def _plain(rng: np.random.Generator, n: int) -> Shade:
    return 0.97 + 0.05 * _noise(rng, n, 0.05, 0.05)


def _planks(rng: np.random.Generator, n: int) -> Shade:
    """Boards side by side, each with a tone and a joint of its own."""
    boards, seam = 4, max(1, n // 128)
    grain = 0.7 * _noise(rng, n, 0.006, 0.18) + 0.3 * _noise(rng, n, 0.003, 0.05)
    row = np.arange(n) * boards // n
    value = (0.66 + 0.36 * grain) * rng.uniform(0.78, 1.12, boards)[row]
    joint = (np.arange(n)[:, None] - rng.integers(0, n, boards)[row]) % n < seam
    return np.where(joint | (np.arange(n) % (n // boards) < seam), 0.35, value)


def _granite(rng: np.random.Generator, n: int) -> Shade:
    coarse, fine = _noise(rng, n, 0.02, 0.02), _noise(rng, n, 0.004, 0.004)
    value = 0.72 + 0.5 * (coarse - 0.5)
    value = np.where(fine > np.quantile(fine, 0.82), 1.15, value)
    return np.where(fine < np.quantile(fine, 0.16), 0.28, value)


def _terrazzo(rng: np.random.Generator, n: int) -> np.ndarray:
    """Chips of stone in cement: the neighbourhoods of scattered points, each in its colour."""
    chips = 90
    at = np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), -1).reshape(-1, 2) / n
    away, nearest = cKDTree(rng.random((chips, 2)), boxsize=1).query(at % 1, p=1)
    inside = away < rng.uniform(0.012, 0.05, chips)[nearest]
    tint = rng.uniform(0.35, 1.15, (chips, 1)) * rng.uniform(0.8, 1.2, (chips, 3))
    return np.where(inside[:, None], tint[nearest], 0.95).reshape(n, n, 3)


def _stripes(rng: np.random.Generator, n: int) -> Shade:
    """A striped cloth."""
    bands = int(rng.integers(4, 9))
    wave = np.sin(2 * np.pi * bands * np.arange(n) / n)
    value = rng.uniform(0.4, 0.75) + 0.5 * (np.tanh(6 * (wave - rng.uniform(-0.5, 0.5))) + 1) / 2
    weave = np.sin(2 * np.pi * np.arange(n) * 48 / n)
    return value * (0.97 + 0.03 * weave[:, None] * weave)


def _concrete(rng: np.random.Generator, n: int) -> Shade:
    value = 0.8 + 0.22 * _noise(rng, n, 0.12, 0.12) + 0.1 * (_noise(rng, n, 0.01, 0.01) - 0.5)
    pores = _noise(rng, n, 0.008, 0.008)
    return np.where(pores > np.quantile(pores, 0.992), 0.55, value)


def _plaster(rng: np.random.Generator, n: int) -> Shade:
    return 0.9 + 0.1 * _noise(rng, n, 0.015, 0.015) + 0.05 * _noise(rng, n, 0.15, 0.15)


def _panels(rng: np.random.Generator, n: int) -> Shade:
    """Upright boards."""
    boards = int(rng.integers(4, 8))
    across = np.arange(n) * boards / n
    edge = np.minimum(across % 1, 1 - across % 1) < 0.03
    tone = rng.uniform(0.92, 1.04, boards)[across.astype(int)]
    grain = _noise(rng, n, 0.01, 0.25)
    return np.where(edge, 0.72, tone * (0.94 + 0.08 * grain))


def _tiles(rng: np.random.Generator, n: int) -> Shade:
    side = int(rng.integers(5, 9))
    along = np.arange(n) * side / n
    tone = rng.uniform(0.93, 1.03, (side, side))[np.ix_(along.astype(int), along.astype(int))]
    joint = np.minimum(along % 1, 1 - along % 1) < 0.03
    return np.where(joint[:, None] | joint, 0.8, tone)


def _bricks(rng: np.random.Generator, n: int) -> np.ndarray:
    rows, across = 12, 5
    up = np.arange(n) * rows / n
    row = up.astype(int)[:, None]
    along = (np.arange(n) * across / n)[None] + 0.5 * (row % 2)
    tone = rng.uniform(0.65, 1.0, (rows, across + 1))[row, along.astype(int) % across]
    mortar = (np.minimum(up % 1, 1 - up % 1)[:, None] < 0.07) | (
        np.minimum(along % 1, 1 - along % 1) < 0.03
    )
    value = np.where(mortar, 1.05, tone * (0.9 + 0.2 * _noise(rng, n, 0.01, 0.01)))
    return value[..., None] * np.where(mortar[..., None], 1.0, [1.0, 0.72, 0.6])


def _wallpaper(rng: np.random.Generator, n: int) -> Shade:
    """A repeated ornament, two tones."""
    count = int(rng.integers(4, 8))
    x = np.arange(n) * 2 * np.pi * count / n
    motif = np.cos(x)[:, None] + np.cos(x) + 0.8 * np.cos(2 * x)[:, None] * np.cos(3 * x)
    return np.where(motif > rng.uniform(0.2, 0.8), 0.78, 1.0) * (
        0.97 + 0.05 * _noise(rng, n, 0.02, 0.02)
    )


def _curtain(rng: np.random.Generator, n: int) -> Shade:
    """Folds of a cloth."""
    bend = (
        2 * np.pi * (int(rng.integers(5, 9)) * np.arange(n) / n + 0.15 * _noise(rng, n, 0.1, 0.4))
    )
    return 0.78 + 0.2 * np.sin(bend) + 0.05 * np.sin(2 * bend + 1.0)


Painter = Callable[[np.random.Generator, int], np.ndarray]
_TABLE_PAINTERS: dict[str, Painter] = {
    "wood": _wood, "marble": _marble, "checker": _checker, "fabric": _fabric, "plain": _plain,
    "planks": _planks, "granite": _granite, "terrazzo": _terrazzo, "stripes": _stripes,
    "concrete": _concrete,
}  # fmt: skip
_WALL_PAINTERS: dict[str, Painter] = {
    "plain": _plain, "plaster": _plaster, "panels": _panels, "tiles": _tiles, "bricks": _bricks,
    "wallpaper": _wallpaper, "curtain": _curtain,
}  # fmt: skip
