"""Blocks hidden from the student. N voxels of a view, K of them the student's."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from pointins_engine.geometry import voxelize
from pointins_engine.views.augment import jitter

TOKEN_JITTER = 0.01  # metres, sigma: where a mask token stands says less of what is hidden (Sonata)
TOKEN_JITTER_CLIP = 0.02  # metres


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the student gets of a view."""

    row: Int[np.ndarray, " k"]  # of the view
    coord: Float[np.ndarray, "k 3"]  # metres, view frame
    grid_coord: Int[np.ndarray, "k 3"]  # no two alike
    is_masked: Bool[np.ndarray, " k"]  # there is something, and a token says that it is hidden


def show_all(coord: Float[np.ndarray, "n 3"], grid_coord: Int[np.ndarray, "n 3"]) -> Shown:
    """The whole view, nothing hidden."""
    return Shown(
        row=np.arange(len(coord)),
        coord=coord,
        grid_coord=grid_coord,
        is_masked=np.zeros(len(coord), dtype=bool),
    )


def hide(
    view: Shown,
    size: float,
    ratio: float,
    masking: Literal["removed", "token"],
    grid_size: float,
    rng: np.random.Generator,
) -> Shown:
    """Hide blocks of a view that was shown whole.

    Args:
        view: The whole view.
        size: Edge of a hidden block in metres.
        ratio: Share of blocks hidden, in [0, 1).
        masking: `removed`: hidden voxels are left out. `token`: they stay, jittered, with a mask
            token for features. Of voxels that meet in one place a visible one stays.
        grid_size: Metres; edge of a voxel.
        rng: Chooses the blocks, and the jitter.

    Source: DOS (`removed`), Sonata (`token`). Departure: jitter is clipped on both sides, where
        Sonata's code clips the upper one alone.
    """
    is_visible = visible_voxels(view.coord, size, ratio, rng)
    if masking == "removed":
        return Shown(
            row=view.row[is_visible],
            coord=view.coord[is_visible],
            grid_coord=view.grid_coord[is_visible],
            is_masked=view.is_masked[is_visible],
        )
    order = np.argsort(~is_visible, kind="stable")  # visible ones first: voxelize keeps the first
    moved = jitter(len(order), TOKEN_JITTER, TOKEN_JITTER_CLIP, rng)
    coord = np.where(is_visible[:, None], view.coord, view.coord + moved)[order]
    grid_coord, first, _ = voxelize(coord, grid_size, None)
    row = order[first]
    return Shown(row=row, coord=coord[first], grid_coord=grid_coord, is_masked=~is_visible[row])


def visible_voxels(
    coord: Float[np.ndarray, "n 3"], size: float, ratio: float, rng: np.random.Generator
) -> Bool[np.ndarray, " n"]:
    """True where the student sees a voxel of a view.

    Space is cut into cubes of edge `size` in the view frame, anchored at the view's minimum;
    `int(ratio * number of occupied cubes)` of them are hidden, never all.

    Args:
        coord: Voxels of one view in metres, view frame.
        size: Edge of a cube in metres.
        ratio: Share of cubes hidden, in [0, 1).
        rng: Chooses the cubes.

    Source: Sonata's grid patches. Departure: the ratio holds for every view, not for the batch, so
    a view's mask does not depend on which other scenes share its step.
    """
    block = np.floor((coord - coord.min(axis=0)) / size).astype(np.int64)  # (N, 3), >= 0
    extent = block.max(axis=0) + 1
    key = (block[:, 0] * extent[1] + block[:, 1]) * extent[2] + block[:, 2]
    unique, member = np.unique(key, return_inverse=True)  # (M,), (N,)
    hidden = np.zeros(len(unique), dtype=bool)
    num_hidden = min(int(ratio * len(unique)), len(unique) - 1)
    hidden[rng.permutation(len(unique))[:num_hidden]] = True
    return ~hidden[member]
