"""Patches: who sits where, who is borrowed, and that attention stays inside."""

import itertools
import sys
import types

import pytest
import torch
from torch.testing import assert_close

from pointins_engine.backbone.attention import (
    PatchAttention,
    attend_padded,
    attend_ragged,
    attention_backend,
    lay_patches,
    partition_patches,
    varlen_kernel,
)

CPU = torch.device("cpu")
SIZES = [[5], [8], [9], [21], [3, 20, 8, 0, 17], [16, 24], [1, 7]]


def patch_rows(sizes: list[int], patch_size: int) -> list[list[int]]:
    """Sorted positions of each patch, written down from the definition."""
    patches, start = [], 0
    for size in sizes:
        rows = list(range(start, start + size))
        if size <= patch_size:
            patches += [rows] if rows else []
        else:
            full = size // patch_size
            patches += [rows[i * patch_size : (i + 1) * patch_size] for i in range(full)]
            left = size % patch_size
            if left:
                patches.append(rows[full * patch_size :] + patches[-1][left:])
        start += size
    return patches


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_patches_are_those_of_the_definition(sizes):
    """Among others: n <= K is untouched, borrowed slots are those of the patch before."""
    partition = partition_patches(sizes, 8, CPU, padded=False)
    found = [
        partition.position[start:stop].tolist()
        for start, stop in itertools.pairwise(partition.boundaries.tolist())
    ]
    assert found == patch_rows(sizes, 8)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_point_comes_back_once_from_its_own_slot(sizes, padded):
    partition = partition_patches(sizes, 8, CPU, padded)
    assert partition.position[partition.slot].equal(torch.arange(sum(sizes)))
    assert partition.longest == min(8, max(sizes))


def test_padding_is_hidden_and_nothing_else():
    partition = partition_patches([3, 20], 8, CPU)
    assert partition.key_mask is not None
    assert partition.key_mask.sum(dim=-1).flatten().tolist() == [3, 8, 8, 8]
    assert partition_patches([20, 16], 8, CPU).key_mask is None


