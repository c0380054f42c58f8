"""Zipf-Sinkhorn agrees with a plain loop in double precision and keeps its marginals."""

import numpy as np
import pytest
import torch

from pointins_engine.objectives.sinkhorn import zipf_prior, zipf_sinkhorn


@pytest.fixture
def similarity():
    """Cosines of 300 points and 16 prototypes."""
    rng = torch.Generator().manual_seed(0)
    unit = torch.nn.functional.normalize(torch.randn(316, 12, generator=rng), dim=1)
    return unit[:300] @ unit[300:].T


def balanced_by_loop(similarity, temp, prior, iterations):
    """The definition, row by row and column by column, without logarithms."""
    q = np.exp(similarity.double().numpy() / temp)
    n, num_prototypes = q.shape
    for _ in range(iterations):
        for i in range(n):
            q[i] /= q[i].sum() * n
        for k in range(num_prototypes):
            q[:, k] *= prior[k].item() / q[:, k].sum()
    return q / q.sum(0)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 1.3, 2.0])
def test_agrees_with_the_loop(similarity, alpha):
    prior = zipf_prior(16, alpha)
    found = zipf_sinkhorn(similarity, 0.04, prior, 3)
    expected = balanced_by_loop(similarity, 0.04, prior, 3)
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-4, atol=1e-7)  # float32


def test_every_prototype_is_a_distribution_over_points(similarity):
    softmap = zipf_sinkhorn(similarity, 0.04, zipf_prior(16, 1.3), 3)
    torch.testing.assert_close(softmap.sum(0), torch.ones(16), rtol=0, atol=1e-5)


def test_after_convergence_both_marginals_hold(similarity):
    prior = zipf_prior(16, 1.3)
    softmap = zipf_sinkhorn(similarity, 0.1, prior, 200)
    rows = (softmap * prior).sum(1)  # undo the last scaling: column k carries prior[k]
    torch.testing.assert_close(rows * 300, torch.ones(300), rtol=0, atol=1e-4)


def test_alpha_zero_gives_equal_shares():
    torch.testing.assert_close(zipf_prior(5, 0.0), torch.full((5,), 0.2))


@pytest.mark.parametrize(
    ("alpha", "first", "perplexity"), [(0.1, 0.00176, 1018), (1.3, 0.2845, 42.9), (2.0, 0.608, 5.1)]
)
def test_shares_of_1024_prototypes(alpha, first, perplexity):
    prior = zipf_prior(1024, alpha).double()
    assert prior[0].item() == pytest.approx(first, rel=0.02)
    assert (-(prior * prior.log()).sum()).exp().item() == pytest.approx(perplexity, rel=0.02)


def test_large_shares_come_out_as_wide_maps(similarity):
    symmetric = similarity[:, :1].expand(-1, 2) + torch.tensor([0.0, 1e-3])
    softmap = zipf_sinkhorn(
        torch.cat([symmetric, similarity[:, 1:]], 1), 0.1, zipf_prior(17, 1.3), 3
    )
    entropy = -(softmap * softmap.log()).sum(0)
    assert entropy[0] > entropy[8:].mean()


def test_order_of_points_does_not_matter(similarity):
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    prior = zipf_prior(16, 1.3)
    torch.testing.assert_close(
        zipf_sinkhorn(similarity[order], 0.04, prior, 3),
        zipf_sinkhorn(similarity, 0.04, prior, 3)[order],
        rtol=1e-4,
        atol=1e-8,
    )


def test_low_temperature_in_bfloat16_stays_finite(similarity):
    softmap = zipf_sinkhorn(similarity.bfloat16() * 0.99, 0.02, zipf_prior(16, 1.3), 3)
    assert softmap.dtype == torch.float32
    assert softmap.isfinite().all()


def test_cloud_scope_balances_each_cloud_by_itself(similarity):
    prior = zipf_prior(16, 1.3)
    batch_index = torch.tensor([0] * 100 + [2] * 200)  # cloud 1 has no matched point
    softmap = zipf_sinkhorn(similarity, 0.04, prior, 3, batch_index, batch_size=3)
    torch.testing.assert_close(softmap[:100], zipf_sinkhorn(similarity[:100], 0.04, prior, 3))
    torch.testing.assert_close(softmap[100:], zipf_sinkhorn(similarity[100:], 0.04, prior, 3))


def test_the_input_is_left_alone_and_carries_no_gradient(similarity):
    before = similarity.clone()
    softmap = zipf_sinkhorn(similarity.requires_grad_(), 0.04, zipf_prior(16, 1.3), 3)
    assert not softmap.requires_grad
    assert torch.equal(similarity, before)
