"""What the teacher says of an inspected scene, as the arrays that the run folder holds.

N points, M cells, C channels, D components.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import KDTree
from torch import Tensor
from torch.nn import functional as F

from pointins_engine.config import RunConfig
from pointins_engine.run_log.records import NO_SEGMENT
from pointins_engine.run_log.scenes import (
    Frame,
    InspectedScene,
    levels_as_u16,
    make_inspected_scene,
)
from pointins_engine.student_teacher import Prediction
from pointins_engine.targets import TeacherTargets
from pointins_engine.types import Scene
from pointins_engine.views import ViewBatch
from pointins_engine.watching.feature_colors import (
    NUM_COMPONENTS,
    component_colors,
    quantised,
    steady_components,
)


def describe_scene(
    scene: Scene, views: ViewBatch, prediction: Prediction, config: RunConfig
) -> InspectedScene:
    """The scene's points for the viewport, each with the cell that the teacher saw it in.

    Points farther than two voxels from any voxel that the teacher saw are left out: the scan was
    cut to `log.max_inspected_voxels`.
    """
    cells = prediction.cells
    voxel_coord = views.points.origin_coord.cpu().numpy()
    distance, nearest = KDTree(voxel_coord).query(scene.coord)
    shown = np.asarray(distance) <= 2 * config.scene.grid_size
    cell_index = cells.cell_index.cpu().numpy()[np.asarray(nearest)[shown]]

    def part(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[shown]

    return make_inspected_scene(
        id=scene.id,
        coord=scene.coord[shown],
        cell_index=cell_index,
        cell_coord=cells.origin_coord.float().cpu().numpy(),
        cell_is_plane=cells.is_plane.cpu().numpy(),
        cell_size=config.cell_size,
        color=part(scene.color),
        intensity=part(scene.intensity),
        semantic_label=part(scene.semantic_label),
        instance_label=part(scene.instance_label),
        class_names=scene.class_names,
        max_points=config.log.max_inspected_points,
    )


def make_frame(
    prediction: Prediction, targets: TeacherTargets, reference: Float[np.ndarray, "m d"] | None
) -> Frame:
    """A frame of an inspected scene.

    Args:
        prediction: The teacher's, for the scene alone.
        targets: What ODR and SCR made of it.
        reference: Components of the run's first frame of the scene; None for that frame.
    """
    cells, clusters = prediction.cells, targets.clusters
    scores, share = principal_components(cells.feat)
    components = steady_components(scores, reference, cells.origin_coord.float().cpu().numpy())
    feature, scale = quantised(components)
    return Frame(
        offset_teacher=targets.offset.cpu().numpy(),
        offset_regularized=targets.regularized.cpu().numpy(),
        segment=torch.where(clusters.segment < 0, NO_SEGMENT, clusters.segment).cpu().numpy(),
        pseudo_instance=clusters.pseudo_instance.cpu().numpy(),
        centroid=clusters.centroid.cpu().numpy(),
        pca_color=component_colors(components),
        odr_level=levels_as_u16(targets.level.cpu().numpy()),
        feature=feature,
        feature_scale=scale,
        feature_share=share,
    )


def principal_components(feat: Float[Tensor, "m c"]) -> tuple[Float[np.ndarray, "m d"], float]:
    """First 16 principal components of the features' directions, most variance first.

    Features are centred and then brought to unit length, as in the links of SCR's `affinity`, so
    that the product of two rows is about the cosine that decides there. Columns beyond the number
    of channels are 0.

    Returns:
        Components and the share of the features' squared length that they hold.
    """
    centred = feat.float() - feat.float().mean(dim=0)
    unit = F.normalize(centred, dim=1)
    variance, axes = torch.linalg.eigh(unit.T @ unit)
    scores = (unit @ axes.flip(1)[:, :NUM_COMPONENTS]).cpu().numpy()
    scores = np.pad(scores, ((0, 0), (0, NUM_COMPONENTS - scores.shape[1])))
    held = float(variance[-NUM_COMPONENTS:].sum() / variance.sum().clamp_min(1e-12))
    return scores, round(held, 5)
