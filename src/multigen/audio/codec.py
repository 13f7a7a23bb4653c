"""The compact codec: pairs of mel frames to a few whitened numbers at 31.25 Hz, and back.

Comes in:  log-mel spectrograms [B, 80, 2 L] (16 kHz, 62.5 frames per second).
Goes out:  latents [B, L, C], each dimension of zero mean and unit variance on what it was fitted
           to; spectrograms again; a ``.safetensors`` file.
Used by:   the compact sound model (learns and draws latents), phase (sounds the decoded mel).

Principal components of two neighbouring frames (160 numbers), with two changes. The direction from
the mean to silence is kept by construction, so silence decodes to silence exactly, whatever the
latent size. And the axes are chosen for the data plus a little of any smooth spectrum, so that a
codec fitted to our acoustics also carries real recordings (benchmarks/codec.py measures both).
Within the kept subspace the axes are decorrelated and scaled to unit variance on the data, which is
what a flow from N(0, 1) wants. Linear both ways: encode(decode(z)) = z.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import ConfigError, WeightsError
from ..files import replacing
from .mel import MEL_16K

LATENT_HZ = 31.25
"""Latents per second: every latent stands for two mel frames, 512 samples."""
LATENT_SAMPLES = 2 * MEL_16K.hop
PAIR = 2 * MEL_16K.n_mels
_SMOOTH_BANDS, _SMOOTH_FRAMES, _SMOOTH_VARIANCE = 8.0, 0.9, 0.1
"""Any spectrum: correlation length in bands, correlation of two frames, variance (log10 squared)."""
_LEAST_STD = 1e-4
"""Whitening never multiplies by more than 1e4: constant directions stay quiet."""


class PcaCodec(nn.Module):
    """Linear mel codec; buffers only, nothing to train by gradient."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(
        self,
        mean: Float[Tensor, " 160"],
        basis: Float[Tensor, "C 160"],
        scale: Float[Tensor, " C"],
    ) -> None:
        """``basis`` rows are orthonormal, ``scale`` their standard deviations."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        self.register_buffer("scale", scale)

    @property
    def latent_dim(self) -> int:
        return self.basis.shape[0]

    @property
    def silence(self) -> Float[Tensor, " C"]:
        """The latent of silence."""
        return (self.basis @ (MEL_16K.silence - self.mean)) / self.scale

    @classmethod
    def fit(
        cls,
        mels: Iterable[Float[np.ndarray, "80 M"]],
        latent_dim: int = 40,
        *,
        seed: int = 0,
        max_pairs: int = 400_000,
    ) -> "PcaCodec":
        """Fit on log-mel spectrograms, in float64, streaming (one covariance, no big matrix).

        When there are more than ``max_pairs`` frame pairs, each spectrogram gives a random share of
        its pairs, drawn with ``seed``. Raises ConfigError for a ``latent_dim`` outside 1..160 or
        fewer pairs than dimensions.
        """
        if not 1 <= latent_dim <= PAIR:
            raise ConfigError(f"latent_dim is {latent_dim}; choose between 1 and {PAIR}")
        mels = list(mels)
        total = sum(mel.shape[1] // 2 for mel in mels)
        if total <= latent_dim:
            raise ConfigError(
                f"{total} mel frame pairs cannot fit {latent_dim} dimensions; give more sound"
            )
        rng, share = np.random.default_rng(seed), min(1.0, max_pairs / total)
        count, first, second = 0, np.zeros(PAIR), np.zeros((PAIR, PAIR))
        for mel in mels:
            pairs = _pairs(np.asarray(mel, np.float64))
            if share < 1:
                pairs = pairs[rng.random(len(pairs)) < share]
            count += len(pairs)
            first += pairs.sum(0)
            second += pairs.T @ pairs
        mean = first / count
        basis, std = _principal(second / count - np.outer(mean, mean), mean, latent_dim)
        return cls(
            *(torch.from_numpy(a.astype(np.float32)) for a in (mean, basis, std)),
        )

    def encode(self, mel: Float[Tensor, "B 80 M"]) -> Float[Tensor, "B L C"]:
        """Latents of a spectrogram with an even number of frames, L = M / 2."""
        if mel.shape[1] != MEL_16K.n_mels or mel.shape[2] % 2:
            raise ConfigError(
                f"the codec takes {MEL_16K.n_mels} mels and an even number of frames, "
                f"got {tuple(mel.shape)}; cut the last frame"
            )
        batch, _, frames = mel.shape
        pairs = mel.transpose(1, 2).reshape(batch, frames // 2, PAIR)
        return (pairs - self.mean) @ self.basis.T / self.scale

    def decode(self, latent: Float[Tensor, "B L C"]) -> Float[Tensor, "B 80 M"]:
        """Spectrogram of latents, M = 2 L; linear, so values may lie a little below silence."""
        batch, length, _ = latent.shape
        pairs = (latent * self.scale) @ self.basis + self.mean
        return pairs.reshape(batch, 2 * length, MEL_16K.n_mels).transpose(1, 2)

    def save(self, path: Path) -> None:
        """Write ``mean``, ``basis`` and ``scale`` as safetensors, atomically."""
        from safetensors.torch import save

        data = save({k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()})
        with replacing(Path(path)) as part:
            part.write_bytes(data)

    @classmethod
    def load(cls, path: Path) -> "PcaCodec":
        """Read what ``save`` wrote. Raises WeightsError when it is something else."""
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise WeightsError(
                f"{path} is not a readable safetensors file ({error}); fit or fetch the codec again"
            ) from error
        return cls.from_tensors(tensors, where=str(path))

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], *, where: str) -> "PcaCodec":
        """Build from a state dictionary, every shape checked (also for codecs inside checkpoints)."""
        got = {name: tuple(t.shape) for name, t in tensors.items()}
        dim = got.get("basis", (0,))[0]
        want = {"mean": (PAIR,), "basis": (dim, PAIR), "scale": (dim,)}
        if got != want or dim < 1 or any(t.dtype != torch.float32 for t in tensors.values()):
            raise WeightsError(
                f"{where} holds {got}, a codec needs float32 mean ({PAIR},), basis (C, {PAIR}) and "
                "scale (C,); point to a codec file written by multigen"
            )
        return cls(tensors["mean"], tensors["basis"], tensors["scale"])


def _pairs(mel: np.ndarray) -> np.ndarray:
    """[80, M] -> [M // 2, 160]: frame 2l, then frame 2l + 1."""
    even = mel.shape[1] // 2 * 2
    return mel[:, :even].T.reshape(-1, PAIR)


def _any_smooth_spectrum() -> Float[np.ndarray, "160 160"]:
    """Covariance of a spectrum of which one only knows that bands and frames resemble neighbours."""
    band = np.arange(MEL_16K.n_mels)
    over_bands = np.exp(-np.abs(band[:, None] - band) / _SMOOTH_BANDS)
    over_frames = np.array([[1.0, _SMOOTH_FRAMES], [_SMOOTH_FRAMES, 1.0]])
    return _SMOOTH_VARIANCE * np.kron(over_frames, over_bands)


def _principal(
    covariance: np.ndarray, mean: np.ndarray, dim: int
) -> tuple[Float[np.ndarray, "C 160"], Float[np.ndarray, " C"]]:
    """Orthonormal axes (rows) that contain silence - mean, and the standard deviations on them."""
    quiet = MEL_16K.silence - mean
    length = np.linalg.norm(quiet)
    axis = quiet / length if length > 1e-9 else np.eye(PAIR)[0]
    rest = np.eye(PAIR) - np.outer(axis, axis)
    _, vectors = np.linalg.eigh(rest @ (covariance + _any_smooth_spectrum()) @ rest)
    kept = np.vstack([axis, vectors.T[::-1][: dim - 1]])
    kept = np.linalg.qr(kept.T)[0].T
    # Turn inside the kept subspace: the same space, now without correlations, loudest axis first.
    variances, turn = np.linalg.eigh(kept @ covariance @ kept.T)
    order = np.argsort(variances)[::-1]
    basis = turn.T[order] @ kept
    # An eigenvector's sign is arbitrary; fix it so that equal data give equal files.
    basis *= np.sign(basis[np.arange(dim), np.abs(basis).argmax(1)])[:, None]
    return basis, np.sqrt(np.maximum(variances[order], _LEAST_STD**2))
