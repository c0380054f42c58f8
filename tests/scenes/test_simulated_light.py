"""Light and colour of simulated rooms: shadows, exposure, colours that bleed."""

import numpy as np
import pytest

from pointins_engine.scenes.simulate.indoor.color_camera import develop
from pointins_engine.scenes.simulate.indoor.lighting import Light, illumination
from pointins_engine.scenes.simulate.indoor.materials import albedo, draw_palette
from pointins_engine.scenes.simulate.pieces import box
from pointins_engine.scenes.simulate.solids import SolidSet

FLOOR = box((0, 4), (0, 4), (-0.1, 0), "white")
TOP = box((1.4, 2.6), (1.4, 2.6), (0.7, 0.75), "white")
UP = np.array([[0.0, 0.0, 1.0]])


def light(sun=0.0, lamp=1.0):
    """A lamp above the middle of 4 x 4 m, and a window in the wall at x = 0."""
    direction = np.array([1.0, 0.0, -0.75])
    return Light(
        lamp=np.array([2.0, 2.0, 2.4]),
        lamp_color=np.full(3, lamp),
        sky_color=np.full(3, 0.5),
        sun=direction / np.linalg.norm(direction),
        sun_strength=sun,
        window=np.array([[0.0, 1.5, 1.0], [0.0, 2.5, 2.0]]),
        window_axis=0,
    )


def on_floor(lamp, solids, x, y):
    place = np.array([[x, y, 0.0]])
    return illumination(lamp, SolidSet(solids), SolidSet(solids[1:]), place, UP, 0)[0]


def test_a_table_shades_the_floor_under_it_and_nothing_beside_it():
    under, beside = (2.0, 2.0), (3.8, 0.3)
    assert (
        on_floor(light(), [FLOOR, TOP], *under) < 0.8 * on_floor(light(), [FLOOR], *under)
    ).all()
    np.testing.assert_allclose(
        on_floor(light(), [FLOOR, TOP], *beside), on_floor(light(), [FLOOR], *beside), atol=1e-9
    )


def test_sunlight_falls_through_the_window_and_stops_at_furniture():
    """Light that comes in 1 to 2 m high and falls 0.75 m a metre lands 1.3 to 2.7 m inside."""
    for x, y, lit in ((2.0, 2.0, True), (2.0, 0.5, False), (0.5, 2.0, False), (3.5, 2.0, False)):
        gain = on_floor(light(sun=0.9), [FLOOR], x, y) - on_floor(light(), [FLOOR], x, y)
        assert gain[0] == pytest.approx(0.9 * 0.6 if lit else 0.0, abs=1e-6)  # sine of the slope
    board = box((1.0, 1.1), (1.0, 3.0), (0.0, 2.0), "white")
    shut = on_floor(light(sun=0.9), [FLOOR, board], 2.0, 2.0)
    np.testing.assert_allclose(shut, on_floor(light(), [FLOOR, board], 2.0, 2.0), atol=1e-6)


def pictures(views, seed=0):
    hit = np.ones(views.shape[:3], bool)
    return develop(views, hit, 0.01, np.random.default_rng(seed)).astype(float)


def test_exposure_evens_out_dim_and_bright_rooms():
    views = np.full((2, 40, 50, 3), 0.2)
    views[1] *= 3
    dim, bright = pictures(views)[:, 10:30, 10:40].mean(axis=(1, 2, 3))
    assert 1.0 < bright / dim < 1.6


def test_white_balance_takes_most_of_a_tint_out():
    views = np.full((1, 40, 50, 3), 0.4) * np.array([1.2, 1.0, 0.7])
    red, _, blue = pictures(views)[0, 10:30, 10:40].mean(axis=(0, 1))
    assert 1.0 < red / blue < 1.2 / 0.7 - 0.2


def test_colours_bleed_over_a_border_by_a_few_pixels():
    views = np.full((6, 40, 60, 3), 0.2)
    views[:, :, 30:] = 0.6
    row = pictures(views)[:, 10:30].mean(axis=(1, 3))  # (V, W)
    left, right = row[:, 5:20].mean(axis=1), row[:, 40:55].mean(axis=1)
    share = (row - left[:, None]) / (right - left)[:, None]
    mixed = ((share > 0.15) & (share < 0.85)).sum(axis=1)
    assert (mixed >= 1).all() and (mixed <= 6).all()
    middle = (share < 0.5).sum(axis=1)  # where each view sees the border
    assert len(np.unique(middle)) > 1 and np.abs(middle - 30).max() <= 4


def test_a_texture_moves_with_its_object_and_differs_between_pieces():
    palette, rng = draw_palette(np.random.default_rng(0)), np.random.default_rng(1)
    local, half = rng.uniform(-0.5, 0.5, (400, 3)), np.full((2, 3), 0.5)
    names, first = ["wood_a", "wood_a"], np.zeros(400, np.int64)
    a = albedo(names, half, local, first, palette, 5)
    np.testing.assert_array_equal(a, albedo(names, half, local, first, palette, 5))
    assert np.abs(a - albedo(names, half, local, first + 1, palette, 5)).mean() > 0.01
    assert 0 < a.min() and a.max() < 1
