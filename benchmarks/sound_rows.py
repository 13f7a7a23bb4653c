"""What the sound benchmark hears and measures, pour by pour.

Reads:  pours on disk (sound_pours), a generator.   Makes: sounds under DIR/sounds/<code>/, numbers.
Used by: benchmarks/sound.py and its parts. Nothing runs when this file is called by itself.
<code> is a hash of weights, options and the sources that make a sound from a clip. Every row of the
table is a sound of the same pour: the generator's, the acoustics' own, or one known to be wrong.
"""

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from sound_pours import Pours, code_hash, read_clip, read_pour, take

from multigen.audio.metrics import lsd
from multigen.audio.onset import detect_onset_offset, true_onset_offset
from multigen.audio.plausibility import flow_loudness, matched_track_rank, pitch_error
from multigen.audio.quiet import pour_rms, silence
from multigen.audio.told import Tell, told_so_far
from multigen.audio.waveform import fit, rms
from multigen.files import read_sound, write_sound
from multigen.types import PourTrace, SceneConfig, Waveform

RATE = 16_000
SILENT_RMS = 1e-6
HEARD_FROM = 0.10
"""Threshold of onset and offset, as a share of the loud (audio.onset). These sounds have no noise
beneath them: at the detector's usual 0.15 even the acoustics' own soft beginnings are heard late."""
ROOM_C, WARMED = 20.0, 0.6
"""Air over a hot drink: that share of the way from room to liquid, as in the world that sounds."""
FIRST, SECOND, GUIDE = 0, 1, 2
"""Takes of the acoustics: the reference, another one beside it, one to find trackable frames."""
CONTROLS = ("white noise", "shuffled", "reversed")
ROWS = ("generated", "acoustics", "second take", *CONTROLS, "generated, shuffled")
"""Shuffled: the next pour's sound. Controls are made of the acoustics' first takes."""
LISTENS = ("codec", "eyes", "generator", "mel", "phase", "shrink", "sound_model", "told", "windows")
CODE = ("types", "masks", "learning", "audio/mmaudio", "audio/network")
CODE = (*CODE, *(f"audio/{name}.py" for name in LISTENS))


@dataclass(frozen=True)
class Settings:
    """How a sound is made from a clip."""

    sound: str = "flow"
    masks: str = "on"
    """'on', 'off', or 'shuffled': the next pour's role images with this pour's frames."""
    steps: int | None = None
    guidance: float | None = None
    told: Tell = "all"
    """What the generator is told of the receiver: size and level, 'size' alone, 'nothing'."""
    told_guidance: float | None = None

    @property
    def weights(self) -> Path:
        """What is loaded: a checkpoint folder, or a user's files."""
        from multigen.audio.generator import DEFAULT, find_weights  # measuring needs no torch

        name = DEFAULT if self.sound == "flow" else self.sound
        return Path(name) if Path(name).exists() else find_weights(name)

    @property
    def name(self) -> str:
        """Distinct for distinct weights, options and code."""
        at = self.weights
        files = sorted(
            p for p in (at.rglob("*") if at.is_dir() else [at]) if p.is_file() and p.suffix != ".md"
        )
        digest = hashlib.sha256(code_hash(*CODE).encode())
        for path in files:
            small = path.stat().st_size < 1 << 28
            digest.update(path.read_bytes() if small else repr(path.stat()[6:9]).encode())
        options = f"{self.masks}.{self.steps or 'steps'}.{self.guidance or 'guidance'}.{self.told}"
        options += f".{self.told_guidance or 'guidance'}"
        return f"{at.name}.{digest.hexdigest()[:10]}.{options}"


