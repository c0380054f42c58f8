"""Grid pooling: voxels of one stage become cells of twice the edge.

N voxels or cells of the finer stage, M cells, B clouds, C channels.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


@dataclass(frozen=True, kw_only=True, slots=True)
class CellGrid:
    """Cells of one stage, sorted by (cloud, x, y, z), and the link from the finer stage."""

    cell_index: Int[Tensor, " n"]  # the cell of each row of the finer stage
    grid_coord: Int[Tensor, "m 3"]
    batch_index: Int[Tensor, " m"]  # sorted

    def __len__(self) -> int:
        return len(self.grid_coord)


def halve_grid(grid_coord: Int[Tensor, "n 3"], batch_index: Int[Tensor, " n"]) -> CellGrid:
    """Cells of doubled edge: one for each occupied (cloud, grid_coord // 2)."""
    halved = grid_coord.long() >> 1
    extent = halved.amax(dim=0) + 1
    x, y, z = halved.unbind(dim=1)
    key = ((batch_index.long() * extent[0] + x) * extent[1] + y) * extent[2] + z
    cells, cell_index = torch.unique(key, return_inverse=True)
    rest, z = cells // extent[2], cells % extent[2]
    rest, y = rest // extent[1], rest % extent[1]
    return CellGrid(
        cell_index=cell_index,
        grid_coord=torch.stack([rest % extent[0], y, z], dim=1),
        batch_index=rest // extent[0],
    )


def cell_mean(
    value: Float[Tensor, "n c"], cell_index: Int[Tensor, " n"], num_cells: int
) -> Float[Tensor, "m c"]:
    """Mean over the rows of each cell."""
    total = value.new_zeros(num_cells, value.shape[1]).index_add_(0, cell_index, value)
    return total / torch.bincount(cell_index, minlength=num_cells)[:, None]


def cell_max(
    feat: Float[Tensor, "n c"], cell_index: Int[Tensor, " n"], num_cells: int
) -> Float[Tensor, "m c"]:
    """Maximum over the rows of each cell, channel by channel; rows that tie share the gradient."""
    return _CellMax.apply(feat, cell_index, num_cells)  # type: ignore[return-value]


class _CellMax(torch.autograd.Function):
    """Several times faster backwards than `scatter_reduce`, with the same result."""

    @staticmethod
    def forward(ctx: Any, feat: Tensor, cell_index: Tensor, num_cells: int):
        best = feat.new_full((num_cells, feat.shape[1]), -torch.inf)
        best.scatter_reduce_(0, cell_index[:, None].expand_as(feat), feat, "amax")
        ctx.save_for_backward(feat, best, cell_index)
        return best

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor):  # type: ignore[override]
        (grad,) = grads
        feat, best, cell_index = ctx.saved_tensors
        wins = (feat == best.index_select(0, cell_index)).to(grad.dtype)
        num_winners = torch.zeros_like(grad).index_add_(0, cell_index, wins)
        return wins.mul_((grad / num_winners).index_select(0, cell_index)), None, None


class GridPool(nn.Module):
    """Linear, maximum over the cell, LayerNorm, GELU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_channels, out_channels)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, feat: Float[Tensor, "n c_in"], grid: CellGrid) -> Float[Tensor, "m c_out"]:
        pooled = cell_max(self.proj(feat), grid.cell_index, len(grid))
        return F.gelu(self.norm(pooled))
