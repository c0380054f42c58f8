"""Offset distribution regularisation (ODR): gives teacher offsets the lengths of a prior.

Acts on the teacher only and carries no gradient. N offsets, B clouds. It must not look at
positions or features: ODR changes how far and how evenly offsets point, never which is longer.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pointins_engine.config import OdrConfig
from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.priors import MagnitudePrior

SHORTEST_DIRECTION = 1e-6  # below, a transformed direction has no direction


def regularize_offsets(
    offset: Float[Tensor, "n 3"],
    batch_index: Int[Tensor, " n"],
    batch_size: int,
    prior: MagnitudePrior,
    config: OdrConfig,
    rng: torch.Generator,
    skip: Bool[Tensor, " n"] | None = None,
) -> Float[Tensor, "n 3"]:
    """Give the offsets of each cloud the length and direction distribution of a prior.

    Lengths become the prior's quantiles at (rank - 0.5) / n; each axis of the direction becomes
    uniform on (-1, 1), as it is for directions uniform on the sphere. Rank order is kept, so what
    the teacher believes about near and far survives and only the marginal distributions change.
    Without it the offsets of a label-free branch shrink to nothing.

    Args:
        offset: Teacher offsets in metres, scene frame (augmentation undone).
        batch_index: Cloud of each row, sorted.
        batch_size: Number of clouds.
        prior: Distribution of offset lengths in metres.
        config: Whether directions return to unit length, and how ties are ranked.
        rng: Breaks ties between equal values, so that storage order never leaks in.
        skip: Rows that take no part: returned as they came, and not counted in the ranks.

    Returns:
        Offsets in metres, float32. With `config.renormalize` their sorted lengths are the prior's
        quantiles at (k - 0.5) / n.

    Raises:
        ValueError: If an offset is not finite; names how many.

    Source:
        PointINS Sec. 3.2, Eq. 2-3. Departures: the axes of the direction are mapped onto (-1, 1),
        where the paper prints Uniform(0, 1), which would point every offset into one octant;
        directions are brought back to unit length unless the configuration says otherwise.
    """
    offset = offset.detach().float()
    num_bad = int((~offset.isfinite()).any(1).sum())
    if num_bad:
        raise ValueError(
            f"{num_bad} of {len(offset)} teacher offsets are not finite. The weights have probably "
            "diverged: lower optim.lr or resume from an earlier checkpoint."
        )
    regularized = offset.clone()
    keep = None if skip is None else ~skip
    for rows in rows_per_cloud(batch_index, batch_size, keep):
        if len(rows):
            regularized[rows] = _regularize_cloud(offset[rows], prior, config, rng)
    return regularized


def _regularize_cloud(
    offset: Tensor, prior: MagnitudePrior, config: OdrConfig, rng: torch.Generator
) -> Tensor:
    length = offset.norm(dim=1)
    direction = offset / length.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    values = torch.cat([length[None], direction.T])  # (4, N)
    if config.ties == "random":
        rank = _random_ranks(values, rng)
        new_length = prior.midpoint_quantiles(len(offset)).to(offset.device)[rank[0]]
    else:
        rank = _average_ranks(values)
        new_length = prior.quantile((rank[0] + 0.5) / len(offset)).float()
    new_direction = ((2 * rank[1:] + 1 - len(offset)) / len(offset)).T.float()  # (N, 3)
    if config.renormalize:
        size = new_direction.norm(dim=1, keepdim=True)
        new_direction = torch.where(size < SHORTEST_DIRECTION, direction, new_direction / size)
    return new_length[:, None] * new_direction


def _random_ranks(values: Tensor, rng: torch.Generator) -> Tensor:
    """Ranks 0..n-1 along each row; equal values in random order, drawn anew for each row.

    One permutation for all rows would rank fully collapsed offsets alike on each axis and so make
    up directions along the diagonal.
    """
    rank = torch.empty_like(values, dtype=torch.int64)
    count = values.shape[1]
    position = torch.arange(count, device=values.device)
    for row, row_rank in zip(values, rank, strict=True):
        shuffled = torch.randperm(count, generator=rng, device=rng.device).to(values.device)
        order = shuffled[row[shuffled].argsort(stable=True)]
        row_rank[order] = position
    return rank


def _average_ranks(values: Tensor) -> Tensor:
    """Ranks 0..n-1 along each row; equal values share the mean of their ranks."""
    ranks = []
    for row in values:
        _, group, count = row.unique(return_inverse=True, return_counts=True)
        last = count.cumsum(0).double() - 1
        ranks.append((last - (count - 1) / 2)[group])
    return torch.stack(ranks)
