"""The random numbers of a step: they follow from seed, step and place in the batch alone.

Nothing is carried from step to step, so a resumed run draws what it would have drawn. What belongs
to a cloud is drawn from that cloud's own numbers, so a batch that is split over ranks or over
micro-batches draws what it would have drawn whole.
"""

import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch


@dataclass(frozen=True, slots=True)
class StepRandom:
    """Generators of one step, by purpose; each call starts the purpose's numbers anew."""

    seed: int
    step: int
    first_cloud: int = 0  # place of the batch's first cloud in the step's whole batch

    def shared(self, purpose: str) -> torch.Generator:
        """Numbers that all clouds of the step have in common, on every rank."""
        return _generator(self.seed, self.step, zlib.crc32(purpose.encode()))

    def clouds(self, purpose: str, count: int) -> list[torch.Generator]:
        """One generator for each of the batch's clouds."""
        name = zlib.crc32(purpose.encode())
        first = self.first_cloud
        return [
            # From 1: a trailing zero would leave the shared numbers.
            _generator(self.seed, self.step, name, cloud + 1)
            for cloud in range(first, first + count)
        ]

    def starting_at(self, cloud: int) -> "StepRandom":
        """The numbers of a part of the batch whose first cloud is `cloud`."""
        return replace(self, first_cloud=self.first_cloud + cloud)


def _generator(*entropy: int) -> torch.Generator:
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> 1))
