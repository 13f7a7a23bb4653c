"""The learning room: flow matching as mathematics, the training loop as a thing that can be killed."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from multigen.errors import ConfigError, WeightsError
from multigen.learning import (
    FitConfig,
    OptimiserName,
    fit,
    flow_loss,
    integrate,
    interpolate,
    load_state,
    save_checkpoint,
    shapes,
    step_generator,
)
from multigen.learning.fit import learning_rate
from multigen.learning.optimiser import Muon, make_optimisers, orthogonalise


class Killed(Exception):
    """The power went out."""


class Line(nn.Module):
    """A small network with a buffer and dropout: everything a state has to remember."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 32),
            nn.BatchNorm1d(32),
            nn.SiLU(),
            nn.Dropout(0.3),
            nn.Linear(32, 32),
            nn.Linear(32, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def line() -> Line:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Line()


def batches(step: int) -> dict[str, torch.Tensor]:
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(step))
    return {"x": x, "y": x.sum(1, keepdim=True)}


def noisy_error(model, batch, generator):
    noise = 0.1 * torch.randn(batch["y"].shape, generator=generator)
    value = (model(batch["x"]) - batch["y"] - noise).square().mean()
    return value, {"root": value.detach().sqrt()}


CONFIG = FitConfig(
    steps=20, lr=1e-2, warmup_steps=3, checkpoint_every=5, log_every=5, validate_every=10
)


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_twenty_steps_equal_ten_a_kill_and_ten_bit_for_bit(
    optimiser: OptimiserName, tmp_path: Path
) -> None:
    config = replace(CONFIG, optimiser=optimiser)
    whole = fit(line(), noisy_error, batches, out=tmp_path / "whole", config=config)

    def killed(step: int):
        if step == 12:
            raise Killed
        return batches(step)

    with pytest.raises(Killed):
        fit(line(), noisy_error, killed, out=tmp_path / "cut", config=config)
    again = line()
    resumed = fit(again, noisy_error, batches, out=tmp_path / "cut", config=config, resume=True)
    assert resumed.steps == whole.steps == 20
    for key, value in whole.average.items():
        assert torch.equal(value, resumed.average[key]), key
    assert resumed.loss == whole.loss


def test_muon_takes_the_matrices_and_refuses_a_run_of_adamw(tmp_path: Path) -> None:
    kinds = {
        type(o).__name__: sum(len(g["params"]) for g in o.param_groups)
        for o in make_optimisers(line(), "muon", lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0)
    }
    assert kinds == {"Muon": 1, "AdamW": 7}, "one square matrix; thin ones, biases, the norm's two"
    fit(line(), noisy_error, batches, out=tmp_path, config=CONFIG)
    muon = replace(CONFIG, optimiser="muon", steps=22)
    with pytest.raises(WeightsError, match="another optimiser"):
        fit(line(), noisy_error, batches, out=tmp_path, config=muon, resume=True)


def test_muon_steps_equally_in_all_directions_as_torch_does_in_16_bit() -> None:
    random = torch.Generator().manual_seed(0)
    for shape in ((48, 96), (96, 48), (64, 64)):
        x = torch.randn(2, *shape, generator=random)
        before, values = torch.linalg.svdvals(x), torch.linalg.svdvals(orthogonalise(x))
        assert values.max() < 1.3
        assert values[before > 0.05 * before.max()].min() > 0.5
        ours, theirs = (nn.Parameter(x[0].clone()) for _ in range(2))
        rates = {"lr": 0.01, "weight_decay": 0.1}
        pair = (
            Muon([ours], **rates),
            torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **rates),
        )
        for step in range(3):
            ours.grad = theirs.grad = torch.randn(
                shape, generator=torch.Generator().manual_seed(step)
            )
            for optimiser in pair:
                optimiser.step()
        moved = (theirs - x[0]).norm()
        assert (ours - theirs).norm() < 0.03 * moved, "bfloat16 has three digits"


