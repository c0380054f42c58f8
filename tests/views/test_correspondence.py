"""Matches are the nearest teacher cells in the scene frame, checked against brute force."""

import pytest
import torch

from pointins_engine.batch import CellBatch
from pointins_engine.views import match_cells
from pointins_engine.views.correspondence import _nearest_by_distance, _nearest_by_tree


def cells(coord: torch.Tensor, batch_index: torch.Tensor, batch_size: int) -> CellBatch:
    return CellBatch(
        feat=torch.zeros(len(coord), 4),
        coord=coord,
        origin_coord=coord,
        batch_index=batch_index,
        is_plane=torch.zeros(len(coord), dtype=torch.bool),
        cell_index=torch.arange(len(coord)),
        batch_size=batch_size,
    )


@pytest.fixture
def pair() -> tuple[CellBatch, CellBatch]:
    rng = torch.Generator().manual_seed(0)
    student = cells(torch.rand(60, 3, generator=rng), torch.arange(60) // 15, 4)
    teacher = cells(torch.rand(200, 3, generator=rng), torch.arange(200) // 50, 4)
    return student, teacher


@pytest.mark.parametrize("cross", [False, True])
def test_matches_equal_brute_force(pair, cross):
    student, teacher = pair
    found = {tuple(row) for row in match_cells(student, teacher, 0.2, cross=cross).tolist()}
    expected = set()
    for row in range(60):
        view = int(student.batch_index[row]) ^ (1 if cross else 0)
        gaps = (teacher.origin_coord - student.origin_coord[row]).norm(dim=1)
        gaps[teacher.batch_index != view] = torch.inf
        if gaps.min() <= 0.2:
            expected.add((row, int(gaps.argmin())))
    assert found == expected
    assert 0 < len(expected) < 60


def test_a_cell_matches_itself_in_its_own_view(pair):
    _, teacher = pair
    pairs = match_cells(teacher, teacher, 0.2, cross=False)
    assert torch.equal(pairs[:, 0], pairs[:, 1])
    assert len(pairs) == 200


@pytest.mark.parametrize("cross", [False, True])
def test_the_two_ways_to_find_the_nearest_agree(pair, cross):
    student, teacher = pair
    by_tree = _nearest_by_tree(student, teacher, 0.15, cross)
    by_distance = _nearest_by_distance(student, teacher, 0.15, cross)
    assert torch.equal(by_tree, by_distance)
    assert 0 < (by_tree >= 0).sum() < 60


@pytest.mark.parametrize("find", [_nearest_by_tree, _nearest_by_distance])
def test_a_view_without_cells_matches_nothing(pair, find):
    student, teacher = pair
    kept = teacher.batch_index != 1
    thinned = cells(teacher.origin_coord[kept], teacher.batch_index[kept], 4)
    found = find(student, thinned, 9.0, False)
    assert torch.equal(found == -1, student.batch_index == 1)


@pytest.mark.parametrize("find", [_nearest_by_tree, _nearest_by_distance])
def test_a_cell_just_as_far_as_the_radius_counts(find):
    here, there = (cells(torch.tensor([[x, 0.0, 0.0]]), torch.zeros(1).long(), 1) for x in (0, 0.5))
    assert find(here, there, 0.5, False).tolist() == [0]
    assert find(here, there, 0.499, False).tolist() == [-1]
