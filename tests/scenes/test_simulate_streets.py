"""Simulated streets: the pattern of the sensor, exact surfaces and labels, drives with poses."""

from collections import Counter

import numpy as np
import pytest

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.scenes import open_scenes
from pointins_engine.scenes.simulate.outdoor.draft import NUM_THINGS, STREET_CLASSES
from pointins_engine.scenes.simulate.outdoor.kinds import KINDS
from pointins_engine.scenes.simulate.outdoor.materials import MATERIALS, returns
from pointins_engine.scenes.simulate.outdoor.plans import plan_street
from pointins_engine.scenes.simulate.outdoor.scanners import lidar
from pointins_engine.scenes.simulate.outdoor.sequences import add_up, simulate_sequence
from pointins_engine.scenes.simulate.outdoor.streets import choose_lidar, simulate_street
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, SolidSet
from pointins_engine.scenes.source import simulated_seed

ROAD = STREET_CLASSES.index("road")


@pytest.fixture(scope="module")
def drive():
    """Three sweeps, a second apart, without range noise."""
    return list(simulate_sequence(5, 3, period_s=1.0, noise=0.0))


@pytest.fixture(scope="module")
def plans():
    return [plan_street(np.random.default_rng(seed)) for seed in range(14)]


def test_a_seed_is_a_street_bit_for_bit(street):
    again, other = simulate_street(4), simulate_street(5)
    for name in ("coord", "intensity", "instance_label", "semantic_label"):
        np.testing.assert_array_equal(getattr(street, name), getattr(again, name))
    assert len(street) != len(other) or not np.array_equal(street.coord, other.coord)


@pytest.mark.parametrize(
    ("sensor", "beams", "top", "bottom", "columns"),
    [("64", 64, 2.0, -24.8, 2083), ("32", 32, 10.67, -30.67, 1084), ("128", 128, 15.0, -25, 1800)],
)
def test_a_turn_has_the_beams_and_columns_of_its_scanner(sensor, beams, top, bottom, columns):
    scanner = lidar(sensor)
    elevation = np.rad2deg(scanner.elevation_rad)
    assert len(elevation) == beams
    assert elevation[0] == pytest.approx(top) and elevation[-1] == pytest.approx(bottom)
    assert (np.diff(elevation) < 0).all()
    rays = scanner.directions(np.random.default_rng(0))
    assert rays.shape == (beams * columns, 3)
    np.testing.assert_allclose(np.linalg.norm(rays, axis=1), 1, atol=1e-12)
    first_beam = np.arctan2(rays[::beams, 1], rays[::beams, 0])
    step = np.diff(np.unwrap(first_beam))
    np.testing.assert_allclose(step, -2 * np.pi / columns, atol=1e-9)  # evenly, clockwise


@pytest.mark.parametrize(
    ("sensor", "low", "high"), [("64", 75_000, 133_312), ("32", 18_000, 34_688),
                                ("128", 100_000, 230_400)],
)  # fmt: skip
def test_streets_are_sweeps_in_the_sensor_frame(sensor, low, high):
    street, scanner = simulate_street(6, sensor), lidar(sensor)
    assert low <= len(street) <= high  # at most one return a ray
    road = street.coord[street.semantic_label == ROAD]
    near = road[np.linalg.norm(road[:, :2], axis=1) < 10]
    assert np.median(near[:, 2]) == pytest.approx(-scanner.height, abs=0.15)
    from_laser = street.coord - np.array([0, 0, scanner.laser_height])
    distance = np.linalg.norm(from_laser, axis=1)
    assert scanner.min_range - 0.6 < distance.min() and distance.max() < scanner.max_range + 0.6
    elevation = np.arcsin(from_laser[:, 2] / distance)
    off = np.abs(elevation[:, None] - scanner.elevation_rad[None]).min(axis=1)
    assert off.max() < 2e-5  # float32
    assert 0 <= street.intensity.min() and street.intensity.max() <= 1
    things = (street.semantic_label >= 0) & (street.semantic_label < NUM_THINGS)
    np.testing.assert_array_equal(street.instance_label >= 0, things)


def test_a_mixed_source_has_all_three_scanners():
    beams = [len(choose_lidar(seed, "mixed").elevation_rad) for seed in range(3)]
    assert sorted(beams) == [32, 64, 128]


