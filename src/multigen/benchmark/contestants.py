"""Who is put through the trials: by name, so that a process can build them.

Reads:  names and checkpoint paths.   Makes: Controllers, Remembering ears.   Used by: benchmark.run.
Bars that any number must be read against: the expert told the truth, and the expert told the same
amount whatever was asked ('always a half' scores 0.458 by arithmetic if it pours exactly).
"""

import re
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from ..episode import Expert, make_expert
from ..policy import PolicyController, load_policy
from ..types import Clip, Controller, Ears, Latency, Observation, PourTrace, SceneConfig

CONSTANTS = {
    "always a quarter": 0.25,
    "always half": 0.5,
    "always three-quarters": 0.75,
    "always all": 1.0,
}


EXPERT_BARS = {"expert": "planned", "feedback expert": "feedback"}
"""Bars with full knowledge, and the expert behind each."""


VARIED = ("sampled", "forgetful")
"""Of a policy: draws its actions at temperature 1; does not remember where things are."""
PACE = re.compile(r"(\d+(?:\.\d+)?)s")
"""Of a policy: how long it is asked to pour."""


@dataclass
class Constant:
    """The expert told one amount, whatever was asked: shows what ignoring the command scores."""

    fraction: float

    def __post_init__(self) -> None:
        self._expert = Expert()

    def reset(self, scene: SceneConfig, seed: int) -> None:
        self._expert.reset(replace(scene, command=self.fraction), seed)

    def act(self, seen: Observation) -> Float32[np.ndarray, "K 10"] | None:
        return self._expert.act(seen)


def controller(name: str, latency: Latency = Latency()) -> Controller:
    """One of EXPERT_BARS or CONSTANTS, a packaged policy, or the path of a checkpoint; of a policy with
    ``@`` and senses behind it (``lab_ear@vision,state``) the others are closed; ``@`` and one of VARIED
    (``lab_ear@sampled``) or a PACE (``lab_ear@4.5s``) makes it act differently. ``latency`` is what a policy
    may compensate."""
    if name in EXPERT_BARS:
        return make_expert(EXPERT_BARS[name])
    if name in CONSTANTS:
        return Constant(CONSTANTS[name])
    path, _, said = name.partition("@")
    words = said.split(",") if said else []
    paces = [float(pace[1]) for word in words if (pace := PACE.fullmatch(word))]
    senses = tuple(w for w in words if w not in VARIED and not PACE.fullmatch(w))
    return load_policy(
        path,
        senses=senses or None,
        latency=latency,
        temperature=1.0 if "sampled" in words else 0.0,
        remembers="forgetful" not in words,
        pour_s=paces[0] if paces else None,
    )


def needs_eyes(name: str) -> bool:
    """The experts and the constants plan from the scene: they run without rendering."""
    return name not in EXPERT_BARS and name not in CONSTANTS


def looks(guest: Controller) -> bool:
    """Whether pictures matter to it: a policy without vision runs without rendering."""
    return not isinstance(guest, PolicyController) or "vision" in guest.senses


class Remembering:
    """Ears that keep what they last heard, for the report."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self.heard = np.zeros(0, np.float32)

    def reset(self, scene: SceneConfig, seed: int) -> None:
        self._ears.reset(scene, seed)
        self.heard = np.zeros(0, np.float32)

    def hear(self, seen: Clip, trace: PourTrace) -> Float32[np.ndarray, " N"]:
        self.heard = self._ears.hear(seen, trace)
        return self.heard
