"""Whether a dataset is what it says: hashes, counts, clocks, sound, pictures, labels, statistics.

Reads:  a dataset folder.   Makes: a list of Findings, worst first.   Used by: cli, pipeline, demo.

Complements lerobot-doctor, which misses swapped videos, missing data files, drifting clocks and
silence. Nothing here changes a byte; ``repair`` does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.progress import Progress

from ..errors import FormatError, MultigenError
from ..files import read_json
from ..workers import run_tasks
from . import layout, statistics
from .episode_checks import EpisodeCheck, compare_stats
from .findings import Finding, fail, warn
from .manifest import all_hashes, sha256
from .reader import Dataset

CHECKS = {
    "files": "every file is there and nothing is left over",
    "hashes": "every file has the content it was written with",
    "info": "info.json counts and describes what is there",
    "episodes": "rows of meta/episodes are in order and without gaps",
    "rows": "columns, types, numbers and clock of every row",
    "sound": "every sample there, audible, equal to the FLAC",
    "ledger": "no millilitre is lost",
    "videos": "every camera decodes to one picture a row",
    "masks": "one role image a row, of known roles",
    "clips": "the fast front view fits the rows",
    "statistics": "statistics are those of the data",
}


@dataclass(frozen=True)
class CheckTask:
    """One episode to be decoded and checked, in any process."""

    root: Path
    row: dict[str, Any]


@lru_cache(maxsize=1)
def _opened(root: Path) -> Dataset:
    return Dataset(root)


def check_episode(task: CheckTask) -> list[Finding]:
    """Every check of one episode."""
    return list(EpisodeCheck(_opened(task.root), task.row).run())


def validate(root: Path, *, progress: bool = False, workers: int = 1) -> list[Finding]:
    """All findings about a dataset: FAIL first, then WARN, then one PASS per clean check.

    Decoding is what takes the time; ``workers`` processes share it and find the same.
    Never raises for what it finds; a folder that is no dataset gives one FAIL.
    """
    try:
        dataset = Dataset(root)
        rows = dataset.raw_rows()
    except MultigenError as e:
        return [fail("info", str(e))]
    found = [
        *_files(dataset, rows),
        *_hashes(dataset, rows),
        *_info(dataset, rows),
        *_episodes(dataset, rows),
        *_statistics(dataset, rows),
    ]
    count = min(len(rows), dataset.info["total_episodes"])
    in_order = all(row["episode_index"] == i for i, row in enumerate(rows[:count]))
    if in_order and len(rows) >= dataset.info["total_episodes"]:
        found += _episode_findings(dataset, rows[:count], progress, workers)
    dirty = {f.check for f in found}
    passed = [Finding("PASS", c, text) for c, text in CHECKS.items() if c not in dirty]
    order = ("FAIL", "WARN")
    return [*sorted(found, key=lambda f: order.index(f.level)), *passed]


def _episode_findings(
    dataset: Dataset, rows: list[dict[str, Any]], progress: bool, workers: int
) -> list[Finding]:
    if workers > 1 and len(rows) > 1:
        tasks = [CheckTask(dataset.root, row) for row in rows]
        checked = run_tasks(check_episode, tasks, workers=workers, label="validate")
        return [finding for one in checked for finding in one]
    with Progress(disable=not progress, transient=True) as bar:
        shown = bar.track(rows, description="Checking episodes")
        return [finding for row in shown for finding in EpisodeCheck(dataset, row).run()]


def _is_killed(dataset: Dataset, rows: list[dict[str, Any]]) -> bool:
    """A run ended while it counted an episode: the metadata are one step ahead of info.json."""
    n = dataset.info["total_episodes"]
    counted = sum(row["length"] for row in rows[:n])
    return len(rows) == n + 1 and counted == dataset.info.get("total_frames")


def _files(dataset: Dataset, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    try:
        episodes = dataset.episodes
    except MultigenError as e:
        yield fail("files", str(e))
        return
    expected: set[str] = set()
    for one in episodes:
        expected |= set(one.files.all())
        for name in one.files.all():
            if not (dataset.root / name).is_file():
                yield fail("files", f"{name} is missing", one.index)
    left_over = [
        name
        for folder in ("data", "videos", "audio", "masks", "clips")
        for path in sorted((dataset.root / folder).rglob("*"))
        if path.is_file() and (name := path.relative_to(dataset.root).as_posix()) not in expected
    ]
    parts = (dataset.root / "meta").rglob("*.part")
    left_over += [p.relative_to(dataset.root).as_posix() for p in sorted(parts)]
    if left_over:
        more = f" and {len(left_over) - 1} more" if len(left_over) > 1 else ""
        text = (
            f"{left_over[0]}{more} belong to no episode; a killed run left them, resume or repair"
        )
        yield warn("files", text)


def _hashes(dataset: Dataset, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    want = dataset.info.get("manifest_sha256")
    if want is None:
        yield warn(
            "hashes", "info.json names no manifest; another tool wrote or edited this dataset"
        )
        return
    try:
        hashes = all_hashes(dataset.root) | {layout.MANIFEST: want}
    except FormatError as e:
        yield fail("hashes", str(e))
        return
    killed = _is_killed(dataset, rows)
    for name, should in hashes.items():
        path = dataset.root / name
        if not path.is_file():
            yield fail("hashes", f"{name} is in the manifest and not on disk")
        elif sha256(path) != should:
            if killed and name.startswith("meta/"):
                yield warn("hashes", f"{name} is ahead of info.json: killed while counting; repair")
            else:
                yield fail("hashes", f"{name} is not what was written: swapped, edited or decayed")
    listed = set(hashes)
    for one in dataset.episodes if len(rows) >= dataset.info["total_episodes"] else ():
        for name in sorted(set(one.files.all()) - listed):
            yield fail("hashes", f"{name} is not in the manifest", one.index)


def _info(dataset: Dataset, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    info, n = dataset.info, dataset.info["total_episodes"]
    if _is_killed(dataset, rows):
        yield warn("info", f"counts {n} episodes, one more is described: resume or repair")
    elif len(rows) != n:
        yield fail("info", f"counts {n} episodes, meta/episodes describes {len(rows)}")
    frames = sum(row["length"] for row in rows[:n])
    try:
        said = {task for row in rows[:n] for task in row["tasks"]}
        tasks = len(said) if _is_killed(dataset, rows) else len(dataset.tasks)
    except MultigenError as e:
        yield fail("info", str(e))
        tasks = info.get("total_tasks")
    for name, want in (
        ("total_frames", frames),
        ("total_tasks", tasks),
        ("splits", {"train": f"0:{n}"}),
        ("fps", dataset.clock.control_hz),
    ):
        if info.get(name) != want:
            yield fail("info", f"'{name}' is {info.get(name)}, the files say {want}")
    shapes = {k: info["features"].get(k, {}).get("shape") for k in layout.CAMERAS}
    if any(not s or len(s) != 3 for s in shapes.values()):
        yield fail("info", f"needs both cameras {', '.join(layout.CAMERAS)} with a shape")
        return
    wanted = layout.features(dataset.clock, {k: (s[0], s[1]) for k, s in shapes.items()})
    for name in sorted(wanted | info["features"]):
        if name not in wanted:
            yield warn("info", f"feature '{name}' is not one of ours")
        elif info["features"].get(name) != wanted[name]:
            yield fail("info", f"feature '{name}' is {info['features'].get(name, 'missing')}")


def _episodes(dataset: Dataset, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    start = 0
    for i, row in enumerate(rows):
        if row["episode_index"] != i:
            yield fail(
                "episodes", f"row {i} is episode {row['episode_index']}: readers go by position"
            )
        span = (row["dataset_from_index"], row["dataset_to_index"])
        if span != (start, start + row["length"]):
            want = (start, start + row["length"])
            yield fail("episodes", f"covers rows {span}, needs {want}", i)
        start += row["length"]
    seen: dict[tuple[Any, Any], int] = {}
    for i, row in enumerate(rows):
        drawn = (row.get("pour/condition"), row.get("pour/seed"))
        if None not in drawn and drawn in seen:
            yield warn("episodes", f"has condition and seed of episode {seen[drawn]}; a copy?", i)
        seen.setdefault(drawn, i)


def _statistics(dataset: Dataset, rows: list[dict[str, Any]]) -> Iterator[Finding]:
    """stats.json is the merged statistics of the rows."""
    try:
        stored = read_json(dataset.root / layout.STATS)
    except FormatError as e:
        yield fail("statistics", str(e))
        return
    merged: statistics.Stats = {}
    n = dataset.info["total_episodes"]
    for row in rows[:n]:
        merged = statistics.merge(merged, statistics.from_row(row))
    problems = list(compare_stats(stored, merged))
    if problems and _is_killed(dataset, rows):
        ahead = statistics.merge(merged, statistics.from_row(rows[n]))
        problems = list(compare_stats(stored, ahead))
    for problem in problems:
        yield fail("statistics", f"{layout.STATS}: {problem}")
