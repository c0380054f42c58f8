"""Submanifold sparse convolution, 3 x 3 x 3: each voxel sums over those of its 26 neighbours that
exist. The set of voxels does not grow.

`out[p] = bias + sum over d of W[d] @ x[p + d]`, for d in {-1, 0, 1}^3: cross-correlation like
`conv3d`, with zeros where there is no voxel. Weights are laid out (C_out, 3, 3, 3, C_in), as spconv
keeps them, so public checkpoints load.

Three implementations; the record of neighbours decides which one runs: `NeighbourMap` plain torch,
`NeighbourTable` our Triton kernels, `SpconvNeighbours` spconv.

N voxels, C channels.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pointins_engine.backbone.backends import Backend, is_installed
from pointins_engine.backbone.neighbours import (
    CENTRE,
    NeighbourMap,
    NeighbourTable,
    find_neighbours,
    neighbour_table,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpconvNeighbours:
    """The voxels of a stage in spconv's form; the first convolution adds the index pairs."""

    tensor: Any  # spconv.pytorch.SparseConvTensor


Neighbours = NeighbourMap | NeighbourTable | SpconvNeighbours


def sparse_conv_backend(device: torch.device | str) -> Backend:
    """The sparse convolution that runs on `device`."""
    if torch.device(device).type != "cuda":
        return Backend("torch", "spconv and the Triton kernels need CUDA")
    if is_installed("spconv"):
        return Backend("spconv", "spconv is installed")
    if is_installed("triton"):
        return Backend("triton", "our own kernels; spconv is not installed, Triton is")
    return Backend("torch", "neither spconv nor Triton is installed: pip install triton")


def stage_neighbours(
    grid_coord: Int[Tensor, "n 3"],
    batch_index: Int[Tensor, " n"],
    batch_size: int,
    backend: Backend | None = None,
) -> Neighbours:
    """Neighbours of the voxels of a stage, in the form that a backend takes.

    Args:
        grid_coord: Voxel indices >= 0; no two rows of a cloud are equal, in any order.
        batch_index: Cloud of each voxel.
        batch_size: Number of clouds.
        backend: The one that `sparse_conv_backend` names, unless a test or benchmark says another.
    """
    name = (backend or sparse_conv_backend(grid_coord.device)).name
    if name == "spconv":
        return spconv_neighbours(grid_coord, batch_index, batch_size)
    if name == "triton":
        return neighbour_table(grid_coord, batch_index)
    return find_neighbours(grid_coord, batch_index)


def submanifold_conv(
    feat: Float[Tensor, "n c_in"],
    weight: Float[Tensor, "c_out 3 3 3 c_in"],
    bias: Float[Tensor, " c_out"],
    neighbours: Neighbours,
) -> Float[Tensor, "n c_out"]:
    """The convolution of the module docstring; sums and result have the precision of `bias`."""
    device_type = feat.device.type
    if isinstance(neighbours, SpconvNeighbours):
        # spconv has no bfloat16, and its own autocast rule would go to float16, which overflows.
        with torch.autocast(device_type, enabled=False):
            return _spconv_conv(feat.to(weight.dtype), weight, neighbours) + bias
    if torch.is_autocast_enabled(device_type):
        dtype = torch.get_autocast_dtype(device_type)
        feat, weight = feat.to(dtype), weight.to(dtype)
    with torch.autocast(device_type, enabled=False):
        if isinstance(neighbours, NeighbourMap):
            return _SubmanifoldConv.apply(feat, weight, bias, neighbours)  # type: ignore[return-value]
        from pointins_engine.backbone.sparse_conv_triton import tiled_conv

        return tiled_conv(feat, weight, bias, neighbours)


