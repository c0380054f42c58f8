"""Where the stages meet: student, EMA teacher, the teacher's targets and the student's losses.

N voxels, M cells of the loss stage, P matched pairs, K prototypes, I pseudo-instances.
"""

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.batch import CellBatch, PointBatch
from pointins_engine.config import RunConfig
from pointins_engine.heads.offset import OffsetHead
from pointins_engine.heads.semantic import SemanticHead
from pointins_engine.objectives.odr import regularize_offsets
from pointins_engine.objectives.offset_loss import OffsetLoss, offset_loss
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.objectives.scr import ScrOutput, spatial_clustering
from pointins_engine.objectives.semantic import softmap_loss
from pointins_engine.objectives.sinkhorn import zipf_prior
from pointins_engine.schedules import StepSchedule
from pointins_engine.views import ViewBatch, match_cells


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a network says of a batch of views."""

    cells: CellBatch
    similarity: Float[Tensor, "m k"]  # cosine of cell embedding and prototype
    offset: Float[Tensor, "m 3"]  # metres, scene frame


class PointNetwork(nn.Module):
    """Encoder, semantic head and offset head; student and teacher are two of these."""

    def __init__(self, config: RunConfig, rng: torch.Generator) -> None:
        super().__init__()
        width = config.backbone.out_channels
        semantic = config.semantic
        self.encoder = Encoder(config.backbone, config.scene.in_channels, rng=rng)
        self.semantic_head = SemanticHead(
            width, semantic.hidden, semantic.embed, semantic.num_prototypes, rng=rng
        )
        self.offset_head = OffsetHead(width, config.offset.hidden, rng=rng)

    def forward(
        self, points: PointBatch, views: ViewBatch, rng: torch.Generator | None = None
    ) -> Prediction:
        """Predict for `points`, which are all or some of the voxels of `views`."""
        cells = self.encoder(points, rng)
        return Prediction(
            cells=cells,
            similarity=self.semantic_head(cells.feat),
            offset=views.to_scene_frame(self.offset_head(cells.feat), cells.batch_index),
        )


def make_student_and_teacher(
    config: RunConfig, rng: torch.Generator
) -> tuple[PointNetwork, PointNetwork]:
    """A fresh student and a teacher that starts as its copy, in eval mode and without gradient."""
    student = PointNetwork(config, rng)
    teacher = copy.deepcopy(student).eval().requires_grad_(False)
    return student, teacher


@torch.no_grad()
def update_teacher(student: nn.Module, teacher: nn.Module, momentum: float) -> None:
    """Exponential moving average: teacher <- momentum * teacher + (1 - momentum) * student."""
    for mine, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
        mine.lerp_(theirs, 1 - momentum)


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherTargets:
    """The teacher's offsets on their way to targets: raw, after ODR, grouped by SCR."""

    offset: Float[Tensor, "m 3"]  # metres, scene frame, before ODR
    regularized: Float[Tensor, "m 3"]  # metres, after ODR
    clusters: ScrOutput


@torch.no_grad()
def teacher_targets(
    teacher: Prediction,
    prior: MagnitudePrior,
    config: RunConfig,
    rng: torch.Generator,
    *,
    odr_active: bool,
    with_segments: bool = False,
) -> TeacherTargets:
    """ODR, then SCR, on the teacher's predictions (PointINS Sec. 3.2, Alg. 1).

    Args:
        teacher: The teacher's prediction for whole views.
        prior: Distribution of offset lengths.
        config: Run configuration.
        rng: Breaks ties in ODR and seeds K-means.
        odr_active: SCR groups the offsets after ODR; otherwise those before it.
        with_segments: Compute K-means segments even where the grouping does not use them.
    """
    cells = teacher.cells
    regularized = regularize_offsets(
        teacher.offset,
        cells.batch_index,
        cells.batch_size,
        prior,
        config.odr,
        rng,
        skip=cells.is_plane if config.odr.points == "off_planes" else None,
    )
    clusters = spatial_clustering(
        cells.origin_coord,
        regularized if odr_active else teacher.offset,
        cells.feat,
        cells.batch_index,
        cells.batch_size,
        cells.is_plane,
        config.scr,
        rng,
        with_segments=with_segments,
    )
    return TeacherTargets(offset=teacher.offset, regularized=regularized, clusters=clusters)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossTerms:
    """The loss of a step and its parts; `total` carries the gradient."""

    total: Float[Tensor, ""]
    semantic: Float[Tensor, ""]
    offset: Float[Tensor, ""]
    offset_l1: Float[Tensor, ""]  # metres
    offset_direction: Float[Tensor, ""]
    num_pairs: int


