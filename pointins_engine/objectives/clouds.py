"""Rows of a packed batch, cloud by cloud. N rows, B clouds."""

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from pointins_engine.upload import on_host


def rows_per_cloud(
    batch_index: Int[Tensor, " n"], batch_size: int, keep: Bool[Tensor, " n"] | None = None
) -> list[Int[Tensor, " r"]]:
    """Row numbers of each cloud, rising, those outside `keep` left out; a cloud may be empty.

    On a GPU the host waits once, for the sizes of all clouds.
    """
    cloud = batch_index if keep is None else torch.where(keep, batch_index, batch_size)
    if on_host(cloud):  # NumPy counts small numbers instead of comparing them
        small = cloud.numpy().astype(np.uint16 if batch_size < 1 << 16 else np.int64)
        rows = torch.from_numpy(small.argsort(kind="stable"))
    else:
        rows = cloud.argsort(stable=True)
    counts = cloud.new_zeros(batch_size + 1).scatter_add_(0, cloud, torch.ones_like(cloud))
    return list(rows.split(counts.tolist()))[:batch_size]
