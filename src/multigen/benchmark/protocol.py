"""What is tried: conditions × start positions × commands, the same seeds for every policy.

Reads:  a world, names.   Makes: Trials.   Used by: benchmark.run.
Paper, section 4.1: eight conditions, three start positions, four commands each = 96 trials.
"""

from dataclasses import dataclass

from ..scene import CONDITIONS, WorldConfig, draw_scene
from ..types import COMMANDS, SceneConfig

SOUND = "recorded"
"""What there is to hear: the acoustics through a room, a microphone and noise, never the generator that a
policy learned with. What was learned on generated sound has to work on sound nobody generated."""
POSITIONS = 3


@dataclass(frozen=True)
class Trial:
    """One closed-loop pour to be scored."""

    condition: str
    command: str
    position: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.condition}.{self.command}.{self.position}"


def plan_trials(
    conditions: tuple[str, ...] | None = None, *, positions: int = POSITIONS, seed: int = 0
) -> list[Trial]:
    """Every condition, ``positions`` start positions, the four commands; 96 by default.

    A position is a seed: the four commands of one position share their scene.
    """
    return [
        Trial(condition, command, position, _seed(seed, condition, position))
        for condition in conditions or tuple(CONDITIONS)
        for position in range(positions)
        for command in COMMANDS
    ]


def thin_out(trials: list[Trial], n: int) -> list[Trial]:
    """``n`` of them, spread evenly over conditions, commands and positions (a Latin pattern)."""
    if n >= len(trials):
        return trials
    commands = list(COMMANDS)
    conditions = list(dict.fromkeys(t.condition for t in trials))

    def rank(t: Trial) -> tuple[int, int, int]:
        c, k = conditions.index(t.condition), commands.index(t.command)
        return ((k - c - t.position) % len(commands) + len(commands) * t.position, c, k)

    kept = set(sorted(trials, key=rank)[:n])
    return [t for t in trials if t in kept]


def protocol(n: int, conditions: tuple[str, ...] | None = None, *, seed: int = 0) -> list[Trial]:
    """``n`` trials: a share of the paper's protocol, or as many more positions as that takes."""
    per_position = len(COMMANDS) * len(conditions or CONDITIONS)
    positions = max(POSITIONS, -(-n // per_position))
    return thin_out(plan_trials(conditions, positions=positions, seed=seed), n)


def _seed(seed: int, condition: str, position: int) -> int:
    """Test seeds start at ten million: no training seed is ever among them."""
    place = list(CONDITIONS).index(condition)
    return 10_000_000 + 100_000 * seed + 100 * place + position


def scene_of(trial: Trial, world: WorldConfig) -> SceneConfig:
    """The trial's scene: same seed, same scene, whoever pours."""
    return draw_scene(world, trial.seed, condition=trial.condition, command=trial.command)
