"""K-means finds plain clusters, keeps its promise about labels, and survives odd inputs."""

import pytest
import torch
from torch.nn.functional import normalize

from pointins_engine.objectives.kmeans import _average, kmeans


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def blobs():
    """Five directions with noise, and which row has which."""
    truth = torch.arange(5).repeat_interleave(200)
    centre = torch.randn(5, 32, generator=generator(1))
    return centre[truth] + 0.1 * torch.randn(1000, 32, generator=generator(2)), truth


@pytest.mark.parametrize("seed", range(5))
def test_blobs_are_found_from_any_seed(blobs, seed):
    feat, truth = blobs
    label, _ = kmeans(feat, 5, 10, generator(seed))
    pairs = torch.stack([label, truth], 1).unique(dim=0)
    assert len(pairs) == 5  # one label a blob and one blob a label


def test_every_row_has_the_label_of_its_nearest_centre():
    feat = torch.randn(700, 16, generator=generator())
    label, centre = kmeans(feat, 8, 3, generator(1))
    assert torch.equal(label, torch.cdist(normalize(feat, dim=1), centre).argmin(1))


def test_rounds_lower_the_distance_to_the_centres():
    feat = torch.randn(700, 16, generator=generator())
    spread = []
    for rounds in (0, 1, 5, 20):
        label, centre = kmeans(feat, 8, rounds, generator(1))
        spread.append((normalize(feat, dim=1) - centre[label]).square().sum().item())
    assert spread == sorted(spread, reverse=True)


def test_length_of_a_feature_does_not_matter(blobs):
    feat, _ = blobs
    stretched = feat * torch.rand(1000, 1, generator=generator(3)).add(0.5)
    labels = [kmeans(x, 5, 10, generator(4))[0] for x in (feat, stretched)]
    assert torch.equal(*labels)


def test_a_seed_reproduces_the_labels():
    feat = torch.randn(6000, 8, generator=generator())  # more rows than k-means++ looks at
    labels = [kmeans(feat, 20, 10, generator(seed))[0] for seed in (5, 5, 6)]
    assert torch.equal(labels[0], labels[1])
    assert not torch.equal(labels[0], labels[2])


def test_no_more_rows_than_clusters_gives_each_row_its_own():
    feat = torch.randn(3, 8, generator=generator())
    for count in (3, 2, 0):
        label, centre = kmeans(feat[:count], 3, 10, generator())
        assert torch.equal(label, torch.arange(count))
        torch.testing.assert_close(centre, normalize(feat[:count], dim=1))


def test_an_empty_cluster_restarts_at_the_farthest_rows():
    feat = torch.tensor([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [9.0, 0.0]])
    label = torch.tensor([0, 0, 0, 0])
    centre = _average(feat, label, distance=torch.tensor([0.0, 1.0, 25.0, 81.0]), num_clusters=3)
    torch.testing.assert_close(centre, torch.tensor([[3.75, 0.0], [9.0, 0.0], [5.0, 0.0]]))


def test_fewer_different_rows_than_clusters_is_no_trouble():
    feat = torch.eye(4).repeat(50, 1)
    label, centre = kmeans(feat, 10, 5, generator())
    assert len(label.unique()) == 4
    assert centre.isfinite().all()


def test_autocast_does_not_lower_the_precision(blobs):
    feat, _ = blobs
    plain, _ = kmeans(feat, 20, 10, generator(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, centre = kmeans(feat, 20, 10, generator(1))
    assert centre.dtype == torch.float32
    assert torch.equal(plain, cast)
