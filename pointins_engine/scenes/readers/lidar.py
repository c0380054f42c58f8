"""LiDAR sweeps as datasets store them: KITTI / SemanticKITTI `.bin`, nuScenes `.pcd.bin`."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.raw import RawScan

RAW_IDS = 1 << 16  # a label holds the class in its low and the instance in its high 16 bits
KITTI_CLASSES = (
    "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist",
    "motorcyclist", "road", "parking", "sidewalk", "other-ground", "building", "fence",
    "vegetation", "trunk", "terrain", "pole", "traffic-sign",
)  # fmt: skip
KITTI_THINGS = 8  # the first eight are countable

# Raw id of a .label file -> index above, as SemanticKITTI's own configuration merges them; ids of
# moving objects (252 and up) join the class of their kind. Everything else is -1.
_KITTI_MAP = {
    10: 0, 11: 1, 13: 4, 15: 2, 16: 4, 18: 3, 20: 4, 30: 5, 31: 6, 32: 7, 40: 8, 44: 9, 48: 10,
    49: 11, 50: 12, 51: 13, 60: 8, 70: 14, 71: 15, 72: 16, 80: 17, 81: 18, 252: 0, 253: 6, 254: 5,
    255: 7, 256: 4, 257: 4, 258: 3, 259: 4,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelTable:
    """How the raw class ids of `.label` files become class indices."""

    names: tuple[str, ...]
    index: dict[int, int]  # raw id -> index into names; other ids are unlabelled
    num_things: int  # the first classes, whose objects have instance ids


def read_kitti(path: Path) -> RawScan:
    """Little-endian float32 rows x y z remission, with ../labels/<name>.label if it is there.

    The instance of a point is `raw class id * 65,536 + instance id`: the whole label, as the
    official evaluation compares it. The same instance id stands for another object where the raw
    class is another one, also where both are persons and only one of them moves.

    Raises:
        SceneError: If the size is not a whole number of points or the labels are of another length.
    """
    table = _floats(path, 4)
    semantic = instance = names = None
    label_path = label_file(path)
    if path.parent.name == "velodyne" and label_path.is_file():
        packed = file_values(label_path, "u1")
        if len(packed) != 4 * len(table):
            raise SceneError(
                f"{label_path}: {len(packed) / 4:,.10g} labels for the {len(table):,} points of "
                f"{path}; both must come from the same sweep."
            )
        labels = label_table(path.absolute().parent.parent.parent.parent)
        semantic, instance = _labels(packed.view("<u4"), labels)
        names = labels.names
    return RawScan(
        coord=table[:, :3],
        intensity=table[:, 3],
        semantic=semantic,
        instance=instance,
        class_names=names,
        metres_per_unit=1.0,
        up="z",
    )


def label_file(path: Path) -> Path:
    """Where the labels of a sweep lie if it has any."""
    return path.parent.parent / "labels" / f"{path.name.removesuffix('.bin')}.label"


def label_table(root: Path) -> LabelTable:
    """The classes of the dataset whose `sequences/` lie in `root`.

    A `classes.json` there (raw id -> name) replaces SemanticKITTI's classes for datasets that
    borrow its layout; which of their classes are countable is then told by their instance ids.

    Raises:
        SceneError: If `classes.json` is no such object.
    """
    own = root / "classes.json"
    if not own.is_file():
        return LabelTable(names=KITTI_CLASSES, index=_KITTI_MAP, num_things=KITTI_THINGS)
    try:
        table = {int(raw_id): str(name) for raw_id, name in json.loads(own.read_bytes()).items()}
    except (ValueError, AttributeError) as error:
        raise SceneError(f"{own}: expected a JSON object of raw class id -> name.") from error
    ids = sorted(raw_id for raw_id in table if 0 <= raw_id < RAW_IDS)
    return LabelTable(
        names=tuple(table[raw_id] for raw_id in ids),
        index={raw_id: index for index, raw_id in enumerate(ids)},
        num_things=len(ids),
    )


def read_nuscenes(path: Path) -> RawScan:
    """Little-endian float32 rows x y z intensity (0..255) ring."""
    table = _floats(path, 5)
    intensity = np.clip(table[:, 3] / 255, 0, 1)
    return RawScan(coord=table[:, :3], intensity=intensity, metres_per_unit=1.0, up="z")


def file_values(path: Path, dtype: str) -> np.ndarray:
    """All values of a file of one type.

    Raises:
        SceneError: If the file cannot be read; names it and the reason.
    """
    try:
        return np.fromfile(path, dtype)
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror or error}.") from error


def _floats(path: Path, width: int) -> np.ndarray:
    data = file_values(path, "u1")
    size = len(data)
    if size % (4 * width):
        other = 9 - width
        hint = f" It would fit {other} values a point." if size % (4 * other) == 0 else ""
        raise SceneError(
            f"{path}: {size:,} bytes are no whole number of points of {width} float32 values.{hint}"
        )
    return data.view("<f4").reshape(-1, width)


def _labels(raw: np.ndarray, table: LabelTable) -> tuple[np.ndarray, np.ndarray]:
    """Class index and instance of each point, -1 = none."""
    lookup = np.full(RAW_IDS, -1, np.int32)
    for raw_id, index in table.index.items():
        lookup[raw_id] = index
    raw_class, number = (raw & 0xFFFF).astype(np.int32), (raw >> 16).astype(np.int32)
    semantic = lookup[raw_class]
    has_instance = (number > 0) & (semantic >= 0) & (semantic < table.num_things)
    # A raw class of 2^15 and more, which no dataset has, would turn the sum negative.
    instance = np.where(raw_class < 1 << 15, raw_class, semantic) * np.int32(RAW_IDS) + number
    return semantic, np.where(has_instance, instance, np.int32(-1))
