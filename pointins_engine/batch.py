"""Packed records that travel through the networks. N points or voxels, B clouds, C channels."""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import linear


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
class HyperColumns:
    """Features of cells as the encoder has them: a table a stage, the finest first.

    A cell's features are its own, then those of the coarser cells that it lies in, and these are
    the same for all cells of a coarser one. What is linear in the features is therefore worked out
    once a cell of each stage, with a fraction of the sums that rows of full width take. M cells of
    the finest stage.
    """

    feats: tuple[Float[Tensor, "_ _"], ...]
    parents: tuple[Int[Tensor, " _"], ...]  # of each row of a stage its row in the next one

    def rows(self) -> Float[Tensor, "m c"]:
        """The features of every cell side by side, those of coarser cells repeated."""
        columns, place = [self.feats[0]], None
        for feat, parent in zip(self.feats[1:], self.parents, strict=True):
            place = parent if place is None else parent[place]
            columns.append(feat.index_select(0, place))
        return torch.cat(columns, dim=1)

    def linear(
        self, weight: Float[Tensor, "h c"], bias: Float[Tensor, " h"]
    ) -> Float[Tensor, "m h"]:
        """`linear(rows(), weight, bias)`, rounding aside: each stage adds to what is below it."""
        weights = weight.split([feat.shape[1] for feat in self.feats], dim=1)
        total = linear(self.feats[-1], weights[-1], bias)
        finer = zip(self.feats[:-1], weights[:-1], self.parents, strict=True)
        for feat, own, parent in reversed(list(finer)):
            total = torch.addmm(total.index_select(0, parent), feat, own.T)
        return total


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
    columns: HyperColumns | None = None  # `feat` before it was put together, where that is known


def batch_ptr(batch_index: Int[Tensor, " n"], batch_size: int) -> Int[Tensor, " b1"]:
    """Boundaries (B + 1,) of the clouds in a sorted `batch_index`, with the leading 0."""
    counts = torch.bincount(batch_index, minlength=batch_size)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
