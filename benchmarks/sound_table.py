"""What is asked of a generated sound, the numbers with their intervals, and the table on screen.

Reads:  values per pour and row.   Makes: summaries, a rich table.
Used by: benchmarks/sound.py. Nothing runs when this file is called by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rich.table import Table
from sound_rows import CONTROLS

Values = Mapping[str, Mapping[str, Sequence[float | None]]]
"""{row: {metric: one value per pour}}."""


@dataclass(frozen=True)
class Metric:
    """One line of the table."""

    name: str
    title: str
    statistic: Literal["median", "p90", "mean", "ratio"]
    """Over pours; 'p90': the 90th percentile; 'ratio': of the means, to another row's."""
    low: float | None = None
    high: float | None = None
    """Asked: at least, at most."""
    shape: str = "{:.2f}"
    of: str = ""
    """The metric whose values it takes, if not its own."""
    against: str = ""
    """'ratio': the row it divides by."""
    controls: tuple[float, float] | None = None
    """Asked of every negative control."""
    definition: str = ""

    @property
    def source(self) -> str:
        return self.of or self.name

    @property
    def asked(self) -> str:
        parts = [f"≥ {self.shape.format(self.low)}"] if self.low is not None else []
        parts += [f"≤ {self.shape.format(self.high)}"] if self.high is not None else []
        if self.controls:
            parts.append(f"controls {self.controls[0]:g}–{self.controls[1]:g}")
        return "\n".join(parts) or "–"

    def holds(self, value: float) -> bool | None:
        """Pass or miss; None where nothing is asked."""
        if self.low is None and self.high is None:
            return None
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


_WHOLE = "{:.0f}"
METRICS = (
    Metric("onset_ms", "onset off by, ms", "median", shape=_WHOLE, high=60,
           definition="|heard - first arrival in the receiver|, threshold at 10 % of the loud; "
           "not heard counts as the whole clip"),
    Metric("offset_ms", "offset off by, ms", "median", shape=_WHOLE, high=100,
           definition="|heard - last arrival in the receiver|, likewise"),
    Metric("onset_beside_ms", "… from the acoustics' as heard", "median", shape=_WHOLE, high=60,
           definition="|heard - heard in the acoustics' first take|, where that is heard"),
    Metric("offset_beside_ms", "… offset likewise", "median", shape=_WHOLE, high=100,
           definition="|heard - heard in the acoustics' first take|, where that is heard"),
    Metric("rank", "resonance where geometry says, rank", "mean", low=0.95, shape="{:.3f}",
           controls=(0.3, 0.7),
           definition="matched track: share of other pours' tracks with less energy in this sound"),
    Metric("pitch_error", "resonance off by, share", "median", high=0.05, shape="{:.3f}",
           definition="|ridge / geometry - 1|, median over frames in which a third take of the "
           "acoustics is tracked within 8 %; pours with half a second of them"),
    Metric("loudness", "loudness follows flow, Spearman", "mean",
           definition="log energy 200-6000 Hz against flow, 0.2 s frames, 0.3 s inside the pour; "
           "pours of modulated flow"),
    Metric("loudness_ratio", "… of the acoustics' own", "ratio", low=0.9, of="loudness",
           against="acoustics", definition="ratio of the means over the same pours"),
    Metric("lsd", "LSD", "mean",
           definition="log-spectral distance to the acoustics' first take (audio.metrics)"),
    Metric("lsd_ratio", "… of the second take's", "ratio", high=1.15, of="lsd",
           against="second take", definition="ratio of the means over the same pours"),
    Metric("level_db", "level where nothing pours, dB", "median", high=-35, shape="{:.0f}",
           definition="RMS at least 0.3 s from any flow, re the same sound's RMS while it pours; "
           "a fizzing liquid's only before it pours; -120 is silence"),
    Metric("level_p90_db", "… its 90th percentile", "p90", shape=_WHOLE, of="level_db",
           definition="one pour in ten is louder than this there; a median hides rare false sounds"),
    Metric("false_sound", "false sounds, share of pours", "mean",
           definition="at least 0.2 s above -25 dB re the pour in those stretches"),
    Metric("never_level_db", "level of clips without a pour, dB", "median", high=-35, shape="{:.0f}",
           definition="RMS re the row's median RMS while it pours"),
    Metric("never_false_sound", "false sounds, share of those", "mean",
           definition="at least 0.2 s above -25 dB re the row's median RMS while it pours"),
)  # fmt: skip


