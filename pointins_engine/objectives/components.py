"""Who is near whom, and who hangs together: neighbour graphs and connected components.

N points, E undirected edges (i, j) with i < j, each listed once. On the CPU SciPy does the work;
on other devices plain torch does, with the same results (ties between equal distances aside).
Points of different groups (clouds, segments) never meet.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree
from torch import Tensor

PAIRS_PER_LISTED = 4  # a k-d tree takes as long for one listed neighbour as this many distances
CHUNK_PAIRS = 1 << 24  # pairs whose distance is held at once


@torch.no_grad()
def neighbour_edges(
    coord: Float[Tensor, "n 3"],
    num_neighbours: int,
    max_length: float,
    group: Int[Tensor, " n"],
) -> Int[Tensor, "e 2"]:
    """Pairs shorter than `max_length` of which one lists the other among its nearest neighbours.

    Args:
        coord: Positions in metres.
        num_neighbours: Neighbours that a point lists, itself left out.
        max_length: Metres.
        group: Only points of the same group (>= 0) are neighbours.
    """
    search = _edges_by_distance
    if coord.device.type == "cpu":
        num_pairs = torch.bincount(group).square().sum()
        if num_pairs > PAIRS_PER_LISTED * num_neighbours * len(coord):
            search = _edges_by_tree
    return search(coord, num_neighbours, max_length, group)


@torch.no_grad()
def nearest_row(
    query: Float[Tensor, "q 3"],
    query_group: Int[Tensor, " q"],
    coord: Float[Tensor, "n 3"],
    group: Int[Tensor, " n"],
    max_length: float,
) -> Int[Tensor, " q"]:
    """Row of `coord` nearest to each query within its group, -1 if none is closer than allowed."""
    if len(query) == 0 or len(coord) == 0:
        return query_group.new_full((len(query),), -1)
    search = _nearest_by_tree if query.device.type == "cpu" else _nearest_by_distance
    return search(query, query_group, coord, group, max_length)


@torch.no_grad()
def connected_components(edges: Int[Tensor, "e 2"], num_points: int) -> Int[Tensor, " n"]:
    """Component of each point, 0..M-1 in the order of their smallest members."""
    if edges.device.type != "cpu":
        return propagate_labels(edges, num_points)
    i, j = edges.numpy().T
    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(num_points, num_points))
    label = csgraph.connected_components(graph.tocsr(), directed=False)[1]
    return torch.from_numpy(label.astype(np.int64))


@torch.no_grad()
def propagate_labels(edges: Int[Tensor, "e 2"], num_points: int) -> Int[Tensor, " n"]:
    """`connected_components` in plain torch: hook larger roots under smaller ones, then flatten.

    Each round hooks every root that has a smaller neighbour, which at least halves the roots of an
    unfinished component, so the rounds grow with the logarithm of the number of points.
    """
    root = torch.arange(num_points, device=edges.device)
    while True:
        ends = root[edges]  # (E, 2)
        ends = ends[ends[:, 0] != ends[:, 1]]
        if len(ends) == 0:
            return root.unique(return_inverse=True)[1]
        root.scatter_reduce_(0, ends.amax(1), ends.amin(1), "amin")
        while not torch.equal(root, root[root]):
            root = root[root]


def _spread(coord: Tensor, group: Tensor, max_length: float) -> np.ndarray:
    """A fourth axis that keeps groups further apart than `max_length`."""
    apart = group.double()[:, None] * (2 * max_length)
    return torch.cat([coord.double(), apart], 1).numpy()


def _distance(query: Tensor, coord: Tensor) -> Tensor:
    # The default takes a matrix product, which loses millimetres at ten metres from the origin.
    return torch.cdist(query, coord, compute_mode="donot_use_mm_for_euclid_dist")


def _edges_by_tree(coord: Tensor, num_neighbours: int, max_length: float, group: Tensor) -> Tensor:
    count = len(coord)
    spread = _spread(coord, group, max_length)
    found = KDTree(spread).query(spread, k=num_neighbours + 1, distance_upper_bound=max_length)[
        1
    ]  # (N, k + 1), N where there is no neighbour
    found = torch.from_numpy(found.astype(np.int64, copy=False))
    source = torch.arange(count)[:, None]
    keep = (found != source) & (found < count)
    return _undirected(source.expand_as(found)[keep], found[keep], count)


def _edges_by_distance(
    coord: Tensor, num_neighbours: int, max_length: float, group: Tensor
) -> Tensor:
    order = group.argsort(stable=True)
    counts = group[order].unique_consecutive(return_counts=True)[1].tolist()
    edges, listed = [group.new_zeros(0, 2)], [group.new_zeros(0, 2)]
    for rows in order.split(counts):  # ascending, as the sort is stable
        member = coord[rows]
        everybody_is_listed = len(rows) - 1 <= num_neighbours
        for start in range(0, len(rows), max(1, CHUNK_PAIRS // len(rows))):
            chunk = member[start : start + max(1, CHUNK_PAIRS // len(rows))]
            distance = _distance(chunk, member)  # (chunk, group)
            if everybody_is_listed:
                pair = (distance < max_length).triu_(start + 1).nonzero()
                edges.append(rows[pair + pair.new_tensor([start, 0])])
            else:
                distance.diagonal(start).fill_(torch.inf)
                length, neighbour = distance.topk(num_neighbours, largest=False)
                row, column = (length < max_length).nonzero().T
                listed.append(torch.stack([rows[start + row], rows[neighbour[row, column]]], 1))
    source, target = torch.cat(listed).T
    return torch.cat([*edges, _undirected(source, target, len(coord))])


def _undirected(source: Tensor, target: Tensor, num_points: int) -> Tensor:
    """Each pair once, as (smaller, larger)."""
    key = torch.minimum(source, target) * num_points + torch.maximum(source, target)
    key = key.unique()
    return torch.stack([key // num_points, key % num_points], 1)


def _nearest_by_tree(
    query: Tensor, query_group: Tensor, coord: Tensor, group: Tensor, max_length: float
) -> Tensor:
    tree = KDTree(_spread(coord, group, max_length))
    spread = _spread(query, query_group, max_length)
    found = torch.from_numpy(np.asarray(tree.query(spread, distance_upper_bound=max_length)[1]))
    return torch.where(found == len(coord), -1, found)


def _nearest_by_distance(
    query: Tensor, query_group: Tensor, coord: Tensor, group: Tensor, max_length: float
) -> Tensor:
    num_rows = max(1, CHUNK_PAIRS // len(coord))
    found = []
    for chunk, chunk_group in zip(query.split(num_rows), query_group.split(num_rows), strict=True):
        distance = _distance(chunk, coord)
        distance.masked_fill_(chunk_group[:, None] != group, torch.inf)
        length, row = distance.min(1)
        found.append(torch.where(length < max_length, row, -1))
    return torch.cat(found)
