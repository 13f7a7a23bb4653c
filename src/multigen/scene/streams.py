"""Random streams of a scene, one per aspect, and the small draws all aspects share.

Reads:  a seed, an aspect's name, ranges.   Makes: numpy Generators, numbers, colours.
Used by: scene.draw, scene.draw_view, scene.distractors, episode (corpora).
"""

import colorsys
import zlib

import numpy as np

from ..errors import ConfigError


def stream_of(seed: int, aspect: str) -> np.random.Generator:
    """The random stream of one aspect of one scene."""
    if seed < 0:
        raise ConfigError(f"seed is {seed}; a seed is a whole number from 0 up")
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(aspect.encode())]))


def one(rng: np.random.Generator, span: tuple[float, float]) -> float:
    """Uniform in a range."""
    return float(rng.uniform(*span))


def draw_colour(
    rng: np.random.Generator,
    value: tuple[float, float],
    saturation: tuple[float, float],
    *,
    warm: bool = False,
) -> tuple[float, float, float]:
    """A colour by brightness and saturation; ``warm`` prefers the hues of wood and stone."""
    hue = rng.uniform(0.04, 0.12) if warm and rng.random() < 0.7 else rng.random()
    rgb = colorsys.hsv_to_rgb(float(hue), one(rng, saturation), one(rng, value))
    return (round(rgb[0], 4), round(rgb[1], 4), round(rgb[2], 4))


def vec3(v: np.ndarray) -> tuple[float, float, float]:
    """Plain numbers, as configs keep them."""
    return (float(v[0]), float(v[1]), float(v[2]))
