"""Point Transformer V3 encoder without decoder (Sonata's m2 variant).

Five stages by default; every stage halves the resolution of the one before. What comes out are the
cells of the loss stage with the features of all coarser stages beside their own.

N voxels, M cells of the loss stage, B clouds, C channels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from pointins_engine.backbone.attention import (
    PatchAttention,
    Patches,
    attention_backend,
    lay_patches,
    partition_patches,
)
from pointins_engine.backbone.pooling import CellGrid, GridPool, cell_mean, halve_grid
from pointins_engine.backbone.serialization import CURVES, Curve, serialize
from pointins_engine.backbone.sparse_conv import (
    NeighbourMap,
    SpconvNeighbours,
    SubmanifoldConv3d,
    find_neighbours,
    sparse_conv_backend,
    spconv_neighbours,
)
from pointins_engine.batch import CellBatch, PointBatch, batch_ptr
from pointins_engine.config import BackboneConfig

_INIT_STD = 0.02  # as in Sonata; cut at +-2


@dataclass(frozen=True, kw_only=True, slots=True)
class _StageLayout:
    """What the blocks of one stage share."""

    batch_index: Int[Tensor, " n"]
    neighbours: NeighbourMap | SpconvNeighbours
    patches: tuple[Patches, ...]  # block b uses patches[b % len]


class Encoder(nn.Module):
    """Voxels in, cells of the loss stage with concatenated features out.

    Args:
        config: Sizes; see `BackboneConfig`.
        in_channels: Width of `PointBatch.feat`.
        rng: Draws the first weights; without it they are those of seed 0.

    Source:
        PTv3; Sonata Sec. 3 and App. for the m2 variant and the up-cast. Departures: drop path is
        drawn per cloud (PTv3: per point), the four orders are shuffled in training only (PTv3:
        always), the curve depth is one a cloud (`serialization.cloud_depths`). Masked voxels are
        removed before the encoder; the mask token is kept for public checkpoints only.
    """

    def __init__(
        self, config: BackboneConfig, in_channels: int, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        num_blocks = sum(config.depths)
        self.drop_rates = [config.drop_path * b / max(num_blocks - 1, 1) for b in range(num_blocks)]
        widths = (None, *config.channels)
        with torch.device("meta"):  # weights are drawn once, from rng, below
            self.stem = Stem(in_channels, config.channels[0])
            if config.mask_token:
                self.mask_token = nn.Parameter(torch.empty(1, config.channels[0]))
            self.stages = nn.ModuleList(
                Stage(widths[s], config.channels[s], config.heads[s], config.depths[s])
                for s in range(len(config.depths))
            )
        self.to_empty(device=torch.get_default_device())
        init_weights(self, rng)

    def forward(self, batch: PointBatch, rng: torch.Generator | None = None) -> CellBatch:
        """Encode a batch.

        Args:
            batch: Voxels, at least one.
            rng: Draws drop path and order shuffles; needed in training mode where the
                configuration has either, ignored in evaluation mode.

        Raises:
            ConfigError: If a view is too large for its grid size.
        """
        assert len(batch.feat) > 0, "the encoder needs at least one voxel"
        config = self.config
        device_type = batch.feat.device.type
        with torch.autocast(device_type, dtype=torch.bfloat16, enabled=config.dtype == "bfloat16"):
            feats, grids = self._encode(batch, rng)
        upcast = [feats[config.loss_stage].float()]
        link = None
        for s in range(config.loss_stage + 1, len(feats)):
            link = grids[s].cell_index if link is None else grids[s].cell_index[link]
            upcast.append(feats[s].float().index_select(0, link))
        return self._cells(batch, grids, torch.cat(upcast, dim=1))

    def _encode(
        self, batch: PointBatch, rng: torch.Generator | None
    ) -> tuple[list[Tensor], list[CellGrid]]:
        """Features and cells of every stage."""
        keep = self._draw_keep(batch, rng)
        feat = self.stem(batch.feat)
        grid = CellGrid(
            cell_index=torch.arange(len(feat), device=feat.device),
            grid_coord=batch.grid_coord,
            batch_index=batch.batch_index,
        )
        feats, grids = [], []
        first = 0
        for s, stage in enumerate(self.stages):
            if s > 0:
                grid = halve_grid(grid.grid_coord, grid.batch_index)
            depth = self.config.depths[s]
            layout = self._lay_out(grid, batch.batch_size, depth, rng)
            feat = stage(feat, grid, layout, None if keep is None else keep[first : first + depth])
            feats.append(feat)
            grids.append(grid)
            first += depth
        return feats, grids

    @torch.no_grad()
    def _lay_out(
        self, grid: CellGrid, batch_size: int, depth: int, rng: torch.Generator | None
    ) -> _StageLayout:
        """Neighbours and patches of a stage, for those curves only that its blocks use."""
        rows = list(range(len(CURVES)))
        if self.training and self.config.shuffle_orders:
            rng = _given(rng)
            rows = torch.randperm(len(CURVES), generator=rng, device=rng.device).tolist()
        curves: tuple[Curve, ...] = tuple(CURVES[row] for row in rows[:depth])
        orders, inverses = serialize(grid.grid_coord, grid.batch_index, batch_size, curves)
        device = grid.batch_index.device
        sizes = batch_ptr(grid.batch_index, batch_size).diff().tolist()
        dtype = torch.bfloat16 if self.config.dtype == "bfloat16" else torch.float32
        padded = attention_backend(device, dtype).name == "sdpa"
        partition = partition_patches(sizes, self.config.patch_size, device, padded)
        if sparse_conv_backend(device).name == "spconv":
            neighbours = spconv_neighbours(grid.grid_coord, grid.batch_index, batch_size)
        else:
            neighbours = find_neighbours(grid.grid_coord, grid.batch_index)
        return _StageLayout(
            batch_index=grid.batch_index,
            neighbours=neighbours,
            patches=tuple(
                lay_patches(partition, order, inverse)
                for order, inverse in zip(orders, inverses, strict=True)
            ),
        )

    def _draw_keep(
        self, batch: PointBatch, rng: torch.Generator | None
    ) -> Float[Tensor, "blocks 2 b"] | None:
        """Drop path: 0 or 1 / (1 - rate) for each block, branch and cloud; None when it is off."""
        if not self.training or self.config.drop_path == 0:
            return None
        rng = _given(rng)
        rates = torch.tensor(self.drop_rates, device=rng.device)[:, None, None]
        draw = torch.rand(len(rates), 2, batch.batch_size, generator=rng, device=rng.device)
        return ((draw >= rates) / (1 - rates)).to(batch.feat.device)

    @torch.no_grad()
    def _cells(self, batch: PointBatch, grids: list[CellGrid], feat: Tensor) -> CellBatch:
        """Attach the geometry of the loss stage, averaged over the input voxels of each cell."""
        cell_index = grids[0].cell_index
        for grid in grids[1 : self.config.loss_stage + 1]:
            cell_index = grid.cell_index[cell_index]
        carried = torch.cat(
            [batch.coord, batch.origin_coord, batch.is_plane[:, None].to(batch.coord)], dim=1
        )
        mean = cell_mean(carried, cell_index, len(feat))
        return CellBatch(
            feat=feat,
            coord=mean[:, :3],
            origin_coord=mean[:, 3:6],
            batch_index=grids[self.config.loss_stage].batch_index,
            is_plane=mean[:, 6] >= 0.5,
            cell_index=cell_index,
            batch_size=batch.batch_size,
        )


class Stem(nn.Module):
    """Linear, LayerNorm, GELU."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, feat: Float[Tensor, "n c_in"]) -> Float[Tensor, "n c"]:
        return F.gelu(self.norm(self.linear(feat)))


