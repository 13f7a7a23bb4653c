"""Tiny demonstrations for tests: random pictures and motion, a valid ledger, white noise.

Reads:  a seed.   Makes: Demonstration.   Used by: tests of dataset and of what reads datasets.
"""

import numpy as np

from multigen.types import (
    CameraPose,
    Clock,
    Demonstration,
    Episode,
    Light,
    Liquid,
    Outcome,
    PourTrace,
    SceneConfig,
    Vessel,
    Waveform,
)

COMMANDS = ("quarter", 0.25), ("half", 0.5), ("all", 1.0)


def _cup(name: str) -> Vessel:
    return Vessel(name, "cylinder", ((0.0, 0.04), (0.1, 0.04)), ((0.004, 0.037), (0.1, 0.037)))


def _scene(seed: int) -> SceneConfig:
    word, command = COMMANDS[seed % len(COMMANDS)]
    camera = CameraPose((0.5, 0.0, 0.5), (0.0, 0.0, 0.0))
    return SceneConfig(
        seed=seed,
        condition="water-white_cup-red_cup",
        command=command,
        command_text=f"pour {word} of the water",
        source=_cup("white_cup"),
        receiver=_cup("red_cup"),
        liquid=Liquid(),
        initial_ml=200.0,
        receiver_initial_ml=10.0,
        source_xy_m=(0.4, 0.1),
        receiver_xy_m=(0.4, -0.1),
        grasp_offset=0.0,
        pour_height_m=0.05,
        tilt_seconds=1.0,
        ego=camera,
        front=camera,
        lights=(Light((0.0, 0.0, 2.0), (0.0, 0.0, -1.0)),),
        ambient=0.3,
        table_texture="wood",
        table_rgb=(0.5, 0.4, 0.3),
        table_reflectance=0.1,
        wall_rgb=(0.8, 0.8, 0.8),
        texture_seed=seed,
    )


def _trace(seconds: float, clock: Clock, poured: float, spilled: float) -> PourTrace:
    """All that leaves the source flies for 0.1 s, then lands or is spilled."""
    n = int(seconds * clock.liquid_hz)
    left = (poured + spilled) * np.clip(np.arange(1, n + 1) / (0.7 * n), 0, 1)
    late = np.concatenate([np.zeros(10), left[:-10]])
    share = poured / (poured + spilled)
    flow = np.diff(left, prepend=0) * clock.liquid_hz
    zero = np.zeros(n)
    return PourTrace(
        clock.liquid_hz,
        source_ml=200.0 - left,
        in_flight_ml=left - late,
        receiver_ml=10.0 + late * share,
        spilled_ml=late * (1 - share),
        flow_out_ml_s=flow,
        flow_in_ml_s=np.diff(late * share, prepend=0) * clock.liquid_hz,
        tilt_rad=np.linspace(0, 1.5, n),
        drop_m=zero + 0.1,
        impact_speed_m_s=zero + 1.4,
        jet_diameter_m=zero + 0.006,
        receiver_level_m=late * 1e-3,
    )


def _pictures(rng: np.random.Generator, n: int, size: tuple[int, int]) -> np.ndarray:
    """A drifting mosaic: compresses, and no two frames are equal."""
    tile = rng.integers(0, 255, (size[0] // 16, size[1] // 16, 3), dtype=np.uint8)
    still = np.kron(tile, np.ones((16, 16, 1), np.uint8))
    return np.stack([np.roll(still, 3 * t, axis=1) for t in range(n)])


def fake_demonstration(
    seed: int, *, seconds: float = 2.0, size: tuple[int, int] = (64, 64), clock: Clock = Clock()
) -> Demonstration:
    """Same seed, same arrays; sound lies on the 16-bit grid."""
    rng = np.random.default_rng(seed)
    t, f = int(seconds * clock.control_hz), int(seconds * clock.front_hz)
    scene = _scene(seed)
    spilled = 1.0 + seed % 3
    poured = min(scene.target_ml, 195.0) - 2.0
    noise = (3000 * rng.standard_normal(t * clock.samples_per_frame)).astype(np.int16)
    episode = Episode(
        clock=clock,
        scene=scene,
        ego=_pictures(rng, t, size),
        ego_roles=rng.integers(0, 7, (t, *size), dtype=np.uint8),
        front=_pictures(rng, f, size),
        front_roles=rng.integers(0, 7, (f, *size), dtype=np.uint8),
        state=rng.standard_normal((t, 7)).cumsum(0).astype(np.float32) * np.float32(0.05),
        eef=rng.standard_normal((t, 10)).cumsum(0).astype(np.float32) * np.float32(0.05),
        action=rng.standard_normal((t, 10)).cumsum(0).astype(np.float32) * np.float32(0.05),
        trace=_trace(seconds, clock, poured, spilled),
        outcome=Outcome(200.0, scene.target_ml, poured, poured + spilled, spilled, True, "done"),
    )
    return Demonstration(episode, Waveform(clock.audio_hz, (noise / 32768).astype(np.float32)))
