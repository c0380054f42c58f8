"""A network's votes for a whole scan: nothing is lost by scale or by tiles."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from pointins_engine.errors import SceneError
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.segment.cells import plain_cells
from pointins_engine.segment.grouping import cut_tiles, group_votes, ranked
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.segment.votes import notes_on, scene_votes
from tests.segment.oracle import oracle, small_network

WHOLE = SegmentSettings(domain="indoor")
TILES = replace(WHOLE, max_tile_points=3000)


def resized(room, factor):
    return replace(room, coord=(room.coord * np.float32(factor)).astype(np.float32))


def agreement(room, votes, found):
    """Adjusted Rand index with the true instances, over the points of those."""
    inside = room.instance_label >= 0
    label = found.label[votes.cell_of_point]
    return adjusted_rand_score(room.instance_label[inside], label[inside])


def num_large(found):
    return int((np.bincount(found.label[found.label >= 0]) > 100).sum())


def tile_counts(told):
    return {total for phase, _, total in told if phase == "network"}


def test_a_point_belongs_to_the_cell_nearest_to_it(room):
    votes = plain_cells(room, WHOLE)
    rows = np.arange(0, len(room), 50)
    distance = cdist(room.coord[rows], votes.coord)
    np.testing.assert_allclose(
        distance[np.arange(len(rows)), votes.cell_of_point[rows]], distance.min(axis=1), atol=1e-5
    )


def test_cells_without_a_network_vote_for_themselves_and_keep_colour_and_planes(room):
    votes = plain_cells(room, WHOLE)
    assert not votes.offset.any() and votes.domain == "indoor"
    row = KDTree(room.coord).query(votes.coord)[1]
    np.testing.assert_array_equal(np.round(255 * votes.color), room.color[row])
    np.testing.assert_array_equal(votes.is_plane, room.is_plane[row])


def test_normals_that_were_all_turned_round_are_turned_back():
    scan = simulate_room(3)
    turned = replace(scan, normal=-scan.normal)
    np.testing.assert_array_equal(
        plain_cells(scan, WHOLE).normal, plain_cells(turned, WHOLE).normal
    )
    small = resized(turned, 0.1)  # seen from outside, where nobody can tell
    np.testing.assert_array_equal(
        plain_cells(small, WHOLE).normal, -plain_cells(resized(scan, 0.1), WHOLE).normal
    )


def test_offsets_of_cells_reach_the_points_in_metres_of_the_scan(room):
    votes = scene_votes(room, oracle(room), WHOLE)
    label = room.instance_label
    goal = np.stack([room.coord[label == k].mean(axis=0) for k in range(6)])
    vote = (votes.coord + votes.offset)[votes.cell_of_point]
    inside = label >= 0
    error = np.linalg.norm(vote[inside] - goal[label[inside]], axis=1)
    assert np.median(error) < 0.1  # cells of 12 cm


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_a_small_scan_is_segmented_as_a_large_one(room, scale):
    small = resized(room, scale)
    votes = scene_votes(small, oracle(small, 1 / scale), replace(WHOLE, scale=1 / scale))
    found = group_votes(votes, WHOLE)
    assert votes.grid_size == pytest.approx(0.06 * scale)
    assert agreement(room, votes, found) > 0.8  # the lowest points lie in voxels of the floor
    assert num_large(found) == 6


def test_tiles_give_the_instances_of_the_whole(room):
    told = []
    votes = scene_votes(room, oracle(room), TILES, lambda *words: told.append(words))
    assert max(tile_counts(told)) > 1
    found = group_votes(votes, TILES)
    whole = scene_votes(room, oracle(room), WHOLE)
    one = group_votes(whole, WHOLE)
    assert agreement(room, votes, found) > 0.8 and agreement(room, whole, one) > 0.8
    assert num_large(found) == num_large(one) == 6


def test_tiles_together_hold_every_point_once_and_none_is_too_large(room):
    tiles = cut_tiles(room.coord, 3000, 0.06)
    assert np.sum([tile.is_core.sum() for tile in tiles]) == len(room)
    assert max(len(tile.rows) for tile in tiles) <= 3000


def test_the_same_scan_gives_the_same_votes(room):
    first, second = (scene_votes(room, small_network(), WHOLE) for _ in range(2))
    np.testing.assert_array_equal(first.offset, second.offset)
    np.testing.assert_array_equal(first.cell_of_point, second.cell_of_point)


def test_a_scan_of_a_few_voxels_is_refused_with_the_fix(room):
    with pytest.raises(SceneError, match=r"too few to hold an object.*--units"):
        scene_votes(resized(room, 0.01), small_network(), replace(WHOLE, scale=1.0))


def test_ids_follow_the_scores_and_crumbs_are_dropped():
    label = np.repeat([0, 1, 2, -1], [10, 20, 3, 5])
    found = ranked(label, np.repeat([0.2, 0.9, 0.99, 0.0], [10, 20, 3, 5]), min_size=5)
    np.testing.assert_array_equal(found.label, np.repeat([1, 0, -1], [10, 20, 8]))
    np.testing.assert_allclose(found.score, [0.9, 0.2])


def test_nothing_named_is_no_instance():
    found = ranked(np.full(4, -1), np.zeros(4), min_size=1)
    assert len(found.score) == 0 and (found.label == -1).all()


def test_what_speaks_against_a_result_is_said(room):
    network = small_network()
    bare = replace(room, color=None)
    settings = SegmentSettings(scale=2.0, domain="outdoor")
    notes = " ".join(notes_on(bare, network, scene_votes(bare, network, settings)))
    assert "scaled by 2" in notes and "no colour" in notes
    assert "learned from indoor scans" in notes and "builtin:outdoor" in notes
    assert notes_on(room, network, scene_votes(room, network, replace(WHOLE, scale=1.0))) == []
