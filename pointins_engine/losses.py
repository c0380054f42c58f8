"""The loss of a step: semantic distillation and the offset loss, same view and cross view.

M cells of the loss stage, P matched pairs, K prototypes. Views 2s and 2s + 1 show scene s.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pointins_engine.batch import CellBatch
from pointins_engine.config import RunConfig
from pointins_engine.objectives.odr_divergence import prior_divergence
from pointins_engine.objectives.offset_loss import OffsetLoss, offset_loss
from pointins_engine.objectives.semantic import OBJECTIVES
from pointins_engine.schedules import StepSchedule
from pointins_engine.student_teacher import Prediction
from pointins_engine.targets import TeacherTargets
from pointins_engine.views import match_cells
from pointins_engine.world import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class LossTerms:
    """The loss of a step and its parts; `total` carries the gradient.

    Each is this rank's share: shares, and their gradients, sum over the ranks to those of the whole
    batch.
    """

    total: Float[Tensor, ""]
    semantic: Float[Tensor, ""]
    offset: Float[Tensor, ""]
    offset_l1: Float[Tensor, ""]  # metres
    offset_direction: Float[Tensor, ""]
    num_pairs: Float[Tensor, ""]


def training_loss(
    student: Prediction,
    local: Prediction | None,
    teacher: Prediction,
    targets: TeacherTargets | None,
    config: RunConfig,
    now: StepSchedule,
    world: World = ALONE,
) -> LossTerms:
    """Semantic distillation plus the weighted offset loss.

    Same-view and cross-view terms share the semantic loss alike; where there are local views, their
    term takes `semantic.local_weight` of it. A local view is matched with the first view of its
    scene, and learns no offsets: its crop cuts objects apart.

    Args:
        student: Prediction for the student's parts of the views.
        local: Prediction for local views, equally many a scene; None if there are none.
        teacher: Prediction for the whole views, no gradient.
        targets: What the teacher's cells ask for; None while the offset loss is off.
        config: Run configuration.
        now: Scheduled values of the step.
        world: The batch is that of all its ranks, and all must call at the same time.

    Source:
        PointINS Eq. 6 and Alg. 1; DOS (equal halves) and Sonata (local views) for the semantic
        part.
    """
    radius, cells = config.view.match_radius, student.cells
    pairs = [match_cells(cells, teacher.cells, radius, cross=cross) for cross in (False, True)]
    semantic = sum(
        (_semantic_term(student, teacher.similarity, p, 2, config, now, world) for p in pairs),
        start=student.similarity.new_zeros(()),
    ) / len(pairs)
    if local is not None:
        found = match_local(local.cells, teacher.cells, radius)
        similarity = teacher.similarity
        if teacher.local_similarity is not None:
            similarity = teacher.local_similarity
        per_scene = config.view.num_local
        near = _semantic_term(local, similarity, found, per_scene, config, now, world)
        semantic = torch.lerp(semantic, near, config.semantic.local_weight)
        pairs.append(found)

    offset = l1 = direction = semantic.new_zeros(())
    if targets is not None:
        term = _offset_term(student, teacher.cells, targets, pairs[0], pairs[1], config, world)
        offset, l1, direction = term.loss, term.l1, term.direction
        if config.odr.enabled and config.odr.side == "student" and now.odr_active:
            keep = torch.ones_like(cells.is_plane)
            if config.odr.points == "off_planes":
                keep = ~cells.is_plane
            offset = offset + config.odr.student_weight * prior_divergence(
                student.offset, cells.batch_index, cells.batch_size, targets.prior, keep, world
            )
    return LossTerms(
        total=semantic + now.offset_weight * offset,
        semantic=semantic,
        offset=offset,
        offset_l1=l1,
        offset_direction=direction,
        num_pairs=torch.full_like(semantic.detach(), sum(len(p) for p in pairs)),
    )


def match_local(local: CellBatch, teacher: CellBatch, radius: float) -> Int[Tensor, "p 2"]:
    """Pairs (cell of a local view, cell of the first view of its scene), as in `match_cells`."""
    num_scenes = teacher.batch_size // 2
    per_scene = local.batch_size // num_scenes
    as_first = replace(
        local,
        batch_index=local.batch_index // per_scene * 2,
        batch_size=teacher.batch_size,
    )
    return match_cells(as_first, teacher, radius, cross=False)


def _semantic_term(
    student: Prediction,
    teacher_similarity: Float[Tensor, "m k"],
    pairs: Int[Tensor, "p 2"],
    views_per_scene: int,
    config: RunConfig,
    now: StepSchedule,
    world: World,
) -> Float[Tensor, ""]:
    rows, matched = pairs.unbind(1)
    return OBJECTIVES[config.semantic.objective](
        student.similarity.index_select(0, rows),
        teacher_similarity.index_select(0, matched),
        student.cells.batch_index[rows],
        student.cells.batch_size,
        views_per_scene=views_per_scene,
        config=config.semantic,
        teacher_temp=now.teacher_temp,
        world=world,
    )


def _offset_term(
    student: Prediction,
    teacher_cells: CellBatch,
    targets: TeacherTargets,
    same: Int[Tensor, "s 2"],
    cross: Int[Tensor, "c 2"],
    config: RunConfig,
    world: World,
) -> OffsetLoss:
    """The offset loss over matched pairs of the same view and across views, a mean of each.

    With `offset.cross_target` `centroid` the target is where the match's vector ends, minus the
    student cell's own position: a match up to `view.match_radius` away does not bend it. A plane
    cell with target zero stays where it is in either case.
    """
    rows, matched = torch.cat([same, cross]).unbind(1)
    target = targets.target[matched]
    is_plane = teacher_cells.is_plane[matched]
    if config.offset.cross_target == "centroid":
        apart = teacher_cells.origin_coord[matched] - student.cells.origin_coord[rows]
        if config.scr.planes == "zero":
            apart = torch.where(is_plane[:, None], 0.0, apart)
        target = target + apart
    importance = torch.where(is_plane, config.offset.plane_weight, 1.0)
    share = config.offset.cross_weight
    return offset_loss(
        student.offset.index_select(0, rows),
        target,
        targets.valid[matched],
        config.offset,
        importance,
        world,
        means=[(len(same), 1 - share), (len(cross), share)],
    )
