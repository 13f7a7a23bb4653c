"""A liquid by its physical properties.

Reads:  nothing.   Makes: Liquid.   Used by: scene (draws one), liquid (flow), audio (sound).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Liquid:
    """SI units; defaults are water at 20 C."""

    name: str = "water"
    density_kg_m3: float = 998.0
    viscosity_pa_s: float = 1.0e-3
    surface_tension_n_m: float = 0.073
    temperature_c: float = 20.0
    sound_speed_m_s: float = 1482.0
    """Speed of sound in the liquid."""
    fizz: float = 0.0
    """Dissolved gas released as bubbles, 0 (still) to 1 (freshly opened soda)."""
    rgba: tuple[float, float, float, float] = (0.55, 0.75, 0.9, 0.45)
    """Colour and opacity as drawn."""
