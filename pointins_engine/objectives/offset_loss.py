"""Offset loss: the student's offsets against the centroids that SCR found. N rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from pointins_engine.config import OffsetConfig
from pointins_engine.world import ALONE, World


@dataclass(frozen=True, kw_only=True, slots=True)
class OffsetLoss:
    """The loss and its two terms: this rank's share of means over the rows that have a target."""

    loss: Float[Tensor, ""]  # l1 / length_scale + direction
    l1: Float[Tensor, ""]  # metres, summed over the three axes
    direction: Float[Tensor, ""]  # 1 - cosine; 0 for targets too short to have a direction


def offset_loss(
    offset: Float[Tensor, "n 3"],
    target: Float[Tensor, "n 3"],
    valid: Bool[Tensor, " n"],
    config: OffsetConfig,
    importance: Float[Tensor, " n"] | None = None,
    world: World = ALONE,
    means: Sequence[tuple[int, float]] | None = None,
) -> OffsetLoss:
    """Length and direction error of the student's offsets.

    Args:
        offset: Student offsets in metres, scene frame.
        target: Centroid of the matched pseudo-instance minus the student's own position.
        valid: Rows that have a target.
        config: Shortest target with a direction term; metres that count as one in the length term.
        importance: How much each row counts in the means; all alike if None.
        world: The means run over the rows of all its ranks.
        means: Rows of each of several means, one after another, and the mean's share of the loss;
            one mean of all rows if None.

    Returns:
        Zero with a gradient of zero if no row is valid.

    Source:
        PointINS Eq. 6. Departure: the mean runs over rows with a target, not over all points.
    """
    offset = offset.float()
    target = torch.where(valid[:, None], target.detach().float(), 0.0)
    weight = valid.float() if importance is None else valid * importance.float()
    sizes, shares = zip(*(means or [(len(weight), 1.0)]), strict=True)
    parts = weight.split(sizes)
    total = world.sum(torch.stack([part.sum() for part in parts]))
    total = total.clamp_min(torch.finfo(torch.float32).tiny)
    weight = torch.cat([p * s / t for p, s, t in zip(parts, shares, total, strict=True)])
    l1 = (weight * torch.where(valid, (offset - target).abs().sum(1), 0.0)).sum()
    has_direction = valid & (target.norm(dim=1) >= config.min_cosine_length)
    turned = 1 - F.cosine_similarity(offset, target, dim=1, eps=1e-8)
    direction = (weight * torch.where(has_direction, turned, 0.0)).sum()
    return OffsetLoss(loss=l1 / config.length_scale + direction, l1=l1, direction=direction)
