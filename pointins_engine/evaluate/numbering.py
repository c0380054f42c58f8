"""Numbers for ids, without sorting millions of points where the ids lie close together."""

import numpy as np
from jaxtyping import Int

_SPARSE = 4  # span of the ids a value from which on sorting is cheaper than a table


def numbered(
    values: Int[np.ndarray, " n"],
) -> tuple[Int[np.ndarray, " u"], Int[np.ndarray, " n"]]:
    """The different values, rising, and the place of each value among them."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    span = high - low + 1
    if span > _SPARSE * (len(values) + 1):
        return np.unique(values, return_inverse=True)
    shifted = values.astype(np.int64) - low
    present = np.zeros(span, bool)
    present[shifted] = True
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[shifted]
