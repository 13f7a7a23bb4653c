"""The eight container and liquid combinations of the paper's Table 1, by name.

Reads:  a condition's name.   Makes: (source, receiver, liquid).   Used by: scene.draw, benchmark.
"""

from dataclasses import dataclass

from ..errors import ConfigError
from ..types import Liquid, Vessel
from .liquids import LIQUIDS
from .vessels import paper_vessel


@dataclass(frozen=True)
class Condition:
    """Who pours what into whom; vessel and liquid by name."""

    liquid: str
    source: str
    receiver: str

    @property
    def name(self) -> str:
        """As in the paper's table, which tells hot water from cold only in its appendix."""
        return f"{self.liquid.split()[-1]}-{self.source}-{self.receiver}"


CONDITIONS: dict[str, Condition] = {
    c.name: c
    for c in (
        Condition("water", "white_cup", "red_cup"),
        Condition("coffee", "metal_thermos", "paper_cup"),
        Condition("sake", "sake_carafe", "sake_cup"),
        Condition("hot water", "metal_thermos", "metal_mug"),
        Condition("water", "white_cup", "plastic_cup"),
        Condition("juice", "plastic_bottle", "plastic_cup"),
        Condition("soda", "metal_can", "plastic_cup"),
        Condition("juice", "plastic_bottle", "glass_mug"),
    )
}
"""The eight, in the order of the paper."""


def find_condition(name: str) -> Condition:
    """By name. Raises ConfigError listing the eight."""
    if name not in CONDITIONS:
        raise ConfigError(f"no condition '{name}'; choose from {', '.join(CONDITIONS)}")
    return CONDITIONS[name]


def condition_parts(name: str) -> tuple[Vessel, Vessel, Liquid]:
    """Source, receiver and liquid of a named condition. Raises ConfigError for another name."""
    c = find_condition(name)
    return paper_vessel(c.source), paper_vessel(c.receiver), LIQUIDS[c.liquid]
