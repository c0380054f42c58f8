"""What was found in one scan, by whatever method. N points, M cells, K instances.

Cells are the voxels that the network sees. A method labels cells; a point has the label of its
cell. No torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int32, UInt8

from pointins_engine.errors import ConfigError

NONE = -1  # label of what belongs to no instance


@dataclass(frozen=True, kw_only=True, slots=True)
class Segmentation:
    """Instances of a scan. All coordinates in metres, z up, relative to `origin`.

    An id keeps its meaning when instances are merged by hand, so an id without points is possible.
    """

    scan: str
    coord: Float32[np.ndarray, "n 3"]
    cell_of_point: Int[np.ndarray, " n"]
    cell_coord: Float32[np.ndarray, "m 3"]
    cell_label: Int[np.ndarray, " m"]  # 0..K-1 by falling score, -1 = none
    cell_offset: Float32[np.ndarray, "m 3"]  # predicted, metres; zeros of methods without votes
    cell_is_plane: Bool[np.ndarray, " m"]  # floor, wall or ground, found without labels
    score: Float[np.ndarray, " k"]  # 0..1
    method: str = "pointins"
    origin: Float64[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))
    color: UInt8[np.ndarray, "n 3"] | None = None  # of the scan
    names: Mapping[int, str] = field(default_factory=dict)  # of instances that have one
    by_hand: frozenset[int] = frozenset()  # instances that a person made
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)  # what made it
    seconds: Mapping[str, float] = field(default_factory=dict)  # by phase

    def __post_init__(self) -> None:
        num_cells, num = len(self.cell_coord), len(self.score)
        lengths = [len(a) for a in (self.cell_label, self.cell_offset, self.cell_is_plane)]
        if lengths != [num_cells] * 3 or len(self.cell_of_point) != len(self.coord):
            raise ConfigError(
                f"a segmentation of {num_cells:,} cells and {len(self.coord):,} points was given "
                f"{lengths} labels, offsets and planes and {len(self.cell_of_point):,} cells of "
                "points; every cell and every point needs one."
            )
        cells = self.cell_of_point
        if len(cells) and not 0 <= cells.min() <= cells.max() < num_cells:
            raise ConfigError(
                f"cells of points reach from {cells.min()} to {cells.max()}; there are "
                f"{num_cells:,} cells."
            )
        if num_cells and not -1 <= self.cell_label.min() <= self.cell_label.max() < num:
            raise ConfigError(
                f"labels of cells reach from {self.cell_label.min()} to {self.cell_label.max()}; "
                f"with {num} scores they must lie in -1..{num - 1}."
            )

    @property
    def label(self) -> Int32[np.ndarray, " n"]:
        """Instance of each point, -1 = none."""
        return self.cell_label[self.cell_of_point].astype(np.int32)

    @property
    def centroid(self) -> Float32[np.ndarray, "k 3"]:
        """Mean position of the points of each instance; NaN where it has none."""
        label = self.label
        rows = label >= 0
        return means(self.coord[rows], label[rows], len(self.score))

    def instances(self) -> list[dict[str, Any]]:
        """A row for each instance that has points, by id.

        Keys: id, score, points, cells, centroid and extent (metres along x, y, z); name and by_hand
        where they are known.
        """
        label, num = self.label, len(self.score)
        rows = np.flatnonzero(label >= 0)
        order = rows[np.argsort(label[rows], kind="stable")]
        points = np.bincount(label[rows], minlength=num)
        cells = np.bincount(self.cell_label[self.cell_label >= 0], minlength=num)
        present = np.flatnonzero(points)
        first = (np.cumsum(points) - points)[present]
        coord = self.coord[order]
        extent = np.zeros((0, 3))
        if len(present):
            high, low = (f.reduceat(coord, first, axis=0) for f in (np.maximum, np.minimum))
            extent = high - low
        centroid = means(self.coord[rows], label[rows], num)
        table = []
        for id, size in zip(present.tolist(), extent, strict=True):
            row: dict[str, Any] = {
                "id": id,
                "score": round(float(self.score[id]), 4),
                "points": int(points[id]),
                "cells": int(cells[id]),
                "centroid": [round(float(value), 4) for value in centroid[id]],
                "extent": [round(float(value), 4) for value in size],
            }
            if id in self.names:
                row["name"] = self.names[id]
            if id in self.by_hand:
                row["by_hand"] = True
            table.append(row)
        return table


def means(
    coord: Float[np.ndarray, "r 3"], group: Int[np.ndarray, " r"], num: int
) -> Float32[np.ndarray, "k 3"]:
    """Mean of the rows of each of `num` groups; NaN for a group without rows."""
    total = [np.bincount(group, axis, num) for axis in coord.T.astype(np.float64)]
    size = np.bincount(group, minlength=num)[:, None]
    mean = np.full((num, 3), np.nan)
    np.divide(np.stack(total, axis=1), size, out=mean, where=size > 0)
    return mean.astype(np.float32)
