"""Panoptic quality as SemanticKITTI and nuScenes compute it. N points, C classes.

Classes are 0..C-1, and -1 is ignored. A segment is what has one class and one id. NumPy only.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.numbering import numbered

MATCH = 0.5  # IoU above which a predicted and a true segment are the same: at most one each
MIN_POINTS = {"semantickitti": 50, "nuscenes": 15}


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """One class and one id a point; points of one class with one id are a segment."""

    semantic_label: Int[np.ndarray, " n"]  # 0..C-1, -1 = ignored or nothing predicted
    id: Int[np.ndarray, " n"]  # any number


@dataclass(frozen=True, kw_only=True, slots=True)
class PanopticCounts:
    """Matches of one or more scans by class; counts of scans add up."""

    true_positive: Int[np.ndarray, " c"]
    false_positive: Int[np.ndarray, " c"]
    false_negative: Int[np.ndarray, " c"]
    iou: Float[np.ndarray, " c"]  # sum over the matches

    def __add__(self, other: "PanopticCounts") -> "PanopticCounts":
        return PanopticCounts(
            true_positive=self.true_positive + other.true_positive,
            false_positive=self.false_positive + other.false_positive,
            false_negative=self.false_negative + other.false_negative,
            iou=self.iou + other.iou,
        )

    @property
    def sq(self) -> Float[np.ndarray, " c"]:
        """Segmentation quality: mean IoU of the matches, 0 without any."""
        return self.iou / np.maximum(self.true_positive, 1)

    @property
    def rq(self) -> Float[np.ndarray, " c"]:
        """Recognition quality: F1 of the matches, 0 for a class that does not occur."""
        wrong = self.false_positive + self.false_negative
        return self.true_positive / np.maximum(self.true_positive + wrong / 2, 0.5)

    @property
    def pq(self) -> Float[np.ndarray, " c"]:
        """Panoptic quality: SQ times RQ, class by class."""
        return self.sq * self.rq

    @property
    def occurs(self) -> Bool[np.ndarray, " c"]:
        """Whether a class has a segment that counts, in the truth or in the prediction."""
        return (self.true_positive + self.false_positive + self.false_negative) > 0


def no_counts(num_classes: int) -> PanopticCounts:
    """Where adding starts."""
    nothing = np.zeros(num_classes, np.int64)
    return PanopticCounts(
        true_positive=nothing,
        false_positive=nothing,
        false_negative=nothing,
        iou=np.zeros(num_classes),
    )


def count_segments(
    predicted: Segments, truth: Segments, num_classes: int, min_points: int
) -> PanopticCounts:
    """Match the segments of one scan.

    Args:
        predicted: Class and id of each point.
        truth: The same from the labels. Points whose true class is -1 are taken away first.
        num_classes: C.
        min_points: Segments below it that found no partner are neither false positives nor
            false negatives; matches count at any size.

    Raises:
        SceneError: If lengths differ or a class is C or above.

    Source:
        Kirillov et al., "Panoptic Segmentation", CVPR 2019; the evaluation of SemanticKITTI
        (min_points 50 in its script) and of Panoptic nuScenes (15).
    """
    _check(predicted, truth, num_classes)
    counted = truth.semantic_label >= 0
    true_class = truth.semantic_label[counted].astype(np.int64)
    pred_class = predicted.semantic_label[counted].astype(np.int64)
    true_number, class_of_true, true_size = _segments(true_class, truth.id[counted])
    pred_number, class_of_pred, pred_size = _segments(pred_class, predicted.id[counted])
    both = pred_class == true_class
    width = max(len(pred_size), 1)
    pair, place = numbered(true_number[both] * width + pred_number[both])
    shared = np.bincount(place, minlength=len(pair))
    row, column = pair // width, pair % width
    iou = shared / (true_size[row] + pred_size[column] - shared)
    hit = iou > MATCH
    lonely_true = true_size >= min_points
    lonely_true[row[hit]] = False
    lonely_pred = (pred_size >= min_points) & (class_of_pred >= 0)
    lonely_pred[column[hit]] = False
    return PanopticCounts(
        true_positive=np.bincount(class_of_true[row[hit]], minlength=num_classes),
        false_positive=np.bincount(class_of_pred[lonely_pred], minlength=num_classes),
        false_negative=np.bincount(class_of_true[lonely_true], minlength=num_classes),
        iou=np.bincount(class_of_true[row[hit]], iou[hit], num_classes).astype(np.float64),
    )


def pq_dagger(
    pq: Float[np.ndarray, " c"], iou: Float[np.ndarray, " c"], is_thing: Bool[np.ndarray, " c"]
) -> float:
    """Mean over classes of PQ for things and of the semantic IoU for stuff.

    Source:
        Porzi et al., "Seamless Scene Segmentation", CVPR 2019.
    """
    return float(np.where(is_thing, pq, iou).mean())


def _segments(
    label: Int[np.ndarray, " n"], id: Int[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    """Number of the segment of each point; class and points of each segment."""
    named, place = numbered(id)
    width = max(len(named), 1)
    key, number = numbered((label + 1) * width + place)
    return number, key // width - 1, np.bincount(number, minlength=len(key))


def _check(predicted: Segments, truth: Segments, num_classes: int) -> None:
    lengths = [
        len(values)
        for values in (predicted.semantic_label, predicted.id, truth.semantic_label, truth.id)
    ]
    if len(set(lengths)) != 1:
        raise SceneError(
            f"a prediction of {lengths[0]:,} points for a ground truth of {lengths[2]:,}; both "
            "must name every point of the same scan, in the same order."
        )
    for name, values in (("prediction", predicted), ("ground truth", truth)):
        highest = int(values.semantic_label.max(initial=-1))
        if highest >= num_classes:
            raise SceneError(
                f"the {name} holds class {highest}; classes are 0..{num_classes - 1}, -1 = none."
            )
