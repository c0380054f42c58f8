"""What methods are given of a scan. No torch. N points, M cells."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

from pointins_engine.segment.settings import Domain


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneVotes:
    """The cells of one scan, a row a voxel, and where they vote; lengths in metres of the scan."""

    coord: Float32[np.ndarray, "m 3"]  # of the point that stands for the voxel
    offset: Float32[np.ndarray, "m 3"]  # to the centroid of its instance; 0 without a network
    color: Float32[np.ndarray, "m 3"] | None  # 0..1
    normal: Float32[np.ndarray, "m 3"]  # unit length, measured or estimated
    is_plane: Bool[np.ndarray, " m"]  # floor, wall, ceiling or ground, found without labels
    cell_of_point: Int[np.ndarray, " n"]  # the cell nearest to each point
    grid_size: float  # edge of a voxel
    scale: float  # model metres for a metre of the scan
    domain: Domain
