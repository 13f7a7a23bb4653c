"""A trained policy that acts: from an Observation to the next commands.

Reads:  a checkpoint folder, Observations.   Makes: types.Controller.
Used by: benchmark and cli (as the guest of episode.rollout), people, a real robot.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from ..dataset.cache import area_resize
from ..ear.bands import HOP
from ..errors import ConfigError
from ..files.sound import to_int16
from ..types import Latency, Observation, SceneConfig, parse_command
from ..types.pose import absolute_chunk, proper
from .hearing import beliefs, looked_back
from .log_mel import recent_mel, samples_for
from .memory import Memory
from .packaged import load_weights
from .policy import AudioVisualDiffusionPolicy, start_noise
from .windows import proprioception


class PolicyController:
    """Implements types.Controller. One command and one stream of randomness per episode."""

    def __init__(
        self,
        policy: AudioVisualDiffusionPolicy,
        *,
        senses: tuple[str, ...] | None = None,
        done_threshold: float = 0.5,
        device: str = "cpu",
        latency: Latency = Latency(),
        temperature: float = 0.0,
        remembers: bool = True,
        pour_s: float | None = None,
    ) -> None:
        """``senses``: use only these of the senses it was trained with; the others are 'absent'.
        ``temperature``: standard deviation of the noise that denoising starts from. At 1 an action is drawn
        from what demonstrations would do; at 0, the middle of that noise, it is a usual one: each draw is
        an error to be made good at the next, and who pours cannot take back. ``remembers``: see memory.
        ``pour_s``: how long a pour shall take, of a policy that is told; unless said otherwise rather slowly:
        what is heard is some tenths of a second old.
        ``latency``, if compensated: rows that are overdue when they would be done are left out.

        Raises ConfigError for senses it does not have, and where the chunk is too short for the latency.
        """
        known = policy.config.senses
        if senses is not None and not set(senses) <= set(known):
            raise ConfigError(
                f"this policy was trained with {', '.join(known)}; it cannot use {', '.join(senses)}"
            )
        self._overdue = latency.overdue()
        if self._overdue + policy.config.n_action_steps > policy.config.horizon:
            raise ConfigError(
                f"{self._overdue} of {policy.config.horizon} actions would be overdue and "
                f"{policy.config.n_action_steps} are to be done; only shorter latencies can be compensated"
            )
        self.policy = policy.eval().to(device)
        self.senses = known if senses is None else senses
        self.done_threshold = done_threshold
        self.device = device
        self._command: float | None = None
        self._generator = torch.Generator()
        self._over = False
        self._temperature = temperature
        paced = policy.config.paced and pour_s is None
        self._pour_s = float(self.policy.pace_s[1]) if paced else pour_s
        self._looks = 0 if remembers else 1
        self._memory = Memory(self._looks)

    def reset(self, scene: SceneConfig | str | float, seed: int = 0) -> None:
        """A new episode: reads nothing of ``scene`` but its command (text and fractions work too)."""
        self.reset_command(scene.command if isinstance(scene, SceneConfig) else scene, seed)

    def reset_command(self, command: str | float, seed: int = 0) -> None:
        """A new episode: 'half', '1/3', '25 %' or a fraction in (0, 1]. Raises ConfigError otherwise."""
        fraction = parse_command(command) if isinstance(command, str) else float(command)
        if not 0 < fraction <= 1:
            raise ConfigError(f"the command is {fraction:g}; ask for a fraction in (0, 1]")
        self._command = fraction
        self._generator = torch.Generator().manual_seed(seed)
        self._over = False
        self._memory = Memory(self._looks)

    def act(self, seen: Observation) -> Float32[np.ndarray, "n 10"] | None:
        """The next ``n_action_steps`` commands (world frame, see types.Controller), or None when over.

        When the policy believes that the episode ends within these commands, they are given out
        first and the next call returns None. The same seed and observations give the same commands.
        """
        if self._command is None:
            raise ConfigError("the policy has no command yet; call reset before act")
        if self._over:
            return None
        self._memory.arrive(seen.eef[-1])
        noise = self._warmth() * start_noise(self.policy, self._generator)
        relative, done = self.policy.predict_action_chunk(self.sense(seen), noise, self._memory)
        self._over = float(done) > self.done_threshold
        chunk = absolute_chunk(seen.eef[-1], proper(relative[0].cpu().numpy()))
        return chunk[self._overdue : self._overdue + self.policy.config.n_action_steps]

    def _warmth(self) -> float:
        """The usual action may be none, for ever: a hand that stands still draws instead."""
        return 1.0 if self._memory.stands_still else self._temperature

    def sense(self, seen: Observation) -> dict[str, Tensor]:
        """What the network reads of an observation, as a batch of one."""
        config = self.policy.config
        batch = {"command": torch.tensor([self._command])}
        if "vision" in self.senses:
            frames = area_resize(_last(seen.ego, config.n_obs_steps), config.image_size)
            batch["images"] = torch.from_numpy(frames.transpose(0, 3, 1, 2).copy())[None]
        if "audio" in self.senses:
            batch |= self._hear(seen)
        if "state" in self.senses:
            state = proprioception(
                _last(seen.state, config.n_obs_steps), _last(seen.eef, config.n_obs_steps), config
            )
            batch["state"] = torch.from_numpy(state)[None]
        if self._pour_s:
            batch["pour_s"] = torch.tensor([self._pour_s])
        return {key: value.to(self.device) for key, value in batch.items()}

    def _hear(self, seen: Observation) -> dict[str, Tensor]:
        """What the ears take: all that was heard, or the newest seconds."""
        config, ear = self.policy.config, self.policy.ear
        newest = seen.sound if ear else seen.sound[-samples_for(config.audio_seconds) :]
        # 16 bit, like the cache a policy learns from and the paper's microphone
        sound = to_int16(newest).astype(np.float32) / 32_768
        if ear is None:
            return {"mel": recent_mel(torch.from_numpy(sound), config.audio_seconds)[None]}
        rows = len(sound) // HOP + 1
        depth_m = self._memory.depth_m if config.eyes_tell_ear else None
        known = beliefs(ear, sound, rows, depth_m)
        heard = looked_back(known, np.array([rows - 1]), np.zeros(1, int))
        return {"heard": torch.from_numpy(heard)}


def _last(frames: np.ndarray, count: int) -> np.ndarray:
    """The newest ``count``, the first one repeated where history is shorter."""
    frames = frames[-count:]
    return np.concatenate([np.repeat(frames[:1], count - len(frames), 0), frames])


def load_policy(
    path: str | Path,
    *,
    senses: tuple[str, ...] | None = None,
    device: str = "cpu",
    latency: Latency = Latency(),
    temperature: float = 0.0,
    remembers: bool = True,
    pour_s: float | None = None,
) -> PolicyController:
    """A checkpoint folder or a packaged name -> a controller: ``.reset("half")``, ``.act(observation)``.

    Raises WeightsError when there is none, or tensors are missing, unexpected or wrongly shaped.
    """
    return PolicyController(
        load_weights(path),
        senses=senses,
        device=device,
        latency=latency,
        temperature=temperature,
        remembers=remembers,
        pour_s=pour_s,
    )
