"""Offset lengths of clusters that HDBSCAN finds in raw points. NumPy and scikit-learn, no torch."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

CELLS_PER_LOSS_CELL = 2  # along an edge; on the loss stage's own cells touching furniture merges
MIN_CLUSTER_SIZE = 50  # cells: 0.18 m2 of surface at 6 cm; smaller clusters are crumbs of noise
MIN_SAMPLES = 5  # cells around a cell of a dense region
MAX_CELLS = 20_000  # of one scene; HDBSCAN's time grows faster than linearly


def fit_lengths(
    coords: Sequence[Float[np.ndarray, "_ 3"]], cell_size: float, rng: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Distances in metres from occupied cells to the mean of their cluster, over all scenes.

    Points are thinned to one a cell first, at half of `cell_size`. Noise is ignored. Of a scene
    with more than `MAX_CELLS` cells, the part around a random cell is used: thinning it evenly
    would change the density that HDBSCAN goes by.
    """
    from sklearn.cluster import HDBSCAN

    lengths = [np.empty(0)]
    for coord in coords:
        cell = _crop(_cell_means(coord, cell_size / CELLS_PER_LOSS_CELL), rng)
        if len(cell) < MIN_CLUSTER_SIZE:
            continue
        clusterer = HDBSCAN(
            min_cluster_size=MIN_CLUSTER_SIZE,
            min_samples=MIN_SAMPLES,
            copy=True,  # type: ignore[arg-type]  # the stub says str
        )
        label = clusterer.fit_predict(cell)
        cell, label = cell[label >= 0], label[label >= 0]
        if len(cell):
            lengths.append(np.linalg.norm(_group_means(cell, label)[label] - cell, axis=1))
    return np.concatenate(lengths)


def _cell_means(coord: np.ndarray, cell_size: float) -> np.ndarray:
    if len(coord) == 0:
        return np.empty((0, 3))
    index = np.floor((coord - coord.min(0)) / cell_size).astype(np.int64)
    extent = index.max(0) + 1
    key = (index[:, 0] * extent[1] + index[:, 1]) * extent[2] + index[:, 2]
    return _group_means(coord, np.unique(key, return_inverse=True)[1])


def _group_means(coord: np.ndarray, group: np.ndarray) -> np.ndarray:
    total = np.stack([np.bincount(group, weights=axis) for axis in coord.T], axis=1)
    return total / np.bincount(group)[:, None]


def _crop(cell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(cell) <= MAX_CELLS:
        return cell
    distance = np.linalg.norm(cell - cell[rng.integers(len(cell))], axis=1)
    return cell[np.argpartition(distance, MAX_CELLS)[:MAX_CELLS]]
