"""Sound files: wav, flac, or the audio stream of any video.

Reads:  paths.   Makes: Waveform, wav and flac files.   Used by: audio, dataset, report, cli.
"""

import io
from pathlib import Path

import av
import numpy as np
import soundfile
from scipy.signal import resample_poly

from ..errors import MediaError
from ..types import Waveform
from .output import replacing

_PLAIN = {".wav", ".flac", ".ogg"}


def read_sound(path: Path, sample_rate: int = 16_000) -> Waveform:
    """Mono sound at ``sample_rate``; channels are averaged, other rates resampled (Kaiser sinc).

    Raises MediaError when the file is missing, truncated, empty, not finite or has no audio stream.
    """
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"{path} does not exist; give a wav, a flac or a video with sound")
    if path.suffix.lower() in _PLAIN:
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as e:
            raise MediaError(f"{path} cannot be read as sound ({e}); is it complete?") from e
        mono = samples.mean(1)
    else:
        mono, rate = _from_container(path)
    if mono.size == 0:
        raise MediaError(f"{path} holds no sound (zero samples); give a recording with some length")
    if not np.isfinite(mono).all():
        raise MediaError(f"{path} holds NaN or infinite samples; export it again")
    if rate != sample_rate:
        g = np.gcd(rate, sample_rate)
        mono = resample_poly(mono, sample_rate // g, rate // g, window=("kaiser", 8.6))
    return Waveform(sample_rate, np.clip(mono, -1, 1).astype(np.float32))


def _from_container(path: Path) -> tuple[np.ndarray, int]:
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise MediaError(f"{path} has no audio stream; give a file that has sound")
            stream = container.streams.audio[0]
            rate = stream.rate
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            blocks = [
                b.to_ndarray()[0] for f in container.decode(stream) for b in resampler.resample(f)
            ]
            blocks += [b.to_ndarray()[0] for b in resampler.resample(None)]
    except av.error.FFmpegError as e:
        raise MediaError(f"{path} cannot be decoded ({e.strerror}); is it complete?") from e
    return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), rate


def write_sound(path: Path, sound: Waveform) -> None:
    """16-bit PCM, .wav or .flac by the suffix. Raises MediaError for other suffixes or NaN."""
    path = Path(path)
    kinds = {".wav": "WAV", ".flac": "FLAC"}
    if path.suffix.lower() not in kinds:
        raise MediaError(f"{path.name}: sound is written as .wav or .flac; change the suffix")
    if not np.isfinite(sound.samples).all():
        raise MediaError(f"{path.name}: the sound holds NaN; nothing was written")
    buffer = io.BytesIO()
    kind = kinds[path.suffix.lower()]
    soundfile.write(
        buffer, to_int16(sound.samples), sound.sample_rate, format=kind, subtype="PCM_16"
    )
    with replacing(path) as part:
        part.write_bytes(buffer.getvalue())


def to_int16(samples: np.ndarray) -> np.ndarray:
    """The 16-bit grid: int16 = round(32768 x), clipped. ``x = int16 / 32768`` is exact in float32."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
