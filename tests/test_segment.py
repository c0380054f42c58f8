"""Instances read out of votes: what gathers is found, at whatever scale, and in a known order."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from pointins_engine.errors import ConfigError
from pointins_engine.segment import ReadOut, instances_from_votes

RADII = (0.06, 0.1, 0.16, 0.25)


@pytest.fixture
def chairs():
    """Five boxes of 0.4 m that touch, 900 points, with the instance of each and true offsets."""
    rng = np.random.default_rng(3)
    instance = np.repeat(np.arange(5), 180)
    coord = rng.uniform(0, 0.4, (900, 3))
    coord[:, 0] += 0.4 * instance
    centroid = np.stack([coord[instance == k].mean(axis=0) for k in range(5)])
    return coord, instance, centroid[instance] - coord


def still(coord):
    return np.zeros_like(coord)


def test_true_offsets_give_back_the_true_instances(chairs):
    coord, instance, offset = chairs
    found = instances_from_votes(coord, offset, ReadOut(radii=RADII))
    assert len(found.rows) == 5
    assert adjusted_rand_score(instance, found.label(len(coord))) == 1.0


def test_points_that_touch_hang_together_without_offsets(chairs):
    coord, _, _ = chairs
    found = instances_from_votes(coord, still(coord), ReadOut(radii=(0.15,)))
    assert [len(rows) for rows in found.rows] == [len(coord)]


def test_one_radius_groups_cores_as_dbscan_does():
    rng = np.random.default_rng(0)
    coord = rng.uniform(0, 1, (400, 3))
    config = ReadOut(radii=(0.1,), core_neighbours=3, min_size=1, max_overlap=0.99)
    mine = instances_from_votes(coord, still(coord), config).label(400)
    other = DBSCAN(eps=0.1, min_samples=4).fit(coord)
    core = other.core_sample_indices_
    # Points on a border may join either neighbour; cores are decided.
    assert adjusted_rand_score(other.labels_[core], mine[core]) == 1.0
    assert np.array_equal(mine < 0, other.labels_ < 0)


def test_large_and_small_instances_are_found_at_their_own_radii():
    rng = np.random.default_rng(1)
    shelf = rng.uniform(0, 1, (200, 3)) * (2.0, 0.3, 1.0)  # sparse: needs a wide radius
    cups = [rng.normal((0.3 * k, 0.8, 0.5), 0.01, (60, 3)) for k in range(4)]  # dense, 0.3 m apart
    coord = np.concatenate([shelf, *cups])
    truth = np.repeat(np.arange(5), [200, 60, 60, 60, 60])
    found = instances_from_votes(coord, still(coord), ReadOut(radii=(0.08, 0.32), full_size=50))
    sets = {frozenset(rows.tolist()) for rows in found.rows}
    for number in range(1, 5):
        assert frozenset(np.flatnonzero(truth == number).tolist()) in sets
    assert any(len(rows) >= 200 for rows in found.rows)


def test_colour_parts_what_touches(chairs):
    coord, instance, _ = chairs
    color = np.random.default_rng(5).uniform(0, 1, (5, 3))[instance]
    config = ReadOut(radii=(0.15, 0.2), color_weight=2.0)
    found = instances_from_votes(coord, still(coord), config, color=color)
    assert adjusted_rand_score(instance, found.label(len(coord))) == 1.0
    with pytest.raises(ConfigError, match="has no colour"):
        instances_from_votes(coord, still(coord), config)


def test_points_left_out_are_in_no_instance(chairs):
    coord, instance, offset = chairs
    left_out = instance == 2
    found = instances_from_votes(coord, offset, ReadOut(radii=RADII), left_out=left_out)
    label = found.label(len(coord))
    assert (label[left_out] == -1).all()
    assert adjusted_rand_score(instance[~left_out], label[~left_out]) == 1.0


def test_the_surest_comes_first_and_scores_lie_between_0_and_1(chairs):
    coord, _, offset = chairs
    noise = np.random.default_rng(2).normal(0, 0.08, coord.shape)
    found = instances_from_votes(coord, offset + noise, ReadOut(radii=RADII))
    assert len(found.score) > 1
    assert (np.diff(found.score) <= 0).all()
    assert found.score.min() > 0
    assert found.score.max() <= 1


def test_the_order_of_the_points_does_not_matter(chairs):
    coord, _, offset = chairs
    order = np.random.default_rng(4).permutation(len(coord))
    config = ReadOut(radii=RADII)
    first = instances_from_votes(coord, offset, config).label(len(coord))
    second = instances_from_votes(coord[order], offset[order], config).label(len(coord))
    assert adjusted_rand_score(first[order], second) == 1.0


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_scene_of_few_points_has_no_instances(count):
    coord = np.zeros((count, 3))
    found = instances_from_votes(coord, coord, ReadOut(radii=RADII))
    assert found.rows == []
    assert found.label(count).tolist() == [-1] * count


def test_impossible_read_outs_are_refused():
    with pytest.raises(ConfigError, match="radii"):
        ReadOut(radii=())
    with pytest.raises(ConfigError, match="core_neighbours"):
        ReadOut(radii=(0.1,), core_neighbours=40)
