"""The cells of a scan that classical methods cluster. N points, M cells."""

from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from pointins_engine.errors import SceneError
from pointins_engine.geometry import voxelize
from pointins_engine.scenes.planes import guess_domain
from pointins_engine.types import Scene

Domain = Literal["indoor", "outdoor"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellCloud:
    """One point a voxel, at the resolution that a network sees too."""

    coord: Float[np.ndarray, "m 3"]  # metres
    color: Float[np.ndarray, "m 3"] | None = None  # 0..1
    normal: Float[np.ndarray, "m 3"] | None = None  # unit length
    is_plane: Bool[np.ndarray, " m"]  # floor, wall or ground, found without labels
    grid_size: float  # metres: edge of a voxel; lengths that nobody chose follow it
    domain: Domain | None = None  # decides what nobody chose; None = by the extent of the scan

    def __len__(self) -> int:
        return len(self.coord)

    def known_domain(self) -> Domain:
        if self.domain is not None or len(self) == 0:
            return self.domain or "indoor"
        return guess_domain(self.coord.astype(np.float32))

    def without_planes(self) -> tuple["CellCloud", Int[np.ndarray, " k"]]:
        """The cells off the planes, and their rows here."""
        rows = np.flatnonzero(~self.is_plane)
        parts = {
            f.name: value[rows]
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), np.ndarray)
        }
        return replace(self, domain=self.known_domain(), **parts), rows


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledCells:
    """Cells of a scan whose instances are known."""

    cells: CellCloud
    cell_of_point: Int[np.ndarray, " n"]
    instance_label: Int[np.ndarray, " n"]  # -1 = void


def labelled_cells(scene: Scene, grid_size: float, domain: Domain | None = None) -> LabelledCells:
    """The voxels of a labelled scene: of each the point that comes first in the file.

    Args:
        scene: With instance labels, and with planes that were looked for.
        grid_size: Edge of a voxel in metres.
        domain: What the scene shows, if that is known.

    Raises:
        SceneError: If the scene has no instance labels or nobody looked for its planes.
    """
    if scene.instance_label is None:
        raise SceneError(f"{scene.id} has no instance labels; AP needs them.")
    if scene.is_plane is None:
        raise SceneError(f"{scene.id}: planes were not looked for; open it with open_scenes.")
    _, chosen, voxel = voxelize(scene.coord, grid_size, None)
    return LabelledCells(
        cells=CellCloud(
            coord=scene.coord[chosen],
            color=None if scene.color is None else scene.color[chosen] / 255,
            normal=None if scene.normal is None else scene.normal[chosen],
            is_plane=scene.is_plane[chosen],
            grid_size=grid_size,
            domain=domain,
        ),
        cell_of_point=voxel,
        instance_label=scene.instance_label.astype(np.int64),
    )
