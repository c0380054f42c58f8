"""LiDAR sweeps as datasets store them: KITTI / SemanticKITTI `.bin`, nuScenes `.pcd.bin`."""

import json
from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.raw import RawScan

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


def read_kitti(path: Path) -> RawScan:
    """Little-endian float32 rows x y z remission, with ../labels/<name>.label if it is there.

    A `classes.json` beside `sequences/` (raw id -> name) replaces SemanticKITTI's classes for
    datasets that borrow its layout.

    Raises:
        SceneError: If the size is not a whole number of points or the labels are of another length.
    """
    table = _floats(path, 4)
    semantic = instance = names = None
    label_path = path.parent.parent / "labels" / f"{path.name.removesuffix('.bin')}.label"
    if path.parent.name == "velodyne" and label_path.is_file():
        raw = np.fromfile(label_path, "<u4")
        if len(raw) != len(table):
            raise SceneError(
                f"{label_path}: {len(raw):,} labels for the {len(table):,} points of {path}; "
                "both must come from the same sweep."
            )
        semantic, instance, names = _labels(raw, path)
    return RawScan(
        coord=table[:, :3],
        intensity=table[:, 3],
        semantic=semantic,
        instance=instance,
        class_names=names,
    )


def read_nuscenes(path: Path) -> RawScan:
    """Little-endian float32 rows x y z intensity (0..255) ring."""
    table = _floats(path, 5)
    return RawScan(coord=table[:, :3], intensity=np.clip(table[:, 3] / 255, 0, 1))


def _floats(path: Path, width: int) -> np.ndarray:
    size = path.stat().st_size
    if size % (4 * width):
        other = 9 - width
        hint = f" It would fit {other} values a point." if size % (4 * other) == 0 else ""
        raise SceneError(
            f"{path}: {size:,} bytes are no whole number of points of {width} float32 values.{hint}"
        )
    return np.fromfile(path, "<f4").reshape(-1, width)


def _labels(raw: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Class index, instance (-1 = none; unique over classes) and class names."""
    raw_class, raw_instance = (raw & 0xFFFF).astype(np.int64), (raw >> 16).astype(np.int64)
    names, lookup, countable = _classes(path)
    table = np.full(1 << 16, -1, np.int64)
    for raw_id, index in lookup.items():
        table[raw_id] = index
    semantic = table[raw_class]
    has_instance = (raw_instance > 0) & (semantic >= 0) & (semantic < countable)
    instance = np.full(len(raw), -1, np.int64)
    keys = semantic[has_instance] * (1 << 16) + raw_instance[has_instance]
    instance[has_instance] = np.unique(keys, return_inverse=True)[1]
    return semantic.astype(np.int32), instance.astype(np.int32), names


def _classes(path: Path) -> tuple[tuple[str, ...], dict[int, int], int]:
    """Names, raw id -> index, and how many of the first classes may have instances."""
    root = path.parents[3] if len(path.parents) > 3 else path.parent
    own = root / "classes.json"
    if path.parents[2].name != "sequences" or not own.is_file():
        return KITTI_CLASSES, _KITTI_MAP, KITTI_THINGS
    try:
        table = {int(raw_id): str(name) for raw_id, name in json.loads(own.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise SceneError(f"{own}: expected a JSON object of raw class id -> name.") from error
    lookup = {raw_id: index for index, raw_id in enumerate(sorted(table)) if 0 <= raw_id < 1 << 16}
    return tuple(table[raw_id] for raw_id in lookup), lookup, len(lookup)
