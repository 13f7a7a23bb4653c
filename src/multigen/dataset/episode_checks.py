"""What must be true of one episode: clock, numbers, sound, pictures, masks, ledger, statistics.

Reads:  one episode through Dataset, and its raw row.   Makes: Findings.   Used by: validate.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import soundfile

from ..errors import MultigenError
from ..files.sound import to_int16
from ..types import Role
from . import layout, statistics
from .findings import Finding, fail, warn
from .layout import CAMERAS, FRONT, LEDGER, MIC
from .media import video_facts
from .reader import Dataset, EpisodeInfo

LEDGER_TOLERANCE_ML = 0.01
"""Four float32 volumes of up to a litre add up to within 0.0003 mL."""
STATS_TOLERANCE = 1e-6
"""Relative to the feature's range; sums differ in the last bits between processors."""
PICTURE_TOLERANCE = 2 / 255
"""Conversion from yuv420p to RGB may round differently on another processor."""
MIRROR_TOLERANCE = 12.0
"""Mean difference, in grey levels, between two encodings of the same picture."""
CLIPPED = 0.001
"""Share of samples at full scale that deserves a warning."""


class EpisodeCheck:
    """One episode under examination; what is decoded once is kept until the episode is done."""

    def __init__(self, dataset: Dataset, row: dict[str, Any]) -> None:
        self.dataset, self.row = dataset, row
        self.info: EpisodeInfo = dataset.episodes[row["episode_index"]]
        self.clock = dataset.clock

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        return self.dataset.rows(self.info.index)

    @cached_property
    def pictures(self) -> dict[str, np.ndarray]:
        return {k: self.dataset.video(self.info.index, k) for k in CAMERAS}

    def run(self) -> Iterator[Finding]:
        """All checks; a file that cannot be read fails its own check and the others go on."""
        checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
            ("rows", self.rows),
            ("sound", self.sound),
            ("ledger", self.ledger),
            ("videos", self.videos),
            ("masks", self.masks),
            ("clips", self.clip),
            ("statistics", self.statistics),
        )
        broken: set[str] = set()
        for name, check in checks:
            try:
                yield from check()
            except MultigenError as e:
                if str(e) not in broken:  # one lost file stops several checks: say it once
                    yield fail(name, str(e), self.info.index)
                broken.add(str(e))

    def rows(self) -> Iterator[Finding]:
        """Types, finite numbers, and a clock that is exact."""
        n, i = self.info.length, self.info.index
        for name, feature in self.dataset.info["features"].items():
            if feature["dtype"] == "video":
                continue
            column = self.columns.get(name)
            if column is None:
                yield fail("rows", f"column '{name}' is missing", i)
                continue
            shape = [1] if column.ndim == 1 else list(column.shape[1:])
            if str(column.dtype) != feature["dtype"] or shape != list(feature["shape"]):
                want = f"{feature['dtype']}{feature['shape']}"
                yield fail("rows", f"'{name}' is {column.dtype}{shape}, info.json says {want}", i)
            if column.dtype.kind == "f" and not (ok := np.isfinite(column)).all():
                bad = int(np.argwhere(~ok)[0][0])
                yield fail("rows", f"'{name}' holds NaN or infinity in row {bad}", i)
        counting = np.arange(n)
        clock = {
            "frame_index": counting,
            "index": self.info.from_index + counting,
            "episode_index": np.full(n, i),
            "timestamp": (counting / self.clock.control_hz).astype(np.float32),
        }
        for name, want in clock.items():
            got = self.columns.get(name)
            if got is not None and not np.array_equal(got, want):
                row = int(np.flatnonzero(got != want)[0]) if got.shape == want.shape else 0
                yield fail("rows", f"'{name}' is {got[row]} in row {row}, needs {want[row]}", i)
        tasks = self.dataset.tasks
        said = {tasks[t] if 0 <= t < len(tasks) else "?" for t in set(self.columns["task_index"])}
        if said != {self.info.task}:
            yield fail("rows", f"task_index says {sorted(said)}, the row '{self.info.task}'", i)

    def sound(self) -> Iterator[Finding]:
        """Samples per row exact, on the 16-bit grid, audible, equal to the FLAC."""
        i, column = self.info.index, self.columns.get(MIC)
        if column is None:
            return
        want = self.info.length * self.clock.samples_per_frame
        heard = column.reshape(-1)
        if len(heard) != want:
            yield fail("sound", f"holds {len(heard)} samples, the clock needs {want}", i)
        grid = to_int16(np.nan_to_num(heard))
        if not np.array_equal(grid / np.float32(32768), heard):
            yield fail("sound", "is not on the 16-bit grid; the FLAC cannot equal it", i)
        if not grid.any():
            made_by = self.dataset.info.get("made_by", {})
            meant = "none" in (made_by.get("sound"), made_by.get("config", {}).get("sound"))
            say = warn if meant else fail
            yield say("sound", "is silent from beginning to end", i)
        if (clipped := float((np.abs(grid.astype(int)) >= 32767).mean())) > CLIPPED:
            yield warn("sound", f"is clipped in {clipped:.1%} of its samples", i)
        path = self.dataset.sound_file(i)
        try:
            samples, rate = soundfile.read(path, dtype="int16")
        except soundfile.LibsndfileError as e:
            yield fail("sound", f"{path.name} cannot be read ({e})", i)
            return
        if rate != self.clock.audio_hz:
            yield fail("sound", f"{path.name} runs at {rate} Hz, not {self.clock.audio_hz}", i)
        if not np.array_equal(samples, grid):
            yield fail("sound", f"{path.name} is not the sound of the {MIC} column", i)

    def ledger(self) -> Iterator[Finding]:
        """What left the source is somewhere: the four volumes add up to the same at every row."""
        i = self.info.index
        parts = [self.columns[k].astype(np.float64) for k in LEDGER if k in self.columns]
        if len(parts) < len(LEDGER):
            return  # 'rows' has said so
        total = np.sum(parts, axis=0)
        if (lost := float(np.abs(total - total[0]).max())) > LEDGER_TOLERANCE_ML:
            yield fail("ledger", f"gains or loses {lost:.3f} mL of {total[0]:.1f}", i)
        if (least := min(float(p.min()) for p in parts)) < -LEDGER_TOLERANCE_ML:
            yield fail("ledger", f"holds a negative volume ({least:.3f} mL)", i)

    def videos(self) -> Iterator[Finding]:
        """Every camera decodes to one picture a row, exactly on time."""
        i = self.info.index
        for key, name in self.info.files.videos.items():
            facts = video_facts(self.dataset.root / name)
            height, width = self.dataset.info["features"][key]["shape"][:2]
            alone = self.info.video_from_s[key] == 0.0 and len(facts.times_s) <= self.info.length
            length = self.info.length if alone else len(facts.times_s)
            if wrong := facts.differs(height, width, length, self.clock.control_hz):
                yield fail("videos", f"{name} {wrong}", i)
        for key, frames in self.pictures.items():
            if len(frames) > 1 and (frames == frames[0]).all():
                yield warn("videos", f"{key} never changes; is the camera frozen?", i)

    def masks(self) -> Iterator[Finding]:
        """A role image a row, of the camera's size, with roles that exist."""
        i = self.info.index
        for key in CAMERAS:
            roles = self.dataset.masks(i, key)
            want = (self.info.length, *self.dataset.info["features"][key]["shape"][:2])
            if roles.shape != want:
                yield fail("masks", f"{key} has role images {roles.shape}, needs {want}", i)
            if (most := int(roles.max())) > max(Role):
                yield fail("masks", f"{key} holds role {most}; the last is {max(Role)}", i)

    def clip(self) -> Iterator[Finding]:
        """The fast front view: as long as the rows, on time, and the same pour."""
        i, files = self.info.index, self.info.files
        height, width = self.dataset.info["features"][FRONT]["shape"][:2]
        length = self.info.length * self.clock.front_hz // self.clock.control_hz
        clip = self.dataset.clip(i)
        facts = video_facts(self.dataset.root / str(files.clip))
        if wrong := facts.differs(height, width, length, self.clock.front_hz):
            yield fail("clips", f"{files.clip} {wrong}", i)
            return
        if clip.roles is None or clip.roles.shape != (length, height, width):
            yield fail("clips", f"{files.clip_roles} does not fit its clip", i)
            return
        rows = layout.front_rows(self.clock, self.info.length)
        if not np.array_equal(clip.roles[rows], self.dataset.masks(i, FRONT)):
            yield fail("clips", f"{files.clip_roles} and the masks of {FRONT} disagree", i)
        apart = np.abs(clip.rgb[rows].astype(np.int16) - self.pictures[FRONT]).mean()
        if apart > MIRROR_TOLERANCE:
            yield fail("clips", f"{files.clip} shows something else than {FRONT}", i)

    def statistics(self) -> Iterator[Finding]:
        """The row's statistics are those of its data."""
        stored = statistics.from_row(self.row)
        fresh = statistics.episode_stats(self.columns, self.pictures)
        for problem in compare_stats(stored, fresh):
            yield fail("statistics", problem, self.info.index)


def compare_stats(stored: statistics.Stats, fresh: statistics.Stats) -> Iterator[str]:
    """Where stored statistics are not the fresh ones, in words; one a feature."""
    for feature, want in fresh.items():
        got = stored.get(feature, {})
        if missing := set(want) - set(got):
            yield f"'{feature}' has no {', '.join(sorted(missing))}"
            continue
        span = float(np.max(np.abs([want["min"], want["max"]]))) or 1.0
        allowed = PICTURE_TOLERANCE if feature in CAMERAS else STATS_TOLERANCE * span
        for name, value in want.items():
            seen = np.asarray(got[name], float)
            if seen.shape != value.shape or not np.abs(seen - value).max() <= allowed:
                yield f"'{feature}' says {name} {_short(seen)}; the data say {_short(value)}"
                break


def _short(value: np.ndarray) -> str:
    flat = value.reshape(-1)
    return f"{flat[0]:.6g}" + (f" (first of {len(flat)})" if len(flat) > 1 else "")
