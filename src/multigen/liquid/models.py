"""Which liquid pours: one way to start either, one way to drive and read both.

Reads:  a model's name, vessels, poses.   Makes: a Pour.   Used by: episode.world, cli (names).
"""

from typing import Protocol

from ..errors import ConfigError
from ..types import Liquid, PourTrace, Vessel
from .hydraulic import HydraulicPour, LiquidState
from .particles import ParticlePour
from .pose import VesselPose

LIQUID_MODELS = ("hydraulic", "particles")
"""The default, thousands of times faster than real time; and particles, slower than real time."""


class Pour(Protocol):
    """A pour in progress, whatever the liquid is made of."""

    dt_s: float

    def follow(self, source: VesselPose, receiver: VesselPose) -> None:
        """Advance by ``dt_s`` while both vessels move to these poses."""
        ...

    @property
    def state(self) -> LiquidState:
        """The liquid now."""
        ...

    def trace(self) -> PourTrace:
        """Everything so far at 100 Hz; rows once given never change."""
        ...


def check_liquid(model: str) -> str:
    """``model`` itself. Raises ConfigError for a name that is no liquid model, listing them."""
    if model not in LIQUID_MODELS:
        raise ConfigError(f"no liquid model '{model}'; choose from {', '.join(LIQUID_MODELS)}")
    return model


def liquid_of(world: object, chosen: str | None = None) -> str:
    """The model to pour with: the one chosen, else the world's own (``liquid_model``), else hydraulic.

    Raises ConfigError for a name that is no liquid model.
    """
    return check_liquid(chosen or getattr(world, "liquid_model", LIQUID_MODELS[0]))


def start_pour(
    model: str,
    source: Vessel,
    receiver: Vessel,
    liquid: Liquid,
    *,
    initial_ml: float,
    receiver_initial_ml: float,
    source_pose: VesselPose,
    receiver_pose: VesselPose,
    dt_s: float = 0.002,
) -> Pour:
    """A pour by a model of LIQUID_MODELS, its vessels standing at these poses.

    Raises ConfigError for another name, SceneError when a vessel starts overfilled, ClockError for
    a step that does not divide 10 ms.
    """
    if check_liquid(model) == "hydraulic":
        return HydraulicPour(
            source, receiver, liquid,
            initial_ml=initial_ml, receiver_initial_ml=receiver_initial_ml, dt_s=dt_s,
        )  # fmt: skip
    return ParticlePour(
        source, receiver, liquid,
        initial_ml=initial_ml, receiver_initial_ml=receiver_initial_ml,
        source_pose=source_pose, receiver_pose=receiver_pose, dt_s=dt_s,
    )  # fmt: skip
