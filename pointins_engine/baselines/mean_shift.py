"""Mean shift with a flat kernel, all seeds at once. M points, S seeds."""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

_MAX_ROUNDS = 100
_STILL = 1e-3  # of the bandwidth: a seed that moves less has arrived
_CHUNK = 2_000  # seeds whose neighbours are in memory at a time


def mean_shift(coord: Float[np.ndarray, "m d"], bandwidth: float) -> Int[np.ndarray, " m"]:
    """Which hill of the density each point belongs to.

    One seed a cube of edge `bandwidth` climbs to the mean of the points within `bandwidth` until
    it stays. Of hilltops nearer than `bandwidth` the one with most points stays, and each point
    belongs to the nearest.

    Args:
        coord: At least one point.
        bandwidth: Radius of the kernel, in the unit of the coordinates.

    Returns:
        Number of the hill of each point, the hill with most points is 0.

    Source:
        Comaniciu and Meer, Mean Shift, 2002; seeds, merging and stop as in scikit-learn's
        `MeanShift(bin_seeding=True)`, whose labels this gives at a fraction of the time.
    """
    points = np.asarray(coord, np.float64)
    tree = KDTree(points)
    seed = np.unique(np.round(points / bandwidth).astype(np.int64), axis=0) * bandwidth
    count = np.zeros(len(seed), np.int64)
    moving = np.arange(len(seed))
    for _ in range(_MAX_ROUNDS):
        arrived = []
        for first in range(0, len(moving), _CHUNK):
            rows = moving[first : first + _CHUNK]
            mean, count[rows] = _mean_within(tree, points, seed[rows], bandwidth)
            shift = np.linalg.norm(mean - seed[rows], axis=1)
            seed[rows] = mean
            arrived.append(shift <= _STILL * bandwidth)
        moving = moving[~np.concatenate(arrived)]
        if len(moving) == 0:
            break
    top = _separate(seed[count > 0], count[count > 0], bandwidth)
    return np.asarray(KDTree(top).query(points)[1], np.int64)


def _mean_within(
    tree: KDTree, points: Float[np.ndarray, "m d"], seed: Float[np.ndarray, "s d"], radius: float
) -> tuple[Float[np.ndarray, "s d"], Int[np.ndarray, " s"]]:
    """Mean and number of the points around each seed; a seed without any stays where it is."""
    near = tree.query_ball_point(seed, radius, return_sorted=False)
    count = np.array([len(rows) for rows in near], np.int64)
    full = np.flatnonzero(count)
    mean = seed.copy()
    if len(full):
        flat = points[np.concatenate([near[k] for k in full])]
        starts = np.cumsum(count[full]) - count[full]
        mean[full] = np.add.reduceat(flat, starts, axis=0) / count[full, None]
    return mean, count


def _separate(
    top: Float[np.ndarray, "s d"], count: Int[np.ndarray, " s"], bandwidth: float
) -> Float[np.ndarray, "k d"]:
    """Hilltops, the highest first, without those within `bandwidth` of a higher one."""
    order = np.lexsort((*top.T, count))[::-1]
    top = top[order]
    near = KDTree(top).query_ball_point(top, bandwidth)
    free = np.ones(len(top), bool)
    for k, rows in enumerate(near):
        if free[k]:
            free[rows] = False
            free[k] = True
    return top[free]