def training_loss(
    student: Prediction,
    teacher: Prediction,
    targets: TeacherTargets | None,
    config: RunConfig,
    now: StepSchedule,
) -> LossTerms:
    """Semantic distillation plus the weighted offset loss, same view and cross view alike.

    Same-view and cross-view terms weigh one half each, and the two student views are averaged.
    The target of a student cell is the centroid of its match's pseudo-instance minus the student
    cell's own position, so that a match up to `view.match_radius` away does not bend the vector
    (register A23).

    Args:
        student: Prediction for the visible parts of the views.
        teacher: Prediction for the whole views, no gradient.
        targets: Centroids; None while the offset loss is off.
        config: Run configuration.
        now: Scheduled values of the step.

    Source: PointINS Eq. 6 and Alg. 1; DOS for the semantic part.
    """
    prior = zipf_prior(config.semantic.num_prototypes, config.semantic.zipf_alpha).to(
        student.similarity.device
    )
    semantic: list[Tensor] = []
    offsets = []
    num_pairs = 0
    for cross in (False, True):
        pairs = match_cells(student.cells, teacher.cells, config.view.match_radius, cross=cross)
        num_pairs += len(pairs)
        view = student.cells.batch_index[pairs[:, 0]] % 2
        for number in (0, 1):  # first and second view of every scene
            semantic.append(
                _semantic_term(student, teacher, pairs[view == number], prior, config, now)
            )
        if targets is not None:
            offsets.append(_offset_term(student, teacher.cells, targets, pairs, config))
    semantic_loss = torch.stack(semantic).mean()
    zero = semantic_loss.new_zeros(())
    if offsets:
        offset, l1, direction = (
            torch.stack([getattr(term, name) for term in offsets]).mean()
            for name in ("loss", "l1", "direction")
        )
    else:
        offset = l1 = direction = zero
    return LossTerms(
        total=semantic_loss + now.offset_weight * offset,
        semantic=semantic_loss,
        offset=offset,
        offset_l1=l1,
        offset_direction=direction,
        num_pairs=num_pairs,
    )


def _semantic_term(
    student: Prediction,
    teacher: Prediction,
    pairs: Int[Tensor, "p 2"],
    prior: Float[Tensor, " k"],
    config: RunConfig,
    now: StepSchedule,
) -> Float[Tensor, ""]:
    semantic = config.semantic
    per_cloud = semantic.softmap_scope == "cloud"
    return softmap_loss(
        student.similarity[pairs[:, 0]],
        teacher.similarity[pairs[:, 1]],
        student_temp=semantic.student_temp,
        teacher_temp=now.teacher_temp,
        prior=prior,
        iterations=semantic.sinkhorn_iterations,
        batch_index=student.cells.batch_index[pairs[:, 0]] if per_cloud else None,
        batch_size=student.cells.batch_size,
    )


def _offset_term(
    student: Prediction,
    teacher_cells: CellBatch,
    targets: TeacherTargets,
    pairs: Int[Tensor, "p 2"],
    config: RunConfig,
) -> OffsetLoss:
    rows, matched = pairs[:, 0], pairs[:, 1]
    clusters = targets.clusters
    instance = clusters.pseudo_instance[matched]
    in_instance = instance >= 0
    target = torch.zeros_like(student.offset[rows])  # plane cells: stay where you are
    position = student.cells.origin_coord[rows]
    target[in_instance] = clusters.centroid[instance[in_instance]] - position[in_instance]
    return offset_loss(
        student.offset[rows],
        target,
        clusters.valid[matched],
        config.offset.min_cosine_length,
        torch.where(teacher_cells.is_plane[matched], config.offset.plane_weight, 1.0),
    )
