"""Ears by name, so that an environment can be made in another process.

Reads:  'none', 'acoustics', 'recorded', 'flow', a checkpoint's folder, or Ears.   Makes: Ears.
Used by: envs.pour, benchmark. Learned ears load torch; the others do not.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from ..audio.acoustic_ears import AcousticEars
from ..audio.sounds import check_sound
from ..episode import Deaf
from ..types import Ears

if TYPE_CHECKING:
    from ..audio.generator import Generator
    from ..audio.mmaudio import MMAudioGenerator


def find_ears(sound: str | Ears) -> Ears:
    """'none' (silence), 'acoustics' (the world's own sound), 'recorded' (that sound through the room,
    to the scene's microphone, with motors and background), 'flow' (the packaged generator), a folder.

    One pair of ears hears one episode at a time: every call of a name makes new ones; the network
    behind learned ones is loaded once per process. Raises ConfigError for another name.
    """
    if not isinstance(sound, str):
        return sound
    if check_sound(sound) == "none":
        return Deaf()
    if sound in ("acoustics", "recorded"):
        return AcousticEars(recorded=sound == "recorded")
    from ..audio import FlowEars

    return FlowEars(_generator(sound))


@lru_cache(maxsize=2)
def _generator(sound: str) -> "Generator | MMAudioGenerator":
    from ..audio import load_generator

    return load_generator(sound)


def must_see(ears: Ears) -> bool:
    """Whether these ears may look at the film: silence and acoustics never do."""
    return not isinstance(ears, Deaf | AcousticEars)
