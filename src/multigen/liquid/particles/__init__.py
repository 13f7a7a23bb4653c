"""The particle liquid: an independent second opinion, and a world the hydraulic model never saw.

Reads:  Vessels, Liquid, poses.   Makes: ParticlePour (state, trace, positions).
Used by: episode (through liquid.start_pour), benchmarks, tests.
A position-based fluid with analytic distances to the vessels' sections; about 1e4 times slower than
the hydraulic model. What is counted is particles, so the ledger closes exactly.
"""

from .pour import PARTICLES as PARTICLES
from .pour import ParticlePour as ParticlePour
from .pour import particle_count as particle_count
