"""Offset distribution regularisation (ODR): gives offsets the lengths of a prior.

Acts on the teacher and carries no gradient. N offsets, B clouds of at most L offsets. It must not
look at positions or features: ODR changes how far and how evenly offsets point, never which is
longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pointins_engine.config import OdrConfig
from pointins_engine.objectives.clouds import rows_per_cloud
from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.upload import upload
from pointins_engine.world import ALONE, World

SHORTEST_DIRECTION = 1e-6  # below, a transformed direction has no direction


@dataclass(frozen=True, kw_only=True, slots=True)
class RegularizedOffsets:
    """Offsets after ODR, and where in its cloud each one's length ranks."""

    offset: Float[Tensor, "n 3"]  # metres
    level: Float[Tensor, " n"]  # of the length, (rank + 0.5) / n; NaN for rows that were skipped


@torch.no_grad()
def regularize_offsets(
    offset: Float[Tensor, "n 3"],
    batch_index: Int[Tensor, " n"],
    batch_size: int,
    prior: MagnitudePrior,
    config: OdrConfig,
    rng: Sequence[torch.Generator],
    skip: Bool[Tensor, " n"] | None = None,
    max_length: Float[Tensor, " b"] | None = None,
    world: World = ALONE,
) -> RegularizedOffsets:
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
        config: What is ranked together, what axes become (uniform, or distributed as `prior` has
            measured), whether directions return to unit length, and how ties are ranked.
        rng: One generator a cloud, or a single one that all ranks share if `config.scope` is
            `batch`; breaks ties between equal values, so that storage order never leaks in.
        skip: Rows that take no part: returned as they came, and not counted in the ranks.
        max_length: Metres a cloud; longer offsets end there. Given where `config.clip` is set.
        world: With the scope `batch` the offsets of all its ranks are ranked together.

    Returns:
        Offsets in metres, float32, and the level of each length: with `config.renormalize` it is
        the prior's quantile at that level, before `max_length` ends it.

    Raises:
        ValueError: On the CPU, if an offset is not finite (`require_finite`). On a GPU nobody
            waits for that; such offsets show in the loss.

    Source:
        PointINS Sec. 3.2, Eq. 2-3. Departures: the axes of the direction are mapped onto (-1, 1),
        where the paper prints Uniform(0, 1), which points every offset into one octant
        (`config.direction` `positive` does so); directions are brought back to unit length unless
        the configuration says otherwise.
    """
    offset = offset.detach().float()
    if offset.device.type == "cpu":
        require_finite(offset)
    clouds = rows_per_cloud(batch_index, batch_size, None if skip is None else ~skip)
    rows = torch.cat(clouds)
    if config.scope == "batch":
        every, own = world.gather(offset[rows])
        mapped, level = _regularize(every, [len(every)], prior, config, rng)
        mapped, level = mapped[own], level[own]
    else:
        mapped, level = _regularize(
            offset[rows], [len(cloud) for cloud in clouds], prior, config, rng
        )
    if max_length is not None:
        length = mapped.norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
        mapped = mapped * (max_length.float()[batch_index[rows]] / length).clamp_max(1)[:, None]
    unranked = torch.full_like(offset[:, 0], torch.nan)
    return RegularizedOffsets(
        offset=offset.index_copy(0, rows, mapped), level=unranked.index_copy(0, rows, level)
    )


def require_finite(offset: Float[Tensor, "n 3"]) -> None:
    """Refuse offsets that are not finite. A GPU is waited for.

    Raises:
        ValueError: Names how many there are and the fix.
    """
    num_bad = int((~offset.isfinite()).any(1).sum())
    if num_bad:
        raise ValueError(
            f"{num_bad} of {len(offset)} teacher offsets are not finite. The weights have probably "
            "diverged: lower optim.lr or resume from an earlier checkpoint."
        )


def _regularize(
    offset: Tensor,
    counts: list[int],
    prior: MagnitudePrior,
    config: OdrConfig,
    rng: Sequence[torch.Generator],
) -> tuple[Tensor, Tensor]:
    """ODR of clouds that lie one after another, all of them at once; and levels of the lengths."""
    if len(offset) == 0:
        return offset, offset[:, 0]
    length = offset.norm(dim=1)
    direction = offset / length.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    packed = torch.cat([length[None], direction.T]).split(counts, dim=1)
    longest, device = max(counts), offset.device
    values = torch.full((len(counts), 4, longest), torch.inf, device=device)  # (B, 4, L)
    for cloud, value in zip(values, packed, strict=True):
        cloud[:, : value.shape[1]] = value
    if config.ties == "random":
        rank = _random_ranks(values, counts, rng)
        table = torch.zeros(len(counts), longest)
        for row, count in zip(table, counts, strict=True):
            row[:count] = prior.midpoint_quantiles(count)
        new_length = upload(table, device).gather(1, rank[:, 0])  # (B, L)
    else:
        rank = _average_ranks(values)
        new_length = None
    exists = torch.cat([torch.arange(count) + k * longest for k, count in enumerate(counts)])
    exists = upload(exists, device)
    rank = rank.transpose(1, 2).flatten(0, 1)[exists]  # (N, 4)
    size = torch.cat([torch.full((count,), float(count)) for count in counts])
    size = upload(size, device)[:, None]  # (N, 1): offsets of the cloud
    level = (rank + 0.5) / size
    if new_length is None:
        new_length = prior.quantile(level[:, 0].double()).float()
    else:
        new_length = new_length.flatten()[exists]
    new_direction = level[:, 1:]
    if config.direction_prior == "empirical":
        new_direction = prior.direction_quantile(new_direction)
    elif config.direction == "signed":
        new_direction = (2 * rank[:, 1:] + 1 - size) / size
    new_direction = new_direction.float()
    if config.renormalize:
        norm = new_direction.norm(dim=1, keepdim=True)
        new_direction = torch.where(norm < SHORTEST_DIRECTION, direction, new_direction / norm)
    return new_length[:, None] * new_direction, level[:, 0].float()


def _random_ranks(values: Tensor, counts: list[int], rng: Sequence[torch.Generator]) -> Tensor:
    """Ranks 0..n-1 along each row; equal values in random order, drawn anew for each row.

    One permutation for all rows would rank fully collapsed offsets alike on each axis and so make
    up directions along the diagonal.
    """
    shuffled = torch.arange(values.shape[2]).repeat(*values.shape[:2], 1)
    for cloud, count, generator in zip(shuffled, counts, rng, strict=True):
        for row in cloud:
            torch.randperm(count, generator=generator, out=row[:count])
    shuffled = upload(shuffled, values.device)
    order = shuffled.gather(2, values.gather(2, shuffled).argsort(dim=2, stable=True))
    return torch.empty_like(order).scatter_(
        2, order, torch.arange(values.shape[2], device=values.device).expand_as(order)
    )


def _average_ranks(values: Tensor) -> Tensor:
    """Ranks 0..n-1 along each row; equal values share the mean of their ranks."""
    ordered = values.sort(dim=2)[0]
    first = torch.searchsorted(ordered, values, right=False)
    behind = torch.searchsorted(ordered, values, right=True)
    return (first + behind - 1).double() / 2
