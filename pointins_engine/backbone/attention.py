"""Self-attention inside patches of consecutive points along a space-filling curve.

A patch is a row of `patch_size` points. The last patch of a long cloud borrows points of the patch
before it; borrowed copies attend and are attended to, but what comes out for them is dropped.

N points, P patches, K points of a patch, T points of all patches together, C channels, H heads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from pointins_engine.backbone.backends import Backend, is_installed
from pointins_engine.upload import upload

# (q, k, v) as (T, H, D), cumulated patch lengths (P + 1,) int32, longest patch -> (T, H, D)
VarlenKernel = Callable[[Tensor, Tensor, Tensor, Tensor, int], Tensor]


def attention_backend(device: torch.device | str, dtype: torch.dtype = torch.bfloat16) -> Backend:
    """The attention that runs on `device` for activations of `dtype`."""
    if torch.device(device).type != "cuda":
        return Backend("sdpa", "padded patches; the kernels for ragged patches need CUDA")
    if dtype == torch.float32:
        return Backend("sdpa", "padded patches; ragged kernels take 16 bits, dtype is float32")
    if is_installed("flash_attn"):
        return Backend("flash_attn", "flash-attn is installed")
    if is_installed("torch.nn.attention.varlen"):
        return Backend("torch_varlen", "flash-attn is not installed, torch has its own kernel")
    return Backend("sdpa", "padded patches; neither flash-attn nor torch's varlen kernel is there")


@dataclass(frozen=True, kw_only=True, slots=True)
class PatchPartition:
    """Which sorted positions sit in which patch; the same for every curve of a stage.

    Padded (SDPA): T = P * K, short patches are filled up and masked. Ragged (varlen kernels): T is
    the sum of the patch lengths.
    """

    position: Int[Tensor, " t"]  # sorted position of each member, patch after patch
    slot: Int[Tensor, " n"]  # member that computes the output of each sorted position
    boundaries: Int[Tensor, " p1"]  # cumulated patch lengths, int32, leading 0
    longest: int  # K, points of the largest patch
    key_mask: Bool[Tensor, "p 1 1 k"] | None  # False hides padding; None when there is none
    padded: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Patches:
    """A partition laid along one curve: members by row of the feature tensor."""

    member: Int[Tensor, " t"]  # row of each member
    slot: Int[Tensor, " n"]  # member that computes the output of each row
    partition: PatchPartition


def partition_patches(
    cloud_sizes: list[int], patch_size: int, device: torch.device, padded: bool = True
) -> PatchPartition:
    """Cut sorted clouds into patches.

    A cloud of n <= K points is one patch of n. A longer one has ceil(n / K) patches of K; the last
    holds the r = n mod K points that are left, then the members r..K-1 of the patch before.

    Args:
        cloud_sizes: Points of each cloud; empty clouds have no patch.
        patch_size: K.
        device: Where the index tensors go.
        padded: Fill patches up to the longest one of the batch; never longer than needed.

    Source:
        PTv3 Sec. 4.2. Departure: PTv3 without flash-attn shrinks K to the smallest cloud of the
        batch; here a small cloud keeps its own patch behind a mask and the others keep theirs.
    """
    num_points, lengths = sum(cloud_sizes), []
    clouds = []  # points, members, first point, first member
    start = num_members = 0
    for size in cloud_sizes:
        full = [patch_size] * -(-size // patch_size) if size > patch_size else [size]
        lengths += [length for length in full if length > 0]
        clouds.append([size, sum(full), start, num_members])
        start, num_members = start + size, num_members + sum(full)
    longest = max(lengths)

    size, members, start, first = upload(torch.tensor(clouds), device).unbind(dim=1)
    boundaries = upload(torch.tensor([0, *accumulate(lengths)], dtype=torch.int32), device)
    # Repeats of known total: the device is not asked for their number.
    shift = (first - start).repeat_interleave(size, output_size=num_points)
    slot = torch.arange(num_points, device=device) + shift
    member = torch.arange(num_members, device=device)
    is_borrowed = member >= (first + size).repeat_interleave(members, output_size=num_members)
    shift = (start - first).repeat_interleave(members, output_size=num_members)
    position = member + shift - patch_size * is_borrowed
    key_mask = None
    if padded and min(lengths) < longest:
        length = boundaries.diff()
        place = torch.arange(longest, device=device)
        filled = place < length[:, None]  # (P, K)
        # Padding repeats a patch's first member, whose features are finite; the mask hides it.
        position = position[(boundaries[:-1, None] + place * filled).flatten()]
        before = torch.arange(len(lengths), device=device) * longest - boundaries[:-1]
        slot = slot + before.repeat_interleave(length, output_size=num_members)[slot]
        key_mask = filled[:, None, None, :]
    return PatchPartition(
        position=position,
        slot=slot,
        boundaries=boundaries,
        longest=longest,
        key_mask=key_mask,
        padded=padded,
    )


def lay_patches(
    partition: PatchPartition, order: Int[Tensor, " n"], inverse: Int[Tensor, " n"]
) -> Patches:
    """Patches of one curve, from the rows of `serialize`."""
    return Patches(
        member=order[partition.position], slot=partition.slot[inverse], partition=partition
    )


class PatchAttention(nn.Module):
    """Multi-head self-attention of every patch on its own; no positional bias."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, feat: Float[Tensor, "n c"], patches: Patches) -> Float[Tensor, "n c"]:
        partition = patches.partition
        # Gathering C channels before the projection beats gathering 3 C after it.
        qkv = self.qkv(feat.index_select(0, patches.member))  # (T, 3 C)
        if partition.padded:
            attended = attend_padded(qkv, self.heads, partition)
        else:
            attended = attend_ragged(qkv, self.heads, partition, varlen_kernel(qkv.device))
        return self.proj(attended.index_select(0, patches.slot))


def attend_padded(
    qkv: Float[Tensor, "t c3"], heads: int, partition: PatchPartition
) -> Float[Tensor, "t c"]:
    """Attention inside padded patches of equal length, padding hidden by the key mask."""
    packed = qkv.view(-1, partition.longest, 3, heads, qkv.shape[1] // 3 // heads)
    q, k, v = packed.permute(2, 0, 3, 1, 4)  # (P, H, K, D) each
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=partition.key_mask)
    return attended.transpose(1, 2).reshape(len(qkv), -1)


def attend_ragged(
    qkv: Float[Tensor, "t c3"], heads: int, partition: PatchPartition, kernel: VarlenKernel
) -> Float[Tensor, "t c"]:
    """Attention inside patches of unequal length by a kernel that takes their boundaries."""
    q, k, v = qkv.view(len(qkv), 3, heads, -1).unbind(dim=1)  # (T, H, D) each
    attended = kernel(q, k, v, partition.boundaries, partition.longest)
    return attended.reshape(len(qkv), -1)


def varlen_kernel(device: torch.device) -> VarlenKernel:
    """The kernel for ragged patches that `attention_backend` names for 16-bit activations."""
    if attention_backend(device).name == "flash_attn":
        from flash_attn import flash_attn_varlen_func  # type: ignore[import-not-found]

        kernel = flash_attn_varlen_func
    else:
        from torch.nn.attention.varlen import varlen_attn

        kernel = varlen_attn

    def attend(q: Tensor, k: Tensor, v: Tensor, boundaries: Tensor, longest: int) -> Tensor:
        # Both take (q, k, v, boundaries of q, boundaries of k, longest q, longest k).
        attended = kernel(q, k, v, boundaries, boundaries, longest, longest)
        assert isinstance(attended, Tensor), "the kernel was not asked for auxiliary outputs"
        return attended

    return attend
