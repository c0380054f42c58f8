"""Transformer blocks that encoder and decoder are made of, and what the blocks of a stage share.

N voxels or cells of a stage, B clouds, C channels, S curves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pointins_engine.backbone.attention import (
    PatchAttention,
    Patches,
    attention_backend,
    lay_patches,
    partition_patches,
)
from pointins_engine.backbone.pooling import CellGrid
from pointins_engine.backbone.serialization import Curve, serialize
from pointins_engine.backbone.sparse_conv import Neighbours, SubmanifoldConv3d, stage_neighbours
from pointins_engine.batch import batch_ptr
from pointins_engine.config import BackboneConfig
from pointins_engine.randomness import StepRandom

_INIT_STD = 0.02  # as in Sonata; cut at +-2


@dataclass(frozen=True, kw_only=True, slots=True)
class StageLayout:
    """What the blocks of one stage share."""

    batch_index: Int[Tensor, " n"]
    neighbours: Neighbours
    patches: tuple[Patches, ...]  # block b uses patches[b % len]


@torch.no_grad()
def lay_out(
    grid: CellGrid, batch_size: int, config: BackboneConfig, curves: tuple[Curve, ...]
) -> StageLayout:
    """Neighbours and patches of a stage.

    Raises:
        ConfigError: If a cloud is too large for the curves.
        SceneError: If voxel indices are negative or come twice (looked for on the CPU).
    """
    orders, inverses = serialize(grid.grid_coord, grid.batch_index, batch_size, curves)
    device = grid.batch_index.device
    sizes = batch_ptr(grid.batch_index, batch_size).diff().tolist()
    dtype = torch.bfloat16 if config.dtype == "bfloat16" else torch.float32
    padded = attention_backend(device, dtype).name == "sdpa"
    partition = partition_patches(sizes, config.patch_size, device, padded)
    return StageLayout(
        batch_index=grid.batch_index,
        neighbours=stage_neighbours(grid.grid_coord, grid.batch_index, batch_size),
        patches=tuple(
            lay_patches(partition, order, inverse)
            for order, inverse in zip(orders, inverses, strict=True)
        ),
    )


def rising_rates(rate: float, num_blocks: int) -> list[float]:
    """Drop path of each block: from 0 to `rate` in equal steps (PTv3)."""
    return [rate * block / max(num_blocks - 1, 1) for block in range(num_blocks)]


def draw_keep(
    rates: Sequence[float], rng: StepRandom, purpose: str, batch_size: int
) -> Float[Tensor, "blocks 2 b"]:
    """Drop path: 0 or 1 / (1 - rate) for each block, branch and cloud, from the cloud's numbers."""
    rate = torch.tensor(rates)[:, None, None]
    clouds = rng.clouds(purpose, batch_size)
    draw = torch.stack([torch.rand(len(rates), 2, generator=cloud) for cloud in clouds], dim=2)
    return (draw >= rate) / (1 - rate)


class PositionEncoding(nn.Module):
    """Sparse convolution, Linear, LayerNorm (PTv3's xCPE)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = SubmanifoldConv3d(channels, channels)
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, feat: Tensor, neighbours: Neighbours) -> Tensor:
        return self.norm(self.linear(self.conv(feat, neighbours)))


class Mlp(nn.Module):
    """C to 4 C to C with GELU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, feat: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        return self.fc2(F.gelu(self.fc1(feat)))


class Block(nn.Module):
    """Pre-norm transformer block: convolutional position encoding, patch attention, MLP."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.position = PositionEncoding(channels)
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = PatchAttention(channels, heads)
        self.mlp_norm = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(
        self,
        feat: Tensor,
        neighbours: Neighbours,
        patches: Patches,
        keep: Tensor | None,
    ) -> Tensor:
        feat = feat + self.position(feat, neighbours)
        attended = self.attention(self.attention_norm(feat), patches)
        feat = feat + attended if keep is None else torch.addcmul(feat, attended, keep[0])
        expanded = self.mlp(self.mlp_norm(feat))
        return feat + expanded if keep is None else torch.addcmul(feat, expanded, keep[1])


def run_blocks(
    blocks: Iterable[nn.Module],
    feat: Float[Tensor, "n c"],
    layout: StageLayout,
    keep: Float[Tensor, "blocks 2 b"] | None,
    *,
    recompute: bool,
) -> Float[Tensor, "n c"]:
    """Run the blocks of a stage.

    Args:
        blocks: `Block`s, first to last.
        feat: Features of the stage's cells.
        layout: Of the same cells.
        keep: Drop path of these blocks, `draw_keep`; None when it is off.
        recompute: Keep each block's input alone and compute the rest again backwards.
    """
    for b, block in enumerate(blocks):
        patches = layout.patches[b % len(layout.patches)]
        rows = None if keep is None else keep[b][:, layout.batch_index, None]  # (2, N, 1)
        if recompute and torch.is_grad_enabled():
            # No random state to save: what a block draws comes in with `keep`.
            feat = checkpoint(
                block,
                feat,
                layout.neighbours,
                patches,
                rows,
                use_reentrant=False,
                preserve_rng_state=False,
            )  # type: ignore[assignment]
        else:
            feat = block(feat, layout.neighbours, patches, rows)
    return feat


@torch.no_grad()
def init_weights(module: nn.Module, rng: torch.Generator | None = None) -> None:
    """Draw the weights of an encoder, a decoder or a part of one, in place.

    Matrices and kernels: normal of std 0.02 cut at +-2; biases and mask token 0; norms 1 and 0.

    Args:
        module: Any module of this package.
        rng: On the device of the weights; without it a new one of seed 0.
    """
    if rng is None:
        rng = torch.Generator().manual_seed(0)
    for name, parameter in module.named_parameters():
        owner = module.get_submodule(name.rpartition(".")[0])
        if isinstance(owner, nn.LayerNorm):
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("weight"):
            nn.init.trunc_normal_(parameter, std=_INIT_STD, generator=rng)
        else:
            parameter.zero_()


def fill_weights(module: nn.Module, rng: torch.Generator | None) -> None:
    """Give memory and first weights to a module that was built on the meta device.

    Where the default device is meta itself, nothing is allocated: the caller wants shapes alone.
    """
    device = torch.get_default_device()
    if device.type != "meta":
        module.to_empty(device=device)
        init_weights(module, rng)
