"""SemanticKITTI in its official layout, on small files that the test writes."""

from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import recognise
from pointins_engine.scenes.datasets.semantic_kitti import SemanticKitti

N = 128
# Raw id -> index of the 19 classes, as the dataset's configuration file has it.
OFFICIAL = {
    0: -1, 1: -1, 10: 0, 11: 1, 13: 4, 15: 2, 16: 4, 18: 3, 20: 4, 30: 5, 31: 6, 32: 7, 40: 8,
    44: 9, 48: 10, 49: 11, 50: 12, 51: 13, 52: -1, 60: 8, 70: 14, 71: 15, 72: 16, 80: 17, 81: 18,
    99: -1, 252: 0, 253: 6, 254: 5, 255: 7, 256: 4, 257: 4, 258: 3, 259: 4,
}  # fmt: skip


def write_sequence(root: Path, sequence: str, frames: int = 1, *, labelled: bool = True) -> None:
    rng = np.random.default_rng(int(sequence))
    folder = root / "sequences" / sequence
    (folder / "velodyne").mkdir(parents=True)
    for k in range(frames):
        table = np.c_[rng.normal(0, 9, (N, 3)), rng.uniform(0, 1, N)].astype("<f4")
        table.tofile(folder / "velodyne" / f"{k:06}.bin")
        if labelled:
            (folder / "labels").mkdir(exist_ok=True)
            raw = np.resize(list(OFFICIAL), N).astype("<u4") | np.uint32(7 << 16)
            raw.tofile(folder / "labels" / f"{k:06}.label")


def write_poses(root: Path, sequence: str, translations: list[list[float]]) -> None:
    folder = root / "sequences" / sequence
    rows = [np.c_[np.eye(3), t].ravel() for t in translations]
    (folder / "poses.txt").write_text(
        "".join(" ".join(f"{v:.6e}" for v in row) + "\n" for row in rows)
    )
    # LiDAR x (ahead) is the camera's z; the camera lies 0.3 m ahead of the LiDAR.
    tr = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, -0.3]], float).ravel()
    (folder / "calib.txt").write_text(
        "P0: " + "0 " * 12 + "\nTr: " + " ".join(str(v) for v in tr) + "\n"
    )


def test_sequences_fall_into_the_official_splits(tmp_path):
    for sequence in ("00", "07", "08", "10", "11", "21"):
        write_sequence(tmp_path, sequence, labelled=sequence < "11")
    dataset = recognise(tmp_path)
    assert isinstance(dataset, SemanticKitti)
    found = {entry.id: entry.split for entry in dataset.entries}
    assert found == {
        "00_000000": "train",
        "07_000000": "train",
        "10_000000": "train",
        "08_000000": "val",
        "11_000000": "test",
        "21_000000": "test",
    }


def test_a_split_file_may_name_sequences(tmp_path):
    write_sequence(tmp_path, "00", frames=2)
    write_sequence(tmp_path, "07")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "val.txt").write_text("00\n")
    found = recognise(tmp_path).entries_of("val")
    assert [entry.id for entry in found] == ["00_000000", "00_000001"]


def test_every_raw_id_becomes_its_official_class_and_things_keep_their_ids(tmp_path):
    write_sequence(tmp_path, "00")
    dataset = recognise(tmp_path)
    scene, notes = dataset.read(dataset.entries[0])
    table = np.fromfile(dataset.entries[0].path, "<f4").reshape(N, 4)
    np.testing.assert_array_equal(scene.coord, table[:, :3])
    np.testing.assert_array_equal(scene.intensity, table[:, 3])
    expected = np.resize(list(OFFICIAL.values()), N)
    np.testing.assert_array_equal(scene.semantic_label, expected)
    is_thing = (expected >= 0) & (expected < 8)
    raw = np.resize(list(OFFICIAL), N)
    np.testing.assert_array_equal(scene.instance_label, np.where(is_thing, raw * 65536 + 7, -1))
    assert dataset.classes.things == {
        *("car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist"),
        "motorcyclist",
    }
    assert notes == []


def test_objects_are_told_by_raw_class_and_id_as_the_official_evaluation_does(tmp_path):
    write_sequence(tmp_path, "00", frames=2)
    labels = tmp_path / "sequences" / "00" / "labels"
    for k, raw in enumerate(([30, 254, 30], [40, 254, 254])):  # persons who stand, or walk
        number = np.resize([[5, 5, 6], [0, 5, 9]][k], N).astype("<u4")
        (np.resize(raw, N).astype("<u4") | number << 16).tofile(labels / f"{k:06}.label")
    dataset = recognise(tmp_path)
    first, second = (dataset.read(entry)[0].instance_label for entry in dataset.entries)
    assert first[1] == second[1]
    assert len({*first[:3]}) == 3 and second[0] == -1


