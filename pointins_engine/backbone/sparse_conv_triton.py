"""Submanifold convolution as Triton kernels: one pass over the output, no scatter, no atomics.

Forward and the gradient of the features are the same kernel. A program owns 64 output voxels and a
block of output channels, walks over those of the 27 kernel offsets at which any of its voxels has
a neighbour, gathers the neighbours' features and adds up one small matrix product each, in float32
registers. Tiles are made of voxels that need the same offsets (`neighbours.NeighbourTable`), so few
products are spent on missing neighbours.

The gradient of the kernel has one program for an offset, a block of channels and a share of the
pairs; the shares are summed afterwards in fixed order. So all three are deterministic.

This module imports Triton: import it where it is used. N voxels, T tiles, C channels.
"""
# Kernels are compiled by Triton, which gives their signatures and operators another meaning.
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportMissingImports=false

from typing import Any

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from pointins_engine.backbone.neighbours import TILE, NeighbourTable

_PAIRS = 32  # pairs that a program of the kernel's gradient multiplies at once
_PROGRAMS = 2048  # of the kernel's gradient: enough to fill a large GPU several times


def tiled_conv(
    feat: Float[Tensor, "n c_in"],
    weight: Float[Tensor, "c_out 3 3 3 c_in"],
    bias: Float[Tensor, " c_out"],
    table: NeighbourTable,
) -> Float[Tensor, "n c_out"]:
    """Submanifold convolution; products in the precision of `feat`, sums in float32.

    Args:
        feat: float32, float16 or bfloat16. float32 products are exact unless
            `torch.backends.cuda.matmul.allow_tf32` says that ten bits are enough.
        weight: Of the same precision.
        bias: Its precision is that of the result.
        table: Neighbours of the rows of `feat`.
    """
    return _TiledConv.apply(feat, weight, bias, table)  # type: ignore[return-value]


class _TiledConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, feat: Tensor, weight: Tensor, bias: Tensor, table: NeighbourTable):
        feat, kernel = feat.contiguous(), weight.flatten(1, 3)  # (C_out, 27, C_in)
        ctx.save_for_backward(feat, kernel)
        ctx.table = table
        ctx.bias_dtype = bias.dtype
        out = torch.empty(len(feat), len(kernel), dtype=bias.dtype, device=feat.device)
        _convolve(feat, kernel.permute(1, 2, 0), bias, table, out, mirror=False)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor):  # type: ignore[override]
        feat, kernel = ctx.saved_tensors
        grad = grads[0].to(feat.dtype).contiguous()
        grad_feat = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_feat = torch.empty_like(feat)
            _convolve(grad, kernel.permute(1, 0, 2), None, ctx.table, grad_feat, mirror=True)
        if ctx.needs_input_grad[1]:
            grad_weight = _kernel_gradient(grad, feat, ctx.table).to(kernel.dtype)
            grad_weight = grad_weight.unflatten(1, (3, 3, 3))
        return grad_feat, grad_weight, grads[0].sum(dim=0).to(ctx.bias_dtype), None


