"""Random numbers follow from seed, step, purpose and place, and from nothing else."""

import torch

from pointins_engine.randomness import StepRandom


def numbers(generator: torch.Generator) -> list[float]:
    return torch.rand(4, generator=generator).tolist()


def test_the_same_seed_step_and_purpose_give_the_same_numbers():
    assert numbers(StepRandom(3, 7).shared("curves")) == numbers(StepRandom(3, 7).shared("curves"))


def test_another_seed_step_purpose_or_cloud_gives_others():
    base = StepRandom(3, 7)
    drawn = [
        numbers(base.shared("curves")),
        numbers(base.shared("weights")),
        numbers(StepRandom(4, 7).shared("curves")),
        numbers(StepRandom(3, 8).shared("curves")),
        *map(numbers, base.clouds("curves", 2)),
    ]
    assert len({tuple(row) for row in drawn}) == len(drawn)


def test_a_part_of_a_batch_draws_what_the_whole_batch_draws_for_it():
    base = StepRandom(0, 1)
    whole = list(map(numbers, base.clouds("odr", 6)))
    parts = [*base.clouds("odr", 2), *base.starting_at(2).clouds("odr", 4)]
    assert list(map(numbers, parts)) == whole
    assert numbers(base.starting_at(2).shared("curves")) == numbers(base.shared("curves"))
