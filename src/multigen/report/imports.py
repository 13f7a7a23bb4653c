"""The summary page of an import: what was kept, what was refused, and why.

Reads:  a folder made by a ``corpus import`` command.   Makes: ``import.html``, self-contained.
Used by: cli.corpus. Pages stay small: of each verdict at most ``MOST`` clips are shown, spread over
the list; ``import.json`` has them all.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from ..audio.imports import VERDICTS, Verdict, read_verdicts
from ..files import replacing
from .pages import _TEMPLATES, _embed

MOST = 60
MEANINGS = {
    "kept": "Clips to learn from.",
    "silent": "Nothing is loud enough to be heard.",
    "clipped": "The recording was too loud for its microphone.",
    "static": "The picture stands still: a slide, a cover, a covered lens.",
    "speech": "A voice leads the clip: harmonics of a voice's pitch at the rhythm of syllables.",
    "short": "Less than a second of picture and sound together.",
    "unusable": "No sound, or a damaged file.",
}


def import_report(out: Path, *, notes: Sequence[str] = ()) -> Path:
    """``out/import.html``: counts, then every kind of verdict with frames, mel picture and reason.

    ``notes``: what was left out before it was looked at. Raises FormatError when ``out`` is no import.
    """
    imported = read_verdicts(out)
    groups: dict[str, list[Verdict]] = {name: [] for name in MEANINGS}
    for verdict in imported.verdicts:
        groups[verdict.why or "kept"].append(verdict)
    html = _TEMPLATES.get_template("import.html.j2").render(
        title=f"Import {Path(out).resolve().name}",
        counts=imported.counts,
        minutes=sum(c.duration_s for c in imported.clips) / 60,
        groups=[
            (name, MEANINGS[name], len(found), [_card(Path(out), v) for v in _spread(found)])
            for name, found in groups.items()
            if found
        ],
        notes=list(notes),
    )
    page = Path(out) / "import.html"
    with replacing(page) as part:
        part.write_text(html, encoding="utf-8")
    return page


def _spread(verdicts: list[Verdict]) -> list[Verdict]:
    """At most MOST of them, evenly over the list."""
    if len(verdicts) <= MOST:
        return verdicts
    return [verdicts[i] for i in np.linspace(0, len(verdicts) - 1, MOST).round().astype(int)]


def _card(out: Path, verdict: Verdict) -> dict[str, Any]:
    frames, sound = (out / VERDICTS / f"{verdict.id}{suffix}" for suffix in (".jpg", ".png"))
    return {
        "verdict": verdict,
        "frames": _embed(frames.read_bytes(), "image/jpeg") if frames.is_file() else None,
        "sound": _embed(_coloured(sound), "image/png") if sound.is_file() else None,
    }


def _coloured(path: Path) -> bytes:
    """The grey mel picture in the colours of the other pages' spectrograms."""
    with Image.open(path) as image:
        level = np.asarray(image.convert("L"))
    colours = (255 * mpl.colormaps["magma"](level)[..., :3]).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colours).save(buffer, format="PNG")
    return buffer.getvalue()
