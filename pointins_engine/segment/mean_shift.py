"""Mean-shift with a flat kernel. N points, B bins."""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array, eye_array
from scipy.spatial import KDTree

BINS_PER_RADIUS = 5  # points are gathered in bins this much finer than the kernel


def mean_shift(
    place: Float[np.ndarray, "n 3"], radius: float, rounds: int
) -> Float[np.ndarray, "n 3"]:
    """Move points to the mean of all points within a radius, again and again.

    Votes fall short of the centroid; this moves them on to where they are densest. Points are
    gathered in bins of a fifth of the radius first, and a bin's points move together.

    Args:
        place: Metres.
        radius: Metres, of the kernel.
        rounds: How often.
    """
    place = np.array(place, np.float64)
    if len(place) == 0:
        return place
    for _ in range(rounds):
        edge = radius / BINS_PER_RADIUS
        _, bin_of = np.unique(np.floor(place / edge), axis=0, return_inverse=True)
        bin_of = bin_of.ravel()
        count = np.bincount(bin_of).astype(np.float64)
        total = np.stack([np.bincount(bin_of, place[:, axis]) for axis in range(3)], axis=1)
        mean = total / count[:, None]
        pairs = KDTree(mean).query_pairs(radius, output_type="ndarray")
        one_way = csr_array(
            (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(count), len(count))
        )
        near = one_way + one_way.T + eye_array(len(count))
        place += ((near @ total) / (near @ count)[:, None] - mean)[bin_of]
    return place
