"""The compact preset's eyes: frames and roles to appearance and motion features.

Reads:  64 x 64 frames and 32 x 32 role coverage at 25 frames per second.   Makes: appearance
features (8 per second), motion features (25 per second).   Used by: audio.sound_model.
A small pyramid sees each frame once; beside it go exact statistics of the roles (area, place,
extent), because onset and pitch hang on a stream two pixels wide and on the height of a liquid
surface. About 2 million multiply-adds per frame.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor, nn

from ..types import Role
from .network.layers import ChannelConv
from .told import TOLD

FRAME = 64
"""Side of the frames the eyes see, pixels."""
ROLE_SIDE = 32
"""Side of the role coverage."""
VIEW_FPS = 25
APPEARANCE_FPS = 8
ROLES = len(Role)
_PER_ROLE = 11
STATISTICS = (ROLES + 1) * _PER_ROLE


@dataclass(frozen=True)
class EyesConfig:
    """Widths of the eyes."""

    dim: int = 192
    """Width of a frame's embedding and of both feature streams."""
    widths: tuple[int, int, int] = (32, 64, 96)
    """Channels per cell at 16 x 16, 8 x 8 and 4 x 4 cells."""
    motion_blocks: int = 2
    told: bool = False
    """Whether they also take what can be told about the receiver (``audio.told``)."""


