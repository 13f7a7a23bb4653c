"""EPIC-KITCHENS-100: pours in kitchens, from its annotation CSV and the user's own copy of the videos.

Reads:  ``EPIC_100_train.csv`` or ``EPIC_100_validation.csv`` (github.com/epic-kitchens/
        epic-kitchens-100-annotations, CC BY-NC 4.0) and the videos below a folder
        (``P01/videos/P01_01.MP4``, or any layout with these file names).
Makes:  Segments.   Used by: the command ``corpus import-epic``.
Verb class 9 is 'pour', and holds sieving and shaking as well: only verbs that begin with pour or tip
count, and only where a liquid is named. Times are used, never frame numbers: frame rates differ.
"""

import ast
import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import FormatError
from .corpus import Split
from .imports import VIDEO_SUFFIXES, Segment

LICENCE = "CC BY-NC 4.0"
POUR_CLASS = "9"
POUR_VERBS = {"pour", "tip"}
"""First words of the verbs of class 9 that move liquid by tilting a vessel."""
LIQUIDS = frozenset(
    {
        "water", "milk", "oil", "coffee", "tea", "juice", "wine", "beer", "soda", "cola", "drink",
        "liquid", "stock", "broth", "vinegar", "soup", "syrup", "cream", "lemonade", "cider",
        "smoothie", "squash", "whisky", "rum", "gin", "sake",
    }
)  # fmt: skip
LOUD_VERBS = frozenset(
    {
        "wash", "rinse", "scrub", "cut", "chop", "slice", "crush", "grate", "grind", "hit", "pound",
        "beat", "whisk", "shake", "scrape", "drop", "throw", "turn-on",
    }
)  # fmt: skip
"""Actions that drown a pour; a window that overlaps one is left out."""
_COLUMNS = (
    "narration_id", "participant_id", "video_id", "start_timestamp", "stop_timestamp", "narration",
    "verb", "verb_class", "noun", "all_nouns",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One row of the annotations."""

    id: str
    participant: str
    video: str
    start_s: float
    stop_s: float
    narration: str
    verb: str
    verb_class: str
    nouns: tuple[str, ...]

    @property
    def is_pour(self) -> bool:
        """A liquid that is poured, as the annotations name it ('oil:olive' is oil)."""
        liquid = any(noun.split(":")[0] in LIQUIDS for noun in self.nouns)
        return self.verb_class == POUR_CLASS and _first(self.verb) in POUR_VERBS and liquid

    @property
    def is_loud(self) -> bool:
        return self.verb in LOUD_VERBS or _first(self.verb) in LOUD_VERBS


def epic_segments(
    annotations: Path,
    videos: Path,
    *,
    margin_s: float = 1.0,
    val_every: int = 10,
    keep_loud: bool = False,
) -> tuple[list[Segment], list[str]]:
    """(segments, one note per pour that was left out, with its reason).

    A pour gets ``margin_s`` before and after it, so that its beginning and end are heard. Splits are
    disjoint in participants: every ``val_every``-th one that has pours is held out. Raises
    FormatError for a file that is no such CSV, without pours, or with none of its videos below
    ``videos``.
    """
    actions = list(read_actions(annotations))
    pours = [a for a in actions if a.is_pour]
    if not pours:
        raise FormatError(
            f"{annotations} names no poured liquid in its {len(actions)} actions; "
            "give EPIC_100_train.csv or EPIC_100_validation.csv"
        )
    found = {
        p.stem: p for p in sorted(Path(videos).rglob("*")) if p.suffix.lower() in VIDEO_SUFFIXES
    }
    if not any(a.video in found for a in pours):
        raise FormatError(
            f"{videos} holds none of the {len({a.video for a in pours})} videos that pour in "
            f"{annotations}, first {pours[0].video}.MP4; give the folder they were downloaded to"
        )
    people = sorted({a.participant for a in pours if a.video in found})
    held_out = set(people[val_every - 1 :: val_every]) if val_every else set()
    loud: dict[str, list[Action]] = defaultdict(list)
    for action in actions:
        if action.is_loud:
            loud[action.video].append(action)
    segments, notes = [], []
    for pour in pours:
        start, stop = max(0.0, pour.start_s - margin_s), pour.stop_s + margin_s
        if pour.video not in found:
            notes.append(f"{pour.id} left out: no video {pour.video} in {videos}")
            continue
        beside = None if keep_loud else _drowned(start, stop, loud[pour.video])
        if beside is not None:
            notes.append(f"{pour.id} left out: '{beside.narration}' sounds beside it")
            continue
        split: Split = "val" if pour.participant in held_out else "train"
        segments.append(
            Segment(
                pour.id, found[pour.video], split, start, stop, pour.narration,
                source="epic-kitchens", licence=LICENCE,
            )
        )  # fmt: skip
    return segments, notes


def read_actions(annotations: Path) -> Iterator[Action]:
    """Rows of the CSV. Raises FormatError when a column is missing or a value cannot be read."""
    path = Path(annotations)
    for number, row in enumerate(csv_rows(path, _COLUMNS), 2):
        try:
            yield Action(
                row["narration_id"], row["participant_id"], row["video_id"],
                seconds_of(row["start_timestamp"]), seconds_of(row["stop_timestamp"]),
                row["narration"], row["verb"], row["verb_class"], _nouns(row),
            )  # fmt: skip
        except (ValueError, SyntaxError) as e:
            raise FormatError(f"{path} line {number} cannot be read ({e}); is it complete?") from e


def csv_rows(path: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    """Rows as dicts. Raises FormatError when the file or one of ``columns`` is missing."""
    if not path.is_file():
        raise FormatError(f"{path} does not exist; give the annotation CSV")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        lost = [c for c in columns if c not in (reader.fieldnames or [])]
        if lost:
            raise FormatError(
                f"{path} has no column '{lost[0]}', needs {', '.join(columns)}; is it the right CSV?"
            )
        for number, row in enumerate(reader, 2):
            if any(row[c] is None for c in columns):
                raise FormatError(f"{path} line {number} is cut off; is the file complete?")
            yield row


def seconds_of(timestamp: str) -> float:
    """'HH:MM:SS.ss' in seconds. Raises ValueError for anything else."""
    hours, minutes, seconds = timestamp.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _nouns(row: dict[str, str]) -> tuple[str, ...]:
    """The noun and the Python-style list of all nouns, read as a literal and never evaluated."""
    listed = ast.literal_eval(row["all_nouns"]) if row["all_nouns"].strip() else []
    if not isinstance(listed, list) or not all(isinstance(n, str) for n in listed):
        raise ValueError(f"all_nouns is {row['all_nouns'][:40]}, needs a list of words")
    return (row["noun"], *listed)


def _drowned(start_s: float, stop_s: float, loud: list[Action]) -> Action | None:
    """The first of the video's loud actions that overlaps the window."""
    return next((a for a in loud if a.start_s < stop_s and a.stop_s > start_s), None)


def _first(verb: str) -> str:
    return verb.split("-", maxsplit=1)[0]
