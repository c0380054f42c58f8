"""Rows of a packed batch, cloud by cloud. N rows, B clouds."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def rows_per_cloud(
    batch_index: Int[Tensor, " n"], batch_size: int, keep: Bool[Tensor, " n"] | None = None
) -> list[Int[Tensor, " r"]]:
    """Row numbers of each cloud, rising, those outside `keep` left out; a cloud may be empty.

    On a GPU the host waits once, for the sizes of all clouds.
    """
    cloud = batch_index if keep is None else torch.where(keep, batch_index, batch_size)
    rows = cloud.argsort(stable=True)
    counts = cloud.new_zeros(batch_size + 1).scatter_add_(0, cloud, torch.ones_like(cloud))
    return list(rows.split(counts.tolist()))[:batch_size]
