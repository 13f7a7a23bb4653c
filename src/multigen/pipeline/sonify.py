"""Stage 2: an episode, or any video, gets its sound.

Reads:  episode folders or a video file.   Makes: sound.flac, or CLIP.wav / CLIP.mp4.
Used by: generate, demo, cli sonify.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..audio import load_generator
from ..audio.acoustic_ears import AcousticEars
from ..audio.sounds import check_sound
from ..audio.told import Told, told_of_pour
from ..audio.waveform import fit, resample
from ..episode import read_episode
from ..errors import ConfigError, MediaError
from ..files import read_roles, read_video, write_sound, write_video
from ..files.excerpt import shrunk
from ..masks.found import FOUND, LEFT_OUT, roles_found
from ..types import Episode, Waveform
from ..workers import run_tasks

if TYPE_CHECKING:
    from ..audio import Generator
    from ..audio.mmaudio import MMAudioGenerator

SOUND_FILE = "sound.flac"


@dataclass(frozen=True)
class SonifyTask:
    folder: Path
    sound: str
    seed: int
    masks: bool = True


@lru_cache(maxsize=1)
def _generator(name: str) -> "Generator | MMAudioGenerator":
    return load_generator(name)


def sound_of(episode: Episode, sound: str, seed: int, *, masks: bool = True) -> Waveform:
    """The episode's sound, exactly as long as the episode.

    ``flow``: the learned generator, from front video and masks (``masks`` False: from colours alone),
    told how large and how full the receiver is (``audio.told``). ``acoustics``: the physical model, from
    the liquid's state. ``recorded``: the same through the scene's room and microphone. ``none``: silence.
    """
    n = len(episode) * episode.clock.samples_per_frame
    if sound == "none":
        samples = np.zeros(n, np.float32)
    elif sound in ("acoustics", "recorded"):
        ears = AcousticEars(recorded=sound == "recorded")
        ears.reset(episode.scene, seed)
        samples = ears.hear(episode.clip, episode.trace)
    else:
        clip = episode.clip
        generator, told = _generator(sound), None
        if generator.can_be_told:
            told = told_of_pour(episode.scene, episode.trace, len(clip), clip.fps)
        samples = generator.generate(
            clip.rgb, clip.roles if masks else None, clip.fps, seed=seed, told=told
        )
        samples = resample(samples, generator.sample_rate, episode.clock.audio_hz)
    return Waveform(episode.clock.audio_hz, fit(samples, n))


def sonify_one(task: SonifyTask) -> Path:
    """Write ``sound.flac`` beside the episode."""
    episode = read_episode(task.folder)
    out = task.folder / SOUND_FILE
    write_sound(out, sound_of(episode, task.sound, task.seed, masks=task.masks))
    return out


def sonify(
    folders: list[Path], *, sound: str, seed: int, workers: int = 1, masks: bool = True
) -> list[Path]:
    """A sound for each episode folder that has none yet; seeded by ``seed`` and the episode's number.

    ``masks`` False hides the role images from a generator.
    """
    check_sound(sound)
    tasks = [
        SonifyTask(folder, sound, _sound_seed(seed, folder), masks)
        for folder in folders
        if not (folder / SOUND_FILE).exists()
    ]
    run_tasks(sonify_one, tasks, workers=workers, label=f"sonify: {Path(sound).name}")
    return [folder / SOUND_FILE for folder in folders]


SEARCHED = 120
"""Shorter side, in pixels, of the frames in which a pour is looked for."""


UNSURE_GUIDANCE = 2.0
"""For the compact generator, where nobody gave masks: unguided it may wait for seconds before it dares to
sound. Chosen on the one real clip at hand."""


def _sound_seed(seed: int, folder: Path) -> int:
    """Below 2^31: torch and numpy generators take it alike."""
    number = int(folder.name.rsplit("-", 1)[-1])
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] // 2)


@dataclass(frozen=True)
class Heard:
    """What a video was given, and what the generator saw of it."""

    wave: Waveform
    masks: str
    """One sentence: where its masks are from, or why it has none."""


def sonify_video(
    video: Path,
    out: Path,
    *,
    masks: Path | None = None,
    find: bool = True,
    sound: str = "flow",
    seed: int = 0,
    receiver_m: tuple[float, float] | None = None,
) -> Heard:
    """Give any video a sound of its own length; ``out`` ends in .wav, .flac or .mp4 (muxed).

    ``masks``: a role video (.mkv) as this software writes it. Without it masks are looked for by
    motion (``masks.found``) unless ``find`` is False, and left out where no pour is found.
    ``receiver_m``: inner depth and inner diameter of the vessel poured into, where somebody measured
    them; a picture holds no scale. Raises MediaError for unusable input, ConfigError for a size that
    the generator cannot be told; nothing is written then.
    """
    if out.suffix.lower() not in {".wav", ".flac", ".mp4"}:
        raise MediaError(f"{out.name}: write .wav, .flac or .mp4 (sound muxed into the video)")
    if sound in {"acoustics", "recorded", "none"}:
        raise ConfigError(f"--with {sound} needs a simulated episode; a video needs a generator")
    from ..audio import Generator

    told = None if receiver_m is None else Told(receiver_m[0], receiver_m[1] / 2)
    frames, fps = read_video(video)
    roles, said = _roles_of(frames, fps, video, masks, find)
    generator = _generator(check_sound(sound))
    guidance = UNSURE_GUIDANCE if masks is None and isinstance(generator, Generator) else None
    samples = generator.generate(frames, roles, fps, seed=seed, told=told, guidance=guidance)
    wave = Waveform(generator.sample_rate, samples)
    if out.suffix.lower() == ".mp4":
        write_video(out, frames, fps, sound=wave)
    else:
        write_sound(out, wave)
    return Heard(wave, said)


def _roles_of(
    frames: np.ndarray, fps: float, video: Path, masks: Path | None, find: bool
) -> tuple[np.ndarray | None, str]:
    """Role images and a sentence about them. MediaError for masks of another length."""
    if masks is not None:
        roles = read_roles(masks)
        if len(roles) != len(frames):
            raise MediaError(
                f"{masks} holds {len(roles)} role images, {video} {len(frames)} frames; they must match"
            )
        return roles, f"masks from {masks}"
    if not find:
        return None, "no masks"
    roles = roles_found(np.stack([shrunk(f, SEARCHED) for f in frames]), fps)
    return roles, LEFT_OUT if roles is None else FOUND
