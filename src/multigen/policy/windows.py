"""From a dataset's cache to training batches: what was known at a decision, and what was done then.

Reads:  dataset.cache.PolicyCache (memory maps).   Makes: batches of policy.policy.
Used by: policy.train.
Every frame of every episode is a decision, the last ones too (their chunk repeats the last action), else
a policy never learns to stop. Before the start, frames and states repeat the first, sound is zero.
At frame t sound before t is known: samples [0, t * samples_per_frame); frame t's own follow it.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float16, Float32, Int
from rich.progress import track
from torch import Tensor

from ..dataset.cache import PolicyCache
from ..ear.bands import RATE
from ..ear.network import Ear
from ..errors import ConfigError
from ..types.pose import decode_pose, relative_chunk
from .config import HEARD_DIM, PolicyConfig
from .hearing import ROOMS, in_rooms, looked_back
from .log_mel import BANDS, HOP, SAMPLE_RATE, episode_mel

WORKSPACE_M = np.array([0.6, 0.0, 0.15])
"""A point amid the work; as seen from the hand it moves against the hand, as relative actions do."""
LEAST_LANDED = 0.01
"""Of the source's initial volume, that counts as a pour."""
CLOSING = 0.05
"""Of a gripper that counts as told to close."""


@dataclass(frozen=True)
class Windows:
    """Every decision of some episodes; batches are gathered from memory maps."""

    cache: PolicyCache
    config: PolicyConfig
    episode: Int[np.ndarray, " n"]
    """Episode of each decision."""
    frame: Int[np.ndarray, " n"]
    """Row in the cache of each decision."""
    chunk: Float32[np.ndarray, "n K 10"]
    """Relative to the pinch site at the decision."""
    done: np.ndarray
    """The episode ends within the next ``n_action_steps``."""
    places: Float32[np.ndarray, "n 9"]
    """Where the hand first closes, where the episode ends and where the hand tilts the most, seen from the
    hand at the decision [m]."""
    landed: Float32[np.ndarray, " n"]
    """Share of the source's initial volume that has landed; NaN where nobody knows."""
    pour_s: Float32[np.ndarray, " n"]
    """How long the decision's episode poured; NaN where nobody knows."""
    mel: Float16[np.ndarray, "F M"] | None
    """Scaled log-mels of all episodes, one after another; None without the sense or with an ear."""
    mel_row: Int[np.ndarray, " n"]
    """First log-mel row of each decision."""
    heard: Float32[np.ndarray, "n R 6"] | None
    """What an ear believes at each decision, in R rooms (hearing.in_rooms)."""
    first: Int[np.ndarray, " n"]
    """Index of the first decision of each decision's episode."""
    look: Int[np.ndarray, " n"] | None = None
    """Pair of pictures of each decision, of a cache of glimpses, which has no sound: then batches say
    ``deaf``, and what they have for sound counts as a missing sense."""

    def __len__(self) -> int:
        return len(self.frame)

    def felt(self) -> Float32[np.ndarray, "n S"]:
        """Proprioception at every decision."""
        return proprioception(self.cache.state[self.frame], self.cache.eef[self.frame], self.config)

    def batch(self, index: Int[np.ndarray, " B"]) -> dict[str, Tensor]:
        """The batch that ``AudioVisualDiffusionPolicy.loss`` takes."""
        config, cache = self.config, self.cache
        frame, episode = self.frame[index], self.episode[index]
        ago = np.arange(1 - config.n_obs_steps, 1)
        rows = np.maximum(frame[:, None] + ago, cache.starts[episode][:, None])
        made = {
            "command": torch.from_numpy(cache.command[episode].astype(np.float32)),
            "action": torch.from_numpy(self.chunk[index]),
            "done": torch.from_numpy(self.done[index]),
            "places": torch.from_numpy(self.places[index]),
            "landed": torch.from_numpy(self.landed[index]),
            "pour_s": torch.from_numpy(self.pour_s[index]),
            "sizes": torch.from_numpy(cache.sizes[episode]),
        }
        if "vision" in config.senses:
            images = torch.from_numpy(cache.rgb[rows if self.look is None else self.look[index]])
            made["images"] = images.permute(0, 1, 4, 2, 3).contiguous()
        if self.mel is not None:
            heard = self.mel_row[index][:, None] + np.arange(config.audio_frames)
            made["mel"] = torch.from_numpy(self.mel[heard]).float()
        if self.heard is not None:
            made["heard"] = torch.from_numpy(looked_back(self.heard, index, self.first[index]))
        if self.look is not None and "audio" in config.senses:
            made |= _silence(config, len(index))
        made["deaf"] = torch.full((len(index),), self.look is not None)
        if "state" in config.senses:
            made["state"] = torch.from_numpy(
                proprioception(cache.state[rows], cache.eef[rows], config)
            )
        return made


