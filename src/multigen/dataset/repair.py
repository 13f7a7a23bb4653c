"""Makes a dataset whole again after a kill or a damaged end.

Reads:  a dataset folder of ours.   Makes: the same folder, shorter where its end was damaged.
Used by: cli (validate --repair).

What can be mended: info.json, statistics, tasks and hashes that are missing or behind; left-over
files; last episodes that are incomplete or damaged (they are dropped). What cannot: an episode
damaged in the middle, for dropping it would renumber all that follow.
"""

from pathlib import Path

from ..errors import FormatError
from ..files import from_json, write_json
from ..types import Clock
from . import layout
from .layout import EGO, FRONT
from .manifest import Hashes, episode_files, sha256
from .reader import Dataset
from .writer import DatasetWriter


def repair(root: Path) -> list[str]:
    """Mend what can be mended; returns one sentence per change, nothing for a whole dataset.

    Raises FormatError when an episode before the last good one is damaged, when no episode is
    whole, or when another tool wrote the dataset.
    """
    root = Path(root)
    dataset = Dataset(root)
    if "clock" not in dataset.info:
        raise FormatError(f"{root} was not written by us; repair it with the tool that wrote it")
    before = _snapshot(root)
    counted, good = dataset.info["total_episodes"], _whole(dataset)
    rows = dataset.raw_rows(stats=False)[:good]
    totals = {"total_episodes": good, "total_frames": sum(row["length"] for row in rows)}
    if any(dataset.info.get(k) != v for k, v in totals.items()):
        write_json(root / layout.INFO, dataset.info | totals)
    _take_over(dataset)
    after = _snapshot(root)
    said = [f"info.json counts {good} episodes instead of {counted}"] if good != counted else []
    said += [f"removed {name}" for name in before if name not in after]
    said += [f"rewrote {name}" for name in after if before.get(name) != after[name]]
    return said


def _whole(dataset: Dataset) -> int:
    """How many episodes from the first on are as they were written."""
    shards = sorted((dataset.root / "meta" / "manifest").glob("*/*.json"))
    hashes = episode_files(dataset.root, [s.relative_to(dataset.root).as_posix() for s in shards])
    rows = dataset.raw_rows(stats=False)
    intact = [_is_intact(dataset.root, dataset.describe(row).files.all(), hashes) for row in rows]
    good = intact.index(False) if False in intact else len(intact)
    if any(intact[good:]):
        raise FormatError(
            f"episode {good} of {len(rows)} is damaged and later ones are whole; "
            "pack the dataset again without it"
        )
    if good == 0:
        raise FormatError(f"{dataset.root} holds no whole episode; write it again")
    return good


def _is_intact(root: Path, files: list[str], hashes: Hashes) -> bool:
    return all(
        name in hashes and (root / name).is_file() and sha256(root / name) == hashes[name]
        for name in files
    )


def _take_over(dataset: Dataset) -> None:
    """Resuming a writer is the repair: it clears leftovers and writes all metadata again."""
    info = dataset.info
    sizes = {k: tuple(info["features"][k]["shape"][:2]) for k in (EGO, FRONT)}
    DatasetWriter(
        dataset.root,
        from_json(Clock, info["clock"], layout.INFO),
        sizes[EGO],
        info["made_by"],
        front_size=sizes[FRONT],
        robot=info["robot_type"],
        resume=True,
    )


def _snapshot(root: Path) -> Hashes:
    """Names of all files of the layout; hashes of the metadata only, since no other is rewritten."""
    folders = sorted({name.split("/")[0] for name in layout.OURS})
    paths = [p for f in folders for p in sorted((root / f).rglob("*")) if p.is_file()]
    names = {p.relative_to(root).as_posix(): p for p in paths}
    return {n: sha256(p) if n.startswith("meta/") else "" for n, p in names.items()}
