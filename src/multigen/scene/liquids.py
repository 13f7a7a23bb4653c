"""Liquids of a kitchen: properties from the literature, colours, and random draws for training.

Reads:  a numpy Generator.   Makes: Liquid.   Used by: scene (draws and named conditions).

Where each value comes from is in docs/liquids.md, value by value: the CRC Handbook for water, sugar
and ethanol solutions, measurements of the drink where we know one, else chosen, and said so.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ..types import Liquid

# name, density kg/m3, viscosity Pa s, surface tension N/m, temperature C, sound speed m/s, fizz, rgba
LIQUIDS: dict[str, Liquid] = {
    liquid.name: liquid
    for liquid in (
        Liquid("water", 998.0, 1.0e-3, 0.073, 20.0, 1482.0, 0.0, (0.55, 0.75, 0.90, 0.45)),
        Liquid("hot water", 972.0, 0.35e-3, 0.063, 80.0, 1555.0, 0.0, (0.62, 0.78, 0.88, 0.45)),
        # Instant coffee is water with 1-2 % of solids; its surfactants lower the tension.
        Liquid("coffee", 975.0, 0.38e-3, 0.050, 80.0, 1553.0, 0.0, (0.16, 0.08, 0.03, 0.95)),
        Liquid("sake", 997.0, 1.6e-3, 0.045, 20.0, 1540.0, 0.0, (0.88, 0.86, 0.70, 0.40)),
        # With pulp: shear thinning, 2-3 mPa s at the shear rates of a pour.
        Liquid("juice", 1045.0, 2.5e-3, 0.050, 10.0, 1520.0, 0.0, (0.96, 0.62, 0.08, 0.97)),
        Liquid("soda", 1040.0, 1.9e-3, 0.050, 8.0, 1480.0, 0.8, (0.20, 0.07, 0.03, 0.92)),
        Liquid("milk", 1033.0, 3.1e-3, 0.047, 8.0, 1500.0, 0.0, (0.97, 0.96, 0.92, 1.0)),
        Liquid("tea", 976.0, 0.38e-3, 0.058, 75.0, 1554.0, 0.0, (0.55, 0.26, 0.06, 0.75)),
    )
}


def draw_liquid(rng: np.random.Generator) -> Liquid:
    """One of LIQUIDS with its properties and colour jittered; viscosity up to a light syrup's.

    Density +-3 %, viscosity x 0.7-2 (a tenth of the draws x 2-8: nectars), surface tension
    +-15 %, temperature +-8 C, fizz +-0.2 where there is any, each colour channel +-0.12.
    """
    base = LIQUIDS[str(rng.choice(list(LIQUIDS)))]
    thick = rng.random() < 0.1
    span = (2.0, 8.0) if thick else (0.7, 2.0)
    red, green, blue, alpha = base.rgba
    colour = np.clip(np.array([red, green, blue]) + rng.uniform(-0.12, 0.12, 3), 0.02, 1.0)
    opacity = float(np.clip(alpha + rng.uniform(-0.1, 0.1), 0.3, 1.0))
    fizz = float(np.clip(base.fizz + rng.uniform(-0.2, 0.2), 0.3, 1.0)) if base.fizz else 0.0
    red, green, blue = (round(float(c), 3) for c in colour)
    return replace(
        base,
        density_kg_m3=base.density_kg_m3 * float(rng.uniform(0.97, 1.03)),
        viscosity_pa_s=base.viscosity_pa_s * float(np.exp(rng.uniform(*np.log(span)))),
        surface_tension_n_m=base.surface_tension_n_m * float(rng.uniform(0.85, 1.15)),
        temperature_c=base.temperature_c + float(rng.uniform(-8, 8)),
        fizz=fizz,
        rgba=(red, green, blue, round(opacity, 3)),
    )


def altered(
    liquid: Liquid,
    *,
    density: float = 1.0,
    viscosity: float = 1.0,
    surface_tension: float = 1.0,
    warmer_c: float = 0.0,
    colour: Float[np.ndarray, " 3"] | None = None,
    opacity: float = 0.0,
) -> Liquid:
    """The liquid with factors on its properties, degrees, and offsets on its colour and opacity."""
    *rgb, alpha = liquid.rgba
    rgb = rgb if colour is None else np.clip(np.array(rgb) + colour, 0.02, 1.0)
    red, green, blue = (round(float(c), 3) for c in rgb)
    return replace(
        liquid,
        density_kg_m3=liquid.density_kg_m3 * density,
        viscosity_pa_s=liquid.viscosity_pa_s * viscosity,
        surface_tension_n_m=liquid.surface_tension_n_m * surface_tension,
        temperature_c=liquid.temperature_c + warmer_c,
        rgba=(red, green, blue, round(float(np.clip(alpha + opacity, 0.25, 1.0)), 3)),
    )
