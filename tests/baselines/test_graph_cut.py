"""The graph cut gives what the published algorithm gives, and cuts a scan where it should."""

import numpy as np
import pytest

from pointins_engine.baselines import CellCloud
from pointins_engine.baselines.graph_cut import cell_graph, cut_graph

# Segments of scikit-image 0.26's `felzenszwalb` (sigma 0) on the picture below, renamed in the
# order of their first pixels.
FINE = (
    "aaaaaaaaaabaccdcceeeeeee aaaaaaaaaaaafcdceceeeeee aaaaaaaaaaaacccccceeeeee "
    "aaaaaaaaaaaacccgcceeeeee aaaaaaaaaaaacccccceeeeee aaaahhaaaaaacccccceeeeee "
    "iiiiiiccccccccccccjjjjjj iiiiiiccccccccccccjjjjjj iiiiiikcccccccccccjjjjjj "
    "liiiiiccccccccccccjjjjjj iiiiiiccccccccccccjjjjjj iiiiiimcccccccccccjjjjjj "
    "iiiiiimnnnnnccccocjjjjjj iiiiiinnnnnncccccojjjjjj iiiiiinnnnnnccccccjjjjjj "
    "iiiiiinnnnnnccccccjjjjjj iiiiiinnnnnnccccccjjjjjj iiiipinnnnnnccqcccjjjjjj"
)
MERGED = (
    "aaaaaaaaaaaabbbbbccccccc aaaaaaaaaaaabbbbcbcccccc aaaaaaaaaaaabbbbbbcccccc "
    "aaaaaaaaaaaabbbbbbcccccc aaaaaaaaaaaabbbbbbcccccc aaaaaaaaaaaabbbbbbcccccc "
    "ddddddbbbbbbbbbbbbeeeeee ddddddbbbbbbbbbbbbeeeeee ddddddbbbbbbbbbbbbeeeeee "
    "ddddddbbbbbbbbbbbbeeeeee ddddddbbbbbbbbbbbbeeeeee ddddddfbbbbbbbbbbbeeeeee "
    "ddddddffffffbbbbbbeeeeee ddddddffffffbbbbbbeeeeee ddddddffffffbbbbbbeeeeee "
    "ddddddffffffbbbbbbeeeeee ddddddffffffbbbbbbeeeeee ddddddffffffbbbbbbeeeeee"
)


def picture():
    rng = np.random.default_rng(5)
    tiles = np.kron(rng.random((3, 4)), np.ones((6, 6)))
    return tiles + 0.25 * rng.random(tiles.shape)


def grid_graph(image):
    """Edges to the eight neighbours of each pixel, and the steps in brightness along them."""
    number = np.arange(image.size).reshape(image.shape)
    pairs = (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
        ((slice(1, None), slice(1, None)), (slice(None, -1), slice(None, -1))),
        ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))),
    )
    edge = [np.stack([number[a].ravel(), number[b].ravel()], axis=1) for a, b in pairs]
    weight = [np.abs(image[a] - image[b]).ravel() for a, b in pairs]
    return np.concatenate(edge), np.concatenate(weight)


@pytest.mark.parametrize(("min_size", "expected"), [(1, FINE), (12, MERGED)])
def test_a_picture_is_cut_as_scikit_image_cuts_it(min_size, expected):
    edge, weight = grid_graph(picture())
    found = cut_graph(edge, weight, picture().size, scale=300 / 255, min_size=min_size)
    assert "".join(chr(ord("a") + label) for label in found) == expected.replace(" ", "")


def test_without_edges_every_node_is_its_own_segment():
    found = cut_graph(np.zeros((0, 2), int), np.zeros(0), 4, scale=1.0, min_size=3)
    assert found.tolist() == [0, 1, 2, 3]


def corner(color=None):
    """A step of 1 m: a floor along x that meets a riser; `bend` tells which way it is lit."""
    line = np.arange(0.05, 1.0, 0.1)
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    floor = np.stack([x, y, 0 * x], axis=1)
    riser = np.stack([0 * x, y, x], axis=1)
    coord = np.concatenate([floor, riser])
    normal = np.repeat([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], len(x), axis=0)
    return CellCloud(
        coord=coord,
        color=color,
        normal=normal,
        is_plane=np.zeros(len(coord), bool),
        grid_size=0.1,
    )


def cut(cells, color_weight=0.0):
    edge, weight = cell_graph(cells, 0.18, color_weight)
    return cut_graph(edge, weight, len(cells), scale=0.5, min_size=1)


def test_two_faces_that_meet_at_a_right_angle_are_two_segments():
    found = cut(corner())
    assert found.tolist() == [0] * 100 + [1] * 100


def test_an_edge_that_bends_outwards_weighs_less_than_one_that_bends_inwards():
    inwards = corner()
    slanted = inwards.normal + 0.5 * inwards.normal[::-1]  # both lean towards each other
    slanted /= np.linalg.norm(slanted, axis=1, keepdims=True)

    def across(normal):
        cells = CellCloud(
            coord=inwards.coord, normal=normal, is_plane=inwards.is_plane, grid_size=0.1
        )
        edge, weight = cell_graph(cells, 0.18, 0.0)
        return weight[(edge[:, 0] < 100) & (edge[:, 1] >= 100)]

    hollow, ridge = across(slanted), across(-slanted)
    assert (hollow > 0).all() and len(hollow) == len(ridge)
    np.testing.assert_allclose(ridge, hollow**2)


def test_colour_alone_cuts_a_flat_face():
    color = np.zeros((200, 3))
    color[:100][corner().coord[:100, 0] > 0.5] = 1.0
    assert len(np.unique(cut(corner(color)))) == 2
    assert len(np.unique(cut(corner(color), color_weight=1.0))) == 3


def test_each_pair_of_neighbours_is_one_edge():
    edge, weight = cell_graph(corner(), 0.18, 0.0)
    assert len(np.unique(edge, axis=0)) == len(edge) == len(weight)
    assert (edge[:, 0] < edge[:, 1]).all()
    length = np.linalg.norm(corner().coord[edge[:, 0]] - corner().coord[edge[:, 1]], axis=1)
    assert length.max() <= 0.18
