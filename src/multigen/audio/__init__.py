"""Room: audio. Waveforms and mel, the pouring acoustics, the learned generator, its corpus, checks.

Reads:  clips (frames and roles), liquid traces, corpora.   Makes: waveforms, sound models, scores.
Used by: policy (ears in the loop), pipeline, benchmark, report, cli.
Two makers of sound: ``sound_of_pour`` (physics, from the liquid's state) and ``load_generator``
(learned, from what is seen). What checks a sound (onset, metrics, score) shares no code with either.
Names are resolved on first use: the acoustics and the checks work without loading a network.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import mmaudio as mmaudio
    from .acoustic_ears import AcousticEars as AcousticEars
    from .acoustics import sound_of_pour as sound_of_pour
    from .flow_ears import FlowEars as FlowEars
    from .generator import Generator as Generator
    from .generator import load_generator as load_generator
    from .onset import detect_onset_offset as detect_onset_offset
    from .train import train_sound as train_sound

_HOME = {
    "AcousticEars": "acoustic_ears",
    "FlowEars": "flow_ears",
    "Generator": "generator",
    "detect_onset_offset": "onset",
    "load_generator": "generator",
    "sound_of_pour": "acoustics",
    "train_sound": "train",
}


def __getattr__(name: str) -> Any:
    if name == "mmaudio":
        return import_module(".mmaudio", __name__)
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, "mmaudio"])
