"""Which student cell stands where which teacher cell stands, in the scene frame."""

from itertools import accumulate

import numpy as np
import torch
from jaxtyping import Int
from scipy.spatial import KDTree
from torch import Tensor

from pointins_engine.batch import CellBatch
from pointins_engine.upload import on_host

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

    On a GPU the host waits twice: for the sizes of all views and for the number of pairs.

    Returns:
        Rows into `student.feat` and `teacher.feat`, student rows rising.

    Source: Sonata's matching in `origin_coord`; radius of four cells (register A8).
    """
    if on_host(student.origin_coord):
        nearest = _nearest_by_tree(student, teacher, radius, cross)
    else:
        nearest = _nearest_by_distance(student, teacher, radius, cross)
    found = (nearest >= 0).nonzero().squeeze(1)
    return torch.stack([found, nearest[found]], dim=1)


def _nearest_by_tree(
    student: CellBatch, teacher: CellBatch, radius: float, cross: bool
) -> Int[Tensor, " s"]:
    """Teacher row of each student cell, -1 if none is close; one tree for all views."""
    # Views lie side by side along x, further apart than any two cells that may match.
    both = torch.cat([student.origin_coord, teacher.origin_coord]).double()
    apart = (both[:, 0].amax() - both[:, 0].amin() + 2 * radius) if len(both) else 0.0
    view = torch.cat([student.batch_index ^ int(cross), teacher.batch_index])
    both[:, 0] += view * apart
    query, points = both.split([len(student.feat), len(teacher.feat)])
    tree = KDTree(points.numpy(), balanced_tree=False)  # sliding midpoints: built faster
    within = np.nextafter(radius, np.inf)  # the bound itself counts
    near = torch.as_tensor(tree.query(query.numpy(), k=2, distance_upper_bound=within)[1])
    # Of two that are equally near the first counts. Left to the tree, and to how far its view was
    # moved aside, the choice would depend on what else is in the batch.
    near = near.sort(dim=1).values  # a row that was not found is the highest
    origin = torch.cat([teacher.origin_coord, teacher.origin_coord.new_full((1, 3), torch.inf)])
    apart_m = (origin[near].double() - student.origin_coord[:, None].double()).norm(dim=2)
    nearest = near.gather(1, apart_m.argmin(dim=1, keepdim=True)).squeeze(1)
    return torch.where(nearest < len(points), nearest, -1)


def _nearest_by_distance(
    student: CellBatch, teacher: CellBatch, radius: float, cross: bool
) -> Int[Tensor, " s"]:
    """The same in plain torch; the host waits once, for the sizes of all views."""
    count = student.batch_size
    views = torch.cat([student.batch_index, teacher.batch_index + count])
    sizes = views.new_zeros(2 * count).scatter_add_(0, views, torch.ones_like(views)).tolist()
    queries = student.origin_coord.split(sizes[:count])
    points = teacher.origin_coord.split(sizes[count:])
    starts = [0, *accumulate(sizes[count:])]
    found = [views.new_zeros(0)]
    for view, query in enumerate(queries):
        other = view ^ int(cross)
        for part in query.split(CHUNK):
            if len(points[other]) == 0:
                found.append(views.new_full((len(part),), -1))
                continue
            # The default takes a matrix product, which loses millimetres ten metres off.
            distance, row = torch.cdist(
                part, points[other], compute_mode="donot_use_mm_for_euclid_dist"
            ).min(dim=1)
            found.append(torch.where(distance <= radius, row + starts[other], -1))
    return torch.cat(found)