def naive_attention(q, k, v, boundaries, longest):
    """Softmax attention, patch by patch, head by head."""
    out = torch.empty_like(q)
    for start, stop in itertools.pairwise(boundaries.tolist()):
        for head in range(q.shape[1]):
            rows = slice(start, stop)
            score = q[rows, head] @ k[rows, head].T * q.shape[2] ** -0.5
            out[rows, head] = score.softmax(dim=1) @ v[rows, head]
    return out


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_padded_attention_is_attention_patch_by_patch(sizes):
    """Forward and gradients in float64: both are the same sums, 1e-12 is rounding."""
    rng = torch.Generator().manual_seed(3)
    attention = PatchAttention(8, heads=2).double()
    feat = torch.randn(sum(sizes), 8, generator=rng, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(sum(sizes), 8, generator=rng, dtype=torch.float64)
    order = torch.cat(  # any order that keeps clouds together
        [s + torch.randperm(n, generator=rng) for s, n in zip(starts(sizes), sizes, strict=True)]
    )
    inverse = order.argsort()

    padded = lay_patches(partition_patches(sizes, 8, CPU), order, inverse)
    found = attention(feat, padded)

    ragged = lay_patches(partition_patches(sizes, 8, CPU, padded=False), order, inverse)
    qkv = attention.qkv(feat[ragged.member])
    expected = attend_ragged(qkv, 2, ragged.partition, naive_attention)
    expected = attention.proj(expected[ragged.slot])

    assert_close(found, expected, rtol=0, atol=1e-12)
    wrt = [feat, *attention.parameters()]
    grads = zip(
        torch.autograd.grad(found, wrt, upstream),
        torch.autograd.grad(expected, wrt, upstream),
        strict=True,
    )
    for grad, expected_grad in grads:
        assert_close(grad, expected_grad, rtol=0, atol=1e-12)


def kernel_by_loop(q, k, v, cu_seq_q, cu_seq_k, max_q, max_k):
    """What flash-attn and torch take, in their order."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert cu_seq_q.equal(cu_seq_k) and max_q == max_k == int(cu_seq_q.diff().max())
    return naive_attention(q, k, v, cu_seq_q, max_q)


@pytest.mark.parametrize("name", ["flash_attn", "torch_varlen"])
def test_ragged_kernels_are_called_as_they_expect(monkeypatch, name):
    """float64: padded and ragged are the same sums, 1e-12 is rounding."""
    monkeypatch.setattr(
        "pointins_engine.backbone.attention.is_installed",
        lambda module: name == "flash_attn" or module != "flash_attn",
    )
    if name == "flash_attn":
        module = types.SimpleNamespace(flash_attn_varlen_func=kernel_by_loop)
        monkeypatch.setitem(sys.modules, "flash_attn", module)
    else:
        monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", kernel_by_loop)
    sizes = [3, 20, 8, 0, 17]
    ragged, padded = (partition_patches(sizes, 8, CPU, padded=p) for p in (False, True))
    rng = torch.Generator().manual_seed(6)
    feat = torch.randn(sum(sizes), 24, generator=rng, dtype=torch.float64, requires_grad=True)
    found = attend_ragged(feat[ragged.position], 2, ragged, varlen_kernel(torch.device("cuda")))
    expected = attend_padded(feat[padded.position], 2, padded)
    found, expected = found[ragged.slot], expected[padded.slot]
    assert_close(found, expected, rtol=0, atol=1e-12)
    upstream = torch.randn(found.shape, generator=rng, dtype=torch.float64)
    grads = [torch.autograd.grad(out, feat, upstream)[0] for out in (found, expected)]
    assert_close(*grads, rtol=0, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("padded", [True, False])
def test_attention_on_a_gpu_equals_the_cpu(padded):
    """bfloat16 keeps 8 bits, so 2 % of the norm; float32 on the GPU is held to 1e-4."""
    sizes = [30, 700, 80, 0, 260]
    attention = PatchAttention(64, heads=4)
    rng = torch.Generator().manual_seed(7)
    feat = torch.randn(sum(sizes), 64, generator=rng)
    order = torch.arange(sum(sizes))
    exact = attention(feat, lay_patches(partition_patches(sizes, 128, CPU), order, order))
    there = torch.device("cuda")
    partition = partition_patches(sizes, 128, there, padded)
    patches = lay_patches(partition, order.to(there), order.to(there))
    attention = attention.to(there)
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=not padded):
        found = attention(feat.to(there), patches).float().cpu()
    bound = 1e-4 if padded else 0.02
    assert (found - exact).norm() / exact.norm() < bound


def starts(sizes: list[int]) -> list[int]:
    return [sum(sizes[:i]) for i in range(len(sizes))]


def test_a_point_sees_its_patch_only():
    attention = PatchAttention(8, heads=2)
    feat = torch.randn(20, 8, generator=torch.Generator().manual_seed(4), requires_grad=True)
    order = torch.arange(20)
    patches = lay_patches(partition_patches([20], 8, CPU), order, order)
    (grad,) = torch.autograd.grad(attention(feat, patches)[17].sum(), feat)
    seen = grad.abs().sum(dim=1).nonzero().flatten().tolist()
    assert seen == [12, 13, 14, 15, 16, 17, 18, 19]  # 12..15 are borrowed


@pytest.mark.parametrize(
    ("device", "dtype", "installed", "name"),
    [
        ("cpu", torch.bfloat16, {"flash_attn"}, "sdpa"),
        ("cuda", torch.bfloat16, {"flash_attn", "torch.nn.attention.varlen"}, "flash_attn"),
        ("cuda", torch.bfloat16, {"torch.nn.attention.varlen"}, "torch_varlen"),
        ("cuda", torch.bfloat16, set(), "sdpa"),
        ("cuda", torch.float32, {"flash_attn"}, "sdpa"),
    ],
)
def test_the_backend_follows_device_precision_and_installation(
    monkeypatch, device, dtype, installed, name
):
    monkeypatch.setattr(
        "pointins_engine.backbone.attention.is_installed", lambda module: module in installed
    )
    backend = attention_backend(device, dtype)
    assert backend.name == name
    assert backend.reason
