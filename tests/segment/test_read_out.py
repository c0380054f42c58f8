"""Instances read out of votes: what gathers is found, at whatever scale, and in a known order."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csgraph
from scipy.spatial import KDTree
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from pointins_engine.errors import ConfigError
from pointins_engine.geometry import rotation
from pointins_engine.segment import (
    ReadOut,
    automatic_read_out,
    instances_from_votes,
    spacing,
)

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
    assert found.score.min() > 0.7


def test_true_offsets_outvote_the_points_that_stay_where_they_are(chairs):
    coord, instance, offset = chairs
    found = instances_from_votes(coord, offset, ReadOut(radii=RADII, shares=(0.0, 0.5, 1.0)))
    assert adjusted_rand_score(instance, found.label(len(coord))) == 1.0


def test_a_gap_in_space_keeps_apart_what_votes_would_join():
    rng = np.random.default_rng(7)
    instance = np.repeat([0, 1], 200)
    coord = rng.uniform(0, 0.4, (400, 3)) + 0.8 * instance[:, None] * (1, 0, 0)
    offset = 0.95 * (coord.mean(axis=0) - coord)  # everything votes for one middle
    one_view = ReadOut(radii=RADII, num_neighbours=399)
    assert len(instances_from_votes(coord, offset, one_view).rows) == 1
    found = instances_from_votes(coord, offset, replace(one_view, shares=(0.0, 0.3, 1.0)))
    assert adjusted_rand_score(instance, found.label(400)) == 1.0


def test_mean_shift_carries_on_votes_that_fall_short(chairs):
    coord, instance, offset = chairs
    short = ReadOut(radii=(0.22,), num_neighbours=899)
    shifted = replace(short, shift_radius=0.18)
    rand = [
        adjusted_rand_score(instance, instances_from_votes(coord, 0.5 * offset, way).label(900))
        for way in (short, shifted)
    ]
    assert rand[0] < 0.9
    assert rand[1] == 1.0


def test_one_radius_and_no_cores_are_the_connected_components_of_the_votes(chairs):
    coord, _, offset = chairs
    noise = np.random.default_rng(2).normal(0, 0.05, coord.shape)
    config = ReadOut(radii=(0.03,), core_neighbours=0, num_neighbours=200, min_size=1)
    mine = instances_from_votes(coord, offset + noise, config)
    tree = KDTree(coord + offset + noise)
    links = tree.sparse_distance_matrix(tree, 0.03)
    count, label = csgraph.connected_components(links, directed=False)
    assert len(mine.rows) == count
    assert adjusted_rand_score(label, mine.label(len(coord))) == 1.0


def test_points_that_touch_hang_together_without_offsets(chairs):
    coord, _, _ = chairs
    found = instances_from_votes(coord, still(coord), ReadOut(radii=(0.15,)))
    assert [len(rows) for rows in found.rows] == [len(coord)]


def test_one_radius_groups_cores_as_dbscan_does():
    rng = np.random.default_rng(0)
    coord = rng.uniform(0, 1, (400, 3))
    config = ReadOut(radii=(0.1,), core_neighbours=3, min_size=1)
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


def test_colour_parts_what_touches(chairs):
    coord, instance, _ = chairs
    color = np.random.default_rng(5).uniform(0, 1, (5, 3))[instance]
    config = ReadOut(radii=(0.15, 0.2), color_weights=(2.0,))
    found = instances_from_votes(coord, still(coord), config, color=color)
    assert adjusted_rand_score(instance, found.label(len(coord))) == 1.0
    with pytest.raises(ConfigError, match="has no colour"):
        instances_from_votes(coord, still(coord), config)


def test_points_left_out_are_in_no_instance(chairs):
    coord, instance, offset = chairs
    left_out = instance == 2
    config = ReadOut(radii=RADII, join_radius=1.0)
    found = instances_from_votes(coord, offset, config, left_out=left_out)
    label = found.label(len(coord))
    assert (label[left_out] == -1).all()
    assert adjusted_rand_score(instance[~left_out], label[~left_out]) == 1.0


def test_what_is_left_joins_the_nearest_instance_and_nothing_beyond_the_radius(chairs):
    coord, _, offset = chairs
    stray = np.array([[0.2, 0.2, 0.45], [0.2, 0.2, 3.0]])
    coord, offset = np.concatenate([coord, stray]), np.concatenate([offset, [[0, 0, 0.9]] * 2])
    alone = instances_from_votes(coord, offset, ReadOut(radii=RADII)).label(len(coord))
    assert alone[-2:].tolist() == [-1, -1]
    joined = instances_from_votes(coord, offset, ReadOut(radii=RADII, join_radius=0.2))
    label = joined.label(len(coord))
    assert label[-2] == label[KDTree(coord[:900]).query(stray[0])[1]]
    assert label[-1] == -1


def test_the_surest_comes_first_and_scores_lie_between_0_and_1(chairs):
    coord, _, offset = chairs
    noise = np.random.default_rng(2).normal(0, 0.08, coord.shape)
    found = instances_from_votes(coord, offset + noise, ReadOut(radii=RADII, min_size=5))
    assert len(found.score) > 1
    assert (np.diff(found.score) <= 0).all()
    assert found.score.min() >= 0
    assert found.score.max() <= 1


def test_no_point_is_in_two_instances(chairs):
    coord, _, offset = chairs
    noise = np.random.default_rng(2).normal(0, 0.08, coord.shape)
    config = ReadOut(radii=RADII, shares=(0.0, 0.5, 1.0), min_size=5)
    rows = np.concatenate(instances_from_votes(coord, offset + noise, config).rows)
    assert len(rows) == len(np.unique(rows))


def test_order_and_place_of_the_points_do_not_matter(chairs):
    coord, _, offset = chairs
    offset = 0.6 * offset + np.random.default_rng(6).normal(0, 0.02, coord.shape)
    order = np.random.default_rng(4).permutation(len(coord))
    turn = rotation("z", 0.7) @ rotation("x", -0.3)
    config = ReadOut(radii=RADII, shares=(0.0, 0.5, 1.0), join_radius=0.1)
    first = instances_from_votes(coord, offset, config)
    moved = coord[order] @ turn.T + (3.0, -2.0, 1.0)
    second = instances_from_votes(moved, offset[order] @ turn.T, config)
    label = first.label(len(coord))[order]
    assert adjusted_rand_score(label, second.label(len(coord))) == 1.0
    np.testing.assert_allclose(first.score, second.score, atol=1e-9)


def test_a_box_comes_off_the_floor_where_the_surface_bends_inwards():
    steps = 0.05 * np.arange(-16, 26)
    x, y = (axis.ravel() for axis in np.meshgrid(steps, steps))
    is_hidden = (np.minimum(x, y) > 0.01) & (np.maximum(x, y) < 0.44)  # under the cube
    x, y = x[~is_hidden], y[~is_hidden]
    u, v = (axis.ravel() for axis in np.meshgrid(*[0.05 * np.arange(1, 9)] * 2))
    zero = 0 * u
    parts = [  # points and the way that they face: the floor, and the cube's top and sides
        (np.stack([x, y, 0 * x], 1), [0, 0, 1]),
        (np.stack([u, v, zero + 0.45], 1), [0, 0, 1]),
        (np.stack([zero, u, v], 1), [-1, 0, 0]),
        (np.stack([zero + 0.45, u, v], 1), [1, 0, 0]),
        (np.stack([u, zero, v], 1), [0, -1, 0]),
        (np.stack([u, zero + 0.45, v], 1), [0, 1, 0]),
    ]
    coord = np.concatenate([place for place, _ in parts])
    normal = np.concatenate([np.tile(np.array(way, float), (len(p), 1)) for p, way in parts])
    box = np.repeat([0, 1], [len(x), len(coord) - len(x)])
    flat = ReadOut(radii=(0.12,), core_neighbours=0)
    assert len(instances_from_votes(coord, still(coord), flat).rows) == 1
    bent = replace(flat, bend_weights=(2.0,))
    found = instances_from_votes(coord, still(coord), bent, normal=normal)
    assert adjusted_rand_score(box, found.label(len(coord))) == 1.0
    with pytest.raises(ConfigError, match="estimate them"):
        instances_from_votes(coord, still(coord), bent)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_scene_of_few_points_has_no_instances(count):
    coord = np.zeros((count, 3))
    found = instances_from_votes(
        coord, coord, automatic_read_out(0.1, has_color=False, domain="indoor"), normal=coord
    )
    assert found.rows == []
    assert found.label(count).tolist() == [-1] * count


def test_impossible_read_outs_are_refused():
    with pytest.raises(ConfigError, match="radii"):
        ReadOut(radii=())
    with pytest.raises(ConfigError, match="core_neighbours"):
        ReadOut(radii=(0.1,), core_neighbours=40)
    with pytest.raises(ConfigError, match="shares"):
        ReadOut(radii=(0.1,), shares=(-1.0,))
    with pytest.raises(ConfigError, match="color_weights"):
        ReadOut(radii=(0.1,), color_weights=())
    with pytest.raises(ConfigError, match="bend_weights"):
        ReadOut(radii=(0.1,), bend_weights=(-1.0,))
    with pytest.raises(ConfigError, match="shift_radius"):
        ReadOut(radii=(0.1,), shift_radius=-1.0)
    with pytest.raises(ConfigError, match="full_size"):
        ReadOut(radii=(0.1,), full_size=0)


def test_lengths_of_the_automatic_read_out_follow_the_grid_size():
    fine = automatic_read_out(0.02, has_color=True, domain="indoor")
    coarse = automatic_read_out(0.06, has_color=True, domain="indoor")
    np.testing.assert_allclose(3 * np.array(fine.radii), coarse.radii)
    np.testing.assert_allclose(3 * np.array(fine.color_weights), coarse.color_weights)
    assert automatic_read_out(0.06, has_color=False, domain="indoor").color_weights == (0.0,)
    chosen = automatic_read_out(0.06, has_color=True, domain="outdoor", radius=0.5, min_size=33)
    assert (chosen.radii[0], chosen.min_size) == (0.5, 33)
    table_top = automatic_read_out(0.06, has_color=True, domain="indoor", is_enlarged=True)
    assert table_top.shares == (0.0,)


def test_spacing_is_the_edge_of_a_lattice():
    axis = 0.05 * np.arange(12)
    lattice = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    assert spacing(lattice) == pytest.approx(0.05)
    assert spacing(1000 * lattice) == pytest.approx(50)
    assert spacing(lattice[:1]) == 0
