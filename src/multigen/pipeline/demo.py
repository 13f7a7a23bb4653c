"""The main job at a demonstration's size: simulate, hear, pack, learn, score, show.

Reads:  nothing (and, if given, one real video).   Makes: OUT/report.html and all that is in it.
Used by: cli demo. Each stage is journalled: running it again repeats only what is missing.
"""

from pathlib import Path

from ..audio import load_generator
from ..benchmark import bench, protocol
from ..files import MadeBy, read_json, write_json, write_sound
from ..policy import DEFAULT, train_policy
from ..report import demo_report
from ..scene import load_world
from .generate import generate
from .journal import Journal
from .sonify import sonify_video

TEACHER, NUDGE_M = "misjudging", 0.018
"""Who pours, and how far the hand is pushed off its way: as in what the packaged policy learned from."""

LEARNING_RATE = 1e-5
"""Twenty pours shall add to what a thousand taught, not replace it."""


def demo(
    out: Path,
    *,
    clip: Path | None,
    seed: int,
    episodes: int,
    trials: int,
    train_seconds: float,
    workers: int,
    made_by: MadeBy,
) -> Path:
    """Run what is not finished yet; returns the report's path. A bad ``clip`` is refused first."""
    journal = Journal(out)
    if clip is not None:
        _hear_clip(journal, out, clip, seed)
    if not journal.done("generate"):
        with journal.stage("generate"):
            generate(
                out / "dataset",
                episodes=episodes,
                seed=seed,
                world=load_world("lab"),
                sound="flow",
                made_by=made_by,
                workers=workers,
                expert=TEACHER,
                nudge_m=NUDGE_M,
            )
    if not journal.done("train policy"):
        with journal.stage("train policy"):
            train_policy(
                out / "dataset",
                out / "policy",
                start_from=DEFAULT,
                lr=LEARNING_RATE,
                time_limit_s=train_seconds,
                seed=seed,
                threads=workers,
                resume=(out / "policy").exists(),
            )
    if not journal.done("benchmark"):
        with journal.stage("benchmark"):
            bench(
                {"demo policy": str(out / "policy"), "where it started": DEFAULT},
                protocol(trials, seed=seed),
                world=load_world("nominal"),
                out=out / "bench",
                workers=workers,
                made_by=made_by,
            )
    with journal.stage("report"):
        page = demo_report(
            out,
            bench=read_json(out / "bench" / "report.json"),
            stages=journal.stages,
            clip=clip,
        )
    made_by.write(out, stages=journal.stages)
    print(f"\nThe report is in {page}\nOpen it in a browser: every pour plays with its sound.")
    return page


def _hear_clip(journal: Journal, out: Path, clip: Path, seed: int) -> None:
    stage = f"clip {clip.resolve()}"
    if journal.done(stage):
        return
    load_generator()
    with journal.stage(stage):
        heard = sonify_video(clip, out / "clip.mp4", seed=seed)
        write_sound(out / "clip.wav", heard.wave)
        write_json(out / "clip.json", {"video": clip.name, "masks": heard.masks})
