"""Rotations, voxels and normals: identities and known answers."""

import numpy as np
import pytest

from pointins_engine.errors import SceneError
from pointins_engine.geometry import (
    default_viewpoint,
    estimate_normals,
    rotation,
    rotation_between,
    surface_bend,
    voxelize,
)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_rotation_keeps_lengths_and_its_axis(axis):
    turn = rotation(axis, 0.7)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    unit = np.eye(3)["xyz".index(axis)]
    np.testing.assert_allclose(turn @ unit, unit)
    np.testing.assert_allclose(turn @ rotation(axis, -0.7), np.eye(3), atol=1e-15)


def test_a_quarter_turn_about_z_takes_x_to_y():
    np.testing.assert_allclose(rotation("z", np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-15)


@pytest.mark.parametrize("source", [[0, 0, 1.0], [0, 0, -2.0], [1.0, 2.0, -0.5]])
def test_rotation_between_brings_one_direction_onto_the_other(source):
    turn = rotation_between(np.array(source), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(turn @ source / np.linalg.norm(source), [0, 0, 1], atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)


def test_voxels_are_unique_and_every_point_lies_in_its_own():
    coord = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    grid, chosen, inverse = voxelize(coord, 0.2)
    cell = np.floor(coord.astype(np.float64) / 0.2)
    cell = (cell - cell.min(axis=0)).astype(np.int64)
    assert len(np.unique(grid, axis=0)) == len(grid)
    assert (grid.min(axis=0) == 0).all()
    np.testing.assert_array_equal(grid[inverse], cell)
    np.testing.assert_array_equal(inverse[chosen], np.arange(len(grid)))


def test_without_a_generator_the_first_point_of_a_voxel_stands_for_it():
    coord = np.array([[0.5, 0, 0], [0.1, 0, 0], [1.5, 0, 0], [0.2, 0, 0]])
    _, chosen, inverse = voxelize(coord, 1.0)
    assert chosen.tolist() == [0, 2]
    assert inverse.tolist() == [0, 0, 1, 0]


def test_with_a_generator_every_point_of_a_voxel_is_chosen_equally_often():
    coord = np.zeros((4, 3))
    rng = np.random.default_rng(1)
    counts = np.bincount([voxelize(coord, 1.0, rng)[1][0] for _ in range(2000)], minlength=4)
    assert (abs(counts - 500) < 5 * np.sqrt(2000 * 0.25 * 0.75)).all()  # five sigma


def test_an_empty_cloud_has_no_voxels():
    grid, chosen, inverse = voxelize(np.zeros((0, 3)), 0.1)
    assert (grid.shape, len(chosen), len(inverse)) == ((0, 3), 0, 0)


def test_too_many_voxels_an_axis_names_extent_voxel_and_fix():
    coord = np.array([[0.0, 0, 0], [0, 4000.0, 0]])
    with pytest.raises(SceneError, match=r"4,000 m long in y.*0\.02 m.*--scene\.units mm"):
        voxelize(coord, 0.02)


def test_normals_of_a_sphere_point_outwards_from_outside():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(4000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    inwards = estimate_normals(points, viewpoint=np.zeros(3))
    cosine = -(inwards * points).sum(axis=1)
    assert cosine.min() > 0.97  # neighbourhoods of 16 span about 0.06 of the unit sphere
    np.testing.assert_allclose(np.linalg.norm(inwards, axis=1), 1, atol=1e-5)


def test_by_default_floors_face_up_and_walls_face_the_room():
    rng = np.random.default_rng(3)
    floor = np.c_[rng.uniform(0, 4, (2000, 2)), np.zeros(2000)]
    wall = np.c_[np.zeros(1000), rng.uniform(0, 4, 1000), rng.uniform(0.3, 2.5, 1000)]
    coord = np.vstack([floor, wall])
    normal = estimate_normals(coord)
    inner = (floor[:, :2] > 0.4).all(axis=1)
    assert (normal[:2000][inner, 2] > 0.99).all()
    assert (normal[2000:][wall[:, 2] > 0.7, 0] > 0.99).all()
    assert 0 < default_viewpoint(coord)[2] < 2.5


def test_two_points_have_no_normals():
    with pytest.raises(SceneError, match="at least 3 points, got 2"):
        estimate_normals(np.zeros((2, 3)))


def test_a_surface_bends_outwards_round_an_edge_and_inwards_into_a_corner():
    coord = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, -0.1], [0.2, 0, 0.1]])
    down, up = [1.0, 0, 0], [-1.0, 0, 0]  # of what falls off, and of what rises, behind the second
    normal = np.array([[0.0, 0, 1], [0.0, 0, 1], down, up])
    angle, outwards = surface_bend(coord, normal, np.array([0, 1, 1]), np.array([1, 2, 3]))
    np.testing.assert_allclose(angle, [0, 1, 1])
    assert outwards.tolist() == [False, True, False]
    again = surface_bend(coord, normal, np.array([1, 2, 3]), np.array([0, 1, 1]))
    np.testing.assert_allclose(again, [angle, outwards])
