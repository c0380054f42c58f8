"""Simulated rooms: believable sizes and places, exact labels, colours that name no object."""

from collections import Counter
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial import KDTree

from pointins_engine.errors import ConfigError
from pointins_engine.scenes.simulate.indoor.depth_camera import (
    DepthCamera,
    expose,
    is_returned,
    measured,
)
from pointins_engine.scenes.simulate.indoor.floor_plans import plan_flat, plan_room
from pointins_engine.scenes.simulate.indoor.placing import clash
from pointins_engine.scenes.simulate.indoor.rooms import (
    ROOM_CLASSES,
    SCANNET_CLASS,
    STUFF,
    simulate_room,
)
from pointins_engine.scenes.simulate.pieces import box, overlap
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, ELLIPSOID, SolidSet, cast

ON_WALLS = ("door", "window", "curtain", "picture", "whiteboard", "radiator", "shower curtain")
# Lowest and highest width, depth and height of a piece in metres, as shops sell them.
BELIEVABLE = {
    "cabinet": ((0.5, 1.6), (0.3, 0.7), (0.6, 2.3)),
    "bed": ((0.8, 2.0), (1.9, 2.2), (0.7, 1.3)),
    "chair": ((0.38, 1.0), (0.4, 1.05), (0.7, 1.2)),
    "sofa": ((1.4, 2.4), (0.75, 1.05), (0.65, 1.0)),
    "table": ((0.5, 2.4), (0.4, 1.25), (0.33, 0.8)),
    "door": ((0.85, 1.15), (0.02, 0.15), (1.9, 2.15)),
    "window": ((0.7, 1.8), (0.05, 0.2), (1.8, 2.3)),
    "bookshelf": ((0.6, 1.2), (0.2, 0.4), (1.1, 2.2)),
    "picture": ((0.3, 1.0), (0.02, 0.3), (0.4, 2.0)),
    "counter": ((1.2, 2.4), (0.55, 0.7), (0.85, 1.0)),
    "desk": ((1.1, 1.7), (0.6, 0.9), (0.7, 0.8)),
    "curtain": ((0.3, 0.8), (0.05, 0.2), (2.1, 2.4)),
    "refrigerator": ((0.5, 0.8), (0.55, 0.8), (1.4, 2.0)),
    "shower curtain": ((0.6, 1.2), (0.03, 0.15), (1.8, 2.1)),
    "toilet": ((0.35, 0.5), (0.6, 0.75), (0.7, 0.9)),
    "sink": ((0.4, 0.8), (0.4, 0.6), (0.8, 1.1)),
    "bathtub": ((1.4, 1.8), (0.65, 0.85), (0.45, 0.65)),
}


@lru_cache
def plans():
    return [room for seed in range(90) for room in plan_flat(np.random.default_rng(seed))]


def test_every_instance_class_of_scannet_comes_up_with_a_believable_size():
    seen = Counter()
    for room in plans():
        for placed in room.placed:
            name, size = placed.piece.name, placed.piece.size
            assert name in ROOM_CLASSES
            seen[name] += 1
            for edge, (low, high) in zip(
                size, BELIEVABLE.get(name, ((0.05, 2.1),) * 3), strict=True
            ):
                assert low <= edge <= high, (name, size)
    others = {name for name in seen if SCANNET_CLASS[name] == "otherfurniture"}
    assert set(BELIEVABLE) <= set(seen)
    assert others and not others & set(BELIEVABLE)
    assert min(seen[name] for name in BELIEVABLE) >= 3


def test_every_class_has_a_name_in_scannet_or_is_left_out_there():
    assert set(SCANNET_CLASS) == set(ROOM_CLASSES)
    things = set(SCANNET_CLASS.values()) - {None, "wall", "floor"}
    assert len(things) == 18


def test_pieces_do_not_reach_into_each_other():
    total, clashes = 0, Counter()
    for room in plans()[:40]:
        for i, a in enumerate(room.placed):
            total += 1
            for b in room.placed[:i]:
                if overlap(a.footprint(), b.footprint()) and clash(a, b, 0.025):
                    clashes[a.piece.name, b.piece.name] += 1
    assert total > 500
    assert sum(clashes.values()) <= total / 200, clashes


def under_feet(parts):
    """Places 12 mm below the lowest solids of a piece."""
    reach = np.where(
        parts.shape == ELLIPSOID,
        np.sqrt(((parts.turn[:, 2] * parts.half) ** 2).sum(axis=1)),
        (np.abs(parts.turn[:, 2]) * parts.half).sum(axis=1),
    )
    low = (parts.center[:, 2] - reach).min()
    foot = np.flatnonzero(parts.center[:, 2] - reach < low + 0.01)
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, (9, 1, 3)) * parts.half[foot]
    place = parts.center[foot] + np.einsum("sij,csj->csi", parts.turn[foot], spread)
    place[..., 2] = low - 0.012
    return place.reshape(-1, 3)


