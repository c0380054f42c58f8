"""Where to look at a scene from, and which walls to take away so that one can look in.

The answer depends on the scene alone: pictures of different steps, colourings and votes lie exactly
on top of each other. N points, M cells.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import minimum_filter

from pointins_engine.geometry import estimate_normals
from pointins_engine.run_log.scenes import InspectedScene

FIELD_OF_VIEW_DEG = 35.0  # vertical; narrow, so that parallel walls stay nearly parallel
ELEVATION_DEG = 36.0  # three-quarter view: floor and fronts both show
MARGIN = 1.04  # frame over content
FAR_POINT = 2.5  # median distances from the middle; far returns beyond do not widen the frame
_FAR_FACTOR = 1.4  # a plan this much wider than without its outer 2 % has far returns
_TAIL = 0.02
KERB_M = 0.25  # walls towards the camera keep this much height, so the outline of a room stays
CEILING_M = 1.5  # a level plane this far above the lowest thing under it is a ceiling
_COLUMN_M = 0.5  # edge of the columns in which "the lowest thing under it" is looked up
_FRAMED_POINTS = 20_000  # the first of the draw order; they cover the scene evenly


@dataclass(frozen=True, kw_only=True, slots=True)
class Vantage:
    """A camera that frames a scene, and the cells worth drawing from there."""

    eye: Float[np.ndarray, "3"]  # metres
    target: Float[np.ndarray, "3"]  # metres
    keep: Bool[np.ndarray, " m"]  # cells that hide nothing

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors: to the right, up in the picture, and from the target to the eye."""
        return _axes(self.eye - self.target)

    def depth(self, coord: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """Distance in metres from the camera's plane along its line of sight."""
        return (self.eye - coord) @ self.axes()[2]


def choose_vantage(scene: InspectedScene, aspect: float) -> Vantage:
    """A view from above a corner: of eight, the one that shows most cells off the planes.

    Eight directions lie 10 degrees to both sides of the diagonals between the main walls. A single
    depth picture is thus seen from the side of its sensor, where its surfaces are.

    Args:
        scene: The scene; its plane cells are what may be cut away.
        aspect: Width over height of the picture.
    """
    cells, is_plane = scene.cell_coord.astype(np.float64), scene.cell_is_plane.astype(bool)
    shell = _Shell(cells, is_plane)
    best: tuple[int, np.ndarray, np.ndarray] | None = None
    for quarter in range(4):
        for turn in (35.0, 55.0):
            azimuth = shell.wall_angle + np.deg2rad(turn + 90.0 * quarter)
            direction = _direction(azimuth, np.deg2rad(ELEVATION_DEG))
            keep = ~shell.hiding(direction)
            seen = _num_seen(cells, keep, ~is_plane, direction, scene.cell_size)
            if best is None or seen > best[0]:
                best = (seen, direction, keep)
    assert best is not None, "eight directions were tried"
    _, direction, keep = best
    first = slice(None, _FRAMED_POINTS)
    framed = scene.coord[first][keep[scene.cell_index[first]]].astype(np.float64)
    if not len(framed):
        framed = cells
    eye, target = _fit(framed, direction, aspect)
    return Vantage(eye=eye, target=target, keep=keep)


class _Shell:
    """Walls, floor and ceiling of a scene with the side on which the inside lies."""

    def __init__(self, cells: np.ndarray, is_plane: np.ndarray) -> None:
        self.is_plane = is_plane
        self.height = _height_over_lowest(cells)  # (m,) metres
        self.inward = np.zeros_like(cells)  # (m, 3) zero off the planes
        self.wall_angle = 0.0  # radians in [0, pi / 2): direction of the walls' normals
        if is_plane.sum() < 16:
            return
        inside = np.median(cells if is_plane.all() else cells[~is_plane], axis=0)
        self.inward[is_plane] = estimate_normals(cells[is_plane], viewpoint=inside)
        walls = self.inward[is_plane & (np.abs(self.inward[:, 2]) < 0.3)]
        if len(walls):  # four-fold symmetric mean angle
            turned = np.exp(4j * np.arctan2(walls[:, 1], walls[:, 0])).mean()
            self.wall_angle = float(np.angle(turned) / 4 % (np.pi / 2))

    def hiding(self, direction: np.ndarray) -> np.ndarray:
        """Cells (m,) of ceilings and of walls whose back is turned to the camera."""
        level = np.abs(self.inward[:, 2]) > 0.7
        ceiling = level & (self.height > CEILING_M)
        wall = ~level & (self.height > KERB_M) & (self.inward @ direction < 0)
        return self.is_plane & (ceiling | wall)


def _height_over_lowest(cells: np.ndarray) -> np.ndarray:
    """Height in metres of each cell over the lowest one in its column or a column beside it."""
    column = np.floor((cells[:, :2] - cells[:, :2].min(axis=0)) / _COLUMN_M).astype(np.int64)
    lowest = np.full(column.max(axis=0) + 1, np.inf)
    np.minimum.at(lowest, (column[:, 0], column[:, 1]), cells[:, 2])
    lowest = minimum_filter(lowest, size=3, mode="constant", cval=np.inf)
    return cells[:, 2] - lowest[column[:, 0], column[:, 1]]


def _num_seen(
    cells: np.ndarray, keep: np.ndarray, counted: np.ndarray, direction: np.ndarray, edge: float
) -> int:
    """How many of the counted cells nothing covers, seen from far away along `direction`."""
    right, up, toward = _axes(direction)
    shown = cells[keep]
    pixel = np.floor(np.stack([shown @ right, shown @ up], axis=1) / (1.5 * edge)).astype(np.int64)
    nearest_first = np.argsort(-(shown @ toward), kind="stable")
    _, first = np.unique(pixel[nearest_first], axis=0, return_index=True)
    front = nearest_first[first]
    return int(counted[keep][front].sum()) if counted.any() else len(front)


def _fit(points: np.ndarray, direction: np.ndarray, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """Eye and target so that the points fill the frame."""
    if _has_far_returns(points):
        middle = np.median(points, axis=0)
        distance = np.linalg.norm(points - middle, axis=1)
        points = points[distance <= FAR_POINT * max(float(np.median(distance)), 1e-3)]
    right, up, toward = _axes(direction)
    x, y, z = points @ right, points @ up, points @ toward
    tangent = np.tan(np.deg2rad(FIELD_OF_VIEW_DEG) / 2) / MARGIN
    # A point is in the frame where |x - a| <= wide (d - z): the tightest d and a of a pair of
    # opposite planes follow from the extremes of x + wide z and of x - wide z.
    wide, high = tangent * aspect, tangent
    left_right = (np.max(x + wide * z), np.min(x - wide * z))
    top_bottom = (np.max(y + high * z), np.min(y - high * z))
    needed = max(
        (left_right[0] - left_right[1]) / (2 * wide),
        (top_bottom[0] - top_bottom[1]) / (2 * high),
        float(z.max()) + 1e-3,
    )
    target = right * sum(left_right) / 2 + up * sum(top_bottom) / 2 + toward * float(np.median(z))
    return target + toward * (needed - float(np.median(z))), target


def _has_far_returns(points: np.ndarray) -> bool:
    """Whether a few points lie far beyond the others, as in a sweep and not in a room."""
    plan = points[:, :2]
    low, high = np.quantile(plan, [_TAIL, 1 - _TAIL], axis=0)
    return bool((np.ptp(plan, axis=0) >= _FAR_FACTOR * (high - low)).any())


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])


def _axes(direction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    toward = direction / np.linalg.norm(direction)
    right = np.cross([0.0, 0.0, 1.0], toward)
    right /= np.linalg.norm(right)
    return right, np.cross(toward, right), toward
