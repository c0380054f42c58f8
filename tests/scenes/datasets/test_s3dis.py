"""S3DIS in the official text files and in Pointcept's folders, written by the tests."""

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import recognise
from pointins_engine.scenes.datasets.s3dis import CLASSES, read_points
from tests.scenes.datasets.writers import (
    write_object,
)

RNG = np.random.default_rng(6)


@pytest.fixture
def s3dis(tmp_path):
    for area in (1, 2, 5):
        for name in ("ceiling_1", "chair_1", "chair_2"):
            write_object(tmp_path / f"Area_{area}" / "office_1", name)
    (tmp_path / "Area_1" / "Area_1_alignmentAngle.txt").write_text("## rotation\noffice_1 90\n")
    return tmp_path


def test_a_room_is_read_field_by_field(s3dis):
    room = s3dis / "Area_1" / "office_2"
    parts = {n: write_object(room, n) for n in ("wall_1", "chair_2", "stairs_1", "chair_10")}
    dataset = recognise(s3dis)
    entry = next(e for e in dataset.entries if e.id == "Area_1_office_2")
    scene, notes = dataset.read(entry)
    order = sorted(parts)  # the place of its file is an object's instance id
    expected = np.concatenate([parts[name] for name in order])
    np.testing.assert_allclose(scene.coord, expected[:, :3], atol=1e-6)
    np.testing.assert_array_equal(scene.color, expected[:, 3:])
    np.testing.assert_array_equal(scene.instance_label, np.repeat(np.arange(4), 60))
    found = [scene.class_names[k] for k in scene.semantic_label[::60]]
    assert found == ["chair", "chair", "clutter", "wall"]
    assert notes == ["stairs_1.txt: 'stairs' is none of the 13 classes; taken as clutter."]
    assert scene.class_names == CLASSES.names and len(CLASSES.things) == 13


def test_the_splits_are_areas_and_area_5_is_held_out(s3dis):
    dataset = recognise(s3dis)
    assert dataset.splits == ("Area_1", "Area_2", "Area_5")
    ids = {split: [e.id for e in dataset.entries_of(split)] for split in ("train", "val", "Area_2")}
    assert ids == {
        "train": ["Area_1_office_1", "Area_2_office_1"],
        "val": ["Area_5_office_1"],
        "Area_2": ["Area_2_office_1"],
    }
    with pytest.raises(SceneError, match=r"no split is called 'Area_6'; there are: Area_1, .*val"):
        dataset.entries_of("Area_6")
    area = recognise(s3dis / "Area_5")
    assert [entry.id for entry in area.entries] == ["Area_5_office_1"]


def test_a_broken_and_a_repeated_line_are_left_out_and_told(s3dis):
    path = s3dis / "Area_5" / "office_1" / "Annotations" / "ceiling_1.txt"
    lines = path.read_text().splitlines()
    good = np.array([line.split() for line in lines], float)
    lines.insert(7, lines[6])  # twice in a row
    lines.insert(20, "1.0 2.0 3.0 185\x10187 10 20")  # as one line of the release
    path.write_text("\n".join(lines) + "\n")
    table, notes = read_points(path)
    np.testing.assert_array_equal(table, good)
    assert notes == [
        f"{path}: line 21 left out, no `x y z r g b`.",
        f"{path}: 1 lines repeat the line before and were left out.",
    ]
    dataset = recognise(s3dis)
    scene, told = dataset.read(dataset.entries_of("val")[0])
    assert len(scene) == 180 and told == notes


def test_uneven_lines_never_shift_the_columns(tmp_path):
    path = tmp_path / "chair_1.txt"
    path.write_text("1 2 3 4 5 6\n1 2 3 4 5\n1 2 3 4 5 6 7\n7 8 9 10 11 12\n1 2 nan 4 5 6\n\n")
    table, notes = read_points(path)
    np.testing.assert_array_equal(table, [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]])
    assert notes == [f"{path}: line 2, 3, 5 left out, no `x y z r g b`."]


def test_fast_and_careful_parsing_agree(tmp_path):
    room = tmp_path / "room"
    table = write_object(room, "sofa_1", num=200)
    path = room / "Annotations" / "sofa_1.txt"
    fast = read_points(path)[0]
    path.write_text(path.read_text().replace(" ", "\t").replace("\n", "\r\n"))
    np.testing.assert_array_equal(read_points(path)[0], fast)
    np.testing.assert_array_equal(fast, table)


def test_a_file_without_a_point_is_an_error(tmp_path):
    path = tmp_path / "chair_1.txt"
    path.write_bytes(b"\x00\xff nothing\n")
    with pytest.raises(SceneError, match="no line holds `x y z r g b`; unpack it again"):
        read_points(path)


def test_a_room_without_annotations_is_read_without_labels(s3dis):
    room = s3dis / "Area_2" / "hallway_1"
    write_object(room, "ceiling_1", num=120)
    (room / "Annotations" / "ceiling_1.txt").rename(room / "hallway_1.txt")
    (s3dis / "Area_2" / "empty_1").mkdir()
    dataset = recognise(s3dis)
    entry = next(e for e in dataset.entries if e.id == "Area_2_hallway_1")
    scene, _ = dataset.read(entry)
    assert len(scene) == 120 and scene.semantic_label is None and scene.instance_label is None
    faults = {fault.path: fault for fault in dataset.faults()}
    assert "no labels" in faults[room / "Annotations"].text
    assert "neither" in faults[s3dis / "Area_2" / "empty_1"].text
    assert "Area_2_empty_1" not in [e.id for e in dataset.entries]
    assert dataset.files(entry) == (room / "hallway_1.txt",)


def test_pointcepts_folders_have_the_same_ids_and_splits(tmp_path):
    for area in (1, 5):
        folder = tmp_path / f"Area_{area}" / "office_1"
        folder.mkdir(parents=True)
        np.save(folder / "coord.npy", RNG.uniform(0, 4, (150, 3)).astype(np.float32))
        np.save(folder / "color.npy", RNG.integers(0, 256, (150, 3)).astype(np.uint8))
        np.save(folder / "segment.npy", np.full((150, 1), 8, np.int16))
        np.save(folder / "instance.npy", np.repeat([0, 1, 2], 50).astype(np.int16)[:, None])
    dataset = recognise(tmp_path)
    assert (dataset.name, dataset.layout) == ("s3dis", "pointcept")
    assert [e.id for e in dataset.entries_of("val")] == ["Area_5_office_1"]
    scene, _ = dataset.read(dataset.entries[0])
    assert {scene.class_names[k] for k in scene.semantic_label} == {"chair"}
    np.testing.assert_array_equal(np.unique(scene.instance_label), [0, 1, 2])
