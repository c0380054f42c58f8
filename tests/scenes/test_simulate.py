"""The simulated world: exact hits, exact labels, one seed one scene."""

import numpy as np
import pytest

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.floor_plans import plan_room
from pointins_engine.scenes.simulate.pieces import box, cylinder, ellipsoid
from pointins_engine.scenes.simulate.rooms import ROOM_CLASSES, STUFF, simulate_room
from pointins_engine.scenes.simulate.scanners import lidar
from pointins_engine.scenes.simulate.solids import SolidSet, cast
from pointins_engine.scenes.simulate.streets import NUM_THINGS, STREET_CLASSES, simulate_street


def rays_to(rng, num, origin, spread):
    direction = rng.normal(0, spread, (num, 3)) - origin
    return direction / np.linalg.norm(direction, axis=1, keepdims=True)


def test_a_ray_meets_a_sphere_where_the_formula_says():
    rng = np.random.default_rng(0)
    origin, radius = np.array([-4.0, 1.0, 0.5]), 0.9
    rays = rays_to(rng, 3000, origin, 0.8)
    hits = cast(SolidSet([ellipsoid((0, 0, 0), (radius,) * 3, "m")]), origin, rays)
    b = rays @ origin
    inside = b**2 - (origin @ origin - radius**2)
    np.testing.assert_array_equal(np.isfinite(hits.distance), inside >= 0)
    met = inside >= 0
    np.testing.assert_allclose(hits.distance[met], -b[met] - np.sqrt(inside[met]), atol=1e-9)
    place = origin + hits.distance[met, None] * rays[met]
    np.testing.assert_allclose(hits.normal[met], place / radius, atol=1e-9)


def test_hits_on_turned_solids_lie_on_their_surface():
    rng = np.random.default_rng(1)
    turn = rotation("z", 0.4) @ rotation("x", 0.7)
    solids = SolidSet(
        [
            box((-1, 1), (-0.5, 0.5), (-0.3, 0.3), "m", turn),
            cylinder((2.5, 0, 0), 0.6, 1.4, "m", turn),
            ellipsoid((-2.5, 0, 0), (0.9, 0.5, 0.3), "m", turn=turn),
        ]
    )
    origin = np.array([0.3, -5.0, 1.2])
    rays = rays_to(rng, 6000, origin, 1.5)
    hits = cast(solids, origin, rays)
    for k in range(3):
        on = hits.solid == k
        assert on.sum() > 100
        place = origin + hits.distance[on, None] * rays[on]
        local = solids.to_local(place, hits.solid[on]) / solids.half[k]
        if k == 0:
            level = np.abs(local).max(axis=1)
        elif k == 1:
            level = np.maximum(np.hypot(local[:, 0], local[:, 1]), np.abs(local[:, 2]))
        else:
            level = np.linalg.norm(local, axis=1)
        np.testing.assert_allclose(level, 1, atol=1e-9)
        assert ((hits.normal[on] * rays[on]).sum(axis=1) < 0).all()  # faces the origin
    np.testing.assert_allclose(np.linalg.norm(hits.normal[hits.solid >= 0], axis=1), 1, atol=1e-9)


