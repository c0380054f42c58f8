"""Instance AP against closed forms, and against values of the benchmark's own procedure."""

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

# AP, AP50, AP25 of `random_case(seed)` by the ScanNet benchmark's published procedure (its matching
# and its curve, run on the same arrays). -1 = NaN: no true instance of any class.
BENCHMARK = {
    0: (0.1232, 0.187037, 0.3375),
    4: (0.101852, 0.1875, 0.447917),
    5: (0.198036, 0.292341, 0.318056),
    6: (0.503009, 0.527083, 0.741667),
    7: (0.384028, 0.745833, 0.745833),
    8: (0.623148, 0.791667, 0.791667),
    11: (0.222222, 1.0, 1.0),
    13: (0.35108, 0.361111, 0.361111),
    14: (0.166667, 0.166667, 0.166667),
    15: (0.222222, 0.5, 0.5),
    16: (0.138889, 0.25, 0.25),
    17: (0.391935, 0.649621, 0.710453),
    18: (0.061343, 0.096726, 0.395833),
    19: (0.339324, 0.529117, 0.639583),
    20: (0.20679, 0.347222, 0.430556),
    21: (0.138889, 0.208333, 0.75),
    22: (0.549769, 0.645833, 0.645833),
    23: (0.62963, 0.666667, 0.666667),
    25: (0.425926, 1.0, 1.0),
    26: (0.325874, 0.537037, 0.537037),
    28: (0.205426, 0.314623, 0.314623),
    29: (0.633333, 0.633333, 0.633333),
    31: (0.379663, 0.68125, 0.75),
    33: (0.401235, 0.513889, 0.722222),
    36: (0.700231, 0.854167, 1.0),
    37: (0.137232, 0.204082, 0.393707),
    38: (0.759259, 1.0, 1.0),
    39: (0.0, 0.0, 0.125),
    41: (0.087784, 0.264286, 0.348512),
    42: (0.214203, 0.331845, 0.457589),
    43: (0.166667, 0.166667, 0.166667),
    45: (0.373225, 0.670139, 0.670139),
    46: (0.213955, 0.580952, 0.696429),
    47: (0.484557, 0.733135, 0.733135),
    48: (0.269074, 0.373333, 0.458333),
    49: (0.907407, 1.0, 1.0),
    50: (0.248971, 0.555556, 0.555556),
    51: (0.406994, 0.709821, 0.709821),
    52: (0.615741, 0.902778, 0.902778),
    53: (0.182613, 0.300926, 0.300926),
    55: (0.164925, 0.438889, 0.813889),
    56: (0.116629, 0.140306, 0.140306),
    57: (0.110684, 0.129004, 0.319481),
    58: (1.0, 1.0, 1.0),
    59: (0.269547, 0.425926, 0.555556),
    62: (0.225309, 0.263889, 0.5),
    63: (0.066667, 0.075, 0.075),
    64: (0.122454, 0.277083, 0.277083),
    66: (0.234568, 0.402778, 0.583333),
    67: (0.166667, 0.166667, 0.166667),
    68: (0.175, 0.25, 0.2875),
    70: (0.729861, 0.83125, 0.83125),
    71: (0.134259, 0.138889, 0.333333),
    72: (0.3125, 0.3125, 0.5),
    73: (0.416667, 0.5, 0.5),
    74: (0.064021, 0.104762, 0.307143),
    75: (0.0, 0.0, 0.183333),
    76: (0.194444, 0.2875, 0.327083),
    77: (0.461111, 0.539286, 0.614683),
    78: (1.0, 1.0, 1.0),
}


def random_case(seed):
    """One to three scenes with void, tiny instances, tied scores, overlapping proposals."""
    rng = np.random.default_rng(seed)
    num_classes, num_scenes = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    min_region = int(rng.choice([1, 10, 30]))
    proposals, truths = [], []
    for _ in range(num_scenes):
        count, num_instances = int(rng.integers(100, 400)), int(rng.integers(1, 9))
        instance = np.sort(rng.integers(-1, num_instances, count))
        class_of = rng.integers(2, 3 + num_classes, num_instances + 1)  # class 2 is not counted
        semantic = np.where(instance >= 0, class_of[instance], 2)
        rows = []
        for _ in range(int(rng.integers(0, 12))):
            kept = (instance == rng.integers(0, num_instances)) & (
                rng.random(count) < rng.choice([0.5, 0.8, 0.95, 1.0])
            )
            kept |= rng.random(count) < rng.choice([0, 0.02, 0.1])
            rows.append(np.flatnonzero(kept) if kept.any() else np.array([0]))
        score = rng.random(len(rows))
        if rng.random() < 0.5:
            score = rng.choice([0.1, 0.5, 0.5, 0.9, 0.3], len(rows))
        label = [
            class_of[rng.integers(0, num_instances)]
            if rng.random() < 0.3
            else semantic[members[len(members) // 2]]
            for members in rows
        ]
        proposals.append(
            Proposals(rows=rows, score=score, semantic_label=np.array(label, np.int64))
        )
        truths.append(TrueInstances(instance_label=instance, semantic_label=semantic))
    return proposals, truths, tuple(range(3, 3 + num_classes)), min_region


@pytest.mark.parametrize("seed", BENCHMARK)
def test_random_scenes_score_as_in_the_benchmark(seed):
    found = instance_ap(*random_case(seed))
    values = np.nan_to_num([found.ap, found.ap50, found.ap25], nan=-1.0)
    # The table has six decimals.
    np.testing.assert_allclose(values, BENCHMARK[seed], atol=5e-7)


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
