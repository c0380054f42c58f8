"""What was found in a scan comes back from its files, in our readers and in other programs."""

import json
import resource
from dataclasses import replace

import numpy as np
import open3d as o3d
import pytest

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.palette import UNASSIGNED, categorical, rgb
from pointins_engine.scenes.readers import read_scene
from pointins_engine.segment.coco import run_lengths
from pointins_engine.segment.files import FORMATS, read_segmentation, write_segmentation
from tests.segment.small_scans import found, stored

UTM = np.array([3.5e5, 5.6e6, 100.0])


@pytest.fixture
def segmentation(room):
    return found(stored(room))


def ids_of(path):
    """Instance ids of a PLY file, and its coordinates and colours, as Open3D reads them."""
    cloud = o3d.t.io.read_point_cloud(str(path)).point
    return tuple(cloud[name].numpy() for name in ("instance", "positions", "colors"))


def test_the_table_of_instances_tells_what_the_points_tell(segmentation, room):
    table = segmentation.instances()
    label = segmentation.label
    assert [row["id"] for row in table] == list(range(6))
    for row in table:
        points = room.coord[label == row["id"]]
        assert row["points"] == len(points)
        np.testing.assert_allclose(row["centroid"], points.mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(row["extent"], np.ptp(points, axis=0), atol=1e-4)
    assert sum(row["cells"] for row in table) == (segmentation.cell_label >= 0).sum()


def test_an_id_without_points_has_no_row_and_no_centroid(segmentation):
    label = np.where(segmentation.cell_label == 2, 1, segmentation.cell_label)
    merged = replace(segmentation, cell_label=label)
    assert [row["id"] for row in merged.instances()] == [0, 1, 3, 4, 5]
    assert np.isnan(merged.centroid[2]).all() and np.isfinite(merged.centroid[[0, 1, 3]]).all()


def test_a_label_without_a_score_and_a_cell_that_is_not_there_are_refused(segmentation):
    with pytest.raises(ConfigError, match=r"with 2 scores they must lie in -1\.\.1"):
        replace(segmentation, score=np.ones(2))
    with pytest.raises(ConfigError, match="cells of points reach from"):
        replace(segmentation, cell_of_point=segmentation.cell_of_point + 1)


def test_a_ply_has_the_same_ids_and_coordinates_in_open3d_and_in_our_reader(segmentation, tmp_path):
    path = write_segmentation(tmp_path, "my room", segmentation, ["ply"])["ply"]
    assert path.name == "my room.ply"
    instance, position, color = ids_of(path)
    np.testing.assert_array_equal(instance[:, 0], segmentation.label)
    np.testing.assert_array_equal(position, segmentation.coord)
    expected = np.rint(255 * categorical(segmentation.label, "light"))
    np.testing.assert_array_equal(color, expected)
    assert (color[segmentation.label < 0] == np.rint(255 * rgb(UNASSIGNED["light"]))).all()
    scene = read_scene(path)
    np.testing.assert_array_equal(scene.instance_label, segmentation.label)
    np.testing.assert_array_equal(scene.coord, segmentation.coord)


def test_georeferenced_coordinates_keep_their_millimetres(segmentation, tmp_path):
    placed = replace(segmentation, origin=UTM)
    files = write_segmentation(tmp_path, "site", placed, ["ply", "npz"])
    instance, position, _ = ids_of(files["ply"])
    assert position.dtype == np.float64
    np.testing.assert_allclose(position - UTM, segmentation.coord, atol=1e-6)
    np.testing.assert_array_equal(instance[:, 0], segmentation.label)
    scene = read_scene(files["ply"])
    np.testing.assert_allclose(scene.coord + (scene.origin - UTM), segmentation.coord, atol=1e-5)
    np.testing.assert_allclose(read_segmentation(files["npz"]).coord, segmentation.coord, atol=1e-6)


def test_an_npz_gives_the_segmentation_back_and_is_a_scan_too(segmentation, tmp_path):
    named = replace(segmentation, names={3: "chair"}, by_hand=frozenset({4}))
    path = write_segmentation(tmp_path, "room", named, ["npz"])["npz"]
    back = read_segmentation(path)
    for name in ("coord", "color", "cell_of_point", "cell_coord", "cell_offset", "cell_is_plane"):
        np.testing.assert_array_equal(getattr(back, name), getattr(named, name))
    np.testing.assert_array_equal(back.label, named.label)
    np.testing.assert_allclose(back.score, named.score, atol=1e-7)
    assert (back.names, back.by_hand, back.settings) == ({3: "chair"}, {4}, {"radius": 0.1})
    assert back.instances() == named.instances()
    scene = read_scene(path)
    np.testing.assert_array_equal(scene.instance_label, named.label)
    np.testing.assert_array_equal(scene.color, named.color)


def test_run_lengths_over_points_give_every_mask_back(segmentation, tmp_path):
    named = replace(segmentation, names={0: "chair", 1: "bed"}, origin=UTM)
    path = write_segmentation(tmp_path, "room", named, ["coco"])["coco"]
    record = json.loads(path.read_text())
    names = {kind["id"]: kind["name"] for kind in record["categories"]}
    assert [names[a["category_id"]] for a in record["annotations"]] == [
        "chair",
        "bed",
        *["object"] * 4,
    ]
    for annotation in record["annotations"]:
        counts = annotation["segmentation"]["counts"]
        inside = np.arange(len(counts)) % 2 == 1
        mask = np.repeat(inside, counts)
        mask = np.append(mask, np.zeros(annotation["segmentation"]["size"][0] - len(mask), bool))
        np.testing.assert_array_equal(mask, named.label == annotation["id"])
        assert annotation["area"] == mask.sum()
        points = named.coord[mask]
        box = [*(points.min(axis=0) + UTM), *np.ptp(points, axis=0)]
        np.testing.assert_allclose(annotation["bbox"], box, atol=1e-3)


@pytest.mark.parametrize("mask", ["", "0", "1", "0011", "1100", "10101", "000"])
def test_run_lengths_begin_outside_and_add_up(mask):
    inside = np.array([digit == "1" for digit in mask], bool)
    counts = run_lengths(np.flatnonzero(inside), len(inside))
    assert sum(counts) == len(inside)
    np.testing.assert_array_equal(np.repeat(np.arange(len(counts)) % 2 == 1, counts), inside)


def test_the_json_says_where_it_comes_from(segmentation, tmp_path):
    path = write_segmentation(tmp_path, "room", replace(segmentation, origin=UTM), ["json"])["json"]
    record = json.loads(path.read_text())
    assert record["provenance"] == {"network": {"checkpoint": "none"}}
    assert record["coordinates"] == {"unit": "m", "up": "z", "origin": UTM.tolist()}
    np.testing.assert_allclose(
        record["instances"][0]["centroid"], segmentation.centroid[0] + UTM, atol=1e-3
    )


def test_a_scan_without_objects_has_files_too(segmentation, tmp_path):
    nothing = np.full_like(segmentation.cell_label, -1)
    empty = replace(segmentation, cell_label=nothing, score=np.zeros(0))
    files = write_segmentation(tmp_path, "empty", empty, FORMATS)
    assert (ids_of(files["ply"])[0] == -1).all()
    assert read_segmentation(files["npz"]).instances() == []
    assert json.loads(files["coco"].read_text())["annotations"] == []


def test_cut_and_foreign_archives_are_refused_in_words(segmentation, tmp_path):
    path = write_segmentation(tmp_path, "room", segmentation, ["npz"])["npz"]
    whole = path.read_bytes()
    for share in (0, 0.01, 0.3, 0.7, 0.99, 0.9999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(RunError, match="is no segmentation"):
            read_segmentation(path)
    np.savez(path, coord=np.zeros((3, 3)))
    with pytest.raises(RunError, match="is no segmentation"):
        read_segmentation(path)
    with pytest.raises(RunError, match="No such file"):
        read_segmentation(tmp_path / "none.npz")


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(segmentation, tmp_path):
    path = write_segmentation(tmp_path, "room", segmentation, ["ply"])["ply"]
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for format in FORMATS:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
        try:
            with pytest.raises(RunError, match="cannot be written"):
                write_segmentation(tmp_path, "room", segmentation, [format])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in tmp_path.iterdir()] == ["room.ply"]
    assert path.read_bytes() == before


def test_unknown_formats_and_names_with_folders_are_refused(segmentation, tmp_path):
    with pytest.raises(ConfigError, match="there are: ply, npz, json, coco"):
        write_segmentation(tmp_path, "room", segmentation, ["las"])
    for name in ("", "../room", ".hidden"):
        with pytest.raises(ConfigError, match="cannot name files"):
            write_segmentation(tmp_path, name, segmentation)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be made"):
        write_segmentation(tmp_path / "file" / "sub", "room", segmentation)
