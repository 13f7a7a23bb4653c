"""What the way from sound to latents and back costs: codec sizes and phase methods.

Run:    .venv/bin/python benchmarks/codec.py [--corpus FOLDER] [--real VIDEO ...]
Reads:  pours of our own acoustics (drawn vessels and liquids, hydraulic flow), or a corpus; with
        --real also recordings, through the codecs fitted to the former.
Makes:  a table on screen, out/bench/codec.json.

Three tables. Phase: a held-out sound to its mel and back, by method. Codec: the same through the
codec, by latent size. Streaming: the same in blocks, every sample causal. ``flicker`` is the spread
in dB of a spectrogram around its own local mean: an LSD bought by too little of it is smoothness,
not fidelity. Times are CPU-seconds for 8 s of sound on one thread.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from scipy.ndimage import uniform_filter1d
from torch import Tensor

from multigen.audio import phase
from multigen.audio.acoustics import sound_of_pour
from multigen.audio.codec import PcaCodec
from multigen.audio.corpus import read_corpus
from multigen.audio.mel import MEL_16K, log_mel
from multigen.audio.metrics import lsd, lsd_env, power_frames
from multigen.files import read_sound, write_json
from multigen.liquid import simulate_pour
from multigen.scene import draw_scene, load_world

Method = Callable[[Tensor, torch.Generator], Tensor]
SECONDS = 8.0


@dataclass(frozen=True)
class Config:
    """Which sounds, how many."""

    corpus: Path | None = None
    """Corpus folder; without it, pours of our own acoustics are made."""
    fit: int = 64
    """Sounds the codecs are fitted to."""
    test: int = 12
    """Sounds held out."""
    real: tuple[Path, ...] = ()
    """Recordings (wav, flac, video): what a codec that never heard them does to them."""
    out: Path = Path("out/bench/codec.json")


def pour(seed: int) -> np.ndarray:
    """8 s of a drawn pour: a raised source, tilted in and back, a faint noise floor in every second."""
    rng = np.random.default_rng([7, seed])
    scene = draw_scene(load_world("train"), seed)
    dt, start = 0.002, rng.uniform(0.3, 1.5)
    t = np.arange(int(SECONDS / dt)) * dt
    rise = np.clip((t - start) / rng.uniform(0.8, 3.0), 0, 1)
    fall = np.clip((rng.uniform(4.5, 7.0) - t) / 0.8 + 1, 0, 1)
    lip = np.array([0.0, 0.0, scene.receiver.height_m + scene.pour_height_m])
    trace = simulate_pour(
        scene.source,
        scene.receiver,
        scene.liquid,
        initial_ml=scene.initial_ml,
        tilt_rad=rng.uniform(1.3, 2.0) * rise * fall,
        lip_m=lip,
        out_xy=np.array([1.0, 0.0]),
        receiver_floor_m=np.array([0.03, 0.0, scene.receiver.floor_m]),
        dt_s=dt,
    )
    wave = sound_of_pour(trace, scene.source, scene.receiver, scene.liquid, rng=rng)
    floor = rng.standard_normal(len(wave)) * 10 ** rng.uniform(-5, -3) * (seed % 2)
    return (wave + floor).astype(np.float32)


def load(config: Config) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sounds to fit, sounds to test."""
    if config.corpus is None:
        waves = [pour(seed) for seed in range(config.fit + config.test)]
        return waves[: config.fit], waves[config.fit :]
    clips = read_corpus(config.corpus)
    train = [c for c in clips if c.split == "train"][: config.fit]
    val = [c for c in clips if c.split == "val"][: config.test]
    return [read_sound(c.sound).samples for c in train], [read_sound(c.sound).samples for c in val]


def flicker_db(wave: np.ndarray) -> float:
    """Standard deviation of loud log-power bins around the mean of their 9 x 5 neighbours."""
    power = power_frames(wave * 0.05 / wave.std(), 1024, 256, 1024)[:, 30:400] + 1e-8
    loud = power.mean(1) > 1e-6
    around = uniform_filter1d(uniform_filter1d(power, 5, axis=0), 9, axis=1)
    return float((10 * np.log10(power / around))[loud].std())


def griffin_lim(iterations: int) -> Method:
    """The usual fast Griffin-Lim on smooth magnitudes, for comparison."""

    def run(mel: Tensor, generator: torch.Generator) -> Tensor:
        magnitude = phase.bin_magnitudes(phase.band_magnitudes(mel))
        start = torch.randn((len(magnitude) + 3) * phase.HOP, generator=generator)
        angle = torch.sgn(phase._frames(start))
        before = torch.zeros_like(angle)
        for _ in range(iterations):
            now = phase._frames(phase._overlap_add(magnitude * angle))
            angle = torch.sgn(now + 0.99 * (now - before))
            before = now
        wave = phase._overlap_add(magnitude * angle)
        return wave[MEL_16K.pad : MEL_16K.pad + len(magnitude) * phase.HOP]

    return run


