"""Spatial clustering regularisation (SCR): cuts pseudo-instances out of the teacher's votes.

N cells of the loss stage, B clouds, M pseudo-instances. A vote is a cell's position plus its
offset. Everything is teacher side: no gradient, scene frame, metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from pointins_engine.config import ScrConfig
from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.components import (
    connected_components,
    nearest_core,
    neighbour_edges,
)
from pointins_engine.objectives.kmeans import kmeans
from pointins_engine.upload import on_host

COSINE_EDGES = 1 << 16  # edges whose features are gathered at once on a GPU
CACHED_EDGES = 512  # and on a CPU: 2 x 1 MB at 500 channels


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrOutput:
    """Pseudo-instances of a batch, and the targets that follow from them."""

    segment: Int[Tensor, " n"]  # K-means segment within the cloud, -1 = took no part
    group: Int[Tensor, " n"]  # cells that may be grouped together: cloud, or cloud and segment; -1
    pseudo_instance: Int[Tensor, " n"]  # row of `centroid`, -1 = none
    centroid: Float[Tensor, "m 3"]  # metres
    centroid_batch_index: Int[Tensor, " m"]  # cloud of each pseudo-instance, sorted
    size: Int[Tensor, " m"]  # cells
    target: Float[Tensor, "n 3"]  # metres: centroid - position; 0 where there is none
    valid: Bool[Tensor, " n"]  # rows that have a target


@torch.no_grad()
def spatial_clustering(
    origin_coord: Float[Tensor, "n 3"],
    votes_offset: Float[Tensor, "n 3"],
    feat: Float[Tensor, "n c"],
    batch_index: Int[Tensor, " n"],
    batch_size: int,
    is_plane: Bool[Tensor, " n"],
    config: ScrConfig,
    rng: Sequence[torch.Generator],
    *,
    with_segments: bool = False,
) -> ScrOutput:
    """Group the votes of each cloud into pseudo-instances and point every cell at its centroid.

    Three groupings link votes that are near each other:

    - `paper`: K-means segments of the features; in each, k-NN links shorter than `link_radius`
      and their connected components.
    - `robust`: the same segments, but only cores link (cells with `core_neighbours` links); other
      cells join the nearest core in input space within `attach_radius`. Stray votes then cannot
      chain two objects together.
    - `affinity`: no segments. A link also needs a cosine of centred features of at least
      `min_cosine`; then cores as in `robust`, and a cell joins a core only if their features agree.

    Links are k-NN links in all three: clumps of more than `num_neighbours` votes that lie apart
    stay apart, even within `link_radius`.

    Args:
        origin_coord: Cell positions in metres, scene frame.
        votes_offset: Teacher offsets after ODR in metres, scene frame.
        feat: Teacher backbone features.
        batch_index: Cloud of each row, sorted.
        batch_size: Number of clouds.
        is_plane: Floor, wall or ground. `config.planes` decides: `keep` treats them as any cell,
            `drop` leaves them out without target, `zero` leaves them out with target 0.
        config: Grouping and its numbers.
        rng: One generator a cloud; chooses the starting centres of K-means.
        with_segments: Cut segments for display even if the grouping does not use them.

    On a GPU the host waits a fixed number of times, whatever the number of clouds and segments:
    for sizes of clouds and groups, for numbers of links, cells to attach and pseudo-instances.

    Source:
        PointINS Alg. 2. Departures: k-NN links count in both directions, the centroid averages
        positions unless `config.centroid` is `votes`, discarded components get no target;
        `robust` and `affinity` are ours.
    """
    coord = origin_coord.float()
    votes = coord + votes_offset.float()
    took_part = torch.ones_like(is_plane) if config.planes == "keep" else ~is_plane
    by_cloud = rows_per_cloud(batch_index, batch_size, took_part)
    rows = torch.cat(by_cloud)

    segment = torch.full_like(batch_index, -1)
    if with_segments or config.grouping != "affinity":
        segment, _ = kmeans(
            feat,
            by_cloud,
            config.num_segments,
            config.kmeans_iterations,
            rng,
            normalize=config.kmeans_normalize,
        )

    number = batch_index
    if config.grouping != "affinity":
        number = batch_index * config.num_segments + segment
    group = torch.where(took_part, number, -1)

    component = torch.full_like(batch_index, -1)
    if config.grouping == "paper":
        edges = neighbour_edges(votes[rows], config.num_neighbours, config.link_radius, group[rows])
        component[rows] = connected_components(edges, len(rows))
    else:
        part_feat = None
        if config.grouping == "affinity":
            part_feat = _centred_directions(feat, by_cloud)
        component[rows] = _link_cores(coord[rows], votes[rows], part_feat, group[rows], config)

    pseudo_instance, size = _drop_small(component, config.min_size)
    return _with_targets(
        coord, votes, segment, group, pseudo_instance, size, batch_index, ~took_part, config
    )


def _centred_directions(feat: Tensor, by_cloud: list[Tensor]) -> Tensor:
    """Unit features after the mean of each cloud is taken away: it hides what tells cells apart.

    Cloud by cloud, because what fits in the cache is several times faster.
    """
    feat, sizes = feat.float(), [len(part) for part in by_cloud]
    unit = feat.new_empty(sum(sizes), feat.shape[1])
    for part, cloud in zip(by_cloud, unit.split(sizes), strict=True):
        if len(part):
            torch.index_select(feat, 0, part, out=cloud)
            cloud -= cloud.mean(0)
            F.normalize(cloud, dim=1, out=cloud)
    return unit


def _cosine(unit: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Products of rows i and rows j of unit features."""
    return (_cosine_on_cpu if on_host(unit) else _cosine_in_torch)(unit, i, j)


