"""Point Transformer V3 encoder without decoder (Sonata's m2 variant).

Five stages by default; every stage halves the resolution of the one before. What comes out are the
cells of the loss stage with the features of all coarser stages beside their own.

N voxels, M cells of the loss stage, B clouds, C channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pointins_engine.backbone.blocks import (
    Block,
    StageLayout,
    draw_keep,
    fill_weights,
    lay_out,
    rising_rates,
    run_blocks,
)
from pointins_engine.backbone.pooling import CellGrid, GridPool, cell_mean, halve_grid
from pointins_engine.backbone.serialization import CURVES, Curve
from pointins_engine.batch import CellBatch, HyperColumns, PointBatch
from pointins_engine.config import BackboneConfig
from pointins_engine.errors import SceneError
from pointins_engine.randomness import StepRandom


@dataclass(frozen=True, kw_only=True, slots=True)
class StageOutput:
    """What the encoder knows of one stage."""

    feat: Float[Tensor, "m c"]
    grid: CellGrid
    layout: StageLayout


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderStages:
    """What the encoder knows of all stages, from the input voxels to the coarsest cells."""

    stages: tuple[StageOutput, ...]
    batch_size: int


class Encoder(nn.Module):
    """Voxels in, cells of the loss stage with concatenated features out.

    Args:
        config: Sizes; see `BackboneConfig`.
        in_channels: Width of `PointBatch.feat`.
        rng: Draws the first weights; without it they are those of seed 0.

    Source:
        PTv3; Sonata Sec. 3 and App. for the m2 variant and the up-cast. Departures: drop path is
        drawn per cloud (PTv3: per point), the four orders are shuffled in training only (PTv3:
        always), the curve depth is one a cloud (`serialization.cloud_depths`). Hidden voxels are
        removed before the encoder, or marked by `PointBatch.is_masked` for the mask token.
    """

    def __init__(
        self, config: BackboneConfig, in_channels: int, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.drop_rates = rising_rates(config.drop_path, sum(config.depths))
        widths = (None, *config.channels)
        with torch.device("meta"):  # weights are drawn once, from rng, below
            self.stem = Stem(in_channels, config.channels[0])
            if config.mask_token:
                self.mask_token = nn.Parameter(torch.empty(1, config.channels[0]))
            self.stages = nn.ModuleList(
                Stage(widths[s], config.channels[s], config.heads[s], config.depths[s])
                for s in range(len(config.depths))
            )
        fill_weights(self, rng)

    def forward(self, batch: PointBatch, rng: StepRandom | None = None) -> CellBatch:
        """Encode a batch.

        Args:
            batch: Voxels, at least one.
            rng: Draws drop path, cloud by cloud, and order shuffles, one for all clouds; needed in
                training mode where the configuration has either, ignored in evaluation mode.

        Raises:
            ConfigError: If a view is too large for its grid size.
            SceneError: If there is no voxel; on the CPU also if two rows of a cloud are the same
                voxel or an index is negative.
        """
        feats, grids = [], []
        for stage in self._run_stages(batch, rng):  # a stage's layout goes when the next one comes
            feats.append(stage.feat)
            grids.append(stage.grid)
        loss_stage = self.config.loss_stage
        columns = HyperColumns(
            feats=tuple(feat.float() for feat in feats[loss_stage:]),
            parents=tuple(grid.cell_index for grid in grids[loss_stage + 1 :]),
        )
        return self._cells(batch, grids, columns)

    def encode_stages(self, batch: PointBatch, rng: StepRandom | None = None) -> EncoderStages:
        """All stages with what a decoder needs of them; arguments and errors as in `forward`."""
        return EncoderStages(
            stages=tuple(self._run_stages(batch, rng)), batch_size=batch.batch_size
        )

    def _run_stages(self, batch: PointBatch, rng: StepRandom | None) -> Iterator[StageOutput]:
        """Stage after stage, as the autocast of the configuration has it."""
        config = self.config
        if len(batch.feat) == 0:
            raise SceneError(
                f"a batch of {batch.batch_size} clouds holds no voxel, the encoder needs at least "
                "one; leave empty scans out, or lower view.mask_ratio if masking hid everything."
            )
        assert batch.is_masked is None or config.mask_token, "masked rows need a mask token"
        keep = self._draw_keep(batch, rng)
        shuffle = _given(rng).shared("curves") if self._shuffles() else None
        grid = CellGrid(
            cell_index=torch.arange(len(batch.feat), device=batch.feat.device),
            grid_coord=batch.grid_coord,
            batch_index=batch.batch_index,
        )
        feat, first = batch.feat, 0
        for s, stage in enumerate(self.stages):
            last = first + config.depths[s]
            with self._autocast(batch):
                if s == 0:
                    feat = self._embed(batch)
                else:
                    grid = halve_grid(grid.grid_coord, grid.batch_index)
                rows = range(len(CURVES))
                if shuffle is not None:
                    rows = torch.randperm(len(CURVES), generator=shuffle).tolist()
                curves: tuple[Curve, ...] = tuple(CURVES[row] for row in rows[: config.depths[s]])
                layout = lay_out(grid, batch.batch_size, config, curves)
                feat = stage(
                    feat,
                    grid,
                    layout,
                    None if keep is None else keep[first:last],
                    recompute=config.activation_checkpointing,
                )
            yield StageOutput(feat=feat, grid=grid, layout=layout)
            first = last

    def _autocast(self, batch: PointBatch) -> torch.autocast:
        enabled = self.config.dtype == "bfloat16"
        return torch.autocast(batch.feat.device.type, dtype=torch.bfloat16, enabled=enabled)

    def _embed(self, batch: PointBatch) -> Tensor:
        feat = self.stem(batch.feat)
        if batch.is_masked is None:
            return feat
        return torch.where(batch.is_masked[:, None], self.mask_token.to(feat.dtype), feat)

    def _shuffles(self) -> bool:
        return self.training and self.config.shuffle_orders

    def _draw_keep(
        self, batch: PointBatch, rng: StepRandom | None
    ) -> Float[Tensor, "blocks 2 b"] | None:
        """Drop path of a batch; None when it is off."""
        if not self.training or self.config.drop_path == 0:
            return None
        keep = draw_keep(self.drop_rates, _given(rng), "drop_path", batch.batch_size)
        return keep.to(batch.feat.device)

    def _cells(self, batch: PointBatch, grids: list[CellGrid], columns: HyperColumns) -> CellBatch:
        """Attach the geometry of the loss stage, averaged over the input voxels of each cell."""
        cell_index = grids[0].cell_index
        for grid in grids[1 : self.config.loss_stage + 1]:
            cell_index = grid.cell_index[cell_index]
        carried = torch.cat(
            [batch.coord, batch.origin_coord, batch.is_plane[:, None].to(batch.coord)], dim=1
        )
        mean = cell_mean(carried, cell_index, len(columns.feats[0]))
        return CellBatch(
            feat=columns.rows(),
            coord=mean[:, :3],
            origin_coord=mean[:, 3:6],
            batch_index=grids[self.config.loss_stage].batch_index,
            is_plane=mean[:, 6] >= 0.5,
            cell_index=cell_index,
            batch_size=batch.batch_size,
            columns=columns,
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
        self,
        feat: Tensor,
        grid: CellGrid,
        layout: StageLayout,
        keep: Tensor | None,
        *,
        recompute: bool,
    ) -> Tensor:
        if self.pool is not None:
            feat = self.pool(feat, grid)
        return run_blocks(self.blocks, feat, layout, keep, recompute=recompute)


def _given(rng: StepRandom | None) -> StepRandom:
    assert rng is not None, "in training mode drop path and order shuffles need an rng"
    return rng
