"""Space-filling curves: 3D voxels to one dimension, so that neighbours in the list are close.

Four curves: z-order and Hilbert, and both again with x and y exchanged (`_trans`). The Hilbert
curve is Skilling's (2004, "Programming the Hilbert curve"), run here as a state machine on tables:
one look-up for every three bit levels.

N voxels, B clouds, S curves.
"""

from functools import cache
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from pointins_engine.errors import ConfigError, SceneError

Curve = Literal["z", "z_trans", "hilbert", "hilbert_trans"]
CURVES: tuple[Curve, ...] = ("z", "z_trans", "hilbert", "hilbert_trans")

MAX_DEPTH = 16  # bit levels an axis, as in PTv3
_LEVELS_A_STEP = 3  # also the period of the Hilbert curve's frame under leading zero levels


def cloud_depths(
    grid_coord: Int[Tensor, "n 3"], batch_index: Int[Tensor, " n"], batch_size: int
) -> Int[Tensor, " b"]:
    """Bit levels of each cloud: the bit length of its largest grid coordinate plus one.

    Departure: PTv3 takes one depth for the whole batch, by which a far-reaching cloud turns the
    Hilbert curve of its neighbours in the batch. With one depth a cloud, a batch of two gives what
    two batches of one give; for a single cloud both are the same.
    """
    reach = grid_coord.amax(dim=1) + 1
    largest = reach.new_zeros(batch_size).scatter_reduce_(0, batch_index, reach, "amax")
    powers = 1 << torch.arange(62, device=grid_coord.device)
    return (largest[:, None] >= powers).sum(dim=1)


def check_depth(depth: int, batch_size: int) -> None:
    """Refuse scenes whose codes would not fit.

    Raises:
        ConfigError: If a cloud needs more than 16 bit levels, or levels and cloud number together
            more than 63 bits.
    """
    if depth > MAX_DEPTH:
        raise ConfigError(
            f"a view spans 2**{depth} voxels of scene.grid_size along an axis (depth {depth}), "
            f"the curves hold 2**{MAX_DEPTH}; raise scene.grid_size at least "
            f"{2 ** (depth - MAX_DEPTH)}-fold, cut the scan into tiles, or remove far outliers."
        )
    if 3 * depth + batch_size.bit_length() > 63:
        raise ConfigError(
            f"depth {depth} and {batch_size} clouds need "
            f"{3 * depth + batch_size.bit_length()} bits, a code has 63; lower "
            "optim.batch_scenes or raise scene.grid_size."
        )


def z_code(grid_coord: Int[Tensor, "n 3"]) -> Int[Tensor, " n"]:
    """Z-order (Morton) code: bit levels interleaved, x most significant. At most 16 levels."""
    bits = grid_coord.long()
    # Spread the 16 bits of an axis to every third place by halving the blocks: 8, 4, 2, 1.
    bits = (bits | bits << 16) & 0x0000FF0000FF
    bits = (bits | bits << 8) & 0x00F00F00F00F
    bits = (bits | bits << 4) & 0x0C30C30C30C3
    bits = (bits | bits << 2) & 0x249249249249
    x, y, z = bits.unbind(dim=1)
    return x << 2 | y << 1 | z


def hilbert_code(
    grid_coord: Int[Tensor, "n 3"], depth: Int[Tensor, " n"] | int
) -> Int[Tensor, " n"]:
    """Position along the Hilbert curve of the cube with 2**depth voxels an edge.

    Args:
        grid_coord: Voxel indices, in 0..2**depth - 1.
        depth: Bit levels, one number or one a voxel (clouds of one batch differ).
    """
    if isinstance(depth, int):
        depth = torch.full_like(grid_coord[:, 0], depth)
    return _hilbert_from_z(z_code(grid_coord), depth, levels=MAX_DEPTH)


def serialize(
    grid_coord: Int[Tensor, "n 3"],
    batch_index: Int[Tensor, " n"],
    batch_size: int,
    curves: tuple[Curve, ...] = CURVES,
) -> tuple[Int[Tensor, "s n"], Int[Tensor, "s n"]]:
    """Sort voxels cloud by cloud along each curve.

    Args:
        grid_coord: Voxel indices >= 0; no two rows of a cloud are equal.
        batch_index: Cloud of each voxel.
        batch_size: Number of clouds.
        curves: One row of the result each.

    Returns:
        order: `order[s, i]` is the row that comes i-th along curve s.
        inverse: `inverse[s, order[s, i]] == i`.

    Raises:
        ConfigError: If the scene is too large for its grid (`check_depth`).
        SceneError: On the CPU, if an index is negative or a voxel comes twice. Elsewhere the answer
            would cost a wait for the device; what makes views never makes such voxels.

    Source:
        PTv3 Sec. 4.1. Departure: one depth a cloud, see `cloud_depths`.
    """
    checked = grid_coord.device.type == "cpu"
    if checked:
        _refuse_negative(grid_coord)
    depths = cloud_depths(grid_coord, batch_index, batch_size)
    depth = int(depths.max())
    check_depth(depth, batch_size)
    cloud = batch_index.long() << 3 * depth
    position = torch.arange(len(grid_coord), device=grid_coord.device)
    z_codes: dict[bool, Tensor] = {}
    rows, inverses = [], []
    for curve in curves:
        exchanged = curve.endswith("_trans")
        if exchanged not in z_codes:
            z_codes[exchanged] = z_code(grid_coord[:, [1, 0, 2]] if exchanged else grid_coord)
        code = z_codes[exchanged]
        if curve.startswith("hilbert"):
            code = _hilbert_from_z(code, depths[batch_index], levels=depth)
        ascending, order = torch.sort(cloud | code)
        if checked and not rows:
            _refuse_twice(ascending, order, grid_coord, batch_index)
        rows.append(order)
        inverses.append(torch.empty_like(order).index_copy_(0, order, position))
    return torch.stack(rows), torch.stack(inverses)


