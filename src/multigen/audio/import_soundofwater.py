"""Sound of Water: real pours into measured containers, the one set where geometry is known.

Reads:  the folder of the data set ``bpiyush/sound-of-water`` (its code, bpiyush/SoundOfWater, is
        MIT; what was read states no licence for the recordings, so none is claimed):
        ``videos/{item_id}.mp4``, ``annotations/localisation.csv``, ``annotations/containers.yaml``,
        ``splits/*.txt``.
Makes:  Segments with the receiver's geometry.   Used by: the command ``corpus import-soundofwater``.
``item_id`` is ``{video_id}_{start:.1f}_{end:.1f}``; measurements are centimetres, here metres. The
videos are cut to the pour, so a clip begins and ends with the stream.
"""

import math
from pathlib import Path
from typing import Any

import yaml

from ..errors import FormatError
from .corpus import Split
from .import_epic import csv_rows
from .imports import Segment

LICENCE = "not stated"
_COLUMNS = ("video_id", "start_time", "end_time", "container_id", "liquid")
_LENGTHS = {
    "net_height": ("receiver_depth_m", 1.0),
    "diameter_top": ("receiver_rim_radius_m", 0.5),
    "diameter_bottom": ("receiver_floor_radius_m", 0.5),
    "thickness": ("receiver_wall_m", 1.0),
    "neck_height": ("receiver_neck_m", 1.0),
}
"""Measurement in cm to our name in metres; diameters are inner ones and become radii."""


def soundofwater_segments(root: Path) -> tuple[list[Segment], list[str]]:
    """(segments, one note per row without its video).

    Videos in ``splits/train.txt`` are for training, all others are held out; without a splits
    folder all are for training. Raises FormatError when the folder is no Sound of Water, a container
    is unknown or a measurement is no positive number.
    """
    root = Path(root)
    containers = _containers(root / "annotations" / "containers.yaml")
    training = _training(root / "splits")
    segments, notes = [], []
    table = root / "annotations" / "localisation.csv"
    for row in csv_rows(table, _COLUMNS):
        id = _item_id(row, table)
        path = root / "videos" / f"{id}.mp4"
        if not path.is_file():
            notes.append(f"{id} left out: no {path}")
            continue
        container = containers.get(row["container_id"])
        if not isinstance(container, dict):
            raise FormatError(
                f"{table} names the container '{row['container_id']}', which containers.yaml lacks"
            )
        split: Split = "train" if training is None or id in training else "val"
        segments.append(
            Segment(
                id, path, split, caption=_caption(row, container), source="sound-of-water",
                licence=LICENCE, geometry=geometry_of(container, row["container_id"]),
            )
        )  # fmt: skip
    if not segments:
        raise FormatError(
            f"{root} holds none of the videos that annotations/localisation.csv lists, "
            "as videos/{item_id}.mp4; download them there"
        )
    return segments, notes


def geometry_of(container: dict[str, Any], name: str) -> dict[str, float]:
    """Lengths in metres under our names; the capacity too where the shape is straight-walled.

    Raises FormatError for a measurement that is no positive number.
    """
    measured = container.get("measurements") or {}
    geometry = {}
    for theirs, (ours, factor) in _LENGTHS.items():
        value = measured.get(theirs)
        if value is None:
            continue
        if not isinstance(value, int | float) or not 0 < value < 1000:
            raise FormatError(
                f"container '{name}': {theirs} is {value!r}, needs a positive number of centimetres"
            )
        geometry[ours] = round(float(value) * factor / 100, 6)
    needed = [_LENGTHS[k][0] for k in ("net_height", "diameter_top", "diameter_bottom")]
    if container.get("shape") in ("cylindrical", "semiconical") and set(needed) <= set(geometry):
        depth, top, floor = (geometry[k] for k in needed)
        volume = math.pi * depth / 3 * (top**2 + top * floor + floor**2)
        geometry["receiver_capacity_ml"] = round(volume * 1e6, 3)
    return geometry


def _containers(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FormatError(f"{path} does not exist; give the folder of the Sound of Water data set")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as e:
        raise FormatError(f"{path} is not YAML ({e}); download it again") from e
    if not isinstance(data, dict):
        raise FormatError(f"{path} holds no containers by name; download it again")
    return data


def _training(splits: Path) -> set[str] | None:
    path = splits / "train.txt"
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else None


def _item_id(row: dict[str, str], table: Path) -> str:
    try:
        return f"{row['video_id']}_{float(row['start_time']):.1f}_{float(row['end_time']):.1f}"
    except ValueError as e:
        raise FormatError(f"{table}: {row['video_id']} has no start and end time ({e})") from e


def _caption(row: dict[str, str], container: dict[str, Any]) -> str:
    liquid = row["liquid"].split("_")[0] or "liquid"
    words = [str(container[k]) for k in ("shape", "material") if container.get(k)]
    return f"pouring {liquid} into a {' '.join([*words, 'container'])}"
