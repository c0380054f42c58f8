"""Zipf-Sinkhorn: balances a teacher's softmap over prototypes of unequal size.

N points, K prototypes. Works on log values in float32; knows nothing of losses or networks.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pointins_engine.objectives.clouds import rows_per_cloud


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


def zipf_sinkhorn(
    similarity: Float[Tensor, "n k"],
    temp: float,
    prior: Float[Tensor, " k"],
    iterations: int,
    batch_index: Int[Tensor, " n"] | None = None,
    batch_size: int = 1,
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

    Returns:
        Softmap whose columns sum to 1 (over each cloud if `batch_index` is given), float32, no
        gradient.

    Source:
        DOS; iterations and temperature from Sonata. Departure: the scope defaults to the batch.
    """
    with torch.no_grad():
        if batch_index is None:
            return _balance(similarity, temp, prior, iterations)
        softmap = torch.zeros_like(similarity, dtype=torch.float32)
        for rows in rows_per_cloud(batch_index, batch_size):
            softmap[rows] = _balance(similarity[rows], temp, prior, iterations)
        return softmap


def _balance(similarity: Tensor, temp: float, prior: Tensor, iterations: int) -> Tensor:
    if len(similarity) == 0:
        return similarity.float()
    # Temperatures near 0.04 make logits of +-25, whose exponentials bfloat16 cannot add up.
    log_map = similarity.float() / temp  # (N, K)
    log_share = prior.float().log()
    for _ in range(iterations):
        log_map -= log_map.logsumexp(1, keepdim=True)  # rows alike; their 1 / N cancels below
        log_map -= log_map.logsumexp(0) - log_share  # columns sum to the prior
    log_map -= log_map.logsumexp(0)  # columns sum to 1
    return log_map.exp_()
