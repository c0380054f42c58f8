"""One labelled scene as a frozen network sees it, on the CPU. N points, V voxels, M cells."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from pointins_engine.config import RunConfig
from pointins_engine.errors import SceneError
from pointins_engine.segment.cells import nearest_cell, normals_at
from pointins_engine.student_teacher import PointNetwork
from pointins_engine.types import Scene
from pointins_engine.views import collate, whole_view

MAX_VOXELS = 200_000  # of an evaluated scene; a simulated room has 9,000 at 6 cm


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenScene:
    """Cells of a scene with what the network says of them, and the labels of points and cells."""

    coord: Float[np.ndarray, "m 3"]  # metres: mean of the cell's voxels
    offset: Float[np.ndarray, "m 3"]  # metres, as the head predicts it
    feat: Float[np.ndarray, "m c"]
    is_plane: Bool[np.ndarray, " m"]  # floor, wall or ground, found without labels
    semantic_label: Int[np.ndarray, " m"]  # of most of the cell's points, -1 = ignore
    instance_label: Int[np.ndarray, " m"]  # of most of the cell's points, -1 = none
    true_centroid: Float[np.ndarray, "m 3"]  # metres: mean of the instance's points; NaN without
    voxel_coord: Float[np.ndarray, "v 3"]  # metres
    voxel_color: Float[np.ndarray, "v 3"] | None  # 0..1
    voxel_normal: Float[np.ndarray, "v 3"]  # unit length, measured or estimated
    voxel_is_plane: Bool[np.ndarray, " v"]
    cell_of_voxel: Int[np.ndarray, " v"]
    voxel_of_point: Int[np.ndarray, " n"]  # the voxel nearest to each point
    point_instance: Int[np.ndarray, " n"]  # -1 = none


@torch.no_grad()
def see(network: PointNetwork, scene: Scene, config: RunConfig) -> SeenScene:
    """Show a whole labelled scene to a network, without augmentation.

    Args:
        network: In eval mode; its device is used.
        scene: With semantic and instance labels.
        config: Grid size and features.

    Raises:
        SceneError: If the scene has no labels.
    """
    if scene.instance_label is None or scene.semantic_label is None:
        raise SceneError(
            f"{scene.id} has no semantic or no instance labels; what a run has learned is measured "
            "on labelled scenes."
        )
    device = next(network.parameters()).device
    view = whole_view(scene, config.scene, MAX_VOXELS)
    views = collate([view]).to(device)
    prediction = network(views.points, views)
    cells = prediction.cells
    voxel_of_point = nearest_cell(scene.coord, view.origin_coord)
    cell_of_voxel = cells.cell_index.cpu().numpy()
    cell_of_point = cell_of_voxel[voxel_of_point]
    count = len(cells.feat)
    instance = most_common(cell_of_point, scene.instance_label, count)
    return SeenScene(
        coord=cells.origin_coord.float().cpu().numpy(),
        offset=prediction.offset.float().cpu().numpy(),
        feat=cells.feat.float().cpu().numpy(),
        is_plane=cells.is_plane.cpu().numpy(),
        semantic_label=most_common(cell_of_point, scene.semantic_label, count),
        instance_label=instance,
        true_centroid=_centroids(scene)[instance],
        voxel_coord=view.origin_coord,
        voxel_color=None if scene.color is None else scene.color[view.point_index] / 255,
        voxel_normal=normals_at(scene, view.point_index),
        voxel_is_plane=view.is_plane,
        cell_of_voxel=cell_of_voxel,
        voxel_of_point=voxel_of_point,
        point_instance=scene.instance_label.astype(np.int64),
    )


def most_common(
    cell: Int[np.ndarray, " n"], label: Int[np.ndarray, " n"], num_cells: int
) -> Int[np.ndarray, " m"]:
    """The label that most points of each cell have; the smaller one of equals, -1 if no point."""
    width = int(label.max(initial=-1)) + 2
    key, count = np.unique(cell.astype(np.int64) * width + label + 1, return_counts=True)
    order = np.lexsort((-key, count))  # the last of a cell wins
    most = np.full(num_cells, -1, np.int64)
    most[key[order] // width] = key[order] % width - 1
    return most


def _centroids(scene: Scene) -> Float[np.ndarray, "i 3"]:
    """Centroid of each instance by its number; the last row, for -1, is NaN."""
    label = scene.instance_label
    assert label is not None, "see() has looked"
    count = int(label.max(initial=-1)) + 1
    member = label >= 0
    size = np.bincount(label[member], minlength=count)
    total = np.stack(
        [np.bincount(label[member], scene.coord[member, axis], count) for axis in range(3)], axis=1
    )
    with np.errstate(invalid="ignore"):  # numbers that no point has
        return np.concatenate([total / size[:, None], np.full((1, 3), np.nan)])
