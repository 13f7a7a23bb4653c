"""What the robot is told: text that names a fraction of the initial volume.

Reads:  a sentence.   Makes: a fraction in (0, 1].   Used by: scene, policy, benchmark, cli.
Sentence embeddings carry quantity badly, so the words are parsed and the number is what a policy
gets (paper, section 3.3: one-quarter, one-half, three-quarters, full pour).
"""

import re

from ..errors import ConfigError

COMMANDS: dict[str, float] = {"quarter": 0.25, "half": 0.5, "three-quarters": 0.75, "all": 1.0}
"""The four commands of the paper."""

_WORDS = {
    "three quarters": 0.75, "three quarter": 0.75, "two thirds": 2 / 3, "one third": 1 / 3,
    "a third": 1 / 3, "third": 1 / 3, "one quarter": 0.25, "a quarter": 0.25, "quarter": 0.25,
    "one half": 0.5, "half": 0.5, "all": 1.0, "everything": 1.0, "empty": 1.0, "full": 1.0,
}  # fmt: skip


def parse_command(text: str, initial_ml: float | None = None) -> float:
    """Fraction in (0, 1] named by ``text``: words, ``3/4``, ``25 %`` or, with ``initial_ml``, ``120 ml``.

    Raises ConfigError for anything else, listing what is understood.
    """
    said = text.lower().replace("-", " ").strip()
    fraction: float | None = None
    if m := re.search(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", said):
        fraction = float(m[1]) / 100
    elif m := re.search(r"(\d+(?:\.\d+)?)\s*(?:ml|millilit)", said):
        if initial_ml is None:
            raise ConfigError(f"'{text}' names millilitres, which needs a known initial volume")
        fraction = float(m[1]) / initial_ml
    elif m := re.search(r"(\d+)\s*/\s*(\d+)", said):
        fraction = int(m[1]) / max(int(m[2]), 1)
    elif re.fullmatch(r"0?\.\d+|1(?:\.0+)?", text.strip()):
        fraction = float(said)
    else:
        for words in sorted(_WORDS, key=len, reverse=True):
            if re.search(rf"\b{words}\b", said):
                fraction = _WORDS[words]
                break
    if fraction is None or not 0 < fraction <= 1:
        raise ConfigError(
            f"'{text}' names no amount; say quarter, half, three-quarters or all, a fraction (2/3), "
            "a percentage (40 %) or millilitres (120 ml) between nothing and everything"
        )
    return fraction