def shaped_noise(mel: Tensor, generator: torch.Generator) -> Tensor:
    """White noise filtered by the mel envelope, nothing more."""
    magnitude = phase.bin_magnitudes(phase.band_magnitudes(mel))
    start = torch.randn((len(magnitude) + 3) * phase.HOP, generator=generator)
    # Rayleigh magnitudes of a Hann frame of unit noise average sqrt(pi / 4 * sum w^2).
    frames = phase._frames(start) / (torch.pi / 4 * 384) ** 0.5
    wave = phase._overlap_add(frames * magnitude)
    return wave[MEL_16K.pad : MEL_16K.pad + len(magnitude) * phase.HOP]


def whole(iterations: int) -> Method:
    return lambda mel, generator: phase.mel_to_wave(mel, generator=generator, iterations=iterations)


def streamed(block: int, iterations: int) -> Method:
    def run(mel: Tensor, generator: torch.Generator) -> Tensor:
        stream = phase.StreamingPhase(generator, iterations=iterations)
        return torch.cat([stream.extend(part) for part in mel.split(block, 1)])

    return run


def measure(waves: list[np.ndarray], mels: list[Tensor], method: Method) -> dict[str, float]:
    """Means over the sounds."""
    rows = []
    for seed, (wave, mel) in enumerate(zip(waves, mels, strict=True)):
        generator = torch.Generator().manual_seed(seed)
        began = time.process_time()
        made = method(mel, generator).numpy()
        took = time.process_time() - began
        true = wave[: len(made)]
        gain = 20 * np.log10(made.std() / true.std())
        rows.append([lsd(made, true), lsd_env(made, true), flicker_db(made), gain, took])
    means = np.mean(rows, 0)
    return dict(
        zip(("lsd", "lsd_env", "flicker_db", "gain_db", "cpu_s"), means.tolist(), strict=True)
    )


def prepared(waves: list[np.ndarray]) -> tuple[list[np.ndarray], list[Tensor]]:
    """Waves of whole latents, and their mels."""
    even = [wave[: len(wave) // 512 * 512] for wave in waves]
    return even, [log_mel(torch.from_numpy(wave)[None])[0] for wave in even]


def through(codec: PcaCodec, waves: list[np.ndarray], mels: list[Tensor]) -> dict[str, float]:
    """Encode, decode, sound."""
    again = [codec.decode(codec.encode(mel[None]))[0] for mel in mels]
    errors = [(a - b).square().mean().sqrt() for a, b in zip(again, mels, strict=True)]
    rmse = float(torch.stack(errors).mean())
    return {"mel_rmse": rmse, **measure(waves, again, whole(phase.ITERATIONS))}


def show(console: Console, title: str, rows: dict[str, dict[str, float]]) -> None:
    table = Table(title=title)
    table.add_column("")
    for name in next(iter(rows.values())):
        table.add_column(name, justify="right")
    for label, row in rows.items():
        table.add_row(label, *(f"{value:.3f}" for value in row.values()))
    console.print(table)


def main(config: Config) -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    console = Console()
    fit, test = load(config)
    even, mels = prepared(test)
    measure(even[:1], mels[:1], whole(1))
    methods: dict[str, Method] = {
        "shaped noise": shaped_noise,
        **{f"mel projection, {n}": whole(n) for n in (0, 4, 8, 16, 32)},
        **{f"fast Griffin-Lim, {n}": griffin_lim(n) for n in (16, 32, 64)},
    }
    phases = {name: measure(even, mels, method) for name, method in methods.items()}
    blocks = {
        f"{block} frames, {n} iterations": measure(even, mels, streamed(block, n))
        for block in (2, 10, 50)
        for n in (4, phase.ITERATIONS)
    }
    true_flicker = float(np.mean([flicker_db(wave) for wave in even]))
    fit_mels = [log_mel(torch.from_numpy(wave)[None])[0].numpy() for wave in fit]
    fitted = {f"C = {dim}": PcaCodec.fit(fit_mels, dim) for dim in (12, 20, 32, 40, 64, 96)}
    codecs = {name: through(codec, even, mels) for name, codec in fitted.items()}
    heard = prepared([read_sound(path).samples for path in config.real])
    real = {name: through(codec, *heard) for name, codec in fitted.items()} if config.real else {}
    show(console, f"Phase (the originals' flicker: {true_flicker:.2f} dB)", phases)
    show(console, f"Codec, then mel projection, {phase.ITERATIONS}", codecs)
    if real:
        show(console, f"{len(config.real)} real recordings through the same codecs", real)
    show(console, "Streaming, causal", blocks)
    source = "acoustics" if config.corpus is None else config.corpus.name
    write_json(
        config.out,
        {
            "sounds": source,
            "fit": len(fit),
            "test": len(test),
            "original_flicker_db": true_flicker,
            "phase": phases,
            "codec": codecs,
            "codec_on_real": real,
            "streaming": blocks,
        },
    )
    console.print(f"Written to {config.out}")


if __name__ == "__main__":
    main(tyro.cli(Config))
