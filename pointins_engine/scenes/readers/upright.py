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
_UP_CELLS = 120  # voxels along the diagonal when the up axis is looked for
_MIN_SURPLUS = 0.06  # of the surface of a scan; walls seen from one side only reach 0.04
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


def up_axis_note(coord: Float[np.ndarray, "n 3"]) -> str:
    """Whether the scan itself confirms that z is up.

    Of the surfaces at right angles to an axis, those that face its positive end are weighed against
    those that face the other, seen from the middle of the scan. Walls come in pairs and cancel;
    floor, seats and table tops face up and the ceiling is rarely scanned in full, so the axis with
    the largest surplus is up. A scan far wider than high, such as a street that climbs, is up too.
    """
    low, high = np.percentile(coord, 1, axis=0), np.percentile(coord, 99, axis=0)
    edge = max(float(np.linalg.norm(high - low)) / _UP_CELLS, 1e-6)
    points = coord[voxelize(coord, edge)[1]]  # surfaces count by area, not by density
    normal = estimate_normals(points, viewpoint=(low + high) / 2)
    level = np.cos(np.deg2rad(15.0))
    surplus = (normal > level).mean(axis=0) - (normal < -level).mean(axis=0)
    axis = int(np.abs(surplus).argmax())
    if surplus[2] > _MIN_SURPLUS and surplus[2] > 0.8 * abs(surplus[axis]):
        return f"z (level surfaces that face up exceed those that face down by {surplus[2]:.0%})"
    if (high - low)[2] < 0.25 * (high - low)[:2].min():
        return "z (the scan is far wider than high)"
    if abs(surplus[axis]) > _MIN_SURPLUS:
        if axis == 2:
            return (
                "not confirmed: z is upright, but more surface faces down than up; a well-scanned "
                "ceiling does that, or a file that is upside down"
            )
        name = ("" if surplus[axis] > 0 else "-") + "xyz"[axis]
        return f"not confirmed: z was expected, but {name} looks like up; turn the file to z up"
    return "not confirmed: along no axis does more surface face one way; the scene is taken as z up"
