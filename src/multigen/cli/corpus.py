"""Verbs that make corpora to learn sound from.

Reads:  flags.   Makes: audio-visual corpora.   Used by: cli.main (``corpus synth``, ``corpus import`` ...).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tyro.conf import Positional

from ..audio.limits import Limits
from ..workers import progress_bar
from .common import Verb, opened, workers_or_all

if TYPE_CHECKING:
    from ..audio.imports import Segment


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


@dataclass(frozen=True, kw_only=True)
class Importing(Verb):
    """What all imports share. Nothing is downloaded; every window is kept or refused with a reason."""

    out: Path
    limits: Limits = Limits()
    """When a clip is refused; --help lists every threshold with its default."""
    overwrite: bool = False
    resume: bool = False

    def finish(self, segments: "Sequence[Segment]", out: Path, notes: Sequence[str] = ()) -> None:
        """Import, write the summary page, say what became of it."""
        from ..audio.imports import import_segments
        from ..report.imports import import_report

        made_by = self.made_by()
        with progress_bar() as bar:
            shown = bar.add_task("import", total=len(segments))
            imported = import_segments(
                segments, out, limits=self.limits, progress=lambda *_: bar.advance(shown)
            )
        page = import_report(out, notes=notes)
        made_by.write(out, notes=list(notes), **imported.counts)
        counts = imported.counts
        print(f"{counts['kept']} of {counts['windows']} clips kept, {len(notes)} left out; {page}")


@dataclass(frozen=True, kw_only=True)
class CorpusImport(Importing):
    """Any folder of videos with sound → a corpus of clips of at most 8 s (no masks).

    Silent, clipped, static and spoken windows are refused, each with its reason: import.json has the
    counts, import.html shows them all. docs/corpora.md says how they are told.

    Example: multigen corpus import my_videos/ --out runs/my_corpus
    """

    COMMAND: ClassVar[str] = "corpus import"
    videos: Positional[Path]
    val_every: int = 10
    """Every so many files, one is held out for validation, its clips together; 0: none."""

    def run(self) -> None:
        from ..audio.imports import video_segments

        segments = video_segments(self.videos, val_every=self.val_every)
        self.finish(segments, opened(self, self.out))


@dataclass(frozen=True, kw_only=True)
class CorpusImportEpic(Importing):
    """EPIC-KITCHENS-100: its annotations and your copy of its videos → clips of poured liquids.

    Annotations: github.com/epic-kitchens/epic-kitchens-100-annotations (CC BY-NC 4.0). Videos: with
    their downloader (github.com/epic-kitchens/epic-kitchens-download-scripts); same licence.

    Example: multigen corpus import-epic --annotations EPIC_100_train.csv --videos EPIC-KITCHENS/ --out runs/epic
    """

    COMMAND: ClassVar[str] = "corpus import-epic"
    annotations: Path
    videos: Path
    """A folder with P01_01.MP4 and so on, at any depth."""
    margin_s: float = 1.0
    """Kept before and after the annotated pour, so that its beginning and end are heard."""
    keep_loud: bool = False
    """Keep pours beside which something loud is annotated (washing, cutting)."""
    val_every: int = 10
    """Every so many participants, one is held out for validation; 0: none."""

    def run(self) -> None:
        from ..audio.import_epic import epic_segments

        segments, notes = epic_segments(
            self.annotations, self.videos, margin_s=self.margin_s, val_every=self.val_every,
            keep_loud=self.keep_loud,
        )  # fmt: skip
        self.finish(segments, opened(self, self.out), notes)


@dataclass(frozen=True, kw_only=True)
class CorpusImportEsc50(Importing):
    """ESC-50 → its pours (category pouring_water), sounds without pictures.

    From github.com/karolpiczak/ESC-50 (CC BY-NC 3.0; clips flagged esc10 CC BY 3.0). Training sees
    these clips as blind: no frames are invented.

    Example: multigen corpus import-esc50 ESC-50/ --out runs/esc50
    """

    COMMAND: ClassVar[str] = "corpus import-esc50"
    root: Positional[Path]
    categories: tuple[str, ...] = ("pouring_water",)
    val_fold: int = 5
    """The fold (1 to 5) that is held out for validation."""

    def run(self) -> None:
        from ..audio.import_esc50 import esc50_segments

        segments = esc50_segments(self.root, categories=self.categories, val_fold=self.val_fold)
        self.finish(segments, opened(self, self.out))


@dataclass(frozen=True, kw_only=True)
class CorpusImportSoundOfWater(Importing):
    """Sound of Water → real pours with their containers' measured geometry.

    From the dataset bpiyush/sound-of-water (805 videos, 1.4 GB; licence of the recordings not
    stated, ask its authors; their code is MIT). Its test splits are held out.

    Example: multigen corpus import-soundofwater sound-of-water/ --out runs/sound_of_water
    """

    COMMAND: ClassVar[str] = "corpus import-soundofwater"
    root: Positional[Path]

    def run(self) -> None:
        from ..audio.import_soundofwater import soundofwater_segments

        segments, notes = soundofwater_segments(self.root)
        self.finish(segments, opened(self, self.out), notes)


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
