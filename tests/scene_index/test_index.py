"""The index says of scans what is known of them, and makes no scene twice."""

import os
import queue
import shutil

import numpy as np
import pytest

from pointins_engine.run_log.files import read_arrays
from pointins_engine.run_log.scenes import InspectedScene
from pointins_engine.scene_index.__main__ import main
from pointins_engine.scene_index.arrays import drawn_scene, true_instances
from pointins_engine.scene_index.cache import CollectionFolder
from pointins_engine.scene_index.job import Progress, make_index
from pointins_engine.scene_index.listing import list_scenes
from pointins_engine.scene_index.measure import plan_density
from pointins_engine.scenes import read_scene
from tests.boxed_scans import POINTS_A_BOX, write_folder


def rows_of(folder) -> dict:
    return {row.id: row for row in folder.read_rows()[0]}


def test_every_scan_has_a_row_and_a_broken_one_says_why(index):
    rows = rows_of(index)
    assert set(rows) == {"small", "large", "bare", "torn"}
    assert rows["torn"].facts is None and "coord.npy" in rows["torn"].error
    assert all(rows[id].error is None for id in ("small", "large", "bare"))
    assert index.read_progress()["status"] == "finished"


def test_facts_are_those_of_the_scan(index):
    facts = rows_of(index)["small"].facts
    assert facts["points"] == 12_000 + 3 * POINTS_A_BOX
    assert facts["num_instances"] == 3
    assert facts["domain"] == "indoor"
    assert facts["extent_m"][0] == pytest.approx(4.0, abs=0.01)


def test_offsets_found_without_labels_are_near_those_of_the_labels(index):
    # Half the edge is the least a point of a cube is from its centre; the corners are 0.87 edges.
    for id, edge in (("small", 0.4), ("large", 1.0)):
        row = rows_of(index)[id]
        found, true = np.array(row.lengths), np.array(row.true_lengths)
        assert 0.45 * edge < true.min() and true.max() < 0.9 * edge
        assert np.abs(found - true).mean() < 0.1 * true.mean()  # a few clusters lose their feet
    assert rows_of(index)["bare"].true_lengths is None


def test_what_is_drawn_lies_where_the_scan_does(index, scans):
    row = rows_of(index)["large"]
    drawn = InspectedScene.from_arrays(*read_arrays(index.scene(row.id, row.key)))
    scan = read_scene(scans / "large")
    assert len(drawn.coord) == len(scan)
    np.testing.assert_allclose(np.ptp(drawn.coord, axis=0), np.ptp(scan.coord, axis=0), atol=1e-3)


def test_the_truth_carries_every_point_to_its_centroid(index, scans):
    row = rows_of(index)["large"]
    drawn = InspectedScene.from_arrays(*read_arrays(index.scene(row.id, row.key)))
    truth, _ = read_arrays(index.truth(row.id, row.key))
    scan = read_scene(scans / "large")
    for number in range(2):
        mean = scan.coord[scan.instance_label == number].mean(axis=0)
        np.testing.assert_allclose(truth["centroid"][number], mean, atol=1e-4)
    assert drawn.instance_label is not None
    cells = truth["pseudo_instance"][drawn.cell_index]
    np.testing.assert_array_equal(cells, drawn.instance_label)  # no cell holds two instances
    goal = drawn.cell_coord + truth["offset_teacher"]
    has_one = truth["pseudo_instance"] >= 0
    expected = truth["centroid"][truth["pseudo_instance"][has_one]]
    np.testing.assert_allclose(goal[has_one], expected, atol=2e-3)  # offsets are half floats
    assert not truth["offset_teacher"][~has_one].any()


def test_a_scan_without_labels_has_no_truth(index):
    row = rows_of(index)["bare"]
    assert index.scene(row.id, row.key).is_file()
    assert not index.truth(row.id, row.key).exists()


