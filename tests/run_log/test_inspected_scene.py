"""Draw order and quantisation of the points that the browser draws."""

import numpy as np
import pytest

from pointins_engine.run_log.scenes import (
    Frame,
    InspectedScene,
    levels_as_u16,
    make_inspected_scene,
)
from pointins_engine.run_log.strata import STRATA, morton_code, stratified_order


@pytest.fixture
def coord() -> np.ndarray:
    return np.random.default_rng(0).uniform([0, 0, 0], [8, 6, 3], (5000, 3)).astype(np.float32)


def test_draw_order_is_a_permutation(coord):
    order = stratified_order(coord)
    assert np.array_equal(np.sort(order), np.arange(len(coord)))
    assert np.array_equal(stratified_order(coord), order)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 127, 128, 129])
def test_few_points_have_a_draw_order_too(coord, count):
    assert np.array_equal(np.sort(stratified_order(coord[:count])), np.arange(count))


def test_the_first_strata_are_an_even_subsample(coord):
    """Octants of the room hold the same share of the first eighth as of the whole."""
    prefix = coord[stratified_order(coord)[: len(coord) // 8]]

    def shares(points):
        octant = ((points > [4, 3, 1.5]) * [4, 2, 1]).sum(axis=1)
        return np.bincount(octant, minlength=8) / len(points)

    np.testing.assert_allclose(shares(prefix), shares(coord), atol=0.05)


def test_inside_a_stratum_points_follow_the_morton_curve(coord):
    last = stratified_order(coord)[len(coord) >> 1 :]
    assert STRATA == 8
    assert np.all(np.diff(morton_code(coord)[last]) >= 0)


def test_quantised_positions_are_within_half_a_count(coord):
    cells = coord[:100]
    scene = make_inspected_scene(
        id="room",
        coord=coord,
        cell_index=np.arange(len(coord)) % 100,
        cell_coord=cells,
        cell_is_plane=np.zeros(100, bool),
        cell_size=0.12,
        color=np.arange(len(coord) * 3, dtype=np.int64).reshape(-1, 3).astype(np.uint8),
        instance_label=np.arange(len(coord)),
    )
    order = stratified_order(coord)
    assert np.abs(scene.coord - coord[order]).max() <= scene.scale * 0.51
    assert scene.scale == pytest.approx(8 / 65535, rel=0.01)
    np.testing.assert_array_equal(scene.instance_label, order)  # labels travel with their points
    assert np.abs(scene.cell_coord - cells).max() <= scene.scale * 0.51

    back = InspectedScene.from_arrays(scene.arrays(), scene.metadata())
    np.testing.assert_array_equal(back.coord_u16, scene.coord_u16)
    assert (back.id, back.scale, back.origin) == (scene.id, scene.scale, scene.origin)
    assert back.intensity is None


def test_a_limit_keeps_the_first_points_of_the_draw_order(coord):
    scene = make_inspected_scene(
        id="room",
        coord=coord,
        cell_index=np.zeros(len(coord), int),
        cell_coord=coord[:1],
        cell_is_plane=np.zeros(1, bool),
        cell_size=0.12,
        instance_label=np.arange(len(coord)),
        max_points=700,
    )
    np.testing.assert_array_equal(scene.instance_label, stratified_order(coord)[:700])


def test_a_frame_costs_thirty_six_bytes_a_cell_and_twelve_an_instance():
    frame = Frame(
        offset_teacher=np.ones((10, 3), np.float32),
        offset_regularized=np.ones((10, 3), np.float32),
        segment=np.arange(10),
        pseudo_instance=np.full(10, -1),
        centroid=np.ones((2, 3)),
        pca_color=np.zeros((10, 3), np.uint8),
        odr_level=levels_as_u16(np.full(10, 0.5)),
        feature=np.zeros((10, 16), np.int8),
    )
    assert sum(array.nbytes for array in frame.arrays().values()) == 10 * 36 + 2 * 12


def test_a_level_comes_back_as_the_rank_it_was():
    rank = np.random.default_rng(0).permutation(5000)
    level = np.append((rank + 0.5) / 5000, np.nan)
    written = levels_as_u16(level)
    assert written[-1] == 0
    assert (written[:-1] > 0).all()
    np.testing.assert_array_equal(np.rint(written[:-1] / 65535 * 5000 - 0.5), rank)
