"""What the teacher says of a few whole scenes, over and over, for people to watch.

Inspection reads the teacher and writes frames; it draws its own random numbers, so that a run
gives the same losses with and without anybody watching. N points, M cells.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.spatial import KDTree
from torch import Tensor

from pointins_engine.config import LogConfig, RunConfig
from pointins_engine.objectives.odr_statistics import odr_statistics
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.objectives.scr_statistics import scr_statistics
from pointins_engine.randomness import StepRandom
from pointins_engine.run_log.records import NO_SEGMENT
from pointins_engine.run_log.scenes import Frame, InspectedScene, make_inspected_scene
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.student_teacher import PointNetwork, Prediction
from pointins_engine.targets import TeacherTargets, teacher_targets
from pointins_engine.types import Scene
from pointins_engine.views import ViewBatch, collate, whole_view

INSPECTION = StepRandom(0, 0)  # the same numbers at every frame: what moves is the teacher
HISTOGRAM_BINS = 48
HISTOGRAM_REACH = 0.98  # quantile of the prior that the length histograms show, at least


@dataclass(slots=True)
class _Inspected:
    """One inspected scene and the colours of its last frame."""

    scene: Scene
    views: ViewBatch
    pca: Float[np.ndarray, "m 3"] | None = None
    is_written: bool = False


class Inspector:
    """Runs the teacher on whole scenes without augmentation and writes frames."""

    def __init__(
        self,
        scenes: Sequence[Scene],
        config: RunConfig,
        prior: MagnitudePrior,
        device: torch.device,
    ) -> None:
        self._config = config
        self._prior = prior
        self._max_m = histogram_reach(prior)
        self._inspected = [
            _Inspected(
                scene=scene,
                views=collate(
                    [whole_view(scene, config.scene, config.log.max_inspected_voxels)]
                ).to(device),
            )
            for scene in scenes
        ]

    @torch.no_grad()
    def write_frames(
        self, teacher: PointNetwork, step: int, writer: RunWriter, *, odr_active: bool
    ) -> tuple[float, float]:
        """One frame of every inspected scene.

        Returns:
            Seconds in all, and the seconds of them that went into encoding and writing.
        """
        started = time.perf_counter()
        written_s = 0.0
        for number, inspected in enumerate(self._inspected):
            frame_started = time.perf_counter()
            prediction = teacher(inspected.views.points, inspected.views)
            targets = teacher_targets(
                prediction,
                self._prior,
                self._config,
                INSPECTION.starting_at(number),
                odr_active=odr_active,
                with_segments=True,
            )
            if not inspected.is_written:
                writer.scene(
                    describe_scene(inspected.scene, inspected.views, prediction, self._config)
                )
                inspected.is_written = True
            frame, inspected.pca = make_frame(prediction, targets, inspected.pca)
            stats = self._statistics(prediction, targets)
            write_started = time.perf_counter()
            stats["frame_s"] = round(write_started - frame_started, 4)
            writer.frame(step, inspected.scene.id, frame, stats)
            written_s += time.perf_counter() - write_started
        return time.perf_counter() - started, written_s

    def _statistics(self, prediction: Prediction, targets: TeacherTargets) -> dict[str, Any]:
        cells = prediction.cells
        took_part = odr_rows(cells.is_plane, self._config)
        return {
            "odr": odr_statistics(
                targets.offset[took_part],
                targets.regularized[took_part],
                self._prior,
                HISTOGRAM_BINS,
                self._max_m,
            ).to_dict(),
            "scr": scr_statistics(
                targets.clusters, cells.origin_coord, cells.is_plane, cells.batch_size
            ),
        }


def odr_rows(is_plane: Tensor, config: RunConfig) -> Tensor:
    """Rows whose offsets ODR maps; all of them where a scene is nothing but planes."""
    if config.odr.points == "all" or bool(is_plane.all()):
        return torch.ones_like(is_plane)
    return ~is_plane


def histogram_reach(prior: MagnitudePrior) -> float:
    """Upper edge in metres of the length histograms of a run: the same at every step."""
    level = torch.tensor([HISTOGRAM_REACH], dtype=torch.float64)
    return max(float(np.ceil(float(prior.quantile(level)[0]) * 4) / 4), 0.5)


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
    prediction: Prediction, targets: TeacherTargets, last_pca: Float[np.ndarray, "m 3"] | None
) -> tuple[Frame, Float[np.ndarray, "m 3"]]:
    """A frame, and the principal components that the next frame's colours are aligned to."""
    clusters = targets.clusters
    components = aligned_components(prediction.cells.feat, last_pca)
    frame = Frame(
        offset_teacher=targets.offset.cpu().numpy(),
        offset_regularized=targets.regularized.cpu().numpy(),
        segment=torch.where(clusters.segment < 0, NO_SEGMENT, clusters.segment).cpu().numpy(),
        pseudo_instance=clusters.pseudo_instance.cpu().numpy(),
        centroid=clusters.centroid.cpu().numpy(),
        pca_color=component_colors(components),
    )
    return frame, components


def aligned_components(
    feat: Float[Tensor, "m c"], last: Float[np.ndarray, "m 3"] | None
) -> Float[np.ndarray, "m 3"]:
    """First three principal components of the features, turned to agree with the last frame's.

    Cells are the same at every step, so the turn (an orthogonal Procrustes problem) is exact and
    a colour keeps its meaning while the features move.
    """
    centred = feat.float() - feat.float().mean(dim=0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    components = (centred @ vectors[:, -3:].flip(1)).cpu().numpy().astype(np.float64)
    components /= max(float(np.linalg.norm(components)), 1e-12)
    if last is not None:
        left, _, right = np.linalg.svd(components.T @ last)
        components = components @ (left @ right)
    return components


def component_colors(components: Float[np.ndarray, "m 3"]) -> UInt8[np.ndarray, "m 3"]:
    """Components as RGB: each channel spans its 2nd to 98th percentile."""
    low, high = np.percentile(components, [2, 98], axis=0)
    scaled = (components - low) / np.maximum(high - low, 1e-12)
    return (np.clip(scaled, 0, 1) * 255).astype(np.uint8)


class FrameClock:
    """Says when the next frame is due, so that watching costs at most its share of the time."""

    def __init__(self, config: LogConfig) -> None:
        self._every = config.frame_every
        self._budget = config.watch_budget
        self._next = 0

    def is_due(self, step: int) -> bool:
        return step >= self._next

    def took(self, step: int, frame_s: float, step_s: float) -> None:
        """Plan the next frame after one that took `frame_s` between steps of `step_s`.

        With a share u of the time for frames, the period is frame_s * (1 - u) / (u * step_s) steps,
        and never less than `log.frame_every`.
        """
        share = self._budget
        period = frame_s * (1 - share) / (share * max(step_s, 1e-6)) if step_s > 0 else 0.0
        self._next = step + max(self._every, int(np.ceil(period)))
