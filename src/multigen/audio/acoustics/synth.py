"""The sound of a pour, streamed: rows of the ledger in, samples out; the past never changes.

Reads:  PourTrace, two Vessels, a Liquid.   Makes: float32 samples in (-1, 1).
Used by: corpora (sound for training clips), acoustic_ears (the world's own sound), score tests.
Chain (field notes E.7): dry = bubbles + jet + patter + drops + fizz; out = dry + column(dry) +
walls + glug. The gain is fixed: a stronger pour is louder, a silent one is silent.
"""

import math

import numpy as np
from jaxtyping import Float32
from numba import njit

from ...errors import ClockError
from ...types import Liquid, PourTrace, Vessel
from . import chance, stream
from .air_column import MODES, add_column, air_column, air_temperature_c, speed_of_sound_m_s
from .bubble import RING_S, add_bubbles
from .glug import add_glug, gulp_rows, neck_of
from .layers import Layers, Voice
from .splash import DRIP_SPAN_S, add_drops, add_fizz, add_noise, add_patter
from .walls import NODES, add_walls, liquid_load, material_of, wall_modes_hz

# Fixed levels of the layers relative to a bubble of 1 mm, chosen by ear and by spectrum [R].
BUBBLE, JET, CLICK, DROP, FIZZ, GLUG, WALL, COLUMN, SPILL = (
    0.08, 0.04, 0.06, 0.09, 0.035, 0.16, 0.5, 0.4, 0.06,
)  # fmt: skip


