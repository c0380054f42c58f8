"""Spatial clustering regularisation (SCR): cuts pseudo-instances out of the teacher's votes.

N cells of the loss stage, B clouds, M pseudo-instances. A vote is a cell's position plus its
offset. Everything is teacher side: no gradient, scene frame, metres.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from pointins_engine.config import ScrConfig
from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.components import (
    connected_components,
    nearest_row,
    neighbour_edges,
)
from pointins_engine.objectives.kmeans import kmeans

COSINE_EDGES = 1024  # edges whose features are gathered at once: 2 x 2 MB at 500 channels


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
    rng: torch.Generator,
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
        rng: Starting centres of K-means.
        with_segments: Cut segments for display even if the grouping does not use them.

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
        for part in by_cloud:
            label, _ = kmeans(feat[part], config.num_segments, config.kmeans_iterations, rng)
            segment[part] = label

    group = torch.full_like(batch_index, -1)
    if config.grouping == "affinity":
        group[rows] = batch_index[rows]
    else:
        group[rows] = batch_index[rows] * config.num_segments + segment[rows]

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
    clouds = [feat[part].float() for part in by_cloud if len(part)]
    return torch.cat(
        [feat.new_zeros(0, feat.shape[1]).float()]
        + [F.normalize(cloud - cloud.mean(0), dim=1) for cloud in clouds]
    )


def _cosine(unit: Tensor, i: Tensor, j: Tensor) -> Tensor:
    parts = zip(i.split(COSINE_EDGES), j.split(COSINE_EDGES), strict=True)
    return torch.cat([unit.new_zeros(0), *((unit[a] * unit[b]).sum(1) for a, b in parts)])


def _link_cores(
    coord: Tensor, votes: Tensor, unit_feat: Tensor | None, group: Tensor, config: ScrConfig
) -> Tensor:
    """Components of linked cores, other cells attached; -1 for cells far from any core."""
    num_neighbours = max(config.num_neighbours, config.core_neighbours)
    edges = neighbour_edges(votes, num_neighbours, config.link_radius, group)
    if unit_feat is not None:
        edges = edges[_cosine(unit_feat, edges[:, 0], edges[:, 1]) >= config.min_cosine]
    # With at least core_neighbours in each list, a link count from both sides reaches the bound
    # exactly where the core_neighbours-th nearest neighbour is within link_radius.
    is_core = torch.bincount(edges.flatten(), minlength=len(coord)) >= config.core_neighbours
    component = connected_components(edges[is_core[edges].all(1)], len(coord))

    core, other = is_core.nonzero()[:, 0], (~is_core).nonzero()[:, 0]
    nearest = nearest_row(
        coord[other], group[other], coord[core], group[core], config.attach_radius
    )
    component[other] = -1
    other, nearest = other[nearest >= 0], core[nearest[nearest >= 0]]
    if unit_feat is not None:
        agree = _cosine(unit_feat, other, nearest) >= config.min_cosine
        other, nearest = other[agree], nearest[agree]
    component[other] = component[nearest]
    return component


def _drop_small(component: Tensor, min_size: int) -> tuple[Tensor, Tensor]:
    """Renumber components of at least `min_size` cells as 0..M-1, the rest -1; and their sizes."""
    size = torch.bincount(component + 1)[1:]  # rows without component are counted first
    number = torch.full((len(size) + 1,), -1, dtype=torch.int64, device=component.device)
    kept = (size >= min_size).nonzero()[:, 0]
    number[kept + 1] = torch.arange(len(kept), device=component.device)
    return number[component + 1], size[kept]


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
    instance = pseudo_instance[member]
    averaged = coord if config.centroid == "points" else votes
    total = coord.new_zeros(len(size), 3).index_add_(0, instance, averaged[member])
    centroid = total / size[:, None]
    target = torch.zeros_like(coord)
    target[member] = centroid[instance] - coord[member]
    cloud = batch_index.new_zeros(len(size))
    cloud[instance] = batch_index[member]
    return ScrOutput(
        segment=segment,
        group=group,
        pseudo_instance=pseudo_instance,
        centroid=centroid,
        centroid_batch_index=cloud,
        size=size,
        target=target,
        valid=member | is_left_out if config.planes == "zero" else member,
    )
