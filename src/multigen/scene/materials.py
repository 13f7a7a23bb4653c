"""Procedural looks: table tops from noise, materials of vessels, walls and liquids.

Reads:  SceneConfig's colours and texture seed.   Makes: textures (uint8), MjSpec materials.
Used by: scene.build.
"""

import mujoco
import numpy as np
from jaxtyping import UInt8

from ..errors import SceneError
from ..types import SceneConfig

TEXTURES = ("wood", "marble", "checker", "fabric", "plain")

SHINE = {
    "plastic": (0.5, 0.5),
    "metal": (1.0, 0.85),
    "paper": (0.05, 0.1),
    "ceramic": (0.6, 0.8),
    "glass": (1.0, 1.0),
}
"""(specular, shininess) per vessel material."""


def _noise(rng: np.random.Generator, n: int, across: float, along: float) -> np.ndarray:
    """Periodic Gaussian noise in [0, 1] with a correlation length per axis (fractions of the image)."""
    spectrum = np.fft.rfft2(rng.normal(size=(n, n)))
    ky, kx = np.fft.fftfreq(n)[:, None] * n, np.fft.rfftfreq(n)[None] * n
    smooth = np.fft.irfft2(spectrum * np.exp(-((kx * across) ** 2) - (ky * along) ** 2), s=(n, n))
    return (smooth - smooth.min()) / max(float(np.ptp(smooth)), 1e-12)


def table_texture(
    kind: str, rgb: tuple[float, float, float], rng: np.random.Generator, n: int = 256
) -> UInt8[np.ndarray, "n n 3"]:
    """Seamless table top around the colour ``rgb`` (0..1). Raises SceneError for an unknown kind."""
    base = np.array(rgb)
    if kind == "wood":
        grain = 0.75 * _noise(rng, n, 0.35, 0.012) + 0.25 * _noise(rng, n, 0.05, 0.004)
        value = 0.62 + 0.55 * grain
    elif kind == "marble":
        bend = _noise(rng, n, 0.25, 0.35) + 0.25 * _noise(rng, n, 0.06, 0.06)
        vein = np.abs(np.sin(2 * np.pi * (1.2 * bend + rng.random())))
        value = 0.7 + 0.36 * vein**0.35 - 0.12 * _noise(rng, n, 0.03, 0.03)
    elif kind == "checker":
        cell = np.arange(n) * 4 // n
        value = np.where((cell[:, None] + cell) % 2, 1.05, rng.uniform(0.45, 0.8)) * (
            0.96 + 0.08 * _noise(rng, n, 0.02, 0.02)
        )
    elif kind == "fabric":
        x = np.arange(n)
        weave = np.sin(2 * np.pi * x * 32 / n)
        value = 0.88 + 0.1 * weave[:, None] * weave + 0.16 * (_noise(rng, n, 0.01, 0.01) - 0.5)
    elif kind == "plain":
        value = 0.97 + 0.05 * _noise(rng, n, 0.05, 0.05)
    else:
        raise SceneError(f"table texture is '{kind}', needs one of {', '.join(TEXTURES)}")
    return (np.clip(base * value[..., None], 0, 1) * 255).astype(np.uint8)


def add_materials(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    """Materials 'table', 'wall', 'floor', 'source', 'receiver', 'liquid', 'stream', 'hand', 'gripper' and a sky."""
    n = 256
    pixels = table_texture(
        config.table_texture, config.table_rgb, np.random.default_rng(config.texture_seed), n
    )
    texture = spec.add_texture(
        name="table", type=mujoco.mjtTexture.mjTEXTURE_2D, width=n, height=n, nchannel=3
    )
    texture.data = pixels.tobytes()  # passing data= to add_texture fails and prints the buffer
    wall = np.array(config.wall_rgb)
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=np.minimum(wall * 1.05, 1), rgb2=wall * 0.6, width=64, height=384,
    )  # fmt: skip
    table = spec.add_material(
        name="table",
        rgba=[1, 1, 1, 1],
        texrepeat=[3, 3],
        reflectance=config.table_reflectance,
        specular=0.25,
        shininess=0.4,
    )
    slots = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    slots[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "table"
    table.textures = slots
    spec.add_material(name="wall", rgba=[*wall, 1], specular=0.05)
    spec.add_material(name="floor", rgba=[*(wall * 0.75), 1], specular=0.05)
    for name, vessel in (("source", config.source), ("receiver", config.receiver)):
        specular, shininess = SHINE.get(vessel.material, (0.4, 0.5))
        spec.add_material(name=name, rgba=list(vessel.rgba), specular=specular, shininess=shininess)
    red, green, blue, alpha = config.liquid.rgba
    spec.add_material(name="liquid", rgba=[red, green, blue, alpha], specular=0.8, shininess=0.9)
    # A thin stream scatters more light than a still body of the same liquid: drawn more opaque.
    spec.add_material(
        name="stream", rgba=[red, green, blue, max(alpha, 0.55) ** 0.5], specular=0.9, shininess=0.9
    )
    spec.add_material(name="lid", rgba=[0.78, 0.79, 0.8, 1], specular=0.9, shininess=0.8)
    spec.add_material(name="hand", rgba=[0.72, 0.66, 0.62, 1], specular=0.1, shininess=0.2)
    spec.add_material(name="gripper", rgba=[0.3, 0.31, 0.33, 1], specular=0.4, shininess=0.5)
