"""Which way is up: depth images come in camera axes, scenes are z up. M voxels."""

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import estimate_normals, rotation_between, voxelize

_CAMERA_AXES = np.array(
    [[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]
)  # x right, y down, z ahead -> z up
_VIEW = np.array([0.7, 0.55])  # tangents of half a field of view of 70 by 58 degrees
_MAX_LEAN = np.cos(np.deg2rad(65.0))  # a camera looks down at a table by less than this
_THICKNESS = 0.015  # share of the scene's diagonal
_MIN_SHARE = 0.15  # of the voxels: a floor or table that is worth levelling on


def inside_camera_view(coord: Float[np.ndarray, "n 3"]) -> bool:
    """Whether every finite point lies in what a depth camera at the origin sees along z."""
    finite = coord[np.isfinite(coord).all(axis=1)]
    if len(finite) == 0:
        return False
    return bool((np.abs(finite[:, :2]) < _VIEW * finite[:, 2:]).all())


def camera_to_upright(
    coord: Float[np.ndarray, "n 3"],
) -> tuple[Float[np.ndarray, "3 3"], str]:
    """Turn from camera axes (x right, y down, z ahead) to z up, and a sentence that says so.

    The camera is first taken to be level. If a plane that faces up by less than 65 degrees of lean
    holds 15 % of the scene (the table or floor it looks at), its normal becomes z.
    """
    level = coord @ _CAMERA_AXES.T
    diagonal = float(np.linalg.norm(level.max(axis=0) - level.min(axis=0)))
    _, chosen, _ = voxelize(level, diagonal / 100)
    points = level[chosen]
    normals = estimate_normals(points, viewpoint=np.zeros(3)).astype(np.float64)
    up, share = _dominant_up(points, normals, _THICKNESS * diagonal)
    if share < _MIN_SHARE:
        return _CAMERA_AXES, "depth image in camera axes; taken as level, up axis not confirmed."
    lean = float(np.rad2deg(np.arccos(np.clip(up[2], -1, 1))))
    return (
        rotation_between(up, np.array([0.0, 0.0, 1.0])) @ _CAMERA_AXES,
        f"depth image turned from camera axes to z up; the plane that holds {share:.0%} of the "
        f"view leans {lean:.0f} degrees against the camera and was taken as level.",
    )


def _dominant_up(
    points: Float[np.ndarray, "m 3"], normals: Float[np.ndarray, "m 3"], thickness: float
) -> tuple[Float[np.ndarray, "3"], float]:
    """Normal of the largest plane that faces up, refined, and its share of the points."""
    facing = np.flatnonzero(normals[:, 2] > _MAX_LEAN)
    if len(facing) < 10:
        return np.array([0.0, 0.0, 1.0]), 0.0
    seeds = facing[:: max(1, len(facing) // 200)]
    rows = np.arange(0, len(points), max(1, len(points) // 4000))
    direction = normals[seeds]
    level = np.einsum("ij,ij->i", direction, points[seeds])
    near = np.abs(points[rows] @ direction.T - level) < thickness
    best = int((near & (normals[rows] @ direction.T > 0.9)).sum(axis=0).argmax())
    up, height = direction[best], level[best]
    on = np.zeros(len(points), bool)
    for _ in range(3):
        on = (np.abs(points @ up - height) < thickness) & (normals @ up > 0.9)
        if on.sum() < 10:
            return np.array([0.0, 0.0, 1.0]), 0.0
        middle = points[on].mean(axis=0)
        up = np.linalg.eigh((points[on] - middle).T @ (points[on] - middle))[1][:, 0]
        up = up if up[2] > 0 else -up
        height = float(up @ middle)
    return up, float(on.mean())


def up_axis_note(coord: Float[np.ndarray, "n 3"], normal: Float[np.ndarray, "n 3"]) -> str:
    """Whether the scan itself confirms that z is up.

    It does if what lies lowest is mostly level (normals within 15 degrees of z), or if the scan is
    far wider than high, as a street is even where it climbs. Otherwise the end of an axis at which
    such a floor does lie is named.
    """
    aligned = np.abs(normal) > np.cos(np.deg2rad(15.0))
    floor = {}
    for axis, letter in enumerate("xyz"):
        for sign, name in ((1, letter), (-1, f"-{letter}")):
            height = sign * coord[:, axis]
            low = height < np.percentile(height, 1) + 0.1 * np.ptp(height)
            floor[name] = float(aligned[low, axis].mean())
    best = max(floor, key=lambda name: floor[name])
    if floor["z"] > 0.5 and floor["z"] > floor[best] - 0.25:
        return f"z ({floor['z']:.0%} of what lies lowest is level)"
    extent = np.percentile(coord, 99, axis=0) - np.percentile(coord, 1, axis=0)
    if extent[2] < 0.25 * extent[:2].min():
        return "z (the scan is far wider than high)"
    if floor[best] > 0.5 and best != "z":
        return f"not confirmed: z was expected, but {best} looks like up; turn the file to z up"
    return "not confirmed: no level ground or floor was found; the scene is taken as z up"
