"""Pouring acoustics: bubbles, jet, air column, drips, glug and fizz, from the ledger of a pour.

Reads:  PourTrace, Vessel, Liquid.   Makes: samples at 16 kHz (or any rate that divides).
Used by: audio.corpus (sound to learn from), audio.acoustic_ears (the world's own sound).
The checks in audio.metrics and audio.onset never import this package: what judges a sound shares
no code with what makes it.
"""

from .air_column import AirColumn as AirColumn
from .air_column import air_column as air_column
from .layers import Layers as Layers
from .layers import Voice as Voice
from .room import RoomAndMic as RoomAndMic
from .room import RoomStream as RoomStream
from .room import room_of as room_of
from .room import through_room as through_room
from .stream import rows_between as rows_between
from .synth import PourSynth as PourSynth
from .synth import sound_of_pour as sound_of_pour