def test_a_finished_run_resumes_to_nothing_and_a_longer_plan_goes_on(tmp_path: Path) -> None:
    first = fit(line(), noisy_error, batches, out=tmp_path, config=CONFIG)
    seen: list[int] = []

    def counted(step: int):
        seen.append(step)
        return batches(step)

    same = fit(line(), noisy_error, counted, out=tmp_path, config=CONFIG, resume=True)
    assert seen == []
    assert all(torch.equal(v, same.average[k]) for k, v in first.average.items())
    longer = FitConfig(steps=22, warmup_steps=3)
    fit(line(), noisy_error, counted, out=tmp_path, config=longer, resume=True)
    assert seen == [20, 21]


def test_the_loop_learns_and_validates_with_averaged_weights(tmp_path: Path) -> None:
    seen: list[bool] = []

    def validate(model) -> dict[str, float]:
        seen.append(model.training)
        b = batches(10**6)
        return {"val": float((model(b["x"]) - b["y"]).square().mean())}

    config = FitConfig(steps=300, lr=2e-2, ema_decay=0.95, validate_every=150, log_every=50)
    result = fit(line(), noisy_error, batches, out=tmp_path, config=config, validate=validate)
    assert result.validation["val"] < 0.3
    assert seen
    assert not any(seen)
    assert list((tmp_path / "logs").glob("events*"))


def test_shards_give_the_same_run_twice_and_leave_global_randomness_alone(tmp_path: Path) -> None:
    def plain(model, batch, generator):
        noise = torch.randn(batch["y"].shape, generator=generator)
        return (model(batch["x"]) - batch["y"] - noise).square().mean(), {}

    config = FitConfig(steps=6, shards=2, log_every=2)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    runs = []
    for name in ("a", "b"):
        model = nn.Sequential(nn.Linear(2, 1))
        nn.init.ones_(model[0].weight)
        nn.init.zeros_(model[0].bias)
        torch.manual_seed(7)
        runs.append(fit(model, plain, batches, out=tmp_path / name, config=config).average)
    assert all(torch.equal(v, runs[1][k]) for k, v in runs[0].items())
    assert torch.equal(torch.rand(1), expected)


def test_a_shard_gradient_is_that_of_the_whole_batch(tmp_path: Path) -> None:
    def exact(model, batch, generator):
        return (model(batch["x"]) - batch["y"]).square().mean(), {}

    ends = []
    for shards in (1, 2):
        model = nn.Linear(2, 1)
        nn.init.ones_(model.weight)
        nn.init.zeros_(model.bias)
        config = FitConfig(steps=5, shards=shards)
        ends.append(fit(model, exact, batches, out=tmp_path / str(shards), config=config).average)
    assert all(torch.allclose(v, ends[1][k], atol=1e-6) for k, v in ends[0].items())


def test_divergence_and_foreign_states_are_named(tmp_path: Path) -> None:
    def nan(model, batch, generator):
        return model(batch["x"]).mean() * math.nan, {}

    with pytest.raises(WeightsError, match="diverged at step 0"):
        fit(line(), nan, batches, out=tmp_path / "nan", config=CONFIG)
    fit(line(), noisy_error, batches, out=tmp_path / "run", config=FitConfig(steps=1))
    with pytest.raises(WeightsError, match=r"state.safetensors has tensors"):
        fit(nn.Linear(2, 1), noisy_error, batches, out=tmp_path / "run", config=CONFIG, resume=True)


def test_time_limits_end_a_run_annealed(tmp_path: Path) -> None:
    config = FitConfig(steps=10**6, time_limit_s=0.3, log_every=10**6)
    result = fit(line(), noisy_error, batches, out=tmp_path, config=config)
    assert 0 < result.steps < 10**6
    half = FitConfig(steps=100, warmup_steps=0, time_limit_s=10.0)
    assert learning_rate(half, 0, 10.0) == pytest.approx(half.lr * half.final_lr)
    assert learning_rate(half, 50, 0.0) == pytest.approx(learning_rate(half, 0, 5.0))


