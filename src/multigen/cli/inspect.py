"""Verbs that look: look, validate, report, world, doctor.

Reads:  flags.   Makes: pictures, pages, tables.   Used by: cli.main.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tyro.conf import Positional

from ..errors import ConfigError, OutputError
from ..files import replacing, to_json
from .common import Verb


@dataclass(frozen=True)
class Look(Verb):
    """One scene → colour and masks of both cameras, side by side; or a sheet of many from the front.

    Example: multigen look --seed 3 --out scene.png; multigen look --sheet 48 --out sheet.png
    """

    COMMAND: ClassVar[str] = "look"
    out: Path
    seed: int = 0
    condition: str | None = None
    world: str = "train"
    """A built-in world or a world file (see: multigen world --print train)."""
    sheet: int = 0
    """Instead: so many scenes, from this seed on, in the middle of their pour, on one picture."""
    overwrite: bool = False

    def run(self) -> None:
        from PIL import Image

        from ..scene import draw_scene, load_world, look_sheet

        if self.out.exists() and not self.overwrite:
            raise OutputError(f"{self.out} exists; add --overwrite to replace it")
        world = load_world(self.world)
        if self.sheet:
            from .sheet import contact_sheet

            pixels = contact_sheet(world, self.sheet, seed=self.seed, condition=self.condition)
        else:
            pixels = look_sheet(draw_scene(world, self.seed, condition=self.condition))
        with replacing(self.out) as part:
            Image.fromarray(pixels).save(part, format="PNG")


@dataclass(frozen=True)
class Validate(Verb):
    """Check a dataset beyond its format: hashes, clocks, sound, masks, ledger. Exit status 1 on a failure.

    Example: multigen validate runs/pours
    """

    COMMAND: ClassVar[str] = "validate"
    dataset: Positional[Path]
    repair: bool = False
    """First drop what a killed run left half-written and count again."""
    json: bool = False
    """Print the findings as JSON."""
    workers: int = 1
    """Processes that decode; worth it from some dozens of episodes on."""

    def run(self) -> int:
        from ..dataset import repair, validate

        if self.repair:
            for line in repair(self.dataset):
                print(line)
        findings = validate(self.dataset, progress=not self.json, workers=self.workers)
        if self.json:
            print(json.dumps(to_json(findings), indent=2))
        else:
            table = Table("", "check")
            for f in findings:
                colour = {"FAIL": "red", "WARN": "yellow"}.get(f.level, "green")
                table.add_row(f"[{colour}]{f.level}[/]", f.text)
            Console().print(table)
        return int(any(f.level == "FAIL" for f in findings))


@dataclass(frozen=True)
class Export(Verb):
    """Dataset → another format, sound included.

    Example: multigen export runs/pours --to zarr --out runs/pours.zarr
    """

    COMMAND: ClassVar[str] = "export"
    dataset: Positional[Path]
    to: str
    """npz or zarr (the layout of diffusion_policy, UMI and ManiWAV)."""
    out: Path

    def run(self) -> None:
        from ..dataset import export

        print(export(self.dataset, self.out, to=self.to))


@dataclass(frozen=True)
class Report(Verb):
    """One self-contained HTML of a dataset, a benchmark or a demo folder.

    Example: multigen report runs/pours
    """

    COMMAND: ClassVar[str] = "report"
    folder: Positional[Path]

    def run(self) -> None:
        from ..report import report_folder

        print(report_folder(self.folder))


@dataclass(frozen=True)
class World(Verb):
    """Print a built-in world as JSON: copy it, change it, pass it with --world FILE.

    Example: multigen world --print train > my_world.json
    """

    COMMAND: ClassVar[str] = "world"
    print: str = ""
    """Name of the world; empty lists the names."""

    def run(self) -> None:
        import sys

        from ..scene import WORLDS

        if not self.print:
            sys.stdout.write("\n".join(WORLDS) + "\n")
            return
        if self.print not in WORLDS:
            raise ConfigError(f"no world named '{self.print}'; built in: {', '.join(WORLDS)}")
        sys.stdout.write(json.dumps(to_json(WORLDS[self.print]), indent=2) + "\n")


@dataclass(frozen=True)
class Doctor(Verb):
    """Does everything work here? Rendering, video, sound, assets, weights, extras. Exit status 1 if not.

    Example: multigen doctor
    """

    COMMAND: ClassVar[str] = "doctor"
    json: bool = False
    compile: bool = False
    """Also compile the inner loops of liquid and acoustics now (a minute, once per installation), so
    that the first pour need not."""

    def run(self) -> int:
        from .doctor import compile_loops, examine

        if self.compile:
            compile_loops()
        checks = examine()
        if self.json:
            print(json.dumps(to_json(checks), indent=2))
        else:
            table = Table("", "part", "what we found", "what to do")
            for c in checks:
                mark = "[green]ok[/]" if c.ok else "[yellow]–[/]" if c.optional else "[red]no[/]"
                table.add_row(mark, c.part, escape(c.found), escape(c.advice))
            Console().print(table)
        return int(any(not c.ok and not c.optional for c in checks))
