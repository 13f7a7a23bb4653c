"""Mel spectrogram to sound: magnitudes from mel bands, phases from shaped noise.

Comes in:  log10 mel [80, M] at 16 kHz (a recording's, or one a sound model drew) and a generator.
Goes out:  float32 samples, 256 per mel frame, all at once (``mel_to_wave``) or block by block
           (``StreamingPhase``: what was given out never changes).
Used by:   the sound model's generator and its ears.

Poured liquid is noise-like, so the start is white noise shaped by the mel envelope: every bin then
has the natural (Rayleigh) flicker that smooth magnitudes lack. What remains is that the random
flicker adds to the one already in the mel. Each iteration measures the mel of the present sound,
scales every bin by what its bands lack, and goes back to a waveform (Griffin & Lim 1984, with the
projection onto a mel spectrogram in place of the one onto magnitudes).
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from .mel import MEL_16K, mel_matrix

HOP = MEL_16K.hop
_FFT = MEL_16K.n_fft
_OVERLAP = _FFT // HOP
ITERATIONS = 8
"""More buys little: see benchmarks/codec.py."""
_MOMENTUM = 0.9
_BEHIND = _OVERLAP - 1
"""Frames behind the present that a continued wave is made consistent with."""
_HELD = _OVERLAP // 2
"""Frames ahead of the present that reach into it."""
_FADE = 128
"""Samples (8 ms)."""
_GATE = (-4.9, -4.6)
"""log10 mel: silence below the first, fully open above the second (-98 to -92 dBFS of noise)."""


@lru_cache
def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """Mel matrix B [80, 513]; spread S [513, 80] of bands over bins, rows summing to 1; window.

    S takes each bin's value as the average of the bands it lies in, weighted by the triangles; bins
    outside every triangle (0 and 8000 Hz) stay empty.
    """
    matrix = torch.from_numpy(mel_matrix(MEL_16K))
    peak_one = matrix / matrix.amax(1, keepdim=True)
    total = peak_one.sum(0).clamp(min=1e-9)
    return matrix, (peak_one / total).T.contiguous(), torch.hann_window(_FFT)


def _frames(padded: Float[Tensor, " P"]) -> Float[Tensor, "M bins"]:
    """Spectra of the frames of a padded signal, P = (M + 3) * 256."""
    window = _matrices()[2]
    return torch.fft.rfft(padded.unfold(0, _FFT, HOP) * window)


def _overlap_add(spectra: Float[Tensor, "M bins"]) -> Float[Tensor, " P"]:
    """Least-squares inverse of ``_frames``: windowed overlap-add over the summed squared window."""
    window = _matrices()[2]
    blocks = (torch.fft.irfft(spectra, _FFT) * window).view(len(spectra), _OVERLAP, HOP)
    weights = window.square().view(_OVERLAP, HOP)
    out = blocks.new_zeros(len(spectra) + _OVERLAP - 1, HOP)
    norm = torch.zeros_like(out)
    for part in range(_OVERLAP):
        out[part : part + len(spectra)] += blocks[:, part]
        norm[part : part + len(spectra)] += weights[part]
    return (out / norm.clamp(min=1e-2)).reshape(-1)


def band_magnitudes(mel: Float[Tensor, "80 M"]) -> Float[Tensor, "M 80"]:
    """Linear mel magnitudes, faded to exactly zero below the gate."""
    gate = ((mel - _GATE[0]) / (_GATE[1] - _GATE[0])).clamp(0, 1)
    return (10.0 ** mel.clamp(-5, 2) * gate).T.contiguous()


def bin_magnitudes(bands: Float[Tensor, "M 80"], iterations: int = 12) -> Float[Tensor, "M bins"]:
    """Non-negative magnitudes whose mel is ``bands``: multiplicative updates (Lee & Seung 2001)
    from the interpolated envelope, which keep it smooth where the bands say nothing."""
    matrix, spread, _ = _matrices()
    gain = 1 / matrix.sum(1)
    bins = (bands * gain) @ spread.T
    above = bands @ matrix
    for _ in range(iterations):
        bins = bins * above / ((bins @ matrix.T) @ matrix).clamp(min=1e-12)
    return bins


def _project(spectra: Tensor, bands: Tensor) -> Tensor:
    """Scale every bin by what its bands lack, so that the mel of the frames becomes ``bands``."""
    matrix, spread, _ = _matrices()
    have = spectra.abs() @ matrix.T
    gain = (bands / have.clamp(min=1e-8)).clamp(max=1e3)
    return spectra * (gain @ spread.T)


def _settle(spectra: Tensor, bands: Tensor, iterations: int, past: Tensor | None = None) -> Tensor:
    """Padded signal whose frames have the mel ``bands``, from a first guess of the spectra.

    Alternating projections with momentum (Perraudin, Balazs & Sondergaard 2013). ``past``: samples
    at the start that are already out; every round puts them back.
    """
    before = spectra
    signal = _overlap_add(spectra)
    for _ in range(iterations):
        if past is not None:
            signal[: len(past)] = past
        now = _frames(signal)
        spectra = _project(now + _MOMENTUM * (now - before), bands)
        before = now
        signal = _overlap_add(spectra)
    return signal


def mel_to_wave(
    mel: Float[Tensor, "80 M"], *, generator: torch.Generator, iterations: int = ITERATIONS
) -> Float[Tensor, " N"]:
    """Sound of a log10 mel spectrogram, N = 256 M samples at 16 kHz, not clipped.

    Silent mel (below about -98 dBFS) gives exact zeros. Same generator state, same samples.
    """
    bands = band_magnitudes(mel)
    noise = torch.randn((len(bands) + _OVERLAP - 1) * HOP, generator=generator)
    guess = _project(_frames(noise) * bin_magnitudes(bands), bands)
    signal = _settle(guess, bands, iterations)
    return signal[MEL_16K.pad : MEL_16K.pad + len(bands) * HOP].clone()


class StreamingPhase:
    """Sound block by block: every call continues the wave, nothing already given out changes.

    A frame reaches 512 samples to both sides of its centre, and a listener cannot wait for the next
    one. So the newest frame is held for what is still to come; when the truth arrives, only the
    samples not yet given out are drawn again, with the old ones fixed in every round and the first
    8 ms faded over from what had been foreseen. Equal blocks from equal generators give equal sound.
    """

    def __init__(self, generator: torch.Generator, *, iterations: int = ITERATIONS) -> None:
        self._generator = generator
        self._iterations = iterations
        # Silence before the beginning.
        self._bands = torch.zeros(_BEHIND, MEL_16K.n_mels)
        self._past = torch.zeros(_BEHIND * HOP + MEL_16K.pad)
        # White noise under the frames kept, the held ones and the three blocks the last one spans.
        self._noise = torch.randn((_BEHIND + _HELD + _OVERLAP - 1) * HOP, generator=generator)
        self._foreseen = torch.zeros(_FADE)

    def extend(self, mel: Float[Tensor, "80 M"]) -> Float[Tensor, " N"]:
        """The next 256 M samples, of M >= 1 further frames of log10 mel."""
        new = band_magnitudes(mel)
        length = len(new) * HOP
        bands = torch.cat([self._bands, new, new[-1:].expand(_HELD, -1)])
        more = torch.randn(length, generator=self._generator)
        noise = torch.cat([self._noise, more])
        guess = _project(_frames(noise) * bin_magnitudes(bands), bands)
        signal = _settle(guess, bands, self._iterations, self._past)
        wave = signal[len(self._past) :]
        fade = torch.linspace(0, 1, _FADE + 2)[1:-1]
        wave[:_FADE] = self._foreseen * (1 - fade) + wave[:_FADE] * fade
        out = wave[:length].clone()
        self._foreseen = wave[length : length + _FADE].clone()
        self._past = torch.cat([self._past, out])[-len(self._past) :]
        self._bands = torch.cat([self._bands, new])[-_BEHIND:]
        # Noise under a frame stays the same when the frame is drawn again.
        self._noise = noise[length:]
        return out