def test_instances_are_numbered_in_the_order_of_their_labels():
    coord = np.float32([[0, 0, 0], [2, 0, 0], [9, 9, 9], [4, 0, 0]])
    row, centroid = true_instances(np.array([70, 7, -1, 70]), coord)
    np.testing.assert_array_equal(row, [1, 0, -1, 1])
    np.testing.assert_allclose(centroid, [[2, 0, 0], [2, 0, 0]])


def test_a_large_scene_is_thinned_evenly_and_keeps_its_centroids(monkeypatch, scans):
    monkeypatch.setattr("pointins_engine.scene_index.arrays.MAX_POINTS", 2000)
    scan = read_scene(scans / "small")
    drawn, truth = drawn_scene("small", scan, np.zeros(len(scan), bool), 0.08)
    assert len(drawn.coord_u16) == 2000 and truth is not None
    left = (scan.coord[:, 0] < 2).mean()
    assert (drawn.coord[:, 0] < 2).mean() == pytest.approx(left, abs=0.03)
    mean = scan.coord[scan.instance_label == 0].mean(axis=0)
    np.testing.assert_allclose(truth.centroid[0], mean, atol=1e-4)


def test_density_counts_points_over_the_ground_that_they_cover():
    side = np.linspace(0.05, 3.95, 40)
    x, y = np.meshgrid(side, side)
    floor = np.stack([x.ravel(), y.ravel(), np.zeros(1600)], axis=1)
    assert plan_density(floor) == pytest.approx(100.0)
    far = floor + np.array([100, 0, 0])
    assert plan_density(np.concatenate([floor, far])) == pytest.approx(100.0)


@pytest.fixture
def own(tmp_path, index, scans):
    """A folder of scans and its index, both to be changed."""
    source = write_folder(tmp_path / "scans")
    cache = tmp_path / "cache"
    assert main([str(source), "--cache", str(cache)]) == 0
    return source, cache, CollectionFolder.of(cache, str(source))


def read_again(source, folder, **options) -> list[str]:
    """Ids of the scenes that a job reads, in order."""
    listing = list_scenes(str(source))
    read: list[str] = []

    def noted(index, whole=listing.read):
        read.append(listing.ids[index])
        return whole(index)

    object.__setattr__(listing, "read", noted)
    make_index(str(source), listing, folder, Progress(folder.progress), **options)
    return read


def test_only_what_is_missing_changed_or_damaged_is_read_again(own):
    source, _, folder = own
    assert read_again(source, folder) == ["torn"]  # what failed is tried once more
    rows = rows_of(folder)
    os.utime(source / "bare" / "coord.npy", ns=(0, 1))
    folder.scene("small", rows["small"].key).unlink()
    with folder.scene("large", rows["large"].key).open("r+b") as file:
        file.truncate(1000)
    assert read_again(source, folder) == ["bare", "large", "small", "torn"]
    assert read_again(source, folder) == ["torn"]
    shutil.rmtree(source / "torn")
    assert read_again(source, folder) == []
    assert set(rows_of(folder)) == {"small", "large", "bare"}


def test_what_somebody_waits_for_comes_next_and_a_suspect_last(own):
    source, _, folder = own
    folder.rows.unlink()
    wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
    for id in ("nobody", "torn"):
        wanted.put(id)
    order = read_again(source, folder, wanted=wanted, suspect="large")
    assert order == ["bare", "torn", "small", "large"]
    assert read_again(source, folder, only=["small"]) == ["small"]


def test_a_source_that_is_not_there_says_so(tmp_path):
    assert main([str(tmp_path / "none"), "--cache", str(tmp_path)]) == 2
    progress = CollectionFolder.of(tmp_path, str(tmp_path / "none")).read_progress()
    assert progress["status"] == "failed" and "no such file" in progress["detail"]


def test_simulated_scenes_are_those_of_the_validation_seeds():
    listing = list_scenes("sim:rooms", 2)
    assert list(listing.ids) == ["room_1000000000", "room_1000000001"]
    assert listing.files(0)  # the simulator's own files: a new version of it is another scene
