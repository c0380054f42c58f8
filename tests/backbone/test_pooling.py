"""Grid pooling against NumPy loops."""

import numpy as np
import torch
from torch.testing import assert_close

from pointins_engine.backbone.pooling import GridPool, cell_max, cell_mean, halve_grid


def voxels_of_two_clouds() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    clouds = [torch.randint(0, 9, (120, 3), generator=rng).unique(dim=0) for _ in range(2)]
    clouds = [c[torch.randperm(len(c), generator=rng)] for c in clouds]
    return torch.cat(clouds), torch.tensor([0] * len(clouds[0]) + [1] * len(clouds[1]))


def test_cells_are_the_occupied_halves_sorted_by_cloud_and_place():
    grid_coord, batch_index = voxels_of_two_clouds()
    grid = halve_grid(grid_coord, batch_index)
    keys = torch.cat([batch_index[:, None], grid_coord // 2], dim=1)
    expected = sorted({tuple(key) for key in keys.tolist()})
    found = torch.cat([grid.batch_index[:, None], grid.grid_coord], dim=1)
    assert found.tolist() == [list(key) for key in expected]
    assert found[grid.cell_index].equal(keys)


def test_maximum_and_mean_are_those_of_a_loop():
    grid = halve_grid(*voxels_of_two_clouds())
    rng = torch.Generator().manual_seed(1)
    value = torch.randn(len(grid.cell_index), 5, generator=rng, dtype=torch.float64)
    best = cell_max(value, grid.cell_index, len(grid))
    mean = cell_mean(value, grid.cell_index, len(grid))
    for cell in range(len(grid)):
        rows = value.numpy()[grid.cell_index.numpy() == cell]
        np.testing.assert_array_equal(best[cell], rows.max(axis=0))
        np.testing.assert_allclose(mean[cell], rows.mean(axis=0), rtol=0, atol=1e-15)


def test_the_gradient_of_the_maximum_goes_to_the_winner_and_ties_share_it():
    value = torch.tensor([[1.0, 5.0], [3.0, 5.0], [2.0, 0.0]], requires_grad=True)
    best = cell_max(value, torch.tensor([1, 1, 0]), 2)
    (grad,) = torch.autograd.grad(best, value, torch.tensor([[10.0, 20.0], [30.0, 40.0]]))
    assert grad.tolist() == [[0.0, 20.0], [30.0, 20.0], [10.0, 20.0]]


def test_the_gradient_of_the_maximum_agrees_with_scatter_reduce():
    grid = halve_grid(*voxels_of_two_clouds())
    rng = torch.Generator().manual_seed(2)
    value = torch.randint(0, 4, (len(grid.cell_index), 5), generator=rng).double()  # many ties
    value.requires_grad_()
    upstream = torch.randn(len(grid), 5, generator=rng, dtype=torch.float64)
    index = grid.cell_index[:, None].expand_as(value)
    lowest = torch.full_like(upstream, -9.0)
    expected = lowest.scatter_reduce(0, index, value, "amax", include_self=False)
    (expected_grad,) = torch.autograd.grad(expected, value, upstream)
    (grad,) = torch.autograd.grad(cell_max(value, grid.cell_index, len(grid)), value, upstream)
    assert_close(grad, expected_grad, rtol=0, atol=1e-15)


def test_pooling_is_linear_maximum_norm_gelu():
    grid = halve_grid(*voxels_of_two_clouds())
    pool = GridPool(4, 6)
    rng = torch.Generator().manual_seed(3)
    feat = torch.randn(len(grid.cell_index), 4, generator=rng)
    pooled = pool(feat, grid)
    projected = pool.proj(feat)
    rows = [projected[grid.cell_index == cell].amax(dim=0) for cell in range(len(grid))]
    assert_close(pooled, torch.nn.functional.gelu(pool.norm(torch.stack(rows))))
