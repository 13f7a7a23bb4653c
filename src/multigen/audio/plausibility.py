"""Does a sound belong to this container and this flow? Checks that know geometry, not synthesis.

Reads:  samples, PourTrace, Vessel.   Makes: a rank, a ridge, a correlation.
Used by: metrics (re-exported), benchmark, report. Never imports the acoustics: the pitch here comes
from a finite-volume eigenvalue problem, there from a chain of cylinders.
Definitions: field notes F.1 (matched track), F.2 (ridge), F.4 (loudness against flow).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numba import njit
from scipy.linalg import eigh_tridiagonal
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import stft
from scipy.stats import spearmanr

from ..errors import ClockError
from ..types import PourTrace, Vessel
from ..types.vessel import Profile
from .onset import POURING_ML_S
from .waveform import at_rms

RATE = 16_000
WINDOW, STEP = 2048, 640
LOW_HZ, HIGH_HZ, BINS = 300.0, 6000.0, 260
END_CORRECTION = 0.61
RIDGE_HZ = (400.0, 3500.0)
"""Where ``ridge_hz`` looks."""
TRACKED = 0.08
"""A ridge this near to the geometry's pitch (relative) is taken to be that resonance."""
FEWEST_FRAMES = 12
"""Half a second: less of a resonance gives no error worth a number."""


def sound_speed_m_s(celsius: float) -> float:
    """Ideal gas: ``331.3 sqrt(1 + T/273.15)``."""
    return 331.3 * float(np.sqrt(1 + celsius / 273.15))


def expected_pitch_hz(
    receiver: Vessel, level_m: Float[np.ndarray, " n"], celsius: float = 20.0
) -> Float[np.ndarray, " n"]:
    """Lowest resonance of the air above ``level_m``: ``c / (4 (L + 0.61 R))`` for a cylinder.

    Other profiles: smallest eigenvalue of Webster's equation ``(S p')' + k^2 S p = 0``, closed at
    the liquid, p = 0 at 0.61 R beyond the mouth. A bottle's is its Helmholtz resonance.
    """
    level, k = _wavenumbers(receiver.inner)
    return np.interp(level_m, level, k) * sound_speed_m_s(celsius) / (2 * np.pi)


@lru_cache(maxsize=512)
def _wavenumbers(inner: Profile) -> tuple[np.ndarray, np.ndarray]:
    z, r = np.array(inner, float).T
    depth, mouth = z[-1] - z[0], r[-1]
    levels = np.linspace(0, depth, 49)
    k = np.empty(len(levels))
    for i, level in enumerate(levels):
        edges = np.linspace(level, depth + END_CORRECTION * mouth, 161)
        h = edges[1] - edges[0]
        # cell centres hold p, edges hold S; the last edge is open (p = 0 half a cell further)
        area_edge = np.interp(edges, z - z[0], r) ** 2
        area = np.interp(edges[:-1] + h / 2, z - z[0], r) ** 2
        flux = area_edge / h
        diagonal = np.concatenate([[0.0], flux[1:-1]]) + np.append(flux[1:-1], 2 * flux[-1])
        mass = np.sqrt(area * h)
        eigen = eigh_tridiagonal(
            diagonal / mass**2, -flux[1:-1] / (mass[1:] * mass[:-1]),
            eigvals_only=True, select="i", select_range=(0, 0),
        )  # fmt: skip
        k[i] = np.sqrt(eigen[0])
    return levels, k


def whitened_spectrogram(wave: Float[np.ndarray, " N"]) -> Float[np.ndarray, "bins frames"]:
    """F.1 steps 1-2: log power on 260 log-spaced bins, colour and stationary lines removed."""
    if len(wave) < WINDOW:
        raise ClockError(f"{len(wave)} samples are too short; a track needs at least {WINDOW}")
    f, _, z = stft(at_rms(wave), RATE, nperseg=WINDOW, noverlap=WINDOW - STEP)
    power = gaussian_filter1d(np.abs(z) ** 2, 4, axis=1)
    grid = np.geomspace(LOW_HZ, HIGH_HZ, BINS)
    i = np.clip(np.searchsorted(f, grid) - 1, 0, len(f) - 2)
    share = ((grid - f[i]) / (f[i + 1] - f[i]))[:, None]
    log = np.log((1 - share) * power[i] + share * power[i + 1] + 1e-12)
    log -= gaussian_filter1d(log, 25, axis=0)
    return log - log.mean(axis=1, keepdims=True)


