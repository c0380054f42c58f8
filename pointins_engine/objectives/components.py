"""Who is near whom, and who hangs together: neighbour graphs and connected components.

N points, E undirected edges (i, j) with i < j, each listed once. On the CPU SciPy does the work;
on other devices plain torch does, with the same results (ties between equal distances aside).
Points of different groups (clouds, segments) never meet.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree
from torch import Tensor

from pointins_engine.upload import on_host, upload

PAIRS_PER_LISTED = 4  # a k-d tree takes as long for one listed neighbour as this many distances
CHUNK_PAIRS = 1 << 18  # pairs whose distance is held at once: what stays in the cache
CHUNK_PAIRS_GPU = 1 << 24  # and on a GPU
ROUNDS_PER_CHECK = 3  # of hooking before the host asks whether edges are left


@torch.no_grad()
def neighbour_edges(
    coord: Float[Tensor, "n 3"],
    num_neighbours: int,
    max_length: float,
    group: Int[Tensor, " n"],
) -> Int[Tensor, "e 2"]:
    """Pairs shorter than `max_length` of which one lists the other among its nearest neighbours.

    On a GPU the host waits five times, whatever the number of groups: for their number and their
    sizes, twice for the number of short pairs, for the number of different ones.

    Args:
        coord: Positions in metres.
        num_neighbours: Neighbours that a point lists, itself left out.
        max_length: Metres.
        group: Only points of the same group (>= 0) are neighbours.
    """
    if on_host(coord):
        num_pairs = torch.bincount(group).square().sum()
        if num_pairs > PAIRS_PER_LISTED * num_neighbours * len(coord):
            return _edges_by_tree(coord, num_neighbours, max_length, group)
        return _edges_by_distance(coord, num_neighbours, max_length, group)
    return _edges_by_distance(coord, num_neighbours, max_length, group, deferred=True)


@torch.no_grad()
def nearest_core(
    coord: Float[Tensor, "n 3"],
    group: Int[Tensor, " n"],
    is_core: Bool[Tensor, " n"],
    max_length: float,
) -> Int[Tensor, " n"]:
    """Row of the core nearest to each point in its group, -1 if none is closer than allowed.

    A core is nearest to itself.
    """
    search = _core_by_tree if on_host(coord) else _core_by_distance
    return torch.where(
        is_core,
        torch.arange(len(coord), device=coord.device),
        search(coord, group, is_core, max_length),
    )


@torch.no_grad()
def connected_components(edges: Int[Tensor, "e 2"], num_points: int) -> Int[Tensor, " n"]:
    """Component of each point, 0..M-1 in the order of their smallest members.

    Edges may come in any order, more than once, and from a point to itself.
    """
    if not on_host(edges):
        return propagate_labels(edges, num_points)
    i, j = edges.numpy().T
    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(num_points, num_points))
    label = csgraph.connected_components(graph.tocsr(), directed=False)[1]
    return torch.from_numpy(label.astype(np.int64))


@torch.no_grad()
def propagate_labels(edges: Int[Tensor, "e 2"], num_points: int) -> Int[Tensor, " n"]:
    """`connected_components` in plain torch: hook larger roots under smaller ones, then flatten.

    A round hooks every root with a smaller neighbour under its smallest one. A root that two rounds
    leave alone has taken in another, so two rounds at least halve the roots of an unfinished
    component, and the rounds grow with the logarithm of the number of points. The host waits
    after the first round, which joins most, and then every few rounds, mostly once.
    """
    root = own = torch.arange(num_points, device=edges.device)
    jumps = num_points.bit_length()  # as many as the deepest tree needs
    rounds = 1
    while len(edges):
        for _ in range(rounds):
            ends = root[edges]  # (E, 2)
            root = root.scatter_reduce(0, ends.amax(1), ends.amin(1), "amin")
            for _ in range(jumps):
                root = root[root]
        ends = root[edges]
        edges = ends[ends[:, 0] != ends[:, 1]]
        rounds = ROUNDS_PER_CHECK
    return ((root == own).cumsum(0) - 1)[root]  # the root is the smallest member


def _spread(coord: Tensor, group: Tensor, max_length: float) -> np.ndarray:
    """Coordinates with groups side by side along x, further apart than `max_length`."""
    apart = coord.double()
    reach = apart[:, 0].max() - apart[:, 0].min() + 2 * max_length
    apart[:, 0] += group * reach
    return apart.numpy()


def _edges_by_tree(coord: Tensor, num_neighbours: int, max_length: float, group: Tensor) -> Tensor:
    count = len(coord)
    spread = _spread(coord, group, max_length)
    tree = KDTree(spread, balanced_tree=False)  # sliding midpoints: built faster, searched as fast
    found = tree.query(spread, k=num_neighbours + 1, distance_upper_bound=max_length)[
        1
    ]  # (N, k + 1), N where there is no neighbour
    found = torch.from_numpy(found.astype(np.int64, copy=False))
    source = torch.arange(count)[:, None]
    keep = (found != source) & (found < count)
    source, target = source.expand_as(found)[keep], found[keep]
    key = torch.minimum(source, target) * count + torch.maximum(source, target)
    return _pairs(key.unique(), count)


def _edges_by_distance(
    coord: Tensor, num_neighbours: int, max_length: float, group: Tensor, *, deferred: bool = False
) -> Tensor:
    """Chunk by chunk; what is short is picked from each chunk, or `deferred` until the end."""
    whole, listed = [group.new_zeros(0)], [group.new_zeros(0)]
    for rows, columns, distance in _distances_within(coord, group, num_neighbours + 1):
        source, target = rows[:, :, None], columns[:, None, :]
        everybody_is_listed = columns.shape[1] - 1 <= num_neighbours
        if everybody_is_listed:
            length = distance.masked_fill_(source >= target, torch.inf)
        else:
            distance.masked_fill_(source == target, torch.inf)
            length, place = distance.topk(num_neighbours, largest=False)  # (G, R, k)
            target = target.expand_as(distance).gather(2, place)
        is_short = length < max_length
        if not deferred:
            g, row, place = is_short.nonzero(as_tuple=True)
            source = rows[g, row]
            target = columns[g, place] if everybody_is_listed else target[g, row, place]
        key = torch.minimum(source, target) * len(coord) + torch.maximum(source, target)
        if deferred:
            key = torch.where(is_short, key, -1).flatten()
        (whole if everybody_is_listed else listed).append(key)
    keys = [torch.cat(whole), torch.cat(listed)]
    if deferred:
        keys = [key[key >= 0] for key in keys]
    return _pairs(torch.cat([keys[0], keys[1].unique()]), len(coord))


def _pairs(key: Tensor, num_points: int) -> Tensor:
    return torch.stack([key // num_points, key % num_points], 1)


def _distances_within(
    coord: Tensor, group: Tensor, small: int = 0
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """All distances within groups, many groups of like size at a time; small ones among themselves.

    The host waits for the number and the sizes of the groups. Padding has row -1 and infinite
    distance.

    Yields:
        Rows (G, R), columns (G, L) and their distances (G, R, L), of G groups of at most L points.
    """
    chunk = CHUNK_PAIRS if on_host(coord) else CHUNK_PAIRS_GPU
    order = group.argsort(stable=True)
    counts = group[order].unique_consecutive(return_counts=True)[1]
    by_size = sorted(enumerate(counts.tolist()), key=lambda item: -item[1])
    first = counts.cumsum(0) - counts
    while by_size:
        longest = by_size[0][1]
        fitting = max(1, chunk // longest**2)
        shortest = max((longest + 1) // 2, small + 1 if longest > small else 0)
        batch = [number for number, size in by_size[:fitting] if size >= shortest]
        by_size = by_size[len(batch) :]
        number = upload(torch.tensor(batch), coord.device)
        place = torch.arange(longest, device=coord.device)
        exists = place < counts[number][:, None]  # (G, L)
        columns = torch.where(exists, order[(first[number][:, None] + place) * exists], -1)
        member = coord[columns]
        step = max(1, chunk // (len(batch) * longest))
        for rows, part in zip(columns.split(step, 1), member.split(step, 1), strict=True):
            # The default takes a matrix product, which loses millimetres ten metres off.
            distance = torch.cdist(part, member, compute_mode="donot_use_mm_for_euclid_dist")
            distance.masked_fill_((columns < 0)[:, None, :], torch.inf)
            distance.masked_fill_((rows < 0)[:, :, None], torch.inf)
            yield rows, columns, distance


def _core_by_tree(coord: Tensor, group: Tensor, is_core: Tensor, max_length: float) -> Tensor:
    nearest = torch.full_like(group, -1)
    core, other = is_core.nonzero()[:, 0], (~is_core).nonzero()[:, 0]
    if len(core) and len(other):
        spread = _spread(coord, group, max_length)
        tree = KDTree(spread[core.numpy()], balanced_tree=False)
        found = tree.query(spread[other.numpy()], distance_upper_bound=max_length)[1]
        found = torch.from_numpy(np.asarray(found))
        nearest[other] = torch.cat([core, core.new_tensor([-1])])[found]
    return nearest


def _core_by_distance(coord: Tensor, group: Tensor, is_core: Tensor, max_length: float) -> Tensor:
    # The last place takes what padding says.
    nearest = group.new_full((len(coord) + 1,), -1)
    for rows, columns, distance in _distances_within(coord, group):
        distance.masked_fill_(~is_core[columns][:, None, :], torch.inf)
        length, place = distance.min(2)  # (G, R)
        found = torch.where(length < max_length, columns.gather(1, place), -1)
        nearest[rows] = found
    return nearest[:-1]
