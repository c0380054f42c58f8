"""ScanNet and ScanNet200 in the official and in Pointcept's layout, written by the tests."""

from collections import Counter

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import open_dataset, recognise
from pointins_engine.scenes.datasets.mesh_normals import vertex_normals
from pointins_engine.scenes.datasets.scannet import classes_20, classes_200, official_split
from tests.scenes.datasets.writers import (
    GROUPS,
    TABLE,
    grid_mesh,
    write_pointcept,
    write_scan,
    write_table,
)


@pytest.fixture
def scannet(tmp_path):
    write_table(tmp_path)
    write_scan(tmp_path, "scene0000_00", groups=GROUPS)
    write_scan(tmp_path, "scene0011_00", groups=GROUPS)
    write_scan(tmp_path, "scene0707_00", folder="scans_test")
    return tmp_path


def read(root, id, name=""):
    dataset = recognise(root, name)
    entry = next(entry for entry in dataset.entries if entry.id == id)
    return dataset, *dataset.read(entry)


def test_the_tables_are_those_of_the_benchmarks():
    assert len(classes_20().names) == 20 and len(classes_20().things) == 18
    table = classes_200()
    assert len(set(table.names)) == 200 and len(table.things) == 198
    assert (table.names.index("wall"), table.names.index("floor")) == (0, 2)
    sizes = {group: len(names) for group, names in table.groups.items()}
    assert sizes == {"head": 66, "common": 68, "tail": 66}
    assert frozenset().union(*table.groups.values()) == set(table.names)


def test_the_splits_follow_from_the_names_of_the_scans():
    known = {
        "scene0000_00": "train", "scene0706_00": "train", "scene0010_01": "train",
        "scene0011_00": "val", "scene0011_01": "val", "scene0568_02": "val", "scene0704_01": "val",
        "scene0707_00": "test", "scene0806_00": "test",
    }  # fmt: skip
    assert {id: official_split(id) for id in known} == known
    rooms = Counter(official_split(f"scene{number:04}_00") for number in range(807))
    assert rooms == {"train": 565, "val": 142, "test": 100}  # rooms; 1,201, 312 and 100 scans


def test_a_scan_is_read_field_by_field(scannet):
    dataset, scene, notes = read(scannet, "scene0000_00")
    coord, color = write_scan(scannet, "scene0000_00", groups=GROUPS)
    assert (dataset.name, dataset.layout, notes) == ("scannet", "official", [])
    assert [entry.split for entry in dataset.entries] == ["test", "train", "val"]
    np.testing.assert_array_equal(scene.coord, coord)
    np.testing.assert_array_equal(scene.color, color)
    np.testing.assert_allclose(scene.normal, np.tile([0, 0, 1], (144, 1)), atol=1e-6)
    assert scene.intensity is None
    assert scene.class_names == classes_20().names
    by_segment = scene.semantic_label.reshape(12, 12)
    wall, chair = (scene.class_names.index(name) for name in ("wall", "chair"))
    assert (by_segment == by_segment[:, :1]).all()
    assert by_segment[:, 0].tolist() == [wall, wall, *[chair] * 4, *[-1] * 6]
    instance = scene.instance_label.reshape(12, 12)[:, 0]
    assert instance.tolist() == [0, 0, 1, 1, 2, 2, 3, 4, -1, -1, -1, -1]  # the later group wins


def test_the_same_scan_under_200_classes(scannet):
    dataset, scene, _ = read(scannet, "scene0000_00", "scannet200")
    labels = scene.semantic_label.reshape(12, 12)[:, 0]
    names = [dataset.classes.names[k] if k >= 0 else None for k in labels]
    assert names[:7] == ["wall", "wall", "office chair", "office chair", "chair", "chair", None]
    np.testing.assert_array_equal(
        scene.instance_label, read(scannet, "scene0000_00")[1].instance_label
    )


def test_a_test_scan_has_no_labels_at_all(scannet):
    _, scene, notes = read(scannet, "scene0707_00")
    assert scene.semantic_label is None and scene.instance_label is None and notes == []
    assert scene.class_names == () and scene.normal is not None


def test_without_the_table_of_labels_no_class_is_guessed(scannet):
    (scannet / TABLE).unlink()
    dataset, scene, notes = read(scannet, "scene0000_00")
    assert scene.semantic_label is None and TABLE in notes[0]
    assert any(TABLE in fault.fix for fault in dataset.faults())


def test_labels_of_another_length_are_refused_with_the_fix(scannet):
    write_scan(scannet, "scene0000_00", groups=GROUPS, segments=np.zeros(100, int))
    with pytest.raises(SceneError, match=r"100 segment ids for the 144 vertices.*same download"):
        read(scannet, "scene0000_00")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (".aggregation.json", '{"segGroups": [{"id": 1}]}', "without id, label and a list"),
        (".aggregation.json", "[1, 2", "expected a JSON object with the list `segGroups`"),
        ("_vh_clean_2.0.010000.segs.json", None, "missing, though .* needs it"),
        ("_vh_clean_2.0.010000.segs.json", '{"segIndices": 5}', "segIndices is no list"),
        ("_vh_clean_2.0.010000.segs.json", '{"segIndices": ["a"]}', "1 segment ids for the 144"),
    ],
)
def test_damaged_label_files_say_what_was_expected(scannet, file, content, words):
    path = scannet / "scans" / "scene0000_00" / f"scene0000_00{file}"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(SceneError, match=words):
        read(scannet, "scene0000_00")


