"""Curves: bijections, unit steps, exchanged axes, separate clouds, limits."""

import pytest
import torch

from pointins_engine.backbone.serialization import (
    CURVES,
    cloud_depths,
    hilbert_code,
    serialize,
    z_code,
)
from pointins_engine.errors import ConfigError


def cube(depth: int) -> torch.Tensor:
    side = torch.arange(2**depth)
    return torch.cartesian_prod(side, side, side)


def hilbert_by_skilling(grid_coord: torch.Tensor, depth: int) -> torch.Tensor:
    """The transform as Skilling states it: exchanges and inversions of lower bits, then Gray."""
    axes = list(grid_coord.clone().unbind(dim=1))
    for level in reversed(range(1, depth)):
        lower = (1 << level) - 1
        for k in range(3):
            is_set = (axes[k] >> level & 1).bool()
            swapped = (axes[0] ^ axes[k]) & lower
            first = torch.where(is_set, axes[0] ^ lower, axes[0] ^ swapped)
            axes[k] = torch.where(is_set, axes[k], axes[k] ^ swapped) if k else axes[k]
            axes[0] = first
    gray = z_code(torch.stack(axes, dim=1))
    shift = 1
    while shift < 3 * depth:
        gray = gray ^ gray >> shift
        shift *= 2
    return gray


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("code", [lambda g, d: z_code(g), hilbert_code], ids=["z", "hilbert"])
def test_codes_number_the_cube(code, depth):
    codes = code(cube(depth), depth)
    assert codes.sort().values.equal(torch.arange(8**depth))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_the_hilbert_curve_walks_in_unit_steps(depth):
    voxels = cube(depth)
    walk = voxels[hilbert_code(voxels, depth).argsort()]
    assert (walk.diff(dim=0).abs().sum(dim=1) == 1).all()


@pytest.mark.parametrize("depth", [1, 4, 7, 16])
def test_the_state_machine_is_skillings_transform(depth):
    rng = torch.Generator().manual_seed(depth)
    voxels = torch.randint(0, 2**depth, (500, 3), generator=rng)
    assert hilbert_code(voxels, depth).equal(hilbert_by_skilling(voxels, depth))


def test_z_code_interleaves_bits_with_x_on_top():
    rng = torch.Generator().manual_seed(0)
    voxels = torch.randint(0, 2**16, (50, 3), generator=rng)
    expected = [
        sum((c >> i & 1) << (3 * i + 2 - a) for a, c in enumerate(v) for i in range(16))
        for v in voxels.tolist()
    ]
    assert z_code(voxels).tolist() == expected


@pytest.mark.parametrize("curve", ["z", "hilbert"])
def test_a_trans_curve_is_the_curve_of_exchanged_x_and_y(curve):
    rng = torch.Generator().manual_seed(1)
    voxels = torch.unique(torch.randint(0, 30, (400, 3), generator=rng), dim=0)
    one_cloud = torch.zeros(len(voxels), dtype=torch.long)
    trans, _ = serialize(voxels, one_cloud, 1, (curve + "_trans",))
    plain, _ = serialize(voxels[:, [1, 0, 2]], one_cloud, 1, (curve,))
    assert trans.equal(plain)


def test_orders_are_permutations_with_their_inverses():
    voxels = cube(3)
    order, inverse = serialize(voxels, torch.zeros(512, dtype=torch.long), 1)
    identity = torch.arange(512).expand(len(CURVES), -1)
    assert order.gather(1, inverse).equal(identity)
    assert inverse.gather(1, order).equal(identity)


def test_clouds_stay_apart_and_each_is_sorted_as_if_alone():
    """The second cloud reaches further, so that the first has leading zero levels in its codes."""
    rng = torch.Generator().manual_seed(2)
    small, large = (
        torch.unique(torch.randint(0, reach, (300, 3), generator=rng), dim=0) for reach in (9, 90)
    )
    batch_index = torch.tensor([0] * len(small) + [1] * len(large))
    order, _ = serialize(torch.cat([small, large]), batch_index, 2)
    alone, _ = serialize(small, batch_index[: len(small)], 1)
    assert batch_index[order].equal(batch_index.expand(4, -1))
    assert order[:, : len(small)].equal(alone)


def test_depth_is_the_bit_length_of_the_reach_plus_one():
    voxels = torch.tensor([[0, 0, 0], [6, 0, 1], [0, 7, 2], [2**15, 0, 0]])
    batch_index = torch.arange(4)
    expected = [(reach + 1).bit_length() for reach in (0, 6, 7, 2**15)]
    assert cloud_depths(voxels, batch_index, 4).tolist() == expected


def test_a_view_that_is_too_large_is_refused_with_its_depth_and_the_fix():
    voxels = torch.tensor([[0, 0, 0], [2**18, 0, 0]])
    with pytest.raises(ConfigError, match=r"depth 19.*scene\.grid_size at least 8-fold"):
        serialize(voxels, torch.zeros(2, dtype=torch.long), 1)


def test_too_many_clouds_for_the_code_are_refused():
    voxels = torch.tensor([[2**16 - 2, 0, 0]])
    with pytest.raises(ConfigError, match=r"64 bits.*optim\.batch_scenes"):
        serialize(voxels, torch.zeros(1, dtype=torch.long), 2**15)
