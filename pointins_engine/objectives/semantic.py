"""Semantic objectives: what the student is to say of a point, given what the teacher says.

P matched rows, K prototypes, B clouds. The caller matches the views and gathers the rows; this
module only compares two matrices of cosines. Two objectives share one interface, and the offset
branch plugs into either (PointINS Tab. 6).
"""

from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from pointins_engine.config import SemanticConfig
from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.sinkhorn import balanced_assignments, zipf_prior, zipf_sinkhorn
from pointins_engine.world import ALONE, World


class SemanticObjective(Protocol):
    """A loss between the cosines of matched rows.

    Args:
        student_similarity: Cosines of the student's embeddings and its prototypes.
        teacher_similarity: The same of the teacher, row by row the matched points.
        batch_index: Student cloud of each row, sorted.
        batch_size: Number of student clouds.
        views_per_scene: Clouds of one scene follow each other, this many a scene.
        config: Temperature of the student, balance and shares of the prototypes.
        teacher_temp: Temperature of the teacher.
        world: The batch is that of all its ranks.

    Returns:
        This rank's share of the loss in nats, float32 or wider: shares and their gradients sum over
        the ranks to those of one rank that holds the whole batch. Zero, with a gradient of zero,
        if there are no rows.
    """

    def __call__(
        self,
        student_similarity: Float[Tensor, "p k"],
        teacher_similarity: Float[Tensor, "p k"],
        batch_index: Int[Tensor, " p"],
        batch_size: int,
        *,
        views_per_scene: int,
        config: SemanticConfig,
        teacher_temp: float,
        world: World = ALONE,
    ) -> Float[Tensor, ""]: ...


def softmap_loss(
    student_similarity: Float[Tensor, "p k"],
    teacher_similarity: Float[Tensor, "p k"],
    batch_index: Int[Tensor, " p"],
    batch_size: int,
    *,
    views_per_scene: int,
    config: SemanticConfig,
    teacher_temp: float,
    world: World = ALONE,
) -> Float[Tensor, ""]:
    """Mean over prototypes of KL(teacher softmap || student softmap); see `SemanticObjective`.

    A softmap says where a prototype lies: it is normalised over points, not over prototypes. So the
    student learns to find each concept among the points that it can see. One softmap runs over one
    cloud, or over the first, second, ... views of all scenes (`semantic.softmap_scope`); the loss
    is the mean over softmaps that have rows, or over the views of a scene.

    Source:
        DOS, L_sigma.
    """
    is_per_cloud = config.softmap_scope == "cloud"
    map_index = batch_index if is_per_cloud else batch_index % views_per_scene
    num_maps = batch_size if is_per_cloud else views_per_scene
    prior = zipf_prior(student_similarity.shape[1], config.zipf_alpha, student_similarity.device)
    total = _no_rows(student_similarity)
    count = torch.zeros((), device=total.device)
    for rows in rows_per_cloud(map_index, num_maps):
        if is_per_cloud and len(rows) == 0:
            continue
        together = ALONE if is_per_cloud else world
        target = zipf_sinkhorn(
            teacher_similarity.index_select(0, rows),
            teacher_temp,
            prior,
            config.sinkhorn_iterations,
            world=together,
        )
        own = student_similarity.index_select(0, rows)
        total = total + _divergence(target, own, config.student_temp, together)
        count = count + 1
    if is_per_cloud:
        count = world.sum(count).clamp_min(1)
    return total / (count * len(prior))


def _divergence(target: Tensor, similarity: Tensor, temp: float, world: World) -> Tensor:
    """Own rows' part of KL(target || softmap of the similarities), summed over prototypes.

    The softmap is normalised over the rows of all ranks. Its normaliser is taken without gradient
    where it is counted, once for each of the target's rows; as a target sums to one over all ranks,
    the gradient that belongs to own rows is added in one piece.
    """
    logit = _wide(similarity) / temp
    norm = world.logsumexp(logit)
    norm = torch.where(norm.isfinite(), norm, 0.0)  # no row on any rank
    own = F.kl_div(logit - norm.detach(), target.to(logit.dtype), reduction="sum")
    return own + (norm - norm.detach()).sum()


def assignment_loss(
    student_similarity: Float[Tensor, "p k"],
    teacher_similarity: Float[Tensor, "p k"],
    batch_index: Int[Tensor, " p"],
    batch_size: int,
    *,
    views_per_scene: int,
    config: SemanticConfig,
    teacher_temp: float,
    world: World = ALONE,
) -> Float[Tensor, ""]:
    """Cross-entropy of balanced teacher assignments and student; see `SemanticObjective`.

    An assignment says which prototype a point belongs to: it is normalised over prototypes. All
    rows of the batch are balanced together, whichever view they come from. The loss is the mean
    over the points of a cloud, then over clouds that have rows.

    Source:
        Sonata. `semantic.zipf_alpha` 0 is its balance; other values lend it the shares of DOS.
    """
    prior = zipf_prior(student_similarity.shape[1], config.zipf_alpha, student_similarity.device)
    target = balanced_assignments(
        teacher_similarity, teacher_temp, prior, config.sinkhorn_iterations, world
    )
    log_share = (_wide(student_similarity) / config.student_temp).log_softmax(1)
    per_row = -(target.to(log_share.dtype) * log_share).sum(1)  # (P,)
    total = per_row.new_zeros(batch_size).index_add(0, batch_index, per_row)
    size = per_row.new_zeros(batch_size).index_add(0, batch_index, torch.ones_like(per_row))
    num_clouds = world.sum((size > 0).to(size.dtype).sum()).clamp_min(1)
    return (total / size.clamp_min(1)).sum() / num_clouds


OBJECTIVES: dict[str, SemanticObjective] = {
    "softmaps": softmap_loss,
    "assignments": assignment_loss,
}


def _wide(similarity: Tensor) -> Tensor:
    """At least float32, whatever autocast says; float64 stays, for checks."""
    return similarity.to(torch.promote_types(similarity.dtype, torch.float32))


def _no_rows(similarity: Tensor) -> Tensor:
    return _wide(similarity[:0]).sum()