def test_checkpoints_round_trip_and_refuse_in_one_sentence(tmp_path: Path) -> None:
    model = line()
    save_checkpoint(tmp_path, CONFIG, model.state_dict())
    loaded = load_state(tmp_path, shapes(model))
    assert all(torch.equal(v, loaded[k]) for k, v in model.state_dict().items())
    wanted = shapes(model)
    with pytest.raises(WeightsError, match=r"1 missing \(more\)"):
        load_state(tmp_path, {**wanted, "more": (1,)})
    with pytest.raises(WeightsError, match=r"1 unexpected \(layers.0.bias\)"):
        load_state(tmp_path, {k: v for k, v in wanted.items() if k != "layers.0.bias"})
    with pytest.raises(WeightsError, match=r"layers.0.bias \[32\] instead of \[3\]"):
        load_state(tmp_path, {**wanted, "layers.0.bias": (3,)})
    assert "more" not in load_state(tmp_path, {**wanted, "more": (1,)}, may_miss=("mo",))
    whole = (tmp_path / "model.safetensors").read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(WeightsError, match="not a complete safetensors"):
            load_state(tmp_path, wanted)
    with pytest.raises(WeightsError, match="no weights"):
        load_state(tmp_path / "nowhere", wanted)


def test_half_precision_is_stored_small_and_loaded_wide(tmp_path: Path) -> None:
    state = {"w": torch.randn(1000, generator=step_generator(0, 0))}
    save_file(state, tmp_path / "full.safetensors")
    save_checkpoint(tmp_path / "half", CONFIG, state, half=True)
    small = (tmp_path / "half" / "model.safetensors").stat().st_size
    assert small < 0.6 * (tmp_path / "full.safetensors").stat().st_size
    loaded = load_state(tmp_path / "half", {"w": (1000,)})["w"]
    assert loaded.dtype == torch.float32
    assert torch.allclose(loaded, state["w"], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2)])
def test_samplers_converge_with_their_order(method, order: int) -> None:
    def velocity(x, t):
        return -2 * x + t.reshape(-1, 1)

    def truth(x: float) -> float:  # x' = -2x + t
        return (x + 0.25) * math.exp(-2) + 0.5 - 0.25

    x0 = torch.tensor([[1.0]], dtype=torch.float64)
    errors = [
        abs(float(integrate(velocity, x0, steps=n, method=method)) - truth(1.0)) for n in (20, 40)
    ]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.15)


def test_paths_are_straight_and_the_loss_of_the_truth_is_zero() -> None:
    generator = step_generator(0, 0)
    x0, x1 = (torch.randn(4, 3, 2, generator=generator) for _ in range(2))
    at, velocity = interpolate(x0, x1, torch.tensor([0.0, 0.25, 0.5, 1.0]))
    assert torch.equal(at[0], x0[0])
    assert torch.allclose(at[3], x1[3])
    assert torch.allclose(at[1] + 0.75 * velocity[1], x1[1], atol=1e-6)
    value, each = flow_loss(lambda x, t: (x1 - x) / (1 - t.reshape(-1, 1, 1)), x1, generator)
    assert float(value) < 1e-6
    assert each.shape == (4,)


def test_what_is_held_stays_and_bad_requests_are_refused() -> None:
    x0, goal = torch.zeros(1, 4), torch.ones(1, 4)

    def hold(x, t):
        return torch.cat([t * goal[:, :2], x[:, 2:]], 1)

    x = integrate(lambda x, t: torch.full_like(x, 3.0), x0, steps=5, hold=hold)
    assert torch.allclose(x, torch.tensor([[1.0, 1.0, 3.0, 3.0]]))
    with pytest.raises(ConfigError, match="at least one step"):
        integrate(lambda x, t: x, x0, steps=0)
    with pytest.raises(ConfigError, match="euler, midpoint or heun"):
        integrate(lambda x, t: x, x0, method="leapfrog")  # type: ignore[arg-type]
