"""What a policy is made of: one flat record, and its three published sizes.

Reads:  nothing.   Makes: PolicyConfig (JSON both ways through multigen.files).
Used by: every file of this room; `config.json` of a checkpoint is this record.
Field names follow LeRobot's diffusion policies where they have one.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args, get_origin, get_type_hints

from ..errors import ConfigError

SENSES: tuple[str, ...] = ("vision", "audio", "state")
"""What a policy may use of an Observation; the command is always given."""
JOINTS = 7
"""Joint angles [rad] in an Observation's state."""
PLACES = 9
"""Three points of the hand's frame."""
SIZES = 2
"""Numbers of PolicyCache.sizes."""
PACE = 2
"""Numbers that a pace is told in: its logarithm, and whether it is known."""
BELIEFS, BACK = 6, (0, 2, 4, 8, 16)
"""Numbers that an ear believes (policy.hearing); rows before the decision whose beliefs are told."""
HEARD_DIM = BELIEFS * len(BACK)
POSE = 9
"""Rotation 6, a point of the workspace in the hand's frame 3."""
ACTION_DIM = 10
"""Position 3, rotation 6, gripper 1; see types.Controller.act."""
COMMAND_FREQUENCIES = 4
"""Fourier features of the commanded fraction: sin and cos of pi, 2 pi, 4 pi, 8 pi times it."""


@dataclass(frozen=True)
class PolicyConfig:
    """Architecture and diffusion of an audio-visual diffusion policy (defaults: ``tiny``)."""

    preset: str = "tiny"
    """Name of the preset this came from; says nothing by itself."""
    senses: tuple[str, ...] = SENSES
    """Subset of vision, audio, state. The deaf baseline is the same class without 'audio'."""
    sense_dropout: float = 0.1
    """Chance, per sense and training sample, that it is replaced by its learned 'absent' token."""

    n_obs_steps: int = 2
    """Ego frames and postures per decision, at control_hz."""
    horizon: int = 16
    """Actions in a predicted chunk."""
    n_action_steps: int = 4
    """Actions executed before the next decision."""
    gripper_state: bool = True
    """Proprioception holds the measured closing of the gripper beside the joint angles: without it,
    'about to grasp' and 'has grasped' are the same posture. The paper has the angles alone."""
    pose_state: bool = False
    """Proprioception also holds where the hand is (forward kinematics of the joint angles): its rotation,
    and a fixed point of the workspace as seen from the hand. The paper has the angles alone."""
    audio_seconds: float = 4.0
    """Sound before the decision: 64 240 samples, 400 log-mel frames."""

    image_size: int = 96
    """Side of the square ego frame [px]."""
    image_encoder: Literal["resnet", "clip"] = "resnet"
    """'resnet' (GroupNorm) or 'clip' (CLIPVisionModel)."""
    image_widths: tuple[int, ...] = (16, 32, 64, 128)
    """'resnet': channels of the stages; 'clip': one number, the width."""
    image_layers: int = 0
    """'clip' only."""
    image_heads: int = 0
    """'clip' only."""
    image_patch: int = 16
    """'clip' only [px]."""

    audio_encoder: Literal["ast", "ear"] = "ast"
    """'ast': a transformer over the log-mel of the last seconds, learned with the policy, as in the paper;
    'ear': what the packaged ear believes (fill, air column, flow), which has heard the whole episode."""
    audio_width: int = 96
    audio_layers: int = 2
    audio_heads: int = 3
    audio_stride: int = 16
    """Step between 16 x 16 patches of the log-mel; 16 does not overlap, AST's own is 10."""

    denoiser: Literal["mlp", "dit", "unet"] = "mlp"
    """'mlp' (perceptron over the whole chunk), 'dit' (transformer over its actions) or 'unet' (1-d
    convolutions along them)."""
    denoiser_widths: tuple[int, ...] = (256,)
    """'mlp' and 'dit': one number, the width; 'unet': channels of the levels."""
    denoiser_layers: int = 3
    """'mlp' and 'dit': blocks."""
    denoiser_heads: int = 5
    """'dit' only."""
    denoiser_skip: bool = False
    """'mlp' only: a linear map from the condition straight to the chunk beside the perceptron. 'Where it
    should be, less where it is' is linear in the hand's place, and must be exact."""
    places: bool = False
    """A second task for the eyes: where the hand first closes, where the episode ends and where it tilts the
    most, as seen from the hand now. The denoiser is told the answer. From actions alone eyes learn this
    slowly: the next motion of a demonstration can mostly be told from the last one."""
    landed: bool = False
    """Another, for all senses: which share of the source's initial volume has landed. The denoiser is told
    the answer and its ratio to the command. The command is kept from who answers: demonstrations end when
    enough has landed, so 'enough' could be answered without listening, and would stop at 1 for ever."""
    sizes: bool = False
    """A third, for the eyes: how deep the receiver is, and how much more it holds than the source had. What
    is heard is a length of air or a share of a vessel; these two make an amount of it. Whoever answers
    'landed' is told the answer, and what it makes of the beliefs. Needs ``landed``."""
    depth_told: bool = False
    """The ear is told how deep the eyes see the receiver to be: that cannot be heard. Needs ``sizes``, eyes
    and an ear."""
    measured: bool = False
    """The denoiser is told what the senses say in numbers (places, sizes, beliefs, what has landed) and
    nothing else of what was seen or heard: looks that no demonstration had cannot pull at the hand except
    through a place. Needs ``places`` and ``landed``."""
    paced: bool = False
    """The denoiser is told how long its demonstration poured, and asked, when it acts, to pour rather slowly
    (pace.SLOW). Demonstrations pour at many paces, so that no clock tells when to stop; but what is heard is
    some tenths of a second old, and who pours fast has poured too much by then."""
    truth_told: bool = False
    """In training the denoiser is told the true places, sizes and landed share where they are known, a little
    off (impression.PLACES_OFF_M and the others), instead of what the senses say of them. From what they say it
    would learn when to stop as vaguely as generated sound tells it."""
    command_width: int = 32

    noise_draws: int = 8
    """Noises (and diffusion steps) per decision and training step: what the encoders worked out is used
    that many times, since the denoiser costs a small share of them."""
    num_train_timesteps: int = 50
    num_inference_steps: int = 10
    beta_schedule: Literal["squaredcos_cap_v2", "linear"] = "squaredcos_cap_v2"
    """The 'Glide cosine' of the paper's appendix C; it has no beta_start and no beta_end."""
    prediction_type: Literal["epsilon", "sample", "v_prediction"] = "sample"
    """What the denoiser answers. `paper` says the noise ('epsilon'), as Diffusion Policy and ManiWAV do;
    after a few hundred steps an answer in actions ('sample') is far more exact, so the compact presets
    give that: 3.3 mm and 5.0 degrees against 14.2 mm and 13.6 degrees on a made-up task, 300 steps."""
    timestep_spacing: Literal["leading", "trailing", "linspace"] = "leading"
    clip_sample_range: float = 1.0

    def __post_init__(self) -> None:
        unknown = set(self.senses) - set(SENSES)
        if unknown or not self.senses or len(set(self.senses)) != len(self.senses):
            raise ConfigError(
                f"senses={list(self.senses)} is not a choice of {list(SENSES)}; name each at most "
                "once, and at least one"
            )
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal and getattr(self, name) not in get_args(kind):
                raise ConfigError(
                    f"{name}='{getattr(self, name)}' is unknown; use one of {get_args(kind)}"
                )
        if self.sizes and not self.landed:
            raise ConfigError("sizes=True is told to who answers 'landed'; set landed=True as well")
        if self.depth_told and not self.sizes:
            raise ConfigError(
                "depth_told=True tells the ear what eyes say of sizes; set sizes=True"
            )
        if self.measured and not (self.places and self.landed):
            raise ConfigError(
                "measured=True tells the denoiser nothing but numbers; set places=True and landed=True"
            )
        if not 1 <= self.n_action_steps <= self.horizon:
            raise ConfigError(
                f"n_action_steps={self.n_action_steps} must lie between 1 and horizon={self.horizon}"
            )
        if not 1 <= self.num_inference_steps <= self.num_train_timesteps:
            raise ConfigError(
                f"num_inference_steps={self.num_inference_steps} must lie between 1 and "
                f"num_train_timesteps={self.num_train_timesteps}"
            )

    @property
    def state_dim(self) -> int:
        """Numbers of proprioception per step."""
        return JOINTS + self.gripper_state + (POSE if self.pose_state else 0)

    @property
    def audio_frames(self) -> int:
        """Log-mel frames per decision."""
        return round(100 * self.audio_seconds)

    @property
    def image_width(self) -> int:
        """Features of one encoded frame."""
        return self.image_widths[-1]

    @property
    def token_width(self) -> int:
        """Features of the vision and of the audio token that attend to each other."""
        return self.n_obs_steps * self.image_width

    @property
    def condition_width(self) -> int:
        """What the denoiser is told: fused senses (unless ``measured``), postures, command, pace, beliefs,
        sizes, what has landed, places."""
        told = 0 if self.measured else self.image_width
        told += self.n_obs_steps * self.state_dim + self.command_width
        told += self.heard_width + SIZES * self.sizes + PACE * self.paced
        return told + 2 * self.landed + (PLACES if self.places else 0)

    @property
    def eyes_tell_ear(self) -> bool:
        """Whether there is an ear that is told the depth."""
        return self.depth_told and bool(self.heard_width) and "vision" in self.senses

    @property
    def heard_width(self) -> int:
        """Beliefs that the denoiser is told as they are: none with ears of its own."""
        return HEARD_DIM if "audio" in self.senses and self.audio_encoder == "ear" else 0