def test_culling_changes_nothing():
    """A cast of all solids is the nearest of casts of single solids with rays in random order."""
    rng = np.random.default_rng(2)
    plan = plan_room(rng)
    solids = SolidSet(plan.solids)
    origin = np.array([plan.size[0] / 2, plan.size[1] / 2, 1.5])
    rays = rng.normal(size=(300, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    together = cast(solids, origin, rays, chance := rng.random(300))
    one_by_one = []
    for ray, share in zip(rays, chance, strict=True):
        one_by_one.append(cast(solids, origin, ray[None], np.array([share])).distance[0])
    np.testing.assert_allclose(together.distance, one_by_one, atol=1e-9)
    assert np.isfinite(together.distance).all()  # a room is closed


def test_from_inside_a_box_the_far_wall_is_seen():
    hits = cast(
        SolidSet([box((-1, 1), (-1, 1), (-1, 1), "m")]), np.zeros(3), np.array([[1.0, 0, 0]])
    )
    assert hits.distance[0] == pytest.approx(1.0)
    np.testing.assert_allclose(hits.normal[0], [-1, 0, 0])


def test_leaves_let_the_stated_share_of_rays_through():
    leaf = ellipsoid((5, 0, 0), (0.5, 50, 50), "m", free_path=0.8)
    rays = np.tile([[1.0, 0, 0]], (4000, 1))
    hits = cast(SolidSet([leaf]), np.zeros(3), rays, np.random.default_rng(3).random(4000))
    through = np.isinf(hits.distance).mean()
    assert through == pytest.approx(np.exp(-1 / 0.8), abs=0.03)  # five sigma of 4000 draws


@pytest.mark.parametrize("make", [simulate_room, simulate_street])
def test_a_seed_is_a_scene_bit_for_bit(make):
    a, b, other = make(11), make(11), make(12)
    for name in ("coord", "color", "intensity", "instance_label", "semantic_label"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert len(a) != len(other) or not np.array_equal(a.coord, other.coord)


@pytest.mark.parametrize("seed", [0, 3, 7, 12])
def test_rooms_are_scans_of_furnished_rooms(seed):
    room = simulate_room(seed)
    assert 35_000 <= len(room) <= 48_000
    objects = np.unique(room.instance_label[room.instance_label >= 0])
    assert 8 <= len(objects) <= 32
    stuff = np.isin(np.array(ROOM_CLASSES)[room.semantic_label], STUFF)
    np.testing.assert_array_equal(room.instance_label == -1, stuff)
    for k in objects:  # an object has one class
        assert len(np.unique(room.semantic_label[room.instance_label == k])) == 1
    np.testing.assert_allclose(np.linalg.norm(room.normal, axis=1), 1, atol=1e-5)
    extent = np.ptp(room.coord, axis=0)
    assert (extent[:2] > 2.5).all() and (extent[:2] < 8).all() and 1.5 < extent[2] < 3.2


def test_furniture_has_at_least_a_dozen_kinds():
    kinds = set()
    for seed in range(25):
        plan = plan_room(np.random.default_rng(seed))
        kinds |= {placed.piece.name for placed in plan.placed}
    assert kinds <= set(ROOM_CLASSES)
    assert len(kinds - set(STUFF)) >= 20


@pytest.mark.parametrize("seed", [1, 5])
def test_without_noise_no_point_lies_inside_an_object_and_objects_bound_their_points(seed):
    room = simulate_room(seed, num_points=8000, noise=0.0)
    rng = np.random.default_rng(seed)
    plan = plan_room(rng)
    solids = SolidSet(plan.solids)
    # The scene is centred and turned; the floor plan is found again from the walls' own frame.
    turn = _turn_of(room, plan, solids)
    place = room.coord @ turn + np.array([plan.size[0] / 2, plan.size[1] / 2, 0])
    assert not solids.contains(place, margin=0.002).any()  # 2 mm: float32 and found turn
    for k in np.unique(room.instance_label[room.instance_label >= 0]):
        own = np.flatnonzero(plan.instance == k)
        low = (solids.center[own] - solids.radius[own, None]).min(axis=0) - 0.01
        high = (solids.center[own] + solids.radius[own, None]).max(axis=0) + 0.01
        mean = place[room.instance_label == k].mean(axis=0)
        assert (mean > low).all() and (mean < high).all()  # the centroid is the object's own


def _turn_of(room, plan, solids):
    """Turn about z under which wall points lie exactly on the walls of the plan."""
    wall = room.coord[room.semantic_label == ROOM_CLASSES.index("wall")].astype(np.float64)
    normal = room.normal[room.semantic_label == ROOM_CLASSES.index("wall")].astype(np.float64)
    angle = np.arctan2(normal[:, 1], normal[:, 0])
    base = np.angle(np.exp(4j * angle).mean()) / 4
    half = np.array(plan.size[:2]) / 2
    best = min(
        (rotation("z", base + k * np.pi / 2) for k in range(4)),
        key=lambda turn: (
            np.abs(np.abs((wall @ turn)[:, :2]) - half).min(axis=1).mean()
            + 1e3 * np.mean(solids.contains((room.coord @ turn) + np.r_[half, 0], 0.005))
        ),
    )
    return best


def test_noise_grows_with_distance_and_zero_noise_is_exact():
    exact = simulate_room(2, num_points=5000, noise=0.0)
    floor = exact.coord[exact.semantic_label == ROOM_CLASSES.index("floor")]
    np.testing.assert_allclose(floor[:, 2], 0, atol=1e-6)
    noisy = simulate_room(2, num_points=5000)
    floor = noisy.coord[noisy.semantic_label == ROOM_CLASSES.index("floor")]
    assert 0.001 < floor[:, 2].std() < 0.02


def test_colour_alone_names_no_object(room):
    """Within a narrow band of colours there are points of many objects and of stuff."""
    color = room.color.astype(int) // 32
    key = color @ [64, 8, 1]
    common = np.argsort(np.bincount(key))[-5:]
    assert all(len(np.unique(room.instance_label[key == k])) >= 5 for k in common)


@pytest.mark.parametrize(
    ("sensor", "low", "high"), [("64", 45_000, 102_400), ("32", 15_000, 34_688)]
)
def test_streets_are_sweeps_in_the_sensor_frame(sensor, low, high):
    street = simulate_street(6, sensor)
    assert low <= len(street) <= high
    road = street.coord[street.semantic_label == STREET_CLASSES.index("road")]
    near = road[np.linalg.norm(road[:, :2], axis=1) < 10]
    assert np.median(near[:, 2]) == pytest.approx({"64": -1.73, "32": -1.84}[sensor], abs=0.15)
    assert np.linalg.norm(street.coord, axis=1).max() < 82
    assert 0 <= street.intensity.min() and street.intensity.max() <= 1
    things = street.semantic_label < NUM_THINGS
    np.testing.assert_array_equal(street.instance_label >= 0, things)
    assert len(np.unique(street.instance_label[things])) >= 8


def test_elevations_of_a_sweep_are_those_of_its_beams(street):
    elevation = np.arcsin(street.coord[:, 2] / np.linalg.norm(street.coord, axis=1))
    beams = lidar("64").elevation_rad
    off = np.abs(elevation[:, None] - beams[None]).min(axis=1)
    assert off.max() < 1e-5  # float32
