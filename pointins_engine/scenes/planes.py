"""Floors, walls and ground, found without labels.

Planes poison the grouping of votes: their centroid means nothing and lies near everything
(docs/LOG.md). `find_planes` marks them from geometry alone; labels are never read.
N points, M voxels, H hypotheses.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy import ndimage
from scipy.spatial import cKDTree

from pointins_engine.geometry import estimate_normals, voxelize

# Indoor, metres.
_VOXEL = 0.05  # edge of the voxels that planes are looked for in
_THICKNESS = 0.05  # half thickness of a plane: depth noise at 4 m and floors that sag
_CELL = 0.1  # cells in which the area of a plane is counted
_BOUNDARY_AREA = 1.0  # m²: a plane with nothing behind it
_FLAT_INSIDE_AREA = 4.0  # m²: a horizontal plane inside the scene; a large table has under 3
_UPRIGHT_INSIDE_AREA = 5.0  # m²: an upright plane inside the scene; two wardrobes have under 5
_BEHIND_SHARE = 0.04  # at most this share of the voxels lies behind a boundary plane
_MAX_PLANES = 14
_HYPOTHESES = 192
_GRAVITY_COSINE = np.cos(np.deg2rad(10.0))
_NORMAL_COSINE = np.cos(np.deg2rad(25.0))

# Outdoor, metres.
_GROUND_CELL = 0.5
_MAX_SLOPE = 0.15  # rise over run that ground may have between neighbouring cells
_GROUND_HEIGHT = 0.2  # metres above the ground surface that still count as ground
_GROUND_WINDOW = 21  # cells (10 m): nothing that stands on the ground is wider


def find_planes(
    coord: Float32[np.ndarray, "n 3"],
    domain: Literal["indoor", "outdoor"],
    rng: np.random.Generator,
    normal: Float32[np.ndarray, "n 3"] | None = None,
) -> Bool[np.ndarray, " n"]:
    """Which points belong to floor, walls and ceiling (indoor) or to the ground (outdoor).

    Args:
        coord: Positions in metres, z up.
        domain: Which rule to use.
        rng: Draws the plane hypotheses (indoor); unused outdoor.
        normal: Unit normals, if known; else they are estimated on voxels (indoor).
    """
    if domain == "outdoor":
        return find_ground(coord)
    return find_room_planes(coord, rng, normal)


def find_room_planes(
    coord: Float32[np.ndarray, "n 3"],
    rng: np.random.Generator,
    normal: Float32[np.ndarray, "n 3"] | None = None,
) -> Bool[np.ndarray, " n"]:
    """Large planes of a room by RANSAC over oriented voxels, largest first.

    A hypothesis is one voxel with its normal. A plane counts if it is level or upright within 10
    degrees and either bounds the scene (at most 4 % of the voxels lie behind it) with 1 m² or more,
    or is larger than furniture: 4 m² level, 5 m² upright. So a table top (under 3 m², floor below
    and walls above it) stays an object.
    """
    chosen, inverse = voxelize(coord, _VOXEL)[1:]
    points = coord[chosen].astype(np.float64)
    normals = (estimate_normals(points) if normal is None else normal[chosen]).astype(np.float64)
    num = len(points)
    found = np.zeros(num, bool)
    spent = np.zeros(num, bool)  # belongs to a plane already, accepted or not
    for _ in range(_MAX_PLANES):
        free = np.flatnonzero(~spent)
        if len(free) * _VOXEL**2 < 0.5 * _BOUNDARY_AREA:
            break
        plane = _best_plane(points[free], normals[free], rng)
        if plane is None:
            break
        direction, level = plane
        height = points @ direction - level
        on = (np.abs(height) < _THICKNESS) & (np.abs(normals @ direction) > _NORMAL_COSINE)
        fresh = on & ~spent
        area = _area(points[fresh], direction)
        if area < _BOUNDARY_AREA:
            break
        spent |= on
        flat = abs(direction[2]) > _GRAVITY_COSINE
        behind = min((height > 2 * _THICKNESS).mean(), (height < -2 * _THICKNESS).mean())
        if behind <= _BEHIND_SHARE or area >= (_FLAT_INSIDE_AREA if flat else _UPRIGHT_INSIDE_AREA):
            # Corners and edges have no clear normal: within the plane, distance decides.
            found |= np.abs(height) < 0.7 * _THICKNESS if behind <= _BEHIND_SHARE else on
            found |= on
    return found[inverse]


def _best_plane(points, normals, rng):  # noqa: ANN001, ANN202
    """Direction and level of the gravity-aligned plane with most voxels, or None."""
    upright = np.abs(normals[:, 2])
    usable = np.flatnonzero((upright > _GRAVITY_COSINE) | (upright < np.sqrt(1 - _GRAVITY_COSINE**2)))
    if len(usable) < 3:
        return None
    seeds = rng.choice(usable, min(_HYPOTHESES, len(usable)), replace=False)
    sample = rng.choice(len(points), min(4000, len(points)), replace=False)
    direction, level = normals[seeds], np.einsum("ij,ij->i", normals[seeds], points[seeds])
    near = np.abs(points[sample] @ direction.T - level) < _THICKNESS  # (sample, H)
    aligned = np.abs(normals[sample] @ direction.T) > _NORMAL_COSINE
    best = int((near & aligned).sum(axis=0).argmax())
    direction, level = direction[best], level[best]
    for _ in range(3):  # least squares on what agrees
        on = (np.abs(points @ direction - level) < _THICKNESS) & (
            np.abs(normals @ direction) > _NORMAL_COSINE
        )
        if on.sum() < 10:
            return None
        middle = points[on].mean(axis=0)
        centred = points[on] - middle
        direction = np.linalg.eigh(centred.T @ centred)[1][:, 0]
        level = float(direction @ middle)
    lean = abs(direction[2])
    if not (lean > _GRAVITY_COSINE or lean < np.sqrt(1 - _GRAVITY_COSINE**2)):
        return None
    return direction, level


def _area(points: Float[np.ndarray, "k 3"], direction: Float[np.ndarray, "3"]) -> float:
    """Occupied square metres of the points seen along `direction`."""
    axes = np.linalg.svd(direction[None])[2][1:]
    cells = np.floor(points @ axes.T / _CELL).astype(np.int64)
    return len(np.unique(cells, axis=0)) * _CELL**2


def find_ground(coord: Float32[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    """Ground of an outdoor sweep: a surface below everything, that rises no faster than a street.

    The lowest point of each 0.5 m cell, opened morphologically over 10 m (what stands on the ground
    is narrower), gives a first surface; cells near it are kept, gaps are filled from the nearest
    kept cell, and points within 0.2 m of the result are ground.
    """
    xy = np.asarray(coord[:, :2], np.float64)
    z = np.asarray(coord[:, 2], np.float64)
    cell = np.floor((xy - xy.min(axis=0)) / _GROUND_CELL).astype(np.int64)
    shape = tuple(cell.max(axis=0) + 1)
    flat = cell[:, 0] * shape[1] + cell[:, 1]
    order = np.lexsort((z, flat))
    first = np.flatnonzero(np.r_[True, flat[order][1:] != flat[order][:-1]])
    filled = flat[order][first]
    counts = np.diff(np.r_[first, len(flat)])
    lowest = z[order][np.minimum(first + counts // 20, len(flat) - 1)]  # 5 %: echoes from below
    surface = np.full(shape[0] * shape[1], np.nan)
    surface[filled] = lowest
    surface = surface.reshape(shape)
    known = ~np.isnan(surface)
    full = _fill(surface, known)
    opened = ndimage.grey_opening(full, size=(_GROUND_WINDOW, _GROUND_WINDOW), mode="nearest")
    opened = ndimage.gaussian_filter(opened, 3.0, mode="nearest")
    tolerance = _GROUND_HEIGHT + _MAX_SLOPE
    kept = known & (np.abs(surface - opened) < tolerance)
    if not kept.any():
        return np.zeros(len(coord), bool)
    smooth = ndimage.gaussian_filter(_fill(surface, kept), 1.0, mode="nearest")
    return z - smooth.ravel()[flat] < _GROUND_HEIGHT


def _fill(surface: Float[np.ndarray, "a b"], known: Bool[np.ndarray, "a b"]):  # noqa: ANN202
    """Unknown cells take the value of the nearest known one."""
    index = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    assert index is not None, "return_indices was asked for"
    return surface[tuple(index)]


def nearest_rows(
    known: Float32[np.ndarray, "m 3"], asked: Float32[np.ndarray, "n 3"]
) -> np.ndarray:
    """Row of `known` nearest to each asked point."""
    return cKDTree(known).query(asked)[1]
