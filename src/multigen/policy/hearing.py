"""What a trained ear makes of the sound so far: a few numbers a row, instead of a spectrogram.

Reads:  an episode's sound at 16 kHz, an ear (room `ear`).   Makes: beliefs, one row per decision.
Used by: policy.windows (training, all decisions of an episode at once), policy.controller (acting).
The ear has heard thousands of pours of every size, rooms and noises; a policy's own demonstrations are a
few hundred. It hears everything since the episode began and nothing after the decision. The episode begins
with empty hands: what sounds then is room and motors, and is taken away from what follows.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from ..audio.acoustics import through_room
from ..ear.background import without_background
from ..ear.bands import FIRST, HEARD, RATE, SAMPLE_RATE, band_power
from ..ear.network import Ear
from .config import BACK, BELIEFS, HEARD_DIM

QUIET_S = 3.0
"""Nobody fetches a vessel and pours from it any sooner."""
ROOMS = 4
"""Versions of each episode's sound: as it is, and in this many drawn rooms less one, among noise."""
DEPTH_SPREAD = 0.15
"""Of the logarithm of the depth that eyes tell an ear."""


@torch.no_grad()
def beliefs(
    ear: Ear, sound: Float[np.ndarray, " N"], rows: int, depth_m: float | None = None
) -> Float32[np.ndarray, "rows 6"]:
    """Row t: what is believed when the samples before t / 10 s have been heard; row 0, nothing heard, is 0.

    Columns: fill and its spread, air column (logarithm) and its spread, pouring, flow (in
    USUAL_FLOW_ML_S). Not the flow's integral: nobody hears flow exactly, so it would be a clock, and
    whoever is told the time since it began to flow stops by the clock.
    ``depth_m``: of the receiver's cavity, as far as anybody has seen it.
    ``sound`` may end before the last row: as many rows as it covers are heard, the last one repeated.
    """
    out = np.zeros((rows, BELIEFS), np.float32)
    power = band_power(sound[: max(rows - 1, 0) * SAMPLE_RATE // round(RATE)])
    if not len(power):
        return out
    power = without_background(power, QUIET_S)
    device = next(ear.parameters()).device
    told = torch.tensor([math.nan if depth_m is None else depth_m], device=device)
    b = ear(torch.from_numpy(power[None, :, FIRST : FIRST + HEARD]).to(device), told)
    pouring = torch.sigmoid(b.pouring)
    flow = b.flow_log.exp() * pouring
    columns = (b.fill, b.fill_std, b.air_log, b.air_log_std, pouring, flow)
    known = torch.stack([x[0] for x in columns], -1).cpu().numpy()
    out[1 : len(known) + 1] = known
    out[len(known) + 1 :] = known[-1]
    return out


def looked_back(
    known: Float32[np.ndarray, "N *k 6"], row: Int[np.ndarray, " B"], first: Int[np.ndarray, " B"]
) -> Float32[np.ndarray, "B *k 30"]:
    """Beliefs at each of ``row`` and BACK rows before; an episode's own begin at ``first``."""
    rows = np.maximum(row[:, None] - np.array(BACK), first[:, None])
    told = np.moveaxis(known[rows], 1, -2)
    return told.reshape(*told.shape[:-2], HEARD_DIM)


def in_rooms(
    ear: Ear,
    sound: Float32[np.ndarray, " N"],
    rows: int,
    *,
    seed: tuple[int, ...],
    depth_m: float | None = None,
) -> Float32[np.ndarray, "rows rooms 6"]:
    """Beliefs of an episode as it is and as it might have been recorded elsewhere; a function of ``seed``.

    ``depth_m``: the true one, or None where nobody looks; the ear is told another each time, as eyes would.
    """
    heard = []
    for room in range(ROOMS):
        rng = np.random.default_rng([*seed, room])
        there = through_room(sound, rng) if room else sound
        seen = None if depth_m is None else depth_m * float(np.exp(rng.normal(0, DEPTH_SPREAD)))
        heard.append(beliefs(ear, there, rows, seen))
    return np.stack(heard, 1)
