"""What the numbers of a label file mean to a benchmark: classes, instances, segments, void.

N points of a scan, C classes of the benchmark.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.benchmark_names import Name
from pointins_engine.evaluate.instance_ap import (
    OBJECT,
    Proposals,
    TrueInstances,
    proposals_from_labels,
)
from pointins_engine.evaluate.label_files import LabelFile
from pointins_engine.evaluate.panoptic import Segments
from pointins_engine.scenes.datasets.nuscenes import benchmark_classes, class_lookup
from pointins_engine.scenes.datasets.scannet import instance_classes
from pointins_engine.scenes.readers.lidar import label_table

_THOUSAND = 1000  # ScanNet: class * 1000 + number; Panoptic nuScenes the same
_RAW = 1 << 16  # SemanticKITTI: the class in the low 16 bits


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """Classes of an evaluation, and how they are written in its files."""

    name: Name
    class_names: tuple[str, ...] = ("object",)
    is_thing: Bool[np.ndarray, " c"] = field(default_factory=lambda: np.ones(1, bool))
    index: Mapping[int, int] = field(default_factory=dict)  # raw class id -> class
    by_word: bool = True  # a segment of the truth is one whole word of the file, as officially

    @property
    def has_classes(self) -> bool:
        """Whether the truth names classes."""
        return self.name != "class-agnostic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """Ground truth of one scan."""

    instances: TrueInstances  # things only; the rest is void
    segments: Segments | None  # of the panoptic benchmarks


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """Prediction for one scan."""

    proposals: Proposals  # may overlap; class `OBJECT` where there is none
    label: Int[np.ndarray, " n"]  # the surest proposal of each point, -1 = none
    has_classes: bool
    segments: Segments | None  # where classes are predicted for every point


def told_by(truth: LabelFile) -> Name:
    """The benchmark whose files look like this one."""
    if truth.layout == "words":
        return "semantickitti"
    if truth.layout == "thousands":
        return "nuscenes"
    if truth.layout == "ids" and truth.path.suffix == ".txt":
        named = truth.value[truth.value != 0]
        classes = set(np.unique(named // _THOUSAND).tolist())
        if classes & set(instance_classes(20)) and min(classes) > 0 and max(classes) <= 40:
            return "scannet"
    return "class-agnostic"


def open_benchmark(name: Name, truth: LabelFile, *, by_word: bool = True) -> Benchmark:
    """The classes of a benchmark; SemanticKITTI's layout may bring its own `classes.json`.

    Args:
        name: Which one.
        truth: A file of the ground truth.
        by_word: False joins raw classes that are merged before segments are told apart.
    """
    if name in ("scannet", "scannet200"):
        named = instance_classes(20 if name == "scannet" else 200)
        names, index = tuple(named.values()), {raw: k for k, raw in enumerate(named)}
        is_thing = np.ones(len(names), bool)
    elif name == "semantickitti":
        table = label_table(truth.path.absolute().parent.parent.parent.parent)
        names, index = table.names, table.index
        is_thing = np.arange(len(names)) < table.num_things
    elif name == "nuscenes":
        table = benchmark_classes()
        names = table.names
        index = {raw: int(k) for raw, k in enumerate(class_lookup()) if k >= 0}
        is_thing = np.array([name in table.things for name in names])
    else:
        return Benchmark(name=name)
    return Benchmark(name=name, class_names=names, is_thing=is_thing, index=index, by_word=by_word)


def as_truth(file: LabelFile, benchmark: Benchmark, *, from_zero: bool = False) -> Truth:
    """Read a file as ground truth.

    Args:
        file: Any layout; a benchmark with classes asks for its own.
        benchmark: What the numbers mean.
        from_zero: 0 is an instance in a plain list of ids.

    Raises:
        SceneError: If the file is not of the benchmark's layout.
    """
    expected = {"semantickitti": "words", "nuscenes": "thousands"}.get(benchmark.name, "ids")
    if benchmark.has_classes and file.layout != expected:
        raise SceneError(
            f"{file.path}: no ground truth of {benchmark.name}; give its own file "
            f"({_FILES[benchmark.name]}), or --benchmark class-agnostic."
        )
    if file.layout in ("words", "thousands"):
        raw, number = _split(file)
        layout = benchmark
        if not benchmark.has_classes:
            layout = open_benchmark(told_by(file), file)
        label = _look_up(raw, layout.index)
        thing = (label >= 0) & (number > 0)
        thing &= layout.is_thing[np.maximum(label, 0)]
        id = file.value if layout.by_word else label * _RAW + number
        segments = Segments(semantic_label=label, id=id) if benchmark.has_classes else None
        instance = _renumbered(np.where(thing, id, -1))
        kept = label if benchmark.has_classes else np.zeros_like(label)
        return Truth(
            instances=TrueInstances(
                instance_label=instance, semantic_label=np.where(thing, kept, -1)
            ),
            segments=segments,
        )
    value, _ = _ids(file, from_zero=from_zero)
    label = np.where(value >= 0, OBJECT, -1)
    if benchmark.has_classes:
        label = _look_up(value // _THOUSAND, benchmark.index)
        value = np.where(label >= 0, value, -1)
    return Truth(
        instances=TrueInstances(instance_label=_renumbered(value), semantic_label=label),
        segments=None,
    )


def as_prediction(
    file: LabelFile, benchmark: Benchmark, num_points: int, *, from_zero: bool = False
) -> Prediction:
    """Read a file as prediction for a scan of `num_points` points.

    Raises:
        SceneError: If it is for another number of points, names classes that the benchmark does
            not know, or a score is missing or not a number.
    """
    if file.num_points not in (None, num_points):
        raise SceneError(
            f"{file.path}: {file.num_points:,} points, but the ground truth has {num_points:,}; "
            "both must name every point of the same scan, in the same order."
        )
    if file.layout == "masks":
        return _of_masks(file, benchmark, num_points)
    if file.layout in ("words", "thousands"):
        return _of_segments(file, benchmark)
    value, score = _ids(file, from_zero=from_zero)
    if score is None:
        value = _renumbered(value)
    elif value.max(initial=-1) >= len(score):
        raise SceneError(
            f"{file.path}: instance {value.max()} has no score, there are {len(score)}; write one "
            "an instance, in the order of the ids 0, 1, 2, ..."
        )
    return Prediction(
        proposals=proposals_from_labels(value, score), label=value, has_classes=False, segments=None
    )


def _of_masks(file: LabelFile, benchmark: Benchmark, num_points: int) -> Prediction:
    score = np.ones(len(file.masks)) if file.score is None else file.score
    label = np.full(num_points, -1)
    for k in np.argsort(score, kind="stable"):  # the surest comes last and stays
        label[file.masks[k]] = k
    has_classes = benchmark.name in ("scannet", "scannet200") and file.mask_class is not None
    semantic = np.full(len(file.masks), OBJECT)
    if has_classes and file.mask_class is not None:
        semantic = _look_up(file.mask_class, benchmark.index)
    return Prediction(
        proposals=Proposals(rows=file.masks, score=score, semantic_label=semantic),
        label=label,
        has_classes=has_classes,
        segments=None,
    )


def _of_segments(file: LabelFile, benchmark: Benchmark) -> Prediction:
    """Words of SemanticKITTI and of Panoptic nuScenes; every point has a class."""
    raw, number = _split(file)
    own = benchmark
    if not benchmark.has_classes or (file.layout == "words") != (benchmark.name == "semantickitti"):
        own = open_benchmark("semantickitti" if file.layout == "words" else "nuscenes", file)
    if own.name == "nuscenes":  # predictions hold classes 1..16 of the benchmark itself
        label = raw - 1
        if label.max(initial=-1) >= len(own.class_names):
            raise SceneError(
                f"{file.path}: class {raw.max()}; a prediction for nuScenes holds 1000 * class + "
                f"number with classes 1..{len(own.class_names)}, and 0 = none."
            )
    else:
        label = _look_up(raw, own.index)
    id = file.value if own.by_word else label * _RAW + number
    thing = (label >= 0) & (number > 0) & own.is_thing[np.maximum(label, 0)]
    instance = _renumbered(np.where(thing, id, -1))
    count = int(instance.max(initial=-1)) + 1
    semantic = np.full(count, OBJECT)
    has_classes = own is benchmark
    if has_classes:
        semantic[instance[thing]] = label[thing]
    return Prediction(
        proposals=proposals_from_labels(instance, semantic_label=semantic),
        label=instance,
        has_classes=has_classes,
        segments=Segments(semantic_label=label, id=id) if has_classes else None,
    )


def _ids(file: LabelFile, *, from_zero: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Instance of each point, below 0 = none, and the scores of the instances."""
    if file.layout == "masks":
        label = np.full(file.num_points or 0, -1)
        for k, rows in enumerate(file.masks):
            label[rows] = k
        return label, file.score
    value = file.value
    if file.layout == "ids" and zero_is_none(file, from_zero=from_zero):
        value = np.where(value == 0, -1, value)
    return value, file.score


