"""Panoptic quality and semantic IoU against the published code and a worked example."""

import json
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.panoptic import Segments, count_segments, no_counts, pq_dagger
from pointins_engine.evaluate.semantic import class_iou, confusion
from tests.evaluate.random_cases import NUM_CLASSES, panoptic_case

BENCHMARK = json.loads(Path(__file__).with_name("oracle_panoptic.json").read_text("utf-8"))


def counted(scans, num_classes, min_points):
    """Counts and IoU of scans whose classes are 1..num_classes, 0 = ignored."""
    counts, table = no_counts(num_classes), 0
    for pred_class, pred_id, true_class, true_id in scans:
        counts = counts + count_segments(
            Segments(semantic_label=pred_class - 1, id=pred_id),
            Segments(semantic_label=true_class - 1, id=true_id),
            num_classes,
            min_points,
        )
        table = table + confusion(pred_class - 1, true_class - 1, num_classes)
    return counts, class_iou(table)


def test_random_scans_score_as_in_the_benchmarks_of_semantickitti_and_nuscenes():
    found = []
    for seed in BENCHMARK["cases"]:
        counts, iou = counted(*_case(int(seed)))
        means = [values.mean() for values in (counts.pq, counts.sq, counts.rq, iou)]
        found.append([*means, *counts.pq, *iou])
    assert len(found) == 200
    # The table has nine decimals.
    np.testing.assert_allclose(found, list(BENCHMARK["cases"].values()), rtol=0, atol=1e-9)


def _case(seed):
    scans, min_points = panoptic_case(seed)
    return scans, NUM_CLASSES, min_points


def test_the_worked_example_comes_out_as_published():
    # Ignored, grass, sky, dogs taken for a person, and six people's worth of points in three.
    def points(*parts):
        return np.concatenate([np.full(num, value) for value, num in parts])

    true_class = points((0, 50), (1, 50), (2, 50), (4, 50), (3, 300))
    true_id = points((0, 150), (22, 50), (33, 150), (42, 50), (11, 100))
    pred_class = points((0, 50), (1, 40), (2, 10), (2, 40), (1, 10), (3, 350))
    pred_id = points((0, 150), (35, 50), (8, 200), (95, 100))
    counts, iou = counted([(pred_class, pred_id, true_class, true_id)], 4, 1)
    assert counts.pq.mean() == pytest.approx(0.4791666667)
    assert counts.sq.mean() == pytest.approx(0.5520833333)
    assert counts.rq.mean() == pytest.approx(0.6666666667)
    assert iou.mean() == pytest.approx(0.5476190476)
    is_thing = np.array([False, False, True, True])
    assert pq_dagger(counts.pq, iou, is_thing) == pytest.approx(
        (iou[0] + iou[1] + counts.pq[2] + counts.pq[3]) / 4
    )


def test_segments_that_are_too_small_count_when_they_match_and_not_when_they_do_not():
    label = np.zeros(30, int)
    same = Segments(semantic_label=label, id=np.repeat([0, 1, 2], 10))
    shifted = Segments(semantic_label=label, id=np.r_[np.zeros(10, int), np.full(20, 7)])
    counts = count_segments(shifted, same, 1, min_points=15)
    assert counts.true_positive.tolist() == [1]
    assert counts.false_positive.tolist() == [1], "20 points, and no partner above half"
    assert counts.false_negative.tolist() == [0], "10 points are too few to be asked for"


def test_a_point_without_a_predicted_class_is_missing_and_no_false_positive():
    truth = Segments(semantic_label=np.zeros(20, int), id=np.zeros(20, int))
    nothing = Segments(semantic_label=np.full(20, -1), id=np.zeros(20, int))
    counts = count_segments(nothing, truth, 1, 1)
    assert (counts.false_positive[0], counts.false_negative[0]) == (0, 1)
    table = confusion(nothing.semantic_label, truth.semantic_label, 1)
    assert class_iou(table).tolist() == [0.0]


def test_counts_of_scans_add_up_to_those_of_all_points_at_once():
    (first, second, *_), min_points = next(
        case for case in map(panoptic_case, range(50)) if len(case[0]) > 1
    )
    apart, iou_apart = counted([first, second], NUM_CLASSES, min_points)
    shifted = [a if k in (0, 2) else a + 1000 for k, a in enumerate(second)]
    joined = tuple(np.concatenate([a, b]) for a, b in zip(first, shifted, strict=True))
    together, iou_together = counted([joined], NUM_CLASSES, min_points)
    np.testing.assert_allclose(apart.pq, together.pq, rtol=1e-12)
    np.testing.assert_allclose(iou_apart, iou_together, rtol=1e-12)


def test_ids_up_to_32_bits_are_told_apart():
    id = np.repeat(np.array([2**32 - 1, 2**32 - 2, 0]), 10)
    segments = Segments(semantic_label=np.zeros(30, int), id=id)
    assert count_segments(segments, segments, 1, 1).true_positive.tolist() == [3]


def test_lengths_and_classes_that_do_not_fit_are_refused_in_words():
    ten, nine = (Segments(semantic_label=np.zeros(n, int), id=np.zeros(n, int)) for n in (10, 9))
    with pytest.raises(SceneError, match="10 points for a ground truth of 9"):
        count_segments(ten, nine, 1, 1)
    odd = Segments(semantic_label=np.full(10, 3), id=np.zeros(10, int))
    with pytest.raises(SceneError, match="prediction holds class 3"):
        count_segments(odd, ten, 3, 1)