def summarise(values: Values, *, seed: int = 0, resamples: int = 1000) -> dict[str, dict]:
    """``{metric: {row: {value, ci95, n}}}``: statistics over pours, seeded 95 % bootstraps."""
    table: dict[str, dict] = {}
    for metric in METRICS:
        cells: dict[str, dict] = {}
        for row, found in values.items():
            pairs = _pairs(metric, row, found, values)
            if len(pairs):
                rng = np.random.default_rng(seed)
                cells[row] = _cell(metric, pairs, rng, resamples)
        if cells:
            table[metric.name] = cells
    return table


def _pairs(metric: Metric, row: str, found: Mapping, values: Values) -> np.ndarray:
    """[pours, 1], or [pours, 2] with the other row's value beside; pours where all exist."""
    columns = [found.get(metric.source, ())]
    if metric.statistic == "ratio":
        columns.append(values.get(metric.against, {}).get(metric.source, ()))
    kept = [pair for pair in zip(*columns, strict=False) if None not in pair]
    return np.array(kept, float).reshape(-1, len(columns))


def _cell(metric: Metric, pairs: np.ndarray, rng: np.random.Generator, resamples: int) -> dict:
    def statistic(x: np.ndarray):
        """Over the last axis but one."""
        if metric.statistic == "median":
            return np.median(x[..., 0], axis=-1)
        if metric.statistic == "p90":
            return np.percentile(x[..., 0], 90, axis=-1)
        mean = x.mean(axis=-2)
        return mean[..., 0] if metric.statistic == "mean" else mean[..., 0] / mean[..., 1]

    drawn = statistic(pairs[rng.integers(len(pairs), size=(resamples, len(pairs)))])
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"value": float(statistic(pairs)), "ci95": [float(low), float(high)], "n": len(pairs)}


def verdicts(table: Mapping[str, dict], row: str = "generated") -> dict[str, bool | None]:
    """Pass, miss or not asked per metric measured in ``row``, and ``controls`` for the negative controls' ranks."""
    out = {
        m.name: m.holds(table[m.name][row]["value"])
        for m in METRICS
        if row in table.get(m.name, {})
    }
    for m in METRICS:
        if m.controls and set(CONTROLS) <= set(table.get(m.name, ())):
            low, high = m.controls
            out["controls"] = all(low <= table[m.name][c]["value"] <= high for c in CONTROLS)
    return out


def show(table: Mapping[str, dict], rows: Sequence[str], title: str, judged: str) -> Table:
    """Metrics down, rows across; below each value its interval."""
    screen = Table(title=title, caption="below: 95 % bootstrap interval over pours", pad_edge=False)
    for head in ("", "asked", "", *rows):
        screen.add_column(head, justify="left" if head == "" else "right")
    found = verdicts(table, judged)
    marks = {True: "[green]pass[/]", False: "[red]miss[/]", None: ""}
    for metric in METRICS:
        if metric.name not in table:
            continue
        cells = table[metric.name]
        mark = marks[found.get(metric.name)]
        if metric.controls:
            mark += "\n" + marks[found.get("controls")]
        shown = [_shown(metric, cells.get(row)) for row in rows]
        screen.add_row(metric.title, metric.asked, mark, *shown)
    return screen


def _shown(metric: Metric, cell: dict | None) -> str:
    if cell is None:
        return "–"
    value, low, high = (metric.shape.format(x) for x in (cell["value"], *cell["ci95"]))
    return f"{value}\n[dim]{low} to {high}[/]"
