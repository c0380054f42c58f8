"""Who is matched with whom at one overlap, and the curve that follows; ScanNet's rules.

M proposals and G true instances of one class in one scene. NumPy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassOverlaps:
    """Proposals of one class in one scene against the true instances of that class."""

    score: Float[np.ndarray, " m"]
    size: Int[np.ndarray, " m"]  # points
    void: Int[np.ndarray, " m"]  # points on void
    true_size: Int[np.ndarray, " g"]  # points
    shared: Int[np.ndarray, "g m"]  # points

    @property
    def iou(self) -> Float[np.ndarray, "g m"]:
        """Intersection over union of every pair."""
        return self.shared / (self.true_size[:, None] + self.size - self.shared)


def precision_and_recall(
    scenes: Sequence[ClassOverlaps], overlaps: Sequence[float], min_region: int
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Average precision over pooled scenes, and the share of true instances that are found.

    Args:
        scenes: One record a scene, all of one class.
        overlaps: IoUs above which a proposal and a true instance match.
        min_region: Points that a true instance needs to be asked for.

    Returns:
        Both by overlap; NaN if no scene holds a true instance to ask for.
    """
    if not any((scene.true_size >= min_region).any() for scene in scenes):
        return np.full(len(overlaps), np.nan), np.full(len(overlaps), np.nan)
    iou = [scene.iou for scene in scenes]
    precision, recall = np.zeros(len(overlaps)), np.zeros(len(overlaps))
    for number, overlap in enumerate(overlaps):
        parts = [
            _count(scene, values, overlap, min_region)
            for scene, values in zip(scenes, iou, strict=True)
        ]
        is_true = np.concatenate([part[0] for part in parts])
        score = np.concatenate([part[1] for part in parts])
        missed = sum(part[2] for part in parts)
        found = float(is_true.sum())
        if len(score):
            precision[number] = _area(is_true, score, missed)
            recall[number] = found / (found + missed)
    return precision, recall


def _count(
    scene: ClassOverlaps, iou: np.ndarray, overlap: float, min_region: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Whether each counted proposal is right, its score, and how many instances nobody found."""
    hit = iou > overlap
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
    is_true = np.r_[np.ones(len(right), bool), np.zeros(len(wrong) + int(stray.sum()), bool)]
    return is_true, np.r_[right, wrong, scene.score[stray]], missed


def _area(is_true: np.ndarray, score: np.ndarray, missed: int) -> float:
    """Area under the precision-recall curve: precision times half the recall either side."""
    order = np.argsort(score)
    before = np.r_[0, np.cumsum(is_true[order])]  # right ones among the lower scores
    first = np.unique(score[order], return_index=True)[1]
    total = before[-1]
    true_positive = total - before[first]
    precision = np.r_[true_positive / (len(score) - first), 1.0]
    possible = total + missed  # above 0: without true instances there is no curve
    recall = np.r_[true_positive / possible, 0.0]
    padded = np.r_[recall[0], recall, 0.0]
    return float(precision @ ((padded[:-2] - padded[2:]) / 2))
