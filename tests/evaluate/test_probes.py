"""Probes of frozen features against known answers and against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from pointins_engine.evaluate.neighbours import nearest_classes, neighbour_accuracy
from pointins_engine.evaluate.separability import fit_linear_probe, separability


@pytest.fixture
def blobs():
    """Three classes of 200 rows in eight dimensions that overlap a little."""
    rng = torch.Generator().manual_seed(0)
    label = torch.arange(600) % 3
    middle = torch.randn(3, 8, generator=rng)
    return middle[label] + 0.8 * torch.randn(600, 8, generator=rng), label


def test_neighbours_vote_as_written_out(blobs):
    feat, label = blobs
    bank, query = slice(0, 500), slice(500, 600)
    found = nearest_classes(feat[bank], label[bank], feat[query], num_neighbours=5)
    search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(feat[bank].numpy())
    distance, row = search.kneighbors(feat[query].numpy())
    votes = np.zeros((100, 3))
    for k in range(5):
        votes[np.arange(100), label[bank].numpy()[row[:, k]]] += np.exp((1 - distance[:, k]) / 0.07)
    assert np.array_equal(found.numpy(), votes.argmax(axis=1))


def test_length_does_not_matter_to_neighbours(blobs):
    feat, label = blobs
    longer = feat * torch.linspace(0.1, 10, len(feat))[:, None]
    first = nearest_classes(feat[:500], label[:500], feat[500:])
    assert torch.equal(first, nearest_classes(longer[:500], label[:500], longer[500:]))


def test_rows_without_label_take_no_part(blobs):
    feat, label = blobs
    hidden = torch.where(torch.arange(600) % 5 == 0, -1, label)
    seen = hidden >= 0
    everywhere = neighbour_accuracy(feat, hidden, feat, hidden)
    assert everywhere == neighbour_accuracy(feat[seen], label[seen], feat[seen], label[seen])
    assert np.isnan(neighbour_accuracy(feat, torch.full_like(label, -1), feat, label))
    probe = fit_linear_probe(feat, hidden)
    assert torch.equal(probe.weight, fit_linear_probe(feat[seen], label[seen]).weight)
    assert separability(probe, feat, hidden) == separability(probe, feat[seen], label[seen])


def test_the_linear_probe_agrees_with_scikit_learn(blobs):
    feat, label = blobs
    probe = fit_linear_probe(feat[:500], label[:500])
    standard = (feat - feat[:500].mean(0)) / feat[:500].std(0)
    # Its loss is summed over rows, ours is their mean: C = 1 / (decay * rows).
    other = LogisticRegression(C=1 / (1e-4 * 500), tol=1e-8, max_iter=1000)
    other.fit(standard[:500].numpy(), label[:500].numpy())
    # Both stop short of the optimum by their own tolerance.
    np.testing.assert_allclose(probe.weight.numpy(), other.coef_, atol=0.02)
    assert np.array_equal(probe.classes(feat).numpy(), other.predict(standard.numpy()))


def test_a_constant_feature_does_no_harm(blobs):
    feat, label = blobs
    padded = torch.cat([feat, torch.ones(600, 1)], dim=1)
    assert torch.equal(
        fit_linear_probe(padded, label).classes(padded), fit_linear_probe(feat, label).classes(feat)
    )


def test_separability_counts_by_hand():
    label = torch.tensor([0, 0, 0, 1, 1, 2])
    probe = fit_linear_probe(torch.eye(3)[label], label)
    asked = torch.tensor([0, 0, 1, 1, 1, -1])
    shown = torch.eye(3)[torch.tensor([0, 1, 1, 1, 2, 2])]
    found = separability(probe, shown, asked)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.miou == pytest.approx((1 / 2 + 2 / 4) / 2)  # class 2 does not occur
