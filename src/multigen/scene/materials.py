"""Materials of the table, walls, vessels and liquids of one scene.

Reads:  SceneConfig's colours and texture seed.   Makes: textures and materials of an MjSpec.
Used by: scene.build.
"""

import mujoco
import numpy as np

from ..types import SceneConfig
from .textures import TABLES, table_texture, wall_texture

TEXTURES = TABLES
"""What corpora draw from."""
TEXTURE_PX = 256

SHINE = {
    "plastic": (0.5, 0.5),
    "metal": (1.0, 0.85),
    "paper": (0.05, 0.1),
    "ceramic": (0.6, 0.8),
    "glass": (1.0, 1.0),
}
"""(specular, shininess) per vessel material."""


def add_materials(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    """Materials 'table', 'wall', 'floor', 'source', 'receiver', 'liquid', 'stream', 'hand', 'gripper' and a sky."""
    pixels = table_texture(
        config.table_texture,
        config.table_rgb,
        np.random.default_rng(config.texture_seed),
        TEXTURE_PX,
    )
    _add_texture(spec, "table", pixels)
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
    _show(table, "table")
    _add_walls(spec, config)
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
    spec.add_material(name="thing", rgba=[1, 1, 1, 1], specular=0.25, shininess=0.4)
    spec.add_material(name="hand", rgba=[0.72, 0.66, 0.62, 1], specular=0.1, shininess=0.2)
    spec.add_material(name="gripper", rgba=[0.3, 0.31, 0.33, 1], specular=0.4, shininess=0.5)


def _add_walls(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    """Material 'wall' in one colour; where the walls have a texture also 'wallpaper', once a metre."""
    spec.add_material(name="wall", rgba=[*config.wall_rgb, 1], specular=0.05)
    if config.wall_texture == "plain":
        return
    rng = np.random.default_rng([config.texture_seed, 1])
    pixels = wall_texture(config.wall_texture, config.wall_rgb, rng, TEXTURE_PX)
    _add_texture(spec, "wallpaper", pixels)
    paper = spec.add_material(name="wallpaper", specular=0.05, texuniform=True, texrepeat=[1, 1])
    _show(paper, "wallpaper")


def _add_texture(spec: mujoco.MjSpec, name: str, pixels: np.ndarray) -> None:
    n = len(pixels)
    texture = spec.add_texture(
        name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, width=n, height=n, nchannel=3
    )
    texture.data = pixels.tobytes()  # passing data= to add_texture fails and prints the buffer


def _show(material, texture: str) -> None:
    slots = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    slots[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = texture
    material.textures = slots