def zero_is_none(file: LabelFile, *, from_zero: bool) -> bool:
    """Whether 0 in a plain list of ids means no instance: where nothing below 0 does."""
    return file.layout == "ids" and not from_zero and not (file.value < 0).any()


def _split(file: LabelFile) -> tuple[np.ndarray, np.ndarray]:
    """Raw class and number of the instance of each point."""
    value = file.value
    if file.layout == "words":
        return value % _RAW, value // _RAW
    if value.min(initial=0) < 0:
        raise SceneError(f"{file.path}: holds {value.min()}; 1000 * class + number is never < 0.")
    return value // _THOUSAND, value % _THOUSAND


def _look_up(raw: np.ndarray, index: Mapping[int, int]) -> np.ndarray:
    """Class of each raw id, -1 where it has none."""
    named, place = np.unique(raw, return_inverse=True)
    return np.array([index.get(int(key), -1) for key in named], np.int64)[place]


def _renumbered(value: np.ndarray) -> np.ndarray:
    """Ids 0, 1, 2, ... in the order of the given ones; below 0 = none."""
    number = np.full(len(value), -1, np.int64)
    held = value >= 0
    number[held] = np.unique(value[held], return_inverse=True)[1]
    return number


_FILES: dict[str, str] = {
    "scannet": ".txt or .npy with class * 1000 + number a point",
    "scannet200": ".txt or .npy with class * 1000 + number a point",
    "semantickitti": ".label",
    "nuscenes": "_panoptic.npz",
}
