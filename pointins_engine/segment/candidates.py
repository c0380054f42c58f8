"""Groups of points by density, at several radii. N points in D dimensions, K neighbours."""

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree


def groups_at_all_radii(
    place: Float[np.ndarray, "n d"],
    radii: tuple[float, ...],
    core_neighbours: int,
    num_neighbours: int,
    min_size: int,
) -> list[Int[np.ndarray, " n"]]:
    """Group of each point at each radius, 0.. without a gap; -1 = none.

    Args:
        place: Where each point is; metres, or what counts as metres.
        radii: Metres, rising.
        core_neighbours: Others within the radius that make a point a core. Cores within the radius
            of each other are in one group, as in DBSCAN; others join their nearest core. 0: all
            points are cores, and groups are connected components.
        num_neighbours: Nearest points that a point may link to.
        min_size: Points of a group at least.
    """
    count = len(place)
    if count < 2:
        return [np.full(count, -1) for _ in radii]
    near = min(num_neighbours, count - 1) + 1
    length, neighbour = KDTree(place).query(place, k=near, distance_upper_bound=radii[-1])
    groups = []
    for radius in radii:
        group = _groups(np.asarray(length), np.asarray(neighbour), radius, core_neighbours)
        size = np.bincount(group[group >= 0])
        number = np.where(size >= min_size, np.cumsum(size >= min_size) - 1, -1)
        groups.append(np.where(group >= 0, np.append(number, -1)[group], -1))
    return groups


def _groups(
    length: Float[np.ndarray, "n k"],
    neighbour: Int[np.ndarray, "n k"],
    radius: float,
    core_neighbours: int,
) -> Int[np.ndarray, " n"]:
    """Group of each point at one radius, -1 = none; the first column is the point itself."""
    count = len(length)
    within = length <= radius
    is_core = within.sum(axis=1) > core_neighbours
    links = within & is_core[:, None]
    source, place = np.nonzero(links)
    target = neighbour[source, place]
    linked = is_core[target]
    graph = coo_array(
        (np.ones(int(linked.sum()), np.int8), (source[linked], target[linked])),
        shape=(count, count),
    )
    group = csgraph.connected_components(graph.tocsr(), directed=False)[1].astype(np.int64)
    group[~is_core] = -1
    joins = within & np.append(is_core, False)[neighbour]  # a row without neighbour points past
    joins &= ~is_core[:, None]
    joining = np.flatnonzero(joins.any(axis=1))
    group[joining] = group[neighbour[joining, joins[joining].argmax(axis=1)]]
    return group
