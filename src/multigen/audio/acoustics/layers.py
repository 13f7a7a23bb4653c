"""What sounds and how loud: the faders of the pouring acoustics, and what differs from clip to clip.

Reads:  a random generator.   Makes: Layers (chosen by the caller), Voice (drawn per clip).
Used by: acoustics.synth, the corpus (to vary), tests (to isolate one layer).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layers:
    """Linear gain per layer; 0 switches it off. Layers own separate random streams, so switching
    one off leaves every sample of the others as it was."""

    bubbles: float = 1.0
    """Entrained air: the body of the sound."""
    jet: float = 1.0
    """Turbulence of jet and splash."""
    impact: float = 1.0
    """Patter on a bottom that is still dry, and the first touch."""
    drips: float = 1.0
    """Thin streams that break into drops, and the last drops after cut-off."""
    fizz: float = 1.0
    """Dissolved gas; silent for a still liquid."""
    column: float = 1.0
    """Resonances of the receiver's air column: the rising pitch."""
    walls: float = 1.0
    """Bending modes of the receiver's wall."""
    glug: float = 1.0
    """Gulps of a narrow-necked source: its falling Helmholtz note and the pulsing flow."""
    spill: float = 1.0
    """Liquid that misses and lands on the table."""
    variation: float = 1.0
    """How far one clip's Voice may differ from the nominal one; 0 is the nominal voice."""


@dataclass(frozen=True)
class Voice:
    """What a clip does not show and a listener cannot know: factors around nominal values [R]."""

    hinze: float = 1.0
    """Scales the Hinze radius: duller or brighter bubbles."""
    entrainment: float = 1.0
    excitation: float = 2.0
    """Exponent of D = u^excitation in a bubble's amplitude: larger means a few loud bubbles."""
    rise: float = 0.1
    """Largest relative pitch rise of a bubble per damping time."""
    column_q: float = 1.0
    column_gain: float = 1.0
    jet: float = 1.0
    flicker: float = 0.35
    """Log-amplitude of the slow turbulence that makes arrivals cluster."""

    @staticmethod
    def draw(rng: np.random.Generator, variation: float) -> "Voice":
        """One voice; ``variation`` 0 gives the nominal one (and draws the same number of randoms)."""
        u = variation * rng.uniform(-1, 1, 8)
        return Voice(
            hinze=float(np.exp(0.25 * u[0])),
            entrainment=float(np.exp(0.2 * u[1])),
            excitation=float(2 + 0.7 * u[2]),
            rise=float(0.1 + 0.05 * u[3]),
            column_q=float(np.exp(0.35 * u[4])),
            column_gain=float(np.exp(0.25 * u[5])),
            jet=float(np.exp(0.35 * u[6])),
            flicker=float(0.35 + 0.15 * u[7]),
        )
