"""Which dataset lies in a folder, its splits, and what training reads of it."""

import json
import pickle

import numpy as np
import pytest

from pointins_engine.config import SceneConfig
from pointins_engine.errors import ConfigError, SceneError
from pointins_engine.scenes.datasets import LAYOUTS, PlainScans, open_dataset, recognise
from pointins_engine.scenes.datasets.pointcept import load_array
from pointins_engine.scenes.source import has_held_out, open_raw_scenes, open_scenes

RNG = np.random.default_rng(11)


def write_scene(root, split, id, num=150, **arrays):
    folder = root / split / id
    folder.mkdir(parents=True)
    np.save(folder / "coord.npy", RNG.uniform(0, 3, (num, 3)).astype(np.float32))
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.fixture
def folders(tmp_path):
    """Pointcept folders of nobody's dataset, three splits."""
    root = tmp_path / "data"
    for split, ids in {"train": "abc", "val": "d", "test": "e"}.items():
        for id in ids:
            labels = {} if split == "test" else {"segment": np.arange(150) % 4 - 1}
            write_scene(root, split, f"scan_{id}", **labels)
    return root


def ids(scenes):
    return list(scenes.ids)


def test_every_layout_says_what_it_is_and_what_it_looks_for():
    for kind in LAYOUTS:
        assert kind.title and kind.looked_for and kind.licence
        assert "\n" not in kind.licence
    assert len({kind.title for kind in LAYOUTS}) == len(LAYOUTS)


def test_folders_of_an_unknown_dataset_keep_their_class_numbers(folders):
    dataset = recognise(folders)
    assert (dataset.name, dataset.layout) == ("pointcept", "pointcept")
    scene, _ = dataset.read(dataset.entries_of("train")[0])
    assert scene.class_names == ("class_0", "class_1", "class_2")
    np.testing.assert_array_equal(scene.semantic_label, np.arange(150) % 4 - 1)
    (folders / "classes.json").write_text(json.dumps({"0": "cat", "2": "dog"}))
    assert recognise(folders).classes.names == ("cat", "class_1", "dog")


def test_a_scene_without_labels_has_none_and_not_the_first_class(folders):
    dataset = recognise(folders)
    unlabelled, _ = dataset.read(dataset.entries_of("test")[0])
    assert unlabelled.semantic_label is None and unlabelled.instance_label is None
    folder = write_scene(folders, "train", "scan_x", segment=np.full(150, -1))
    dataset = recognise(folders)
    entry = next(entry for entry in dataset.entries if entry.path == folder)
    assert dataset.read(entry)[0].semantic_label is None


def test_the_folder_above_and_below_is_found_too(folders):
    assert recognise(folders.parent).root == folders
    for split, id in (("train", "scene0000_00"), ("val", "scene0011_00"), ("val", "scene0015_00")):
        write_scene(folders.parent / "scannet", split, id)
    below = recognise(folders.parent / "scannet" / "val")
    assert (below.name, below.root.name) == ("scannet", "scannet")
    assert [e.id for e in below.entries] == ["scene0011_00", "scene0015_00"]
    assert [e.id for e in recognise(below.entries[0].path).entries] == ["scene0011_00"]


def test_a_folder_called_train_is_not_looked_at_from_below(tmp_path):
    write_scene(tmp_path, "train", "a")
    np.save(tmp_path / "train" / "b.npy", RNG.uniform(0, 3, (150, 3)))
    assert recognise(tmp_path / "train") is None
    assert ids(open_raw_scenes(str(tmp_path / "train"))) == ["a", "b"]
    assert recognise(tmp_path).name == "pointcept"


def test_scans_of_no_dataset_are_plain(tmp_path):
    np.save(tmp_path / "room.npy", RNG.uniform(0, 3, (200, 3)))
    assert recognise(tmp_path) is None
    dataset = open_dataset(tmp_path)
    assert isinstance(dataset, PlainScans)
    assert [(e.id, e.split) for e in dataset.entries] == [("room", "train")]
    assert [e.id for e in open_dataset(tmp_path / "room.npy").entries] == ["room"]


def test_scans_is_the_name_that_takes_every_file_on_its_own(folders):
    dataset = open_dataset(folders, "scans")
    assert len(dataset.entries) == 5 and dataset.entries[0].id == "test-scan_e"


def test_a_name_that_does_not_fit_says_what_was_looked_for(folders):
    with pytest.raises(SceneError, match=r"does not hold scannet; looked for scans/<scene>.*, or "):
        recognise(folders, "scannet")
    with pytest.raises(SceneError, match=r"no dataset is called 'kitty'; there are: .*scannet200"):
        recognise(folders, "kitty")
    with pytest.raises(SceneError, match="no such file or folder"):
        open_dataset(folders / "gone")


