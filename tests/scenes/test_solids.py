"""Rays meet boxes, cylinders and ellipsoids where the formulas say, whatever was culled."""

import numpy as np
import pytest

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.pieces import box, cylinder, ellipsoid
from pointins_engine.scenes.simulate.solids import (
    _GOLDEN,
    BOX,
    CYLINDER,
    ELLIPSOID,
    SolidSet,
    _box,
    _cylinder,
    _ellipsoid,
    cast,
)


def rays_to(rng, num, origin, spread):
    direction = rng.normal(0, spread, (num, 3)) - origin
    return direction / np.linalg.norm(direction, axis=1, keepdims=True)


def all_around(rng, num):
    rays = rng.normal(size=(num, 3))
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def clutter(rng, num):
    """Turned solids of all shapes, flat, thin and porous ones among them, around the origin."""
    solids = []
    for k in range(num):
        turn = rotation("z", rng.uniform(0, 6)) @ rotation("x", rng.uniform(0, 6))
        middle = tuple(rng.normal(0, 12, 3))
        half = rng.uniform(0.02, 2.5, 3) * np.where(rng.random(3) < 0.2, 5, 1)
        if k % 3 == 0:
            low, high = np.array(middle) - half, np.array(middle) + half
            solids.append(box(*zip(low, high, strict=True), "m", turn))
        elif k % 3 == 1:
            solids.append(cylinder(middle, half[0], 4 * half[2], "m", turn))
        else:
            solids.append(ellipsoid(middle, tuple(half), "m", 0.7 * (k % 2), turn))
    return SolidSet(solids)


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


def test_the_normals_of_turned_solids_are_those_of_the_surface():
    """Two rays a hair apart land on a line at right angles to the normal."""
    rng = np.random.default_rng(4)
    turn = rotation("z", 0.9) @ rotation("x", -0.4)
    for solid in (
        box((-1, 1), (-0.5, 0.5), (-0.3, 0.3), "m", turn),
        cylinder((0, 0, 0), 0.6, 1.4, "m", turn),
        ellipsoid((0, 0, 0), (0.9, 0.5, 0.3), "m", turn=turn),
    ):
        origin = np.array([0.5, -4.0, 1.0])
        rays = rays_to(rng, 500, origin, 0.2)
        beside = rays + rng.normal(0, 1e-6, rays.shape)
        beside /= np.linalg.norm(beside, axis=1, keepdims=True)
        a, b = cast(SolidSet([solid]), origin, rays), cast(SolidSet([solid]), origin, beside)
        same = (a.solid == 0) & (b.solid == 0) & ((a.normal * b.normal).sum(axis=1) > 0.999)
        assert same.sum() > 200
        step = a.distance[same, None] * rays[same] - b.distance[same, None] * beside[same]
        assert (
            np.abs((step * a.normal[same]).sum(axis=1)).max() < 1e-7
        )  # second order; the steps are 5e-6 long


def plain_distance(solids, origin, rays, chance):
    """Every ray against every solid: metres, inf where they miss."""
    found = np.full((len(rays), len(solids)), np.inf)
    formulas = {BOX: _box, CYLINDER: _cylinder, ELLIPSOID: _ellipsoid}
    for s in range(len(solids)):
        to_unit = solids.turn[s].T / solids.half[s][:, None]
        o = [np.full((1, 1), value) for value in to_unit @ (origin - solids.center[s])]
        d = [value[None] for value in (rays @ to_unit.T).T]
        enters, leaves = (t[0] for t in formulas[solids.shape[s]](o, d))
        t = np.where(enters > 1e-9, enters, leaves)
        if solids.free_path[s] > 0:
            deep = -solids.free_path[s] * np.log1p(-((chance + _GOLDEN * (s + 1)) % 1.0))
            t = np.maximum(enters, 0) + deep
            t[t >= leaves] = np.inf
        met = (enters <= leaves) & (leaves > 0)
        found[met, s] = t[met]
    return found


