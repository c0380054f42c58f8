"""The Triton convolution against the plain one; without a GPU Triton's interpreter runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported, which nothing has done yet

pytest.importorskip("triton")

from pointins_engine.backbone.backends import Backend
from pointins_engine.backbone.neighbours import CENTRE, HALF_OFFSETS, TILE, neighbour_table
from pointins_engine.backbone.sparse_conv import (
    SubmanifoldConv3d,
    stage_neighbours,
    submanifold_conv,
)

from .clouds import surface_voxels

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
# The interpreter keeps bfloat16 as integers and multiplies those.
SHORT = torch.bfloat16 if torch.cuda.is_available() else torch.float16
OFFSETS = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]


def two_clouds(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    clouds = [surface_voxels(count, seed=1, extent=9), surface_voxels(count, seed=2, extent=9)]
    batch_index = torch.arange(2).repeat_interleave(torch.tensor([len(c) for c in clouds]))
    return torch.cat(clouds).to(DEVICE), batch_index.to(DEVICE)


def random_layer(c_in: int, c_out: int, n: int) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(3)
    shapes = [(n, c_in), (c_out, 3, 3, 3, c_in), (c_out,)]
    return [torch.randn(s, generator=rng).to(DEVICE).requires_grad_() for s in shapes]


def forward_and_gradients(backend, voxels, batch_index, inputs):
    neighbours = stage_neighbours(voxels, batch_index, 2, Backend(backend, "asked for"))
    out = submanifold_conv(*inputs, neighbours)
    rng = torch.Generator().manual_seed(4)
    upstream = torch.randn(out.shape, generator=rng).to(DEVICE)
    return [out, *torch.autograd.grad(out, inputs, upstream)]


@pytest.mark.parametrize(
    ("count", "c_in", "c_out"),
    [(90, 16, 32), (90, 10, 20), (20, 6, 130), (20, 80, 16), (1, 16, 16), (0, 16, 16)],
)
def test_forward_and_gradients_equal_plain_torch(count, c_in, c_out):
    """float32 sums of up to 27 * 80 products in another order: 1e-4 is rounding."""
    voxels, batch_index = two_clouds(count)
    inputs = random_layer(c_in, c_out, len(voxels))
    plain = forward_and_gradients("torch", voxels, batch_index, inputs)
    tiled = forward_and_gradients("triton", voxels, batch_index, inputs)
    for found, expected in zip(tiled, plain, strict=True):
        assert found.dtype == torch.float32
        assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_under_autocast_factors_have_16_bits_and_sums_32():
    """Both versions round the factors alike, to 8 bits or 11; the plain one rounds sums over the
    channels too, so ours must not be further from the exact result.
    """
    voxels, batch_index = two_clouds(60)
    inputs = random_layer(16, 16, len(voxels))
    exact = forward_and_gradients("torch", voxels, batch_index, inputs)
    with torch.autocast(DEVICE.type, dtype=SHORT):
        plain = forward_and_gradients("torch", voxels, batch_index, inputs)
        tiled = forward_and_gradients("triton", voxels, batch_index, inputs)
    for found, rounded, true in zip(tiled, plain, exact, strict=True):
        assert found.dtype == rounded.dtype == torch.float32
        assert (found - true).norm() / true.norm() < 0.01
        assert (found - true).norm() <= 1.05 * (rounded - true).norm()


def test_the_same_call_gives_the_same_bits():
    voxels, batch_index = two_clouds(80)
    inputs = random_layer(16, 16, len(voxels))
    first, second = (forward_and_gradients("triton", voxels, batch_index, inputs) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_frozen_inputs_get_no_gradient():
    voxels, batch_index = two_clouds(10)
    layer = SubmanifoldConv3d(16, 16).to(DEVICE)
    torch.nn.init.ones_(layer.weight), torch.nn.init.zeros_(layer.bias)
    neighbours = stage_neighbours(voxels, batch_index, 2, Backend("triton", "asked for"))
    layer(torch.ones(len(voxels), 16, device=DEVICE), neighbours).sum().backward()
    assert layer.weight.grad is not None
    # A product for every voxel that has a neighbour at the offset, the centre among them.
    assert layer.weight.grad[0, 1, 1, 1, 0] == len(voxels)


def test_the_table_holds_every_neighbour_once_and_tiles_need_few_offsets():
    voxels, batch_index = two_clouds(300)
    table = neighbour_table(voxels, batch_index)
    place = table.row.view(-1, 1, TILE).expand_as(table.gather)
    d = table.kernel_offset[:, :, None].expand_as(table.gather)
    there = (table.gather >= 0) & (place >= 0)
    near, far = place[there].long(), table.gather[there].long()
    offsets = torch.tensor(OFFSETS, device=DEVICE)
    assert torch.equal(voxels[far] - voxels[near], offsets[d[there].long()])
    assert torch.equal(batch_index[far], batch_index[near])
    apart = (voxels[:, None] - voxels).abs().amax(2)
    adjacent = (apart <= 1) & (batch_index[:, None] == batch_index)
    assert len(torch.stack([near, far], 1).unique(dim=0)) == len(near) == int(adjacent.sum())
    is_used = there.any(2).int()
    assert torch.equal(is_used.sum(1).int(), table.num_offsets)
    assert (is_used.diff(dim=1) <= 0).all()  # used ones come first
    rows_in_order = table.row[table.row >= 0]
    assert torch.equal(rows_in_order.long().sort()[0], torch.arange(len(voxels), device=DEVICE))


def test_pairs_of_the_table_are_those_of_the_offsets():
    voxels, batch_index = two_clouds(120)
    table = neighbour_table(voxels, batch_index)
    offsets = torch.tensor([OFFSETS[CENTRE], *HALF_OFFSETS], device=DEVICE)
    for half, count in enumerate(table.num_pairs.tolist()):
        near, far = table.pairs[:, half, :count].long()
        assert torch.equal(voxels[far] - voxels[near], offsets[half].expand(count, 3))
        assert len(near.unique()) == count
    apart = (voxels[:, None] - voxels).abs().amax(2)
    adjacent = (apart == 1) & (batch_index[:, None] == batch_index)
    assert 2 * int(table.num_pairs[1:].sum()) == int(adjacent.sum())


def test_kernels_compile_for_a_hopper_gpu_on_any_machine():
    script = Path(__file__).with_name("compile_kernels.py")
    plain = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, str(script)], env=plain, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "compiled", done.stderr[-2000:]
