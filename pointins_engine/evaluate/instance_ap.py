"""Average precision of instances as ScanNet's benchmark defines it, with classes or without.

N points of a scene, M proposals, G true instances, C classes. NumPy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.matching import ClassOverlaps, precision_and_recall
from pointins_engine.evaluate.numbering import numbered

STRICT_OVERLAPS = tuple(round(0.5 + 0.05 * k, 2) for k in range(9))  # 0.95 is not among them
LAST_OVERLAP = 0.95  # papers write it, the benchmark's range ends before it
LOOSE_OVERLAP = 0.25
MIN_REGION = 100  # points (ScanNet: vertices of a mesh)
OBJECT = 0  # the one class of a class-agnostic evaluation


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposals:
    """Proposed instances of one scene, in the order in which they are matched."""

    rows: Sequence[Int[np.ndarray, " _"]]  # points of each, every point once; they may overlap
    score: Float[np.ndarray, " m"]  # the larger the surer
    semantic_label: Int[np.ndarray, " m"]  # class of each


@dataclass(frozen=True, kw_only=True, slots=True)
class TrueInstances:
    """Ground truth of one scene."""

    instance_label: Int[np.ndarray, " n"]  # -1 = none
    semantic_label: Int[np.ndarray, " n"]  # -1 = ignore


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceAp:
    """Average precision over pooled scenes; classes without a true instance are NaN."""

    ap: float  # mean over classes of the mean over the strict overlaps
    ap50: float
    ap25: float
    recall50: float  # share of the true instances that are found, mean over classes
    recall25: float
    per_class: Float[np.ndarray, "c t"]  # AP; first column: overlap 0.5, last column: 0.25

    def figures(self) -> dict[str, float]:
        """The three averages by name."""
        return {"ap": self.ap, "ap50": self.ap50, "ap25": self.ap25}


def proposals_from_labels(
    label: Int[np.ndarray, " n"],
    score: Float[np.ndarray, " m"] | None = None,
    semantic_label: Int[np.ndarray, " m"] | None = None,
) -> Proposals:
    """Proposals that do not overlap, from one number a point.

    Args:
        label: Proposal of each point, 0..M-1; -1 = none.
        score: Score of each proposal; 1 for all if None.
        semantic_label: Class of each proposal; `OBJECT` for all if None.
    """
    count = int(label.max(initial=-1)) + 1 if score is None else len(score)
    order = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[order], np.arange(count + 1))
    return Proposals(
        rows=[order[ends[k] : ends[k + 1]] for k in range(count)],
        score=np.ones(count) if score is None else score.astype(np.float64),
        semantic_label=np.full(count, OBJECT) if semantic_label is None else semantic_label,
    )


def instance_ap_class_agnostic(
    proposals: Sequence[Proposals],
    instance_label: Sequence[Int[np.ndarray, " _"]],
    min_region: int = MIN_REGION,
    *,
    include_095: bool = False,
) -> InstanceAp:
    """`instance_ap` with one class: what is an object is one, and the rest is void.

    Args:
        proposals: One record a scene; their classes are not looked at.
        instance_label: True instance of each point, -1 = void (floor, walls, unlabelled).
        min_region: Points that a proposal or a true instance needs to count.
        include_095: Take the overlap 0.95 into the mean too.
    """
    merged = [
        Proposals(rows=p.rows, score=p.score, semantic_label=np.full(len(p.score), OBJECT))
        for p in proposals
    ]
    truths = [
        TrueInstances(instance_label=label, semantic_label=np.where(label >= 0, OBJECT, -1))
        for label in instance_label
    ]
    return instance_ap(merged, truths, (OBJECT,), min_region, include_095=include_095)


def instance_ap(
    proposals: Sequence[Proposals],
    truths: Sequence[TrueInstances],
    classes: Sequence[int],
    min_region: int = MIN_REGION,
    *,
    include_095: bool = False,
) -> InstanceAp:
    """ScanNet's instance AP: scenes are pooled, classes averaged without weight.

    One score for all proposals makes the curve two points, and AP = recall (1 + precision) / 2:
    ties flatter. Say which score a figure was made with.

    Args:
        proposals: One record a scene.
        truths: One record a scene, in the same order.
        classes: Classes that count. Points of any other class, and points without an instance,
            are void: a proposal that lies mostly on void is no false positive.
        min_region: Smaller proposals are dropped; smaller true instances are neither asked for
            nor held against whoever finds them.
        include_095: Take the overlap 0.95 into the mean too, which the benchmark does not.

    Returns:
        NaN where no scene holds a true instance.

    Raises:
        SceneError: If the scenes do not pair up, a proposal names a point that is not there, or a
            score is not a number.

    Source:
        ScanNet benchmark, 3D semantic instance evaluation. Overlaps .50, .55, ..., .90 (the
        papers write 95 %, the benchmark's own range ends before it) and .25; a match is an IoU
        strictly above. True instances choose in the order of their ids, each the first free
        proposal of its class that overlaps enough; a second one for the same instance counts as
        a false positive with the lower of the two scores. Departures: points of a counted class
        without an instance are void; the benchmark's files cannot say so. Where a class has
        proposals and all of them lie on void, AP is 0; the benchmark's script stops there.
    """
    check_scenes(proposals, truths)
    scenes = [
        overlaps_by_class(p, t, classes, min_region) for p, t in zip(proposals, truths, strict=True)
    ]
    return ap_over_scenes(scenes, len(classes), min_region, include_095=include_095)


def ap_over_scenes(
    scenes: Sequence[Sequence[ClassOverlaps]],
    num_classes: int,
    min_region: int = MIN_REGION,
    *,
    include_095: bool = False,
) -> InstanceAp:
    """`instance_ap` from what `overlaps_by_class` counted, a record a scene and class."""
    strict = (*STRICT_OVERLAPS, LAST_OVERLAP) if include_095 else STRICT_OVERLAPS
    overlaps = (*strict, LOOSE_OVERLAP)
    per_class = np.zeros((num_classes, len(overlaps)))
    recall = np.zeros_like(per_class)
    for c in range(num_classes):
        of_class = [scene[c] for scene in scenes]
        per_class[c], recall[c] = precision_and_recall(of_class, overlaps, min_region)
    return InstanceAp(
        ap=mean_of_known(per_class[:, :-1]),
        ap50=mean_of_known(per_class[:, 0]),
        ap25=mean_of_known(per_class[:, -1]),
        recall50=mean_of_known(recall[:, 0]),
        recall25=mean_of_known(recall[:, -1]),
        per_class=per_class,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneOverlaps:
    """Proposals of one scene that are large enough, against its true instances of any class."""

    kept: Int[np.ndarray, " m"]  # which of the proposals these are
    size: Int[np.ndarray, " m"]  # points
    void: Int[np.ndarray, " m"]  # points on void
    true_class: Int[np.ndarray, " g"]  # rising; ids rise within a class
    true_size: Int[np.ndarray, " g"]  # points
    shared: Int[np.ndarray, "g m"]  # points

    @property
    def iou(self) -> Float[np.ndarray, "g m"]:
        """Intersection over union of every pair."""
        return self.shared / (self.true_size[:, None] + self.size - self.shared)


def scene_overlaps(
    proposals: Proposals, truth: TrueInstances, classes: Sequence[int], min_region: int
) -> SceneOverlaps:
    """Count the points that proposals of at least `min_region` points share with the truth.

    Raises:
        SceneError: If the record of proposals does not hold together, or names a point that is
            not there.
    """
    _check(proposals)
    counted = (truth.instance_label >= 0) & np.isin(truth.semantic_label, classes)
    width = int(truth.instance_label.max(initial=0)) + 1
    key = truth.semantic_label[counted].astype(np.int64) * width + truth.instance_label[counted]
    named, number = numbered(key)  # ascending class, then id
    true_number = np.zeros(len(counted), np.int64)  # 0 = void
    true_number[counted] = number + 1
    true_size = np.bincount(true_number, minlength=len(named) + 1)
    kept = [k for k, rows in enumerate(proposals.rows) if len(rows) >= max(min_region, 1)]
    shared = np.zeros((len(named) + 1, len(kept)), np.int64)
    for column, k in enumerate(kept):
        rows = proposals.rows[k]
        if rows.min() < 0 or rows.max() >= len(true_number):
            raise SceneError(
                f"proposal {k} names point {rows.max() if rows.min() >= 0 else rows.min()} of a "
                f"scene with {len(true_number)} points; rows of the scene are expected."
            )
        shared[:, column] = np.bincount(true_number[rows], minlength=len(named) + 1)
    return SceneOverlaps(
        kept=np.array(kept, np.int64),
        size=shared.sum(axis=0),
        void=shared[0],
        true_class=named // width,
        true_size=true_size[1:],
        shared=shared[1:],
    )


def overlaps_by_class(
    proposals: Proposals, truth: TrueInstances, classes: Sequence[int], min_region: int
) -> list[ClassOverlaps]:
    """What AP needs to know of a scene: one record a class.

    Raises:
        SceneError: As `scene_overlaps`.
    """
    return split_by_class(scene_overlaps(proposals, truth, classes, min_region), proposals, classes)


def split_by_class(
    scene: SceneOverlaps, proposals: Proposals, classes: Sequence[int]
) -> list[ClassOverlaps]:
    """One record a class: its proposals against its true instances."""
    records = []
    for label in classes:
        mine = np.flatnonzero(proposals.semantic_label[scene.kept] == label)
        theirs = np.flatnonzero(scene.true_class == label)
        records.append(
            ClassOverlaps(
                score=proposals.score[scene.kept][mine],
                size=scene.size[mine],
                void=scene.void[mine],
                true_size=scene.true_size[theirs],
                shared=scene.shared[np.ix_(theirs, mine)],
            )
        )
    return records


def check_scenes(proposals: Sequence[Proposals], truths: Sequence[TrueInstances]) -> None:
    """Raises SceneError unless there is one record of either kind a scene."""
    if len(proposals) != len(truths):
        raise SceneError(
            f"proposals of {len(proposals)} scenes, but ground truth of {len(truths)}; give one "
            "record a scene, in the same order."
        )


def mean_of_known(values: Float[np.ndarray, "..."]) -> float:
    """Mean over what is there; NaN if nothing is."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")


def _check(proposals: Proposals) -> None:
    counts = {len(proposals.rows), len(proposals.score), len(proposals.semantic_label)}
    if len(counts) != 1:
        raise SceneError(
            f"{len(proposals.rows)} proposals with {len(proposals.score)} scores and "
            f"{len(proposals.semantic_label)} classes; give one score and one class a proposal."
        )
    bad = np.flatnonzero(~np.isfinite(proposals.score))
    if len(bad):
        raise SceneError(
            f"the score of proposal {bad[0]} is {proposals.score[bad[0]]}; scores are finite "
            "numbers, the larger the surer."
        )
