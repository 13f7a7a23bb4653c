"""When an imported clip is refused: the thresholds, as options of the corpus commands.

Reads:  nothing.   Makes: Limits.   Used by: fitness, imports, cli.corpus. Costs nothing to load.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Thresholds of ``fitness``, each where the two sides of ``tests/test_imports.py`` lie well apart."""

    silent_db: float = -60.0
    """Loudest 0.1 s, dB re full scale."""
    clipped_share: float = 0.001
    """Samples at full scale."""
    still_share: float = 0.1
    """Least share of 0.2 s steps in which something moves."""
    moving_levels: float = 3.0
    """Grey levels by which the one per cent of cells that changes most must change."""
    voiced_share: float = 0.15
    """Of the loud frames, those with a voice's harmonics ..."""
    syllabic_share: float = 0.3
    """... together with this share of the loudness modulation (0.5-20 Hz) lying at 2-8 Hz."""
    voice_peak: float = 4.0
    """Cepstral peak over the frame's own cepstral spread that counts as voiced (noise: 4.0 in < 1 %)."""
