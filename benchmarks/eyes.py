"""What does the wrist camera get to see? Share of an expert's pour in which each vessel is in its view.

    .venv/bin/python benchmarks/eyes.py [--world lab] [--scenes 12] [--camera X Y Z TX TY TZ FOVY ...]

A vessel counts as seen where it fills at least 0.3 % of the picture, some 5 x 5 pixels of the 96 x 96 a
policy looks at. Rows are of three phases: before the hand closes, on
the way, while the source is tilted. ``--camera`` (several times) tries other brackets: position and target
in the gripper base's frame [m], and the angle of view [degrees], as ``ego_position_m``, ``ego_target_m``
and ``ego_fovy_deg`` of a world file. Writes out/bench/eyes.<world>.json.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from multigen.episode import make_expert, play
from multigen.episode.ears import Deaf
from multigen.episode.glimpse import Glimpses
from multigen.episode.session import Session
from multigen.episode.world import World
from multigen.errors import SceneError
from multigen.files import write_json
from multigen.scene import View, WorldConfig, draw_scene, load_world
from multigen.types import Clock, Role, SceneConfig
from multigen.workers import progress_bar

FIRST_SEED = 23_000_000
SEEN = 0.003
EVERY, SIZE = 4, 112
PHASES = ("before the grasp", "on the way", "tilted")
TILTED_RAD = 0.15


class Watch(Glimpses):
    """Keeps how much of the picture each vessel fills, every few rows, instead of the picture."""

    def __init__(self, world: World, view: View, rows: int) -> None:
        super().__init__(world, view, np.arange(rows) % EVERY == 0)
        self.rows: list[tuple[int, float, float, float]] = []

    def take_ego(self, row: int) -> None:
        """Row, share of source, share of receiver, tilt."""
        if row % EVERY or self.view is None:
            return
        self._draw(self.view)
        roles = self.view.roles("ego")
        tilt = float(np.arccos(np.clip(self.world.scene.source_pose()[1][2, 2], -1, 1)))
        shares = [float(np.mean(roles == role)) for role in (Role.SOURCE, Role.RECEIVER)]
        self.rows.append((row, *shares, tilt))


def watch(scene: SceneConfig) -> dict[str, list[tuple[bool, bool]]]:
    """Phase -> (source seen, receiver seen) of every row that was looked at."""
    expert = make_expert("planned")
    expert.reset(scene, 0)
    world = World(scene, Clock(), size=SIZE)
    with View(world.scene, SIZE) as view:
        session = Session(world, None, ears=Deaf(), seed=0)
        session.film = film = Watch(world, view, len(session.film.ego))
        play(session, expert)
    closing = np.flatnonzero(session.rows()["action"][:, 9] > 0)
    found: dict[str, list[tuple[bool, bool]]] = {phase: [] for phase in PHASES}
    for row, source, receiver, tilt in film.rows:
        phase = PHASES[2] if tilt > TILTED_RAD else PHASES[int(row >= closing[0])]
        found[phase].append((source >= SEEN, receiver >= SEEN))
    return found


def study(world: WorldConfig, scenes: int) -> dict[str, dict[str, float]]:
    """Phase -> share of rows in which source, receiver and both are seen."""
    rows: dict[str, list[tuple[bool, bool]]] = {phase: [] for phase in PHASES}
    with progress_bar() as bar:
        shown = bar.add_task("look", total=scenes)
        for seed in range(FIRST_SEED, FIRST_SEED + scenes):
            try:
                for phase, seen in watch(draw_scene(world, seed)).items():
                    rows[phase] += seen
            except SceneError:
                pass
            bar.advance(shown)
    shares = {}
    for phase, seen in rows.items():
        both = np.array(seen, bool).reshape(-1, 2)
        shares[phase] = {
            "source": float(both[:, 0].mean()),
            "receiver": float(both[:, 1].mean()),
            "both": float(both.all(1).mean()),
        }
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--world", default="lab")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--camera", type=float, nargs=7, action="append", default=[])
    args = parser.parse_args()
    own = load_world(args.world)
    worlds = {"the world's own": own} | {
        " ".join(f"{x:g}" for x in c): replace(
            own,
            ego_position_m=tuple(c[:3]),
            ego_target_m=tuple(c[3:6]),
            ego_fovy_deg=(c[6], c[6]),
        )
        for c in args.camera
    }
    found = {name: study(world, args.scenes) for name, world in worlds.items()}
    table = Table("camera", "phase", "source", "receiver", "both")
    for name, phases in found.items():
        for phase, shares in phases.items():
            table.add_row(name, phase, *(f"{100 * v:.0f} %" for v in shares.values()))
    Console().print(table)
    write_json(Path("out/bench") / f"eyes.{own.name}.json", found)


if __name__ == "__main__":
    main()
