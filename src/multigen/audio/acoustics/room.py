"""The room and the microphone: a short tail, background, motors and a gain; off by default.

Reads:  samples of the pour alone.   Makes: samples as a microphone on the robot might record them.
Used by: acoustic_ears and pipeline.sonify (the sound 'recorded'), corpora. All values [R].
The tail is a Schroeder reverberator (four combs, two all-passes; Schroeder 1962 [L]): recursive and
sample by sample, so that a streamed sound equals one made in one go.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32
from numba import njit

from ...types import SceneConfig
from .chance import open_stream, uniform

COMBS_S = (0.0297, 0.0371, 0.0411, 0.0437)
ALL_PASSES_S = (0.0050, 0.0017)
NEAR_M = 0.35
"""Distance from a receiver's mouth to the microphone at which the acoustics' own level is heard: that
of the benchmark's room."""
ROOM_NOISE = 20
"""A stream of chance beyond those of the pour."""


@dataclass(frozen=True)
class RoomAndMic:
    """How the pour is recorded. Levels are RMS in dB re full scale; -inf switches one off."""

    reverb_s: float = 0.25
    """Time in which the tail falls by 60 dB; 0 for none."""
    reverb_level: float = 0.15
    """Tail relative to the direct sound."""
    gain_db: float = 0.0
    noise_db: float = -62.0
    """Background: falling 6 dB per octave above 500 Hz."""
    hum_db: float = -66.0
    """Robot motors: a hum with harmonics that wavers slowly."""
    hum_hz: float = 120.0

    @staticmethod
    def draw(rng: np.random.Generator) -> "RoomAndMic":
        """A plausible kitchen or laboratory."""
        return RoomAndMic(
            reverb_s=float(rng.uniform(0.1, 0.5)),
            reverb_level=float(rng.uniform(0.05, 0.3)),
            gain_db=float(rng.uniform(-6, 3)),
            noise_db=float(rng.uniform(-75, -50)),
            hum_db=float(rng.uniform(-80, -55)),
            hum_hz=float(rng.uniform(80, 240)),
        )


def room_of(scene: SceneConfig, rng: np.random.Generator) -> RoomAndMic:
    """A room drawn from ``rng``, heard from where the scene's microphone stands, its motors running.

    The direct sound falls as 1 / distance; the tail does not (diffuse field), so a far microphone
    hears more room.
    """
    mouth = np.array([*scene.receiver_xy_m, scene.receiver.height_m])
    away = float(np.linalg.norm(np.array(scene.microphone_m) - mouth)) / NEAR_M
    room = RoomAndMic.draw(rng)
    motors = -math.inf if scene.motor_noise_db is None else scene.motor_noise_db
    return replace(
        room,
        gain_db=room.gain_db - 20 * math.log10(away),
        reverb_level=room.reverb_level * away,
        hum_db=motors,
    )


class RoomStream:
    """A room being listened to; ``advance`` takes the next samples."""

    def __init__(self, room: RoomAndMic, rng: np.random.Generator, sample_rate: int = 16_000):
        self.room, self.sample_rate = room, sample_rate
        self._seed = np.uint64(rng.integers(2**63))
        self._at = 0
        delays = [max(1, round(s * sample_rate)) for s in COMBS_S + ALL_PASSES_S]
        self._delays = np.array(delays)
        self._lines = np.zeros((len(delays), max(delays)))
        self._filters = np.zeros(2)

    def advance(self, wave: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
        """The same samples, heard in the room."""
        r, rate = self.room, self.sample_rate
        decay = max(r.reverb_s, 1e-3)
        feedback = np.array([10 ** (-3 * s / decay) for s in COMBS_S])
        out = np.asarray(wave, np.float64).copy()
        if r.reverb_s > 0 and r.reverb_level > 0:
            _reverberate(out, self._lines, self._delays, feedback, r.reverb_level, self._at)
        out *= 10 ** (r.gain_db / 20)
        noise, hum = (10 ** (db / 20) for db in (r.noise_db, r.hum_db))
        _background(out, self._filters, self._seed, self._at, noise, hum, r.hum_hz, rate)
        self._at += len(wave)
        return np.clip(out, -1, 1).astype(np.float32)


def through_room(
    wave: Float32[np.ndarray, " N"],
    rng: np.random.Generator,
    room: RoomAndMic | None = None,
    *,
    sample_rate: int = 16_000,
) -> Float32[np.ndarray, " N"]:
    """``wave`` as recorded in ``room`` (None draws one from ``rng``); same length, in [-1, 1]."""
    room = RoomAndMic.draw(rng) if room is None else room
    return RoomStream(room, rng, sample_rate).advance(wave)


@njit(cache=True)
def _reverberate(x, lines, delays, feedback, level, at):
    """Four parallel combs, then two all-passes of gain 0.7; added to the direct sound."""
    for i in range(x.size):
        n = at + i
        tail = 0.0
        for c in range(4):
            p = n % delays[c]
            y = lines[c, p]
            lines[c, p] = x[i] + feedback[c] * y
            tail += 0.25 * y
        for a in range(4, 6):
            p = n % delays[a]
            y = lines[a, p]
            into = tail + 0.7 * y
            lines[a, p] = into
            tail = y - 0.7 * into
        x[i] += level * tail


@njit(cache=True)
def _background(x, memory, seed, at, noise, hum, hum_hz, sample_rate):
    """Noise through one pole at 500 Hz, and a hum of eight harmonics that wavers by 2 %."""
    draw = np.zeros(1, np.uint64)
    pole = math.exp(-2 * math.pi * 500 / sample_rate)
    # a one-pole low-pass of white noise keeps (1 - p) / (1 + p) of its power
    noise_gain = noise / math.sqrt((1 - pole) / (1 + pole)) * math.sqrt(12.0)
    hum_gain = hum * math.sqrt(2 / 1.53)  # sum of 1/k^2 over eight harmonics
    for i in range(x.size):
        open_stream(draw, seed, ROOM_NOISE, at + i)
        memory[0] = pole * memory[0] + (1 - pole) * (uniform(draw) - 0.5)
        x[i] += noise_gain * memory[0]
        if hum > 0:
            t = (at + i) / sample_rate
            waver = 1 + 0.02 * math.sin(2 * math.pi * 0.31 * t)
            memory[1] = (memory[1] + hum_hz * waver / sample_rate) % 1.0
            for k in range(1, 9):
                x[i] += hum_gain / k * math.sin(2 * math.pi * k * memory[1])