def _cosine_on_cpu(unit: Tensor, i: Tensor, j: Tensor) -> Tensor:
    # torch has no product and sum in one pass.
    rows, found = unit.numpy(), np.empty(len(i), np.float32)
    for first in range(0, len(i), CACHED_EDGES):
        part = slice(first, first + CACHED_EDGES)
        np.einsum("ec,ec->e", rows[i[part].numpy()], rows[j[part].numpy()], out=found[part])
    return torch.from_numpy(found)


def _cosine_in_torch(unit: Tensor, i: Tensor, j: Tensor) -> Tensor:
    parts = zip(i.split(COSINE_EDGES), j.split(COSINE_EDGES), strict=True)
    return torch.cat([unit.new_zeros(0), *((unit[a] * unit[b]).sum(1) for a, b in parts)])


def _link_cores(
    coord: Tensor, votes: Tensor, unit_feat: Tensor | None, group: Tensor, config: ScrConfig
) -> Tensor:
    """Components of linked cores, other cells attached; -1 for cells far from any core."""
    num_neighbours = max(config.num_neighbours, config.core_neighbours)
    edges = neighbour_edges(votes, num_neighbours, config.link_radius, group)
    counts = torch.ones(len(edges), dtype=torch.int64, device=edges.device)
    if unit_feat is not None:
        counts *= _cosine(unit_feat, edges[:, 0], edges[:, 1]) >= config.min_cosine
    # With at least core_neighbours in each list, a link count from both sides reaches the bound
    # exactly where the core_neighbours-th nearest neighbour is within link_radius.
    num_links = torch.zeros_like(group)
    for end in edges.T:
        num_links.scatter_add_(0, end, counts)
    is_core = num_links >= config.core_neighbours
    joins = is_core[edges].all(1) & (counts > 0)
    # Edges that do not count lead from a cell to itself, so that their number stays known.
    edges = torch.where(joins[:, None], edges, edges[:, :1])
    component = connected_components(edges, len(coord))

    nearest = nearest_core(coord, group, is_core, config.attach_radius)
    if unit_feat is not None:
        attached = ((nearest >= 0) & ~is_core).nonzero()[:, 0]
        agree = _cosine(unit_feat, attached, nearest[attached]) >= config.min_cosine
        nearest[attached] = torch.where(agree, nearest[attached], -1)
    return torch.where(nearest >= 0, component[nearest], -1)


def _drop_small(component: Tensor, min_size: int) -> tuple[Tensor, Tensor]:
    """Renumber components of at least `min_size` cells as 0..M-1, the rest -1; and their sizes."""
    # Place 0 is for cells without component.
    size = component.new_zeros(len(component) + 1)
    size.scatter_add_(0, component + 1, torch.ones_like(component))
    size[0] = 0
    is_kept = size >= min_size
    number = torch.where(is_kept, is_kept.cumsum(0) - 1, -1)
    return number[component + 1], size[is_kept]


def _with_targets(
    coord: Tensor,
    votes: Tensor,
    segment: Tensor,
    group: Tensor,
    pseudo_instance: Tensor,
    size: Tensor,
    batch_index: Tensor,
    is_left_out: Tensor,
    config: ScrConfig,
) -> ScrOutput:
    member = pseudo_instance >= 0
    count = len(size)
    place = torch.where(member, pseudo_instance, count)  # the last one is nobody's
    averaged = coord if config.centroid == "points" else votes
    total = coord.new_zeros(count + 1, 3).index_add_(0, place, averaged)
    centroid = total / F.pad(size, (0, 1), value=1)[:, None]
    target = torch.where(member[:, None], centroid[place] - coord, 0.0)
    cloud = batch_index.new_zeros(count + 1).scatter_(0, place, batch_index)
    return ScrOutput(
        segment=segment,
        group=group,
        pseudo_instance=pseudo_instance,
        centroid=centroid[:-1],
        centroid_batch_index=cloud[:-1],
        size=size,
        target=target,
        valid=member | is_left_out if config.planes == "zero" else member,
    )
