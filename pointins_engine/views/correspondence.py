"""Which student cell stands where which teacher cell stands, in the scene frame."""

import torch
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from torch import Tensor

from pointins_engine.batch import CellBatch

CHUNK = 4096  # student rows of one distance matrix on a GPU


def match_cells(
    student: CellBatch, teacher: CellBatch, radius: float, *, cross: bool
) -> Int[Tensor, "p 2"]:
    """Pairs (student cell, teacher cell): nearest in the scene frame, at most `radius` apart.

    Args:
        student: Cells of the visible parts of 2S views.
        teacher: Cells of the whole views.
        radius: Metres.
        cross: Match a view with the other view of its scene instead of with itself.

    Returns:
        Rows into `student.feat` and `teacher.feat`, student rows rising.

    Source: Sonata's matching in `origin_coord`; radius of four cells (register A8).
    """
    pairs = []
    for view in range(student.batch_size):
        rows_s = (student.batch_index == view).nonzero().flatten()
        rows_t = (teacher.batch_index == (view ^ 1 if cross else view)).nonzero().flatten()
        distance, nearest = _nearest(student.origin_coord[rows_s], teacher.origin_coord[rows_t])
        close = distance <= radius
        pairs.append(torch.stack([rows_s[close], rows_t[nearest[close]]], dim=1))
    return torch.cat(pairs)


def _nearest(
    query: Float[Tensor, "q 3"], points: Float[Tensor, "p 3"]
) -> tuple[Float[Tensor, " q"], Int[Tensor, " q"]]:
    """Distance to and row of the nearest point of each query."""
    if query.device.type == "cpu":
        distance, nearest = KDTree(points.numpy()).query(query.numpy())
        return torch.as_tensor(distance, dtype=torch.float32), torch.as_tensor(nearest)
    found = [torch.cdist(part, points).min(dim=1) for part in query.split(CHUNK)]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])
