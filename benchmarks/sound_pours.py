"""Held-out pours for the sound benchmark: drawn by number, simulated once, kept on disk.

Reads:  numbers no training uses.   Makes: traces, scenes and clips under DIR/pours/<code>/, takes.
Used by: benchmarks/sound.py and its parts. Nothing runs when this file is called by itself.
<code> is a hash of the sources a pour depends on, so a pour of other code is never taken for one of
this. Files that exist are not made again: a killed run continues, and another generator finds the
pours there. Frames are stored as the corpus stores them (h264), role images and traces exactly.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

import multigen
from multigen.audio import sound_of_pour
from multigen.audio.corpus import read_trace, write_trace
from multigen.audio.onset import true_onset_offset
from multigen.audio.plausibility import flow_loudness
from multigen.episode import Expert, rollout
from multigen.episode.tabletop import TabletopConfig, draw_tabletop, simulate_tabletop
from multigen.episode.tabletop_draw import DT_S, RECEIVER_XY
from multigen.errors import SceneError
from multigen.files import (
    from_json,
    read_json,
    read_roles,
    read_video,
    write_json,
    write_roles,
    write_video,
)
from multigen.liquid import simulate_pour
from multigen.scene import CONDITIONS, draw_scene, load_world
from multigen.types import Clip, PourTrace, SceneConfig
from multigen.workers import run_tasks

FIRST_SEED = {"pours": 20_000_000, "modulated": 22_000_000, "never": 23_000_000}
FIRST_SEED |= {"others": 24_000_000}
"""Neither training (below ten million) nor the benchmark of policies (from ten million) uses these."""
OTHERS = 80
"""Other vessels and pours whose tracks a rank compares with."""
STYLES = {"modulated": (("modulated", 1.0),), "never": (("never", 1.0),)}
SECONDS, EDGE_S = 8.0, 0.3
WAIT = 0.15
"""Share of clips that begin with a pause; more, as in the corpus, would seldom end inside the clip."""
SHIFTED = {"elevation_deg": (50.0, 70.0), "distance_m": (0.9, 1.3), "shadows": 1.0}
"""The same pours seen from higher and farther than any training clip, always with shadows."""
ATTEMPTS = 20
TABLETOP = ("tabletop", "tabletop_draw", "tabletop_path")
CODE = {
    "tabletop": ("types", "liquid", "scene", "masks", *(f"episode/{name}.py" for name in TABLETOP)),
    "robot": ("types", "liquid", "scene", "masks", "episode"),
}


@lru_cache(maxsize=8)
def code_hash(*parts: str) -> str:
    """Of the named sources of the package (files or folders) and of this file."""
    root, digest = Path(multigen.__file__).parent, hashlib.sha256(Path(__file__).read_bytes())
    for part in parts:
        for path in [root / part] if part.endswith(".py") else sorted((root / part).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:10]


@dataclass(frozen=True)
class Pours:
    """One set of pours on disk."""

    root: Path
    world: str
    """'tabletop' or 'robot' (the eight conditions in turn, by the expert)."""
    group: str = "pours"
    """'pours' begin and end inside the clip; 'modulated' have a flow whose loudness can be followed;
    'never': nothing pours; 'others' are traces alone. Robot pours know the first only."""
    look: str = "nominal"

    @property
    def name(self) -> str:
        """Distinct for distinct sets."""
        return f"{self.world}.{code_hash(*CODE[self.world])}/{self.group}.{self.look}"

    def path(self, key: int, suffix: str) -> Path:
        return self.root / "pours" / self.name / f"{key}{suffix}"

    @property
    def config(self) -> TabletopConfig:
        config = TabletopConfig(wait=WAIT)
        if self.group in STYLES:
            config = replace(config, styles=STYLES[self.group])
        return config if self.look == "nominal" else replace(config, **SHIFTED)


def gather(pours: Pours, n: int, *, workers: int, seen: bool) -> list[int]:
    """Keys of the first ``n`` pours of a set, made where they are missing; ``seen``: with their clips."""
    verdicts_at = pours.path(0, "").with_name("verdicts.json")
    verdicts = {
        int(k): v for k, v in (read_json(verdicts_at) if verdicts_at.exists() else {}).items()
    }
    first, stride = FIRST_SEED[pours.group], 1000 if pours.world == "robot" else 1
    label = f"{pours.world}: {pours.group}, {pours.look}"
    while (have := sum(verdicts.values())) < n:
        rate = max(have / len(verdicts), 0.1) if verdicts else {"robot": 1.0}.get(pours.world, 0.5)
        start = len(verdicts)
        fresh = [first + stride * (start + i) for i in range(int(np.ceil((n - have) / rate)))]

        def keep(i: int, fits: bool, fresh: list[int] = fresh) -> None:
            verdicts[fresh[i]] = fits

        run_tasks(
            make_pour, [(pours, k) for k in fresh], workers=workers, label=label, on_result=keep
        )
        write_json(verdicts_at, verdicts)
    keys = sorted(k for k, fits in verdicts.items() if fits)[:n]
    if seen:
        dark = [(pours, k) for k in keys if not pours.path(k, ".mp4").exists()]
        run_tasks(film_pour, dark, workers=workers, label=f"{label}: seen")
    return keys


def make_pour(task: tuple[Pours, int]) -> bool:
    """Trace and scene of one key, written if the pour belongs into its set."""
    pours, key = task
    if pours.path(key, ".json").exists():
        return True
    if pours.world == "robot":
        trace, scene = _robot_pour(pours, key)
    else:
        trace, scene = _blind_pour(key, pours.config)
        if not _fits(pours.group, trace):
            return False
    write_trace(pours.path(key, ".npz"), trace)
    write_json(pours.path(key, ".json"), scene)
    return True


def _fits(group: str, trace: PourTrace) -> bool:
    onset, offset = true_onset_offset(trace)
    if group == "never":
        return bool(trace.flow_out_ml_s.max() == 0)
    if onset is None or offset is None:
        return False
    if group == "pours":
        return onset > EDGE_S and offset < trace.duration_s - EDGE_S
    noise = np.random.default_rng(0).standard_normal(len(trace) * 160)
    return group == "others" or flow_loudness(noise, trace) is not None


def _blind_pour(seed: int, config: TabletopConfig) -> tuple[PourTrace, SceneConfig]:
    """Trace and scene of ``simulate_tabletop``, to the bit, without looking."""
    scene, pour = draw_tabletop(seed, seconds=SECONDS, config=config)
    trace = simulate_pour(
        scene.source, scene.receiver, scene.liquid, initial_ml=scene.initial_ml,
        receiver_initial_ml=scene.receiver_initial_ml, tilt_rad=pour.motion.tilt_rad,
        lip_m=pour.motion.lip_m, out_xy=pour.motion.out_xy,
        receiver_floor_m=np.array([*RECEIVER_XY, scene.receiver.floor_m]), dt_s=DT_S,
    )  # fmt: skip
    return trace, scene


def film_pour(task: tuple[Pours, int]) -> None:
    """Frames and role images of one table-top pour."""
    pours, key = task
    clip, _, _ = simulate_tabletop(key, seconds=SECONDS, config=pours.config)
    _write_clip(pours, key, clip)


def _robot_pour(pours: Pours, key: int) -> tuple[PourTrace, SceneConfig]:
    """The expert's pour, seen; another seed where there is no plan or the vessel is dropped."""
    world = load_world(pours.look)
    condition = tuple(CONDITIONS)[(key - FIRST_SEED[pours.group]) // 1000 % len(CONDITIONS)]
    for seed in range(key, key + ATTEMPTS):
        scene = draw_scene(world, seed, condition=condition)
        try:
            episode = rollout(scene, Expert(), seed=seed)
        except SceneError:
            continue
        if episode.outcome.completed:
            _write_clip(pours, key, episode.clip)
            return episode.trace, scene
    raise SceneError(
        f"the expert completed none of {ATTEMPTS} pours of {condition} from seed {key} on; "
        "see benchmarks/expert.py"
    )


def _write_clip(pours: Pours, key: int, clip: Clip) -> None:
    assert clip.roles is not None
    write_roles(pours.path(key, ".roles.mkv"), clip.roles, clip.fps)
    write_video(pours.path(key, ".mp4"), clip.rgb, clip.fps)


def read_pour(pours: Pours, key: int) -> tuple[PourTrace, SceneConfig]:
    """What ``make_pour`` wrote."""
    scene = pours.path(key, ".json")
    return read_trace(pours.path(key, ".npz")), from_json(SceneConfig, read_json(scene), str(scene))


def read_clip(pours: Pours, key: int) -> Clip:
    """What ``film_pour`` wrote."""
    frames, fps = read_video(pours.path(key, ".mp4"))
    return Clip(fps, frames, read_roles(pours.path(key, ".roles.mkv")))


def take(trace: PourTrace, scene: SceneConfig, key: int, number: int) -> np.ndarray:
    """The acoustics' own sound of a pour; other numbers, other bubbles."""
    rng = np.random.default_rng([key, number])
    return sound_of_pour(trace, scene.source, scene.receiver, scene.liquid, rng=rng)