def matched_track_rank(
    wave: Float[np.ndarray, " N"],
    trace: PourTrace,
    receiver: Vessel,
    others: Sequence[tuple[PourTrace, Vessel]],
    celsius: float = 20.0,
) -> float:
    """Share of ``others`` whose resonance track finds less energy in this sound than the true one.

    1: the sound has its energy where THIS container's geometry says; about 0.5: it could be any.
    ``wave`` at 16 kHz; ``others`` at least 40 pairs for a useful rank, each pour's track stretched
    to this pour's time span, so that only pitch is compared. Ties count half. Raises ClockError
    without others or when nothing lands in the receiver, MediaError for silence.
    """
    if not others:
        raise ClockError("a rank needs other pours to compare with; give at least 40")
    image = whitened_spectrogram(wave)
    frames = _pour_frames(trace, image.shape[1])
    own = _track_score(image, frames, _track(trace, receiver, len(frames), celsius))
    rest = np.array(
        [_track_score(image, frames, _track(t, v, len(frames), celsius)) for t, v in others]
    )
    return float(np.mean(rest < own) + 0.5 * np.mean(rest == own))


def _pour_frames(trace: PourTrace, n_frames: int) -> np.ndarray:
    """STFT frames between first and last arrival."""
    rows = np.flatnonzero(trace.flow_in_ml_s > POURING_ML_S)
    if not len(rows):
        raise ClockError("nothing lands in the receiver, so there is no track to look for")
    t = np.arange(n_frames) * STEP / RATE
    inside = (t >= rows[0] / trace.liquid_hz) & (t <= (rows[-1] + 1) / trace.liquid_hz)
    return np.flatnonzero(inside)


def _track(trace: PourTrace, receiver: Vessel, n: int, celsius: float) -> np.ndarray:
    """Expected pitch at ``n`` moments from first to last arrival."""
    rows = np.flatnonzero(trace.flow_in_ml_s > POURING_ML_S)
    first, last = (rows[0], rows[-1]) if len(rows) else (0, len(trace) - 1)
    level = np.interp(np.linspace(first, last, n), np.arange(len(trace)), trace.receiver_level_m)
    return expected_pitch_hz(receiver, level, celsius)


def _track_score(image: np.ndarray, frames: np.ndarray, hz: np.ndarray) -> float:
    """F.1 step 3: mean over frames of the five bins around the track."""
    position = np.log(hz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ) * (BINS - 1)
    centre = np.clip(np.round(position).astype(int), 2, BINS - 3)
    return float(np.mean([image[centre + d, frames] for d in range(-2, 3)]))


def flow_loudness(
    wave: Float[np.ndarray, " N"], trace: PourTrace, sample_rate: int = RATE
) -> float | None:
    """F.4: Spearman of log energy (200-6000 Hz, 200 ms frames) with mean flow inside the pour.

    0.3 s are left out at both ends. None when fewer than 8 frames remain, when the flow varies by
    less than 10 % (standard deviation over mean), or when nothing is heard: not measurable.
    """
    rows = np.flatnonzero(trace.flow_in_ml_s > POURING_ML_S)
    if not len(rows):
        return None
    begin = rows[0] / trace.liquid_hz + 0.3
    end = (rows[-1] + 1) / trace.liquid_hz - 0.3
    n = int((min(end, len(wave) / sample_rate) - begin) / 0.2)
    if n < 8:
        return None
    energy, flow = np.empty(n), np.empty(n)
    for i in range(n):
        t = begin + 0.2 * i
        part = np.asarray(wave[int(t * sample_rate) : int((t + 0.2) * sample_rate)], np.float64)
        f = np.fft.rfftfreq(len(part), 1 / sample_rate)
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        energy[i] = np.log(spectrum[(f >= 200) & (f <= 6000)].sum() + 1e-12)
        flow[i] = trace.flow_in_ml_s[
            int(t * trace.liquid_hz) : int((t + 0.2) * trace.liquid_hz)
        ].mean()
    if flow.std() < 0.1 * flow.mean() or np.ptp(energy) < 1e-9:
        return None
    return float(spearmanr(energy, flow).statistic)