@dataclass(frozen=True)
class Joined:
    """Windows of several datasets as if they were one, the first one's decisions first."""

    parts: tuple[Windows, ...]

    def __len__(self) -> int:
        return int(self._ends[-1])

    @cached_property
    def _ends(self) -> Int[np.ndarray, " parts"]:
        return np.cumsum([len(part) for part in self.parts])

    @property
    def chunk(self) -> Float32[np.ndarray, "n K 10"]:
        """See Windows."""
        return np.concatenate([part.chunk for part in self.parts])

    @property
    def pour_s(self) -> Float32[np.ndarray, " n"]:
        """See Windows."""
        return np.concatenate([part.pour_s for part in self.parts])

    def felt(self) -> Float32[np.ndarray, "n S"]:
        """See Windows."""
        return np.concatenate([part.felt() for part in self.parts])

    def batch(self, index: Int[np.ndarray, " B"]) -> dict[str, Tensor]:
        """See Windows; rows are in the order of ``index``."""
        whose = np.searchsorted(self._ends, index, side="right")
        starts = self._ends - [len(part) for part in self.parts]
        taken = [np.flatnonzero(whose == i) for i in range(len(self.parts))]
        made = [
            part.batch(index[rows] - start)
            for part, start, rows in zip(self.parts, starts, taken, strict=True)
            if len(rows)
        ]
        back = torch.from_numpy(np.argsort(np.concatenate(taken)))
        return {key: torch.cat([batch[key] for batch in made])[back] for key in made[0]}


def join(parts: list[Windows]) -> Windows | Joined:
    """One part as it is, several as one."""
    return parts[0] if len(parts) == 1 else Joined(tuple(parts))


def _silence(config: PolicyConfig, count: int) -> dict[str, Tensor]:
    """Something of the right shape in place of sound that nobody recorded."""
    if config.heard_width:
        return {"heard": torch.zeros(count, ROOMS, HEARD_DIM)}
    return {"mel": torch.zeros(count, config.audio_frames, BANDS)}


def proprioception(
    state: Float32[np.ndarray, "*n 7"], eef: Float32[np.ndarray, "*n 10"], config: PolicyConfig
) -> Float32[np.ndarray, "*n S"]:
    """What a policy feels of its body: joint angles and, if it wants, how far the gripper is closed
    and where the hand is."""
    parts = [state, eef[..., 9:]] if config.gripper_state else [state]
    if config.pose_state:
        parts += [eef[..., 3:9], from_hand(eef, WORKSPACE_M)]
    return np.concatenate(parts, -1).astype(np.float32)


def from_hand(
    eef: Float32[np.ndarray, "*n 10"], point: Float[np.ndarray, " 3"]
) -> Float32[np.ndarray, "*n 3"]:
    """A point of the world as seen from the hand [m]."""
    position, rotation, _ = decode_pose(eef)
    return np.einsum("...ji,...j->...i", rotation, point - position).astype(np.float32)


def places_ahead(
    eef: Float32[np.ndarray, "T 10"], action: Float32[np.ndarray, "T 10"]
) -> Float32[np.ndarray, "T 9"]:
    """Of one episode: where the hand is first told to close (the end, if never), where it ends, and where it
    tilts the most: how far that is from the end says how far the lip is from the grip."""
    closing = np.flatnonzero(action[:, 9] > CLOSING)
    turned = decode_pose(action)[1]
    upright = np.einsum("tij,ij->t", turned, turned[-1])
    there = action[[closing[0] if len(closing) else -1, -1, int(np.argmin(upright))]]
    chunk = relative_chunk(eef, np.broadcast_to(there, (len(eef), *there.shape)))
    return chunk[..., :3].reshape(len(eef), -1)


def pouring_s(landed: Float32[np.ndarray, " T"], fps: int) -> float:
    """Of one episode: how long the middle nine tenths of what landed took; NaN where nothing did."""
    if not landed[-1] > LEAST_LANDED:
        return math.nan
    first, last = (int(np.argmax(landed >= share * landed[-1])) for share in (0.05, 0.95))
    return max(last - first, 1) / fps


