"""The flow network: sound latents, pictures, motion and text in; the latents' velocity out.

Reads:  latents at time t and features.   Makes: velocities, samples.   Used by: audio.mmaudio,
audio.generator, audio.train. One class for MMAudio's official presets (exact key names, a user's
checkpoint loads strictly) and for the compact ones. Axes: B batch, N latents, T appearance frames
(8 per second), S motion frames (about 25 per second), D hidden.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ...errors import ClockError, ConfigError
from ...learning.flow import Method, guide, integrate
from .blocks import FinalLayer, FusedBlock, JointBlock, Modulation
from .conditions import Conditions
from .config import NetworkConfig
from .fast import FastVelocity, fast_velocity
from .layers import GLU, TimeEmbedding, init_std, nearest_in_time, rotation, token_map
from .masks import SegmentationEncoder, SegmentationFusion

DERIVED = ("t_embed.freqs", "latent_rot", "clip_rot")
"""Tables that older official files saved; computed here, dropped on loading."""
MASK_PREFIXES = ("seg_encoder.", "seg_fusion.")


class FlowNetwork(nn.Module):
    """Multimodal transformer that predicts the velocity of flow matching."""

    latent_mean: Tensor
    latent_std: Tensor
    empty_string_feat: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        d, kernel = config.hidden, 7 if config.projection == "conv" else 1
        near = 3 if config.projection == "conv" else 1
        act = nn.SiLU if config.v2 else nn.SELU
        between = [nn.SiLU()] if config.v2 else []
        self.register_buffer("latent_mean", torch.zeros(1, 1, config.latent_dim))
        self.register_buffer("latent_std", torch.ones(1, 1, config.latent_dim))
        self.empty_clip_feat = nn.Parameter(torch.zeros(1, config.clip_dim))
        self.empty_sync_feat = nn.Parameter(torch.zeros(1, config.sync_dim))
        if config.sync_period is not None:
            self.sync_pos_emb = nn.Parameter(torch.zeros(1, 1, config.sync_period, config.sync_dim))
        self.audio_input_proj = nn.Sequential(
            token_map(config.latent_dim, d, kernel), act(), GLU(d, config.inner, kernel)
        )
        self.sync_input_proj = nn.Sequential(
            token_map(config.sync_dim, d, kernel), act(), GLU(d, config.inner, near)
        )
        self.clip_input_proj = nn.Sequential(
            nn.Linear(config.clip_dim, d), *between, GLU(d, config.inner, near)
        )
        self.clip_cond_proj = nn.Linear(d, d)
        if config.text_dim is not None:
            self.register_buffer(
                "empty_string_feat", torch.zeros(config.text_length, config.text_dim)
            )
            self.text_input_proj = nn.Sequential(
                nn.Linear(config.text_dim, d), *between, GLU(d, config.inner)
            )
            self.text_cond_proj = nn.Linear(d, d)
        self.global_cond_mlp = GLU(d, config.inner)
        self.t_embed = TimeEmbedding(d, d, 10000.0) if config.v2 else TimeEmbedding(d, 256, 1.0)
        self.joint_blocks = nn.ModuleList(
            JointBlock(config, last=i == config.joint - 1) for i in range(config.joint)
        )
        self.fused_blocks = nn.ModuleList(FusedBlock(config) for _ in range(config.fused))
        self.shared_modulation = (
            Modulation(d, 6) if config.modulation == "shared" else nn.Identity()
        )
        self.final_layer = FinalLayer(config)
        self._initialise()
        if config.masks is not None:
            self.seg_encoder = SegmentationEncoder(config.masks)
            self.seg_fusion = SegmentationFusion(config.masks, d)
        self.masks_loaded = True
        """False after loading a base file without a mask pathway: bypassed until trained."""
        self.register_load_state_dict_pre_hook(_forget_derived)
        self.register_load_state_dict_post_hook(_excuse_masks)

    def _initialise(self) -> None:
        """Xavier for Linears, framework default for convolutions, zero for every modulation and exit."""
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        init_std(self.t_embed, 0.02)
        for name, m in self.named_modules():
            if isinstance(m, Modulation) or name == "final_layer.conv":
                for p in m.parameters():
                    nn.init.zeros_(p)

    # Latent statistics -------------------------------------------------------------------------

    def normalise(self, latent: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        """Codec latents to unit statistics per channel."""
        return (latent - self.latent_mean) / self.latent_std

    def unnormalise(self, x: Float[Tensor, "B N C"]) -> Float[Tensor, "B N C"]:
        """Inverse of ``normalise``."""
        return x * self.latent_std + self.latent_mean

    # Conditions --------------------------------------------------------------------------------

    def conditions(
        self,
        clip: Float[Tensor, "B T Dc"],
        sync: Float[Tensor, "B S Ds"],
        text: Float[Tensor, "B L Dt"] | None,
        length: int,
        masks: Float[Tensor, "B T C H W"] | None = None,
        valid: Bool[Tensor, " B"] | None = None,
    ) -> Conditions:
        """Project every stream once. ``length`` is N; ``valid`` says whose masks are to be believed.

        Raises ClockError when masks and appearance features differ in number, or the motion features
        are no multiple of the segment length; ConfigError for inputs this network has no place for.
        """
        self._check(clip, sync, text, masks)
        if self.config.sync_period is not None:
            segments = sync.unflatten(1, (-1, self.config.sync_period)) + self.sync_pos_emb
            sync = segments.flatten(1, 2)
        clip_f = self.clip_input_proj(clip)
        sync_f = nearest_in_time(self.sync_input_proj(sync), length)
        pooled = self.clip_cond_proj(clip_f.mean(1, keepdim=True))
        text_f = None
        if text is not None:
            text_f = self.text_input_proj(text)
            pooled = pooled + self.text_cond_proj(text_f.mean(1, keepdim=True))
        use = masks is not None and (valid is None or bool(valid.any()))
        use = use and (self.masks_loaded or self.training)
        seg = self.seg_encoder(masks) if use else None
        return Conditions(
            clip_f, sync_f, text_f, self.global_cond_mlp(pooled), seg, valid if use else None
        )

    def _check(self, clip: Tensor, sync: Tensor, text: Tensor | None, masks: Tensor | None) -> None:
        period = self.config.sync_period
        if (text is None) != (self.config.text_dim is None):
            raise ConfigError(
                "this network needs text features; pass them, or empty_string_feat expanded"
                if text is None
                else "this network has no text stream; pass text=None"
            )
        if period is not None and sync.shape[1] % period:
            raise ClockError(
                f"got {sync.shape[1]} motion features; need a multiple of {period} (segments of 0.64 s)"
            )
        if masks is None:
            return
        if self.config.masks is None:
            raise ConfigError("this network has no mask pathway; build it with masks=MaskConfig()")
        want = (clip.shape[0], clip.shape[1], len(self.config.masks.classes))
        if tuple(masks.shape[:3]) != want:
            raise ClockError(
                f"masks have shape {tuple(masks.shape)}; need (batch, frames, classes) = {want} and a "
                "picture, at the same instants as the appearance features"
            )

    def null_conditions(
        self, like: Conditions, motion_length: int, text: Tensor | None = None
    ) -> Conditions:
        """The unconditional branch: learned empty vectors, no masks; ``text`` is a negative prompt."""
        b, frames, length = len(like.clip), like.clip.shape[1], like.sync.shape[1]
        if self.config.text_dim is not None:
            text = (self.empty_string_feat if text is None else text).expand(b, -1, -1)
        clip = self.empty_clip_feat.expand(b, frames, -1)
        sync = self.empty_sync_feat.expand(b, motion_length, -1)
        return self.conditions(clip, sync, text, length)

    # Velocity ----------------------------------------------------------------------------------

    def velocity(
        self, latent: Float[Tensor, "B N C"], t: Float[Tensor, " B"], c: Conditions
    ) -> Float[Tensor, "B N C"]:
        """dx/dt at (latent, t) under conditions that were projected before."""
        n, frames = latent.shape[1], c.clip.shape[1]
        c_g, c_x = self.modulators(t, c)
        h = self.config.head_dim
        rotations = rotation(n, h), rotation(frames, h, n / frames)
        m_x, m_g = self.shared_modulation(c_x), self.shared_modulation(c_g)
        streams = [self.audio_input_proj(latent), c.clip, *([] if c.text is None else [c.text])]
        for block in self.joint_blocks:
            streams = block(streams, m_x, m_g, rotations)
        x = streams[0]
        for block in self.fused_blocks:
            x = block(x, m_x, rotations[0])
        return self.final_layer(x, c_g)

    def modulators(
        self, t: Float[Tensor, " B"], c: Conditions
    ) -> tuple[Float[Tensor, "B 1 D"], Float[Tensor, "B N D"]]:
        """The global vector and the extended one (per latent), masks gated in where they are valid."""
        c_g = c.pooled + self.t_embed(t)
        c_x = c_g + c.sync
        return (c_g, c_x) if c.masks is None else self._fuse(t, c_g, c_x, c)

    def gate_opening(self, t: Float[Tensor, " B"], c: Conditions) -> Float[Tensor, "B T 1"]:
        """How far the masks' gate is open, 0..1, per frame; for logs. ConfigError without masks."""
        if c.masks is None:
            raise ConfigError("no masks in these conditions; the gate is not used")
        return self.seg_fusion(self._fused_with(t, c), c.masks)[1]

    def _fused_with(self, t: Tensor, c: Conditions) -> Tensor:
        """What the masks are mixed into: the global vector, or its content without the time."""
        assert self.config.masks is not None
        return c.pooled if self.config.masks.fuse_point == "content" else c.pooled + self.t_embed(t)

    def _fuse(self, t: Tensor, c_g: Tensor, c_x: Tensor, c: Conditions) -> tuple[Tensor, Tensor]:
        """Global and extended vectors with the masks gated in, where they are valid."""
        assert c.masks is not None
        assert self.config.masks is not None
        fused, _ = self.seg_fusion(self._fused_with(t, c), c.masks)
        if self.config.masks.fuse_point == "content":
            fused = fused + self.t_embed(t)
        with_g, with_x = (
            fused.mean(1, keepdim=True),
            nearest_in_time(fused, c.sync.shape[1]) + c.sync,
        )
        if c.valid is None:
            return with_g, with_x
        valid = c.valid[:, None, None]
        return torch.where(valid, with_g, c_g), torch.where(valid, with_x, c_x)

    def predict_flow(
        self,
        latent: Float[Tensor, "B N C"],
        clip: Float[Tensor, "B T Dc"],
        sync: Float[Tensor, "B S Ds"],
        text: Float[Tensor, "B L Dt"] | None,
        t: Float[Tensor, " B"],
        masks: Float[Tensor, "B T C H W"] | None = None,
        valid: Bool[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B N C"]:
        """Velocity of normalised latents at time t; t broadcasts over the batch."""
        c = self.conditions(clip, sync, text, latent.shape[1], masks, valid)
        return self.velocity(latent, t.expand(len(latent)), c)

    @torch.no_grad()
    def sample(
        self,
        x0: Float[Tensor, "B N C"],
        clip: Float[Tensor, "B T Dc"],
        sync: Float[Tensor, "B S Ds"],
        text: Float[Tensor, "B L Dt"] | None,
        *,
        steps: int = 25,
        guidance: float = 4.5,
        method: Method = "euler",
        masks: Float[Tensor, "B T C H W"] | None = None,
        valid: Bool[Tensor, " B"] | None = None,
        negative_text: Tensor | None = None,
        fast: bool | None = None,
    ) -> Float[Tensor, "B N C"]:
        """Normalised latents from noise ``x0``. Guidance of 1 or less runs the conditional branch only.

        ``fast``: prepared velocities (network.fast), equal up to rounding; None: on a CPU, for MMAudio's
        presets. They hold about 1.5 times the weights once more.
        """
        c = self.conditions(clip, sync, text, x0.shape[1], masks, valid)
        if self._may_be_fast() if fast is None else fast:
            return self._sample_fast(x0, c, sync.shape[1], negative_text, steps, guidance, method)
        if guidance <= 1:
            return integrate(lambda x, t: self.velocity(x, t, c), x0, steps=steps, method=method)
        both = c.join(self.null_conditions(c, sync.shape[1], negative_text))
        return integrate(
            lambda x, t: self.guided_velocity(x, t, both, guidance), x0, steps=steps, method=method
        )

    def _may_be_fast(self) -> bool:
        return self.latent_mean.device.type == "cpu" and FastVelocity.fits(self)

    def _sample_fast(
        self, x0: Tensor, c: Conditions, motion_length: int, negative: Tensor | None,
        steps: int, guidance: float, method: Method,
    ) -> Tensor:  # fmt: skip
        """``sample`` with everything prepared; both branches of guidance share the latent's entrance."""
        velocity = fast_velocity(self)
        if guidance <= 1:
            alone = velocity.prepare(c)
            return integrate(lambda x, t: velocity(x, t, alone), x0, steps=steps, method=method)
        both = velocity.prepare(c.join(self.null_conditions(c, motion_length, negative)))

        def guided(x: Tensor, t: Tensor) -> Tensor:
            seen, null = velocity(x, t, both).chunk(2)
            return guide(seen, null, guidance)

        return integrate(guided, x0, steps=steps, method=method)

    def guided_velocity(self, x: Tensor, t: Tensor, both: Conditions, guidance: float) -> Tensor:
        """Both branches in one batch, extrapolated; ``both`` is ``conditions.join(null)``."""
        v, v_null = self.velocity(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
        return guide(v, v_null, guidance)


def _forget_derived(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for key in DERIVED:
        state.pop(prefix + key, None)


def _excuse_masks(module: FlowNetwork, incompatible: Any) -> None:
    """A base file has no mask pathway: that is no error, and the pathway stays bypassed."""
    wanted = [k for k in module.state_dict() if k.startswith(MASK_PREFIXES)]
    absent = [k for k in incompatible.missing_keys if k.startswith(MASK_PREFIXES)]
    module.masks_loaded = not absent
    if wanted and len(absent) == len(wanted):
        for key in absent:
            incompatible.missing_keys.remove(key)
