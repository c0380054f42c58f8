"""Opening scenes: files, folders in dataset layouts, the simulator."""

import re
from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.scenes import describe, format_report, open_scenes, source
from pointins_engine.scenes.memory import scene_memory
from pointins_engine.scenes.source import SceneSet, scene_bytes, simulated_seed
from pointins_engine.types import Scene

OUTDOOR = {"domain": "outdoor", "grid_size": 0.2, "feats": ("coord", "intensity")}


def save_cloud(path, seed=0, num=400):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    np.save(path, np.c_[rng.uniform(0, 3, (num, 2)), rng.normal(0, 0.01, num)].astype(np.float32))


def test_simulated_scenes_are_complete_for_training():
    scenes = open_scenes(SceneConfig(num_simulated=3, grid_size=0.06), seed=0)
    assert scenes.ids == ["room_0", "room_1", "room_2"]
    room = scenes[1]
    assert room.id == "room_1"
    assert room.normal is not None and room.is_plane is not None and room.color is not None
    assert 0.2 < room.is_plane.mean() < 0.95
    assert scenes[1] is room  # kept in memory
    np.testing.assert_array_equal(
        open_scenes(SceneConfig(num_simulated=2, grid_size=0.06), seed=0)[1].is_plane, room.is_plane
    )


def test_train_val_and_test_never_share_a_seed_and_held_out_scenes_stay_the_same():
    ranges = [
        {simulated_seed(k, seed, split) for k in (0, 63, 99_999)}
        for split in ("train", "val", "test")
        for seed in (0, 1, 9_999)
    ]
    assert not (ranges[0] & ranges[1]) and not (ranges[2] & ranges[3])
    assert ranges[3] == ranges[4] == ranges[5] and ranges[6] == ranges[8]
    assert not (ranges[3] & ranges[6])
    with pytest.raises(SceneError, match="does not exist"):
        simulated_seed(100_000)


def test_an_unknown_simulator_is_named():
    with pytest.raises(SceneError, match=r"sim:rooms, sim:streets"):
        open_scenes(SceneConfig(source="sim:forests"), seed=0)


def test_a_sweep_folder_opens_without_reading_and_completes_on_demand(kitti_root):
    scenes = open_scenes(SceneConfig(source=str(kitti_root), **OUTDOOR), seed=0)
    assert scenes.ids == sorted(scenes.ids) and len(set(scenes.ids)) == len(scenes.ids)
    assert (scenes.ids[0], scenes.dataset) == ("00_000000", "semantic_kitti")
    sweep = scenes[0]
    assert sweep.normal is None  # not a feature here
    assert sweep.is_plane is not None and sweep.semantic_label is not None
    assert scenes.warnings == []


def test_missing_normals_are_estimated_when_they_are_a_feature(tmp_path):
    save_cloud(tmp_path / "floor.npy", num=3000)
    scene = open_scenes(SceneConfig(source=str(tmp_path / "floor.npy")), seed=0)[0]
    assert scene.id == "floor"
    assert np.median(scene.normal[:, 2]) > 0.9
    assert scene.is_plane.mean() > 0.98  # a plane ends at 2.5 deviations of its noise


def test_folders_are_searched_and_ids_stay_unique(tmp_path):
    for name in ("a/scan.npy", "b/scan.npy", "a b/scan.npy", ".hidden/scan.npy"):
        save_cloud(tmp_path / name)
    save_cloud(tmp_path / "a-b" / "scan.npy")  # the same id as "a b" once cleaned
    save_cloud(tmp_path / "office" / "coord.npy")
    np.save(tmp_path / "office" / "color.npy", np.zeros((400, 3), np.uint8))
    (tmp_path / "notes.txt").write_text("not a scan")
    scenes = open_scenes(SceneConfig(source=str(tmp_path)), seed=0)
    assert len(scenes) == 5
    assert len(set(scenes.ids)) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name) for name in scenes.ids)
    assert scenes[scenes.ids.index("office")].color is not None


def test_of_a_scannet_folder_one_mesh_is_taken_and_of_nuscenes_no_radar(tmp_path):
    scan = tmp_path / "scans" / "scene0000_00"
    scan.mkdir(parents=True)
    for ending in ("_vh_clean.ply", "_vh_clean_2.ply", "_vh_clean_2.labels.ply"):
        (scan / f"scene0000_00{ending}").write_bytes(b"ply")
    for sensor, name in (("LIDAR_TOP", "a.pcd.bin"), ("RADAR_FRONT", "a.pcd")):
        (tmp_path / "samples" / sensor).mkdir(parents=True)
        (tmp_path / "samples" / sensor / name).write_bytes(b"\0" * 20)
    config = SceneConfig(source=str(tmp_path), dataset="scans")  # every file on its own
    ids = open_scenes(config, seed=0).ids
    assert ids == ["samples-LIDAR_TOP-a", "scans-scene0000_00-scene0000_00_vh_clean_2"]
    assert open_scenes(SceneConfig(source=str(tmp_path)), seed=0).ids == ["scene0000_00"]


