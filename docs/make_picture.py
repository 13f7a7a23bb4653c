"""The README's picture: frames of one generated pour, its masks, its spectrogram.

    .venv/bin/python docs/make_picture.py out/demo/dataset [--episode 0]

Reads a dataset made by this software; writes docs/picture.png.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from multigen.dataset import Dataset
from multigen.masks import colour_roles
from multigen.report.figures import draw_spectrogram, png


def main() -> None:
    """Write docs/picture.png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--episode", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/picture.png"))
    args = parser.parse_args()
    dataset = Dataset(args.dataset)
    clip, samples, rows = (
        dataset.clip(args.episode),
        dataset.sound(args.episode),
        dataset.rows(args.episode),
    )
    duration = len(samples) / dataset.clock.audio_hz
    moments = np.linspace(0.08, 0.97, 7) * duration
    figure = Figure(figsize=(10.5, 4.9), layout="constrained")
    grid = figure.add_gridspec(3, len(moments), height_ratios=(1, 1, 1.15))
    for column, t in enumerate(moments):
        f = int(t * clip.fps)
        for line, image in enumerate((clip.rgb[f], colour_roles(clip.roles[f]))):
            ax = figure.add_subplot(grid[line, column])
            ax.imshow(image)
            ax.set_axis_off()
            if line == 0:
                ax.set_title(f"{t:.1f} s", fontsize=8)
    ax = figure.add_subplot(grid[2, :])
    draw_spectrogram(ax, samples, dataset.clock.audio_hz)
    ax.set_xlabel("s: the sound generated from these frames and masks; line: millilitres landed")
    fill = ax.twinx()
    landed = rows["label.receiver_ml"].reshape(-1)
    fill.plot(
        (np.arange(len(landed)) + 1) / dataset.clock.control_hz, landed, color="white", lw=1.5
    )
    fill.set(ylabel="mL", ylim=(0, None))
    fill.spines["right"].set_visible(True)
    args.out.write_bytes(png(figure, dpi=130))


if __name__ == "__main__":
    main()
