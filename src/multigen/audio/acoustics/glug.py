"""A narrow-necked source: gulps of air, a falling Helmholtz note, and a stream that pulses.

Reads:  a source Vessel, its volume and outflow.   Makes: Neck; kernel ``add_glug``.
Used by: acoustics.synth.
Each gulp lets in as much air as liquid left since the last one, so the gulping rate follows from
the flow and the size of one gulp (mass balance [D]; the size, 1.1 neck diameters, is [R]; 2-6 Hz
agree with Clanet & Searby 2004 [L]). The note is ``(c/2 pi) sqrt(A / (V_air (l + dl)))`` with
dl = 0.61 R outside + 0.85 R inside [L].
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from ...types import Vessel
from .chance import GLUG, open_stream, uniform

NARROW = 0.42
"""Neck radius below this share of the widest radius makes a bottle [R]."""

LID_M = 1e-3
"""Thickness of a can's lid, the length of the neck that its hole is."""


@dataclass(frozen=True)
class Neck:
    """The narrowest part near the mouth."""

    radius_m: float
    length_m: float
    gulp_ml: float

    @property
    def effective_length_m(self) -> float:
        return self.length_m + 1.46 * self.radius_m

    def helmholtz_hz(self, air_ml: float, sound_m_s: float) -> float:
        """Resonance of the air inside with ``air_ml`` of it."""
        area = math.pi * self.radius_m**2
        volume = max(air_ml, 5.0) * 1e-6
        return sound_m_s / (2 * math.pi) * math.sqrt(area / (volume * self.effective_length_m))


def neck_of(vessel: Vessel) -> Neck | None:
    """The neck of a bottle, or None for a vessel that pours freely."""
    z = np.linspace(0, vessel.depth_m, 400)
    r = vessel.inner_radius_m(z)
    upper = z > 0.55 * vessel.depth_m
    narrow = min(float(r[upper].min()), vessel.opening_radius_m)
    if narrow > NARROW * r.max():
        return None
    lid = narrow < r[upper].min()
    length = LID_M if lid else float(np.sum(r[upper] < 1.25 * narrow) * (z[1] - z[0]))
    gulp = math.pi / 6 * (1.1 * 2 * narrow) ** 3 * 1e6
    return Neck(narrow, length, gulp)


@njit(cache=True)
def gulp_rows(memory, flow_out, hz, gulp_ml, neck_area, neck_radius, gate, pulse, loud):
    """Fills per row: ``gate`` 1 where a gulp begins, ``pulse`` factor on the flow's sound, ``loud``
    how filled the neck is. ``memory`` [2]: phase in gulps, and smoothed filling of the neck.

    A neck gulps when it runs nearly full: outflow above a fraction of ``A sqrt(g D)`` [R].
    """
    full = 1e6 * neck_area * math.sqrt(9.81 * 2 * neck_radius)
    for s in range(flow_out.size):
        filled = min(max((flow_out[s] / full - 0.05) / 0.15, 0.0), 1.0)
        memory[1] += (filled - memory[1]) * min(1.0, 10 / hz)
        gate[s] = 0.0
        if filled > 0:
            memory[0] += min(max(flow_out[s] / gulp_ml, 1.5), 8.0) / hz
            if memory[0] >= 1:
                memory[0] -= 1
                gate[s] = 1.0
        # the stream slackens while air comes in and surges after: mean 1 over a gulp
        pulse[s] = 1 - 0.6 * memory[1] * math.cos(2 * math.pi * memory[0])
        loud[s] = memory[1]


@njit(cache=True)
def add_glug(
    out, seed, first_row, per_row, sample_rate, gate, loud, air_ml, sound_m_s, neck_area,
    effective_length,
):  # fmt: skip
    """At each gulp a short low note at the Helmholtz pitch with a bubbly overtone."""
    draw = np.zeros(1, np.uint64)
    for row in range(gate.size):
        if gate[row] <= 0:
            continue
        open_stream(draw, seed, GLUG, first_row + row)
        volume = max(air_ml[row], 5.0) * 1e-6
        hz = sound_m_s / (2 * math.pi) * math.sqrt(neck_area / (volume * effective_length))
        start = row * per_row + int(uniform(draw) * per_row)
        strength = loud[row] * (0.7 + 0.6 * uniform(draw))
        _note(out, start, strength, hz, 0.035, sample_rate)
        _note(
            out, start, 0.35 * strength, 2.6 * hz * (0.9 + 0.2 * uniform(draw)), 0.02, sample_rate
        )


@njit(cache=True)
def _note(out, start, amplitude, hz, decay_s, sample_rate):
    """A sine with a rise of 8 ms and an exponential end of at most 0.25 s."""
    rise = 0.008 * sample_rate
    for i in range(start, min(start + int(6.5 * decay_s * sample_rate), out.size)):
        t = (i - start) / sample_rate
        swell = min(1.0, (i - start) / rise)
        out[i] += amplitude * swell * math.exp(-t / decay_s) * math.sin(2 * math.pi * hz * t)
