"""Sinkhorn: balances what a teacher says of points and prototypes, so that none takes all.

N points, K prototypes. Works on log values in float32; knows nothing of losses or networks.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.world import ALONE, World


def zipf_prior(
    num_prototypes: int, alpha: float, device: torch.device | str = "cpu"
) -> Float[Tensor, " k"]:
    """Share of the points that each prototype may claim, proportional to rank**-alpha.

    The index of a prototype is its rank: prototype 0 is the most frequent concept. `alpha` 0 gives
    equal shares (plain Sinkhorn). Real scenes are long-tailed (much floor, few lamps), which equal
    shares deny.

    Returns:
        Shares that sum to 1, falling with the index.

    Source:
        DOS, Zipf-Sinkhorn.
    """
    rank = torch.arange(1, num_prototypes + 1, dtype=torch.float64, device=device)
    weight = rank**-alpha
    return (weight / weight.sum()).float()


@torch.no_grad()
def zipf_sinkhorn(
    similarity: Float[Tensor, "n k"],
    temp: float,
    prior: Float[Tensor, " k"],
    iterations: int,
    batch_index: Int[Tensor, " n"] | None = None,
    batch_size: int = 1,
    world: World = ALONE,
) -> Float[Tensor, "n k"]:
    """Softmap of the teacher: for each prototype a distribution over the points.

    Alternates between "every point gives the same mass" and "prototype k receives mass prior[k]",
    then scales each prototype to sum to one over the points. Large shares come out as wide maps,
    small shares as sharp ones. Without the balance a few prototypes would claim every point.

    Args:
        similarity: Cosine of point embeddings and prototypes, any float dtype.
        temp: Teacher temperature, > 0.
        prior: Shares of the prototypes (`zipf_prior`), all positive.
        iterations: Rounds of row and column scaling; Sonata uses 3.
        batch_index: Cloud of each row. If given, each cloud is balanced by itself;
            otherwise the whole batch is, so that a scene that lacks a concept is not forced to
            carry it.
        batch_size: Number of clouds in `batch_index`.
        world: The batch is that of all its ranks; a cloud lies on one rank.

    Returns:
        Softmap whose columns sum to 1 (over each cloud if `batch_index` is given), float32, no
        gradient.

    Source:
        DOS; iterations and temperature from Sonata. Departure: the scope defaults to the batch.
    """
    if batch_index is None:
        return _softmap(similarity, temp, prior, iterations, world)
    softmap = torch.zeros_like(similarity, dtype=torch.float32)
    for rows in rows_per_cloud(batch_index, batch_size):
        if len(rows):
            softmap[rows] = _softmap(similarity[rows], temp, prior, iterations, ALONE)
    return softmap


@torch.no_grad()
def balanced_assignments(
    similarity: Float[Tensor, "n k"],
    temp: float,
    prior: Float[Tensor, " k"],
    iterations: int,
    world: World = ALONE,
) -> Float[Tensor, "n k"]:
    """Assignment of the teacher: for each point a distribution over the prototypes.

    The same balance as in `zipf_sinkhorn`, with prototypes first and points last.

    Args:
        similarity: Cosine of point embeddings and prototypes, any float dtype.
        temp: Teacher temperature, > 0.
        prior: Shares of the prototypes (`zipf_prior`); equal shares are Sonata's.
        iterations: Rounds of column and row scaling; Sonata uses 3.
        world: The points are those of all its ranks.

    Returns:
        Assignment whose rows sum to 1, float32, no gradient.

    Source:
        Sonata (Sinkhorn-Knopp over the points of the batch, on all ranks).
    """
    log_assignment = _log_similarity(similarity, temp)
    log_share = prior.float().log()
    for _ in range(iterations):
        log_assignment -= world.logsumexp(log_assignment) - log_share  # columns sum to the prior
        log_assignment -= log_assignment.logsumexp(1, keepdim=True)  # rows sum to 1, not 1 / N:
        # the next round's columns take the factor N out again
    return log_assignment.exp_()


def _softmap(
    similarity: Tensor, temp: float, prior: Tensor, iterations: int, world: World
) -> Tensor:
    log_map = _log_similarity(similarity, temp)
    log_share = prior.float().log()
    for _ in range(iterations):
        log_map -= log_map.logsumexp(1, keepdim=True)  # rows alike; their 1 / N cancels below
        log_map -= world.logsumexp(log_map) - log_share  # columns sum to the prior
    log_map -= world.logsumexp(log_map)  # columns sum to 1
    return log_map.exp_()


def _log_similarity(similarity: Tensor, temp: float) -> Tensor:
    # Temperatures near 0.04 make logits of +-25, whose exponentials bfloat16 cannot add up.
    return similarity.float() / temp  # (N, K)
