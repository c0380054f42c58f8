"""Tiles cut a cloud completely, reach far enough, and what was said of them comes back whole."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import KDTree

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.scenes import open_scenes
from pointins_engine.scenes.tiles import (
    Tile,
    merge_instances,
    merge_values,
    plan_tiles,
    take,
    tiles,
)


@pytest.fixture(scope="module")
def plain_cloud():
    """12,000 points on 24 by 10 m, a quarter of them crowded into one corner."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(0, 1, (9000, 3)) * [24, 10, 2]
    crowd = rng.uniform(0, 1, (3000, 3)) * [2, 2, 2]
    return np.concatenate([spread, crowd])[rng.permutation(12_000)]


def relabelled(cut, label, seed=0):
    """Each tile with the true instances under numbers of its own, as a segmentation gives them."""
    rng = np.random.default_rng(seed)
    for tile in cut:
        new_name = np.append(rng.permutation(label.max() + 1) + 5, -1)
        yield tile, new_name[label[tile.rows]]


def assert_same_partition(found, truth):
    np.testing.assert_array_equal(found < 0, truth < 0)
    pairs = np.unique(np.stack([found, truth], axis=1)[truth >= 0], axis=0)
    assert len(pairs) == len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1]))


@pytest.mark.parametrize("overlap", [0.0, 0.5, 2.0])
def test_every_point_is_in_one_core_and_all_its_neighbours_are_in_that_tile(plain_cloud, overlap):
    cores = np.zeros(len(plain_cloud), int)
    cut = list(tiles(plain_cloud, 7000, overlap))
    assert len(cut) > 1
    for tile in cut:
        assert len(tile.rows) <= 7000
        assert (np.diff(tile.rows) > 0).all()
        core = tile.rows[tile.is_core]
        cores[core] += 1
        asked, reach = plain_cloud[core[::7]], overlap * (1 - 1e-9)
        inside, everywhere = (
            KDTree(points).query_ball_point(asked, reach, return_length=True)
            for points in (plain_cloud[tile.rows], plain_cloud)
        )
        np.testing.assert_array_equal(inside, everywhere)
    assert (cores == 1).all()


def test_tiles_have_about_the_same_size_however_dense_the_cloud_is(plain_cloud):
    sizes = [tile.is_core.sum() for tile in tiles(plain_cloud, 1500, 0.0)]
    assert len(sizes) == 8 and max(sizes) - min(sizes) <= 1


def test_a_cloud_within_the_budget_is_one_tile(plain_cloud):
    (tile,) = tiles(plain_cloud, 12_000, 1.0)
    assert tile.is_core.all() and len(tile.rows) == 12_000
    assert list(tiles(plain_cloud[:0], 10, 1.0)) == []


def test_a_halo_that_leaves_no_room_is_refused_with_figures(plain_cloud):
    with pytest.raises(SceneError, match=r"to reach 5 m around them, and 1,000 may be in it"):
        list(tiles(plain_cloud, 1000, 5.0))
    with pytest.raises(SceneError, match="not possible"):
        list(tiles(plain_cloud, 0, 1.0))
    overlaps = plan_tiles(plain_cloud, 1000)  # takes the widest overlap that fits
    assert max(map(len, overlaps)) <= 1000


def test_values_come_back_from_the_tile_of_their_core(plain_cloud):
    parts = [
        (tile, np.where(tile.is_core[:, None], plain_cloud[tile.rows], np.nan))
        for tile in tiles(plain_cloud, 4000, 1.0)
    ]
    np.testing.assert_array_equal(merge_values(len(plain_cloud), iter(parts)), plain_cloud)


def test_true_instances_of_the_tiles_merge_to_the_true_instances(room):
    """A simulated room in tiles smaller than a bed, floor and walls included."""
    room = take(room, np.arange(0, len(room), 4), "thin")
    cut = list(tiles(room.coord, 5000, 0.6))
    assert len(cut) >= 4
    truth = connected_instances(room)
    assert len(np.unique(truth)) > 5
    found = merge_instances(len(room), relabelled(cut, truth))
    assert_same_partition(found, truth)
    known = np.unique(found[found >= 0], return_index=True)
    np.testing.assert_array_equal(known[0], np.arange(len(known[0])))
    firsts = [np.flatnonzero(found == k)[0] for k in known[0]]
    assert firsts == sorted(firsts)


