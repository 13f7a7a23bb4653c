"""Flow matching: the objective, and the ordinary differential equation it learns.

Reads:  a velocity function and noise.   Makes: losses, samples.   Used by: audio (sound model).
Straight paths x_t = (1 - t) x_0 + t x_1, noise at t = 0, data at t = 1 (Lipman et al., Flow Matching
for Generative Modeling, arXiv 2210.02747); times drawn logit-normal as in Esser et al., arXiv
2403.03206; guidance v = w v_cond + (1 - w) v_null (Ho & Salimans, arXiv 2207.12598).
"""

import itertools
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import ConfigError

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x [B ...], t [B]) -> dx/dt, same shape as x."""
Hold = Callable[[Tensor, float], Tensor]
"""(x, t) -> x with what is already known put back at its noise level t (inpainting)."""
Method = Literal["euler", "midpoint", "heun"]


def draw_times(count: int, generator: torch.Generator) -> Float[Tensor, " count"]:
    """Times in (0, 1): the logistic of a standard normal, so that the middle is seen most."""
    return torch.sigmoid(torch.randn(count, generator=generator))


def interpolate(x0: Tensor, x1: Tensor, t: Float[Tensor, " B"]) -> tuple[Tensor, Tensor]:
    """Point on the straight path at ``t`` and its velocity x_1 - x_0."""
    at = t.reshape(-1, *[1] * (x1.dim() - 1))
    return (1 - at) * x0 + at * x1, x1 - x0


def flow_loss(
    predict: Velocity,
    x1: Float[Tensor, "B ..."],
    generator: torch.Generator,
    *,
    weight: Tensor | None = None,
) -> tuple[Tensor, Float[Tensor, " B"]]:
    """Mean squared velocity error at one random time per sample, and the error of each sample.

    ``weight`` (broadcastable to x1) weighs the terms of the mean. Noise and times come from the CPU
    ``generator`` alone, whatever the device.
    """
    x0 = torch.randn(x1.shape, generator=generator).to(x1)
    t = draw_times(len(x1), generator).to(x1)
    xt, velocity = interpolate(x0, x1, t)
    error = (predict(xt, t) - velocity).square()
    if weight is not None:
        error = error * weight
    each = error.flatten(1).mean(1)
    return each.mean(), each


def guide(conditional: Tensor, null: Tensor, guidance: float) -> Tensor:
    """Extrapolate from the unconditional velocity through the conditional one."""
    return guidance * conditional + (1 - guidance) * null


@torch.no_grad()
def integrate(
    velocity: Velocity,
    x0: Float[Tensor, "B ..."],
    *,
    steps: int = 25,
    method: Method = "euler",
    hold: Hold | None = None,
) -> Float[Tensor, "B ..."]:
    """Solve dx/dt = velocity(x, t) from t = 0 to 1 in equal steps.

    euler: one evaluation a step; midpoint and heun: two, second order. ``hold`` is applied before
    every evaluation and once at the end. Raises ConfigError for fewer than one step or an unknown
    method.
    """
    if steps < 1 or method not in ("euler", "midpoint", "heun"):
        raise ConfigError(
            f"got {steps} steps of '{method}'; need at least one step of euler, midpoint or heun"
        )
    times = torch.linspace(0, 1, steps + 1).tolist()
    x = x0

    def slope(x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        x = x if hold is None else hold(x, t)
        return x, velocity(x, torch.full((len(x),), t, dtype=x.dtype, device=x.device))

    for t, after in itertools.pairwise(times):
        dt = after - t
        x, v = slope(x, t)
        if method == "midpoint":
            _, v = slope(x + dt / 2 * v, t + dt / 2)
        elif method == "heun":
            _, v_end = slope(x + dt * v, after)
            v = (v + v_end) / 2
        x = x + dt * v
    return x if hold is None else hold(x, 1.0)
