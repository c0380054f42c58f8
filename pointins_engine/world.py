"""The ranks that train together. Alone, every reduction is the identity.

A batch is split over ranks by scenes. Whatever the method normalises over the batch (Sinkhorn,
softmaps, the mean of the offset loss) is reduced here, so that n ranks of b scenes give the losses
of one rank of n * b.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pointins_engine.notices import Notices

BUCKET = 1 << 24  # numbers of a gradient that are summed in one go, 64 MB


@dataclass(frozen=True, slots=True)
class World:
    """Which rank this process is, and how many there are."""

    rank: int = 0
    size: int = 1
    notices: Notices | None = field(default=None, compare=False, repr=False)

    @property
    def is_main(self) -> bool:
        """True on the one rank that writes."""
        return self.rank == 0

    @torch.no_grad()
    def sum(self, value: Tensor) -> Tensor:
        """Sum over the ranks, without gradient; float64 stays float64."""
        return self._reduced(value, dist.ReduceOp.SUM)

    @torch.no_grad()
    def max(self, value: Tensor) -> Tensor:
        """Largest value over the ranks, without gradient."""
        return self._reduced(value, dist.ReduceOp.MAX)

    def logsumexp(self, value: Tensor) -> Tensor:
        """`logsumexp` over the rows of all ranks, column by column.

        The gradient reaches this rank's rows; each rank sees to its own.
        """
        own = value.logsumexp(0) if len(value) else value.new_full(value.shape[1:], -torch.inf)
        if self.size == 1:
            return own
        highest = self.max(own.detach())
        # A column without a row on any rank stays at minus infinity.
        anchor = torch.where(highest.isfinite(), highest, 0.0)
        share = (own - anchor).exp()
        total = share + (self.sum(share) - share.detach())  # value of all, gradient of our own
        return total.log() + anchor

    @torch.no_grad()
    def gather(self, value: Tensor) -> tuple[Tensor, slice]:
        """Rows of all ranks, rank after rank, and where this rank's are; no gradient.

        Reads the numbers of rows back.
        """
        if self.size == 1:
            return value.detach(), slice(0, len(value))
        counts = value.new_zeros(self.size, dtype=torch.int64)
        counts[self.rank] = len(value)
        lengths = self.sum(counts).tolist()
        first = sum(lengths[: self.rank])
        own = slice(first, first + len(value))
        whole = value.new_zeros(sum(lengths), *value.shape[1:])
        whole[own] = value.detach()
        return self.sum(whole), own

    def any(self, flag: bool) -> bool:
        """Whether it is so on any rank. Reduced on the host, so no GPU is waited for."""
        return self.each(flag)[0]

    def each(self, *flags: bool) -> list[bool]:
        """Of several flags, each as `any`, in one exchange."""
        if self.size == 1:
            return list(flags)
        return [bool(flag) for flag in self.max(torch.tensor(flags, dtype=torch.uint8)).tolist()]

    def share(self, value: Any) -> Any:
        """What rank 0 gives, on all ranks; anything that JSON can hold."""
        return value if self.notices is None else self.notices.share(value)

    def agrees(self, value: Tensor) -> bool:
        """Whether all ranks hold the same numbers, bit for bit; reads them back."""
        return self.size == 1 or bool((self.max(value) == -self.max(-value)).all())

    @torch.no_grad()
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Gradients become those of the whole batch, the same on every rank.

        A parameter without a gradient on any rank stays without one, so the optimiser leaves it
        alone as it would on one rank.
        """
        if self.size == 1:
            return
        chosen = list(parameters)
        reached = torch.tensor([p.grad is not None for p in chosen], dtype=torch.uint8)
        bucket: list[Tensor] = []
        for parameter, is_reached in zip(chosen, self.max(reached).tolist(), strict=True):
            if not is_reached:
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            bucket.append(parameter.grad)
            if sum(grad.numel() for grad in bucket) >= BUCKET:
                self._sum_bucket(bucket)
                bucket = []
        self._sum_bucket(bucket)

    def _sum_bucket(self, gradients: list[Tensor]) -> None:
        if not gradients:
            return
        whole = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = whole.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def _reduced(self, value: Tensor, operation: "dist.ReduceOp.RedOpType") -> Tensor:
        if self.size == 1:
            return value.detach()
        reduced = value.detach().clone()
        dist.all_reduce(reduced, operation)
        return reduced


ALONE = World()