def test_nothing_floats():
    """Under every standing piece there is a floor, a board or another piece."""
    for room in plans()[:25]:
        solids = SolidSet(room.solids)
        for k, placed in enumerate(room.placed):
            if placed.piece.name not in ON_WALLS:
                carries = solids.contains(under_feet(SolidSet(placed.solids())))
                assert carries[:, room.instance != k].any(), placed.piece.name


def test_what_hangs_on_a_wall_touches_it():
    for room in plans()[:25]:
        corner, size = np.array(room.corner), np.array(room.size[:2])
        for placed in room.placed:
            if placed.piece.name in ON_WALLS and placed.piece.name != "shower curtain":
                back = np.array(placed.world(0.0, placed.piece.size[1] / 2)) - corner
                gap = np.minimum(back, size - back).min()
                assert gap < 0.35 if placed.piece.name == "picture" else gap < 0.1


@pytest.mark.parametrize("seed", [0, 3, 7, 12])
def test_rooms_are_scans_of_furnished_rooms(seed):
    room = simulate_room(seed)
    assert 40_000 <= len(room) <= 48_000
    objects = np.unique(room.instance_label[room.instance_label >= 0])
    assert 8 <= len(objects) <= 45
    stuff = np.isin(np.array(ROOM_CLASSES)[room.semantic_label], STUFF)
    np.testing.assert_array_equal(room.instance_label == -1, stuff)
    for k in objects:  # an object has one class
        assert len(np.unique(room.semantic_label[room.instance_label == k])) == 1
    np.testing.assert_allclose(np.linalg.norm(room.normal, axis=1), 1, atol=1e-5)
    extent = np.ptp(room.coord, axis=0)
    assert (extent[:2] > 2.5).all() and (extent[:2] < 10).all() and 1.5 < extent[2] < 3.2


def test_a_seed_is_a_room_bit_for_bit():
    a, b, other = (simulate_room(seed, 6000) for seed in (11, 11, 12))
    for name in ("coord", "color", "normal", "instance_label", "semantic_label"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert not np.array_equal(a.coord, other.coord)


def test_more_clutter_means_more_things_and_more_rooms_more_furniture():
    def things(**asked):
        flats = [plan_flat(np.random.default_rng(seed), **asked) for seed in range(8)]
        return sum(len(room.placed) for flat in flats for room in flat)

    tidy, cluttered = things(num_rooms=1, clutter=0.0), things(num_rooms=1, clutter=1.0)
    assert cluttered > 1.2 * tidy
    assert things(num_rooms=3, clutter=0.0) > 2 * tidy


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"num_rooms": 4}, "num_rooms must be 1 to 3"), ({"clutter": 1.5}, "clutter must lie in 0")],
)
def test_impossible_rooms_are_refused(asked, message):
    with pytest.raises(ConfigError, match=message):
        simulate_room(0, 1000, **asked)


def test_the_rooms_of_a_flat_are_seen_from_each_other():
    """From the middle of an opening between rooms, rays end in both; nothing leads outside."""
    rooms = plan_flat(np.random.default_rng(5), num_rooms=3, clutter=0.5)
    solids = SolidSet([solid for room in rooms for solid in room.solids])
    rng = np.random.default_rng(0)
    for left, right in pairwise(rooms):
        between = (left.corner[0] + left.size[0] + right.corner[0]) / 2
        depth = min(left.size[1], right.size[1])
        free = [
            y
            for y in np.arange(0.2, depth, 0.1)
            if not solids.contains(np.array([[between, y, 1.0]])).any()
        ]
        eye = np.array([between, np.mean(free), 1.0])
        rays = rng.normal(size=(500, 3))
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        hits = cast(solids, eye, rays)
        assert np.isfinite(hits.distance).all()
        x = eye[0] + hits.distance * rays[:, 0]
        assert (x < between - 0.5).mean() > 0.2 and (x > between + 0.5).mean() > 0.2


@pytest.fixture(scope="module")
def looks():
    """Solids of a furnished room, a camera in it, and what its rays meet in three directions."""
    plan = plan_room(np.random.default_rng(8))
    solids, camera = SolidSet(plan.solids), DepthCamera()
    width, depth, _ = plan.size
    eye = np.array([0.3 * width, 0.3 * depth, 1.5])
    corners = ((width, depth), (0.8 * width, 0.1), (0.1, 0.9 * depth))
    poses = [(eye, np.array([x, y, 0.5])) for x, y in corners]
    return solids, camera, expose(solids, camera, poses, 9000, np.random.default_rng(0))


def test_without_noise_every_point_lies_on_the_surface_of_its_own_solid(looks):
    solids, camera, seen = looks
    place = measured(seen, camera, 0.0, np.random.default_rng(1))[seen.is_hit]
    solid = seen.solid[seen.is_hit]
    local = np.abs(solids.to_local(place, solid) / solids.half[solid])
    shape, opaque = solids.shape[solid], solids.free_path[solid] == 0
    level = np.where(
        shape == BOX,
        local.max(axis=1),
        np.where(
            shape == CYLINDER,
            np.maximum(np.hypot(local[:, 0], local[:, 1]), local[:, 2]),
            np.linalg.norm(local, axis=1),
        ),
    )
    # Half sizes go down to 3 mm: 1e-6 of them is far less than float32 keeps.
    np.testing.assert_allclose(level[opaque], 1, atol=1e-6)
    assert (level[~opaque] < 1 + 1e-6).all()  # leaves are hit inside
    assert seen.is_hit.all()  # the room is closed


