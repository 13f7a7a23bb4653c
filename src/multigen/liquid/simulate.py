"""A whole pour in one call: what would happen if the source moved like this.

Reads:  two Vessels, a Liquid, a path of the lip.   Makes: PourTrace.
Used by: episode (plans a tilt by bisection), tests, reports. One compiled loop over the step of
liquid.core, so the numbers equal those of HydraulicPour bit for bit.
"""

import numpy as np
from jaxtyping import Float

from ..errors import ClockError
from ..types import Liquid, PourTrace, Vessel
from . import core
from .hydraulic import DEFAULT_PARAMS, HydraulicParams, as_trace, make_setup, start_state


def simulate_pour(
    source: Vessel,
    receiver: Vessel,
    liquid: Liquid,
    *,
    initial_ml: float,
    tilt_rad: Float[np.ndarray, " n"],
    lip_m: Float[np.ndarray, "n 3"],
    out_xy: Float[np.ndarray, "n 2"],
    receiver_floor_m: Float[np.ndarray, "3"],
    receiver_initial_ml: float = 0.0,
    dt_s: float = 0.002,
    params: HydraulicParams = DEFAULT_PARAMS,
) -> PourTrace:
    """The trace of a pour along a path given at every step ``dt_s`` (see HydraulicPour.step).

    ``lip_m`` and ``out_xy`` may also be one row, for a lip that stays where it is. About 1 ms for
    12 s at 2 ms steps once compiled. Raises ClockError when the columns differ in length or
    ``dt_s`` does not divide 10 ms, SceneError when a vessel starts overfilled.
    """
    tilt = np.ascontiguousarray(tilt_rad, np.float64)
    lip = _per_step("lip_m", lip_m, len(tilt), 3)
    out = _per_step("out_xy", out_xy, len(tilt), 2)
    floor = np.ascontiguousarray(receiver_floor_m, np.float64)
    setup = make_setup(source, receiver, liquid, dt_s, params)
    state, ring = start_state(source, receiver, initial_ml, receiver_initial_ml, dt_s)
    rows = np.zeros((len(tilt) // int(setup.constants[core.C_STRIDE]), core.TRACE_COLUMNS))
    core.run_path(setup, state, ring, tilt, lip, out, floor, rows)
    return as_trace(rows)


def _per_step(name: str, values: np.ndarray, n: int, width: int) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.shape == (width,):
        values = np.repeat(values[None], n, axis=0)
    if values.shape != (n, width):
        raise ClockError(f"{name} must be [{n}, {width}] like tilt_rad, got {list(values.shape)}")
    return np.ascontiguousarray(values)
