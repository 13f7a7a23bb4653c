"""Video files through PyAV: h264 for eyes, FFV1 for roles; bit-reproducible, integer timestamps.

Reads:  any video FFmpeg can.   Makes: uint8 frames, mp4 and mkv files.
Used by: episode, audio, dataset, report, cli.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from ..errors import MediaError
from ..types import Waveform
from .output import replacing


@dataclass(frozen=True)
class Probe:
    """What a video says about itself."""

    fps: float
    width: int
    height: int
    duration_s: float
    has_sound: bool


def _open(path: Path) -> av.container.InputContainer:
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"{path} does not exist; give the path of a video file")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes); give a complete video file")
    try:
        container = av.open(str(path))
    except av.error.FFmpegError as e:
        raise MediaError(
            f"{path} cannot be opened as video ({e.strerror}); it is truncated or no video"
        ) from e
    if not container.streams.video:
        container.close()
        raise MediaError(f"{path} has no video stream; give a file with pictures")
    return container


def probe(path: Path) -> Probe:
    """Size, rate and length without decoding. Raises MediaError like read_video."""
    with _open(path) as c:
        s = c.streams.video[0]
        length = float(c.duration / av.time_base) if c.duration else 0.0
        return Probe(float(s.average_rate or 0), s.width, s.height, length, bool(c.streams.audio))


def frames_of(path: Path) -> Iterator[tuple[float, UInt8[np.ndarray, "H W 3"]]]:
    """(time in seconds, RGB frame) in display order, rotated as the file asks.

    Raises MediaError where decoding breaks off.
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        first: float | None = None
        try:
            for frame in container.decode(stream):
                rgb = frame.to_ndarray(format="rgb24")
                turn = int(getattr(frame, "rotation", 0) or 0)
                if turn % 90 == 0 and turn:
                    rgb = np.ascontiguousarray(np.rot90(rgb, turn // 90))
                t = float(frame.time or 0.0)
                first = t if first is None else first
                yield t - first, rgb
        except av.error.FFmpegError as e:
            raise MediaError(
                f"{path} breaks off while decoding ({e.strerror}); the file is damaged"
            ) from e


def read_video(
    path: Path, *, max_seconds: float | None = None
) -> tuple[UInt8[np.ndarray, "F H W 3"], float]:
    """All frames and their mean rate.

    Raises MediaError when the file is missing, truncated, without pictures or of zero length.
    """
    info, frames, times = probe(path), [], []
    for t, rgb in frames_of(path):
        if max_seconds is not None and t >= max_seconds:
            break
        frames.append(rgb)
        times.append(t)
    if not frames:
        raise MediaError(f"{path} holds no frames (zero length); give a video that shows something")
    if max_seconds is None and info.duration_s > 1 and times[-1] < 0.8 * info.duration_s - 0.5:
        raise MediaError(
            f"{path} announces {info.duration_s:.1f} s but ends after {times[-1]:.1f} s; the file is truncated"
        )
    measured = (len(times) - 1) / times[-1] if len(times) > 1 and times[-1] > 0 else info.fps
    near = info.fps and abs(measured - info.fps) < 0.02 * info.fps
    return np.stack(frames), float(info.fps if near else measured)


def write_video(
    path: Path,
    frames: UInt8[np.ndarray, "F H W 3"],
    fps: float,
    *,
    crf: int = 18,
    gop: int | None = None,
    sound: Waveform | None = None,
) -> None:
    """h264 yuv420p mp4, one thread, pts = 0, 1, 2 … in 1/fps; AAC muxed in when ``sound`` is given.

    Odd sizes lose their last row or column (yuv420p needs even ones). Equal input, equal bytes: x264's
    macroblock tree is off, with it equal pictures came out as different bytes in one run of ten.
    """
    if len(frames) == 0:
        raise MediaError(f"{Path(path).name}: no frames to write; a video needs at least one")
    h, w = (n // 2 * 2 for n in frames.shape[1:3])
    options = {
        "crf": str(crf),
        "preset": "veryfast",
        "x264-params": "threads=1:lookahead-threads=1:mbtree=0",
    }
    if gop:
        options["g"] = str(gop)
    with (
        replacing(Path(path)) as part,
        av.open(
            str(part), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
        ) as out,
    ):
        video = _stream(out, "libx264", fps, w, h, "yuv420p", options)
        voice = (
            out.add_stream("aac", rate=sound.sample_rate, layout="mono", bit_rate=128_000)
            if sound
            else None
        )
        for i, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[:h, :w]), format="rgb24")
            frame.pts, frame.time_base = i, video.codec_context.time_base
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound and voice:
            _mux_sound(out, voice, sound)


def _stream(out, codec: str, fps: float, w: int, h: int, pix_fmt: str, options: dict[str, str]):
    rate = Fraction(fps).limit_denominator(1001)
    stream = out.add_stream(codec, rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = w, h, pix_fmt
    stream.codec_context.time_base = 1 / rate
    stream.codec_context.thread_count = 1
    return stream


def _mux_sound(out, voice, sound: Waveform) -> None:
    """Encode in blocks of the codec's frame size, so that timestamps stay exact."""
    n = 1024
    for start in range(0, len(sound.samples), n):
        block = sound.samples[start : start + n].astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = sound.sample_rate, start
        frame.time_base = Fraction(1, sound.sample_rate)
        out.mux(voice.encode(frame))
    out.mux(voice.encode(None))


def write_roles(path: Path, roles: UInt8[np.ndarray, "F H W"], fps: float) -> None:
    """Role images, lossless (FFV1, gray, Matroska). Equal input, equal bytes."""
    h, w = roles.shape[1:3]
    with (
        replacing(Path(path)) as part,
        av.open(str(part), "w", format="matroska", options={"fflags": "+bitexact"}) as out,
    ):
        stream = _stream(
            out,
            "ffv1",
            fps,
            w,
            h,
            "gray",
            {"level": "3", "slices": "4", "context": "1", "flags": "+bitexact"},
        )
        for i, image in enumerate(roles):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray")
            frame.pts, frame.time_base = i, stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def read_roles(path: Path) -> UInt8[np.ndarray, "F H W"]:
    """Role images as written. Raises MediaError when missing, damaged or empty."""
    with _open(path) as container:
        try:
            images = [f.to_ndarray(format="gray") for f in container.decode(video=0)]
        except av.error.FFmpegError as e:
            raise MediaError(
                f"{path} breaks off while decoding ({e.strerror}); the file is damaged"
            ) from e
    if not images:
        raise MediaError(f"{path} holds no role images; write it again")
    return np.stack(images)