def test_errors_of_depth_are_those_of_the_camera_and_grow_with_distance(looks):
    _, camera, seen = looks
    noisy = measured(seen, camera, 1.0, np.random.default_rng(1))
    error = np.linalg.norm(noisy - seen.at(seen.distance), axis=-1)
    near, far = seen.distance < 1.5, (seen.distance > 2.5) & (seen.distance < 3.5)
    assert np.median(error[near]) < 0.008  # 2 mm of depth, 5 mm of a view that is out of place
    assert np.median(error[near]) < np.median(error[far]) < 0.03
    assert 0.002 < (error > 0.06).mean() < 0.03  # mixed pixels on edges


def test_glass_and_dark_things_give_few_returns(looks):
    solids, camera, seen = looks
    in_range = (seen.distance > 1.0) & (seen.distance < 2.5)
    for material, low, high in (("white", 0.8, 1.0), ("black", 0.5, 0.9), ("glass", 0.0, 0.25)):
        kept = is_returned(seen, [material] * len(solids), camera, np.random.default_rng(0))
        assert low < kept[in_range].mean() < high
        assert not kept[seen.distance > camera.max_range].any()


def test_beside_a_near_thing_the_projector_does_not_reach_the_wall():
    """A post 1 m before a camera hides a strip of wall of its own parallax, on one side only."""
    post = box((-0.05, 0.05), (1.0, 1.02), (0.0, 3.0), "white")
    wall = box((-5, 5), (3.0, 3.1), (0.0, 3.0), "white")
    camera, rng = DepthCamera(), np.random.default_rng(0)
    pose = (np.array([0.0, 0.0, 1.5]), np.array([0.0, 3.0, 1.5]))
    solids = SolidSet([post, wall])
    seen = expose(solids, camera, [pose], 30_000, rng)
    kept = is_returned(seen, solids.material, camera, rng)
    x = seen.at(seen.distance)[..., 0]
    strip = 3.0 * camera.baseline * (1 / 1.0 - 1 / 3.0)  # metres on the wall
    on_wall = seen.solid == 1
    left = on_wall & (x < -0.17) & (x > -0.15 - 0.8 * strip)
    right = on_wall & (x > 0.17) & (x < 0.15 + 0.8 * strip)
    assert min(left.sum(), right.sum()) > 30
    assert kept[left].mean() < 0.1 < 0.9 < kept[right].mean()


def test_the_floor_is_at_zero_and_noise_lifts_it_by_millimetres():
    exact, noisy = simulate_room(2, 5000, noise=0.0), simulate_room(2, 5000)
    floor = exact.coord[exact.semantic_label == ROOM_CLASSES.index("floor")]
    np.testing.assert_allclose(floor[:, 2], 0, atol=1e-6)
    floor = noisy.coord[noisy.semantic_label == ROOM_CLASSES.index("floor")]
    assert 0.001 < np.median(np.abs(floor[:, 2])) < 0.01


def same_object_auc(rooms, low=0.04, high=0.08):
    """Chance that neighbours of two objects differ more in colour than neighbours inside of one.

    Neighbours lie 4 to 8 cm apart on objects (walls and floor are left out); 0.5 = colour says
    nothing of where an object ends.
    """
    within, across = [], []
    for room in rooms:
        thing = room.instance_label >= 0
        coord, color = room.coord[thing], room.color[thing].astype(float)
        label = room.instance_label[thing]
        pairs = KDTree(coord).query_pairs(high, output_type="ndarray")
        pairs = pairs[np.linalg.norm(coord[pairs[:, 0]] - coord[pairs[:, 1]], axis=1) > low]
        gap = np.linalg.norm(color[pairs[:, 0]] - color[pairs[:, 1]], axis=1)
        same = label[pairs[:, 0]] == label[pairs[:, 1]]
        within.append(gap[same])
        across.append(gap[~same])
    within, across = np.sort(np.concatenate(within)), np.concatenate(across)
    return (np.searchsorted(within, across) / len(within)).mean()


def test_where_objects_touch_colours_differ_little_more_than_inside_of_them():
    auc = same_object_auc([simulate_room(seed, 12_000) for seed in range(6)])
    assert 0.5 < auc < 0.75


def test_colour_alone_names_no_object(room):
    """Within a narrow band of colours there are points of many objects and of stuff."""
    color = room.color.astype(int) // 32
    key = color @ [64, 8, 1]
    common = np.argsort(np.bincount(key))[-5:]
    assert all(len(np.unique(room.instance_label[key == k])) >= 5 for k in common)
