"""Verbs that make corpora to learn sound from.

Reads:  flags.   Makes: audio-visual corpora.   Used by: cli.main (as ``corpus synth``, ``corpus videos``).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tyro.conf import Positional

from .common import Verb, opened, workers_or_all


@dataclass(frozen=True)
class CorpusSynth(Verb):
    """Synthetic clips: pours without the robot seen by wide-ranging cameras, sounded by the acoustics.

    Example: multigen corpus synth --clips 900 --seed 0 --out runs/corpus
    """

    COMMAND: ClassVar[str] = "corpus synth"
    out: Path
    clips: int = 900
    """How many; every tenth is kept for validation. More can be added later with --resume."""
    seconds: float = 8.0
    size: int = 128
    """Pixels of the square frames."""
    seed: int = 0
    workers: int | None = None
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..pipeline.corpus import synth_corpus

        made_by, out = self.made_by(), opened(self, self.out)
        synth_corpus(
            out,
            clips=self.clips,
            seed=self.seed,
            seconds=self.seconds,
            size=self.size,
            workers=workers_or_all(self.workers),
        )
        made_by.write(out)


@dataclass(frozen=True)
class CorpusVideos(Verb):
    """Any folder of videos with sound → a corpus of clips of at most 8 s (no masks).

    Example: multigen corpus videos my_videos/ --out runs/my_corpus
    """

    COMMAND: ClassVar[str] = "corpus videos"
    videos: Positional[Path]
    out: Path
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..audio.corpus import import_videos

        made_by, out = self.made_by(), opened(self, self.out)
        import_videos(self.videos, out)
        made_by.write(out)


@dataclass(frozen=True)
class CorpusResound(Verb):
    """Synthetic corpus → the same corpus with the sound that the present acoustics makes.

    Minutes instead of a new rendering, after the acoustics have changed.

    Example: multigen corpus resound runs/corpus
    """

    COMMAND: ClassVar[str] = "corpus resound"
    corpus: Positional[Path]
    seed: int = 0
    """The seed the corpus was made with."""
    workers: int | None = None

    def run(self) -> None:
        from ..pipeline.corpus import resound_corpus

        made_by = self.made_by()
        resound_corpus(self.corpus, seed=self.seed, workers=workers_or_all(self.workers))
        made_by.write(self.corpus)