def build_windows(
    cache: PolicyCache, config: PolicyConfig, episodes: np.ndarray, ear: Ear | None = None
) -> Windows:
    """All decisions of ``episodes``; what is heard is worked out here, once (log-mels: 0.2 MB an episode,
    in memory). ``ear`` is the one a policy with audio_encoder 'ear' believes.
    """
    frame, episode, chunk, done, places, pours = [], [], [], [], [], []
    mel, mel_row, mel_rows = [], [], 0
    heard, first = [], []
    per_frame = cache.samples_per_frame
    if "audio" in config.senses and (cache.sample_rate != SAMPLE_RATE or per_frame % HOP):
        raise ConfigError(
            f"the dataset has {cache.sample_rate} Hz sound at {cache.fps} rows a second; a policy "
            f"hears {SAMPLE_RATE} Hz and needs a multiple of {HOP} samples a row (20 or 10 rows a second)"
        )
    if ear is not None and cache.fps != RATE:
        raise ConfigError(
            f"the dataset has {cache.fps} rows a second; a policy that believes an ear needs {RATE:g}"
        )
    silent = cache.glimpsed is not None
    # every episode goes through an ear in every room: minutes, for hundreds
    for e in track(episodes, "Listening", transient=True, disable=ear is None or silent):
        start, stop = int(cache.starts[e]), int(cache.starts[e + 1])
        rows = np.arange(start, stop)
        ahead = np.minimum(rows[:, None] + np.arange(config.horizon), stop - 1)
        frame.append(rows)
        episode.append(np.full(len(rows), e))
        chunk.append(relative_chunk(cache.eef[rows], cache.action[ahead]))
        done.append(stop - rows <= config.n_action_steps)
        places.append(places_ahead(cache.eef[rows], cache.action[rows]))
        pours.append(np.full(len(rows), pouring_s(cache.landed[rows], cache.fps), np.float32))
        first.append(np.full(len(rows), sum(map(len, first))))
        if "audio" not in config.senses or silent:
            continue
        sound = cache.sound[start * per_frame : (stop - 1) * per_frame].astype(np.float32) / 32_768
        if config.audio_encoder == "ear":
            assert ear is not None, "a policy that believes an ear needs one"
            depth_m = float(cache.sizes[e, 1]) if config.eyes_tell_ear else None
            heard.append(in_rooms(ear, sound, len(rows), seed=(int(e), start), depth_m=depth_m))
            continue
        scaled = episode_mel(torch.from_numpy(sound), config.audio_seconds)
        mel_row.append(mel_rows + np.arange(len(rows)) * (per_frame // HOP))
        mel.append(scaled.half().numpy())
        mel_rows += len(scaled)
    if not frame:
        raise ConfigError(
            "no episodes to learn from; generate a dataset of at least one episode first"
        )
    made = Windows(
        cache,
        config,
        np.concatenate(episode),
        np.concatenate(frame),
        np.concatenate(chunk),
        np.concatenate(done).astype(np.float32),
        np.concatenate(places),
        cache.landed[np.concatenate(frame)],
        np.concatenate(pours),
        np.concatenate(mel) if mel else None,
        np.concatenate(mel_row) if mel_row else np.zeros(0, int),
        np.concatenate(heard) if heard else None,
        np.concatenate(first),
    )
    return made if cache.glimpsed is None else _seen_only(made, cache.glimpsed)


def _seen_only(windows: Windows, glimpsed: Int[np.ndarray, " G"]) -> Windows:
    """The decisions of whose rows there are pictures."""
    look = np.flatnonzero(np.isin(glimpsed, windows.frame))
    kept = np.searchsorted(windows.frame, glimpsed[look])
    names = ("episode", "frame", "chunk", "done", "places", "landed", "pour_s", "first")
    return replace(windows, look=look, **{n: getattr(windows, n)[kept] for n in names})


def split_episodes(
    command: Float32[np.ndarray, " E"], fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(training, validation) episodes; every command gives its share to validation."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(command))
    order = order[np.argsort(command[order], kind="stable")]
    held = np.zeros(len(order), bool)
    count = round(fraction * len(order))
    held[np.unique(np.linspace(0, len(order) - 1, count + 2).round().astype(int)[1:-1])] = count > 0
    return np.sort(order[~held]), np.sort(order[held])


class Shuffled:
    """Which decisions step s learns from: a pure function of (seed, step), every one once an epoch."""

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._kept: dict[int, np.ndarray] = {}

    def __call__(self, step: int) -> Int[np.ndarray, " B"]:
        place = step * self.batch_size + np.arange(self.batch_size)
        epochs = place // self.count
        orders = {int(e): self._order(int(e)) for e in np.unique(epochs)}
        self._kept = orders
        return np.array(
            [orders[int(e)][i] for e, i in zip(epochs, place % self.count, strict=True)]
        )

    def _order(self, epoch: int) -> np.ndarray:
        if epoch in self._kept:
            return self._kept[epoch]
        return np.random.default_rng([self.seed, epoch]).permutation(self.count)
