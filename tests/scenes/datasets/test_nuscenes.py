"""nuScenes in its official layout, on small files that the test writes."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import open_dataset, recognise
from pointins_engine.scenes.datasets.nuscenes import NuScenes
from pointins_engine.scenes.datasets.nuscenes_splits import split_of

N = 128

# Raw class id of the lidarseg labels -> class of the benchmark, as the devkit merges them.
MERGED = {
    9: "barrier", 14: "bicycle", 15: "bus", 16: "bus", 17: "car", 18: "construction_vehicle",
    21: "motorcycle", 2: "pedestrian", 3: "pedestrian", 4: "pedestrian", 6: "pedestrian",
    12: "traffic_cone", 22: "trailer", 23: "truck", 24: "driveable_surface", 25: "other_flat",
    26: "sidewalk", 27: "terrain", 28: "manmade", 30: "vegetation",
}  # fmt: skip


def write_table(folder: Path, name: str, rows: list[dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(rows, indent=0))


def write_nuscenes(
    root: Path, version: str = "v1.0-mini", scenes: tuple[str, ...] = ("scene-0061", "scene-0103")
) -> dict[str, np.ndarray]:
    """Two keyframes a scene with sweeps between them; the sweep's table by its file name."""
    rng = np.random.default_rng(5)
    tables, sweeps = root / version, {}
    samples, data = [], []
    (root / "samples" / "LIDAR_TOP").mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        for k in (1, 0):  # the tables are in no order of time
            token = f"{scene}-{k}"
            name = f"samples/LIDAR_TOP/{scene}__LIDAR_TOP__{k}.pcd.bin"
            sweeps[token] = np.c_[rng.normal(0, 9, (N, 3)), rng.uniform(0, 255, N), np.arange(N)]
            sweeps[token] = sweeps[token].astype("<f4")
            sweeps[token].tofile(root / name)
            samples.append({"token": f"s{token}", "scene_token": f"t{scene}", "timestamp": k})
            common = {"sample_token": f"s{token}", "ego_pose_token": token, "timestamp": k}
            common["calibrated_sensor_token"] = "roof"
            data += [
                {"token": token, "filename": name, "is_key_frame": True, **common},
                {"token": f"w{token}", "filename": name.replace("samples", "sweeps"),
                 "is_key_frame": False, **common},
                {"token": f"c{token}", "filename": f"samples/CAM_FRONT/{token}.jpg",
                 "is_key_frame": True, **common},
            ]  # fmt: skip
    write_table(tables, "scene", [{"token": f"t{name}", "name": name} for name in scenes])
    write_table(tables, "sample", samples)
    write_table(tables, "sample_data", data)
    turn = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]  # a quarter about z
    poses = [
        {"token": token, "rotation": turn, "translation": [100.0, 10.0 * k, 0.0], "timestamp": 0}
        for k, token in enumerate(sorted(sweeps))
    ]
    write_table(tables, "ego_pose", poses)
    roof = {"token": "roof", "rotation": [1, 0, 0, 0], "translation": [1.0, 0.0, 2.0]}
    write_table(tables, "calibrated_sensor", [roof])
    return sweeps


def write_lidarseg(root: Path, token: str, raw_class: np.ndarray, version="v1.0-mini") -> Path:
    path = root / "lidarseg" / version / f"{token}_lidarseg.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    raw_class.astype(np.uint8).tofile(path)
    return path


def write_panoptic(root: Path, token: str, value: np.ndarray, version="v1.0-mini") -> Path:
    path = root / "panoptic" / version / f"{token}_panoptic.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, data=value.astype(np.uint16))
    return path


def names_of(scene) -> list[str | None]:
    return [scene.class_names[k] if k >= 0 else None for k in scene.semantic_label]


def test_keyframes_are_scenes_by_time_and_the_mini_set_has_its_own_split(tmp_path):
    sweeps = write_nuscenes(tmp_path)
    dataset = recognise(tmp_path)
    assert isinstance(dataset, NuScenes)
    assert [(entry.id, entry.split) for entry in dataset.entries] == [
        ("scene-0061_000", "train"),
        ("scene-0061_001", "train"),
        ("scene-0103_000", "val"),
        ("scene-0103_001", "val"),
    ]
    scene, notes = dataset.read(dataset.entries[1])
    table = sweeps["scene-0061-1"]
    np.testing.assert_array_equal(scene.coord, table[:, :3])
    np.testing.assert_array_equal(scene.intensity, table[:, 3] / np.float32(255))
    assert scene.id == "scene-0061_001"
    assert scene.semantic_label is None and scene.instance_label is None and notes == []


