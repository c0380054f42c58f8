"""Waymo frames in Pointcept's layout, on small files that the test writes."""

from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import recognise
from pointins_engine.scenes.datasets.waymo import Waymo

N = 128
SEGMENT = "segment-10017090168044687777_6380_000_6400_000_with_camera_labels"


def write_frame(root: Path, split: str, stamp: str, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    folder = root / split / SEGMENT / stamp
    folder.mkdir(parents=True)
    arrays = {
        "coord": rng.normal(0, 20, (N, 3)).astype(np.float32),
        "strength": np.tanh(rng.exponential(1, (N, 1))).astype(np.float32),
        "pose": np.diag([1, 1, 1, 1]).astype(np.float32),
        **arrays,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return arrays


def test_frames_are_read_field_by_field(tmp_path):
    label = np.resize(np.arange(-1, 22), N).astype(np.int16)
    arrays = write_frame(tmp_path, "training", "1550083467346370", segment=label)
    write_frame(tmp_path, "validation", "1550083467346371", mask=np.ones((64, 26, 2), bool))
    write_frame(tmp_path, "testing", "1550083467346372")
    dataset = recognise(tmp_path)
    assert isinstance(dataset, Waymo)
    assert [len(dataset.entries_of(split)) for split in ("train", "val", "test")] == [1, 1, 1]
    (entry,) = dataset.entries_of("train")
    scene, notes = dataset.read(entry)
    assert scene.id == f"{SEGMENT}_1550083467346370"
    np.testing.assert_array_equal(scene.coord, arrays["coord"])
    np.testing.assert_array_equal(scene.intensity, arrays["strength"][:, 0])
    np.testing.assert_array_equal(scene.semantic_label, label)
    assert (scene.class_names[0], scene.class_names[21]) == ("car", "sidewalk")
    assert len(scene.class_names) == 22 and scene.instance_label is None and notes == []
    unlabelled, _ = dataset.read(dataset.entries_of("test")[0])
    assert unlabelled.semantic_label is None


def test_poses_are_kept_available(tmp_path):
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, 3] = [4, 5, 6]
    write_frame(tmp_path, "training", "1", pose=matrix)
    write_frame(tmp_path, "training", "2", pose=np.eye(3))
    dataset = recognise(tmp_path)
    np.testing.assert_array_equal(dataset.pose(dataset.entries[0]), matrix)
    with pytest.raises(SceneError, match=r"shape \(3, 3\), expected \(4, 4\)"):
        dataset.pose(dataset.entries[1])
    (dataset.entries[0].path / "pose.npy").unlink()
    assert dataset.pose(dataset.entries[0]) is None


def test_a_class_beyond_the_table_is_refused(tmp_path):
    write_frame(tmp_path, "training", "1", segment=np.full(N, 22))
    dataset = recognise(tmp_path)
    with pytest.raises(SceneError, match="22"):
        dataset.read(dataset.entries[0])


def test_tfrecords_are_refused_with_the_fix(tmp_path):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / f"{SEGMENT}.tfrecord").write_bytes(b"\0" * 16)
    with pytest.raises(SceneError, match=r"TensorFlow.*Pointcept's preprocessing"):
        recognise(tmp_path)