PRESETS: dict[str, PolicyConfig] = {
    "tiny": PolicyConfig(
        pose_state=True, denoiser_skip=True, places=True, landed=True, sizes=True,
        depth_told=True, measured=True, paced=True, truth_told=True, audio_encoder="ear",
    ),
    "compact": PolicyConfig(
        preset="compact", pose_state=True, denoiser_skip=True, places=True, landed=True, sizes=True,
        depth_told=True, measured=True, paced=True, truth_told=True, audio_encoder="ear", audio_width=192,
        image_widths=(32, 64, 128, 256), denoiser_widths=(320,), denoiser_layers=3,
    ),
    "paper": PolicyConfig(
        preset="paper", gripper_state=False, noise_draws=1,
        image_size=224, image_encoder="clip", image_widths=(768,), image_layers=12,
        image_heads=12, image_patch=16,
        audio_width=768, audio_layers=12, audio_heads=12, audio_stride=10,
        denoiser="unet", denoiser_widths=(256, 512, 1024), num_inference_steps=50,
        prediction_type="epsilon",
    ),
}  # fmt: skip
"""`tiny` and `compact` learn on a CPU; `paper` is the published size and wants a GPU."""


def preset(name: str, **changes: object) -> PolicyConfig:
    """The named preset with some fields changed. Raises ConfigError for an unknown name."""
    if name not in PRESETS:
        raise ConfigError(f"no policy preset '{name}'; choose one of {sorted(PRESETS)}")
    return replace(PRESETS[name], **changes)  # pyright: ignore[reportArgumentType]
