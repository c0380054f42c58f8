"""ODR on the student's side: a divergence that draws its offsets towards the prior.

The other way to meet a prior that PointINS compares with (Tab. 8), here in our reading: the paper
names it and gives no formula. N offsets, B clouds, H bins.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pointins_engine.objectives.priors import MagnitudePrior
from pointins_engine.upload import upload
from pointins_engine.world import ALONE, World

NUM_BINS = 32
REACH = 0.98  # quantile of the prior at the last bin, which takes all that is longer
FLOOR = 1e-4  # mass that every bin has at least, so that an empty one has a logarithm
NUM_LEVELS = 4096  # offsets that stand for the prior


def prior_divergence(
    offset: Float[Tensor, "n 3"],
    batch_index: Int[Tensor, " n"],
    batch_size: int,
    prior: MagnitudePrior,
    keep: Bool[Tensor, " n"],
    world: World = ALONE,
) -> Float[Tensor, ""]:
    """KL(student's offsets || prior) in nats: of their length, and of each axis of the direction.

    Distributions are histograms into which every value enters with two weights, shared between the
    bins on either side of it: so each value has a gradient. The prior's histogram is made alike,
    from its quantiles; an axis of a direction is to be uniform on (-1, 1). Lengths beyond the last
    bin have none and are left to the offset loss.

    Args:
        offset: Student offsets in metres, scene frame.
        batch_index: Cloud of each row, sorted.
        batch_size: Number of clouds.
        prior: Distribution of offset lengths in metres.
        keep: Rows that take part.
        world: The mean runs over the clouds of all its ranks.

    Returns:
        This rank's share of the mean over clouds that have rows: length plus the mean of the axes.

    Source:
        Ours; PointINS Tab. 8 ("ODR on the student") is what it stands for.
    """
    offset = offset.float()
    # The added length keeps the gradient of a norm finite where an offset is zero.
    length = (offset.square().sum(1) + 1e-12).sqrt()
    direction = offset / length[:, None]
    level = (torch.arange(NUM_LEVELS, dtype=torch.float64) + 0.5) / NUM_LEVELS
    reach = float(prior.quantile(torch.tensor([REACH], dtype=torch.float64))[0])
    lengths = prior.quantiles_of_many(level).float()
    one = torch.zeros(NUM_LEVELS, dtype=torch.int64)
    wanted_length = _histogram(lengths / reach, one, 1, torch.ones(NUM_LEVELS))
    wanted_axis = _histogram(level.float(), one, 1, torch.ones(NUM_LEVELS))

    weight = keep.float()
    found = _histogram(length / reach, batch_index, batch_size, weight)  # (B, H)
    total = _divergence(found, upload(wanted_length, offset.device))
    for axis in direction.T:
        found = _histogram((axis + 1) / 2, batch_index, batch_size, weight)
        total = total + _divergence(found, upload(wanted_axis, offset.device)) / 3
    rows = weight.new_zeros(batch_size).index_add_(0, batch_index, weight)
    num_clouds = world.sum((rows > 0).float().sum()).clamp_min(1)
    return torch.where(rows > 0, total, 0.0).sum() / num_clouds


def _histogram(value: Tensor, batch_index: Tensor, batch_size: int, weight: Tensor) -> Tensor:
    """Share (B, H) of each cloud's values, 0..1, in each bin; larger values enter the last."""
    place = value.clamp(0, 1) * (NUM_BINS - 1)
    low = place.detach().floor().clamp(0, NUM_BINS - 2).long()
    share = place - low
    first = batch_index * NUM_BINS + low
    mass = value.new_zeros(batch_size * NUM_BINS)
    mass = mass.index_add(0, first, (1 - share) * weight).index_add(0, first + 1, share * weight)
    mass = mass.view(batch_size, NUM_BINS)
    return mass / mass.sum(1, keepdim=True).clamp_min(1)


def _divergence(found: Tensor, wanted: Tensor) -> Tensor:
    """KL (B,) of histograms, both with the floor."""
    p, q = (
        (histogram + FLOOR) / (histogram + FLOOR).sum(1, keepdim=True)
        for histogram in (found, wanted)
    )
    return (p * (p / q).log()).sum(1)