def test_lidarseg_alone_gives_the_16_classes_and_no_instances(tmp_path):
    write_nuscenes(tmp_path)
    raw_class = np.resize(np.arange(32), N)
    write_lidarseg(tmp_path, "scene-0061-0", raw_class)
    dataset = recognise(tmp_path)
    scene, _ = dataset.read(dataset.entries[0])
    assert names_of(scene) == [MERGED.get(k) for k in raw_class]
    assert scene.instance_label is None
    assert scene.class_names == dataset.classes.names and len(scene.class_names) == 16
    assert scene.class_names[:10] == tuple(
        name for name in scene.class_names if name in dataset.classes.things
    )
    unlabelled, _ = dataset.read(dataset.entries[1])
    assert unlabelled.semantic_label is None


def test_panoptic_ids_are_kept_for_things_and_give_the_classes_where_lidarseg_is_missing(tmp_path):
    write_nuscenes(tmp_path)
    value = np.resize([17_003, 17_004, 24_000, 0, 2_001, 28_000, 15_001, 17_000], N)
    write_panoptic(tmp_path, "scene-0061-0", value)
    dataset = recognise(tmp_path)
    scene, _ = dataset.read(dataset.entries[0])
    assert names_of(scene)[:8] == [
        *("car", "car", "driveable_surface", None, "pedestrian", "manmade", "bus", "car"),
    ]
    assert scene.instance_label[:8].tolist() == [17_003, 17_004, -1, -1, 2_001, -1, 15_001, -1]


def test_with_both_label_files_classes_are_those_of_lidarseg(tmp_path):
    write_nuscenes(tmp_path)
    write_lidarseg(tmp_path, "scene-0061-0", np.full(N, 17))
    write_panoptic(tmp_path, "scene-0061-0", np.resize([17_001, 0], N))  # two boxes overlap at odd
    dataset = recognise(tmp_path)
    entry = dataset.entries[0]
    scene, _ = dataset.read(entry)
    assert set(names_of(scene)) == {"car"}
    assert scene.instance_label[:2].tolist() == [17_001, -1]
    assert [path.parent.parent.name for path in dataset.files(entry)] == [
        *("lidarseg", "panoptic", "samples"),
    ]


def test_raw_ids_follow_category_json_where_it_carries_them(tmp_path):
    write_nuscenes(tmp_path)
    categories = [{"name": "vehicle.car", "index": 1}, {"name": "flat.sidewalk", "index": 0}]
    write_table(tmp_path / "v1.0-mini", "category", categories)
    write_lidarseg(tmp_path, "scene-0061-0", np.resize([0, 1, 17], N))
    dataset = recognise(tmp_path)
    scene, _ = dataset.read(dataset.entries[0])
    assert names_of(scene)[:3] == ["sidewalk", "car", None]


def test_category_json_of_the_tables_without_labels_names_no_ids(tmp_path):
    write_nuscenes(tmp_path)
    write_table(tmp_path / "v1.0-mini", "category", [{"name": "vehicle.car", "token": "x"}])
    write_lidarseg(tmp_path, "scene-0061-0", np.full(N, 17))
    dataset = recognise(tmp_path)
    assert set(names_of(dataset.read(dataset.entries[0])[0])) == {"car"}


def test_the_official_lists_share_out_a_thousand_scenes():
    splits = Counter(split_of(f"scene-{k:04}") for k in range(1, 1200))
    assert (splits["train"], splits["val"], splits["test"]) == (700, 150, 150)
    assert split_of("scene-0553") == "val" and split_of("scene-0553", is_mini=True) == "train"
    assert split_of("scene-0001") == "train" and split_of("scene-0077") == "test"
    assert split_of("scene-9999") is None


def test_scenes_that_nuscenes_does_not_know_go_by_their_folder_and_it_is_said(tmp_path):
    write_nuscenes(tmp_path, "v1.0-test", ("scene-0077", "drive-2"))
    dataset = recognise(tmp_path)
    assert dataset.splits == ("test",)
    assert len(dataset.notes) == 1 and dataset.notes[0].startswith("2 keyframes")


def test_a_split_file_may_name_whole_drives(tmp_path):
    write_nuscenes(tmp_path)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "few.txt").write_text("scene-0103\nscene-0061_001\nscene-0999\n")
    dataset = recognise(tmp_path)
    assert [entry.id for entry in dataset.entries_of("few")] == [
        *("scene-0061_001", "scene-0103_000", "scene-0103_001"),
    ]
    (fault,) = dataset.faults()
    assert "scene-0999" in fault.text


def test_the_mini_set_is_left_out_beside_the_full_one_and_can_be_named(tmp_path):
    write_nuscenes(tmp_path, "v1.0-mini", ("scene-0553",))
    write_nuscenes(tmp_path, "v1.0-trainval", ("scene-0001", "scene-0553"))
    splits = {entry.id: entry.split for entry in recognise(tmp_path).entries}
    assert splits["scene-0001_000"] == "train" and splits["scene-0553_000"] == "val"
    mini = recognise(tmp_path / "v1.0-mini")
    assert {entry.split for entry in mini.entries} == {"train"} and len(mini.entries) == 2


