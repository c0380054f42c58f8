"""The divergence on the student's side is zero at the prior and leads there."""

import pytest
import torch

from pointins_engine.objectives.odr_divergence import prior_divergence
from pointins_engine.objectives.priors import Gamma, LogNormal
from tests.ranks import on_ranks

PRIOR = LogNormal(-1.0, 0.5)


def divergence(offset, prior=PRIOR, batch_index=None, batch_size=1, keep=None, **more):
    if batch_index is None:
        batch_index = torch.zeros(len(offset), dtype=torch.int64)
    if keep is None:
        keep = torch.ones(len(offset), dtype=torch.bool)
    return prior_divergence(offset, batch_index, batch_size, prior, keep, **more)


def draw(count, prior=PRIOR, seed=0):
    """Offsets with lengths of the prior and directions uniform on the sphere."""
    rng = torch.Generator().manual_seed(seed)
    direction = torch.nn.functional.normalize(torch.randn(count, 3, generator=rng), dim=1)
    length = prior.midpoint_quantiles(count)[torch.randperm(count, generator=rng)]
    return direction * length[:, None]


@pytest.mark.parametrize("prior", [PRIOR, Gamma(0.24, 2.53)], ids=["lognormal", "gamma"])
def test_offsets_drawn_from_the_prior_have_none(prior):
    """3,000 directions leave sampling noise of about bins / (2 n) an axis."""
    assert divergence(draw(3000, prior), prior).item() < 0.02


def test_wrong_lengths_and_one_sided_directions_cost():
    offset = draw(3000)
    assert divergence(offset * 0.3).item() > 0.3
    assert divergence(offset.abs()).item() > 0.3


def test_descent_brings_offsets_to_the_prior():
    rng = torch.Generator().manual_seed(1)
    offset = (0.05 * torch.randn(400, 3, generator=rng) + 0.1).requires_grad_()
    first = divergence(offset).item()
    optimizer = torch.optim.Adam([offset], lr=0.04)
    for _ in range(70):
        optimizer.zero_grad()
        divergence(offset).backward()
        optimizer.step()
    assert divergence(offset).item() < 0.1 * first


def test_the_gradient_is_finite_for_zero_offsets():
    offset = torch.zeros(5, 3, requires_grad=True)
    divergence(offset).backward()
    assert offset.grad.isfinite().all()


def test_rows_left_out_and_clouds_without_rows_do_not_count():
    offset = draw(300)
    index = torch.tensor([0] * 200 + [2] * 100)
    keep = torch.arange(300) < 150
    found = divergence(offset, batch_index=index, batch_size=3, keep=keep)
    torch.testing.assert_close(found, divergence(offset[:150]))


def test_the_shares_of_ranks_sum_to_the_value_of_one():
    offset = draw(300)
    index = torch.tensor([0] * 200 + [1] * 60 + [2] * 40)
    whole = divergence(offset, batch_index=index, batch_size=3)

    def share(world):
        rows = (slice(0, 200), slice(200, 300))[world.rank]
        return divergence(offset[rows], batch_index=index[rows], batch_size=3, world=world)

    torch.testing.assert_close(sum(on_ranks(2, share)), whole)
