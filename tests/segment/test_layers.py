"""The studio's arrays of a segmentation say of every cell and point what was found."""

from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_arrays
from pointins_engine.run_log.scenes import InspectedScene
from pointins_engine.segment import layers
from pointins_engine.segment.files import save_arrays
from pointins_engine.segment.folder import read_offset, read_scan, write_offset
from pointins_engine.segment.layers import (
    layer_frame,
    read_layer,
    renumbered,
    true_cells,
    write_layer,
)
from tests.segment.small_scans import folder_of, found, stored


def test_a_stored_scan_comes_back(room, tmp_path):
    scan = stored(room)
    back = read_scan(folder_of(room, tmp_path / "s"))
    np.testing.assert_array_equal(back.coord, scan.coord)
    np.testing.assert_array_equal(back.truth, scan.truth)
    np.testing.assert_array_equal(back.votes.offset, scan.votes.offset)
    np.testing.assert_array_equal(back.votes.color, scan.votes.color)
    np.testing.assert_array_equal(back.votes.normal, scan.votes.normal)
    assert (back.asked, back.votes.grid_size) == (scan.asked, scan.votes.grid_size)


def test_a_cut_scan_is_refused_in_words(room, tmp_path):
    folder = folder_of(room, tmp_path / "s")
    whole = folder.points.read_bytes()
    for share in (0, 0.1, 0.5, 0.999):
        folder.points.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(RunError, match="is no segmentation"):
            read_scan(folder)


def test_votes_of_another_network_are_those_of_the_same_cells_or_refused(room, tmp_path):
    folder, scan = folder_of(room, tmp_path / "s"), stored(room)
    write_offset(folder, "other", scan.with_offset(2 * scan.votes.offset))
    back = read_offset(folder, "other", scan)
    np.testing.assert_array_equal(back.votes.offset, 2 * scan.votes.offset)
    with folder.votes_of("other").open("wb") as file:
        save_arrays(file, {"cell_offset": scan.votes.offset[:-1]}, {})
    with pytest.raises(RunError, match="of other cells"):
        read_offset(folder, "other", scan)


def test_what_is_drawn_is_a_part_of_the_points_and_all_of_the_cells(room, tmp_path, monkeypatch):
    monkeypatch.setattr(layers, "MAX_POINTS", 5000)
    folder, scan = folder_of(room, tmp_path / "s"), stored(room)
    shown = InspectedScene.from_arrays(*read_arrays(folder.scene))
    assert len(shown.coord_u16) == 5000
    np.testing.assert_allclose(shown.cell_coord, scan.votes.coord, atol=1e-4)
    distance = np.linalg.norm(shown.coord - shown.cell_coord[shown.cell_index], axis=1)
    assert distance.max() < scan.votes.grid_size * np.sqrt(3) + 1e-3
    assert set(np.unique(shown.instance_label)) == set(range(-1, 6))


def test_a_frame_collapses_each_instance_onto_its_centroid(room):
    segmentation = found(stored(room))
    frame = layer_frame(segmentation)
    owner = segmentation.cell_label
    place = segmentation.cell_coord + frame.offset_regularized
    np.testing.assert_allclose(place[owner >= 0], frame.centroid[owner[owner >= 0]], atol=1e-5)
    assert (frame.offset_regularized[owner < 0] == 0).all()
    np.testing.assert_array_equal(frame.offset_teacher, segmentation.cell_offset)


def test_an_id_without_points_is_drawn_upon_another_instance(room):
    segmentation = found(stored(room))
    label = np.where(segmentation.cell_label == 0, -1, segmentation.cell_label)
    frame = layer_frame(replace(segmentation, cell_label=label))
    np.testing.assert_array_equal(frame.centroid[0], frame.centroid[1])


@pytest.mark.parametrize("votes", ["", None])
def test_a_layer_comes_back_at_full_resolution(room, tmp_path, votes):
    folder = folder_of(room, tmp_path / "s")
    segmentation = found(stored(room), names={1: "bed"})
    write_layer(folder, "pointins-2", segmentation, label="PointINS 2", figures=None, votes=votes)
    assert folder.layer_names() == ["pointins-2"]
    back = read_layer(folder, "pointins-2")
    np.testing.assert_array_equal(back.label, segmentation.label)
    np.testing.assert_allclose(back.score, segmentation.score, atol=1e-4)
    assert back.names == {1: "bed"}
    expected = segmentation.cell_offset if votes == "" else 0
    np.testing.assert_array_equal(back.cell_offset, expected + np.zeros_like(back.cell_offset))


def test_a_layer_is_there_only_when_it_is_whole(room, tmp_path):
    folder = folder_of(room, tmp_path / "s")
    segmentation = found(stored(room))
    write_layer(folder, "pointins", segmentation, label="PointINS", figures=None)
    folder.frame("pointins").write_bytes(folder.frame("pointins").read_bytes()[:100])
    with pytest.raises(RunError, match="cannot be read as safetensors"):
        read_layer(folder, "pointins")
    folder.frame("pointins").unlink()
    assert folder.layer_names() == []
    with pytest.raises(RunError, match="there are: none yet"):
        read_layer(folder, "pointins")


def test_more_instances_than_a_frame_holds_are_refused(room, tmp_path):
    segmentation = found(stored(room), score=np.ones(40_000))
    with pytest.raises(RunError, match="a larger minimum size"):
        write_layer(folder_of(room, tmp_path / "s"), "dbscan", segmentation, label="", figures=None)


def test_a_cell_has_the_true_instance_of_most_of_its_points(room):
    scan = stored(room)
    label, score = true_cells(scan)
    cell = scan.votes.cell_of_point
    for number in range(0, len(label), 37):
        values, count = np.unique(scan.truth[cell == number], return_counts=True)
        assert count[values == label[number]] == count.max()
    np.testing.assert_array_equal(score, np.ones(6))


def test_true_instances_are_numbered_by_size_and_named_by_their_class():
    instance = np.int32([7, 7, 7, -1, 3, 3, 9])
    semantic = np.int32([1, 1, 0, 0, 0, 0, -1])
    truth, names = renumbered(instance, semantic, ("chair", "bed"))
    np.testing.assert_array_equal(truth, [0, 0, 0, -1, 1, 1, 2])
    assert names == {0: "bed", 1: "chair"}
    assert renumbered(np.int32([-1, -1]), None, ()) == (None, {})