def appearance_index(frames: int) -> Int64[Tensor, " T"]:
    """Which of ``frames`` views at 25 per second are shown at 0, 1/8, 2/8 ... s."""
    count = max(1, frames * APPEARANCE_FPS // VIEW_FPS)
    return torch.arange(count) * VIEW_FPS // APPEARANCE_FPS


def halve(coverage: UInt8[Tensor, "F R H W"]) -> UInt8[Tensor, "F R h w"]:
    """Role coverage at half the side: the mean of 2 x 2, rounded (what training and use both see)."""
    total = coverage.to(torch.int16).unflatten(-1, (-1, 2)).sum(-1, dtype=torch.int16)
    total = total.unflatten(-2, (-1, 2)).sum(-2, dtype=torch.int16)
    return ((total + 2) // 4).to(torch.uint8)


@torch.no_grad()
def role_statistics(coverage: Float[Tensor, "F R H W"]) -> Float[Tensor, "F S"]:
    """Per role: presence, area, log area, centroid, spread and soft extents; values of order one.

    ``coverage`` is the share of each pixel, 0..1. One more 'role' is the liquid inside the
    receiver's bounding box: what fills, as opposed to what is still in the source.
    """
    rows, columns = coverage.mean(3), coverage.mean(2)  # (F, R, H), (F, R, W): profiles
    top, bottom = _extent(rows)
    left, right = _extent(columns)
    r = Role.RECEIVER
    y = _places(coverage.shape[2]).to(coverage)
    x = _places(coverage.shape[3]).to(coverage)
    in_rows = (y >= top[:, r, None] - 0.05) & (y <= bottom[:, r, None] + 0.05)
    in_columns = (x >= left[:, r, None] - 0.05) & (x <= right[:, r, None] + 0.05)
    filled = coverage[:, Role.LIQUID] * in_rows[:, :, None] * in_columns[:, None, :]
    rows = torch.cat([rows, filled.mean(2)[:, None]], 1)
    columns = torch.cat([columns, filled.mean(1)[:, None]], 1)
    top, bottom = _extent(rows)
    left, right = _extent(columns)
    area = rows.mean(2)
    share = area.clamp_min(1e-6)
    cy, cx = (rows * y).mean(2) / share, (columns * x).mean(2) / share
    sy = ((rows * y.square()).mean(2) / share - cy.square()).clamp_min(0).sqrt()
    sx = ((columns * x.square()).mean(2) / share - cx.square()).clamp_min(0).sqrt()
    here = area / (area + 2e-4)
    log_area = torch.log(area + 1e-4) / 4 + 1
    places = [here * p for p in (cy, cx, 2 * sy, 2 * sx, top, bottom, left, right)]
    return torch.stack([here, 4 * area, log_area, *places], -1).flatten(1)


def _places(count: int) -> Float[Tensor, " count"]:
    """Pixel centres from -1 to 1."""
    return (2 * torch.arange(count) + 1) / count - 1


def _extent(profile: Float[Tensor, "F R n"]) -> tuple[Tensor, Tensor]:
    """Soft first and last occupied place, -1..1: pixels count by their chance to be occupied."""
    n = profile.shape[-1]
    empty = 1 - profile / (profile + 0.3 / n)
    first = empty.cumprod(-1).mean(-1)
    last = empty.flip(-1).cumprod(-1).mean(-1)
    return 2 * first - 1, 1 - 2 * last


class MotionBlock(nn.Module):
    """Residual: depthwise k5 over time, then two Linears."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.near = ChannelConv(dim, dim, 5, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.SiLU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Float[Tensor, "B F D"]) -> Float[Tensor, "B F D"]:
        return x + self.mlp(self.norm(self.near(x)))


class Eyes(nn.Module):
    """Frames (and roles, where known) to two streams of features.

    A pyramid without overlap: 4 x 4 pixels to a cell, then twice 2 x 2 cells to one, then all to the
    embedding. Cells are kept in nested order, so every level is one matrix product on a reshape.
    """

    def __init__(self, config: EyesConfig) -> None:
        super().__init__()
        a, b, c = config.widths
        self.config = config
        self.see_rgb = nn.Linear(48, a)
        self.see_roles = nn.Linear(4 * ROLES, a, bias=False)
        self.where = nn.Parameter(torch.zeros(_CELLS, a))
        """Position map: what coordinate channels would add after the first layer."""
        self.merge1 = nn.Linear(4 * a, b)
        self.merge2 = nn.Linear(4 * b, c)
        self.embed = nn.Linear(c * _CELLS // 16, config.dim)
        self.measure = nn.Sequential(
            nn.Linear(STATISTICS, 128), nn.SiLU(), nn.Linear(128, config.dim)
        )
        self.no_masks = nn.Parameter(torch.zeros(config.dim))
        if config.told:
            self.told = nn.Sequential(
                nn.Linear(TOLD, 128), nn.SiLU(), nn.Linear(128, config.dim, bias=False)
            )
        self.norm = nn.LayerNorm(config.dim)
        self.appearance = nn.Linear(config.dim, config.dim)
        self.differ = nn.Linear(2 * config.dim, config.dim)
        self.motion = nn.ModuleList(MotionBlock(config.dim) for _ in range(config.motion_blocks))
        self.motion_norm = nn.LayerNorm(config.dim)

    def _cells(self, view: "View") -> Float[Tensor, "B FC a"]:
        """First layer: colours (with the view's colour map folded into the weights) and roles."""
        batch = len(view.rgb)
        patches = _nested_rgb(view.rgb).flatten(1, 2)
        weight = self.see_rgb.weight.unflatten(1, (16, 3))
        bias = self.see_rgb.bias
        if view.colour is None:
            w = (weight / 127.5).flatten(1).T.expand(batch, -1, -1)
            b = (bias - weight.sum((1, 2))).expand(batch, 1, -1)
        else:  # W (A (p / 127.5 - 1) + b0)
            matrix, offset = view.colour[..., :3], view.colour[..., 3]
            w = torch.einsum("apc,bck->bpka", weight, matrix / 127.5).flatten(1, 2)
            b = bias + torch.einsum("apc,bc->ba", weight, offset - matrix.sum(-1))
            b = b[:, None]
        x = torch.baddbmm(b, patches, w)
        if bool(view.valid.any()):
            scale = view.valid.to(x)[:, None, None] / 255
            x = x + self.see_roles(_nested_roles(view.roles).flatten(1, 2) * scale)
        return x

    def frames(self, view: "View") -> Float[Tensor, "B F D"]:
        """One embedding per frame."""
        batch, count = view.rgb.shape[:2]
        x = self._cells(view).view(batch * count, _CELLS, -1) + self.where
        x = F.silu(self.merge1(F.silu(x).view(batch * count, _CELLS // 4, -1)))
        x = F.silu(self.merge2(x.view(batch * count, _CELLS // 16, -1)))
        e = self.embed(x.flatten(1)).unflatten(0, (batch, count))
        measured = torch.where(
            view.valid[:, None, None], self.measure(view.statistics), self.no_masks
        )
        if self.config.told:
            e = e + self.told(view.hints)
        return self.norm(e + measured)

    def forward(self, view: "View") -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B F D"]]:
        """Appearance features (8 per second) and motion features (25 per second)."""
        e = self.frames(view)
        appearance = self.appearance(e[:, appearance_index(e.shape[1])])
        change = torch.diff(e, dim=1, prepend=e[:, :1])
        x = self.differ(torch.cat([e, change], -1))
        for block in self.motion:
            x = block(x)
        return appearance, self.motion_norm(x)


@dataclass(frozen=True)
class View:
    """What the eyes see, 25 frames per second."""

    rgb: UInt8[Tensor, "B F H W 3"]
    roles: UInt8[Tensor, "B F R h w"]
    """Coverage 0..255; ignored where not valid."""
    statistics: Float[Tensor, "B F S"]
    """``role_statistics`` of the roles."""
    valid: Bool[Tensor, " B"]
    """Whose roles are known and to be believed."""
    colour: Float[Tensor, "B 3 4"] | None = None
    """Affine map of the centred colours (augmentation); None: as they are."""
    told: Float[Tensor, "B F told"] | None = None
    """``told.told_features``; None: nothing is known."""

    @property
    def hints(self) -> Float[Tensor, "B F told"]:
        """What was told, zeros where nothing was."""
        if self.told is not None:
            return self.told
        return torch.zeros(*self.rgb.shape[:2], TOLD, device=self.rgb.device)

    @property
    def masks(self) -> Float[Tensor, "B T R h w"]:
        """Coverage 0..1 at the instants of the appearance features, for the mask pathway."""
        return self.roles[:, appearance_index(self.rgb.shape[1])].float() / 255


_CELLS = (FRAME // 4) ** 2


def _nested_rgb(rgb: UInt8[Tensor, "B F H W 3"]) -> Float[Tensor, "B F cells 48"]:
    """4 x 4 pixel patches, in nested order of cells; one pass from bytes to floats."""
    b, f = rgb.shape[:2]
    cut = rgb.view(b, f, 4, 2, 2, 4, 4, 2, 2, 4, 3).permute(0, 1, 2, 6, 3, 7, 4, 8, 5, 9, 10)
    return torch.empty(cut.shape, device=rgb.device).copy_(cut).view(b, f, _CELLS, 48)


def _nested_roles(roles: UInt8[Tensor, "B F R h w"]) -> Float[Tensor, "B F cells patch"]:
    """2 x 2 patches of coverage, in the same order of cells; moved as pairs of bytes, then floats."""
    b, f, r, h, w = roles.shape
    pairs = roles.reshape(b, f, r, h * w).view(torch.int16).view(b, f, r, 4, 2, 2, 2, 4, 2, 2)
    cut = pairs.permute(0, 1, 3, 7, 4, 8, 5, 9, 2, 6).contiguous()
    return cut.view(torch.uint8).float().view(b, f, _CELLS, 4 * r)