def test_a_folder_of_pickles_is_not_opened(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.pth").write_bytes(pickle.dumps({"coord": 1}))
    with pytest.raises(SceneError, match=r"a\.pth is a pickle, which runs code .* \.npy"):
        open_dataset(tmp_path)


def test_training_reads_train_and_evaluation_val(folders):
    config = SceneConfig(source=str(folders), feats=("coord",))
    assert ids(open_scenes(config, 0)) == ["scan_a", "scan_b", "scan_c"]
    assert ids(open_scenes(config, 0, "val")) == ["scan_d"]
    assert ids(open_raw_scenes(str(folders))) == ["scan_e", "scan_a", "scan_b", "scan_c", "scan_d"]
    everything = SceneConfig(source=str(folders), feats=("coord",), splits=("train", "val", "test"))
    assert len(open_scenes(everything, 0)) == 5
    assert has_held_out(config) and not has_held_out(everything)
    scenes = open_scenes(config, 0)
    assert (scenes.dataset, scenes.split_of) == ("pointcept", ["train"] * 3)
    assert [path.name for path in scenes.paths] == scenes.ids
    assert [path.name for path in scenes.files(0)] == ["coord.npy", "segment.npy"]
    with pytest.raises(
        SceneError, match=r"no split is called 'trian'; there are: test, train, val"
    ):
        open_scenes(SceneConfig(source=str(folders), splits=("trian",)), 0)


def test_simulated_scenes_have_neither_dataset_nor_splits():
    with pytest.raises(ConfigError, match="left out for simulated scenes"):
        SceneConfig(source="sim:rooms", splits=("train",))


def test_a_dataset_without_a_training_split_is_trained_on_whole(tmp_path):
    for id in "ab":
        write_scene(tmp_path, "test", id)
    config = SceneConfig(source=str(tmp_path), feats=("coord",))
    assert ids(open_scenes(config, 0)) == ["a", "b"]
    assert not has_held_out(config)
    with pytest.raises(SceneError, match="no split is called 'val'"):
        open_scenes(config, 0, "val")


def test_splits_may_come_from_files(folders):
    (folders / "splits").mkdir()
    (folders / "splits" / "few.txt").write_text("scan_b\n\ntrain/scan_c\nscan_z\n")
    (folders / "val.json").write_text(json.dumps(["train/scan_a", "val/scan_d"]))
    (folders / "other.json").write_text(json.dumps(["nothing", "of", "this"]))
    (folders / "splits" / "broken.json").write_text('{"a": 1}')
    dataset = recognise(folders)
    assert [e.id for e in dataset.entries_of("few")] == ["scan_b", "scan_c"]
    assert [e.id for e in dataset.entries_of("val")] == ["scan_a", "scan_d"]  # before the folder
    assert [e.id for e in dataset.entries_of("few", "train")] == ["scan_b", "scan_c", "scan_a"]
    assert dataset.splits == ("test", "train", "val", "few")
    faults = {fault.path.name: fault.text for fault in dataset.faults()}
    assert faults["few.txt"] == "1 of 3 names are no scene here: scan_z"
    assert faults["broken.json"].startswith("no list") and "other.json" not in faults


def test_scenes_of_the_same_name_in_two_splits_are_told_apart(tmp_path):
    write_scene(tmp_path, "train", "room")
    write_scene(tmp_path, "val", "room")
    assert [e.id for e in recognise(tmp_path).entries] == ["train-room", "val-room"]


def test_a_dataset_survives_the_way_to_another_process(folders):
    dataset = pickle.loads(pickle.dumps(recognise(folders)))
    assert dataset.read(dataset.entries[0])[0].id == "scan_e"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"segment": np.arange(99) % 3}, r"99 rows for 150 points; .*same scan"),
        ({"color": np.zeros((150, 4))}, r"shape \(150, 4\), expected \(points, 3\); prepare"),
        ({"instance": np.zeros((150, 2))}, r"expected \(points,\) or \(points, 1\)"),
        ({"normal": np.array(["x"] * 150)}, "is of type <U1; save it as plain numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_errors_with_a_fix(tmp_path, arrays, words):
    write_scene(tmp_path, "train", "scan", **arrays)
    dataset = recognise(tmp_path)
    with pytest.raises(SceneError, match=words):
        dataset.read(dataset.entries[0])


def test_a_class_outside_the_table_is_no_other_class(tmp_path):
    write_scene(tmp_path, "train", "scene0000_00", segment20=np.full(150, 20))
    dataset = recognise(tmp_path)
    with pytest.raises(
        SceneError, match=r"holds class 20, .* 20 classes 0\.\.19.*--scene\.dataset"
    ):
        dataset.read(dataset.entries[0])
    anything = recognise(tmp_path, "pointcept")
    assert anything.read(anything.entries[0])[0].semantic_label.max() == 20


def test_the_classes_of_another_table_are_not_read_and_that_is_told(tmp_path):
    write_scene(tmp_path, "train", "scene0000_00", segment20=np.zeros(150, int))
    dataset = recognise(tmp_path, "scannet200")
    scene, notes = dataset.read(dataset.entries[0])
    assert scene.semantic_label is None
    assert notes == [
        "scene0000_00: no segment200.npy, so no classes; segment20.npy is of another table."
    ]


def test_a_normal_that_is_missing_is_taken_from_the_neighbour(tmp_path):
    normal = np.tile(np.float32([0, 0, 1]), (150, 1))
    normal[7] = 0  # a vertex without a face
    write_scene(tmp_path, "train", "scan", normal=normal)
    dataset = recognise(tmp_path)
    scene, _ = dataset.read(dataset.entries[0])
    np.testing.assert_array_equal(scene.normal, np.tile([0, 0, 1], (150, 1)))


def test_arrays_are_never_unpickled_nor_longer_than_their_file(tmp_path):
    np.save(tmp_path / "object.npy", np.array([{"a": 1}]), allow_pickle=True)
    data = tmp_path / "cut.npy"
    np.save(data, np.zeros((1000, 3)))
    data.write_bytes(data.read_bytes()[:500])
    (tmp_path / "empty.npy").write_bytes(b"")
    words = {
        "object": "holds Python objects",
        "cut": "was cut off",
        "empty": "is not a NumPy array",
    }
    for name, expected in words.items():
        with pytest.raises(SceneError, match=rf"{name}\.npy.* {expected}"):
            load_array(tmp_path / f"{name}.npy")
