"""Groups of points by density, at several radii. N points in D dimensions, K neighbours."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Every point and its nearest ones, by distance. The first column is the point itself."""

    length: Float[np.ndarray, "n k"]  # metres, or what counts as metres; infinite where none is
    neighbour: Int[np.ndarray, "n k"]  # n where none is


def nearest_links(place: Float[np.ndarray, "n d"], num_neighbours: int, reach: float) -> Links:
    """Links to the nearest points within reach.

    Args:
        place: Where each point is; metres, or what counts as metres.
        num_neighbours: Nearest points that a point may link to.
        reach: Longest link.
    """
    near = min(num_neighbours, len(place) - 1) + 1
    # An array, so that a single neighbour has a column too; SciPy's types know of numbers only.
    nearest = cast(int, np.arange(1, near + 1))
    length, neighbour = KDTree(place).query(place, k=nearest, distance_upper_bound=reach)
    return Links(length=np.asarray(length), neighbour=np.asarray(neighbour))


def groups_at_all_radii(
    links: Links,
    radii: tuple[float, ...],
    core_neighbours: int,
    min_size: int,
) -> list[Int[np.ndarray, " n"]]:
    """Group of each point at each radius, 0.. without a gap; -1 = none.

    Args:
        links: Between points that may be in one group.
        radii: Same unit as lengths, rising.
        core_neighbours: Others within the radius that make a point a core. Cores within the radius
            of each other are in one group, as in DBSCAN; others join their nearest core. 0: all
            points are cores, and groups are connected components.
        min_size: Points of a group at least.
    """
    groups = []
    for radius in radii:
        group = _groups(links, radius, core_neighbours)
        size = np.bincount(group[group >= 0])
        number = np.where(size >= min_size, np.cumsum(size >= min_size) - 1, -1)
        groups.append(np.where(group >= 0, np.append(number, -1)[group], -1))
    return groups


def _groups(links: Links, radius: float, core_neighbours: int) -> Int[np.ndarray, " n"]:
    """Group of each point at one radius, -1 = none."""
    length, neighbour = links.length, links.neighbour
    count = len(length)
    within = length <= radius
    is_core = within.sum(axis=1) > core_neighbours
    source, place = np.nonzero(within & is_core[:, None])
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
    nearest = np.where(joins, length, np.inf).argmin(axis=1)
    joining = np.flatnonzero(joins.any(axis=1))
    group[joining] = group[neighbour[joining, nearest[joining]]]
    return group
