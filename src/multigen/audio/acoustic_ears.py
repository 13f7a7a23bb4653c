"""The world's own sound as ears: what the pour physically sounds like, heard while it happens.

Reads:  SceneConfig, PourTrace so far.   Makes: samples so far.
Used by: episode.rollout (the listening benchmark's upper bar), dataset (``--sound acoustics``).
Causal by construction: the synthesis is a stream, so what was returned before stays as it was.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from ..errors import ClockError
from ..types import Clip, PourTrace, SceneConfig
from .acoustics import Layers, PourSynth, RoomAndMic, RoomStream, room_of, rows_between

SAMPLE_RATE = 16_000
ROOM = 1
"""Chance of its own: the pour inside a room is the pour without one."""


@dataclass
class AcousticEars:
    """Implements types.Ears. One instance hears one episode at a time."""

    layers: Layers = Layers()
    room: RoomAndMic | None = None
    """Reverberation, noise floor and motors; None hears the pour alone."""
    recorded: bool = False
    """Every episode in a room of its own, from where its scene's microphone stands (``room_of``)."""
    _scene: SceneConfig | None = field(default=None, repr=False)
    _seed: int = field(default=0, repr=False)
    _synth: PourSynth | None = field(default=None, repr=False)
    _room: RoomStream | None = field(default=None, repr=False)
    _heard: list[np.ndarray] = field(default_factory=list, repr=False)
    _rows: int = field(default=0, repr=False)

    def reset(self, scene: SceneConfig, seed: int) -> None:
        """A new episode begins: forget the last one."""
        self._scene, self._seed = scene, seed
        if self.recorded:
            self.room = room_of(scene, np.random.default_rng([seed, ROOM]))
        self._synth, self._room, self._heard, self._rows = None, None, [], 0

    def hear(self, seen: Clip, trace: PourTrace) -> Float32[np.ndarray, " N"]:
        """Sound from the start until now, ``round(len(seen) * 16000 / fps)`` samples, from
        ``trace`` alone (rows beyond ``seen`` are not heard yet).

        A frame shows the beginning of its interval: where the newest frame's interval is still
        going on, the sound ends with the trace, up to one frame short, for no one hears the future.
        Raises ClockError before ``reset``, when the trace misses a whole frame of what was seen, or
        when it is shorter than in the last call.
        """
        if self._scene is None:
            raise ClockError("these ears were not reset; call reset(scene, seed) before hear")
        wanted = round(len(seen) * SAMPLE_RATE / seen.fps)
        lived = len(trace) * SAMPLE_RATE // trace.liquid_hz
        if len(trace) < self._rows or (wanted and lived <= wanted - SAMPLE_RATE / seen.fps):
            raise ClockError(
                f"{len(seen)} frames need {wanted * trace.liquid_hz / SAMPLE_RATE:g} liquid steps, never "
                f"fewer than the {self._rows} already heard; got {len(trace)}"
            )
        self._listen(trace)
        whole = np.concatenate(self._heard) if self._heard else np.zeros(0, np.float32)
        self._heard = [whole]
        return whole[:wanted].copy()

    def _listen(self, trace: PourTrace) -> None:
        """Synthesise the rows that are new."""
        if self._synth is None:
            assert self._scene is not None
            rng = np.random.default_rng(self._seed)
            self._synth = PourSynth(
                self._scene.source, self._scene.receiver, self._scene.liquid,
                rng=rng, liquid_hz=trace.liquid_hz, layers=self.layers, sample_rate=SAMPLE_RATE,
            )  # fmt: skip
            self._room = (
                RoomStream(self.room, np.random.default_rng([self._seed, ROOM, ROOM]), SAMPLE_RATE)
                if self.room
                else None
            )
        new = self._synth.advance(rows_between(trace, self._rows, len(trace)))
        self._rows = len(trace)
        self._heard.append(self._room.advance(new) if self._room else new)
