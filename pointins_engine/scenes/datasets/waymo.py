"""Waymo Open Dataset in Pointcept's layout: `<split>/segment-.../<timestamp>/*.npy`.

The dataset's own .tfrecord files need TensorFlow to be read; Pointcept's preprocessing turns the
frames with segmentation labels into arrays.

Source:
    Sun et al., "Scalability in Perception for Autonomous Driving: Waymo Open Dataset", CVPR 2020,
    with the 22 classes of its 3D semantic segmentation labels without TYPE_UNDEFINED. Strength is
    tanh(intensity), so it lies in 0..1. There are no instance labels.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, SceneEntry
from pointins_engine.scenes.datasets.pointcept import PointceptFolder, load_array

_CLASSES = (
    "car", "truck", "bus", "other vehicle", "motorcyclist", "bicyclist", "pedestrian", "sign",
    "traffic light", "pole", "construction cone", "bicycle", "motorcycle", "building",
    "vegetation", "tree trunk", "curb", "road", "lane marker", "other ground", "walkable",
    "sidewalk",
)  # fmt: skip


class Waymo(PointceptFolder):
    """Frames of all five LiDARs, both returns."""

    name = "waymo"
    title = "Waymo Open Dataset, Pointcept layout"
    licence = "Waymo Dataset License Agreement for Non-Commercial Use; cite Sun et al., CVPR 2020"
    looked_for = "<training|validation|testing>/segment-*/<timestamp>/coord.npy"
    levels = ("training|validation|testing", r"segment-.+", r"\d+")
    segments = ("segment",)
    table = ClassTable(names=_CLASSES)

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        found = super().recognise(root)
        if found is not None:
            return found
        folders = (root, *(root / split for split in cls.levels[0].split("|")))
        if any(next(folder.glob("*.tfrecord"), None) for folder in folders):
            raise SceneError(
                f"{root} holds Waymo's .tfrecord files, which only TensorFlow reads. Turn them "
                "into arrays with Pointcept's preprocessing (pointcept/datasets/preprocessing/"
                "waymo) and give the folder that it writes."
            )
        return None

    def group_of(self, entry: SceneEntry) -> str:
        return entry.path.parent.name

    def pose(self, entry: SceneEntry) -> Float64[np.ndarray, "4 4"] | None:
        """Matrix from the vehicle's frame to the segment's world, metres; None without pose.npy.

        Raises:
            SceneError: If pose.npy is no 4x4 matrix.
        """
        path = entry.path / "pose.npy"
        if not path.is_file():
            return None
        matrix = load_array(path)
        if matrix.shape != (4, 4):
            raise SceneError(f"{path}: shape {matrix.shape}, expected (4, 4); prepare it again.")
        return matrix.astype(np.float64)