def _refuse_negative(grid_coord: Tensor) -> None:
    if len(grid_coord) and bool((least := grid_coord.amin(dim=0)).lt(0).any()):
        raise SceneError(
            f"voxel indices start at {least.tolist()}, expected >= 0; subtract the least index of "
            "each axis, as pointins_engine.geometry.voxelize does."
        )


def _refuse_twice(
    ascending: Tensor, order: Tensor, grid_coord: Tensor, batch_index: Tensor
) -> None:
    """Codes are one to one, so equal neighbours in the sorted list are one voxel twice."""
    twice = ascending[1:] == ascending[:-1]
    if bool(twice.any()):
        row = order[twice.nonzero()[0, 0]]
        raise SceneError(
            f"{int(twice.sum())} rows repeat a voxel of their cloud, the first of them "
            f"{grid_coord[row].tolist()} of cloud {int(batch_index[row])}; expected one row a "
            "voxel. Keep one point of each, as pointins_engine.geometry.voxelize does."
        )


def _hilbert_from_z(code: Tensor, depth: Tensor, levels: int) -> Tensor:
    """Hilbert codes from z-order codes: three levels (one look-up) at a time from the top.

    All clouds walk `levels` levels or a few more. One of fewer levels starts in the frame that its
    leading zero levels turn into the identity.
    """
    digits, nexts, turned = _stepped_tables(code.device)
    steps = -(-levels // _LEVELS_A_STEP)
    state = turned[(depth - steps * _LEVELS_A_STEP) % 3]
    hilbert = torch.zeros_like(code)
    for step in reversed(range(steps)):
        entry = state << 9 | (code >> 9 * step & 511)
        hilbert = hilbert << 9 | digits[entry]
        state = nexts[entry]
    return hilbert


@cache
def _stepped_tables(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Tables for three levels at once, flat over (state, 9 bits), and the three start states."""
    digit_rows, next_rows = _level_tables()
    digit, after = torch.tensor(digit_rows), torch.tensor(next_rows)  # (states, 8)
    octants = torch.arange(512)
    state = torch.arange(len(digit))[:, None].expand(-1, 512)
    digits = torch.zeros_like(state)
    for level in reversed(range(_LEVELS_A_STEP)):
        octant = (octants >> 3 * level & 7).expand_as(state)
        digits = digits << 3 | digit[state, octant]
        state = after[state, octant]
    turned = torch.tensor([0, next_rows[0][0], next_rows[next_rows[0][0]][0]])
    return digits.flatten().to(device), state.flatten().to(device), turned.to(device)


def _level_tables() -> tuple[list[list[int]], list[list[int]]]:
    """Skilling's transform as a state machine: octant of one level -> (code digit, next state).

    Its exchanges and inversions of lower bits add up to a signed permutation of the axes, which is
    the state. Gray decoding needs the parity of all higher bits; every set bit inverts one axis,
    so that parity is the number of inverted axes.
    """
    states = [((0, 1, 2), (0, 0, 0))]  # source axis and inversion of each axis
    digits: list[list[int]] = []
    nexts: list[list[int]] = []
    for source, inverted in states:  # grows until no new state is met
        digit_row, next_row = [], []
        for octant in range(8):
            parity, digit = sum(inverted) % 2, 0
            axes = list(zip(source, inverted, strict=True))
            for k in range(3):
                bit = octant >> 2 - source[k] & 1 ^ inverted[k]
                parity ^= bit
                digit = digit << 1 | parity
                if bit:
                    axes[0] = (axes[0][0], axes[0][1] ^ 1)
                else:
                    axes[0], axes[k] = axes[k], axes[0]
            new_source, new_inverted = zip(*axes, strict=True)
            if (new_source, new_inverted) not in states:
                states.append((new_source, new_inverted))
            digit_row.append(digit)
            next_row.append(states.index((new_source, new_inverted)))
        digits.append(digit_row)
        nexts.append(next_row)
    return digits, nexts
