"""A few seconds of a long recording: frames by the clock, sound beside them, nothing else decoded.

Reads:  any video or sound file FFmpeg can.   Makes: uint8 frames at a fixed rate, float32 channels.
Used by: audio.imports, pipeline.masks. Seconds count from the first frame of the pictures (of the
sound, where there are none), so that frames and samples of one excerpt belong together.
"""

from pathlib import Path

import av
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from ..errors import MediaError

_PREROLL_S = 0.25
"""Decoded and thrown away before an excerpt's sound: a codec's first blocks after a jump are wrong."""


def length_s(path: Path) -> float:
    """Seconds of the longest stream; counted by packets where the file does not say.

    Raises MediaError when the file is missing, empty or holds neither pictures nor sound.
    """
    with _opened(path) as container:
        if container.duration:
            return float(container.duration / av.time_base)
        ends = [0.0]
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.time_base:
                    ends.append(float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except av.error.FFmpegError as e:
            raise _broken(path, e) from e
        return max(ends)


def has_sound(path: Path) -> bool:
    """Whether there is an audio stream. Raises MediaError like ``length_s``."""
    with _opened(path) as container:
        return bool(container.streams.audio)


def frames_between(
    path: Path, start_s: float, stop_s: float, *, fps: float = 25.0, short_side: int | None = None
) -> UInt8[np.ndarray, "F H W 3"]:
    """What is on screen at start, start + 1/fps, ... before ``stop_s`` or the end of the pictures.

    ``short_side``: larger pictures are shrunk (area average) to that many pixels, aspect ratio kept,
    both sides even. Raises MediaError when nothing can be decoded there.
    """
    frames: list[np.ndarray] = []
    wanted = round((stop_s - start_s) * fps)
    shown: np.ndarray | None = None
    end = start_s
    with _opened(path) as container:
        if not container.streams.video:
            raise MediaError(f"{path} has no video stream; give a file with pictures")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        zero = _zero_s(container)
        try:
            if start_s > 0:
                at = int((start_s + zero) / stream.time_base)
                container.seek(at, stream=stream, backward=True)
            for frame in container.decode(stream):
                time_s = float(frame.time or 0.0) - zero
                # what was on screen until now fills every tick before this frame appears
                while shown is not None and start_s + len(frames) / fps < time_s - 1e-6:
                    if len(frames) == wanted:
                        return np.stack(frames)
                    frames.append(shown)
                shown = shrunk(_upright(frame), short_side)
                end = time_s + 1 / float(stream.average_rate or fps)
        except av.error.FFmpegError as e:
            raise _broken(path, e) from e
    while shown is not None and len(frames) < wanted and start_s + len(frames) / fps < end - 1e-6:
        frames.append(shown)
    if not frames:
        raise MediaError(
            f"{path} shows nothing between {start_s:.2f} and {stop_s:.2f} s; is it complete?"
        )
    return np.stack(frames)


def sound_between(
    path: Path, start_s: float, stop_s: float
) -> tuple[Float32[np.ndarray, "C N"], int]:
    """(channels, sample rate) as recorded; zeros where the stream begins late, cut where it ends.

    Raises MediaError when there is no audio stream or nothing can be decoded there.
    """
    blocks: list[np.ndarray] = []
    first: float | None = None
    with _opened(path) as container:
        if not container.streams.audio:
            raise MediaError(f"{path} has no audio stream; give a file that has sound")
        stream = container.streams.audio[0]
        rate, zero = stream.rate, _zero_s(container)
        planar = av.AudioResampler(format="fltp")
        try:
            if start_s > _PREROLL_S:
                at = int((start_s - _PREROLL_S + zero) / stream.time_base)
                container.seek(at, stream=stream, backward=True)
            for frame in container.decode(stream):
                time_s = float(frame.time or 0.0) - zero
                if time_s >= stop_s:
                    break
                first = time_s if first is None else first
                blocks += [part.to_ndarray() for part in planar.resample(frame)]
        except av.error.FFmpegError as e:
            raise _broken(path, e) from e
    if first is None or not blocks:
        raise MediaError(
            f"{path} sounds nothing between {start_s:.2f} and {stop_s:.2f} s; is it complete?"
        )
    samples = np.concatenate(blocks, axis=1)
    skip = round((start_s - first) * rate)
    samples = samples[:, skip:] if skip >= 0 else np.pad(samples, ((0, 0), (-skip, 0)))
    return samples[:, : round((stop_s - start_s) * rate)].astype(np.float32), rate


def shrunk(rgb: UInt8[np.ndarray, "H W 3"], short_side: int | None) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with its shorter side at most ``short_side`` pixels; both sides even then."""
    height, width = rgb.shape[:2]
    ratio = 1.0 if short_side is None else short_side / min(height, width)
    if ratio >= 1:
        return rgb
    size = (round(width * ratio / 2) * 2, round(height * ratio / 2) * 2)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))


def _opened(path: Path) -> av.container.InputContainer:
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"{path} does not exist; give the path of a video or sound file")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes); give a complete file")
    try:
        container = av.open(str(path))
    except av.error.FFmpegError as e:
        raise MediaError(
            f"{path} cannot be opened ({e.strerror}); it is truncated or no recording"
        ) from e
    if not container.streams.video and not container.streams.audio:
        container.close()
        raise MediaError(f"{path} holds neither pictures nor sound; give a recording")
    return container


def _zero_s(container: av.container.InputContainer) -> float:
    """Time stamp of the first frame, which files need not begin at zero with."""
    stream = (container.streams.video or container.streams.audio)[0]
    return float((stream.start_time or 0) * stream.time_base)


def _upright(frame: av.VideoFrame) -> np.ndarray:
    """RGB, rotated as the file asks."""
    rgb = frame.to_ndarray(format="rgb24")
    turn = int(getattr(frame, "rotation", 0) or 0)
    return np.ascontiguousarray(np.rot90(rgb, turn // 90)) if turn and turn % 90 == 0 else rgb


def _broken(path: Path, e: av.error.FFmpegError) -> MediaError:
    return MediaError(f"{path} breaks off while decoding ({e.strerror}); the file is damaged")