def test_poses_take_the_sweep_to_the_vehicle_and_then_to_the_map(tmp_path):
    write_nuscenes(tmp_path)
    dataset = recognise(tmp_path)
    matrix = dataset.pose(dataset.entries[1])  # second in order of tokens: y = 10
    # The roof LiDAR is 1 m ahead and 2 m up; the vehicle is turned by a quarter: ahead is y.
    np.testing.assert_allclose(matrix @ [3.0, 0, 0, 1], [100, 14, 2, 1], atol=1e-9)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)


def test_tables_larger_than_a_piece_are_read_whole(tmp_path, monkeypatch):
    from pointins_engine.scenes.datasets import nuscenes_tables

    write_nuscenes(tmp_path)
    whole = recognise(tmp_path)
    monkeypatch.setattr(nuscenes_tables, "_PIECE", 97)  # cuts records anywhere
    pieces = recognise(tmp_path)
    assert pieces.entries == whole.entries
    np.testing.assert_array_equal(pieces.pose(whole.entries[3]), whole.pose(whole.entries[3]))


def test_a_folder_without_tables_is_a_folder_of_sweeps(tmp_path):
    write_nuscenes(tmp_path / "a")
    folder = tmp_path / "a" / "samples" / "LIDAR_TOP"
    loose = tmp_path / "loose" / "LIDAR_TOP"
    loose.parent.mkdir()
    folder.rename(loose)
    dataset = open_dataset(tmp_path / "loose")
    assert dataset.name == "scans" and len(dataset.entries) == 4


def test_pointcepts_layout_is_read_through_the_official_tables(tmp_path):
    write_nuscenes(tmp_path / "raw")
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "nuscenes_infos_10sweeps_train.pkl").write_bytes(b"cos\nsystem\n")
    assert len(recognise(tmp_path).entries) == 4


def test_pickles_without_tables_are_refused_with_the_fix(tmp_path):
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "nuscenes_infos_10sweeps_train.pkl").write_bytes(b"cos\nsystem\n")
    with pytest.raises(SceneError, match=r"never read here.*v1\.0-trainval"):
        recognise(tmp_path)


def test_missing_sweeps_and_labels_of_another_length_are_faults(tmp_path):
    write_nuscenes(tmp_path)
    label = write_lidarseg(tmp_path, "scene-0061-0", np.zeros(N - 1))
    gone = next((tmp_path / "samples" / "LIDAR_TOP").glob("scene-0103*__1.pcd.bin"))
    gone.unlink()
    dataset = recognise(tmp_path)
    assert len(dataset.entries) == 3
    faults = list(dataset.faults())
    assert "1 of 4 keyframes" in faults[0].text
    assert faults[1].path == label and "127 labels for 128 points" in faults[1].text
    with pytest.raises(SceneError, match=r"127 labels for the 128 points.*unpack"):
        dataset.read(dataset.entries[0])


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"not a zip at all", None], ids=["empty", "torn", "text", "other"]
)
def test_damaged_panoptic_files_are_refused_with_the_fix(tmp_path, data):
    write_nuscenes(tmp_path)
    path = write_panoptic(tmp_path, "scene-0061-0", np.zeros(N))
    if data is None:
        np.savez(path, labels=np.zeros(N))
    else:
        path.write_bytes(data)
    dataset = recognise(tmp_path)
    with pytest.raises(SceneError, match="one array `data`"):
        dataset.read(dataset.entries[0])


def test_a_panoptic_file_is_not_unpacked_beyond_its_sweep(tmp_path):
    write_nuscenes(tmp_path)
    write_panoptic(tmp_path, "scene-0061-0", np.zeros(10**7))  # 20 kB that unpack to 20 MB
    dataset = recognise(tmp_path)
    with pytest.raises(SceneError, match=r"10,000,064 labels for the 128 points"):
        dataset.read(dataset.entries[0])


@pytest.mark.parametrize("table", ["scene", "sample", "sample_data"])
@pytest.mark.parametrize("damage", ["cut", "lacking"])
def test_damaged_tables_are_named(tmp_path, table, damage):
    write_nuscenes(tmp_path)
    path = tmp_path / "v1.0-mini" / f"{table}.json"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    else:
        rows = json.loads(path.read_text())
        rows[0].pop("scene_token", rows[0].pop("sample_token", rows[0].pop("name", None)))
        path.write_text(json.dumps(rows))
    with pytest.raises(SceneError, match=rf"{table}\.json.*again"):
        recognise(tmp_path)
