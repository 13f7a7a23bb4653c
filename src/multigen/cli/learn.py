"""Verbs that learn: train-sound, score-sound, train-policy.

Reads:  flags.   Makes: checkpoints, scores.   Used by: cli.main.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from tyro.conf import Positional

from ..files import write_json
from .common import Verb, opened


@dataclass(frozen=True)
class TrainSound(Verb):
    """Corpus → sound model (flow matching on mel latents, conditioned on frames and masks).

    Example: multigen train-sound runs/corpus --out runs/sound --time-limit-s 3300
    """

    COMMAND: ClassVar[str] = "train-sound"
    corpus: Positional[Path]
    out: Path
    preset: str = "pour_micro"
    steps: int = 6000
    latent_dim: int = 40
    """Dimensions of the codec's latent, 31.25 a second."""
    batch_size: int = 16
    optimiser: Literal["muon", "adamw"] = "muon"
    lr: float | None = None
    """Learning rate; default: 0.005, a fifth of it with --start-from."""
    start_from: str | None = None
    """Go on from a checkpoint folder or packaged weights, with its codec."""
    rough: float = 0.25
    """Share of the windows whose role images are made as poor as a real video's: boxes, no level."""
    time_limit_s: float | None = None
    """Stop after this many seconds with the schedule stretched to fit; --resume goes on."""
    threads: int = 2
    device: str = "cpu"
    seed: int = 0
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..audio.generator import find_weights
        from ..audio.train import LR, train_sound
        from ..audio.windows import Augmentation

        made_by, out = self.made_by(), opened(self, self.out)
        begin = find_weights(self.start_from) if self.start_from else None
        train_sound(
            self.corpus,
            out,
            preset=self.preset,
            steps=self.steps,
            latent_dim=self.latent_dim,
            batch_size=self.batch_size,
            optimiser=self.optimiser,
            lr=self.lr or (LR / 5 if begin else LR),
            start_from=begin,
            augmentation=Augmentation(rough=self.rough),
            time_limit_s=self.time_limit_s,
            threads=self.threads,
            device=self.device,
            seed=self.seed,
            resume=self.resume,
        )
        made_by.write(out)


@dataclass(frozen=True)
class ScoreSound(Verb):
    """Two sets of matching sounds → scores.json, with calibration rows to read them against.

    Each may be a folder of wav or flac files, a corpus, or a dataset; names must match (a corpus'
    are its clips' ids, a dataset's are episode-000000 and so on). Where the reference knows its
    pours, resonance and loudness are judged against vessel and flow as well.

    Example: multigen score-sound --generated a/ --reference b/ --out runs/scores
    """

    COMMAND: ClassVar[str] = "score-sound"
    generated: Path
    reference: Path
    out: Path
    second_take: Path | None = None
    """Other sounds of the reference's pours, for calibration; a synthetic corpus makes its own."""
    seed: int = 0
    overwrite: bool = False

    def run(self) -> None:
        from ..pipeline.score import score

        made_by = self.made_by()
        scores = score(self.generated, self.reference, second_take=self.second_take, seed=self.seed)
        out = opened(self, self.out)
        write_json(out / "scores.json", scores)
        made_by.write(out)


@dataclass(frozen=True)
class TrainPolicy(Verb):
    """One dataset or several → audio-visual diffusion policy.

    Example: multigen train-policy runs/pours runs/nudged --out runs/policy --senses vision,audio,state
    """

    COMMAND: ClassVar[str] = "train-policy"
    datasets: Positional[tuple[Path, ...]]
    out: Path
    preset: str | None = None
    """tiny (the default), compact or paper."""
    senses: str | None = None
    """Any subset of vision,audio,state, separated by commas; default: all."""
    steps: int | None = None
    """Default: the preset's own."""
    batch_size: int | None = None
    """Default: the preset's own."""
    lr: float | None = None
    """Learning rate; default: the preset's own, a tenth of it with --start-from."""
    clip: Path | None = None
    """Pretrained CLIP ViT-B/16 (a transformers folder) for the paper preset's eyes."""
    ast: Path | None = None
    """Pretrained audio spectrogram transformer (a transformers folder) for its ears."""
    start_from: str | None = None
    """A checkpoint or a packaged policy (lab_ear) to go on from, instead of a preset."""
    ear: str | None = None
    """The ear that tiny and compact believe: a folder that train-ear made; default: robot_ear."""
    half: bool = False
    """Store the weights in 16 bit: half the file."""
    time_limit_s: float | None = None
    threads: int = 2
    device: str = "cpu"
    seed: int = 0
    overwrite: bool = False
    resume: bool = False

    def run(self) -> None:
        from ..policy import train_policy

        senses = None
        if self.senses is not None:
            senses = tuple(s.strip() for s in self.senses.split(",") if s.strip())
        made_by, out = self.made_by(), opened(self, self.out)
        train_policy(
            self.datasets,
            out,
            preset=self.preset,
            senses=senses,
            steps=self.steps,
            batch_size=self.batch_size,
            lr=self.lr,
            clip=self.clip,
            ast=self.ast,
            start_from=self.start_from,
            ear=self.ear,
            half=self.half,
            time_limit_s=self.time_limit_s,
            threads=self.threads,
            device=self.device,
            seed=self.seed,
            resume=self.resume,
        )
        made_by.write(out)
