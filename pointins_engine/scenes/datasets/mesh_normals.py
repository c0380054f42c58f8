"""Normals at the vertices of a mesh. V vertices, F faces."""

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.spatial import KDTree

_TINY = 1e-12  # square metres: the area of a face of a micrometre


def vertex_normals(
    coord: Float[np.ndarray, "v 3"], triangles: Int[np.ndarray, "f 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Unit normals: the mean of the faces around a vertex, weighted by their area.

    Args:
        coord: Vertices in metres.
        triangles: Rows of `coord`, counter-clockwise seen from outside.
    """
    a, b, c = (coord[triangles[:, k]].astype(np.float64) for k in range(3))
    doubled = np.cross(b - a, c - a)  # (F, 3), as long as twice the area
    doubled[~np.isfinite(doubled).all(axis=1)] = 0  # a face with a corner that has no place
    corner = triangles.ravel()
    total = np.stack(
        [np.bincount(corner, np.repeat(doubled[:, k], 3), len(coord)) for k in range(3)], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return fill_normals(coord, np.where(length > _TINY, total / np.maximum(length, _TINY), 0))


def fill_normals(
    coord: Float[np.ndarray, "v 3"], normal: Float[np.ndarray, "v 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Normals with zeros replaced by the normal of the nearest vertex that has one.

    Vertices without a face have none; ScanNet's meshes hold a few. If no vertex has a normal, the
    zeros stay, and so do those of vertices without a finite position.
    """
    has_place = np.isfinite(coord).all(axis=1)
    is_known = (normal != 0).any(axis=1) & np.isfinite(normal).all(axis=1) & has_place
    asked = has_place & ~is_known
    if asked.any() and is_known.any():
        nearest = KDTree(coord[is_known]).query(coord[asked])[1]
        normal = normal.copy()
        normal[asked] = normal[is_known][nearest]
    return normal.astype(np.float32)