@dataclass(frozen=True)
class Case:
    """One pour to be heard and measured; ``after`` is the next one, for whatever is shuffled."""

    pours: Pours
    key: int
    after: int
    settings: Settings | None
    """None: no generator, controls alone."""
    sounds: Path | None = None
    """Where generated sounds are kept."""
    rows: tuple[str, ...] = ROWS
    others: tuple[int, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()
    """For clips without a pour: what a pour's RMS is in each row."""

    def sound_at(self, key: int) -> Path:
        assert self.sounds is not None
        return self.sounds / f"{key}.flac"


@lru_cache(maxsize=1)
def _generator(weights: Path):
    from multigen.audio import load_generator

    return load_generator(weights)


def generate(case: Case) -> None:
    """Make and keep the generated sound of a case."""
    write_sound(case.sound_at(case.key), hear(case)[0])


def hear(case: Case) -> tuple[Waveform, float]:
    """The generated sound of a case, and CPU seconds per second of it."""
    settings, clip = case.settings, read_clip(case.pours, case.key)
    assert settings is not None
    assert clip.roles is not None
    roles = clip.roles if settings.masks != "off" else None
    if settings.masks == "shuffled":
        other = read_clip(case.pours, case.after).roles
        assert other is not None
        roles = other[np.minimum(np.arange(len(clip)), len(other) - 1)]
    generator = _generator(settings.weights)
    trace, scene = read_pour(case.pours, case.key)
    more = {}
    if generator.can_be_told:
        told = told_so_far(scene, trace, len(clip), clip.fps, settings.told)
        more = {"told": told, "told_guidance": settings.told_guidance}
    began = time.process_time()
    wave = generator.generate(
        clip.rgb, roles, clip.fps, seed=case.key, steps=settings.steps,
        guidance=settings.guidance, **more,
    )  # fmt: skip
    took = time.process_time() - began
    return Waveform(generator.sample_rate, wave), took / clip.duration_s


def wave_of(case: Case, row: str, n: int) -> np.ndarray:
    """The sound of one row, ``n`` samples."""
    if row.startswith("generated"):
        key = case.after if row.endswith("shuffled") else case.key
        return fit(read_sound(case.sound_at(key), RATE).samples, n)
    if row == "white noise":
        rng = np.random.default_rng(case.key)
        return (0.05 * rng.standard_normal(n)).astype(np.float32)
    key = case.after if row == "shuffled" else case.key
    trace, scene = read_pour(case.pours, key)
    wave = fit(take(trace, scene, key, SECOND if row == "second take" else FIRST), n)
    return wave[::-1].copy() if row == "reversed" else wave


@lru_cache(maxsize=1)
def _others(root: Path, keys: tuple[int, ...]):
    pours = Pours(root, "tabletop", "others")
    found = [read_pour(pours, key) for key in keys]
    return [(trace, scene.receiver) for trace, scene in found]


def measure(case: Case) -> dict[str, dict[str, float | None]]:
    """Every metric of every row: ``{row: {metric: value}}``; None where it does not exist."""
    trace, scene = read_pour(case.pours, case.key)
    n = len(trace) * RATE // trace.liquid_hz
    measured = {"pours": _pour, "modulated": _modulated, "never": _never}[case.pours.group]
    return {row: measured(case, row, wave_of(case, row, n), trace, scene) for row in case.rows}


def air_celsius(scene: SceneConfig) -> float:
    """Of the air in the receiver."""
    return ROOM_C + WARMED * (scene.liquid.temperature_c - ROOM_C)


def _pour(
    case: Case, row: str, wave: np.ndarray, trace: PourTrace, scene: SceneConfig
) -> dict[str, float | None]:
    reference, guide = (fit(take(trace, scene, case.key, i), len(wave)) for i in (FIRST, GUIDE))
    heard, known = (detect_onset_offset(x, RATE, HEARD_FROM) for x in (wave, reference))
    pairs = [*zip(heard, true_onset_offset(trace), strict=True), *zip(heard, known, strict=True)]
    names = ("onset_ms", "offset_ms", "onset_beside_ms", "offset_beside_ms")
    times = {
        name: _apart_ms(pair, trace.duration_s) for name, pair in zip(names, pairs, strict=True)
    }
    celsius = air_celsius(scene)
    silent = rms(wave) < SILENT_RMS
    found = silence(wave, trace, fizzes=scene.liquid.fizz > 0)
    others = _others(case.pours.root, case.others)
    return times | {
        "rank": 0.0 if silent else matched_track_rank(wave, trace, scene.receiver, others, celsius),
        "pitch_error": _pitch(wave, guide, trace, scene, celsius),
        "lsd": None if silent or row == "acoustics" else lsd(wave, reference),
        "level_db": None if found is None else found.level_db,
        "false_sound": None if found is None else float(found.false_sound),
        "pour_rms": pour_rms(wave, trace),
    }


def _apart_ms(pair: tuple[float | None, float | None], duration_s: float) -> float | None:
    """|heard - true|; what is not heard is as far away as anything can be."""
    heard, true = pair
    if true is None:
        return None
    return 1000 * float(duration_s if heard is None else abs(heard - true))


def _pitch(
    wave: np.ndarray, guide: np.ndarray, trace: PourTrace, scene: SceneConfig, celsius: float
) -> float | None:
    """Whether a pour counts does not depend on the sound; a silent one is as wrong as can be."""
    if rms(wave) >= SILENT_RMS:
        return pitch_error(wave, guide, trace, scene.receiver, celsius)
    return None if pitch_error(guide, guide, trace, scene.receiver, celsius) is None else 1.0


def _modulated(
    case: Case, row: str, wave: np.ndarray, trace: PourTrace, scene: SceneConfig
) -> dict[str, float | None]:
    """The set holds only pours whose flow varies enough, so None means: nothing is heard."""
    return {"loudness": flow_loudness(wave, trace) or 0.0}


def _never(
    case: Case, row: str, wave: np.ndarray, trace: PourTrace, scene: SceneConfig
) -> dict[str, float | None]:
    found = silence(wave, trace, pour_level=dict(case.levels)[row])
    assert found is not None
    return {"never_level_db": found.level_db, "never_false_sound": float(found.false_sound)}
