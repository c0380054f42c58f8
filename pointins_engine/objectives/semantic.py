"""Semantic objective: distil the teacher's softmaps into the student (DOS).

P matched rows, K prototypes. The caller matches the views and gathers the rows; this module only
compares two matrices of cosines.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.sinkhorn import zipf_sinkhorn


def softmap_loss(
    student_similarity: Float[Tensor, "p k"],
    teacher_similarity: Float[Tensor, "p k"],
    *,
    student_temp: float,
    teacher_temp: float,
    prior: Float[Tensor, " k"],
    iterations: int,
    batch_index: Int[Tensor, " p"] | None = None,
    batch_size: int = 1,
) -> Float[Tensor, ""]:
    """Mean over prototypes of KL(teacher softmap || student softmap), in nats.

    A softmap says where in the scene a prototype lies: it is normalised over points, not over
    prototypes. So the student learns to find each concept among the points that it can see.

    Args:
        student_similarity: Cosines of the student's embeddings and its prototypes.
        teacher_similarity: The same of the teacher, row by row the matched points.
        student_temp: Temperature of the student's softmap.
        teacher_temp: Temperature of the teacher's softmap.
        prior: Shares of the prototypes (`sinkhorn.zipf_prior`).
        iterations: Sinkhorn rounds.
        batch_index: Cloud of each row, if softmaps are to be normalised cloud by cloud;
            the loss is then the mean over clouds that have rows.
        batch_size: Number of clouds in `batch_index`.

    Returns:
        The loss; zero, with a gradient of zero, if there are no rows.

    Source:
        DOS, L_sigma.
    """
    if len(student_similarity) == 0:
        return student_similarity.float().sum()
    if batch_index is None:
        target = zipf_sinkhorn(teacher_similarity, teacher_temp, prior, iterations)
        return _mean_divergence(target, student_similarity, student_temp)
    losses = [
        _mean_divergence(
            zipf_sinkhorn(teacher_similarity[rows], teacher_temp, prior, iterations),
            student_similarity[rows],
            student_temp,
        )
        for rows in rows_per_cloud(batch_index, batch_size)
        if len(rows)
    ]
    return torch.stack(losses).mean()


def _mean_divergence(target: Tensor, similarity: Tensor, temp: float) -> Tensor:
    dtype = torch.promote_types(similarity.dtype, torch.float32)  # float64 stays, for checks
    log_map = F.log_softmax(similarity.to(dtype) / temp, dim=0)  # over points
    return F.kl_div(log_map, target.to(dtype), reduction="sum") / similarity.shape[1]


def prototype_entropy(teacher_similarity: Float[Tensor, "n k"], temp: float) -> Float[Tensor, ""]:
    """Entropy in nats of the mean assignment of points to prototypes: a measure of collapse.

    log(K) means that all prototypes are used alike, 0 that one prototype takes every point. The
    exponential is the number of prototypes in use.
    """
    assignment = (teacher_similarity.detach().float() / temp).softmax(1)
    usage = assignment.mean(0)
    return -torch.xlogy(usage, usage).sum()
