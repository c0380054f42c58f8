"""Instances of one scan as files hold them, of this program and of others. N points.

What the numbers mean (classes, what is void) is for `benchmarks`; here they are only read.
"""

import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import read_scene
from pointins_engine.scenes.readers.arrays import parse_npy
from pointins_engine.scenes.readers.decimals import read_numbers
from pointins_engine.scenes.readers.lidar import file_values
from pointins_engine.scenes.readers.ply import read_ply_columns
from pointins_engine.scenes.readers.sanity import whole_numbers

Layout = Literal["instances", "ids", "words", "thousands", "masks"]
ENDINGS = (".label", ".npz", ".coco.json", ".ply", ".npy", ".txt")  # the first is preferred
_INSTANCE = ("instance", "instance_label")
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError,
    MemoryError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelFile:
    """What a file says of the instances of one scan.

    Layouts: `instances` with ids of their own and maybe classes or scores; `ids`, a plain list of
    numbers; `words` of SemanticKITTI (instance << 16 | raw class); `thousands` of Panoptic nuScenes
    (1000 * class + number); `masks` that may overlap.
    """

    path: Path
    layout: Layout
    value: Int[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0, np.int64))  # not masks
    score: Float[np.ndarray, " k"] | None = None  # of ids 0..K-1, or of the masks
    semantic_label: Int[np.ndarray, " n"] | None = None  # of `instances`; -1 = none
    class_names: tuple[str, ...] = ()  # behind semantic_label
    masks: tuple[Int[np.ndarray, " _"], ...] = ()  # points of each
    mask_class: Int[np.ndarray, " k"] | None = None  # raw class id of each mask
    num_points: int | None = None  # None: masks of a scan in which nothing was found


def read_labels(path: Path) -> LabelFile:
    """Read one file of instances.

    .label, .npz (ours, a scan's, or Panoptic nuScenes' `data`), .ply with `instance`, .coco.json,
    .npy and .txt of ids, ScanNet's .txt with a line a mask, or any scan that holds instances.

    Raises:
        SceneError: If the file is missing, damaged or holds no instances; names it and the fix.
    """
    if not path.is_file():
        raise SceneError(f"{path}: no such file; give a file of instances, or a folder of them.")
    name = path.name.lower()
    try:
        if name.endswith(".label"):
            return _words(path)
        if name.endswith(".npz"):
            return _archive(path)
        if name.endswith(".json"):
            return _coco(path)
        if name.endswith(".ply"):
            return _ply(path)
        if name.endswith(".npy"):
            return _ids(path, parse_npy(path.read_bytes(), str(path)))
        if name.endswith(".txt"):
            return _text(path)
        return _scan(path)
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror or error}.") from error


def _words(path: Path) -> LabelFile:
    packed = file_values(path, "u1")
    if len(packed) % 4:
        raise SceneError(
            f"{path}: {len(packed):,} bytes are no whole number of labels of 4 bytes; copy the "
            "file again."
        )
    value = packed.view("<u4").astype(np.int64)
    return LabelFile(path=path, layout="words", value=value, num_points=len(value))


def _archive(path: Path) -> LabelFile:
    try:
        with zipfile.ZipFile(path):  # np.load would open other files too
            archive = np.load(path, allow_pickle=False)
        with archive:
            names = set(archive.files)
            wanted = {"data", "score", *_INSTANCE} & names
            arrays = {name: archive[name] for name in wanted}
        score = arrays["score"].astype(np.float64).ravel() if "score" in arrays else None
    except _DAMAGED as error:
        raise SceneError(
            f"{path}: not an NPZ archive, or a damaged one ({str(error)[:200]})."
        ) from error
    instance = next((arrays[name] for name in _INSTANCE if name in arrays), None)
    if instance is None and "data" in arrays:
        value = _column(path, arrays["data"], "data")
        return LabelFile(path=path, layout="thousands", value=value, num_points=len(value))
    if instance is None:
        raise SceneError(
            f"{path}: holds {', '.join(sorted(names))[:200] or 'nothing'}; an array `instance` "
            "(ours), `instance_label`, or `data` (Panoptic nuScenes) is needed."
        )
    value = _column(path, instance, "instance")
    return LabelFile(
        path=path,
        layout="instances",
        value=value,
        score=score,
        num_points=len(value),
    )


def _ply(path: Path) -> LabelFile:
    columns, first = read_ply_columns(path)
    if "instance" not in columns or "score" not in columns:
        return _scan(path)
    value = whole_numbers(columns["instance"], "instance ids", path)
    value = np.where(value >= first, value, -1)
    held = value >= 0
    named, number = np.unique(value[held], return_inverse=True)
    value[held] = number
    score = np.zeros(len(named))
    score[number] = columns["score"][held]
    return LabelFile(path=path, layout="instances", value=value, score=score, num_points=len(value))


