"""Sparse convolution against dense convolution and against loops."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pointins_engine.backbone.neighbours import HALF_OFFSETS, NeighbourMap, find_neighbours
from pointins_engine.backbone.sparse_conv import (
    sparse_conv_backend,
    stage_neighbours,
    submanifold_conv,
)


def random_voxels(count: int, reach: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Distinct voxels of two clouds in random order within each cloud."""
    rng = torch.Generator().manual_seed(seed)
    clouds = []
    for _ in range(2):
        voxels = torch.unique(torch.randint(0, reach, (count, 3), generator=rng), dim=0)
        clouds.append(voxels[torch.randperm(len(voxels), generator=rng)])
    batch_index = torch.cat([torch.full((len(c),), b) for b, c in enumerate(clouds)])
    return torch.cat(clouds), batch_index


def random_layer(c_in: int, c_out: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    weight = torch.randn(c_out, 3, 3, 3, c_in, generator=rng, dtype=torch.float64)
    bias = torch.randn(c_out, generator=rng, dtype=torch.float64)
    return weight.requires_grad_(), bias.requires_grad_()


def conv_by_loops(feat, weight, bias, grid_coord, batch_index):
    row_of = {
        (b, *voxel): i
        for i, (b, voxel) in enumerate(zip(batch_index.tolist(), grid_coord.tolist(), strict=True))
    }
    rows = []
    for b, x, y, z in row_of:
        total = bias
        for dx, dy, dz in itertools.product((-1, 0, 1), repeat=3):
            j = row_of.get((b, x + dx, y + dy, z + dz))
            if j is not None:
                total = total + weight[:, dx + 1, dy + 1, dz + 1] @ feat[j]
        rows.append(total)
    return torch.stack(rows)


def grads(out, wrt, seed=7):
    rng = torch.Generator().manual_seed(seed)
    upstream = torch.randn(out.shape, generator=rng, dtype=out.dtype)
    return torch.autograd.grad(out, wrt, upstream)


def test_on_a_full_block_it_is_dense_convolution():
    voxels = torch.cartesian_prod(torch.arange(4), torch.arange(5), torch.arange(6))
    voxels = voxels[torch.randperm(120, generator=torch.Generator().manual_seed(0))]
    x, y, z = voxels.unbind(dim=1)
    weight, bias = random_layer(3, 4, seed=1)
    rng = torch.Generator().manual_seed(2)
    feat = torch.randn(120, 3, generator=rng, dtype=torch.float64, requires_grad=True)

    neighbours = find_neighbours(voxels, torch.zeros(120, dtype=torch.long))
    found = submanifold_conv(feat, weight, bias, neighbours)

    block = feat.new_zeros(4, 5, 6, 3).index_put((x, y, z), feat).permute(3, 0, 1, 2)
    dense = F.conv3d(block, weight.permute(0, 4, 1, 2, 3), bias, padding=1)
    expected = dense[:, x, y, z].T

    assert_close(found, expected, rtol=0, atol=1e-12)
    wrt = (feat, weight, bias)
    for grad, expected_grad in zip(grads(found, wrt), grads(expected, wrt), strict=True):
        assert_close(grad, expected_grad, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("count", "reach"), [(60, 5), (60, 40), (1, 3)])
def test_on_random_voxels_it_is_the_sum_over_existing_neighbours(count, reach):
    voxels, batch_index = random_voxels(count, reach, seed=3)
    weight, bias = random_layer(2, 3, seed=4)
    rng = torch.Generator().manual_seed(5)
    feat = torch.randn(len(voxels), 2, generator=rng, dtype=torch.float64, requires_grad=True)
    found = submanifold_conv(feat, weight, bias, find_neighbours(voxels, batch_index))
    expected = conv_by_loops(feat, weight, bias, voxels, batch_index)
    assert_close(found, expected, rtol=0, atol=1e-12)
    wrt = (feat, weight, bias)
    for grad, expected_grad in zip(grads(found, wrt), grads(expected, wrt), strict=True):
        assert_close(grad, expected_grad, rtol=0, atol=1e-12)


def test_gradients_agree_with_finite_differences():
    voxels, batch_index = random_voxels(8, 3, seed=6)
    weight, bias = random_layer(2, 2, seed=7)
    rng = torch.Generator().manual_seed(8)
    feat = torch.randn(len(voxels), 2, generator=rng, dtype=torch.float64, requires_grad=True)
    neighbours = find_neighbours(voxels, batch_index)
    assert torch.autograd.gradcheck(
        lambda *inputs: submanifold_conv(*inputs, neighbours), (feat, weight, bias)
    )


def test_pairs_lie_where_the_offsets_say_and_none_is_missing():
    voxels, batch_index = random_voxels(200, 9, seed=9)
    neighbours = find_neighbours(voxels, batch_index)
    apart = voxels[:, None] - voxels[None]
    same_cloud = batch_index[:, None] == batch_index[None]
    adjacent = (apart.abs().amax(dim=-1) == 1) & same_cloud
    for offset, near, far in zip(HALF_OFFSETS, neighbours.near, neighbours.far, strict=True):
        assert (voxels[far] - voxels[near] == torch.tensor(offset)).all()
        assert batch_index[far].equal(batch_index[near])
        assert len(near.unique()) == len(near)
    assert 2 * sum(len(near) for near in neighbours.near) == int(adjacent.sum())


def test_the_half_offsets_and_their_mirrors_are_the_26_neighbours():
    mirrored = {(-x, -y, -z) for x, y, z in HALF_OFFSETS}
    assert len(mirrored | set(HALF_OFFSETS)) == 26
    assert (0, 0, 0) not in mirrored


def test_moving_all_voxels_changes_nothing():
    voxels, batch_index = random_voxels(100, 8, seed=10)
    weight, bias = random_layer(2, 3, seed=11)
    rng = torch.Generator().manual_seed(12)
    feat = torch.randn(len(voxels), 2, generator=rng, dtype=torch.float64)
    here, there = (
        submanifold_conv(feat, weight, bias, find_neighbours(moved, batch_index))
        for moved in (voxels, voxels + torch.tensor([700, 3, 21]))
    )
    assert_close(here, there, rtol=0, atol=0)


def test_under_autocast_products_are_in_bfloat16_and_sums_in_float32():
    """bfloat16 keeps 8 bits: single products are off by up to 0.4 %, sums of many by about that."""
    voxels, batch_index = random_voxels(200, 6, seed=13)
    weight, bias = (p.detach().float().requires_grad_() for p in random_layer(16, 16, seed=14))
    rng = torch.Generator().manual_seed(15)
    feat = torch.randn(len(voxels), 16, generator=rng, requires_grad=True)
    neighbours = find_neighbours(voxels, batch_index)
    exact = submanifold_conv(feat, weight, bias, neighbours)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = submanifold_conv(feat, weight, bias, neighbours)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() / exact.norm() < 0.01
    wrt = (feat, weight, bias)
    for grad, exact_grad in zip(grads(rounded, wrt), grads(exact, wrt), strict=True):
        assert grad.dtype == torch.float32
        assert (grad - exact_grad).norm() / exact_grad.norm() < 0.01


@pytest.mark.parametrize(
    ("device", "installed", "name"),
    [
        ("cpu", {"spconv", "triton"}, "torch"),
        ("cuda", {"spconv", "triton"}, "spconv"),
        ("cuda", {"triton"}, "triton"),
        ("cuda", set(), "torch"),
    ],
)
def test_the_backend_follows_device_and_installation(monkeypatch, device, installed, name):
    monkeypatch.setattr(
        "pointins_engine.backbone.sparse_conv.is_installed", lambda module: module in installed
    )
    backend = sparse_conv_backend(device)
    assert backend.name == name
    assert backend.reason


def test_on_the_cpu_a_stage_gets_the_plain_map():
    voxels, batch_index = random_voxels(20, 4, seed=16)
    assert isinstance(stage_neighbours(voxels, batch_index, 2), NeighbourMap)