class _SubmanifoldConv(torch.autograd.Function):
    """One gather, product and sum for each neighbour offset, in memory that all of them share.

    The rows of one offset are unique, so the result does not depend on the order of the sums.
    """

    @staticmethod
    def forward(ctx: Any, feat: Tensor, weight: Tensor, bias: Tensor, neighbours: NeighbourMap):
        ctx.save_for_backward(feat, weight)
        ctx.neighbours = neighbours
        kernel = weight.flatten(1, 3)  # (C_out, 27, C_in)
        out = (feat @ kernel[:, CENTRE].T).to(bias.dtype).add_(bias)
        rows = feat.new_empty(neighbours.longest, feat.shape[1])
        products = feat.new_empty(neighbours.longest, len(bias))
        for d, here, there in neighbours.by_kernel_index():
            row, product = rows[: len(here)], products[: len(here)]
            torch.index_select(feat, 0, there, out=row)
            torch.mm(row, kernel[:, d].T, out=product)
            out.index_add_(0, here, product.to(out.dtype))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor):  # type: ignore[override]
        feat, weight = ctx.saved_tensors
        neighbours: NeighbourMap = ctx.neighbours
        kernel = weight.flatten(1, 3)
        precise, grad = grads[0], grads[0].to(feat.dtype).contiguous()
        grad_feat = (grad @ kernel[:, CENTRE]).to(precise.dtype)
        grad_kernel = torch.empty_like(kernel)
        torch.mm(grad.T, feat, out=grad_kernel[:, CENTRE])
        grad_rows = grad.new_empty(neighbours.longest, grad.shape[1])
        rows, products = feat.new_empty(2, neighbours.longest, feat.shape[1])
        for d, here, there in neighbours.by_kernel_index():
            grad_row, row = grad_rows[: len(here)], rows[: len(here)]
            product = products[: len(here)]
            torch.index_select(grad, 0, here, out=grad_row)
            torch.mm(grad_row, kernel[:, d], out=product)
            grad_feat.index_add_(0, there, product.to(precise.dtype))
            torch.index_select(feat, 0, there, out=row)
            torch.mm(grad_row.T, row, out=grad_kernel[:, d])
        return grad_feat.to(feat.dtype), grad_kernel.view_as(weight), precise.sum(dim=0), None


def spconv_neighbours(
    grid_coord: Int[Tensor, "n 3"], batch_index: Int[Tensor, " n"], batch_size: int
) -> SpconvNeighbours:
    """Hand the voxels of one stage to spconv."""
    from spconv.pytorch import SparseConvTensor  # type: ignore[import-not-found]

    indices = torch.cat([batch_index[:, None], grid_coord], dim=1).int().contiguous()
    shape = (grid_coord.amax(dim=0) + 1).tolist()
    no_feat = torch.empty(len(indices), 0, device=indices.device)
    return SpconvNeighbours(tensor=SparseConvTensor(no_feat, indices, shape, batch_size))


def _spconv_conv(feat: Tensor, weight: Tensor, neighbours: SpconvNeighbours) -> Tensor:
    layer = _spconv_layer(weight.shape[-1], weight.shape[0])
    voxels = neighbours.tensor.replace_feature(feat)
    out = torch.func.functional_call(layer, {"weight": weight}, (voxels,))
    # spconv hands its index pairs on with the result; the next block starts from our voxels.
    neighbours.tensor.indice_dict.update(out.indice_dict)
    return out.features


@cache
def _spconv_layer(in_channels: int, out_channels: int) -> nn.Module:
    """A layer that lends its forward pass; its own weight has no memory."""
    from spconv.pytorch import SubMConv3d  # type: ignore[import-not-found]

    with torch.device("meta"):
        return SubMConv3d(in_channels, out_channels, 3, bias=False, indice_key="stage")


class SubmanifoldConv3d(nn.Module):
    """3 x 3 x 3 submanifold convolution with bias."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_channels, 3, 3, 3, in_channels))
        self.bias = nn.Parameter(torch.empty(out_channels))

    def forward(
        self, feat: Float[Tensor, "n c_in"], neighbours: Neighbours
    ) -> Float[Tensor, "n c_out"]:
        return submanifold_conv(feat, self.weight, self.bias, neighbours)
