"""Every error multigen raises on purpose; the command line prints the sentence and exits with 2.

MultigenError
├── SceneError      a scene that cannot be built or has no solution (grasp, reach, capacity)
├── RenderError     no usable OpenGL; names the packages to install
├── ConfigError     a world file, command or option that says something we do not know
├── ClockError      rates that do not divide, streams of different length
├── MediaError      a video or sound that is missing, truncated, silent-stream or of zero length
├── FormatError     a file on disk that is not what its name promises
├── WeightsError    a checkpoint with missing, unexpected or wrongly shaped tensors
├── OutputError     an output folder that is full, read-only, or already holds something else
└── WorkerError     worker processes that die again and again (out of memory, a crash in a driver)

A message says what we got, what we need and what to do, in one sentence.
Used by: every room; imports nothing.
"""


class MultigenError(Exception):
    """Base class: ``except MultigenError`` catches all of ours and nothing else."""


class SceneError(MultigenError): ...


class RenderError(MultigenError): ...


class ConfigError(MultigenError): ...


class ClockError(MultigenError): ...


class MediaError(MultigenError): ...


class FormatError(MultigenError): ...


class WeightsError(MultigenError): ...


class OutputError(MultigenError): ...


class WorkerError(MultigenError): ...