def test_unlabelled_sweeps_stay_unlabelled(tmp_path):
    write_sequence(tmp_path, "11", labelled=False)
    dataset = recognise(tmp_path)
    scene, _ = dataset.read(dataset.entries[0])
    assert scene.semantic_label is None and scene.instance_label is None
    assert scene.class_names == ()


def test_a_borrowed_layout_has_its_own_classes_and_splits(tmp_path):
    write_sequence(tmp_path, "02")
    write_sequence(tmp_path, "12", labelled=False)
    (tmp_path / "classes.json").write_text('{"10": "Car", "40": "Road"}')
    dataset = recognise(tmp_path)
    assert dataset.classes.names == ("Car", "Road")
    assert "Behley" not in dataset.licence  # nobody told whose the sweeps are
    assert {entry.id: entry.split for entry in dataset.entries} == {
        "02_000000": "train",
        "12_000000": "test",
    }
    (tmp_path / "classes.json").write_text("[1, 2]")
    with pytest.raises(SceneError, match="raw class id -> name"):
        recognise(tmp_path)


@pytest.mark.parametrize("inside", [".", "sequences", "sequences/07"])
def test_any_folder_of_the_layout_can_be_given(tmp_path, inside):
    write_sequence(tmp_path, "00")
    write_sequence(tmp_path, "07", frames=2)
    found = recognise(tmp_path / inside)
    assert isinstance(found, SemanticKitti)
    assert len(found.entries) == (2 if "07" in inside else 3)


def test_poses_are_in_the_frame_of_the_first_sweep(tmp_path):
    write_sequence(tmp_path, "00", frames=2)
    write_poses(tmp_path, "00", [[0, 0, 0], [0, 0, 2.5]])  # the camera went 2.5 m ahead
    dataset = recognise(tmp_path)
    first, second = (dataset.pose(entry) for entry in dataset.entries)
    np.testing.assert_allclose(first, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(second @ [1, 2, 3, 1], [3.5, 2, 3, 1], atol=1e-12)


def test_a_sequence_without_poses_has_none_and_a_short_file_is_an_error(tmp_path):
    write_sequence(tmp_path, "00", frames=2)
    dataset = recognise(tmp_path)
    assert dataset.pose(dataset.entries[1]) is None
    write_poses(tmp_path, "00", [[0, 0, 0]])
    with pytest.raises(SceneError, match="1 poses, none for sweep 000001"):
        dataset.pose(dataset.entries[1])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("poses.txt", "1 2 3\n", "twelve"),
        ("poses.txt", "1 2 3 4 5 6 7 8 9 10 11 x\n", "twelve numbers"),
        ("poses.txt", " ".join(["nan"] * 12), "finite"),
        ("calib.txt", "P0: 1 2 3\n", "Tr:"),
    ],
)
def test_damaged_poses_are_named(tmp_path, name, text, words):
    write_sequence(tmp_path, "00")
    write_poses(tmp_path, "00", [[0, 0, 0]])
    (tmp_path / "sequences" / "00" / name).write_text(text)
    dataset = recognise(tmp_path)
    with pytest.raises(SceneError, match=rf"{name}.*{words}"):
        dataset.pose(dataset.entries[0])


def test_labels_that_do_not_fit_are_faults_with_a_fix(tmp_path):
    write_sequence(tmp_path, "00", frames=3)
    folder = tmp_path / "sequences" / "00"
    (folder / "labels" / "000000.label").write_bytes(b"1234" * (N - 1))
    (folder / "labels" / "000001.label").unlink()
    (folder / "velodyne" / "000002.bin").unlink()
    faults = list(recognise(tmp_path).faults())
    assert [fault.path.name for fault in faults] == ["000002.label", "labels", "000000.label"]
    assert "127 labels for 128 points" in faults[2].text
    assert all(fault.fix.endswith(".") for fault in faults)


def test_a_link_to_nowhere_is_an_error_of_its_own_scene(tmp_path):
    write_sequence(tmp_path, "00", frames=2)
    sweep = tmp_path / "sequences" / "00" / "velodyne" / "000001.bin"
    sweep.unlink()
    sweep.symlink_to(tmp_path / "gone.bin")
    dataset = recognise(tmp_path)
    assert len(dataset.read(dataset.entries[0])[0]) == N
    with pytest.raises(SceneError, match=r"000001\.bin cannot be read: No such file"):
        dataset.read(dataset.entries[1])
    assert [fault.path.name for fault in dataset.faults()] == ["000001.label"]
