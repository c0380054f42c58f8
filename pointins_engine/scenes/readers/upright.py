"""Which way is up: scenes are z up, depth images come in camera axes, some files are y up.

M voxels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import estimate_normals, rotation_between, voxelize
from pointins_engine.scenes.readers.doubt import Doubt
from pointins_engine.scenes.readers.survey import Survey

_CAMERA_AXES = np.array(
    [[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]
)  # x right, y down, z ahead -> z up
_VIEW = np.array([0.7, 0.55])  # tangents of half a field of view of 70 by 58 degrees
_MAX_LEAN = np.cos(np.deg2rad(65.0))  # a camera looks down at a table by less than this
_THICKNESS = 0.015  # share of the scene's diagonal
_MIN_SURPLUS = (
    0.06  # of the surface of a scan; walls seen from one side reach 0.11, beside a floor of 0.2
)
_UPSIDE_DOWN = 0.2  # of the surface; rooms with a whole ceiling and a hidden floor reach 0.12
_SURE_OF_SIGN = 0.15  # of the surface: less may be a ceiling
_FLAT = 0.25  # height over width of a street
_OPEN = "no axis has clearly more surface that faces one way"
_TURNS = {  # rows are the new x, y and z
    "z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "y": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "-y": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "x": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    "-x": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
}
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
        return _CAMERA_AXES, "depth image in camera axes; taken as level, up axis not confirmed"
    lean = float(np.rad2deg(np.arccos(np.clip(up[2], -1, 1))))
    return (
        rotation_between(up, np.array([0.0, 0.0, 1.0])) @ _CAMERA_AXES,
        f"depth image turned from camera axes to z up; the plane that holds {share:.0%} of the "
        f"view leans {lean:.0f} degrees against the camera and was taken as level",
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


@dataclass(frozen=True, kw_only=True, slots=True)
class UpReading:
    """What a scan itself says about which way is up."""

    is_z: bool  # z is confirmed
    instead: tuple[str, ...]  # axes that look like up while z does not; empty if none does
    text: str  # a clause that says why


def read_up(found: Survey) -> UpReading:
    """Whether a scan confirms that z is up, or speaks for another axis.

    Floor, seats and table tops face up, walls come in pairs and cancel, and a ceiling is rarely
    scanned in full: the axis with the largest surplus of surface that faces its positive end is up.
    A scan far wider than high, such as a street that climbs, is up too.

    Measured: z is confirmed for 30 simulated rooms, 8 streets and 8 real sweeps; two robot scans
    with more ceiling than floor are left open, and nothing is taken for another axis. Turned from z
    to x, -x, y or -y all are noticed; upside down, the rooms and streets and 5 of the sweeps.
    """
    surplus, share, extent = found.surplus, found.share, found.extent
    axis = int(np.abs(surplus).argmax())
    if surplus[2] > _MIN_SURPLUS and surplus[2] > 0.8 * abs(surplus[axis]):
        why = f"level surfaces that face up exceed those that face down by {surplus[2]:.0%}"
        return UpReading(is_z=True, instead=(), text=why)
    if surplus[2] < -_UPSIDE_DOWN and share.argmax() == 2:
        why = f"{-surplus[2]:.0%} more of its surface faces down than up"
        return UpReading(is_z=False, instead=("-z",), text=why)
    if extent[2] < _FLAT * extent[:2].min():
        why = "the scan is far wider than high"
        if surplus[2] < -_MIN_SURPLUS:
            why += ", though more of it faces down than up"
        return UpReading(is_z=True, instead=(), text=why)
    thinnest = int(extent.argmin())
    is_flat = extent[thinnest] < _FLAT * np.delete(extent, thinnest).min()
    if not is_flat and (
        axis == 2
        or abs(surplus[axis]) < _MIN_SURPLUS
        or share.argmax() != axis
        or abs(surplus[2]) > 0.5 * abs(surplus[axis])
    ):
        return UpReading(is_z=False, instead=(), text=_OPEN)
    axis = thinnest if is_flat else axis
    names = ("xyz"[axis], "-" + "xyz"[axis])
    if abs(surplus[axis]) > _SURE_OF_SIGN:
        names = names[:1] if surplus[axis] > 0 else names[1:]
    why = f"{share[axis]:.0%} of its surface lies across {'xyz'[axis]} and {share[2]:.0%} across z"
    if is_flat:
        why = f"it is far thinner along {'xyz'[axis]} than along z"
    return UpReading(is_z=False, instead=names, text=why)


def up_axis_note(found: Survey) -> str:
    """The up axis in words, for a report: "z (...)" or "not confirmed: ..."."""
    reading = read_up(found)
    if reading.is_z:
        return f"z ({reading.text})"
    if not reading.instead:
        return f"not confirmed: {reading.text}; the scene is taken as z up"
    return f"not confirmed: {doubt_about_up(reading)}"


def doubt_about_up(reading: UpReading) -> Doubt | None:
    """Sentences for a scan that speaks against z; None if it does not."""
    if not reading.instead:
        return None
    axes, flags = " or ".join(reading.instead), " or ".join(map(_flag, reading.instead))
    return Doubt(
        f"z was expected to be up, but it looks like {axes}: {reading.text}.",
        f"Confirm with {flags}, or pass --scene.up z if z is up.",
        about="up",
        likely=reading.instead[0],
    )


def _flag(axis: str) -> str:
    return f"--scene.up={axis}" if axis.startswith("-") else f"--scene.up {axis}"


def turn_to_z(up: str) -> Float[np.ndarray, "3 3"]:
    """The quarter or half turn that brings an axis (`y`, `-x`, ...) onto z."""
    return np.array(_TURNS[up], np.float64)
