"""Floors, walls and ground, found without labels.

Planes poison the grouping of votes: their centroid means nothing and lies near everything
(docs/LOG.md). `find_planes` marks them from geometry alone; labels are never read.
N points, M voxels, H hypotheses.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32
from scipy import ndimage

from pointins_engine.geometry import MAX_VOXELS_PER_AXIS, estimate_normals, voxelize

# Indoor, metres.
_VOXEL = 0.05  # edge of the voxels that planes are looked for in
_THICKNESS = 0.05  # half thickness in which a plane is looked for: floors that sag, far noise
_LEAST_THICKNESS = 0.015  # half thickness of what is taken of it, if its points are exact
_NOISE = 2.5  # standard deviations of its points that make the half thickness
_CELL = 0.1  # cells in which the area of a plane is counted
_BOUNDARY_AREA = 1.0  # m²: a plane with nothing behind it, or a quarter of a smaller plan
_INSIDE_AREA = 7.0  # m² in one piece: a plane inside the scene; rows of wardrobes stay under it
_BEHIND_SHARE = 0.025  # at most this share of the voxels lies behind a boundary plane
_MAX_PLANES = 14  # that are looked at in a room
_PLAN_A_PLANE = 2.0  # m²: in larger plans, of several rooms, one plane more for each
_MAX_VOXELS = 40_000  # larger scenes are looked at in coarser voxels
_HYPOTHESES = 192
_GRAVITY_COSINE = np.cos(np.deg2rad(10.0))
_NORMAL_COSINE = np.cos(np.deg2rad(25.0))

_MAX_CELLS = 2000  # along an axis of a map: larger scenes get coarser cells, never more memory

_LARGEST_HALL = 40.0  # metres between the outer 2 % of the points; a sweep reaches farther
_TAIL = 0.02

# Outdoor, metres.
_GROUND_CELL = 0.5
_ROUGHNESS = 0.27  # metres that a ground cell may lie off the opened surface: slopes, kerbs
_GROUND_HEIGHT = 0.12  # metres above the ground surface that still count as ground
_GROUND_WINDOW = 20.0  # few things that stand on the ground are wider


def find_planes(
    coord: Float32[np.ndarray, "n 3"],
    domain: Literal["indoor", "outdoor"],
    rng: np.random.Generator,
    normal: Float32[np.ndarray, "n 3"] | None = None,
    *,
    scale: float = 1.0,
) -> Bool[np.ndarray, " n"]:
    """Which points belong to floor, walls and ceiling (indoor) or to the ground (outdoor).

    Args:
        coord: Positions in metres, z up.
        domain: Which rule to use.
        rng: Draws the plane hypotheses (indoor); unused outdoor.
        normal: Unit normals, if known; else they are estimated on voxels (indoor).
        scale: How many times the scan was enlarged to look like a room (indoor).
    """
    if domain == "outdoor":
        return find_ground(coord)
    return find_room_planes(coord, rng, normal, scale=scale)


def guess_domain(coord: Float32[np.ndarray, "n 3"]) -> Literal["indoor", "outdoor"]:
    """Outdoor where the points, without the outer 2 % at each end, reach over 40 m; else indoor."""
    low, high = np.quantile(coord[:, :2], [_TAIL, 1 - _TAIL], axis=0)
    return "outdoor" if float((high - low).max()) > _LARGEST_HALL else "indoor"


def find_room_planes(
    coord: Float32[np.ndarray, "n 3"],
    rng: np.random.Generator,
    normal: Float32[np.ndarray, "n 3"] | None = None,
    *,
    scale: float = 1.0,
) -> Bool[np.ndarray, " n"]:
    """Large planes of a room by RANSAC over oriented voxels, largest first.

    A hypothesis is one voxel with its normal. A plane counts if it is level or upright within 10
    degrees and either bounds the scene (at most 2.5 % of the voxels lie behind it) with 1 m² or
    more (in views of a table: a quarter of the plan), or is larger than furniture: 7 m² in one
    piece. So a table top (under 3 m², floor below and walls above it) stays an object, and so do
    all seats of a hall, level as they are. In a scan that was enlarged the square metre is one of
    the scan before, or the sides of boxes on a table would be walls.

    Of a plane that is found, what lies within 2.5 standard deviations of its own noise is taken,
    1.5 to 5 cm: so much of what hangs on a wall stands off it.

    Measured on simulated rooms 0 to 19 (mean, worst): recall of wall and floor 0.96, 0.83;
    precision 0.98, 0.76 if what hangs flush on a wall (doors, windows, pictures, boards) may count
    as wall, 0.88, 0.68 if not. Of the points of such flush things 64 % are taken (75 % with 5 cm
    throughout), of all other furniture 3.2 %, 22 %. The worst are a flat, whose inner walls have a
    room behind them, and rows of wardrobes that fill a wall.
    """
    edge = max(_VOXEL, float(np.ptp(coord, axis=0).max()) / (MAX_VOXELS_PER_AXIS - 2))
    chosen, inverse = voxelize(coord, edge)[1:]
    while len(chosen) > _MAX_VOXELS:
        edge *= 1.5
        chosen, inverse = voxelize(coord, edge)[1:]
    points = coord[chosen].astype(np.float64)
    normals = (estimate_normals(points) if normal is None else normal[chosen]).astype(np.float64)
    num = len(points)
    plan = _areas(points, np.array([0.0, 0.0, 1.0]))[0]
    least = min(_BOUNDARY_AREA * scale**2, 0.25 * plan)
    found = np.zeros(num, bool)
    spent = np.zeros(num, bool)  # belongs to a plane already, accepted or not
    for _ in range(max(_MAX_PLANES, int(plan / (_PLAN_A_PLANE * scale**2)))):
        free = np.flatnonzero(~spent)
        if len(free) * edge**2 < 0.5 * least:
            break
        plane = _best_plane(points[free], normals[free], rng)
        if plane is None:
            break
        direction, level = plane
        height = points @ direction - level
        on = (np.abs(height) < _THICKNESS) & (np.abs(normals @ direction) > _NORMAL_COSINE)
        fresh = on & ~spent
        area, largest_piece = _areas(points[fresh], direction)
        if area < least:
            break
        spent |= on
        behind = min((height > 2 * _THICKNESS).mean(), (height < -2 * _THICKNESS).mean())
        thickness = _noise_thickness(height[fresh])
        if behind <= _BEHIND_SHARE or largest_piece >= _INSIDE_AREA:
            found |= on & (np.abs(height) < thickness)
        if behind <= _BEHIND_SHARE:  # corners have no clear normal: there, distance decides
            found |= np.abs(height) < min(thickness, 0.7 * _THICKNESS)
    return found[inverse]


def _noise_thickness(height: Float[np.ndarray, " k"]) -> float:
    """Half thickness of a plane by the noise of its points, so that pictures and doors stay off.

    The median of the distances is the noise of the plane itself as long as most points are its own.
    """
    deviation = 1.4826 * float(np.median(np.abs(height)))
    return min(_THICKNESS, max(_LEAST_THICKNESS, _NOISE * deviation))


def _best_plane(
    points: Float[np.ndarray, "k 3"], normals: Float[np.ndarray, "k 3"], rng: np.random.Generator
) -> tuple[Float[np.ndarray, "3"], float] | None:
    """Direction and level of the gravity-aligned plane with most voxels, or None."""
    upright = np.abs(normals[:, 2])
    usable = np.flatnonzero(
        (upright > _GRAVITY_COSINE) | (upright < np.sqrt(1 - _GRAVITY_COSINE**2))
    )
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


def _areas(
    points: Float[np.ndarray, "k 3"], direction: Float[np.ndarray, "3"]
) -> tuple[float, float]:
    """Square metres that the points cover seen along `direction`: in all, and the largest piece."""
    axes = np.linalg.svd(direction[None])[2][1:]
    flat = points @ axes.T
    cell = max(_CELL, float(np.ptp(flat, axis=0).max()) / _MAX_CELLS)
    cells = np.floor((flat - flat.min(axis=0)) / cell).astype(np.int64)
    covered = np.zeros(cells.max(axis=0) + 1, bool)
    covered[cells[:, 0], cells[:, 1]] = True
    pieces = np.empty(covered.shape, np.int32)
    ndimage.label(covered, structure=np.ones((3, 3)), output=pieces)
    sizes = np.bincount(pieces.ravel())[1:]
    return float(sizes.sum()) * cell**2, float(sizes.max(initial=0)) * cell**2


def find_ground(coord: Float32[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    """Ground of an outdoor sweep: a surface below everything, that rises no faster than a street.

    The lowest point of each 0.5 m cell, opened morphologically over 20 m (what stands on the ground
    is narrower), gives a first surface; cells near it are kept, gaps are filled from the nearest
    kept cell, and points within 0.12 m of the result are ground.

    Measured against road, parking, sidewalk, terrain and other-ground, over labelled points: five
    SemanticKITTI sweeps precision 0.92-0.95, recall 0.99-1.00, and 4-9 % of the points of vehicles
    and people are taken (their lowest centimetres); simulated streets 0.95-0.98, 1.00, 1-6 %. A
    PandaSet sweep on a hill: 0.86, 1.00, 3 %.
    """
    xy = np.asarray(coord[:, :2], np.float64)
    z = np.asarray(coord[:, 2], np.float64)
    low, high = np.percentile(xy, [0.05, 99.95], axis=0)  # stray points join the cells of the rim
    edge = max(_GROUND_CELL, float((high - low).max()) / _MAX_CELLS)
    cell = np.floor((np.clip(xy, low, high) - low) / edge).astype(np.int64)
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
    window = max(3, 2 * round(_GROUND_WINDOW / edge / 2) + 1)  # cells, odd
    opened = ndimage.grey_opening(full, size=(window, window), mode="nearest")
    opened = ndimage.gaussian_filter(opened, 3.0, mode="nearest")
    kept = known & (np.abs(surface - opened) < _ROUGHNESS)
    if not kept.any():
        return np.zeros(len(coord), bool)
    smooth = ndimage.gaussian_filter(_fill(surface, kept), 1.0, mode="nearest")
    return z - smooth.ravel()[flat] < _GROUND_HEIGHT


def _fill(
    surface: Float[np.ndarray, "a b"], known: Bool[np.ndarray, "a b"]
) -> Float[np.ndarray, "a b"]:
    """Unknown cells take the value of the nearest known one."""
    index = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    assert index is not None, "return_indices was asked for"
    return surface[tuple(index)]
