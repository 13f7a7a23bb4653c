"""Which OpenGL to use, decided before mujoco is imported for the first time.

Reads:  the environment, the system's shared libraries.   Makes: MUJOCO_GL, LP_NUM_THREADS.
Used by: scene/__init__ (imported first of all).
mujoco reads MUJOCO_GL once, at import: EGL where its library loads, else OSMesa. Where mujoco came
first, its one module that chose is loaded again. One software OpenGL thread per process: work is
spread over processes, and idle threads only fight.
"""

import ctypes
import importlib
import os
import sys

_CHOOSER = "mujoco.rendering.classic.gl_context"

PACKAGES = "libegl1 libegl-mesa0 libgl1-mesa-dri"
"""Debian packages that make headless rendering work."""


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def choose_backend() -> str:
    """Set MUJOCO_GL (unless the user did) and return it: 'egl', or 'osmesa' where only that loads."""
    chosen = os.environ.get("MUJOCO_GL")
    if not chosen:
        chosen = "osmesa" if not _loads("libEGL.so.1") and _loads("libOSMesa.so.8") else "egl"
        os.environ["MUJOCO_GL"] = chosen
        if _CHOOSER in sys.modules:
            importlib.reload(sys.modules[_CHOOSER])
    os.environ.setdefault("LP_NUM_THREADS", "1")
    return chosen


BACKEND = choose_backend()
