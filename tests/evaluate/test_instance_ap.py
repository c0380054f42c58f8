"""Instance AP against closed forms, and against the values of the benchmark's own script."""

import json
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.evaluate.instance_ap import (
    Proposals,
    TrueInstances,
    instance_ap,
    instance_ap_class_agnostic,
    proposals_from_labels,
)
from tests.evaluate.random_cases import instance_case

BENCHMARK = json.loads(Path(__file__).with_name("oracle_instance_ap.json").read_text("utf-8"))


def test_random_scenes_score_as_in_the_benchmark():
    found, expected = [], []
    for seed, values in BENCHMARK["cases"].items():
        case = instance_case(int(seed))
        usual, longer = instance_ap(*case), instance_ap(*case, include_095=True)
        found.append((usual.ap, usual.ap50, usual.ap25, longer.ap))
        expected.append([np.nan if value is None else value for value in values])
    assert len(expected) == 200
    # The table has nine decimals.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def boxes(count, size=10):
    return np.repeat(np.arange(count), size)


@pytest.mark.parametrize(("right", "wrong", "missed"), [(30, 70, 70), (5, 0, 5), (4, 4, 2)])
def test_one_score_for_all_gives_half_the_recall_times_one_plus_precision(right, wrong, missed):
    large = np.full(2000, right + missed)  # one of the missed; wrong proposals are slivers of it
    truth = np.concatenate([boxes(right + missed - 1), large])
    first = len(truth) - len(large)
    rows = [np.arange(10 * k, 10 * k + 10) for k in range(right)]
    rows += [np.arange(first + 10 * k, first + 10 * k + 10) for k in range(wrong)]
    proposals = Proposals(
        rows=rows, score=np.ones(len(rows)), semantic_label=np.zeros(len(rows), int)
    )
    found = instance_ap_class_agnostic([proposals], [truth], min_region=1)
    recall, precision = right / (right + missed), right / (right + wrong)
    assert found.ap50 == pytest.approx(recall * (1 + precision) / 2, abs=1e-12)


def test_the_true_instances_score_one_and_their_numbers_do_not_matter():
    truth = boxes(6, 120)
    shuffled = np.random.default_rng(0).permutation(6)[truth]
    found = instance_ap_class_agnostic([proposals_from_labels(shuffled)], [truth])
    assert (found.ap, found.ap50, found.ap25) == (1.0, 1.0, 1.0)


def test_a_match_needs_more_than_the_threshold():
    truth = np.r_[np.zeros(100, int), np.full(100, 1)]
    half = proposals_from_labels(np.r_[np.zeros(50, int), np.full(150, -1)])
    found = instance_ap_class_agnostic([half], [truth], min_region=1)
    assert found.ap50 == 0.0
    assert found.ap25 > 0.0


def test_what_lies_on_void_is_no_false_positive():
    truth = np.r_[boxes(2, 100), np.full(200, -1)]
    on_void = np.r_[boxes(2, 100), np.full(200, 2)]
    found = instance_ap_class_agnostic([proposals_from_labels(on_void)], [truth])
    assert found.ap == 1.0


def test_small_instances_are_neither_asked_for_nor_held_against_their_finder():
    truth = np.r_[boxes(2, 150), np.full(60, 2)]
    everything = proposals_from_labels(truth)
    without = proposals_from_labels(np.where(truth == 2, -1, truth))
    for proposals in (everything, without):
        assert instance_ap_class_agnostic([proposals], [truth]).ap == 1.0


def test_a_right_mask_of_the_wrong_class_is_wrong():
    truth = TrueInstances(instance_label=boxes(2, 120), semantic_label=boxes(2, 120))
    label = proposals_from_labels(boxes(2, 120), semantic_label=np.array([0, 0]))
    found = instance_ap([label], [truth], (0, 1))
    assert found.per_class[1, 0] == 0.0
    assert found.per_class[0, 0] == 0.75, "recall 1 and precision 1/2 at one score"


def test_scenes_that_do_not_pair_up_are_refused():
    proposals = proposals_from_labels(boxes(2))
    with pytest.raises(SceneError, match="1 scenes, but ground truth of 2"):
        instance_ap_class_agnostic([proposals], [boxes(2), boxes(2)])
    with pytest.raises(SceneError, match="names point 19"):
        instance_ap_class_agnostic([proposals], [boxes(1)], min_region=1)


def test_recall_counts_the_true_instances_that_are_found():
    truth = boxes(4, 120)
    found = np.where(truth < 2, truth, -1)
    found[:30] = -1  # three quarters of the first are left
    found[120:200] = -1  # a third of the second
    got = instance_ap_class_agnostic([proposals_from_labels(found)], [truth], min_region=1)
    assert (got.recall50, got.recall25) == (0.25, 0.5)


def test_a_proposal_that_lies_on_void_alone_leaves_nothing_to_score():
    truth = np.r_[boxes(1, 120), np.full(120, -1)]
    on_void = proposals_from_labels(np.r_[np.full(120, -1), np.zeros(120, int)])
    got = instance_ap_class_agnostic([on_void], [truth])
    assert (got.ap, got.recall50) == (0.0, 0.0)


def test_what_is_no_score_is_refused_in_words():
    truth = boxes(2, 120)
    proposals = proposals_from_labels(truth, np.array([0.5, np.nan]))
    with pytest.raises(SceneError, match="score of proposal 1 is nan"):
        instance_ap_class_agnostic([proposals], [truth])
    short = Proposals(rows=[np.arange(120)], score=np.ones(2), semantic_label=np.zeros(2, np.int64))
    with pytest.raises(SceneError, match="1 proposals with 2 scores"):
        instance_ap_class_agnostic([short], [truth])
