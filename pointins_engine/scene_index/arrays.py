"""What is drawn of a scene: its points thinned, and where its labels say that they belong.

Both are arrays of a run folder (an inspected scene, and a frame of it that tells the truth), so
whatever draws runs draws them too. N points, M cells, K instances.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from pointins_engine.geometry import voxelize
from pointins_engine.run_log.records import NO_INSTANCE, NO_SEGMENT
from pointins_engine.run_log.scenes import Frame, InspectedScene, make_inspected_scene
from pointins_engine.types import Scene

MAX_POINTS = 120_000  # drawn
_MAX_CENTROIDS = 32_767  # a frame's rows are int16


def drawn_scene(
    id: str, scene: Scene, is_plane: Bool[np.ndarray, " n"], cell_size: float
) -> tuple[InspectedScene, Frame | None]:
    """The points to draw, and a frame that knows their true instances and classes.

    A cell holds points of one instance, one class and one side of `is_plane` only, so that the
    frame says of every point what its labels say. Centroids are those of all points.

    Args:
        id: Of the scene in its collection.
        scene: As read.
        is_plane: Floor, walls and ground, found without labels.
        cell_size: Edge of a cell in metres.

    Returns:
        The scene, and the frame; None where there are no labels.
    """
    chosen = np.sort(np.random.default_rng(0).permutation(len(scene))[:MAX_POINTS])
    coord = scene.coord[chosen]
    rows, centroid = true_instances(scene.instance_label, scene.coord)
    semantic = _taken(scene.semantic_label, chosen)
    segment = np.full(len(coord), NO_SEGMENT, np.int64)
    if semantic is not None:
        segment = np.where((semantic >= 0) & (semantic < NO_SEGMENT), semantic, NO_SEGMENT)
    voxel = voxelize(coord, cell_size)[2]
    same = np.stack([voxel, rows[chosen], segment, is_plane[chosen].astype(np.int64)], axis=1)
    cells, cell_index = np.unique(same, axis=0, return_inverse=True)
    cell_index = cell_index.reshape(-1)
    cell_coord = _means(coord, cell_index)
    inspected = make_inspected_scene(
        id=id,
        coord=coord,
        cell_index=cell_index,
        cell_coord=cell_coord,
        cell_is_plane=cells[:, 3],
        cell_size=cell_size,
        color=_taken(scene.color, chosen),
        intensity=_taken(scene.intensity, chosen),
        semantic_label=semantic,
        instance_label=_taken(scene.instance_label, chosen),
        class_names=scene.class_names,
    )
    if scene.instance_label is None and semantic is None:
        return inspected, None
    goal = cell_coord.copy()
    has_one = cells[:, 1] != NO_INSTANCE
    goal[has_one] = centroid[cells[has_one, 1]]
    return inspected, Frame(
        offset_teacher=goal - cell_coord,
        offset_regularized=goal - cell_coord,
        segment=cells[:, 2],
        pseudo_instance=cells[:, 1],
        centroid=centroid,
        pca_color=np.zeros((len(cells), 3), np.uint8),
    )


def true_instances(
    instance: Int[np.ndarray, " n"] | None, coord: Float[np.ndarray, "n 3"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "k 3"]]:
    """Instances numbered from 0 in order of their labels, -1 = none, and their centroids."""
    row = np.full(len(coord), NO_INSTANCE, np.int64)
    if instance is None or not (instance >= 0).any():
        return row, np.zeros((0, 3), np.float32)
    labelled = instance >= 0
    row[labelled] = np.unique(instance[labelled], return_inverse=True)[1]
    row[row >= _MAX_CENTROIDS] = NO_INSTANCE
    return row, _means(coord[row >= 0], row[row >= 0])


def _means(
    coord: Float[np.ndarray, "n 3"], group: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "k 3"]:
    total = [np.bincount(group, weights=axis) for axis in coord.T.astype(np.float64)]
    return (np.stack(total, axis=1) / np.bincount(group)[:, None]).astype(np.float32)


def _taken(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]
