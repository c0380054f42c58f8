"""Numbers that show what SCR cut out: how many pieces, how large, and how far the targets are."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pointins_engine.objectives.scr import ScrOutput


def scr_statistics(
    output: ScrOutput,
    origin_coord: Float[Tensor, "n 3"],
    is_plane: Bool[Tensor, " n"],
    batch_size: int,
) -> dict[str, Any]:
    """Summarise the pseudo-instances of a batch in plain numbers, ready for JSON.

    Args:
        output: What `spatial_clustering` returned.
        origin_coord: The positions that it was given, in metres.
        is_plane: The planes that it was given.
        batch_size: Number of clouds.

    Returns:
        components: Pseudo-instances a cloud, mean.
        kept_share: Share of the non-plane cells that belong to a pseudo-instance.
        largest_share: Share of a segment (`affinity`: of a cloud) that its largest pseudo-instance
            takes, mean over those that have one cell or more. Near 1 means that SCR is inert.
        extent_m: Diagonal of a pseudo-instance's bounding box in metres, mean.
        target_m: Length in metres of the targets off the planes, mean.
        sizes: Cells of each pseudo-instance, largest first.
    """
    member = output.pseudo_instance >= 0
    off_plane = ~is_plane
    target_length = output.target[output.valid & off_plane].norm(dim=1)
    return {
        "components": len(output.size) / max(batch_size, 1),
        "kept_share": _mean(member[off_plane]),
        "largest_share": _largest_share(output),
        "extent_m": _mean(_extent(output, origin_coord)),
        "target_m": _mean(target_length),
        "sizes": output.size.sort(descending=True)[0].tolist(),
    }


def largest_view_share(output: ScrOutput, batch_index: Int[Tensor, " n"], batch_size: int) -> float:
    """Share of a cloud's cells in SCR that its largest pseudo-instance takes; mean over clouds.

    Unlike `largest_share` it looks across segments: above one half, one component has swallowed
    the scene. Clouds without a cell in SCR do not count.
    """
    num_cells = torch.bincount(batch_index[output.group >= 0], minlength=batch_size)
    largest = torch.zeros_like(num_cells)
    largest.scatter_reduce_(0, output.centroid_batch_index, output.size, "amax")
    return _mean((largest / num_cells)[num_cells > 0])


def _mean(values: Tensor) -> float:
    return float(values.double().mean()) if len(values) else 0.0


def _largest_share(output: ScrOutput) -> float:
    took_part = output.group >= 0
    if not took_part.any():
        return 0.0
    group_size = torch.bincount(output.group[took_part])
    largest = torch.zeros_like(group_size)
    member = output.pseudo_instance >= 0
    group_of_instance = torch.zeros_like(output.size)
    group_of_instance[output.pseudo_instance[member]] = output.group[member]
    largest.scatter_reduce_(0, group_of_instance, output.size, "amax")
    return _mean((largest / group_size)[group_size > 0])


def _extent(output: ScrOutput, origin_coord: Tensor) -> Tensor:
    member = output.pseudo_instance >= 0
    index = output.pseudo_instance[member][:, None].expand(-1, 3)
    coord = origin_coord[member].float()
    empty = coord.new_zeros(len(output.size), 3)
    low = empty.scatter_reduce(0, index, coord, "amin", include_self=False)
    high = empty.scatter_reduce(0, index, coord, "amax", include_self=False)
    return (high - low).norm(dim=1)