class PourSynth:
    """One pour being heard. ``advance`` takes the next rows and returns their samples."""

    def __init__(
        self, source: Vessel, receiver: Vessel, liquid: Liquid, *, rng: np.random.Generator,
        liquid_hz: int = 100, layers: Layers = Layers(), sample_rate: int = 16_000,
    ) -> None:  # fmt: skip
        if liquid_hz < 1 or sample_rate % liquid_hz:
            raise ClockError(
                f"sample_rate={sample_rate} is not a multiple of liquid_hz={liquid_hz}; "
                "choose rates that divide, such as 100 and 16000"
            )
        self.liquid_hz, self.sample_rate = liquid_hz, sample_rate
        self.per_row = sample_rate // liquid_hz
        self.source, self.receiver, self.liquid, self.layers = source, receiver, liquid, layers
        self.seed = np.uint64(rng.integers(2**63))
        self.voice = Voice.draw(rng, layers.variation)
        self.rows = 0
        """Rows heard so far."""
        self._column = air_column(receiver)
        self._neck = neck_of(source)
        self._sound_m_s = speed_of_sound_m_s(air_temperature_c(liquid.temperature_c))
        self._material = material_of(receiver)
        self._wall_hz = np.array(wall_modes_hz(receiver))
        self._wall_load = liquid_load(receiver, liquid.density_kg_m3)
        ahead = int((max(RING_S, DRIP_SPAN_S) + 0.3) * sample_rate)
        # What already began and rings on past the last sample. One tail per layer: sums keep their
        # order, so that chunks add up to the very same bits.
        self._tails = {name: np.zeros(ahead) for name in _RINGING}
        self._memory = stream.new_memory()
        self._gulp, self._gas = np.zeros(2), np.zeros(1)
        self._column_state, self._wall_state = np.zeros((MODES, 2)), np.zeros((len(NODES), 2))
        self._jet_state, self._spill_state = np.zeros(2), np.zeros(2)
        self._splash, self._spilling, self._level, self._spilled = 0.0, 0.0, 0.0, -1.0

    def advance(self, rows: PourTrace) -> Float32[np.ndarray, " n"]:
        """Samples of the rows that follow those already heard: ``len(rows) * sample_rate /
        liquid_hz`` of them. Raises ClockError when the rows come at another rate."""
        if rows.liquid_hz != self.liquid_hz:
            raise ClockError(
                f"rows at {rows.liquid_hz} Hz, this synthesis was made for {self.liquid_hz} Hz"
            )
        n_rows = len(rows)
        if not n_rows:
            return np.zeros(0, np.float32)
        n = n_rows * self.per_row
        col = {name: np.ascontiguousarray(getattr(rows, name), float) for name in _USED}
        if self.rows == 0:
            self._level = col["receiver_level_m"][0]
        pulse, gate, loud = np.ones(n_rows), np.zeros(n_rows), np.zeros(n_rows)
        if self._neck and self.layers.glug:
            r = self._neck.radius_m
            gulp_rows(self._gulp, col["flow_out_ml_s"], self.liquid_hz, self._neck.gulp_ml,
                      np.pi * r * r, r, gate, pulse, loud)  # fmt: skip
        drive = self._drive(col)
        ring = {name: self._open(tail, n) for name, tail in self._tails.items()}
        foam = np.zeros(n_rows)
        self._excite(drive, col, pulse, ring, foam)
        self._glug(gate, loud, col, ring["glug"])
        jet = self._jet(drive, pulse, n)
        spill = self._spill(col, n)
        self._tails = {name: buffer[n:] for name, buffer in ring.items()}
        now = {name: buffer[:n] for name, buffer in ring.items()}
        dry = now["bubbles"] + now["drips"] + now["fizz"] + now["impact"] + jet
        out = dry + now["glug"] + spill
        self._resonate(dry, now["impact"] + 0.2 * jet, drive, foam, out)
        self._level = col["receiver_level_m"][-1]
        self.rows += n_rows
        return soft_limit(out).astype(np.float32)

    def _open(self, tail: np.ndarray, n: int) -> np.ndarray:
        """A buffer for ``n`` samples and what will ring on after them, begun with the old ring."""
        buffer = np.zeros(n + len(tail))
        buffer[: len(tail)] = tail
        return buffer

    def _drive(self, col: dict[str, np.ndarray]) -> np.ndarray:
        liquid, voice = self.liquid, self.voice
        return stream.drive_rows(
            self._memory, self.seed, self.rows, self.liquid_hz, col["flow_out_ml_s"],
            col["flow_in_ml_s"], col["drop_m"], col["impact_speed_m_s"], col["jet_diameter_m"],
            col["receiver_level_m"], liquid.density_kg_m3, liquid.viscosity_pa_s,
            liquid.surface_tension_n_m, voice.hinze, voice.entrainment, voice.flicker,
        )  # fmt: skip

    def _excite(self, drive, col, pulse, ring, foam) -> None:
        """Every event that begins inside the receiver, each kind into its own buffer."""
        liquid, voice, layers, rate = self.liquid, self.voice, self.layers, self.sample_rate
        fluid = (liquid.density_kg_m3, liquid.viscosity_pa_s, liquid.sound_speed_m_s)
        clock = (self.seed, self.rows, self.per_row, rate)
        d = [np.ascontiguousarray(c) for c in drive.T]
        if layers.bubbles:
            add_bubbles(ring["bubbles"], *clock, d[stream.RATE] * pulse, d[stream.HINZE], d[stream.LARGEST],
                        voice.excitation, voice.rise, BUBBLE * layers.bubbles, *fluid)  # fmt: skip
        if layers.drips:
            add_drops(ring["drips"], *clock, d[stream.DROPS], d[stream.LAST_DROPS], d[stream.FALL_S],
                      d[stream.SPEED], d[stream.LEVEL], DROP * layers.drips, *fluid)  # fmt: skip
        if layers.fizz and liquid.fizz > 0:
            add_fizz(ring["fizz"], self._gas, *clock, col["flow_in_ml_s"], liquid.fizz, FIZZ * layers.fizz,
                     foam)  # fmt: skip
        if layers.impact:
            add_patter(ring["impact"], *clock, d[stream.PATTER], d[stream.TOUCH], d[stream.SPEED],
                       CLICK * layers.impact)  # fmt: skip

    def _jet(self, drive: np.ndarray, pulse: np.ndarray, n: int) -> np.ndarray:
        out = np.zeros(n)
        if self.layers.jet:
            level = drive[:, stream.SPLASH] * pulse * (JET * self.voice.jet * self.layers.jet)
            add_noise(out, self._jet_state, self.seed, chance.JET, self.rows, self.per_row,
                      self.sample_rate, level, self._splash, 200.0, 1000.0)  # fmt: skip
            self._splash = level[-1]
        return out

    def _spill(self, col: dict[str, np.ndarray], n: int) -> np.ndarray:
        out = np.zeros(n)
        spilled = col["spilled_ml"]
        before = self._spilled if self._spilled >= 0 else spilled[0]
        self._spilled = spilled[-1]
        if self.layers.spill:
            rate = np.maximum(np.diff(spilled, prepend=before), 0) * self.liquid_hz
            level = SPILL * self.layers.spill * np.sqrt(np.where(rate > 0.01, rate, 0) / 100)
            add_noise(out, self._spill_state, self.seed, chance.SPILL, self.rows, self.per_row,
                      self.sample_rate, level, self._spilling, 300.0, 2500.0)  # fmt: skip
            self._spilling = level[-1]
        return out

    def _glug(self, gate, loud, col, room) -> None:
        if self._neck and self.layers.glug:
            air = self.source.capacity_ml - col["source_ml"]
            add_glug(room, self.seed, self.rows, self.per_row, self.sample_rate, gate,
                     loud * (GLUG * self.layers.glug), air, self._sound_m_s,
                     np.pi * self._neck.radius_m**2, self._neck.effective_length_m)  # fmt: skip

    def _resonate(self, dry, knock, drive, foam, out) -> None:
        layers, voice, table = self.layers, self.voice, self._column
        level = np.ascontiguousarray(drive[:, stream.LEVEL])
        if layers.column:
            add_column(dry, out, self._column_state, level, self._level, foam, self.per_row,
                       self.sample_rate, self._sound_m_s, table.level_m, table.wavenumber,
                       table.sharpness, voice.column_q,
                       COLUMN * voice.column_gain * layers.column)  # fmt: skip
        if layers.walls:
            add_walls(knock, out, self._wall_state, level, self.per_row, self.sample_rate,
                      self._wall_hz, self.receiver.depth_m, self._wall_load,
                      self._material.sharpness, WALL * self._material.loudness * layers.walls)  # fmt: skip


