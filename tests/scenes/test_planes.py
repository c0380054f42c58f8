"""Planes found without labels agree with the labels of simulated and real scenes."""

import numpy as np
import pytest

from pointins_engine.scenes.planes import find_planes
from pointins_engine.scenes.readers import read_scene
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room

ON_WALLS = (
    "wall",
    "floor",
    "ceiling",
    "door",
    "window",
    "picture",
    "whiteboard",
    "curtain",
    "radiator",
)


def test_rooms_lose_floor_and_walls_and_keep_furniture():
    figures = []
    for seed in range(6):
        room = simulate_room(seed)
        found = find_planes(room.coord, "indoor", np.random.default_rng(0), room.normal)
        names = np.array(room.class_names)[room.semantic_label]
        stuff, flush = np.isin(names, ("wall", "floor")), np.isin(names, ON_WALLS)
        figures.append((found[stuff].mean(), flush[found].mean(), found[~flush].mean()))
    recall, precision, taken = np.array(figures).T
    assert recall.mean() > 0.97 and recall.min() > 0.9
    assert precision.mean() > 0.95 and precision.min() > 0.9
    assert taken.mean() < 0.06 and taken.max() < 0.2  # rows of wardrobes that fill a wall


def test_normals_are_estimated_where_none_are_given():
    room = simulate_room(1)
    found = find_planes(room.coord, "indoor", np.random.default_rng(0))
    stuff = room.semantic_label <= 1
    assert found[stuff].mean() > 0.9


def test_a_table_top_is_no_plane_and_a_floor_is():
    rng = np.random.default_rng(0)
    floor = np.c_[rng.uniform(0, 4, (20_000, 2)), np.zeros(20_000)]
    top = np.c_[rng.uniform(1, 2.4, (6000, 2)), np.full(6000, 0.75)]  # 2 m², nothing above it
    chest = np.c_[rng.uniform(3, 3.5, (3000, 2)), rng.uniform(0, 1.4, 3000)]
    coord = np.vstack([floor, top, chest]).astype(np.float32)
    found = find_planes(coord, "indoor", rng)
    assert found[:20_000].mean() > 0.98
    assert found[20_000:26_000].mean() < 0.02


def test_ground_of_real_or_simulated_sweeps(kitti_root):
    ground = {"road", "parking", "sidewalk", "terrain", "other-ground"}
    for path in sorted(kitti_root.rglob("velodyne/*.bin"))[:2]:
        sweep = read_scene(path)
        found = find_planes(sweep.coord, "outdoor", np.random.default_rng(0))
        names = np.array([*sweep.class_names, "none"])[sweep.semantic_label]
        is_ground = np.isin(names, list(ground))
        assert found[is_ground].mean() > 0.97
        assert is_ground[found & (names != "none")].mean() > 0.9
        things = (sweep.semantic_label >= 0) & (sweep.semantic_label < 8)
        assert found[things].mean() < 0.1


@pytest.mark.parametrize("domain", ["indoor", "outdoor"])
def test_one_stray_point_far_away_costs_no_memory(domain):
    rng = np.random.default_rng(4)
    floor = np.c_[rng.uniform(0, 5, (20_000, 2)), rng.normal(0, 0.005, 20_000)]
    coord = np.vstack([floor, [[9e4, 9e4, 3.0]]]).astype(np.float32)
    found = find_planes(coord, domain, rng)
    assert found.shape == (20_001,)
    if domain == "outdoor":  # the map keeps its resolution
        assert found[:-1].mean() > 0.99
