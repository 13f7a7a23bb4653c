"""Parse, run, and turn every error of ours into one sentence and exit status 2.

Reads:  sys.argv.   Makes: an exit status.   Used by: the ``multigen`` script.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

os.environ.setdefault("MUJOCO_GL", "egl")

import tyro

from ..errors import MultigenError
from .corpus import (
    CorpusImport,
    CorpusImportEpic,
    CorpusImportEsc50,
    CorpusImportSoundOfWater,
    CorpusResound,
    CorpusSynth,
)
from .ear import CalibrateEar, Hear, TrainEar
from .inspect import Doctor, Export, Look, Report, Validate, World
from .judge import Bench, Listen
from .learn import ScoreSound, TrainPolicy, TrainSound
from .make import Demo, Generate, Glimpse, Pack, Simulate, Sonify
from .masks import Masks

VERBS = {
    "demo": Demo,
    "look": Look,
    "generate": Generate,
    "simulate": Simulate,
    "glimpse": Glimpse,
    "sonify": Sonify,
    "masks": Masks,
    "pack": Pack,
    "corpus-synth": CorpusSynth,
    "corpus-import": CorpusImport,
    "corpus-videos": CorpusImport,
    "corpus-import-epic": CorpusImportEpic,
    "corpus-import-esc50": CorpusImportEsc50,
    "corpus-import-soundofwater": CorpusImportSoundOfWater,
    "corpus-resound": CorpusResound,
    "train-sound": TrainSound,
    "score-sound": ScoreSound,
    "train-ear": TrainEar,
    "calibrate-ear": CalibrateEar,
    "hear": Hear,
    "train-policy": TrainPolicy,
    "bench": Bench,
    "listen": Listen,
    "validate": Validate,
    "export": Export,
    "report": Report,
    "world": World,
    "doctor": Doctor,
}

DESCRIPTION = (
    "multigen: simulate a pour, hear it, learn from it, score it.\n\n"
    "Start with:  multigen demo --out out/demo    (or: make demo)\n"
    "Each verb has --help with an example."
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one verb. Exit status: 0 done, 1 a check failed, 2 refused with a sentence, 130 interrupted."""
    args = _corpus_as_verb(list(sys.argv[1:] if argv is None else argv))
    if args == ["--version"]:
        print(f"multigen {version('multigen')}")
        sys.exit(0)
    verb = tyro.extras.subcommand_cli_from_dict(
        VERBS, prog="multigen", description=DESCRIPTION, args=args
    )
    try:
        status = verb.run()
    except MultigenError as e:
        print(f"multigen: {e}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("multigen: interrupted; run the same command with --resume to go on", file=sys.stderr)
        sys.exit(130)
    sys.exit(status or 0)


def _corpus_as_verb(args: list[str]) -> list[str]:
    """``corpus synth``, ``corpus import`` and their kin are spelled as two words on the command line."""
    if args[:1] == ["corpus"]:
        kind = args[1] if len(args) > 1 and not args[1].startswith("-") else "--help"
        return [f"corpus-{kind}", *args[2:]] if kind != "--help" else ["corpus-synth", "--help"]
    return args
