"""Spectrograms of generated sounds beside the acoustics' own, with the resonance geometry predicts.

Reads:  cases of the sound benchmark.   Makes: a PNG.
Used by: benchmarks/sound.py. Nothing runs when this file is called by itself.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sound_pours import read_pour
from sound_rows import RATE, Case, air_celsius, wave_of

from multigen.audio.onset import true_onset_offset
from multigen.audio.plausibility import expected_pitch_hz
from multigen.report.figures import draw_spectrogram, png

TOP_HZ = 5000.0


def plot(path: Path, cases: Sequence[Case], ranks: Sequence[float], pictures: int = 6) -> None:
    """A column per pour, from the worst rank to the best; the rows are generated and acoustics."""
    order = np.argsort(ranks)
    chosen = order[np.unique(np.linspace(0, len(order) - 1, pictures).astype(int))]
    figure = Figure(figsize=(3.1 * len(chosen), 5.2), layout="constrained")
    axes = figure.subplots(2, len(chosen), sharex="col", squeeze=False)
    for column, i in zip(axes.T, chosen, strict=True):
        case = cases[i]
        trace, scene = read_pour(case.pours, case.key)
        n = len(trace) * RATE // trace.liquid_hz
        seconds = (np.arange(len(trace)) + 1) / trace.liquid_hz
        pitch = expected_pitch_hz(scene.receiver, trace.receiver_level_m, air_celsius(scene))
        onset, offset = true_onset_offset(trace)
        pours = (seconds >= (onset or 0)) & (seconds <= (offset or trace.duration_s))
        for ax, row in zip(column, ("generated", "acoustics"), strict=True):
            draw_spectrogram(ax, wave_of(case, row, n), RATE, TOP_HZ)
            ax.plot(seconds, np.where(pours, pitch, np.nan) / 1000, "w--", lw=1)
            for edge in (onset, offset):
                ax.axvline(edge, color="white", lw=0.7, ls=":")
            ax.set_title(f"{row}, rank {ranks[i]:.2f}" if row == "generated" else row, fontsize=8)
        column[0].set_title(
            f"{case.key}: {scene.receiver.kind}\n{column[0].get_title()}", fontsize=8
        )
        column[1].set_xlabel("s")
    figure.suptitle(
        "dashed: the lowest resonance of the air over the liquid; dotted: first and last arrival"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))
