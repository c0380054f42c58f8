"""Submanifold sparse convolution, 3 x 3 x 3: each voxel sums over those of its 26 neighbours that
exist. The set of voxels does not grow.

`out[p] = bias + sum over d of W[d] @ x[p + d]`, for d in {-1, 0, 1}^3: cross-correlation like
`conv3d`, with zeros where there is no voxel. Weights are laid out (C_out, 3, 3, 3, C_in), as spconv
keeps them, so public checkpoints load.

N voxels, C channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pointins_engine.backbone.backends import Backend, is_installed

# Half of the 26 neighbours; the other half is their mirror.
HALF_OFFSETS: tuple[tuple[int, int, int], ...] = (
    (0, 0, 1),
    *((dx, dy, dz) for dx, dy in ((0, 1), (1, -1), (1, 0), (1, 1)) for dz in (-1, 0, 1)),
)
_CENTRE = 13


def sparse_conv_backend(device: torch.device | str) -> Backend:
    """The sparse convolution that runs on `device`."""
    if torch.device(device).type != "cuda":
        return Backend("torch", "spconv is right on CUDA only")
    if is_installed("spconv"):
        return Backend("spconv", "spconv is installed")
    return Backend("torch", "spconv is not installed")


@dataclass(frozen=True, kw_only=True, slots=True)
class NeighbourMap:
    """Pairs of neighbouring voxels, for one set of voxels; shared by all blocks of a stage.

    `grid_coord[far[k]] == grid_coord[near[k]] + HALF_OFFSETS[k]`, row by row. No row comes twice in
    one `near[k]` or `far[k]`.
    """

    near: tuple[Int[Tensor, " _"], ...]
    far: tuple[Int[Tensor, " _"], ...]

    def by_kernel_index(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Kernel index, near rows and far rows of each half offset; the mirror has 26 - index."""
        for (dx, dy, dz), near, far in zip(HALF_OFFSETS, self.near, self.far, strict=True):
            yield 9 * dx + 3 * dy + dz + _CENTRE, near, far


def find_neighbours(grid_coord: Int[Tensor, "n 3"], batch_index: Int[Tensor, " n"]) -> NeighbourMap:
    """Neighbour pairs of voxels inside their clouds.

    Voxels are sorted by a linear key in which z runs fastest. The three neighbours
    (dx, dy, -1..1) of a voxel then lie next to each other, so one binary search finds all three.

    Args:
        grid_coord: Voxel indices >= 0; no two rows of a cloud are equal, in any order.
        batch_index: Cloud of each voxel.
    """
    _, stride_y, stride_x, key = _padded_keys(grid_coord, batch_index)
    key, order = torch.sort(key)
    n = len(key)
    # Two keys that no search meets: a search may end behind the last voxel.
    closed = torch.cat([key, key.new_full((2,), -1)])
    ahead = torch.arange(1, n + 1, device=key.device)
    positions = [ahead]
    hits = [closed[ahead] == key + 1]
    for dx, dy, dz in HALF_OFFSETS[2::3]:
        target = key + (dx * stride_x + dy * stride_y + dz - 1)
        position = torch.searchsorted(key, target)
        for step in range(3):
            hit = closed[position] == target + step
            positions.append(position)
            hits.append(hit)
            if step < 2:
                position = position + hit
    hit = torch.stack(hits)  # (13, N)
    _, near = hit.nonzero(as_tuple=True)
    sizes = hit.sum(dim=1).tolist()
    return NeighbourMap(
        near=order[near].split(sizes), far=order[torch.stack(positions)[hit]].split(sizes)
    )


def _padded_keys(grid_coord: Tensor, batch_index: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Strides of batch, y and x and the linear key, with a free voxel around every cloud."""
    extent = grid_coord.amax(dim=0).long() + 3
    stride_y = extent[2]
    stride_x = extent[1] * stride_y
    stride_batch = extent[0] * stride_x
    x, y, z = (grid_coord.long() + 1).unbind(dim=1)
    return (
        stride_batch,
        stride_y,
        stride_x,
        (batch_index.long() * stride_batch + x * stride_x + y * stride_y + z),
    )


def submanifold_conv(
    feat: Float[Tensor, "n c_in"],
    weight: Float[Tensor, "c_out 3 3 3 c_in"],
    bias: Float[Tensor, " c_out"],
    neighbours: "NeighbourMap | SpconvNeighbours",
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
        return _SubmanifoldConv.apply(feat, weight, bias, neighbours)  # type: ignore[return-value]


class _SubmanifoldConv(torch.autograd.Function):
    """One gather, product and sum for each half offset and its mirror.

    The rows of one offset are unique, so the result does not depend on the order of the sums.
    """

    @staticmethod
    def forward(ctx: Any, feat: Tensor, weight: Tensor, bias: Tensor, neighbours: NeighbourMap):
        ctx.save_for_backward(feat, weight)
        ctx.neighbours = neighbours
        kernel = weight.flatten(1, 3)  # (C_out, 27, C_in)
        out = (feat @ kernel[:, _CENTRE].T).to(bias.dtype).add_(bias)
        for d, near, far in neighbours.by_kernel_index():
            out.index_add_(0, near, (feat.index_select(0, far) @ kernel[:, d].T).to(out.dtype))
            out.index_add_(0, far, (feat.index_select(0, near) @ kernel[:, 26 - d].T).to(out.dtype))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor):  # type: ignore[override]
        feat, weight = ctx.saved_tensors
        kernel = weight.flatten(1, 3)
        precise, grad = grads[0], grads[0].to(feat.dtype).contiguous()
        grad_feat = (grad @ kernel[:, _CENTRE]).to(precise.dtype)
        grad_kernel = torch.empty_like(kernel)
        grad_kernel[:, _CENTRE] = grad.T @ feat
        for d, near, far in ctx.neighbours.by_kernel_index():
            grad_near, grad_far = grad.index_select(0, near), grad.index_select(0, far)
            grad_feat.index_add_(0, far, (grad_near @ kernel[:, d]).to(precise.dtype))
            grad_feat.index_add_(0, near, (grad_far @ kernel[:, 26 - d]).to(precise.dtype))
            grad_kernel[:, d] = grad_near.T @ feat.index_select(0, far)
            grad_kernel[:, 26 - d] = grad_far.T @ feat.index_select(0, near)
        return grad_feat.to(feat.dtype), grad_kernel.view_as(weight), precise.sum(dim=0), None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpconvNeighbours:
    """The voxels of a stage in spconv's form; the first convolution adds the index pairs."""

    tensor: Any  # spconv.pytorch.SparseConvTensor


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
        self, feat: Float[Tensor, "n c_in"], neighbours: NeighbourMap | SpconvNeighbours
    ) -> Float[Tensor, "n c_out"]:
        return submanifold_conv(feat, self.weight, self.bias, neighbours)