def pitch_errors(
    wave: Float[np.ndarray, " N"], trace: PourTrace, receiver: Vessel, celsius: float = 20.0
) -> Float[np.ndarray, " frames"]:
    """F.2: ``|ridge / expected - 1|`` per frame of 40 ms; NaN where nothing lands or the expected
    pitch is outside RIDGE_HZ. ``celsius``: of the receiver's air. Raises MediaError for silence."""
    seconds, ridge = ridge_hz(wave)
    ends = (np.arange(len(trace)) + 1) / trace.liquid_hz
    level = np.interp(seconds, ends, trace.receiver_level_m)
    expected = expected_pitch_hz(receiver, level, celsius)
    flow = np.interp(seconds, ends, trace.flow_in_ml_s, right=0.0)
    there = (flow > POURING_ML_S) & (expected > RIDGE_HZ[0]) & (expected < RIDGE_HZ[1])
    return np.where(there, np.abs(ridge / expected - 1), np.nan)


def pitch_error(
    wave: Float[np.ndarray, " N"],
    guide: Float[np.ndarray, " N"],
    trace: PourTrace,
    receiver: Vessel,
    celsius: float = 20.0,
) -> float | None:
    """Median of ``pitch_errors`` over the frames in which a resonance can be tracked at all.

    Those are the frames in which ``guide``, an independent take of what this pour truly sounds
    like, has its ridge within TRACKED of the geometry's pitch: whether a frame counts does not
    depend on ``wave``. None where they are fewer than FEWEST_FRAMES. Raises ClockError for unequal
    lengths, MediaError for silence.
    """
    if len(wave) != len(guide):
        raise ClockError(
            f"the sound has {len(wave)} samples, its guide {len(guide)}; "
            "cut or pad with audio.waveform.fit"
        )
    can = pitch_errors(guide, trace, receiver, celsius) < TRACKED
    if can.sum() < FEWEST_FRAMES:
        return None
    return float(np.median(pitch_errors(wave, trace, receiver, celsius)[can]))


def ridge_hz(
    wave: Float[np.ndarray, " N"], low_hz: float = RIDGE_HZ[0], high_hz: float = RIDGE_HZ[1]
) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, " frames"]]:
    """F.2: (seconds, hertz) of the strongest rising path, found by dynamic programming.

    Per-frame standardised log spectrogram, smoothed by 12 frames and 3 bins; a step of -1..+2 bins
    of 7.8 Hz per frame costs 0.15 per bin. A smooth path is drawn through noise as well: judge it
    by its pitch beside controls, never by its smoothness.
    """
    f, t, z = stft(at_rms(wave), RATE, nperseg=WINDOW, noverlap=WINDOW - STEP)
    keep = (f >= low_hz) & (f <= high_hz)
    log = uniform_filter1d(np.log(np.abs(z[keep]) ** 2 + 1e-12), 3, axis=0, mode="nearest")
    log = uniform_filter1d(log, 12, axis=1, mode="nearest")
    log = (log - log.mean(axis=0)) / (log.std(axis=0) + 1e-9)
    return t, f[keep][_best_path(np.ascontiguousarray(log.T))]


@njit(cache=True)
def _best_path(score):
    frames, bins = score.shape
    total = score[0].copy()
    back = np.zeros((frames, bins), np.int64)
    for n in range(1, frames):
        new = np.empty(bins)
        for b in range(bins):
            best, at = -1e300, b
            for step in range(-1, 3):
                a = b - step
                if 0 <= a < bins and total[a] - 0.15 * abs(step) > best:
                    best, at = total[a] - 0.15 * abs(step), a
            new[b], back[n, b] = best + score[n, b], at
        total = new
    path = np.empty(frames, np.int64)
    path[-1] = np.argmax(total)
    for n in range(frames - 1, 0, -1):
        path[n - 1] = back[n, path[n]]
    return path
