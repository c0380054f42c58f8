"""Average precision of instances as ScanNet's benchmark defines it, with classes or without.

N points of a scene, M proposals, G true instances, C classes. NumPy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from pointins_engine.errors import SceneError

STRICT_OVERLAPS = tuple(round(0.5 + 0.05 * k, 2) for k in range(9))  # 0.95 is not among them
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

    ap: float  # mean over classes of the mean over the nine strict overlaps
    ap50: float
    ap25: float
    per_class: Float[np.ndarray, "c t"]  # last column: overlap 0.25

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
) -> InstanceAp:
    """`instance_ap` with one class: what is an object is one, and the rest is void.

    Args:
        proposals: One record a scene; their classes are not looked at.
        instance_label: True instance of each point, -1 = void (floor, walls, unlabelled).
        min_region: Points that a proposal or a true instance needs to count.
    """
    merged = [
        Proposals(rows=p.rows, score=p.score, semantic_label=np.full(len(p.score), OBJECT))
        for p in proposals
    ]
    truths = [
        TrueInstances(instance_label=label, semantic_label=np.where(label >= 0, OBJECT, -1))
        for label in instance_label
    ]
    return instance_ap(merged, truths, (OBJECT,), min_region)


def instance_ap(
    proposals: Sequence[Proposals],
    truths: Sequence[TrueInstances],
    classes: Sequence[int],
    min_region: int = MIN_REGION,
) -> InstanceAp:
    """ScanNet's instance AP: scenes are pooled, classes averaged without weight.

    Args:
        proposals: One record a scene.
        truths: One record a scene, in the same order.
        classes: Classes that count. Points of any other class, and points without an instance,
            are void: a proposal that lies mostly on void is no false positive.
        min_region: Smaller proposals are dropped; smaller true instances are neither asked for
            nor held against whoever finds them.

    Returns:
        NaN where no scene holds a true instance.

    Raises:
        SceneError: If the scenes do not pair up, or a proposal names a point that is not there.

    Source:
        ScanNet benchmark, 3D semantic instance evaluation. Overlaps .50, .55, ..., .90 (the
        papers write 95 %, the benchmark's own range ends before it) and .25; a match is an IoU
        strictly above. True instances choose in the order of their ids, each the first free
        proposal of its class that overlaps enough; a second one for the same instance counts as
        a false positive with the lower of the two scores. Departure: points of a counted class
        without an instance are void; the benchmark's files cannot say so.
    """
    if len(proposals) != len(truths):
        raise SceneError(
            f"proposals of {len(proposals)} scenes, but ground truth of {len(truths)}; give one "
            "record a scene, in the same order."
        )
    scenes = [_overlaps(p, t, classes, min_region) for p, t in zip(proposals, truths, strict=True)]
    overlaps = (*STRICT_OVERLAPS, LOOSE_OVERLAP)
    per_class = np.array(
        [
            [_average_precision([scene[c] for scene in scenes], t, min_region) for t in overlaps]
            for c in range(len(classes))
        ]
    )
    return InstanceAp(
        ap=_mean(per_class[:, :-1]),
        ap50=_mean(per_class[:, 0]),
        ap25=_mean(per_class[:, -1]),
        per_class=per_class,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Overlaps:
    """Proposals of one class in one scene against the true instances of that class."""

    score: np.ndarray  # (M,)
    size: np.ndarray  # (M,) points
    void: np.ndarray  # (M,) points on void
    true_size: np.ndarray  # (G,) points
    shared: np.ndarray  # (G, M) points

    @property
    def iou(self) -> np.ndarray:
        return self.shared / (self.true_size[:, None] + self.size - self.shared)


def _overlaps(
    proposals: Proposals, truth: TrueInstances, classes: Sequence[int], min_region: int
) -> list[_Overlaps]:
    """One record a class."""
    counted = (truth.instance_label >= 0) & np.isin(truth.semantic_label, classes)
    width = int(truth.instance_label.max(initial=0)) + 1
    key = truth.semantic_label[counted].astype(np.int64) * width + truth.instance_label[counted]
    named, number = np.unique(key, return_inverse=True)  # ascending class, then id
    true_number = np.zeros(len(counted), np.int64)  # 0 = void
    true_number[counted] = number + 1
    true_size = np.bincount(true_number, minlength=len(named) + 1)
    kept = [k for k, rows in enumerate(proposals.rows) if len(rows) >= min_region]
    shared = np.zeros((len(named) + 1, len(kept)), np.int64)
    for column, k in enumerate(kept):
        rows = proposals.rows[k]
        if rows.min() < 0 or rows.max() >= len(true_number):
            raise SceneError(
                f"proposal {k} names point {rows.max() if rows.min() >= 0 else rows.min()} of a "
                f"scene with {len(true_number)} points; rows of the scene are expected."
            )
        shared[:, column] = np.bincount(true_number[rows], minlength=len(named) + 1)
    records = []
    for label in classes:
        mine = np.flatnonzero(proposals.semantic_label[kept] == label)
        theirs = np.flatnonzero(named // width == label) + 1
        records.append(
            _Overlaps(
                score=proposals.score[kept][mine],
                size=np.array([len(proposals.rows[kept[k]]) for k in mine], np.int64),
                void=shared[0, mine],
                true_size=true_size[theirs],
                shared=shared[np.ix_(theirs, mine)],
            )
        )
    return records


def _average_precision(scenes: list[_Overlaps], overlap: float, min_region: int) -> float:
    if not any((scene.true_size >= min_region).any() for scene in scenes):
        return float("nan")
    parts = [_count(scene, overlap, min_region) for scene in scenes]
    is_true = np.concatenate([part[0] for part in parts])
    score = np.concatenate([part[1] for part in parts])
    if len(score) == 0:
        return 0.0
    return _area(is_true, score, sum(part[2] for part in parts))


def _count(scene: _Overlaps, overlap: float, min_region: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Whether each counted proposal is right, its score, and how many instances nobody found."""
    hit = scene.iou > overlap
    is_small = scene.true_size < min_region
    used = np.zeros(len(scene.score), bool)
    right: list[float] = []
    wrong: list[float] = []
    missed = 0
    for row in np.flatnonzero(~is_small):
        best: float | None = None
        for k in np.flatnonzero(hit[row] & ~used):
            score = float(scene.score[k])
            if best is None:
                best = score
                used[k] = True  # a second hit stays free for other instances, as in the benchmark
            else:
                best, worse = max(best, score), min(best, score)
                wrong.append(worse)
        if best is None:
            missed += 1
        else:
            right.append(best)
    ignorable = (scene.void + scene.shared[is_small].sum(axis=0)) / np.maximum(scene.size, 1)
    stray = ~hit.any(axis=0) & (ignorable <= overlap)
    is_true = np.r_[np.ones(len(right)), np.zeros(len(wrong) + int(stray.sum()))]
    return is_true, np.r_[right, wrong, scene.score[stray]], missed


def _area(is_true: np.ndarray, score: np.ndarray, missed: int) -> float:
    """Area under the precision-recall curve: precision times half the recall either side."""
    order = np.argsort(score)
    before = np.r_[0, np.cumsum(is_true[order])]  # right ones among the lower scores
    first = np.unique(score[order], return_index=True)[1]
    total = before[-1]
    true_positive = total - before[first]
    precision = np.r_[true_positive / (len(score) - first), 1.0]
    recall = np.r_[true_positive / (total + missed), 0.0]
    padded = np.r_[recall[0], recall, 0.0]
    return float(precision @ ((padded[:-2] - padded[2:]) / 2))


def _mean(values: np.ndarray) -> float:
    """Mean over what is there; NaN if nothing is."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")