def test_nothing_to_open_says_what_was_looked_for(tmp_path):
    with pytest.raises(SceneError, match=r"holds no scan; looked for \.ply, \.pcd"):
        open_scenes(SceneConfig(source=str(tmp_path)), seed=0)
    with pytest.raises(SceneError, match="no such file or folder"):
        open_scenes(SceneConfig(source=str(tmp_path / "gone")), seed=0)


def test_a_link_back_to_the_folder_does_not_loop(tmp_path):
    save_cloud(tmp_path / "a.npy")
    (tmp_path / "again").symlink_to(tmp_path)
    assert open_scenes(SceneConfig(source=str(tmp_path)), seed=0).ids == ["a"]


def test_warnings_of_a_file_are_told_once(tmp_path, room):
    np.save(tmp_path / "mm.npy", room.coord[::8] * 1000)
    config = SceneConfig(source=str(tmp_path / "mm.npy"), grid_size=0.03)
    with pytest.raises(SceneError, match=r"mm\.npy: the scene is .* --scene\.units mm"):
        open_scenes(replace(config, units="m"), seed=0)[0]
    scenes = open_scenes(replace(config, units="m", grid_size=1.0, feats=("coord",)), seed=0)
    assert scenes.warnings == []
    scenes._load(0)
    scenes._load(0)
    assert ["read in m as asked for, though" in note for note in scenes.warnings] == [True, False]
    assert "z taken as up" in scenes.warnings[1]


def test_scenes_may_take_a_quarter_of_the_memory_shared_by_the_ranks_of_a_machine(tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text(f"{8 << 30}\n")
    assert scene_memory([limit], {}) == 2 << 30
    assert scene_memory([limit], {"LOCAL_WORLD_SIZE": "2"}) == 1 << 30
    assert scene_memory([limit], {"LOCAL_WORLD_SIZE": "8"}) == 1 << 30  # never less
    limit.write_text("max\n")
    assert scene_memory([limit, tmp_path / "gone"], {}) >= 1 << 30


def test_planes_of_a_scan_are_looked_for_once(tmp_path, monkeypatch):
    save_cloud(tmp_path / "floor.npy", num=3000)
    searches = []
    search = source.find_planes
    monkeypatch.setattr(source, "find_planes", lambda *a: searches.append(1) or search(*a))
    scenes = open_scenes(SceneConfig(source=str(tmp_path), feats=("coord",)), seed=0)
    first, again = scenes._load(0), scenes._load(0)
    assert len(searches) == 1
    np.testing.assert_array_equal(first.is_plane, again.is_plane)


def test_the_cache_stays_within_its_budget():
    loads = []

    def load(index):
        loads.append(index)
        return Scene(id=str(index), coord=np.zeros((1000, 3), np.float32))

    size = scene_bytes(load(0))
    scenes = SceneSet(["a", "b", "c"], load, cache_bytes=2 * size)
    loads.clear()
    for index in (0, 1, 0, 2, 0, 1):
        assert scenes[index].id == str(index)
    assert loads == [0, 1, 2, 1]  # 1 was least recently used when 2 came
    assert scenes[-1].id == "2"
    with pytest.raises(IndexError):
        scenes[3]


def test_the_report_counts_what_is_there(room):
    facts = describe(room)
    assert facts["points"] == len(room) and facts["warnings"] == []
    assert sum(c["points"] for c in facts["classes"].values()) == len(room)
    assert facts["num_instances"] == len(np.unique(room.instance_label)) - 1
    assert facts["up_axis"].startswith("z")
    assert 0.001 < facts["spacing_m"] < 0.05
    text = format_report([room, room], notes=["mind the step."])
    assert text.count("room_3\n") == 2 and text.count("mind the step.") == 1
    assert "floor" in text and f"{len(room):,}" in text


def test_the_report_warns_of_a_lying_scan_of_black_colour_and_of_doubles(room):
    lying = replace(
        room, coord=np.ascontiguousarray(room.coord[:, [2, 0, 1]]), color=np.zeros_like(room.color)
    )
    text = format_report([lying])
    assert "not confirmed" in text and "every colour is black" in text
    doubled = replace(
        room, **{
            name: np.concatenate([getattr(room, name)] * 2)
            for name in ("coord", "color", "normal", "semantic_label", "instance_label")
        }
    )  # fmt: skip
    assert any("exactly on another" in note for note in describe(doubled)["warnings"])
