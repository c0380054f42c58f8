"""Figures without classes: agreement, pairing with the truth, one scan and many."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.agreement import adjusted_rand_index
from pointins_engine.evaluate.hungarian import instance_ap_hungarian, pair
from pointins_engine.evaluate.instance_ap import (
    TrueInstances,
    proposals_from_labels,
    scene_overlaps,
)
from pointins_engine.evaluate.numbering import numbered
from pointins_engine.evaluate.objects import FIGURES, count_objects, object_figures
from pointins_engine.evaluate.scene_figures import scene_figures


def boxes(count, size=120):
    return np.repeat(np.arange(count), size)


@pytest.mark.parametrize("seed", range(20))
def test_the_rand_index_is_that_of_scikit_learn_with_ungrouped_points_apart(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, 5, 300)
    label = np.where(rng.random(300) < 0.6, truth, rng.integers(-1, 4, 300))
    alone = np.where(label < 0, 1000 + np.arange(300), label)
    known = truth >= 0
    expected = adjusted_rand_score(truth[known], alone[known])
    assert adjusted_rand_index(label, truth) == pytest.approx(expected, abs=1e-12)


def test_leaving_everything_out_is_worth_nothing():
    truth = boxes(1)
    assert adjusted_rand_index(np.full(120, -1), truth) == 0.0
    assert np.isnan(adjusted_rand_index(truth, np.full(120, -1)))


def test_the_true_instances_get_full_marks_whatever_their_numbers():
    truth = boxes(5) - 1  # the first is void
    figures = scene_figures(np.where(truth >= 0, 3 - truth, 4), np.ones(5), truth)
    assert figures.keys() == set(FIGURES)
    assert figures == dict.fromkeys(FIGURES, 1.0), "what lies on void alone costs nothing"


def test_known_figures_of_a_scan_with_one_object_cut_in_two():
    truth = boxes(2, 200)
    label = np.r_[np.zeros(150, int), np.full(50, 1), np.full(200, 2)]
    figures = scene_figures(label, np.array([0.9, 0.2, 0.8]), truth, min_region=10)
    assert figures["rq"] == pytest.approx(2 / 2.5)
    assert figures["sq"] == pytest.approx((0.75 + 1) / 2)
    assert figures["pq"] == pytest.approx(figures["sq"] * figures["rq"])
    assert figures["recall50"] == 1.0
    assert figures["mean_best_iou"] == pytest.approx((0.75 + 1) / 2)
    assert figures["ap50"] == 1.0, "the wrong piece comes last"


def test_nothing_found_is_zero_and_nothing_to_find_is_undefined():
    truth = boxes(3)
    nothing = scene_figures(np.full(360, -1), np.zeros(0), truth)
    assert nothing == dict.fromkeys(FIGURES, 0.0)
    for void in (np.full(360, -1), np.where(np.arange(360) < 50, 0, -1)):  # 50 points are too few
        assert all(np.isnan(value) for value in scene_figures(truth, np.ones(3), void).values())
    empty = np.zeros(0, np.int64)
    assert np.isnan(scene_figures(empty, np.zeros(0), empty)["ap"])


def test_figures_of_scans_pool_what_the_benchmark_pools():
    truth = boxes(2)
    good = count_objects(proposals_from_labels(truth), truth, truth)
    bad = count_objects(proposals_from_labels(np.full(240, -1)), np.full(240, -1), truth)
    pooled = object_figures([good, bad])
    assert pooled["recall50"] == 0.5
    assert pooled["rq"] == pytest.approx(2 / (2 + 1))
    assert pooled["ari"] == 0.5


@pytest.mark.parametrize(
    ("label", "score", "truth", "words"),
    [
        (boxes(2), np.ones(2), boxes(1), "240 points for a ground truth of 120"),
        (boxes(2), np.ones(1), boxes(2), "instance 1 has no score"),
        (boxes(2), np.array([1.0, np.nan]), boxes(2), "score of proposal 1 is nan"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(label, score, truth, words):
    with pytest.raises(SceneError, match=words):
        scene_figures(label, score, truth)


def test_the_pairing_has_the_largest_total_overlap_of_all_pairings():
    rng = np.random.default_rng(3)
    for _ in range(10):
        instance, label = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
        truth = TrueInstances(instance_label=instance, semantic_label=np.zeros(60, int))
        proposals = proposals_from_labels(label)
        iou = scene_overlaps(proposals, truth, (0,), 1).iou
        best = max(
            sum(iou[row, column] for row, column in enumerate(order))
            for order in itertools.permutations(range(len(proposals.rows)), len(iou))
        )
        pairs = pair(proposals, truth, (0,), 1)
        ids = iou[:, pairs.proposal]
        rows = pairs.true_instance
        assert ids[rows, np.arange(len(rows))].sum() == pytest.approx(best)


def test_a_paired_proposal_has_the_class_of_its_instance_and_the_others_are_wrong_in_all():
    truth = TrueInstances(instance_label=boxes(3), semantic_label=boxes(3) % 2)
    perfect = proposals_from_labels(boxes(3))
    assert instance_ap_hungarian([perfect], [truth], (0, 1)).ap == 1.0

    halves = proposals_from_labels(np.repeat(np.arange(6), 60))
    found = instance_ap_hungarian([halves], [truth], (0, 1), min_region=1)
    # Three halves are paired: two of class 0, one of class 1. The other three count against both.
    precision = np.array([2 / 5, 1 / 4])
    assert found.recall25 == 1.0
    assert found.ap25 == pytest.approx(((1 + precision) / 2).mean()), "one score, recall 1"


def test_pairs_that_share_no_point_are_none():
    truth = TrueInstances(
        instance_label=np.r_[boxes(1), np.full(120, -1)], semantic_label=np.zeros(240, int)
    )
    beside = proposals_from_labels(np.r_[np.full(120, -1), np.zeros(120, int)])
    assert len(pair(beside, truth, (0,), 1).proposal) == 0


def test_numbering_is_that_of_sorting_for_ids_close_together_and_far_apart():
    rng = np.random.default_rng(0)
    for values in (
        rng.integers(-3, 40, 500),
        rng.integers(-(2**40), 2**40, 500),
        np.array([7]),
        np.zeros(0, np.int64),
    ):
        named, place = np.unique(values, return_inverse=True)
        found = numbered(values)
        np.testing.assert_array_equal(found[0], named)
        np.testing.assert_array_equal(found[1], place)
