"""Room: ear. How full it is, by ear: fill, air column, flow and pouring over time, from sound alone.

Reads:  lessons (sound, trace, vessel, whoever made the sound); recordings.   Makes: checkpoints, Hearing.
Used by: pipeline, benchmarks, cli. Trained on simulated sound only; real recordings only judge.
Names load on first use: torch is heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibration import Calibration as Calibration
    from .calibration import calibrate as calibrate
    from .lessons import Lesson as Lesson
    from .lessons import make_lesson as make_lesson
    from .lessons import read_lessons as read_lessons
    from .listener import Hearing as Hearing
    from .listener import Listener as Listener
    from .listener import hear as hear
    from .listener import load_ear as load_ear
    from .teachers import lessons_of as lessons_of
    from .train import train_ear as train_ear

_HOME = {
    "Calibration": "calibration",
    "Hearing": "listener",
    "Lesson": "lessons",
    "Listener": "listener",
    "calibrate": "calibration",
    "hear": "listener",
    "lessons_of": "teachers",
    "load_ear": "listener",
    "make_lesson": "lessons",
    "read_lessons": "lessons",
    "train_ear": "train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
