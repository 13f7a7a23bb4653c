"""The names by which a sound is asked for on the command line.

Reads:  ``--sound``.   Makes: the same name, known to be good.   Used by: pipeline, benchmark, cli.
"""

from pathlib import Path

from ..errors import ConfigError

SOUNDS = ("flow", "acoustics", "recorded", "none")
"""The packaged generator; the physical model; the same through room, microphone and motors of the
scene; silence. Anything else is a sound model's folder, or
a user's MMAudio files (a folder, or a network file with the others beside it)."""


def check_sound(name: str) -> str:
    """A known way to make sound. Raises ConfigError listing them."""
    if name not in SOUNDS and not Path(name).exists():
        raise ConfigError(
            f"--sound {name}: not a sound; say {', '.join(SOUNDS)} or the folder of a sound model"
        )
    return name
