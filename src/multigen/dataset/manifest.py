"""Hashes of every file: what notices swapped videos, copies and bit rot.

Reads:  files of a dataset.   Makes: meta/manifest.json and its shards.
Used by: writer (keeps it), validate (checks it), cache (its hash is the dataset's).

A tree of three levels, so that adding an episode rewrites little: a shard holds the hashes of up to
100 episodes, the manifest holds those of the shards and of the shared files under meta/, and
info.json, written last, holds that of the manifest. Files outside the layout (``made_by.json`` and
its dates) are not in it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FormatError
from ..files import read_json, write_json
from .layout import EPISODES_PATH, HASHES_PATH, INFO, MANIFEST, ROWS, STATS, TASKS, shard

Hashes = dict[str, str]
"""Path relative to the root → sha256 in hexadecimal."""


def sha256(path: Path) -> str:
    """Of a file's bytes, read in pieces."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Manifest:
    """The hashes of a dataset while it grows."""

    root: Path
    shards: Hashes = field(default_factory=dict)
    current: dict[int, Hashes] = field(default_factory=dict)
    """Files of each episode in the newest shard."""

    def add(self, episode: int, files: list[str]) -> None:
        """Hash the files of one finished episode."""
        if episode % ROWS == 0:
            self.current = {}
        self.current[episode] = {name: sha256(self.root / name) for name in files}

    def write(self) -> str:
        """Write the newest shard, then the manifest; returns the manifest's own hash."""
        at = shard(max(self.current))
        name = HASHES_PATH.format(**at)
        write_json(self.root / name, {"episodes": self.current})
        self.shards[name] = sha256(self.root / name)
        meta = [TASKS, STATS, *(EPISODES_PATH.format(**s) for s in _upto(max(self.current)))]
        known = self._known()
        newest = {TASKS, STATS, EPISODES_PATH.format(**at)}
        files = {n: sha256(self.root / n) if n in newest else known[n] for n in meta}
        write_json(self.root / MANIFEST, {"shards": self.shards, "files": files})
        return sha256(self.root / MANIFEST)

    def _known(self) -> Hashes:
        path = self.root / MANIFEST
        return read_json(path)["files"] if path.is_file() else {}

    def cut(self, episodes: int) -> None:
        """Forget what is beyond the first ``episodes``; reads the shards on disk."""
        last = list(_upto(episodes - 1))
        names = [HASHES_PATH.format(**at) for at in last]
        stored = read_manifest(self.root)
        self.shards = {n: stored["shards"].get(n, "") for n in names}
        newest = read_json(self.root / names[-1])["episodes"]
        self.current = {int(k): v for k, v in newest.items() if int(k) < episodes}

    def files(self) -> set[str]:
        """Every file of every finished episode, and the metadata shards."""
        *old, newest = self.shards
        rows = {EPISODES_PATH.format(**at) for at in _upto(max(self.current))}
        mine = {name for files in self.current.values() for name in files}
        return rows | mine | {newest, *old, *episode_files(self.root, old)}


def _upto(episode: int) -> list[dict[str, int]]:
    return [shard(e) for e in range(0, episode + 1, ROWS)]


def read_manifest(root: Path) -> dict[str, Hashes]:
    """``{"shards": …, "files": …}``. Raises FormatError when missing or of another form."""
    data = read_json(Path(root) / MANIFEST)
    if not isinstance(data, dict) or not {"shards", "files"} <= set(data):
        raise FormatError(f"{MANIFEST} needs 'shards' and 'files'; write the dataset again")
    return data


def episode_files(root: Path, shards: Iterable[str]) -> Hashes:
    """File → hash of every episode in these shards (those that exist)."""
    hashes: Hashes = {}
    for name in shards:
        if (Path(root) / name).is_file():
            for files in read_json(Path(root) / name)["episodes"].values():
                hashes |= files
    return hashes


def all_hashes(root: Path) -> Hashes:
    """Every file the manifest answers for, with the hash it should have."""
    data = read_manifest(root)
    return data["shards"] | data["files"] | episode_files(root, data["shards"])


def dataset_hash(root: Path) -> str:
    """One hash for all content: that of info.json, which holds the manifest's; a dataset without a
    manifest (edited by another tool) is hashed file by file."""
    root = Path(root)
    info = root / INFO
    if "manifest_sha256" in read_json(info):
        return sha256(info)
    every = sorted(p for d in ("meta", "data", "videos") for p in (root / d).rglob("*.*"))
    lines = [f"{p.relative_to(root).as_posix()} {sha256(p)}" for p in every if p.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
