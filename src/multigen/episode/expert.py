"""The scripted expert: reads the whole scene once, then plays its plan with closed eyes.

Reads:  SceneConfig.   Makes: action chunks.   Used by: pipeline (demonstrations), benchmark (the floor
any policy is read against: what full knowledge without feedback achieves).
"""

import numpy as np
from jaxtyping import Float32

from ..liquid import HydraulicParams
from ..types import Clock, Observation, SceneConfig
from .ik import kinova
from .plan import Plan, plan_pour


class Expert:
    """A Controller. Deterministic: the seed changes nothing, the scene decides everything.

    ``params`` is how it believes the liquid flows; nothing corrects that during the pour.
    """

    def __init__(
        self, clock: Clock = Clock(), *, params: HydraulicParams = HydraulicParams()
    ) -> None:
        self.clock, self.params = clock, params
        self.plan: Plan | None = None

    def reset(self, scene: SceneConfig, seed: int) -> None:
        """Plan the whole pour. Raises SceneError when this scene has no solution."""
        self.plan = plan_pour(scene, kinova(), self.clock, params=self.params)

    def act(self, seen: Observation) -> Float32[np.ndarray, "K 10"] | None:
        """The planned row for this moment; None when the plan has been played."""
        if self.plan is None:
            raise RuntimeError("Expert.act before Expert.reset: reset plans the pour")
        k = round(seen.time_s * self.clock.control_hz)
        return self.plan.actions[k : k + 1] if k < len(self.plan.actions) else None
