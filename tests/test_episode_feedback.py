"""The teacher watches the ledger: it lands the amount whatever it believed, and a policy sees nothing."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from multigen.episode import Blind, Expert, FeedbackExpert, make_expert, rollout_blind
from multigen.episode.feedback import MISJUDGED_RAD
from multigen.episode.foresight import Foresight
from multigen.errors import ConfigError
from multigen.liquid import HydraulicParams
from multigen.pipeline.simulate import simulate
from multigen.scene import draw_scene, load_world
from multigen.types import Observation, PourTrace, SceneConfig, Teacher
from multigen.types.pose import decode_pose

THICK = HydraulicParams(discharge=0.35, onset_head=1.0, stop_head=0.5, inertia=3.0)
THIN = HydraulicParams(discharge=0.9, onset_head=0.3, stop_head=0.15, inertia=0.5)


def scene(command: str = "quarter") -> SceneConfig:
    """The lab scene, poured fast: a quarter is the amount that errors show most in."""
    world = load_world("nominal")
    drawn = draw_scene(world, 0, condition="water-white_cup-red_cup", command=command)
    return replace(drawn, tilt_seconds=2.0)


@lru_cache(maxsize=4)
def poured(params: HydraulicParams, command: str = "quarter") -> Blind:
    return rollout_blind(scene(command), FeedbackExpert(params=params), seed=0)


class BelievingOil:
    """A teacher that takes the scene's liquid for one a hundred times as viscous."""

    def __init__(self) -> None:
        self.inner = FeedbackExpert()
        self.shown: list[int] = []

    def reset(self, scene: SceneConfig, seed: int) -> None:
        thick = replace(scene.liquid, viscosity_pa_s=100 * scene.liquid.viscosity_pa_s)
        self.inner.reset(replace(scene, liquid=thick), seed)

    def watch(self, trace: PourTrace) -> None:
        self.shown.append(len(trace))
        self.inner.watch(trace)

    def act(self, seen: Observation) -> np.ndarray | None:
        return self.inner.act(seen)


@pytest.mark.parametrize("params", [HydraulicParams(), THICK, THIN], ids=["true", "thick", "thin"])
def test_the_teacher_lands_the_amount_whatever_it_believes_of_the_flow(params) -> None:
    outcome = poured(params).outcome
    assert outcome.completed
    assert outcome.nmae < 0.02
    assert outcome.spilled_ml < 1


def test_without_feedback_the_same_wrong_belief_misses() -> None:
    blind = rollout_blind(scene(), Expert(params=THICK), seed=0)
    assert blind.outcome.nmae > 5 * poured(THICK).outcome.nmae
    assert blind.outcome.nmae > 0.1


def test_a_wrong_viscosity_is_corrected_too_and_the_ledger_is_shown_before_every_decision() -> None:
    teacher = BelievingOil()
    blind = rollout_blind(scene(), teacher, seed=0)
    assert blind.outcome.nmae < 0.05
    assert teacher.shown[:3] == [0, 10, 20]
    assert teacher.inner._model.misfit > 1.2


def test_the_vessel_is_upright_and_dry_at_the_end_and_never_jerked() -> None:
    blind = poured(THICK)
    _, rot, _ = decode_pose(blind.action)
    tilt = np.arccos(np.clip(-rot[:, 2, 0], -1, 1))  # of the pinch site's x axis from straight down
    assert tilt[-1] < 1e-3
    assert blind.trace.flow_out_ml_s[-20:].max() == 0
    speed = np.diff(tilt) * 10
    assert np.abs(speed).max() < 1.25
    assert np.abs(np.diff(speed)).max() * 10 < 6


def test_all_is_all_but_what_clings() -> None:
    outcome = poured(HydraulicParams(), "all").outcome
    assert outcome.completed
    assert outcome.left_source_ml < 0.02 * outcome.initial_ml


def test_foresight_only_asks_and_knows_the_present() -> None:
    config, teacher = scene(), FeedbackExpert()
    teacher.reset(config, 0)
    assert teacher.plan is not None
    model = Foresight(config, teacher.plan.path, HydraulicParams())
    still = np.zeros(5)
    assert model.lands(still, 0.1) == pytest.approx((0.0, 0.0), abs=1e-9)
    tilt = teacher.plan.tilt
    angles = tilt.at(np.arange(round(tilt.total_s * 10) + 1) / 10)
    first = model.lands(angles, 0.1)
    assert first[0] == pytest.approx(config.target_ml, rel=0.03)
    assert model.lands(angles, 0.1) == first
    assert model.lands(still, 0.1) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_only_teachers_are_shown_the_ledger() -> None:
    assert isinstance(FeedbackExpert(), Teacher)
    assert not isinstance(Expert(), Teacher)
    assert not any("trace" in name or "ml" in name for name in Observation.__dataclass_fields__)


@pytest.mark.parametrize("command", ["quarter", "three-quarters"])
def test_a_wrong_first_guess_is_mended_from_both_sides(command) -> None:
    """Too far and not far enough: the amount is right, but the way there says nothing of it."""
    slow = replace(scene(command), tilt_seconds=4.0)
    guesses, tilts = [], []
    for seed in range(6):
        teacher = FeedbackExpert(misjudges_rad=MISJUDGED_RAD)
        blind = rollout_blind(slow, teacher, seed=seed)
        assert blind.outcome.completed
        assert blind.outcome.nmae < 0.03
        assert teacher.plan is not None
        guesses.append(teacher._tilt.angle_rad - teacher.plan.tilt.angle_rad)
        tilts.append(_tilted(blind)[25])
    assert min(guesses) < -0.05 < 0.05 < max(guesses)
    assert np.ptp(tilts) > 0.1
    again = rollout_blind(slow, FeedbackExpert(misjudges_rad=MISJUDGED_RAD), seed=5)
    assert np.array_equal(again.action, blind.action)


def _tilted(blind: Blind) -> np.ndarray:
    """Commanded tilt [rad] from the moment it first grows."""
    _, rot, _ = decode_pose(blind.action)
    tilt = np.arccos(np.clip(-rot[:, 2, 0], -1, 1))
    return tilt[int(np.argmax(tilt > 0.02)) :]


def test_experts_go_by_name(tmp_path) -> None:
    assert isinstance(make_expert("planned"), Expert)
    assert isinstance(make_expert("feedback"), FeedbackExpert)
    with pytest.raises(ConfigError, match="planned, feedback"):
        make_expert("oracle")
    with pytest.raises(ConfigError, match="planned, feedback"):
        simulate(tmp_path, episodes=1, seed=0, world=load_world("lab"), expert="oracle")
