"""Pictures of sound, liquid and scores.

Reads:  waveforms, label columns, summaries.   Makes: PNG bytes.   Used by: report.pages, docs.
"""

import io

import matplotlib as mpl
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from scipy.signal import spectrogram

from ..masks import colour_roles

mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})

BLUE, ORANGE, GREY = "#2b6cb0", "#dd6b20", "#718096"


def png(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def draw_spectrogram(ax, samples: Float[np.ndarray, " N"], rate: int, top_hz: float = 8000) -> None:
    """Level in dB (75 dB range below the clip's loudest bin) over time and frequency."""
    n = 512
    padded = np.pad(samples, (0, max(0, 2 * n - len(samples))))
    f, _, power = spectrogram(padded, rate, "hann", n, n * 3 // 4, scaling="spectrum")
    level = 10 * np.log10(power + 1e-12)
    top = max(level.max(), -60)
    ax.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=top - 75,
        vmax=top,
        extent=(0, len(samples) / rate, 0, f[-1] / 1000),
    )
    ax.set(ylim=(0, top_hz / 1000), ylabel="kHz")


def pour_figure(samples, rate: int, rows: dict[str, np.ndarray], *, fps: int, receiver_ml: float):
    """Spectrogram above, fill and flow below, on one time axis."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    top, low = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    draw_spectrogram(top, samples, rate)
    t = (np.arange(len(rows["label.receiver_ml"])) + 1) / fps
    low.plot(t, rows["label.source_ml"], color=GREY, lw=1.2, label="source")
    low.plot(t, rows["label.receiver_ml"], color=BLUE, lw=1.8, label="receiver")
    if rows["label.spilled_ml"].max() > 0.5:
        low.plot(t, rows["label.spilled_ml"], color="#c53030", lw=1.2, label="spilled")
    low.axhline(receiver_ml, color=BLUE, lw=0.8, ls=":", label="target")
    low.set(xlabel="s", ylabel="mL", xlim=(0, len(samples) / rate))
    flow = low.twinx()
    flow.fill_between(t, rows["label.flow_ml_s"], color=ORANGE, alpha=0.35, lw=0)
    flow.set_ylabel("mL/s", color=ORANGE)
    flow.spines["right"].set_visible(True)
    low.legend(loc="center left", frameon=False, ncols=2, fontsize=7)
    return figure


def spectrogram_pair(own, made, rate: int, labels: tuple[str, str]) -> Figure:
    """Two sounds of one clip on one axis; ``own`` may be None."""
    sounds = [(s, name) for s, name in zip((own, made), labels, strict=True) if s is not None]
    figure = Figure(figsize=(6.8, 1.9 * len(sounds)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(sounds), 1, sharex=True))
    for ax, (samples, name) in zip(axes, sounds, strict=True):
        draw_spectrogram(ax, samples, rate)
        ax.set_title(name, loc="left", fontsize=8)
    axes[-1].set_xlabel("s")
    return figure


def mask_strip(
    frames: UInt8[np.ndarray, "F H W 3"], roles: UInt8[np.ndarray, "F H W"], columns: int = 6
) -> UInt8[np.ndarray, "h w 3"]:
    """``columns`` moments of a clip: frames above, roles below."""
    picks = np.linspace(0, len(frames) - 1, columns + 2).round().astype(int)[1:-1]
    above = np.concatenate([frames[i] for i in picks], 1)
    below = np.concatenate([colour_roles(roles[i]) for i in picks], 1)
    return np.concatenate([above, below], 0)


def scatter(trials: list[dict]) -> Figure:
    """Poured against target, millilitres; the diagonal is perfect."""
    figure = Figure(figsize=(3.4, 3.2), layout="constrained")
    ax = figure.subplots()
    x, y = ([t[k] for t in trials] for k in ("target_ml", "poured_ml"))
    top = 1.08 * max([*x, *y, 1])
    ax.plot([0, top], [0, top], color=GREY, lw=0.8, ls=":")
    ax.scatter(x, y, s=18, color=BLUE, alpha=0.8)
    ax.set(xlim=(0, top), ylim=(0, top), xlabel="target, mL", ylabel="poured, mL", aspect="equal")
    return figure


def forest(rows: list[tuple[str, dict]]) -> Figure:
    """Mean NMAE and 95 % interval of each contestant."""
    figure = Figure(figsize=(5.2, 0.34 * len(rows) + 0.7), layout="constrained")
    ax = figure.subplots()
    for i, (_, s) in enumerate(rows[::-1]):
        lo, hi = s["ci95"]
        ax.plot([lo, hi], [i, i], color=BLUE if i == len(rows) - 1 else GREY, lw=2)
        ax.plot(s["mean"], i, "o", color=BLUE if i == len(rows) - 1 else GREY, ms=5)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows[::-1]])
    ax.set(xlabel="NMAE (0 is perfect)", xlim=(0, None))
    return figure