def test_the_roof_of_the_own_car_hides_the_ground_beside_it():
    scanner = lidar("64")
    roof = scanner.roof
    over, beside = np.deg2rad(-12), np.deg2rad(-35)
    rays = np.array(
        [[np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)]
         for e in (over, beside, 0.1) for a in (0.0, np.pi / 2)]
    )  # fmt: skip
    expected = [
        roof.drop / np.tan(-over) > roof.front,
        roof.drop / np.tan(-over) > roof.half_width,
        roof.drop / np.tan(-beside) > roof.front,
        roof.drop / np.tan(-beside) > roof.half_width,
        True,
        True,
    ]
    assert True in expected and False in expected
    np.testing.assert_array_equal(scanner.clears_roof(rays), expected)


def test_every_class_is_on_a_fair_share_of_streets(plans):
    count = Counter(name for plan in plans for name in set(plan.street.names()))
    assert set(count) == {*STREET_CLASSES, "unlabelled"}
    rare = {"motorcyclist", "bicyclist", "motorcycle", "truck", "other-ground"}
    for name in STREET_CLASSES:
        share = count[name] / len(plans)
        assert share >= (0.1 if name in rare else 0.5), f"{name} is on {share:.0%} of streets"
    assert {plan.kind for plan in plans} == set(KINDS)


def test_most_things_are_cars_and_no_two_things_share_ground(plans):
    kinds = Counter()
    for plan in plans:
        items = [i for i in plan.street.items if i.instance >= 0]
        kinds.update(i.piece.name for i in items)
        assert sorted(i.instance for i in items) == list(range(len(items)))
        place = np.array([[i.x, i.y] for i in items])
        width = np.array([i.piece.size[1] for i in items])
        gap = np.linalg.norm(place[:, None] - place[None], axis=2)
        np.fill_diagonal(gap, np.inf)
        assert (gap > np.minimum(width[:, None], width[None]) / 2).all()
    assert kinds.most_common(1)[0][0] == "car"


def test_roads_are_as_steep_as_roads_are(plans):
    grades = np.concatenate(
        [np.abs(np.diff(p.street.profile.z) / np.diff(p.street.profile.x)) for p in plans]
    )
    assert 0.005 < np.median(grades) < 0.03 and grades.max() < 0.15
    for plan in plans:
        assert plan.street.profile.height(0.0) == pytest.approx(0, abs=1e-12)


def distance_to_surface(solids, points):
    """Metres from points to the surface of each solid, along its own axes; 0 inside leaves."""
    level = np.empty((len(points), len(solids)))
    for s in range(len(solids)):
        local = (points - solids.center[s]) @ solids.turn[s] / solids.half[s]
        if solids.shape[s] == BOX:
            level[:, s] = np.abs(local).max(axis=1)
        elif solids.shape[s] == CYLINDER:
            level[:, s] = np.maximum(np.hypot(local[:, 0], local[:, 1]), np.abs(local[:, 2]))
        else:
            level[:, s] = np.linalg.norm(local, axis=1)
        if solids.free_path[s] > 0:
            level[:, s] = np.maximum(level[:, s], 1.0)
    return np.abs(level - 1) * solids.half.min(axis=1)


def test_points_of_every_sweep_lie_on_the_street_they_were_taken_in(drive):
    """Poses take all sweeps to one world: static surfaces there are the same for all of them."""
    rng = np.random.default_rng([5, 3])
    plan = plan_street(rng, 2.0)
    names = np.array(plan.street.names())
    for one in drive:
        moved = SolidSet(plan.street.solids(one.time_s))
        rows = np.random.default_rng(0).choice(len(one.scene), 400, replace=False)
        place = one.scene.coord[rows] @ one.pose[:3, :3].T + one.pose[:3, 3]
        apart = distance_to_surface(moved, place)
        label = one.scene.semantic_label[rows]
        for k, name in enumerate(STREET_CLASSES):
            of_class = np.flatnonzero(names == name)
            if (label == k).any():
                own = apart[np.ix_(label == k, of_class)].min(axis=1)
                assert own.max() < 1e-4, name  # float32 at 80 m


