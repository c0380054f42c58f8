"""What statistics say of pseudo-instances, against scikit-learn and cases that one can count."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pointins_engine.run_log.records import NO_SEGMENT
from pointins_engine.watching.instance_figures import (
    MAX_TRANSITIONS,
    adjusted_rand_index,
    instance_changes,
    segment_figures,
    true_instance,
)
from tests.recorded_run import room


@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(-1, 6, 300)
    b = np.where(rng.random(300) < 0.2 * seed, a, rng.integers(-1, 9, 300))
    both = (a >= 0) & (b >= 0)
    wanted = adjusted_rand_score(a[both], b[both])
    assert adjusted_rand_index(a, b) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [([0, 0, 0], [0, 0, 0]), ([0, 1, 2], [2, 1, 0]), ([0, 0, 1], [0, 1, 2]), ([0, 0], [0, 1])],
)
def test_the_index_of_trivial_groupings_is_that_of_scikit_learn(a, b):
    wanted = adjusted_rand_score(a, b)
    assert adjusted_rand_index(np.array(a), np.array(b)) == pytest.approx(wanted)


def test_there_is_no_index_where_no_two_cells_can_be_compared():
    assert adjusted_rand_index(np.array([0, -1, 1]), np.array([-1, 0, 1])) is None


def rows(*counts: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Instances before and now of cells, from (before, now, cells)."""
    table = np.array(counts)
    return np.repeat(table[:, 0], table[:, 2]), np.repeat(table[:, 1], table[:, 2])


def test_a_merge_takes_a_fifth_of_two_instances_and_a_split_is_a_merge_backwards():
    before, now = rows((0, 0, 10), (1, 0, 2), (1, 1, 8), (2, 2, 9), (3, 2, 1), (3, 3, 9))
    changes = instance_changes(before, 30, now, None)
    assert (changes["merges"], changes["splits"]) == (1, 0)  # 2 of 10 count, 1 of 10 does not
    backwards = instance_changes(now, 30, before, None)
    assert (backwards["merges"], backwards["splits"]) == (0, 1)
    assert changes["before_step"] == 30
    assert changes["changed"] == [[0, 0], [1, 0]] and backwards["changed"] == [[0, 0], [0, 1]]


def test_transitions_count_cells_with_an_instance_in_both_frames_largest_first():
    before, now = rows((0, 2, 3), (1, 1, 7), (-1, 1, 5), (1, -1, 4), (0, 1, 1))
    changes = instance_changes(before, 0, now, None)
    assert changes["transitions"] == [[1, 1, 7], [0, 2, 3], [0, 1, 1]]
    many = np.arange(1000) // 2
    assert len(instance_changes(many, 0, many[::-1], None)["transitions"]) == MAX_TRANSITIONS


def test_the_same_grouping_under_other_numbers_has_no_changes():
    now = np.random.default_rng(0).integers(-1, 12, 500)
    names = np.random.default_rng(1).permutation(12)
    changes = instance_changes(np.where(now < 0, -1, names[now]), 10, now, now)
    assert (changes["merges"], changes["splits"]) == (0, 0)
    assert changes["ari_before"] == changes["ari_truth"] == 1.0


def test_the_first_frame_of_a_scan_without_labels_says_what_it_cannot_know():
    changes = instance_changes(None, None, np.zeros(5, int), None)
    assert changes.pop("transitions") == []
    assert set(changes.values()) == {None}


def test_segments_add_up():
    segment = np.array([0, 0, 0, 0, 2, 2, 2, NO_SEGMENT])
    instance = np.array([0, 0, 1, -1, 1, -1, -1, 3])
    assert segment_figures(segment, instance) == [
        {"segment": 0, "cells": 4, "kept": 3, "components": 2, "largest_share": 0.5},
        {"segment": 2, "cells": 3, "kept": 1, "components": 1, "largest_share": 0.33333},
    ]
    assert segment_figures(np.full(4, NO_SEGMENT), np.full(4, -1)) == []


def test_the_truth_of_a_cell_is_what_most_of_its_points_are_and_planes_have_none():
    scene = room("room", 0, 6000, 0.12, True).scene
    found = true_instance(scene)
    assert found is not None and scene.instance_label is not None
    for cell in range(0, len(found), 37):
        labels = scene.instance_label[scene.cell_index == cell]
        names, counts = np.unique(labels, return_counts=True)
        if scene.cell_is_plane[cell] or not len(labels):
            assert found[cell] == -1
        else:
            assert counts[names == found[cell]] == counts.max()
    assert set(found.tolist()) == set(range(-1, 8))
    assert true_instance(replace(scene, instance_label=None)) is None
