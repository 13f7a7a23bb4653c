"""Videos as training wants them, and what a video file is without decoding it.

Reads:  frames, video files.   Makes: mp4 files, VideoFacts.
Used by: writer (encodes; is a copied video ours?), validate.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from ..errors import FormatError, MediaError
from ..files import write_video

GOP, CRF = 2, 20


@dataclass(frozen=True)
class VideoFacts:
    """The packets of the first video stream."""

    codec: str
    pix_fmt: str
    height: int
    width: int
    times_s: tuple[Fraction, ...]
    """Exact, in display order."""

    def differs(self, height: int, width: int, frames: int, fps: int) -> str | None:
        """The first thing that is not as wanted, in words; None when all is."""
        if (self.height, self.width) != (height, width):
            return f"is {self.width}x{self.height} instead of {width}x{height}"
        if len(self.times_s) != frames:
            return f"holds {len(self.times_s)} frames instead of {frames}"
        late = [i for i, t in enumerate(self.times_s) if t != Fraction(i, fps)]
        if late:
            i = late[0]
            return f"shows frame {i} at {float(self.times_s[i]):.6f} s instead of {i / fps:.6f} s"
        return None


def video_facts(path: Path) -> VideoFacts:
    """Codec, size and exact frame times. Raises MediaError when missing, empty or damaged."""
    path = Path(path)
    if not path.is_file() or path.stat().st_size == 0:
        raise MediaError(f"{path} is missing or empty; a video is expected there")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError(f"{path} has no video stream; give a file with pictures")
            stream = container.streams.video[0]
            base = Fraction(stream.time_base or 0)
            stamps = sorted(p.pts for p in container.demux(stream) if p.pts is not None)
            context = stream.codec_context
            return VideoFacts(
                context.name,
                str(context.pix_fmt),
                context.height,
                context.width,
                tuple(t * base for t in stamps),
            )
    except av.error.FFmpegError as e:
        raise MediaError(f"{path} cannot be read as video ({e.strerror}); is it complete?") from e


def require_ours(path: Path, size: tuple[int, int], frames: int, fps: int) -> None:
    """Refuse a finished video that is not h264 yuv420p of this size, length and rate."""
    seen = video_facts(path)
    wrong = seen.differs(*size, frames, fps)
    if seen.codec not in {"h264", "libx264"} or seen.pix_fmt != "yuv420p":
        wrong = f"is {seen.codec} {seen.pix_fmt} instead of h264 yuv420p"
    if wrong:
        raise FormatError(f"{path} {wrong}; give a matching video or none, to have it encoded")


def encode(path: Path, frames: UInt8[np.ndarray, "T H W 3"], fps: int) -> None:
    """h264 yuv420p mp4 for training: any frame is two decodes away, equal frames are equal bytes."""
    write_video(path, frames, fps, crf=CRF, gop=GOP)