def connected_instances(room):
    """The room's instances, without those that a scanner has left in pieces."""
    truth = room.instance_label.astype(np.int64)
    for name in np.unique(truth[truth >= 0]):
        rows = np.flatnonzero(truth == name)
        pairs = KDTree(room.coord[rows]).query_pairs(0.4, output_type="ndarray")
        reached = np.zeros(len(rows), bool)
        reached[0] = True
        for _ in range(200):
            touched = reached[pairs].any(axis=1)
            fresh = np.unique(pairs[touched])
            if reached[fresh].all():
                break
            reached[fresh] = True
        if not reached.all():
            truth[rows] = -1
    return truth


def test_an_instance_over_the_corner_of_four_tiles_is_one():
    step = np.arange(-2, 2, 0.05) + 0.025
    floor = np.stack(np.meshgrid(step, step, [0.0], indexing="ij"), -1).reshape(-1, 3)
    table = (abs(floor[:, :2]) < 0.6).all(axis=1)
    cut = list(tiles(floor, 2400, 0.3))
    assert len(cut) == 4 and all(table[tile.rows[tile.is_core]].any() for tile in cut)
    found = merge_instances(len(floor), relabelled(cut, np.where(table, 0, -1)))
    np.testing.assert_array_equal(found, np.where(table, 0, -1))


def test_instances_that_touch_on_a_border_stay_apart():
    """Two boxes side by side with the border of the tiles between them, and one across it."""
    x = np.arange(0, 4, 0.02)
    line = np.stack([x, np.zeros_like(x), np.zeros_like(x)], axis=1)
    rows = np.concatenate([line + np.array([0, 0.1 * k, 0]) for k in range(4)])
    left, lower = rows[:, 0] < 2.0, rows[:, 1] < 0.15
    truth = np.select([~lower, left], [2, 0], 1)
    cut = list(tiles(rows, 500, 0.3))
    assert len(cut) == 2
    assert_same_partition(merge_instances(len(rows), relabelled(cut, truth)), truth)


def test_tiles_that_disagree_are_not_joined():
    """The right tile sees in its halo one instance where the left one saw two."""
    left = Tile(rows=np.arange(0, 12), is_core=np.arange(12) < 10)
    right = Tile(rows=np.arange(6, 20), is_core=np.arange(6, 20) >= 10)
    two = np.where(np.arange(12) < 9, 0, 1)  # rows 6 to 8 are 0, 9 to 11 are 1
    one = np.zeros(14, int)
    found = merge_instances(20, [(left, two), (right, one)])
    assert found.tolist() == [0] * 9 + [1] + [2] * 10  # 3 of 6 points agree with either: none wins
    mostly = np.where(np.arange(12) < 7, 0, 1)  # 1 of 6 and 5 of 6
    found = merge_instances(20, [(left, mostly), (right, one)])
    assert found.tolist() == [0] * 7 + [1] * 13


def test_merging_needs_no_more_memory_for_more_tiles(plain_cloud):
    label = np.arange(len(plain_cloud)) % 50

    def peak(max_points):
        cut = list(tiles(plain_cloud, max_points, 0.05))
        tracemalloc.start()
        merge_instances(len(plain_cloud), relabelled(cut, label))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, len(cut)

    (few, num_few), (many, num_many) = peak(6400), peak(900)
    assert num_few == 2 and num_many >= 16
    assert many < 2 * few


def test_a_huge_scan_is_trained_on_as_tiles(tmp_path, room):
    room = take(room, np.arange(0, len(room), 4), "thin")
    np.savez(tmp_path / "hall.npz", coord=room.coord, instance=room.instance_label)
    np.save(tmp_path / "small.npy", room.coord[::10])
    config = SceneConfig(source=str(tmp_path), max_scene_points=5000, grid_size=0.1)
    scenes = open_scenes(config, seed=0)
    assert scenes.ids[-1] == "small" and scenes.ids[0] == "hall-tile0" and len(scenes) > 3
    assert any("hall.npz has more than 5,000 points" in note for note in scenes.warnings)
    seen = []
    for scene in scenes:
        assert len(scene) <= 5000 and scene.normal is not None and scene.is_plane is not None
        seen.append(scene.coord)
    assert len(np.unique(np.concatenate(seen[:-1]), axis=0)) == len(np.unique(room.coord, axis=0))
    whole = replace(config, max_scene_points=100_000)
    assert open_scenes(whole, seed=0).ids == ["hall", "small"]


def test_points_are_taken_with_all_that_is_known_of_them(room):
    rows = np.array([5, 3, 400])
    part = take(room, rows, "part")
    assert part.id == "part" and part.class_names == room.class_names
    for name in ("coord", "color", "normal", "semantic_label", "instance_label"):
        np.testing.assert_array_equal(getattr(part, name), getattr(room, name)[rows])
