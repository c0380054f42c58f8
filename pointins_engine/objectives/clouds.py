"""Rows of a packed batch, cloud by cloud. N rows, B clouds."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def rows_per_cloud(
    batch_index: Int[Tensor, " n"], batch_size: int, keep: Bool[Tensor, " n"] | None = None
) -> list[Int[Tensor, " r"]]:
    """Row numbers of each cloud, rising, those outside `keep` left out; a cloud may be empty.

    The counts are read back once for the whole batch, so that a GPU is waited for once and not
    once a cloud.
    """
    rows = batch_index.argsort(stable=True)
    if keep is not None:
        rows = rows[keep]
    counts = torch.bincount(batch_index[rows], minlength=batch_size)
    return list(rows.split(counts.tolist()))
