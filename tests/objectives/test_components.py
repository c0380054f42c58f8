"""Neighbour graphs and components: SciPy and torch agree with each other and with brute force."""

import pytest
import torch

from pointins_engine.objectives import components
from pointins_engine.objectives.components import (
    connected_components,
    nearest_row,
    neighbour_edges,
    propagate_labels,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def cloud():
    """Random points in three groups."""
    coord = torch.rand(400, 3, generator=generator())
    return coord, torch.randint(0, 3, (400,), generator=generator(1))


def pair_set(edges):
    assert (edges[:, 0] < edges[:, 1]).all()
    pairs = {tuple(pair) for pair in edges.tolist()}
    assert len(pairs) == len(edges)
    return pairs


def edges_by_loop(coord, num_neighbours, max_length, group):
    """Each point lists its nearest others, one by one."""
    pairs = set()
    for i in range(len(coord)):
        distance = (coord - coord[i]).norm(dim=1)
        distance[(group != group[i])] = torch.inf
        distance[i] = torch.inf
        for j in distance.argsort()[:num_neighbours].tolist():
            if distance[j] < max_length:
                pairs.add((min(i, j), max(i, j)))
    return pairs


@pytest.mark.parametrize(
    ("num_neighbours", "max_length"), [(1, 9.0), (5, 0.1), (20, 0.15), (200, 0.2)]
)
def test_edges_by_tree_and_by_distance_equal_the_loop(cloud, num_neighbours, max_length):
    coord, group = cloud
    expected = edges_by_loop(coord, num_neighbours, max_length, group)
    for search in (components._edges_by_tree, components._edges_by_distance, neighbour_edges):
        assert pair_set(search(coord, num_neighbours, max_length, group)) == expected


@pytest.mark.parametrize("num_neighbours", [8, 300])
def test_large_groups_are_compared_in_chunks(cloud, num_neighbours, monkeypatch):
    coord, group = cloud
    whole = pair_set(components._edges_by_distance(coord, num_neighbours, 0.2, group))
    monkeypatch.setattr(components, "CHUNK_PAIRS", 1000)
    assert pair_set(components._edges_by_distance(coord, num_neighbours, 0.2, group)) == whole


each_search = pytest.mark.parametrize(
    "search", [components._edges_by_tree, components._edges_by_distance]
)


@each_search
@pytest.mark.parametrize("num_neighbours", [4, 40])
def test_points_at_one_place_are_neighbours_of_each_other_and_not_of_themselves(
    search, num_neighbours
):
    coord = torch.zeros(50, 3)
    edges = search(coord, num_neighbours, 0.1, torch.zeros(50, dtype=torch.int64))
    assert (edges[:, 0] < edges[:, 1]).all()
    assert torch.bincount(edges.flatten(), minlength=50).min() >= num_neighbours


@pytest.mark.parametrize("count", [0, 1])
def test_no_points_and_one_point_have_no_edges(count):
    group = torch.zeros(count, dtype=torch.int64)
    assert neighbour_edges(torch.zeros(count, 3), 4, 1.0, group).shape == (0, 2)


def test_nearest_row_of_the_same_group(cloud):
    coord, group = cloud
    query = torch.rand(50, 3, generator=generator(2))
    query_group = torch.randint(0, 4, (50,), generator=generator(3))  # nobody is in group 3
    distance = torch.cdist(query, coord)
    distance[query_group[:, None] != group] = torch.inf
    expected = torch.where(distance.amin(1) < 0.15, distance.argmin(1), -1)
    assert (expected == -1).any() and (expected >= 0).any()
    for search in (components._nearest_by_tree, components._nearest_by_distance, nearest_row):
        assert torch.equal(search(query, query_group, coord, group, 0.15), expected)


def test_nearest_row_among_none_is_none(cloud):
    coord, group = cloud
    assert torch.equal(
        nearest_row(coord[:3], group[:3], coord[:0], group[:0], 1.0), torch.full((3,), -1)
    )


@pytest.mark.parametrize("num_edges", [0, 50, 150, 250, 1000])
def test_torch_and_scipy_number_components_alike(num_edges):
    edges = torch.randint(0, 300, (num_edges, 2), generator=generator(num_edges))
    assert torch.equal(connected_components(edges, 300), propagate_labels(edges, 300))


def test_a_long_chain_in_random_order_is_one_component():
    order = torch.randperm(5000, generator=generator())
    chain = torch.stack([order[:-1], order[1:]], 1)
    assert propagate_labels(chain, 5000).max() == 0
    assert propagate_labels(torch.cat([chain[:2000], chain[2001:]]), 5000).max() == 1


def test_components_are_numbered_by_their_smallest_member():
    edges = torch.tensor([[4, 1], [2, 3]])
    assert connected_components(edges, 5).tolist() == [0, 1, 2, 2, 1]
