"""Packed records that travel through the networks. N points or voxels, B clouds, C channels."""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class PointBatch:
    """Voxels of B clouds, one row a voxel, packed cloud after cloud.

    No two rows of one cloud share a `grid_coord`: views are de-duplicated when they are made.
    """

    coord: Float[Tensor, "n 3"]  # metres, view frame (augmented), z up
    origin_coord: Float[Tensor, "n 3"]  # metres, scene frame (before augmentation)
    grid_coord: Int[Tensor, "n 3"]  # >= 0, in units of the grid size
    feat: Float[Tensor, "n c"]
    batch_index: Int[Tensor, " n"]  # 0..B-1, sorted
    is_plane: Bool[Tensor, " n"]  # floor, wall or ground; False where nobody looked
    batch_size: int  # B
    is_masked: Bool[Tensor, " n"] | None = None  # rows whose features the mask token replaces

    def select(self, keep: Bool[Tensor, " n"] | Int[Tensor, " k"]) -> "PointBatch":
        """Rows where `keep` is true, or rows by number, cloud after cloud; clouds keep theirs."""
        kept = {
            f.name: value[keep]
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **kept)

    def to(self, device: torch.device | str) -> "PointBatch":
        moved = {
            f.name: value.to(device)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True, kw_only=True, slots=True)
class CellBatch:
    """What the encoder gives back: cells of the loss stage with concatenated features.

    Stage s has cells of `grid_size * 2**s`; features of the loss stage and of every coarser stage
    are concatenated (PTv3 hyper-columns, Sonata's up-cast).
    """

    feat: Float[Tensor, "m c"]
    coord: Float[Tensor, "m 3"]  # metres, view frame: mean of the cell's points
    origin_coord: Float[Tensor, "m 3"]  # metres, scene frame: mean of the cell's points
    batch_index: Int[Tensor, " m"]  # sorted
    is_plane: Bool[Tensor, " m"]  # at least half of the cell's points are plane points
    cell_index: Int[Tensor, " n"]  # the cell of each input voxel
    batch_size: int


def batch_ptr(batch_index: Int[Tensor, " n"], batch_size: int) -> Int[Tensor, " b1"]:
    """Boundaries (B + 1,) of the clouds in a sorted `batch_index`, with the leading 0."""
    counts = torch.bincount(batch_index, minlength=batch_size)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
