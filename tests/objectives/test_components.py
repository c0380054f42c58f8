"""Neighbour graphs and components: SciPy and torch agree with each other and with brute force."""

from functools import partial

import pytest
import torch

from pointins_engine.objectives import components
from pointins_engine.objectives.components import (
    connected_components,
    nearest_core,
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


SEARCHES = [
    components._edges_by_tree,
    components._edges_by_distance,
    partial(components._edges_by_distance, deferred=True),
    neighbour_edges,
]


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
    for search in SEARCHES:
        assert pair_set(search(coord, num_neighbours, max_length, group)) == expected


@pytest.mark.parametrize("num_neighbours", [8, 300])
def test_large_groups_are_compared_in_chunks(cloud, num_neighbours, monkeypatch):
    coord, group = cloud
    whole = pair_set(components._edges_by_distance(coord, num_neighbours, 0.2, group))
    monkeypatch.setattr(components, "CHUNK_PAIRS", 1000)
    assert pair_set(components._edges_by_distance(coord, num_neighbours, 0.2, group)) == whole


@pytest.mark.parametrize("search", SEARCHES[:3])
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


def test_nearest_core_of_the_same_group(cloud):
    coord, group = cloud
    is_core = (torch.rand(400, generator=generator(2)) < 0.2) & (group != 2)  # none in group 2
    distance = torch.cdist(coord, coord)
    distance[:, ~is_core] = torch.inf
    distance[group[:, None] != group] = torch.inf
    expected = torch.where(distance.amin(1) < 0.15, distance.argmin(1), -1)
    assert torch.equal(expected[is_core], is_core.nonzero()[:, 0])
    assert (expected[~is_core] == -1).any() and (expected[~is_core] >= 0).any()
    found = nearest_core(coord, group, is_core, 0.15)
    assert torch.equal(found, expected)
    found = components._core_by_distance(coord, group, is_core, 0.15)
    assert torch.equal(found[~is_core], expected[~is_core])


@pytest.mark.parametrize("search", [components._core_by_tree, components._core_by_distance])
def test_where_nobody_is_a_core_nobody_has_one(search, cloud):
    coord, group = cloud
    assert search(coord, group, torch.zeros(400, dtype=torch.bool), 1.0).eq(-1).all()
    assert search(coord[:0], group[:0], torch.zeros(0, dtype=torch.bool), 1.0).shape == (0,)


def test_groups_of_all_sizes_are_compared_whole():
    sizes = torch.tensor([1, 40, 3, 90, 2, 41, 17])
    group = torch.arange(7).repeat_interleave(sizes)
    coord = torch.rand(len(group), 3, generator=generator(5))
    shuffled = torch.randperm(len(group), generator=generator(6))
    found = torch.full((len(group), len(group)), torch.inf)
    for rows, columns, distance in components._distances_within(coord, group[shuffled]):
        for r, c, d in zip(rows, columns, distance, strict=True):
            assert d[r < 0].isinf().all() and d[:, c < 0].isinf().all()
            found[r[r >= 0, None], c[c >= 0]] = d[r >= 0][:, c >= 0]
    expected = torch.cdist(coord, coord)
    expected[group[shuffled, None] != group[shuffled]] = torch.inf
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)  # cdist's own product form


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


@pytest.mark.parametrize("find", [connected_components, propagate_labels])
def test_edges_from_a_point_to_itself_and_double_edges_change_nothing(find):
    edges = torch.tensor([[0, 0], [3, 1], [1, 3], [2, 2]])
    assert find(edges, 5).tolist() == [0, 1, 2, 1, 3]


def test_stars_whose_hubs_are_larger_than_their_leaves_are_joined():
    """The hooks of a round all go to the smallest leaf; the others follow in the next."""
    leaves = torch.arange(60).view(3, 20)
    hubs = torch.tensor([60, 61, 62])[:, None].expand(3, 20)
    edges = torch.stack([leaves, hubs], 2).flatten(0, 1)
    expected = torch.cat([torch.arange(3).repeat_interleave(20), torch.arange(3)])
    assert torch.equal(propagate_labels(edges, 63), expected)
