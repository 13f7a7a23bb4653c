"""ESC-50: fifty classes of environmental sound; its pours are sounds without pictures.

Reads:  the folder of github.com/karolpiczak/ESC-50 (``meta/esc50.csv``, ``audio/*.wav``; CC BY-NC
        3.0, clips flagged esc10 CC BY 3.0).
Makes:  Segments without pictures.   Used by: the command ``corpus import-esc50``.
A clip becomes a corpus clip with ``video`` None: no frames are invented, and training sees it as
blind, like the frames it hides on purpose. Such clips teach what pours sound like, not when.
"""

from pathlib import Path

from ..errors import FormatError
from .import_epic import csv_rows
from .imports import Segment

LICENCE, LICENCE_ESC10 = "CC BY-NC 3.0", "CC BY 3.0"
POURING = ("pouring_water",)


def esc50_segments(
    root: Path, *, categories: tuple[str, ...] = POURING, val_fold: int = 5
) -> list[Segment]:
    """One segment per clip of ``categories``; fold ``val_fold`` is held out.

    Folds are the data set's own: fragments of one recording share a fold. Raises FormatError when
    the folder is no ESC-50, a category is unknown or a listed file is missing.
    """
    root = Path(root)
    rows = list(csv_rows(root / "meta" / "esc50.csv", ("filename", "fold", "category", "esc10")))
    known = {row["category"] for row in rows}
    unknown = [c for c in categories if c not in known]
    if unknown:
        raise FormatError(
            f"ESC-50 has no category '{unknown[0]}'; known: {', '.join(sorted(known))}"
        )
    segments = []
    for row in rows:
        if row["category"] not in categories:
            continue
        path = root / "audio" / row["filename"]
        if not path.is_file():
            raise FormatError(
                f"{path} is missing although meta/esc50.csv lists it; unpack it again"
            )
        segments.append(
            Segment(
                path.stem, path, "val" if row["fold"] == str(val_fold) else "train",
                caption=row["category"].replace("_", " "), source="esc-50",
                licence=LICENCE_ESC10 if row["esc10"] == "True" else LICENCE, pictured=False,
            )
        )  # fmt: skip
    return segments
