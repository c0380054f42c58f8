"""Ranks without processes: threads that meet at every reduction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from pointins_engine.world import World


@dataclass
class _Table:
    """Where the ranks lay down what is reduced or shared."""

    barrier: Barrier
    values: list[Any]


@dataclass(frozen=True, slots=True)
class ThreadWorld(World):
    table: Any = field(default=None, compare=False, repr=False)

    def _reduced(self, value: Tensor, operation: "dist.ReduceOp.RedOpType") -> Tensor:
        self.table.values[self.rank] = value.detach().clone()
        self.table.barrier.wait()
        values = torch.stack(list(self.table.values))
        self.table.barrier.wait()
        return values.sum(0) if operation == dist.ReduceOp.SUM else values.amax(0)

    def share(self, value: Any) -> Any:
        self.table.values[self.rank] = value
        self.table.barrier.wait()
        given = self.table.values[0]
        self.table.barrier.wait()
        return given


def on_ranks(size: int, work: Callable[[World], Any]) -> list[Any]:
    """What `work` gives on each of `size` ranks. A rank that fails ends the others."""
    table = _Table(Barrier(size, timeout=20), [None] * size)

    def run(rank: int) -> Any:
        try:
            return work(ThreadWorld(rank=rank, size=size, table=table))
        except BaseException:
            table.barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        return [future.result() for future in [pool.submit(run, rank) for rank in range(size)]]
