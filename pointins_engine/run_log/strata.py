"""Draw order: any prefix of a scene's points is an even subsample. N points."""

import itertools

import numpy as np
from jaxtyping import Float, Int

STRATA = 8  # shares 1/128, 1/128, 1/64, ... 1/2


def stratified_order(coord: Float[np.ndarray, "n 3"], seed: int = 0) -> Int[np.ndarray, " n"]:
    """Permutation of the points into random strata, sorted along a Morton curve inside each.

    A viewer that can afford k points draws the first k. Neighbours in space stay neighbours in
    memory inside a stratum, so label arrays compress and caches hit.
    """
    num = len(coord)
    shuffled = np.random.default_rng(seed).permutation(num)
    bounds = [0, *(max(num >> shift, 1) for shift in range(STRATA - 1, 0, -1)), num]
    code = morton_code(coord)
    parts = [shuffled[a:b] for a, b in itertools.pairwise(bounds) if b > a]
    return np.concatenate([part[np.argsort(code[part], kind="stable")] for part in parts])


def morton_code(coord: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
    """Interleaved bits of coordinates scaled to 10 bits an axis."""
    low = coord.min(axis=0)
    extent = max(float((coord.max(axis=0) - low).max()), 1e-9)
    grid = np.minimum((coord - low) / extent * 1024, 1023).astype(np.int64)
    spread = np.zeros_like(grid)
    for bit in range(10):
        spread |= ((grid >> bit) & 1) << (3 * bit)
    return (spread[:, 0] << 2) | (spread[:, 1] << 1) | spread[:, 2]