def _coco(path: Path) -> LabelFile:
    if not path.name.lower().endswith(".coco.json"):
        for ending in (".npz", ".coco.json", ".ply"):
            beside = path.with_name(path.name.removesuffix(".json") + ending)
            if beside.is_file():
                return read_labels(beside)
    try:
        record: Any = json.loads(path.read_bytes())
        found = record["annotations"]
        sizes = {int(size) for row in found for size in row["segmentation"]["size"]}
        sizes |= {int(image["width"]) * int(image["height"]) for image in record["images"]}
        masks = tuple(_points(**row["segmentation"]) for row in found)
        score = np.array([row["score"] for row in found], np.float64)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SceneError(
            f"{path}: no masks over points in it; give the .npz, .ply or .coco.json that was "
            "written with it."
        ) from error
    if len(sizes) != 1:
        raise SceneError(f"{path}: masks over {len(sizes)} scans; one scan a file is expected.")
    return LabelFile(path=path, layout="masks", masks=masks, score=score, num_points=sizes.pop())


def _points(size: list[int], counts: list[int]) -> Int[np.ndarray, " p"]:
    """Points within a mask, of run lengths that begin outside."""
    lengths = np.asarray(counts, np.int64)
    ends = np.cumsum(lengths)
    if lengths.min(initial=0) < 0 or ends.max(initial=0) > np.prod(size):
        raise ValueError(counts)
    runs = [np.arange(a, b) for a, b in zip(ends[0::2], ends[1::2], strict=False)]
    return np.concatenate([np.zeros(0, np.int64), *runs])


def _text(path: Path) -> LabelFile:
    data = path.read_bytes()
    words = data.lstrip().split(b"\n", 1)[0].split()
    if not words or len(words) == 3:
        return _mask_list(path, data.decode("utf-8", "replace").splitlines())
    values = read_numbers(data, 0, len(data), path)
    return _ids(path, values)


def _mask_list(path: Path, lines: list[str]) -> LabelFile:
    """ScanNet's list of predictions: file of the mask, class, score; a mask has a line a point."""
    masks, classes, scores = [], [], []
    sizes: dict[int, Path] = {}
    folder = path.parent.resolve()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        try:
            name, label, score = words
            label, score = int(float(label)), float(score)
        except (ValueError, OverflowError) as error:
            raise SceneError(
                f"{path}: line {number} reads {line[:60]!r}; `file-of-the-mask class score` is "
                "expected."
            ) from error
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            raise SceneError(f"{path}: line {number} names a mask outside its folder; move it in.")
        if not file.is_file():
            raise SceneError(f"{path}: line {number} names {name[:200]}, which is not there.")
        mask = read_numbers(content := file.read_bytes(), 0, len(content), file)
        sizes[len(mask)] = file
        masks.append(np.flatnonzero(mask))
        classes.append(label)
        scores.append(score)
    if len(sizes) > 1:
        (a, first), (b, second) = list(sizes.items())[:2]
        raise SceneError(
            f"{path}: {first.name} has {a:,} lines and {second.name} {b:,}; every mask needs a "
            "line for every point."
        )
    return LabelFile(
        path=path,
        layout="masks",
        masks=tuple(masks),
        score=np.array(scores, np.float64),
        mask_class=np.array(classes, np.int64),
        num_points=next(iter(sizes), None),
    )


def _ids(path: Path, values: np.ndarray) -> LabelFile:
    value = _column(path, values, "ids")
    return LabelFile(path=path, layout="ids", value=value, num_points=len(value))


def _scan(path: Path) -> LabelFile:
    """Any scan with instances; its coordinates do not matter."""
    scene = read_scene(path, units="m", up="z", is_strict=False)
    if scene.instance_label is None:
        raise SceneError(f"{path}: the scan holds no instances; a column `instance` is needed.")
    return LabelFile(
        path=path,
        layout="instances",
        value=scene.instance_label.astype(np.int64),
        semantic_label=scene.semantic_label if scene.class_names else None,
        class_names=scene.class_names,
        num_points=len(scene),
    )


def _column(path: Path, values: np.ndarray, what: str) -> np.ndarray:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "fiub":
        raise SceneError(
            f"{path}: {what} of type {values.dtype} and shape {values.shape}; one whole number a "
            "point is expected."
        )
    return whole_numbers(values, what, path)
