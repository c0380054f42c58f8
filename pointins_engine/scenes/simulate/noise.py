"""Noise that depends on the place alone: the same point always gets the same number."""

import numpy as np
from jaxtyping import Float, Int64
from scipy import ndimage

TABLE = np.random.default_rng(0).random(1 << 16)  # numbers of lattice cells
_LATTICE = TABLE[: 32**3].reshape(32, 32, 32)  # smooth noise repeats after 32 features


def value_noise(
    points: Float[np.ndarray, "k 3"], size: float, salt: int
) -> Float[np.ndarray, " k"]:
    """Smooth noise in [0, 1] with features of `size` metres."""
    shift = np.array([salt, salt // 37, salt // 1369]) % 997 * 0.618
    return ndimage.map_coordinates(
        _LATTICE, (points / size + shift).T, order=1, mode="grid-wrap", prefilter=False
    )


def cell_value(cell: Int64[np.ndarray, "k 3"], salt: int) -> Float[np.ndarray, " k"]:
    """A number in [0, 1) a lattice cell, the same for the same cell."""
    mixed = cell[:, 0] * 73_856_093 ^ cell[:, 1] * 19_349_663 ^ cell[:, 2] * 83_492_791
    return TABLE[((mixed ^ salt) * 2_654_435_761 >> 7) % len(TABLE)]
