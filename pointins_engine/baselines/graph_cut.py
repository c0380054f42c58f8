"""Efficient graph-based segmentation, and the graph over the cells of a scan that it cuts.

M cells, E edges.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from pointins_engine.baselines.cells import CellCloud
from pointins_engine.geometry import estimate_normals, surface_bend

_NEIGHBOURS = 10


def cut_graph(
    edge: Int[np.ndarray, "e 2"],
    weight: Float[np.ndarray, " e"],
    num_nodes: int,
    *,
    scale: int | float,
    min_size: int,
) -> Int[np.ndarray, " m"]:
    """Merge nodes along edges, the most alike first, while they are as alike as their segments.

    Two segments merge if the edge between them weighs at most as much as the heaviest edge inside
    of either, plus `scale` over its size. Then segments under `min_size` join a neighbour, again
    the most alike first; one without a neighbour stays.

    Args:
        edge: Pairs of nodes.
        weight: How different the nodes of each edge are; equal ones keep their order.
        num_nodes: Nodes 0..M-1.
        scale: In units of the weight; the larger, the larger the segments.
        min_size: Nodes that a segment should have.

    Returns:
        Segment of each node, numbered in the order of their first nodes.

    Source:
        Felzenszwalb and Huttenlocher, Efficient Graph-Based Image Segmentation, 2004.
    """
    order = np.argsort(weight, kind="stable")
    parent, size = list(range(num_nodes)), [1] * num_nodes
    allowed = [float(scale)] * num_nodes  # heaviest edge inside, plus scale over size
    left_over: list[tuple[int, int]] = []

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for (a, b), cost in zip(edge[order].tolist(), weight[order].tolist(), strict=True):
        a, b = root(a), root(b)
        if a == b:
            continue
        if cost > allowed[a] or cost > allowed[b]:
            left_over.append((a, b))
            continue
        parent[b] = a
        size[a] += size[b]
        allowed[a] = cost + scale / size[a]
    for a, b in left_over:
        a, b = root(a), root(b)
        if a != b and min(size[a], size[b]) < min_size:
            parent[b] = a
            size[a] += size[b]
    roots = np.array([root(node) for node in range(num_nodes)], np.int64)
    _, first, label = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[label]


def cell_graph(
    cells: CellCloud, radius: float, color_weight: int | float
) -> tuple[Int[np.ndarray, "e 2"], Float[np.ndarray, " e"]]:
    """Edges between near cells; they weigh what normals and colours differ by.

    Args:
        cells: Normals are estimated if there are none.
        radius: Metres; of the ten nearest cells those within it are neighbours.
        color_weight: What black against white counts as, beside 1 for two normals at right
            angles. Ignored without colours.

    Returns:
        Edges, each once, and their weights. Where the surface bends outwards the angle counts by
        its square: edges of one object bend so, and contacts of two objects the other way.
    """
    count = len(cells)
    coord = cells.coord.astype(np.float64)
    if count < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    near = min(_NEIGHBOURS, count - 1) + 1
    length, neighbour = KDTree(coord).query(coord, k=near, distance_upper_bound=radius)
    a, place = np.nonzero(np.isfinite(length))
    b = np.asarray(neighbour)[a, place]
    edge = np.unique(np.sort(np.stack([a, b], axis=1)[a != b], axis=1), axis=0)
    a, b = edge[:, 0], edge[:, 1]
    normal = cells.normal
    if normal is None:
        normal = estimate_normals(cells.coord) if count >= 3 else np.tile([0.0, 0.0, 1.0], (2, 1))
    weight, bends_outwards = surface_bend(coord, normal, a, b)
    weight = np.where(bends_outwards, weight**2, weight)
    if color_weight > 0 and cells.color is not None:
        apart = np.linalg.norm(cells.color[a] - cells.color[b], axis=1) / np.sqrt(3)
        weight = weight + color_weight * apart
    return edge, weight