_RINGING = ("bubbles", "drips", "fizz", "impact", "glug")
_USED = (
    "source_ml", "spilled_ml", "flow_out_ml_s", "flow_in_ml_s", "drop_m", "impact_speed_m_s",
    "jet_diameter_m", "receiver_level_m",
)  # fmt: skip


@njit(cache=True)
def soft_limit(x, knee=0.7):
    """Identity up to ``knee``, then bent smoothly towards 1; without memory."""
    out = x.copy()
    for i in range(x.size):
        over = (abs(x[i]) - knee) / (1 - knee)
        if over > 0:
            out[i] = math.copysign(knee + (1 - knee) * math.tanh(over), x[i])
    return out


def sound_of_pour(
    trace: PourTrace, source: Vessel, receiver: Vessel, liquid: Liquid, *,
    rng: np.random.Generator, layers: Layers = Layers(), sample_rate: int = 16_000,
) -> Float32[np.ndarray, " N"]:  # fmt: skip
    """The whole pour at once: N = len(trace) * sample_rate / liquid_hz samples in (-1, 1), at a
    fixed gain. The same generator state gives the same bytes. Raises ClockError for rates that do
    not divide and ConfigError for a receiver of unknown material."""
    synth = PourSynth(source, receiver, liquid, rng=rng, liquid_hz=trace.liquid_hz,
                      layers=layers, sample_rate=sample_rate)  # fmt: skip
    return synth.advance(trace)
