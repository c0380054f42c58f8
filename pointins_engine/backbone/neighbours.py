"""Which voxels touch: pairs for plain torch, tiles of a table for the Triton kernels.

N voxels, T tiles.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

# Half of the 26 neighbours; the other half is their mirror.
HALF_OFFSETS: tuple[tuple[int, int, int], ...] = (
    (0, 0, 1),
    *((dx, dy, dz) for dx, dy in ((0, 1), (1, -1), (1, 0), (1, 1)) for dz in (-1, 0, 1)),
)
CENTRE = 13  # kernel offset of the voxel itself, d = 9 dx + 3 dy + dz + 13
TILE = 64  # output voxels of a Triton program: the height of Hopper's matrix instruction


@dataclass(frozen=True, kw_only=True, slots=True)
class NeighbourMap:
    """Pairs of neighbouring voxels, for one set of voxels; shared by all blocks of a stage.

    `grid_coord[far[k]] == grid_coord[near[k]] + HALF_OFFSETS[k]`, row by row. No row comes twice in
    one `near[k]` or `far[k]`.
    """

    near: tuple[Int[Tensor, " _"], ...]
    far: tuple[Int[Tensor, " _"], ...]

    @property
    def longest(self) -> int:
        """Pairs of the offset that has most."""
        return max(map(len, self.near))

    def by_kernel_index(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Kernel index, output rows and input rows of each offset but the voxel's own."""
        for (dx, dy, dz), near, far in zip(HALF_OFFSETS, self.near, self.far, strict=True):
            d = 9 * dx + 3 * dy + dz + CENTRE
            yield d, near, far
            yield 2 * CENTRE - d, far, near


@dataclass(frozen=True, kw_only=True, slots=True)
class NeighbourTable:
    """Neighbours of each voxel by kernel offset, cut into tiles; shared by all blocks of a stage.

    Voxels are sorted by which neighbours they have, so that those of a tile need the same kernel
    offsets. Pairs are those of d = 13..26; the mirror 26 - d has the two rows exchanged.
    """

    row: Int[Tensor, " tiled"]  # output voxel of each place, int32; -1 fills the last tile
    gather: Int[Tensor, "t 27 tile"]  # neighbour of each place, int32, -1 = none
    kernel_offset: Int[Tensor, "t 27"]  # d of each gather row, int32; those without any come last
    num_offsets: Int[Tensor, " t"]  # gather rows with a neighbour in them, int32
    pairs: Int[Tensor, "2 14 n"]  # (voxel, its neighbour at d = 13..26), int32, from the left
    num_pairs: Int[Tensor, " 14"]  # int32


def find_neighbours(grid_coord: Int[Tensor, "n 3"], batch_index: Int[Tensor, " n"]) -> NeighbourMap:
    """Neighbour pairs of voxels inside their clouds.

    Voxels are sorted by a linear key in which z runs fastest. The three neighbours
    (dx, dy, -1..1) of a voxel then lie next to each other, so one binary search finds all three.

    Args:
        grid_coord: Voxel indices >= 0; no two rows of a cloud are equal, in any order.
        batch_index: Cloud of each voxel.
    """
    order, position, hit = _search(grid_coord, batch_index)
    found = hit.flatten().nonzero().squeeze(1)  # into (13, N), ascending
    first = torch.arange(len(hit) + 1, device=found.device) * len(order)
    counts = torch.searchsorted(found, first).diff()
    near = found - torch.repeat_interleave(first[:-1], counts, output_size=len(found))
    far = position.flatten().index_select(0, found)
    sizes = counts.tolist()
    return NeighbourMap(
        near=order.index_select(0, near).split(sizes), far=order.index_select(0, far).split(sizes)
    )


def neighbour_table(
    grid_coord: Int[Tensor, "n 3"], batch_index: Int[Tensor, " n"]
) -> NeighbourTable:
    """`find_neighbours` for the Triton kernels; no shape of it waits for the GPU."""
    order, position, hit = _search(grid_coord, batch_index)
    far = torch.where(hit, order[position * hit], -1)
    return _cut_into_tiles(order.expand_as(far), far)


def _cut_into_tiles(near: Tensor, far: Tensor) -> NeighbourTable:
    """Tiles from (13, N) rows: `near` are permutations, `far` the neighbours there, -1 = none."""
    n, device = near.shape[1], near.device
    hit = far >= 0
    own = torch.arange(n, device=device)
    # Column n takes what does not exist, and stands for it.
    table = torch.full((27, n + 1), -1, dtype=torch.int32, device=device)
    table[CENTRE, :n] = own
    table[CENTRE + 1 :].scatter_(1, near, far.int())
    table[:CENTRE].scatter_(1, torch.where(hit, far, n).flip(0), near.int().flip(0))
    table[:CENTRE, n] = -1

    bits = 1 << torch.arange(27, dtype=torch.int32, device=device)[:, None]
    pattern = ((table[:, :n] >= 0) * bits).sum(0)
    num_tiles = -(-n // TILE)
    row = torch.full((num_tiles * TILE,), n, device=device)
    row[:n] = pattern.argsort(stable=True)  # stable: equal patterns stay in spatial order
    gather = table[:, row].view(27, num_tiles, TILE).transpose(0, 1)  # (T, 27, TILE)
    is_used = (gather >= 0).any(2)
    kernel_offset = (~is_used).int().argsort(dim=1, stable=True)
    gather = gather.gather(1, kernel_offset[:, :, None].expand(-1, -1, TILE))

    pairs = torch.zeros((2, 14, n + 1), dtype=torch.int32, device=device)
    pairs[:, 0, :n] = own
    place = torch.where(hit, hit.cumsum(1) - 1, n)
    pairs[:, 1:].scatter_(2, place.expand(2, -1, -1), torch.stack([near, far]).int())
    return NeighbourTable(
        row=torch.where(row < n, row, -1).int(),
        gather=gather.contiguous(),
        kernel_offset=kernel_offset.int(),
        num_offsets=is_used.sum(1).int(),
        pairs=pairs[:, :, :n].contiguous(),
        num_pairs=torch.cat([torch.full((1,), n, device=device), hit.sum(1)]).int(),
    )


def _search(grid_coord: Tensor, batch_index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows sorted by key; for each half offset, where a neighbour would be among them, and if so.

    Returns (N,), (13, N) and (13, N).
    """
    stride_y, stride_x, key = _padded_keys(grid_coord, batch_index)
    key, order = torch.sort(key)
    n = len(key)
    # Two keys that no search meets: a search may end behind the last voxel.
    closed = torch.cat([key, key.new_full((2,), -1)])
    ahead = torch.arange(1, n + 1, device=key.device)
    positions = [ahead]
    hits = [closed[1 : n + 1] == key + 1]
    for dx, dy, dz in HALF_OFFSETS[2::3]:
        target = key + (dx * stride_x + dy * stride_y + dz - 1)
        position = torch.searchsorted(key, target)
        for step in range(3):
            hit = closed.index_select(0, position) == target + step
            positions.append(position)
            hits.append(hit)
            if step < 2:
                position = position + hit
    return order, torch.stack(positions), torch.stack(hits)


def _padded_keys(grid_coord: Tensor, batch_index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Strides of y and x and the linear key, with a free voxel around every cloud."""
    extent = torch.cat([grid_coord, grid_coord.new_zeros(1, 3)]).amax(dim=0).long() + 3
    stride_y = extent[2]
    stride_x = extent[1] * stride_y
    x, y, z = (grid_coord.long() + 1).unbind(dim=1)
    key = ((batch_index.long() * extent[0] + x) * extent[1] + y) * stride_y + z
    return stride_y, stride_x, key
