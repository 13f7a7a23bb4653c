"""A recording to what fills: the public face of the ear.

Reads:  samples at 16 kHz (or a wav, a flac, any video with sound), a checkpoint folder, a height where known.
Makes:  Hearing.   Used by: cli hear, benchmarks, calibrate.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.ndimage import median_filter

from ..errors import ConfigError, WeightsError
from ..files import read_sound
from ..learning import load_config, load_state, shapes
from .background import without_background
from .bands import FIRST, HEARD, RATE, SAMPLE_RATE, band_power, check_sound
from .network import USUAL_AIR_M, USUAL_FLOW_ML_S, Ear, EarConfig

PACKAGED = Path(__file__).parent / "weights"
DEFAULT = "pour_ear"
"""The packaged weights that ``hear`` uses."""
ROBOTS = "robot_ear"
"""Those that policies believe: of who pours into an empty vessel, and listens from before."""
HEIGHTS_M = (0.01, 1.0)
"""A vessel that anyone pours into by hand."""
Track = Float32[np.ndarray, " T"]


@dataclass(frozen=True)
class Hearing:
    """What was heard, ten times a second; entry m belongs to ``time_s[m]`` = (m + 1) / 10 and to nothing
    later: a longer recording begins with the same numbers."""

    time_s: Track
    fill: Track
    """Volume in the receiver over its capacity."""
    fill_std: Track
    air_column_m: Track
    """From the surface to the brim."""
    air_column_std_m: Track
    flow_ml_s: Track
    """Landing in the receiver; 0 where nothing is heard to pour."""
    flow_std_ml_s: Track
    pouring: Track
    """Probability."""

    @property
    def onset_s(self) -> float | None:
        """When a pour is first heard, from the start of the recording; None when none is."""
        rows = _poured(self.pouring)
        return float(rows[0] / RATE) if len(rows) else None

    @property
    def offset_s(self) -> float | None:
        """When a pour is last heard; the recording's end when it is still going on."""
        rows = _poured(self.pouring)
        return float((rows[-1] + 1) / RATE) if len(rows) else None

    def record(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        tracks = {
            name: np.round(np.asarray(value, float), 4).tolist()
            for name, value in vars(self).items()
        }
        return {**tracks, "onset_s": self.onset_s, "offset_s": self.offset_s}


def _poured(probability: np.ndarray) -> np.ndarray:
    """Frames in which it pours; a single frame that differs from its neighbours does not count."""
    return np.flatnonzero(median_filter(probability, 3, mode="nearest") > 0.5)


class Listener:
    """Listens with trained weights."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear.eval()

    def hear(
        self,
        samples: Float[np.ndarray, " N"],
        *,
        height_m: float | None = None,
        quiet_s: float = 0.0,
    ) -> Hearing:
        """T = N // 1600 entries from samples at 16 kHz.

        ``height_m``: depth of the receiver's cavity, where somebody knows it: it cannot be heard.
        ``quiet_s``: for so long nothing pours at first; what sounds then is taken away from the rest.
        Raises MediaError for less than 0.5 s, NaN or silence, ConfigError for a height that no vessel has
        or more quiet than the sound is long.
        """
        check_sound(samples, "the sound")
        if not 0 <= quiet_s < len(samples) / SAMPLE_RATE:
            raise ConfigError(
                f"{quiet_s:g} quiet seconds in a sound of {len(samples) / SAMPLE_RATE:.1f} s; "
                "give how long nothing pours at its beginning, 0 if it is not known"
            )
        power = without_background(band_power(samples), quiet_s)
        return self.hear_bands(power, height_m=height_m)

    @torch.no_grad()
    def hear_bands(
        self, log_power: Float[np.ndarray, "T 80"], *, height_m: float | None = None
    ) -> Hearing:
        """The same from band power (``bands.band_power``)."""
        if height_m is not None and not HEIGHTS_M[0] <= height_m <= HEIGHTS_M[1]:
            raise ConfigError(
                f"a vessel {height_m} m deep; the height is that of the cavity, "
                f"{HEIGHTS_M[0]:g} to {HEIGHTS_M[1]:g} m"
            )
        heard = np.asarray(log_power[:, FIRST : FIRST + HEARD], np.float32)
        told = torch.tensor([np.nan if height_m is None else height_m], dtype=torch.float32)
        b = self.ear(torch.from_numpy(heard)[None], told)
        air, flow = USUAL_AIR_M * b.air_log.exp(), USUAL_FLOW_ML_S * b.flow_log.exp()
        pouring = torch.sigmoid(b.pouring)
        flow = torch.where(pouring > 0.5, flow, 0.0)
        tracks = (
            b.fill, b.fill_std, air, air * b.air_log_std, flow, flow * b.flow_log_std, pouring,
        )  # fmt: skip
        time_s = ((np.arange(len(heard)) + 1) / RATE).astype(np.float32)
        return Hearing(time_s, *(x[0].numpy() for x in tracks))


def find_ear(name_or_path: str | Path = DEFAULT) -> Path:
    """A checkpoint folder: a path, or the name of packaged weights. WeightsError lists the names."""
    for folder in (Path(name_or_path), PACKAGED / str(name_or_path)):
        if (folder / "config.json").is_file():
            return folder
    known = sorted(p.parent.name for p in PACKAGED.glob("*/config.json"))
    raise WeightsError(
        f"no ear '{name_or_path}'; give a checkpoint folder with --ear (multigen train-ear makes one) or "
        f"one of the packaged ears ({', '.join(known) or 'none in this installation'})"
    )


def load_ear(name_or_path: str | Path = DEFAULT) -> Listener:
    """A listener from packaged weights or a checkpoint folder; WeightsError for anything else."""
    folder = find_ear(name_or_path)
    try:
        config = load_config(EarConfig, folder)
    except ConfigError as error:
        raise WeightsError(
            f"{folder} is not an ear ({error}); give a folder that train-ear made"
        ) from error
    ear = Ear(config)
    ear.load_state_dict(load_state(folder, shapes(ear)))
    return Listener(ear)


def hear(
    path: Path,
    *,
    ear: str | Path | Listener = DEFAULT,
    height_m: float | None = None,
    quiet_s: float = 0.0,
) -> Hearing:
    """A recording (wav, flac, or any video with sound) as heard by ``ear``; see Listener.hear.

    Raises MediaError for a file that is missing, unreadable, silent, too short or without sound,
    WeightsError where there is no such ear, ConfigError for a height that no vessel has or a quiet
    beginning as long as the recording.
    """
    listener = ear if isinstance(ear, Listener) else load_ear(ear)
    sound = read_sound(Path(path))
    check_sound(sound.samples, str(path))
    return listener.hear(sound.samples, height_m=height_m, quiet_s=quiet_s)
