"""Real scans of several sensors, where they lie beside the checkout: what the files hold is read.

What is expected was counted in the files themselves, point by point.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import KDTree

from pointins_engine.scenes.datasets import open_dataset, recognise
from pointins_engine.scenes.datasets.convert import Settings, convert
from pointins_engine.scenes.readers import read_scene
from tests.scenes.datasets.test_cached import assert_same

REAL = Path(os.environ.get("POINTINS_DATA") or Path(__file__).parents[3].parent / "shared" / "data")


def real(name: str) -> Path:
    """A folder of real scans; the test is skipped where it is not there."""
    if not (REAL / name).exists():
        pytest.skip(
            f"no real scans at {REAL / name}; set POINTINS_DATA to the folder that has them"
        )
    return REAL / name


def test_semantic_kitti_sweeps():
    dataset = recognise(real("semantickitti"))
    counts = {}
    for entry in dataset.entries:
        scene, notes = dataset.read(entry)
        raw = np.fromfile(entry.path, "<f4").reshape(-1, 4)
        label_path = entry.path.parent.parent / "labels" / f"{entry.path.stem}.label"
        label = np.fromfile(label_path, "<u4")
        assert notes == [] and entry.split == "train"
        np.testing.assert_array_equal(scene.coord, raw[:, :3])
        np.testing.assert_array_equal(scene.intensity, raw[:, 3])
        is_road = np.isin(label & 0xFFFF, [40, 60])
        np.testing.assert_array_equal(scene.semantic_label == 8, is_road)
        instance = scene.instance_label
        assert not (instance[is_road] >= 0).any()
        kept = instance >= 0
        np.testing.assert_array_equal(instance[kept] & 0xFFFF, (label >> 16)[kept])
        counts[entry.id] = (len(scene), len(np.unique(instance[kept])))
    assert counts == {  # points, instances of things
        "00_000000": (124_668, 14),
        "00_000001": (124_605, 14),
        "00_000002": (124_478, 14),
        "07_000000": (122_626, 37),
        "07_000009": (122_335, 36),
    }


def test_poses_of_semantic_kitti_lay_sweeps_over_each_other(tmp_path):
    source = real("semantickitti") / "sequences" / "00"
    sequence = tmp_path / "sequences" / "00"
    sequence.mkdir(parents=True)
    for name in ("velodyne", "labels", "poses.txt"):
        (sequence / name).symlink_to(source / name)
    (sequence / "calib.txt").write_text(
        "Tr: 4.2768e-04 -9.9997e-01 -8.0845e-03 -1.1985e-02 -7.2106e-03 8.0812e-03 -9.9994e-01 "
        "-5.4040e-02 9.9997e-01 4.8595e-04 -7.2069e-03 -2.9220e-01\n"
    )  # of sequence 00, to five digits
    dataset = recognise(tmp_path)
    first, _, third = dataset.entries
    to_first = np.linalg.inv(dataset.pose(first)) @ dataset.pose(third)
    assert 1.0 < np.linalg.norm(to_first[:3, 3]) < 3.0  # metres in 0.2 s
    a, b = (dataset.read(entry)[0] for entry in (first, third))
    # Buildings, trunks and poles stand still; rings on the ground would move with the car.
    a, b = (s.coord[np.isin(s.semantic_label, [12, 15, 17])].astype(float) for s in (a, b))
    tree = KDTree(a)
    as_is = np.median(tree.query(b)[0])
    laid_over = np.median(tree.query(b @ to_first[:3, :3].T + to_first[:3, 3])[0])
    assert laid_over < 0.5 * as_is


def test_pandaset_sweeps_in_the_borrowed_layout():
    dataset = recognise(real("pandaset"))
    assert dataset.splits == ("train",) and len(dataset.classes.names) == 42
    counts = {}
    for entry in dataset.entries:
        scene, notes = dataset.read(entry)
        assert notes == []
        kept = scene.instance_label >= 0
        counts[entry.id] = (len(scene), len(np.unique(scene.instance_label[kept])))
        is_car = scene.semantic_label == scene.class_names.index("Car")
        assert is_car.any() and kept[is_car].mean() > 0.9
        assert 0 <= scene.intensity.min() < scene.intensity.max() <= 1
    assert counts == {"02_000000": (106_169, 96), "02_000040": (106_207, 94)}


def test_a_nuscenes_keyframe():
    dataset = open_dataset(real("nuscenes"))
    assert dataset.name == "scans"
    (entry,) = dataset.entries
    scene, notes = dataset.read(entry)
    raw = np.fromfile(entry.path, "<f4").reshape(-1, 5)
    assert len(scene) == 34_688 and notes == []
    np.testing.assert_array_equal(scene.coord, raw[:, :3])
    np.testing.assert_allclose(scene.intensity, raw[:, 3] / 255, atol=1e-7)


def test_kinect_views_of_tables_keep_the_labels_of_their_files():
    dataset = open_dataset(real("mosd"))
    assert len(dataset.entries) == 10
    counts = {}
    for entry in dataset.entries[::3]:  # they take most of a second each
        scene, _ = dataset.read(entry)
        assert len(scene) + scene.num_dropped in (307_200, 165_114)  # pixels; one was saved thinned
        assert scene.color is not None and np.ptp(scene.color.astype(int)) > 100
        # label = 10 * object + part; the table has 1, and 2 and 3 in one view
        objects = np.unique(scene.instance_label[scene.instance_label >= 10] // 10)
        assert (scene.instance_label == 1).any()
        counts[entry.path.stem] = (len(scene), len(objects))
        on_table = scene.coord[scene.instance_label == 1, 2]
        on_object = scene.coord[scene.instance_label >= 10, 2]
        assert np.median(on_object) > np.median(on_table)
    assert counts == {
        "learn0": (182_292, 2),
        "learn20": (194_137, 2),
        "learn35": (171_706, 3),
        "test56": (165_114, 14),
    }


def test_scans_of_the_point_cloud_library():
    folder = real("pcl")
    counts = {}
    for path in sorted(folder.glob("*.pcd")):
        scene = read_scene(path, units="m", up="z" if "room" in path.name else "auto")
        counts[path.stem] = (len(scene), scene.color is not None)
        assert scene.semantic_label is None
    assert counts == {
        "region_growing_rgb_tutorial": (259_847, True),
        "room_scan1": (112_586, False),
        "room_scan2": (112_624, False),
    }


@pytest.mark.parametrize("name", ["semantickitti", "pandaset", "nuscenes"])
def test_converted_real_scans_are_the_scans(name, tmp_path):
    source = open_dataset(real(name))
    kept = source.entries[:2]
    source.entries = kept
    assert convert(source, tmp_path, Settings()).num_written == len(kept)
    cached = recognise(tmp_path)
    for a, b in zip(cached.entries, kept, strict=True):
        assert_same(cached.read(a)[0], source.read(b)[0])
