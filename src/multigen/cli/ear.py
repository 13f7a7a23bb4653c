"""Verbs of the ear: train-ear, calibrate-ear, hear.

Reads:  flags.   Makes: ears, corrections, what was heard as JSON.   Used by: cli.main.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from tyro.conf import Positional, arg

from ..errors import ConfigError, FormatError, OutputError
from ..files import from_json, read_json, write_json
from .common import Verb, opened, workers_or_all

LESSONS = "lessons"
"""Folder of the drawn lessons, inside the ear's own."""


@dataclass(frozen=True)
class TrainEar(Verb):
    """Sounds whose filling is known → an ear: fill, air column and flow over time from sound alone.

    Example: multigen train-ear runs/corpus --out runs/ear; multigen train-ear --from acoustics --out runs/ear
    """

    COMMAND: ClassVar[str] = "train-ear"
    datasets: Positional[tuple[Path, ...]] = ()
    """Corpora or datasets with whatever sound they have (a generator's), or folders of lessons."""
    out: Path = Path("out/ear")
    teacher: Annotated[Literal["dataset", "acoustics", "copies"], arg(name="from")] = "dataset"
    """dataset: those given; acoustics: --pours pours simulated and sounded here, never drawn; copies:
    noise-augmented copies of --originals pours (of the datasets, or of the acoustics without any)."""
    pours: int = 2000
    own_pours: bool = False
    """With --from acoustics, the ear of who pours: every pour goes into an empty vessel and is heard from
    before its beginning, and the vessel's depth is known roughly."""
    originals: int = 10
    copies: int = 100
    """Of each original."""
    steps: int = 1800
    batch_size: int = 24
    time_limit_s: float | None = None
    """Stop, annealed, after this many seconds of training."""
    threads: int = 1
    device: str = "cpu"
    seed: int = 0
    workers: int | None = None
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..ear.train import OWN_POURS, train_ear

        if not self.datasets and self.teacher == "dataset":
            raise ConfigError("nothing to learn from: give a dataset, or say --from acoustics")
        if self.datasets and self.teacher == "acoustics":
            raise ConfigError("--from acoustics makes its own pours; leave the datasets out")
        if self.own_pours and self.teacher != "acoustics":
            raise ConfigError("--own-pours are drawn from the acoustics; add --from acoustics")
        made_by, out = self.made_by(), opened(self, self.out)
        result = train_ear(
            self._lessons(out),
            out,
            **(OWN_POURS if self.own_pours else {}),
            augmented=self.teacher != "copies",
            steps=self.steps,
            batch_size=self.batch_size,
            time_limit_s=self.time_limit_s,
            threads=self.threads,
            device=self.device,
            seed=self.seed,
            resume=self.resume,
        )
        made_by.write(out)
        shown = "".join(f"{name} {value:.3f}; " for name, value in result.validation.items())
        print(f"{result.steps} steps in {result.seconds:.0f} s; {shown}{out}")

    def _lessons(self, out: Path) -> list[Any]:
        from ..ear.teachers import lessons_of
        from ..pipeline.ear_pours import draw_copies, draw_lessons, hear_pour
        from ..pipeline.own_pours import hear_own

        if self.teacher == "dataset":
            return [lesson for folder in self.datasets for lesson in lessons_of(folder)]
        folder = out / LESSONS
        if self.teacher == "acoustics":
            draw_lessons(
                folder,
                pours=self.pours,
                seed=self.seed,
                workers=workers_or_all(self.workers),
                hear=hear_own if self.own_pours else hear_pour,
            )
        else:
            draw_copies(
                folder, self.datasets, originals=self.originals, copies=self.copies, seed=self.seed
            )
        return lessons_of(folder)


@dataclass(frozen=True)
class Hear(Verb):
    """A recording → fill, air column, flow, pouring over time, with spreads, as JSON.

    Example: multigen hear pour.mp4 --height-m 0.12 --out heard.json
    """

    COMMAND: ClassVar[str] = "hear"
    file: Positional[Path]
    """wav, flac, or any video with sound."""
    out: Path | None = None
    """A JSON file; printed without it."""
    ear: str = "pour_ear"
    """A folder that train-ear made, or the name of packaged weights."""
    height_m: float | None = None
    """Depth of the receiver's cavity, where it is known: it cannot be heard."""
    quiet_s: float = 0.0
    """For so long nothing pours at the beginning: room and motors that sound then are taken away from the
    rest. Worth knowing in noise: an ear that may not assume it takes a steady hiss for a stream."""
    calibration: Path | None = None
    """What calibrate-ear wrote for this vessel."""
    overwrite: bool = False

    def run(self) -> None:
        from ..ear.calibration import Calibration
        from ..ear.listener import hear

        made_by = self.made_by()
        if self.out is not None and self.out.exists() and not self.overwrite:
            raise OutputError(f"{self.out} exists; add --overwrite to replace it")
        correct = None
        if self.calibration is not None:
            correct = from_json(Calibration, read_json(self.calibration), str(self.calibration))
        heard = hear(self.file, ear=self.ear, height_m=self.height_m, quiet_s=self.quiet_s)
        record = (correct(heard) if correct else heard).record()
        if self.out is None:
            print(json.dumps(record))
        else:
            write_json(self.out, {**record, "made_by": made_by.record()})


@dataclass(frozen=True)
class CalibrateEar(Verb):
    """A few labelled recordings of one vessel → a correction for it (hear --calibration).

    LABELS is JSON: [{"file": "a.wav", "time_s": [0, 9.5], "fill": [0, 0.9]}, ...]; fill is volume over
    capacity, interpolated between the times given and unknown outside them; files are beside it.

    Example: multigen calibrate-ear mug/labels.json --height-m 0.095 --out mug/calibration.json
    """

    COMMAND: ClassVar[str] = "calibrate-ear"
    labels: Positional[Path]
    out: Path
    ear: str = "pour_ear"
    height_m: float | None = None
    """Depth of the vessel's cavity; say it again when you hear."""
    overwrite: bool = False

    def run(self) -> None:
        import numpy as np

        from ..ear.calibration import calibrate
        from ..ear.listener import hear, load_ear

        if self.out.exists() and not self.overwrite:
            raise OutputError(f"{self.out} exists; add --overwrite to replace it")
        listener = load_ear(self.ear)
        heard, true = [], []
        for entry in _labelled(self.labels):
            one = hear(self.labels.parent / entry["file"], ear=listener, height_m=self.height_m)
            heard.append(one)
            at, fill = np.array(entry["time_s"], float), np.array(entry["fill"], float)
            true.append(np.interp(one.time_s, at, fill, left=np.nan, right=np.nan))
        write_json(self.out, calibrate(heard, true))


def _labelled(path: Path) -> list[dict[str, Any]]:
    """Entries with a file and matching times and fills. Raises FormatError for anything else."""
    entries: Any = read_json(path)
    good = isinstance(entries, list) and all(
        isinstance(e, dict)
        and isinstance(e.get("file"), str)
        and isinstance(e.get("time_s"), list)
        and isinstance(e.get("fill"), list)
        and len(e["time_s"]) == len(e["fill"]) > 1
        for e in entries
    )
    if not good:
        raise FormatError(
            f'{path} is not a list of {{"file", "time_s": [...], "fill": [...]}} with at least two times '
            "each; see multigen calibrate-ear --help"
        )
    return entries
