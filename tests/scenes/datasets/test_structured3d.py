"""Structured3D: a box-shaped room whose depth images are computed here, as files and as zips."""

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import recognise
from pointins_engine.scenes.datasets.structured3d import (
    CLASSES,
    official_split,
    panorama_rays,
    perspective_rays,
)
from tests.scenes.datasets.writers import (
    FLOOR,
    HIGH,
    LOW,
    ROOM,
    packed,
    png,
    room_files,
    unpacked,
)


def distance_to_walls(coord):
    return np.minimum(np.abs(coord - LOW), np.abs(coord - HIGH)).min(axis=1)


def test_a_panorama_gives_back_the_room(tmp_path):
    dataset = recognise(unpacked(tmp_path, room_files()))
    assert (dataset.name, dataset.layout) == ("structured3d", "official")
    [entry] = dataset.entries
    assert (entry.id, entry.split) == ("scene_00000_485142", "train")
    scene, notes = dataset.read(entry)
    assert notes == []
    # Depth counts whole millimetres, so a point is off by half of one along its ray at most.
    assert distance_to_walls(scene.coord).max() < 6e-4
    assert scene.instance_label is None
    names = np.array([*scene.class_names, "none"])[scene.semantic_label]
    height = scene.coord[:, 2]
    assert set(names[height < 0.01]) <= {"floor", "wall", "none"}
    assert set(names[height > 2.59]) <= {"ceiling", "wall", "none"}
    is_floor = names == "floor"
    assert is_floor.sum() > 500 and height[is_floor].max() < 1e-3
    np.testing.assert_array_equal(scene.color[is_floor, 0], FLOOR * 5)
    # Away from the edges of the room, normals stand on the surfaces and look inside.
    inner = is_floor & (np.abs(scene.coord[:, :2] - 2).max(axis=1) < 1)
    np.testing.assert_allclose(scene.normal[inner], np.tile([0, 0, 1], (inner.sum(), 1)), atol=0.02)


def test_unlabelled_and_unmeasured_pixels_are_neither_a_class_nor_a_point(tmp_path):
    dataset = recognise(unpacked(tmp_path, room_files()))
    scene, _ = dataset.read(dataset.entries[0])
    assert 0 < (scene.semantic_label == -1).sum() <= 9
    assert len(scene) < 64 * 128


def test_a_perspective_view_lies_on_the_panorama(tmp_path):
    dataset = recognise(unpacked(tmp_path, room_files(perspective=True)))
    scene, _ = dataset.read(dataset.entries[0])
    assert distance_to_walls(scene.coord).max() < 1.5e-3
    names = np.array([*scene.class_names, "none"])[scene.semantic_label]
    assert scene.coord[names == "floor", 2].max() < 1e-3
    assert len(np.unique(np.floor(scene.coord.astype(float) / 0.01), axis=0)) > 0.9 * len(scene)


def test_a_perspective_view_looks_ahead_with_x_to_its_right():
    front, up, half = np.array([0.0, 1, 0]), np.array([0.0, 0, 1]), np.array([0.6, 0.4])
    rays = perspective_rays(4, 6, front, up, half)
    np.testing.assert_allclose(rays.mean(axis=(0, 1)), front, atol=1e-12)
    assert (np.diff(rays[0, :, 0]) > 0).all() and (np.diff(rays[:, 0, 2]) < 0).all()
    edge = rays[0, -1, 0] * 6 / 5  # from the middle of the last pixel to the image's edge
    np.testing.assert_allclose(np.arctan(edge), 0.6)


def test_the_middle_of_a_panorama_looks_along_y_and_its_right_half_to_x():
    rays = panorama_rays(8, 16)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=-1), 1)
    assert rays[3:5, 7:9].mean(axis=(0, 1)).argmax() == 1
    assert (rays[:, 8:, 0] > 0).all() and (rays[:4, :, 2] > 0).all()


def test_zips_are_read_as_they_are(tmp_path):
    (tmp_path / "zips").mkdir()
    (tmp_path / "files").mkdir()
    files = room_files(perspective=True)
    zipped = recognise(packed(tmp_path / "zips", files))
    plain = recognise(unpacked(tmp_path / "files", files))
    (a, _), (b, _) = (data.read(data.entries[0]) for data in (zipped, plain))
    for name in ("coord", "color", "normal", "semantic_label"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert [path.suffix for path in zipped.files(zipped.entries[0])] == [".zip", ".zip"]
    assert len(plain.files(plain.entries[0])) == len(files)


def test_a_broken_zip_is_a_fault_and_the_others_are_read(tmp_path):
    packed(tmp_path, room_files())
    (tmp_path / "Structured3D_panorama_01.zip").write_bytes(b"PK\x03\x04 cut off")
    dataset = recognise(tmp_path)
    assert len(dataset.entries) == 1
    assert [fault.path.name for fault in dataset.faults()] == ["Structured3D_panorama_01.zip"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("full/depth.png", b"no image", "is no PNG image"),
        ("full/depth.png", png(np.zeros((64, 128, 3), np.uint8)), "expected an image of 16-bit"),
        ("full/semantic.png", png(np.zeros((64, 128, 3), np.uint8)), "expected one of NYU40 ids"),
        ("full/semantic.png", png(np.zeros((32, 64), np.uint8)), "same rendering"),
        ("full/depth.png", None, "is missing; download the room again"),
        ("camera_xyz.txt", b"1 2", "finite numbers"),
        ("camera_xyz.txt", b"a b c", "expected numbers"),
    ],
)
def test_damaged_files_say_what_was_expected(tmp_path, name, data, words):
    unpacked(tmp_path, room_files())
    path = tmp_path / ROOM / "panorama" / name
    path.unlink() if data is None else path.write_bytes(data)
    dataset = recognise(tmp_path)
    with pytest.raises(SceneError, match=words):
        dataset.read(dataset.entries[0])


def test_the_splits_go_by_the_number_of_the_scene():
    numbers = {0: "train", 2999: "train", 3000: "val", 3249: "val", 3250: "test", 3499: "test"}
    assert {n: official_split(f"scene_{n:05}") for n in numbers} == numbers
    assert len(CLASSES.names) == 25


def test_pointcepts_rooms_join_scene_and_room_and_have_no_instances(tmp_path):
    folder = tmp_path / "val" / "scene_03001" / "room_7"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    np.save(folder / "coord.npy", rng.uniform(0, 3, (200, 3)).astype(np.float32))
    np.save(folder / "segment.npy", np.r_[np.full(50, -1), np.full(150, 24)].astype(np.int16))
    dataset = recognise(tmp_path)
    assert (dataset.name, dataset.layout) == ("structured3d", "pointcept")
    assert [(e.id, e.split) for e in dataset.entries] == [("scene_03001_room_7", "val")]
    scene, _ = dataset.read(dataset.entries[0])
    assert scene.instance_label is None
    assert (scene.semantic_label == -1).sum() == 50
    assert scene.class_names[scene.semantic_label[-1]] == "otherprop"
