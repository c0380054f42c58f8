"""Rotations, voxels and normals in plain NumPy: ground floor, no torch. N points, M voxels."""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64
from scipy.spatial import KDTree

from pointins_engine.errors import SceneError

MAX_VOXELS_PER_AXIS = 1 << 16  # serialization codes hold 16 bits an axis

_NORMAL_CHUNK = 65_536  # points whose neighbourhoods are in memory at a time


def rotation(axis: Literal["x", "y", "z"], angle_rad: float) -> Float[np.ndarray, "3 3"]:
    """Matrix that turns column vectors by `angle_rad` about an axis, counter-clockwise."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    rows = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], dtype=np.float64)


def rotation_between(
    source: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3 3"]:
    """Shortest turn that brings the direction `source` onto the direction `target`."""
    a = np.asarray(source, np.float64) / np.linalg.norm(source)
    b = np.asarray(target, np.float64) / np.linalg.norm(target)
    v, c = np.cross(a, b), float(a @ b)
    if c < -1 + 1e-12:  # opposite: half a turn about any axis at right angles
        axis = np.eye(3)[np.argmin(np.abs(a))]
        axis = np.cross(a, axis)
        axis /= np.linalg.norm(axis)
        return 2.0 * np.outer(axis, axis) - np.eye(3)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + c)


def voxelize(
    coord: Float[np.ndarray, "n 3"],
    grid_size: float,
    rng: np.random.Generator | None = None,
) -> tuple[Int64[np.ndarray, "m 3"], Int64[np.ndarray, " m"], Int64[np.ndarray, " n"]]:
    """Sort points into cubes of edge `grid_size` and choose one point of each cube.

    Args:
        coord: Positions in metres.
        grid_size: Edge of a voxel in metres.
        rng: Draws the point that stands for its voxel; without it the first in file order does.

    Returns:
        Voxel indices (>= 0, unique, the smallest of each axis is 0), the row of the point chosen
        for each voxel, and the voxel of each point.

    Raises:
        SceneError: If an axis needs more than 65,536 voxels.

    Source:
        Grid sampling as in Pointcept's training mode: a raw point is kept, not the voxel mean.
    """
    n = len(coord)
    if n == 0:
        empty = np.zeros(0, np.int64)
        return np.zeros((0, 3), np.int64), empty, empty
    grid = np.floor(np.asarray(coord, np.float64) / grid_size)
    grid -= grid.min(axis=0)
    span = grid.max(axis=0) + 1
    if span.max() > MAX_VOXELS_PER_AXIS:
        axis = int(span.argmax())
        raise SceneError(
            f"the scene is {span[axis] * grid_size:,.0f} m long in {'xyz'[axis]}, which is "
            f"{span[axis]:,.0f} voxels of {grid_size} m; at most {MAX_VOXELS_PER_AXIS:,} fit. "
            "If the file is in millimetres, pass --scene.units mm; otherwise cut off stray points "
            "or choose a larger --scene.grid-size."
        )
    grid = grid.astype(np.int64)
    ny, nz = int(span[1]), int(span[2])
    key = (grid[:, 0] * ny + grid[:, 1]) * nz + grid[:, 2]
    if rng is None:
        order = np.argsort(key, kind="stable")
    else:
        shuffled = rng.permutation(n)
        order = shuffled[np.argsort(key[shuffled], kind="stable")]
    sorted_key = key[order]
    starts = np.empty(n, bool)
    starts[0] = True
    np.not_equal(sorted_key[1:], sorted_key[:-1], out=starts[1:])
    inverse = np.empty(n, np.int64)
    inverse[order] = np.cumsum(starts) - 1
    chosen = order[starts]
    return grid[chosen], chosen, inverse


def default_viewpoint(coord: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "3"]:
    """Where a scanner plausibly stood: the middle of the plan, at three quarters of the height.

    From there floors and table tops face up, a ceiling faces down and walls face the room, which
    is how a hand-held scan sees them.
    """
    low, high = np.percentile(coord[:, 2], [1.0, 99.0])
    x, y = np.median(coord[:, :2], axis=0)
    return np.array([x, y, low + 0.75 * (high - low)], np.float64)


def estimate_normals(
    coord: Float[np.ndarray, "n 3"],
    num_neighbours: int = 16,
    viewpoint: Float[np.ndarray, "3"] | None = None,
) -> Float32[np.ndarray, "n 3"]:
    """Unit normals by principal components of the nearest neighbours.

    The sign is the one that faces `viewpoint` (metres); without one, `default_viewpoint` decides.
    """
    n = len(coord)
    if n < 3:
        raise SceneError(f"normals need at least 3 points, got {n}.")
    points = np.asarray(coord, np.float64)
    eye = default_viewpoint(points) if viewpoint is None else np.asarray(viewpoint, np.float64)
    tree = KDTree(points)
    k = min(num_neighbours, n)
    normal = np.empty((n, 3), np.float64)
    for start in range(0, n, _NORMAL_CHUNK):
        part = slice(start, start + _NORMAL_CHUNK)
        neighbours = points[tree.query(points[part], k=k)[1]]  # (c, k, 3)
        neighbours = neighbours - neighbours.mean(axis=1, keepdims=True)
        covariance = np.matmul(neighbours.transpose(0, 2, 1), neighbours)  # (c, 3, 3)
        normal[part] = np.linalg.eigh(covariance)[1][:, :, 0]  # smallest eigenvalue comes first
    away = np.einsum("ij,ij->i", normal, eye - points) < 0
    normal[away] *= -1.0
    return normal.astype(np.float32)


def surface_bend(
    coord: Float[np.ndarray, "n 3"],
    normal: Float[np.ndarray, "n 3"],
    source: Int[np.ndarray, " p"],
    target: Int[np.ndarray, " p"],
) -> tuple[Float[np.ndarray, " p"], Bool[np.ndarray, " p"]]:
    """How sharply a surface bends between the points of pairs, and which way.

    Args:
        coord: Positions.
        normal: Unit normals that face outwards.
        source: First point of each pair.
        target: Second point of each pair.

    Returns:
        Angle between the normals in right angles, 0..1 (more than one counts as one), and whether
        the surface bends outwards there. Edges of one object do; where two objects touch, and where
        one stands on the floor, it bends inwards.
    """
    cosine = np.clip(np.einsum("ij,ij->i", normal[source], normal[target]), 0, 1)
    along = np.einsum("ij,ij->i", normal[target] - normal[source], coord[target] - coord[source])
    return np.arccos(cosine) * 2 / np.pi, along > 0


def median_spacing(coord: Float[np.ndarray, "n 3"], sample: Int[np.ndarray, " s"]) -> float:
    """Median distance in metres from the sampled points to their nearest other point."""
    tree = KDTree(np.asarray(coord, np.float64))
    distance = tree.query(np.asarray(coord[sample], np.float64), k=2)[0][:, 1]
    return float(np.median(distance))