def test_the_sensor_drives_along_the_road_at_a_steady_speed(drive):
    places = np.stack([one.pose[:3, 3] for one in drive])
    speed = np.diff(places[:, 0]) / np.diff([one.time_s for one in drive])
    assert speed[0] > 3 and speed[1] == pytest.approx(speed[0])
    np.testing.assert_array_equal(places[:, 1], 0)
    for one in drive:
        turn = one.pose[:3, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(turn) == pytest.approx(1)


def test_an_instance_keeps_its_number_its_class_and_its_way(drive):
    plan = plan_street(np.random.default_rng([5, 3]), 2.0)
    speed = {i.instance: i.speed for i in plan.street.items if i.instance >= 0}
    length = {i.instance: i.piece.size[0] for i in plan.street.items if i.instance >= 0}
    seen = {}
    shifts = []
    for one in drive:
        scene = one.scene
        for k in np.unique(scene.instance_label[scene.instance_label >= 0]):
            rows = scene.instance_label == k
            kind = set(scene.semantic_label[rows])
            place = (scene.coord[rows] @ one.pose[:3, :3].T + one.pose[:3, 3]).mean(axis=0)
            if k in seen:
                time_s, old_kind, old_place = seen[k]
                assert kind == old_kind
                moved = np.linalg.norm((place - old_place)[:2])
                way = speed[k] * (one.time_s - time_s)
                assert abs(moved - way) < length[k]  # other parts of it may be seen
                shifts.append(way)
            seen[k] = (one.time_s, kind, place)
    assert min(shifts) == 0 and max(shifts) > 3  # some are parked, some drive


def test_what_does_not_move_is_the_same_at_any_time():
    street = plan_street(np.random.default_rng(1)).street
    speed = np.array([0.0] * len(street.earth)
                     + [i.speed for i in street.items for _ in i.piece.solids])  # fmt: skip
    now, later = SolidSet(street.solids(0.0)), SolidSet(street.solids(1.5))
    way = np.linalg.norm((later.center - now.center)[:, :2], axis=1)
    np.testing.assert_allclose(way, 1.5 * speed, atol=0.2)  # parts nod where the grade changes
    assert (way[speed == 0] == 0).all() and (speed > 0).any()


def test_a_sum_of_sweeps_is_denser_and_lies_on_the_same_ground(drive):
    total = add_up(drive, "sum")
    assert len(total) == sum(len(one.scene) for one in drive)
    last = drive[-1].scene
    np.testing.assert_allclose(total.coord[-len(last) :], last.coord, atol=1e-5)
    plan = plan_street(np.random.default_rng([5, 3]), 2.0)
    road = total.coord[total.semantic_label == ROAD]
    world = road @ drive[-1].pose[:3, :3].T + drive[-1].pose[:3, 3]
    height = np.array([plan.street.profile.height(x) for x in world[::50, 0]])
    assert np.abs(world[::50, 2] - height).max() < 0.01  # painted lines lie 4 mm higher
    with pytest.raises(SceneError, match="no sweep to add up"):
        add_up([], "none")


@pytest.mark.parametrize(("num", "period"), [(0, 0.1), (3, 0.0), (3, -1.0), (200, 0.1)])
def test_a_sequence_that_cannot_be_is_refused(num, period):
    with pytest.raises(SceneError, match="expected at least one sweep"):
        simulate_sequence(0, num, period_s=period)


def shine(material, facing, distance, is_wet=False, num=4000):
    rng = np.random.default_rng(0)
    return returns(
        [material], np.zeros(num, np.int64), np.full(num, facing), np.full(num, distance), 80.0,
        is_wet=is_wet, rng=rng,
    )  # fmt: skip


def test_pulses_come_back_by_material_angle_and_weather():
    for name in ("paint_dark", "glass", "asphalt"):
        kept, _ = shine(name, 0.9, 5.0)
        assert kept.mean() == pytest.approx(1 - MATERIALS[name].lost, abs=0.03)  # 4000 draws
    far, near = shine("asphalt", 0.9, 79.0)[0].mean(), shine("asphalt", 0.9, 5.0)[0].mean()
    assert far < 0.6 < near
    assert shine("asphalt", 0.01, 5.0)[0].mean() < near - 0.1
    assert shine("asphalt", 0.1, 20.0, is_wet=True)[0].mean() < near - 0.2
    bright = {name: np.median(shine(name, 0.9, 5.0)[1]) for name in MATERIALS}
    assert bright["retro"] > 0.9 > bright["line"] > bright["asphalt"] > bright["paint_dark"]
    dull, straight = shine("facade", 0.1, 5.0)[1], shine("facade", 1.0, 5.0)[1]
    assert np.median(dull) < np.median(straight)


def test_a_configuration_names_sensor_and_number_of_sweeps():
    config = SceneConfig(
        source="sim:streets", num_simulated=1, domain="outdoor", feats=("coord", "intensity"),
        grid_size=0.2, sensor="32",
    )  # fmt: skip
    scene = open_scenes(config, 0)[0]
    np.testing.assert_array_equal(scene.coord, simulate_street(simulated_seed(0), "32").coord)
    dense = SceneConfig(
        source="sim:streets", num_simulated=1, domain="outdoor", feats=("coord", "intensity"),
        grid_size=0.2, sensor="32", num_sweeps=3,
    )  # fmt: skip
    summed = open_scenes(dense, 0)[0]
    assert summed.id == scene.id and len(summed) > 2 * len(scene)
