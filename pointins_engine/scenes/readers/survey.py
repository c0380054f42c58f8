"""What a scan measures in its own unit and axes: the evidence for its unit and its up axis.

Everything here is read off the coordinates alone and is bounded in time: of a scan of any size a
part is looked at. N points, M voxels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from pointins_engine.geometry import estimate_normals, voxelize

_CELLS = 120  # voxels along the diagonal: surfaces count by area, not by density
_SHAPE_POINTS = 500_000  # points that the shape is read from
_SPACING_POINTS = 100_000  # points of the slab in which spacing is measured
_SPACING_SAMPLE = 1000
_DOUBLES = 8  # neighbours looked at, so that points stored up to seven times are one place
_LEVEL_COSINE = np.cos(np.deg2rad(15.0))
_LAYERS = 100  # bins of height
_MIN_LAYER = 0.04  # share of the surface that a floor or a ceiling holds


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Figures of a scan in the unit and the axes of its file."""

    extent: Float[np.ndarray, "3"]  # of the middle 98 % of the points, along each axis
    spacing: float  # median distance to the nearest other place, doubles left out
    # Share of the surface at right angles to each axis that faces its positive end, less the share
    # that faces the other, seen from the middle: walls come in pairs and cancel, floors do not.
    surplus: Float[np.ndarray, "3"]
    share: Float[np.ndarray, "3"]  # share of the surface at right angles to each axis, 0..1
    storey: float | None  # floor to ceiling along z, where both are there


def survey(coord: Float[np.ndarray, "n 3"]) -> Survey:
    """Measure a scan of finite coordinates, at least three of them."""
    part = coord[:: max(1, len(coord) // _SHAPE_POINTS)].astype(np.float64)
    low, high = np.percentile(part, 1, axis=0), np.percentile(part, 99, axis=0)
    extent = high - low
    near = (part >= low - extent) & (part <= high + extent)
    part = part[near.all(axis=1)]  # stray points would need a huge grid
    edge = max(float(np.linalg.norm(extent)) / _CELLS, 1e-6)
    points = part[voxelize(part, edge)[1]]
    if len(points) < 3:  # all in one place
        flat = np.zeros(3)
        return Survey(extent=extent, spacing=0.0, surplus=flat, share=flat, storey=None)
    normal = estimate_normals(points, viewpoint=(low + high) / 2)
    faces_up, faces_down = normal > _LEVEL_COSINE, normal < -_LEVEL_COSINE
    ups, downs = faces_up.mean(axis=0), faces_down.mean(axis=0)
    return Survey(
        extent=extent,
        spacing=_spacing(coord),
        surplus=ups - downs,
        share=ups + downs,
        storey=_storey(points[:, 2], faces_up[:, 2], faces_down[:, 2]),
    )


def _spacing(coord: Float[np.ndarray, "n 3"]) -> float:
    """Median distance to the nearest other place, in a slab through the middle of a large scan."""
    x = coord[:, 0]
    half = 0.5 * min(1.0, _SPACING_POINTS / len(coord))
    sample = x[:: max(1, len(x) // _SHAPE_POINTS)]
    low, high = np.quantile(sample, [0.5 - half, 0.5 + half])
    slab = coord[(x >= low) & (x <= high)][: 4 * _SPACING_POINTS]
    if len(slab) < 2:
        return 0.0
    asked = slab[:: max(1, len(slab) // _SPACING_SAMPLE)]
    distance = KDTree(slab).query(asked, k=min(_DOUBLES, len(slab)))[0]
    nearest = np.where(distance > 0, distance, np.inf).min(axis=1)
    known = nearest[np.isfinite(nearest)]
    return float(np.median(known)) if len(known) else 0.0


def _storey(
    height: Float[np.ndarray, " m"],
    faces_up: Bool[np.ndarray, " m"],
    faces_down: Bool[np.ndarray, " m"],
) -> float | None:
    """From the fullest layer that faces up to the fullest above it that faces down."""
    low, high = float(height.min()), float(height.max())
    if high <= low:
        return None
    bins = np.linspace(low, high, _LAYERS + 1)
    upward = _with_next(np.histogram(height[faces_up], bins)[0])
    downward = _with_next(np.histogram(height[faces_down], bins)[0])
    floor = int(upward[: _LAYERS // 2].argmax())
    ceiling = floor + int(downward[floor:].argmax())
    least = _MIN_LAYER * len(height)
    if upward[floor] < least or downward[ceiling] < least or ceiling - floor < _LAYERS // 3:
        return None
    at_floor, at_ceiling = (
        np.median(height[faces & (height >= bins[layer]) & (height <= bins[layer + 2])])
        for faces, layer in ((faces_up, floor), (faces_down, ceiling))
    )
    return float(at_ceiling - at_floor)


def _with_next(counts: np.ndarray) -> np.ndarray:
    """Counts of two neighbouring bins: a layer on the border of two counts once."""
    return counts[:-1] + counts[1:]
