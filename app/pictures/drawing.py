"""From arrays of the run folder to point layers, and from layers to Polyscope structures.

The one place that knows what a picture of a scene holds. The headless renderer photographs the
layers, the desktop window shows them; both call `compose` and `put`. N points, M cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from app.pictures.palette import QUANTITY, UNASSIGNED, Theme, categorical, ramp, rgb
from pointins_engine.errors import RunError
from pointins_engine.run_log.records import NO_INSTANCE
from pointins_engine.run_log.scenes import InspectedScene

Colouring = Literal["pseudo_instance", "input", "height", "pca", "segment", "instance"]
Votes = Literal["before", "after", "target"]

NEEDS_FRAME: frozenset[Colouring] = frozenset({"pseudo_instance", "pca", "segment"})
POINT_RADIUS = 0.7  # of the distance to the sixth neighbour: surfaces close, gaps stay gaps
_NEIGHBOURS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """Points of one kind."""

    name: str
    coord: Float[np.ndarray, "n 3"]  # metres
    color: Float[np.ndarray, "n 3"]  # 0..1
    radius: Float[np.ndarray, " n"]  # metres


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """A picture of a scene: its points, and marks that lie over them."""

    points: Layer
    centroids: Layer | None = None  # teacher centroids, one a cell: cell + offset
    targets: Layer | None = None  # centroids of the pseudo-instances

    def layers(self) -> list[Layer]:
        return [part for part in (self.points, self.centroids, self.targets) if part is not None]


def compose(
    scene: InspectedScene,
    frame: Mapping[str, np.ndarray] | None = None,
    *,
    t: float = 0.0,
    colouring: Colouring = "pseudo_instance",
    votes: Votes = "before",
    marks: bool = False,
    theme: Theme = "dark",
    keep: Bool[np.ndarray, " m"] | None = None,
    radius: Float[np.ndarray, " n"] | None = None,
) -> Drawing:
    """Colour the points of a scene and move them towards the centroids they vote for.

    Args:
        scene: What never changes over a run.
        frame: Arrays of one step (`records.FRAME_ARRAYS`). Without one the points stay in place,
            and colourings that need one fall back to the input.
        t: 0 = where the points are, 1 = at their centroid; in between on the straight line.
        colouring: What the colour of a point says; `instance` is the ground truth.
        votes: Which centroid: of the teacher before or after ODR, or of the pseudo-instance
            (`target`; points without one stay, in grey).
        marks: Whether teacher centroids and pseudo-instance centroids are drawn too.
        theme: Canvas that the neutral grey is meant for.
        keep: Cells to draw; all of them by default.
        radius: `point_radius(scene)`, where the caller has it already.

    Raises:
        RunError: If the frame is of another scene, or `t` is not in 0..1.
    """
    if not 0 <= t <= 1:
        raise RunError(f"t is {t:g}, expected a number from 0 (points) to 1 (centroids).")
    num_cells = len(scene.cell_coord_u16)
    if frame is not None and len(frame["offset_teacher"]) != num_cells:
        raise RunError(
            f"the frame has {len(frame['offset_teacher'])} cells, scene {scene.id} has "
            f"{num_cells}: they belong to different scenes or runs."
        )
    shown = slice(None) if keep is None else keep[scene.cell_index]
    cell = scene.cell_index[shown]
    coord = scene.coord
    color = point_color(scene, frame, colouring, theme)
    if frame is not None and t > 0:
        goal, has_goal = vote_coord(scene, frame, votes)
        moves = has_goal[scene.cell_index]
        coord = np.where(moves[:, None], coord + t * (goal[scene.cell_index] - coord), coord)
        color = np.where(moves[:, None], color, rgb(UNASSIGNED[theme]))
    size = point_radius(scene) if radius is None else radius
    points = Layer(name="points", coord=coord[shown], color=color[shown], radius=size[shown])
    if frame is None or not marks:
        return Drawing(points=points)
    drawn = np.zeros(num_cells, bool)
    drawn[cell] = True
    return Drawing(
        points=points,
        centroids=_centroid_layer(scene, frame, votes, drawn & ~scene.cell_is_plane.astype(bool)),
        targets=_target_layer(scene, frame, drawn),
    )


def vote_coord(
    scene: InspectedScene, frame: Mapping[str, np.ndarray], votes: Votes
) -> tuple[Float[np.ndarray, "m 3"], Bool[np.ndarray, " m"]]:
    """Centroid that each cell votes for, in metres, and which cells vote at all."""
    if votes == "target":
        instance = frame["pseudo_instance"].astype(np.int64)
        votes_at_all = instance != NO_INSTANCE
        goal = scene.cell_coord.copy()
        goal[votes_at_all] = frame["centroid"][instance[votes_at_all]]
        return goal, votes_at_all
    offset = frame["offset_teacher" if votes == "before" else "offset_regularized"]
    return scene.cell_coord + offset.astype(np.float32), np.ones(len(offset), bool)


def point_color(
    scene: InspectedScene,
    frame: Mapping[str, np.ndarray] | None,
    colouring: Colouring,
    theme: Theme,
) -> Float[np.ndarray, "n 3"]:
    """Colour of every point; what a scan does not hold is replaced by what it does."""
    if frame is None and colouring in NEEDS_FRAME:
        colouring = "input"
    if frame is not None and colouring == "pca":
        return frame["pca_color"][scene.cell_index] / 255.0
    if frame is not None and colouring in ("pseudo_instance", "segment"):
        return categorical(frame[colouring].astype(np.int64)[scene.cell_index], theme)
    if colouring == "instance" and scene.instance_label is not None:
        return categorical(scene.instance_label.astype(np.int64), theme)
    if colouring != "height" and scene.color is not None:
        return scene.color / 255.0
    if colouring != "height" and scene.intensity is not None:
        return ramp(_stretched(np.sqrt(scene.intensity / 255.0)))
    return ramp(_stretched(scene.coord[:, 2]))


def _stretched(values: np.ndarray) -> np.ndarray:
    """Values scaled so that the 1st and 99th percentiles become 0 and 1."""
    low, high = np.percentile(values, [1, 99])
    return (values - low) / max(float(high - low), 1e-6)


def point_radius(scene: InspectedScene) -> Float[np.ndarray, " n"]:
    """Radius in metres with which neighbouring points just close a surface.

    Follows the local spacing, so that a LiDAR sweep is neither a blob near the sensor nor dust
    far from it.
    """
    coord = scene.coord
    num_neighbours = min(_NEIGHBOURS, len(coord) - 1)
    if num_neighbours < 1:
        return np.full(len(coord), scene.cell_size / 4)
    distance = KDTree(coord).query(coord, k=num_neighbours + 1)[0][:, -1]
    typical = max(float(np.median(distance)), 1e-4)
    return POINT_RADIUS * np.clip(distance, 0.4 * typical, 2.0 * typical)


def _centroid_layer(
    scene: InspectedScene, frame: Mapping[str, np.ndarray], votes: Votes, drawn: np.ndarray
) -> Layer:
    quantity: Votes = "after" if votes == "after" else "before"
    coord = vote_coord(scene, frame, quantity)[0][drawn]
    return Layer(
        name="teacher centroids",
        coord=coord,
        color=np.tile(rgb(QUANTITY[quantity]), (len(coord), 1)),
        radius=np.full(len(coord), 0.15 * scene.cell_size),
    )


def _target_layer(
    scene: InspectedScene, frame: Mapping[str, np.ndarray], drawn: np.ndarray
) -> Layer | None:
    used = np.unique(frame["pseudo_instance"][drawn])
    coord = frame["centroid"][used[used != NO_INSTANCE].astype(np.int64)]
    if not len(coord):
        return None
    return Layer(
        name="pseudo-instance centroids",
        coord=coord,
        color=np.tile(rgb(QUANTITY["target"]), (len(coord), 1)),
        radius=np.full(len(coord), 0.7 * scene.cell_size),
    )


def put(layer: Layer, *, material: str = "flat") -> Any:
    """Make Polyscope show a layer, and give back its point cloud.

    Positions and colours are replaced in place where the number of points has not changed, so a
    window that follows a run keeps what its user has switched on or off.
    """
    import polyscope as ps

    known = ps.has_point_cloud(layer.name)
    cloud = ps.get_point_cloud(layer.name) if known else None
    if cloud is not None and cloud.n_points() == len(layer.coord):
        cloud.update_point_positions(layer.coord)
    else:
        enabled = cloud is None or cloud.is_enabled()
        cloud = ps.register_point_cloud(
            layer.name, layer.coord, enabled=enabled, point_render_mode="sphere", material=material
        )
    cloud.add_scalar_quantity("radius", layer.radius)
    cloud.set_point_radius_quantity("radius", autoscale=False)
    cloud.add_color_quantity("colour", layer.color, enabled=True)
    return cloud


def clear(names: list[str]) -> None:
    """Remove the structures with these names, where they exist."""
    import polyscope as ps

    for name in names:
        ps.remove_point_cloud(name, error_if_absent=False)