class Stage(nn.Module):
    """Pooling, except in the first stage, then blocks."""

    def __init__(self, in_channels: int | None, channels: int, heads: int, depth: int) -> None:
        super().__init__()
        self.pool = None if in_channels is None else GridPool(in_channels, channels)
        self.blocks = nn.ModuleList(Block(channels, heads) for _ in range(depth))

    def forward(
        self, feat: Tensor, grid: CellGrid, layout: _StageLayout, keep: Tensor | None
    ) -> Tensor:
        if self.pool is not None:
            feat = self.pool(feat, grid)
        for b, block in enumerate(self.blocks):
            patches = layout.patches[b % len(layout.patches)]
            rows = None if keep is None else keep[b][:, layout.batch_index, None]  # (2, N, 1)
            feat = block(feat, layout.neighbours, patches, rows)
        return feat


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
        neighbours: NeighbourMap | SpconvNeighbours,
        patches: Patches,
        keep: Tensor | None,
    ) -> Tensor:
        feat = feat + self.position(feat, neighbours)
        attended = self.attention(self.attention_norm(feat), patches)
        feat = feat + attended if keep is None else torch.addcmul(feat, attended, keep[0])
        expanded = self.mlp(self.mlp_norm(feat))
        return feat + expanded if keep is None else torch.addcmul(feat, expanded, keep[1])


class PositionEncoding(nn.Module):
    """Sparse convolution, Linear, LayerNorm (PTv3's xCPE)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = SubmanifoldConv3d(channels, channels)
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, feat: Tensor, neighbours: NeighbourMap | SpconvNeighbours) -> Tensor:
        return self.norm(self.linear(self.conv(feat, neighbours)))


class Mlp(nn.Module):
    """C to 4 C to C with GELU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, feat: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        return self.fc2(F.gelu(self.fc1(feat)))


def _given(rng: torch.Generator | None) -> torch.Generator:
    assert rng is not None, "in training mode drop path and order shuffles need an rng"
    return rng


@torch.no_grad()
def init_weights(module: nn.Module, rng: torch.Generator | None = None) -> None:
    """Draw the weights of an encoder or of a part of it, in place.

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