def test_a_table_without_its_columns_is_refused(scannet):
    (scannet / TABLE).write_text("id,raw_category\n1,wall\n")
    with pytest.raises(SceneError, match="parted by tabs"):
        read(scannet, "scene0000_00")


def test_faults_name_what_is_missing(scannet):
    (scannet / "scans" / "scene0002_00").mkdir()
    write_scan(scannet, "scene0003_00")
    dataset = recognise(scannet)
    assert "scene0002_00" not in [entry.id for entry in dataset.entries]
    texts = {fault.path.name: fault.text for fault in dataset.faults()}
    assert "no scene0002_00_vh_clean_2.ply" in texts["scene0002_00"]
    assert "`train` scan without labels" in texts["scene0003_00"]
    assert set(texts) == {"scene0002_00", "scene0003_00"}  # a test scan needs no labels


def test_the_downloads_own_lists_of_scans_come_before_the_built_in_ones(scannet):
    (scannet / "scannetv2_train.txt").write_text("scene0011_00\nscene0123_00\n")
    dataset = recognise(scannet)
    assert [entry.id for entry in dataset.entries_of("train")] == ["scene0011_00"]
    assert [entry.id for entry in dataset.entries_of("val")] == ["scene0011_00"]
    assert any("1 of 2 names are no scene here" in fault.text for fault in dataset.faults())


def test_one_scan_alone_is_still_one_of_scannet(scannet):
    dataset = recognise(scannet / "scans" / "scene0011_00")
    assert [entry.id for entry in dataset.entries] == ["scene0011_00"]
    assert dataset.read(dataset.entries[0])[0].semantic_label is not None
    assert len(recognise(scannet / "scans").entries) == 2


def test_every_file_that_is_read_is_named(scannet):
    dataset = recognise(scannet)
    entry = dataset.entries_of("train")[0]
    assert {path.name.removeprefix(entry.id) for path in dataset.files(entry)} == {
        "_vh_clean_2.ply", ".aggregation.json", "_vh_clean_2.0.010000.segs.json", TABLE,
    }  # fmt: skip
    assert len(dataset.files(dataset.entries_of("test")[0])) == 2


def test_a_large_face_weighs_more_in_a_normal():
    coord = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 1], [0, 9, 0]], float)
    normal = vertex_normals(coord, np.array([[0, 1, 2], [0, 3, 1]]))
    flat, steep = 16 / 2, 4 / 2  # areas; the second face looks along +y
    expected = np.array([0, steep, flat]) / np.hypot(flat, steep)
    np.testing.assert_allclose(normal[0], expected, atol=1e-6)
    np.testing.assert_allclose(normal[2], [0, 0, 1], atol=1e-6)
    np.testing.assert_array_equal(normal[4], normal[2])  # no face: as the nearest vertex


def test_a_vertex_without_a_place_spoils_no_normal_but_its_own():
    coord, faces = grid_mesh(side=4)
    coord[5] = np.nan
    normal = vertex_normals(coord, faces)
    others = np.arange(16) != 5
    np.testing.assert_allclose(normal[others], np.tile([0, 0, 1], (15, 1)), atol=1e-6)


def test_pointcepts_arrays_hold_both_tables(tmp_path):
    segment = np.arange(200) % 21 - 1
    write_pointcept(
        tmp_path, "train", "scene0000_00",
        segment20=segment.astype(np.int16)[:, None],
        segment200=(np.arange(200)[:, None]).astype(np.int16),
        instance=np.arange(200).astype(np.int16) // 50 - 1,
        color=np.zeros((200, 3), np.uint8),
        normal=np.tile(np.float32([0, 0, 1]), (200, 1)),
    )  # fmt: skip
    write_pointcept(tmp_path, "test", "scene0707_00")
    dataset, scene, _ = read(tmp_path, "scene0000_00")
    assert (dataset.name, dataset.layout) == ("scannet", "pointcept")
    np.testing.assert_array_equal(scene.semantic_label, segment)
    np.testing.assert_array_equal(scene.instance_label, np.arange(200) // 50 - 1)
    assert scene.class_names == classes_20().names
    _, scene, _ = read(tmp_path, "scene0000_00", "scannet200")
    np.testing.assert_array_equal(scene.semantic_label, np.arange(200))
    unlabelled = open_dataset(tmp_path).read(dataset.entries_of("test")[0])[0]
    assert unlabelled.semantic_label is None and unlabelled.instance_label is None
    assert unlabelled.color is None and unlabelled.normal is None
