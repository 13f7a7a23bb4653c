"""Self-contained HTML: everything embedded, nothing fetched.

Reads:  a dataset, a benchmark folder, a demo folder.   Makes: report.html.   Used by: cli, pipeline.
"""

import base64
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from ..audio.onset import detect_onset_offset
from ..dataset import Dataset
from ..errors import FormatError
from ..files import probe, read_json, read_sound, replacing, write_video
from ..types import Waveform
from ..workers import progress_bar
from . import figures

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("multigen.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Pour:
    """What the page shows of one episode."""

    title: str
    video: str
    curves: str
    masks: str
    facts: list[tuple[str, str]]


def _embed(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _image(array: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="JPEG", quality=88)
    return _embed(buffer.getvalue(), "image/jpeg")


def _figure(figure) -> str:
    return _embed(figures.png(figure), "image/png")


def _video(frames: np.ndarray, fps: float, sound: Waveform) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pour.mp4"
        write_video(path, frames, fps, crf=22, sound=sound)
        return _embed(path.read_bytes(), "video/mp4")


def _pours(dataset: Dataset) -> list[Pour]:
    with progress_bar() as bar:
        shown = bar.add_task("report", total=len(dataset))
        pours = []
        for i in range(len(dataset)):
            pours.append(_pour(dataset, i))
            bar.advance(shown)
    return pours


def _pour(dataset: Dataset, i: int) -> Pour:
    one, rows, clip = dataset.episodes[i], dataset.rows(i), dataset.clip(i)
    clock, samples = dataset.clock, dataset.sound(i)
    onset, offset = detect_onset_offset(samples, clock.audio_hz)
    flowing = np.flatnonzero(rows["label.flow_ml_s"].reshape(-1) > 1)
    fps = clock.control_hz
    first = f"{flowing[0] / fps:.1f}–{(flowing[-1] + 1) / fps:.1f} s" if len(flowing) else "never"
    heard = f"{onset:.2f}–{offset:.2f} s" if onset is not None and offset is not None else "nothing"
    roles = clip.roles if clip.roles is not None else np.zeros(clip.rgb.shape[:3], np.uint8)
    figure = figures.pour_figure(
        samples,
        clock.audio_hz,
        {k: v.reshape(-1) for k, v in rows.items() if k.startswith("label.")},
        fps=fps,
        receiver_ml=one.target_ml,
    )
    facts = [
        ("poured", f"{one.poured_ml:.0f} of {one.target_ml:.0f} mL"),
        ("spilled", f"{one.spilled_ml:.1f} mL"),
        ("liquid flows", first),
        ("sound heard", heard),
        ("from", f"{one.scene.source.name} ({one.scene.source.material})"),
        ("into", f"{one.scene.receiver.name} ({one.scene.receiver.material})"),
        ("seed", str(one.seed)),
    ]
    return Pour(
        title=one.task,
        video=_video(clip.rgb, clip.fps, Waveform(clock.audio_hz, samples)),
        curves=_figure(figure),
        masks=_image(figures.mask_strip(clip.rgb, roles)),
        facts=facts,
    )


def _bench(report: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the page shows of a benchmark."""
    rows = [*report["policies"].items(), *report["baselines"].items()]
    labels = [
        (name, s["nmae"], s["spilled_share"]["mean"], s["completed"])
        for name, s in rows
        if s["nmae"]["n"]
    ]
    worst = sorted(report["trials"], key=lambda t: -t["nmae"])
    videos = []
    for t in worst[:10]:
        if t.get("video") and (folder / t["video"]).exists():
            videos.append((t, _embed((folder / t["video"]).read_bytes(), "video/mp4")))
    return {
        "rows": labels,
        "n": report["summary"]["nmae"]["n"],
        "forest": _figure(figures.forest([(name, s) for name, s, _, _ in labels])),
        "scatter": _figure(figures.scatter(report["trials"])),
        "trials": report["trials"],
        "videos": videos,
        "sound": report["sound"],
        "late": _late(report.get("latency", {})),
        "paper": report["paper"],
        "by_condition": _by_condition(report),
        "compared": [
            (name, c)
            for name, c in report.get("compared", {}).items()
            if name in report["policies"]
        ],
    }


def _by_condition(report: dict[str, Any]) -> dict[str, Any]:
    """Columns (policies, then the paper's) and one row of means per condition that was tried."""
    named = {name: s["by_condition"] for name, s in report["policies"].items()}
    paper = report.get("paper_by_condition", {})
    tried = list(next(iter(named.values())))
    rows = [(c, [named[n][c]["mean"] for n in named], [paper[n][c] for n in paper]) for c in tried]
    return {"columns": [*named, *(f"paper, {n}" for n in paper)], "rows": rows}


def _late(latency: dict[str, Any]) -> str:
    """What was late, in words; nothing where nothing was."""
    parts = [
        f"{name.removesuffix('_s')} {1000 * value:.0f} ms"
        for name, value in latency.items()
        if name.endswith("_s") and value
    ]
    known = "compensated" if latency.get("compensated") else "not compensated"
    return f"{', '.join(parts)}, {known}" if parts else ""


def _clip(folder: Path, original: Path | None) -> dict[str, Any] | None:
    """A real video's own sound beside the one it was given."""
    made_video, made_sound = folder / "clip.mp4", folder / "clip.wav"
    if not made_video.exists():
        return None
    made = read_sound(made_sound)
    own = None
    if original is not None and original.exists() and probe(original).has_sound:
        own = read_sound(original)
    times = {"given sound": detect_onset_offset(made.samples, made.sample_rate)}
    if own is not None:
        times["its own sound"] = detect_onset_offset(own.samples, own.sample_rate)
    figure = figures.spectrogram_pair(
        own.samples if own else None,
        made.samples,
        made.sample_rate,
        ("its own sound", "the sound it was given"),
    )
    return {
        "video": _embed(made_video.read_bytes(), "video/mp4"),
        "spectrograms": _figure(figure),
        "times": times,
        "duration_s": made.duration_s,
        "masks": read_json(folder / "clip.json")["masks"],
    }


def _write(out: Path, name: str = "report.html", **content: Any) -> Path:
    page = Path(out) / name
    blank = dict.fromkeys(("pours", "bench", "listen", "clip", "stages")) | {"small": False}
    html = _TEMPLATES.get_template("report.html.j2").render(**{**blank, **content})
    with replacing(page) as part:
        part.write_text(html)
    return page


def dataset_report(root: Path) -> Path:
    """``root/report.html``: every episode with its sound, spectrogram, curves and masks."""
    return _write(root, title=f"Dataset {Path(root).name}", pours=_pours(Dataset(root)))


def bench_report(out: Path, report: dict[str, Any]) -> Path:
    """``out/report.html``: the table, a forest plot, poured against target, the worst ten as videos."""
    return _write(out, title="Benchmark", bench=_bench(report, Path(out)))


def listen_report(out: Path, report: dict[str, Any]) -> Path:
    """``out/listen.html``: NMAE under every disturbance, and how much worse each trial became."""
    rows = list(report["disturbances"].items())
    shown = {
        "policy": report["policy"],
        "verdict": report["verdict"],
        "sound": report["sound"],
        "world": report["world"],
        "rows": rows,
        "forest": _figure(figures.forest(rows)),
    }
    return _write(out, name="listen.html", title="Is it listening?", listen=shown)


def demo_report(
    out: Path, *, bench: dict[str, Any], stages: dict[str, dict], clip: Path | None
) -> Path:
    """``out/report.html`` of the main job."""
    return _write(
        out,
        title="From a simulated pour to a policy that listens",
        pours=_pours(Dataset(out / "dataset")),
        bench=_bench(bench, out / "bench"),
        clip=_clip(out, clip),
        stages=stages,
        small=True,
    )


def report_folder(folder: Path) -> Path:
    """The page that fits what the folder holds. Raises FormatError when it holds nothing we know."""
    folder = Path(folder)
    if (folder / "meta" / "info.json").exists():
        return dataset_report(folder)
    if (folder / "report.json").exists():
        return bench_report(folder, read_json(folder / "report.json"))
    if (folder / "journal.json").exists() and (folder / "bench" / "report.json").exists():
        return demo_report(
            folder,
            bench=read_json(folder / "bench" / "report.json"),
            stages=read_json(folder / "journal.json"),
            clip=None,
        )
    raise FormatError(
        f"{folder} holds no dataset, benchmark or demo; give a folder made by generate, bench or demo"
    )
