"""Blocks hidden from the student. N voxels, B views."""

import torch
from jaxtyping import Bool
from torch import Tensor

from pointins_engine.batch import PointBatch


def visible_points(
    points: PointBatch, size: float, ratio: float, rng: torch.Generator
) -> Bool[Tensor, " n"]:
    """True where the student sees a voxel; the rest is removed from its input, not replaced.

    Space is cut into cubes of edge `size` in the view frame, anchored at each view's minimum.
    `int(ratio * number of occupied cubes)` of the whole batch are hidden; a view that would lose
    everything keeps one cube. Removing masked points instead of feeding a token is DOS's choice.

    Args:
        points: Packed views.
        size: Edge of a cube in metres.
        ratio: Share of cubes hidden, in [0, 1).
        rng: Chooses the cubes.

    Source: DOS (observable points only); Sonata's grid patches and batch-wide ratio.
    """
    low = torch.full((points.batch_size, 3), torch.inf, device=points.coord.device)
    index = points.batch_index[:, None].expand(-1, 3)
    low.scatter_reduce_(0, index, points.coord, reduce="amin")
    block = ((points.coord - low[points.batch_index]) / size).floor().long()  # (N, 3), >= 0
    bits = 16  # blocks an axis: no more than voxels an axis
    key = points.batch_index << (3 * bits) | block[:, 0] << (2 * bits) | block[:, 1] << bits
    unique, member = torch.unique(key | block[:, 2], return_inverse=True)  # (M,), (N,)
    owner = unique >> (3 * bits)
    chance = torch.rand(len(unique), generator=rng, device=rng.device).to(points.coord.device)
    hidden = torch.zeros(len(unique), dtype=torch.bool, device=points.coord.device)
    hidden[chance.argsort()[: int(ratio * len(unique))]] = True
    best = torch.zeros(points.batch_size, device=points.coord.device)
    best.scatter_reduce_(0, owner, chance, reduce="amax", include_self=True)
    hidden &= chance < best[owner]
    return ~hidden[member]