@pytest.mark.parametrize("width", [0.004, 0.05, 0.4, 3.0])
def test_culling_changes_nothing(width):
    """Tiles of narrow and of wide bundles find what every ray finds against every solid."""
    rng = np.random.default_rng(2)
    solids, origin = clutter(rng, 80), np.array([0.3, -0.2, 0.1])
    rays = np.concatenate([axis + rng.normal(0, width, (300, 3)) for axis in all_around(rng, 12)])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    chance = rng.random(len(rays))
    every = plain_distance(solids, origin, rays, chance)
    hits = cast(solids, origin, rays, chance)
    np.testing.assert_allclose(hits.distance, every.min(axis=1), atol=1e-9)
    met = np.isfinite(hits.distance)
    assert 0.3 < met.mean() < 1
    np.testing.assert_array_equal(hits.solid[met], every.argmin(axis=1)[met])
    assert (hits.solid[~met] == -1).all()


def test_the_nearest_of_single_casts_is_the_cast_of_all():
    rng = np.random.default_rng(5)
    turn = rotation("z", 0.5)
    parts = [
        box((4, 6), (-9, 9), (-9, 9), "m", turn),
        cylinder((3, 1, 0), 0.3, 5, "m"),
        ellipsoid((2.5, -1, 0.5), (0.5, 0.8, 0.4), "m"),
        box((-30, 30), (-30, 30), (-2, -1), "m"),
    ]
    rays = all_around(rng, 800)
    together = cast(SolidSet(parts), np.zeros(3), rays)
    single = np.stack([cast(SolidSet([part]), np.zeros(3), rays).distance for part in parts])
    np.testing.assert_allclose(together.distance, single.min(axis=0), atol=1e-9)
    met = np.isfinite(together.distance)
    np.testing.assert_array_equal(together.solid[met], single.argmin(axis=0)[met])


def test_the_order_of_rays_does_not_matter():
    rng = np.random.default_rng(6)
    solids, rays, chance = clutter(rng, 40), all_around(rng, 300), rng.random(300)
    order = rng.permutation(300)
    straight = cast(solids, np.zeros(3), rays, chance)
    mixed = cast(solids, np.zeros(3), rays[order], chance[order])
    np.testing.assert_array_equal(mixed.solid, straight.solid[order])
    np.testing.assert_allclose(mixed.distance, straight.distance[order], atol=1e-9)


def test_of_two_solids_at_the_same_distance_the_first_is_hit():
    ray = np.array([[1.0, 0, 0]])
    near, same = box((2, 3), (-1, 1), (-1, 1), "m"), box((2, 9), (-2, 2), (-2, 2), "m")
    for solids in ([near, same], [same, near]):
        assert cast(SolidSet(solids), np.zeros(3), ray).solid[0] == 0


def test_rays_along_the_faces_of_a_box_and_the_axis_of_a_cylinder_are_exact():
    """Divisions by zero inside the formulas end in a hit or a miss, never in a wrong distance."""
    along = np.array([[1.0, 0, 0]])
    block, tube = box((2, 3), (-1, 1), (-1, 1), "m"), cylinder((0, 0, 5), 1.0, 2.0, "m")
    assert cast(SolidSet([block]), np.zeros(3), along).distance[0] == 2.0
    assert np.isinf(cast(SolidSet([block]), np.array([0, 1.5, 0]), along).distance[0])
    up = np.array([[0.0, 0, 1.0]])
    assert cast(SolidSet([tube]), np.zeros(3), up).distance[0] == 4.0
    assert np.isinf(cast(SolidSet([tube]), np.array([1.5, 0, 0]), up).distance[0])


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


def test_nothing_to_hit_and_nothing_to_cast_are_fine():
    ball = SolidSet([ellipsoid((5, 0, 0), (1, 1, 1), "m")])
    assert len(cast(ball, np.zeros(3), np.zeros((0, 3))).distance) == 0
    nothing = cast(SolidSet([]), np.zeros(3), np.array([[1.0, 0, 0]]))
    assert np.isinf(nothing.distance[0]) and nothing.solid[0] == -1