def _convolve(
    feat: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    table: NeighbourTable,
    out: Tensor,
    *,
    mirror: bool,
) -> None:
    """out[p] = bias + sum over d of feat[neighbour of p at d] @ kernel[d], or kernel[26 - d]."""
    c_in, c_out = kernel.shape[1:]
    if len(feat) == 0:
        return
    # Three buffers of both operands then fit into 72 KB of shared memory.
    block_in = min(_block(c_in), 128 // feat.element_size())
    block_out = min(_block(c_out), 128)
    num_blocks = _cdiv(c_out, block_out)
    with torch.cuda.device_of(feat):  # Triton launches on the current device
        _convolve_kernel[(len(table.gather) * num_blocks,)](
            feat,
            kernel,
            feat if bias is None else bias,
            out,
            table.row,
            table.gather,
            table.kernel_offset,
            table.num_offsets,
            c_in,
            c_out,
            num_blocks,
            *kernel.stride(),
            HAS_BIAS=bias is not None,
            MIRROR=mirror,
            STEPS=_cdiv(c_in, block_in),
            TILE=TILE,
            BLOCK_IN=block_in,
            BLOCK_OUT=block_out,
            PRECISION=_precision(),
            num_warps=4 if block_out <= 64 else 8,
            num_stages=4,
        )


def _kernel_gradient(grad: Tensor, feat: Tensor, table: NeighbourTable) -> Tensor:
    """(C_out, 27, C_in) float32: for each offset the sum over its pairs of grad x feat."""
    n, c_out, c_in = len(feat), grad.shape[1], feat.shape[1]
    if n == 0:
        return grad.new_zeros(c_out, 27, c_in, dtype=torch.float32)
    widest = 256 // feat.element_size()  # 48 KB of shared memory
    block_out, block_in = min(_block(c_out), widest), min(_block(c_in), widest)
    num_blocks = _cdiv(c_out, block_out) * _cdiv(c_in, block_in)
    num_shares = min(_cdiv(_PROGRAMS, 27 * num_blocks), _cdiv(n, 8 * _PAIRS))
    shares = torch.empty(num_shares, c_out, 27, c_in, dtype=torch.float32, device=feat.device)
    with torch.cuda.device_of(feat):
        _gradient_kernel[(27, num_shares, num_blocks)](
            grad,
            feat,
            shares,
            table.pairs,
            table.num_pairs,
            n,
            c_out,
            c_in,
            num_shares,
            PAIRS=_PAIRS,
            BLOCK_OUT=block_out,
            BLOCK_IN=block_in,
            PRECISION=_precision(),
            num_warps=4 if block_out * block_in <= 64 * 64 else 8,
            num_stages=4,
        )
    return shares[0] if num_shares == 1 else shares.sum(0)


def _block(channels: int) -> int:
    """Channels of a block: a power of two, 16 at least."""
    return max(16, 1 << (channels - 1).bit_length())


def _cdiv(a: int, b: int) -> int:
    return -(-a // b)


def _precision() -> str:
    """How float32 products are made; 16-bit products do not ask."""
    return "tf32" if torch.backends.cuda.matmul.allow_tf32 else "ieee"


@triton.jit
def _convolve_kernel(
    feat,  # (N, C_in)
    kernel,  # (27, C_in, C_out) by its strides
    bias,  # (C_out,)
    out,  # (N, C_out)
    row,  # (T * TILE,)
    gather,  # (T, 27, TILE)
    kernel_offset,  # (T, 27)
    num_offsets,  # (T,)
    c_in,
    c_out,
    num_blocks,
    stride_d,
    stride_in,
    stride_out,
    HAS_BIAS: tl.constexpr,
    MIRROR: tl.constexpr,
    STEPS: tl.constexpr,  # blocks of input channels
    TILE: tl.constexpr,
    BLOCK_IN: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
    PRECISION: tl.constexpr,
):
    # Blocks of one tile run side by side and find its features in the cache.
    tile = tl.program_id(0) // num_blocks
    block = tl.program_id(0) % num_blocks
    place = tl.arange(0, TILE)
    at_in = tl.arange(0, BLOCK_IN)
    at_out = block * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    is_out = at_out < c_out
    total = tl.full((TILE, BLOCK_OUT), 0.0, tl.float32)
    # One flat loop over offsets and blocks of input channels: its loads can be pipelined.
    for step in range(tl.load(num_offsets + tile) * STEPS):
        number = tile * 27 + step // STEPS
        d = tl.load(kernel_offset + number)
        if MIRROR:
            d = 26 - d
        source = tl.load(gather + number * TILE + place)
        channel = step % STEPS * BLOCK_IN + at_in
        is_in = channel < c_in
        x = tl.load(
            feat + source.to(tl.int64)[:, None] * c_in + channel[None, :],
            mask=(source >= 0)[:, None] & is_in[None, :],
            other=0.0,
        )
        w = tl.load(
            kernel + d * stride_d + channel[:, None] * stride_in + at_out[None, :] * stride_out,
            mask=is_in[:, None] & is_out[None, :],
            other=0.0,
        )
        total = tl.dot(x, w, total, input_precision=PRECISION)
    if HAS_BIAS:
        total += tl.load(bias + at_out, mask=is_out, other=0.0).to(tl.float32)[None, :]
    target = tl.load(row + tile * TILE + place)
    tl.store(
        out + target.to(tl.int64)[:, None] * c_out + at_out[None, :],
        total.to(out.dtype.element_ty),
        mask=(target >= 0)[:, None] & is_out[None, :],
    )


@triton.jit
def _gradient_kernel(
    grad,  # (N, C_out)
    feat,  # (N, C_in)
    shares,  # (S, C_out, 27, C_in)
    pairs,  # (2, 14, N)
    num_pairs,  # (14,)
    n,
    c_out,
    c_in,
    num_shares,
    PAIRS: tl.constexpr,
    BLOCK_OUT: tl.constexpr,
    BLOCK_IN: tl.constexpr,
    PRECISION: tl.constexpr,
):
    d = tl.program_id(0)
    share = tl.program_id(1)
    blocks_in = (c_in + BLOCK_IN - 1) // BLOCK_IN
    at_out = tl.program_id(2) // blocks_in * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    at_in = tl.program_id(2) % blocks_in * BLOCK_IN + tl.arange(0, BLOCK_IN)
    # The mirror of an offset has the same pairs with the two rows exchanged.
    is_mirror = (d < 13).to(tl.int64)
    half = tl.abs(d - 13)
    row_of_grad = pairs + (14 * is_mirror + half) * n
    row_of_feat = pairs + (14 * (1 - is_mirror) + half) * n
    count = tl.load(num_pairs + half)
    size = (count + num_shares - 1) // num_shares
    begin = share * size
    end = tl.minimum(begin + size, count)
    total = tl.full((BLOCK_OUT, BLOCK_IN), 0.0, tl.float32)
    for first in range(begin, end, PAIRS):
        pair = first + tl.arange(0, PAIRS)
        exists = pair < end
        p = tl.load(row_of_grad + pair, mask=exists, other=0).to(tl.int64)
        q = tl.load(row_of_feat + pair, mask=exists, other=0).to(tl.int64)
        g = tl.load(
            grad + p[None, :] * c_out + at_out[:, None],
            mask=exists[None, :] & (at_out < c_out)[:, None],
            other=0.0,
        )
        x = tl.load(
            feat + q[:, None] * c_in + at_in[None, :],
            mask=exists[:, None] & (at_in < c_in)[None, :],
            other=0.0,
        )
        total = tl.dot(g, x, total, input_precision=PRECISION)
    place = (share.to(tl.int64) * c_out + at_out[:, None]) * 27 + d
    tl.store(
        shares + place * c_in + at_in[None, :],
        total,
        mask=(at_out < c_out)[:, None] & (at_in < c_in)[None, :],
    )
