"""K-means finds plain clusters, keeps its promise about labels, and survives odd inputs."""

import pytest
import torch
from torch.nn.functional import normalize

from pointins_engine.objectives import kmeans as module
from pointins_engine.objectives.kmeans import kmeans


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def of_one_cloud(feat, num_clusters, iterations, rng, **options):
    """Labels and centres (K, C) of a single cloud."""
    rows = torch.arange(len(feat))
    label, centre = kmeans(feat, [rows], num_clusters, iterations, [rng], **options)
    return label, centre[0]


@pytest.fixture
def blobs():
    """Five directions with noise, and which row has which."""
    truth = torch.arange(5).repeat_interleave(200)
    centre = torch.randn(5, 32, generator=generator(1))
    return centre[truth] + 0.1 * torch.randn(1000, 32, generator=generator(2)), truth


@pytest.mark.parametrize("seed", range(5))
def test_blobs_are_found_from_any_seed(blobs, seed):
    feat, truth = blobs
    label, _ = of_one_cloud(feat, 5, 10, generator(seed))
    pairs = torch.stack([label, truth], 1).unique(dim=0)
    assert len(pairs) == 5  # one label a blob and one blob a label


def test_every_row_has_the_label_of_its_nearest_centre():
    feat = torch.randn(700, 16, generator=generator())
    label, centre = of_one_cloud(feat, 8, 3, generator(1))
    assert torch.equal(label, torch.cdist(normalize(feat, dim=1), centre).argmin(1))


def test_rounds_lower_the_distance_to_the_centres():
    feat = torch.randn(700, 16, generator=generator())
    spread = []
    for rounds in (0, 1, 5, 20):
        label, centre = of_one_cloud(feat, 8, rounds, generator(1))
        spread.append((normalize(feat, dim=1) - centre[label]).square().sum().item())
    assert spread == sorted(spread, reverse=True)


def test_length_of_a_feature_does_not_matter(blobs):
    feat, _ = blobs
    stretched = feat * torch.rand(1000, 1, generator=generator(3)).add(0.5)
    labels = [of_one_cloud(x, 5, 10, generator(4))[0] for x in (feat, stretched)]
    assert torch.equal(*labels)


def test_a_seed_reproduces_the_labels():
    feat = torch.randn(6000, 8, generator=generator())  # more rows than k-means++ looks at
    labels = [of_one_cloud(feat, 20, 10, generator(seed))[0] for seed in (5, 5, 6)]
    assert torch.equal(labels[0], labels[1])
    assert not torch.equal(labels[0], labels[2])


def test_no_more_rows_than_clusters_gives_each_row_its_own():
    feat = torch.randn(3, 8, generator=generator())
    for count in (3, 2, 0):
        label, centre = of_one_cloud(feat[:count], 3, 10, generator())
        assert torch.equal(label, torch.arange(count))
        torch.testing.assert_close(centre[:count], normalize(feat[:count], dim=1))
        assert (centre[count:] == 0).all()


def three_clouds(channels=16):
    """Uneven clouds with rows of nobody between them, one cloud too small to be cut, one empty."""
    owner = torch.tensor([0, 1, -1, 2, 1, 0, 1]).repeat(130)[:900]
    owner[owner == 2] = torch.where(torch.arange(900)[owner == 2] < 30, 2, -1)
    kind = torch.arange(900) % 11
    feat = torch.randn(11, channels, generator=generator(1))[kind]
    feat = feat + 0.05 * torch.randn(900, channels, generator=generator(2))
    return feat, [(owner == cloud).nonzero()[:, 0] for cloud in range(4)]


@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("seed_rows", [100, 4096])
def test_all_clouds_at_once_are_cut_like_one_by_one(monkeypatch, unit, seed_rows):
    monkeypatch.setattr(module, "SEED_ROWS", seed_rows)
    feat, clouds = three_clouds()
    assert [len(rows) for rows in clouds] == [257, 385, 4, 0]
    found, expected = (
        kmeans(
            feat, clouds, 6, 10, [generator(n) for n in range(4)], normalize=unit, together=together
        )
        for together in (True, False)
    )
    assert torch.equal(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1])
    for cloud, rows in enumerate(clouds[:3]):
        alone = of_one_cloud(feat[rows], 6, 10, generator(cloud), normalize=unit)
        assert torch.equal(found[0][rows], alone[0])
    assert (found[0] == -1).sum() == 900 - 257 - 385 - 4


def test_without_normalisation_length_decides():
    feat = torch.cat([torch.full((50, 4), 0.1), torch.full((50, 4), 3.0)])
    feat = feat + 0.01 * torch.randn(100, 4, generator=generator())
    label, centre = of_one_cloud(feat, 2, 10, generator(1), normalize=False)
    assert len(label[:50].unique()) == len(label[50:].unique()) == 1
    assert label[0] != label[50]
    torch.testing.assert_close(centre[label[0]], feat[:50].mean(0))


def test_sums_by_product_and_by_index_agree():
    feat = torch.randn(2, 50, 3, generator=generator())
    number = torch.randint(0, 6, (2, 50), generator=generator(1))  # 5 is nobody's
    points = module._Points.of(feat, number < 5)
    by_index = module._sums_by_index(points, number, 5)
    by_product = module._sums_by_product(points, number, 5)
    torch.testing.assert_close(by_index[0], by_product[0])
    assert torch.equal(by_index[1], by_product[1].long())
    assert by_index[1].sum() == (number < 5).sum()


def test_an_empty_cluster_restarts_at_the_farthest_rows():
    """The first cloud has two empty clusters; the second has none, and a row of padding."""
    feat = torch.tensor([[[0.0, 0], [1, 0], [5, 0], [9, 0]], [[0.0, 0], [1, 0], [2, 0], [0, 0]]])
    exists = torch.tensor([[True] * 4, [True] * 3 + [False]])
    number = torch.tensor([[0, 0, 0, 0], [0, 1, 2, 2]])
    distance = torch.tensor([[0.0, 1, 25, 81], [0, 0, 0, 7]])
    centre = module._average(module._Points.of(feat, exists), number, distance, num_clusters=3)
    expected = [[[3.75, 0], [9, 0], [5, 0]], [[0, 0], [1, 0], [2, 0]]]
    torch.testing.assert_close(centre, torch.tensor(expected))


def test_fewer_different_rows_than_clusters_is_no_trouble():
    feat = torch.eye(4).repeat(50, 1)
    label, centre = of_one_cloud(feat, 10, 5, generator())
    assert len(label.unique()) == 4
    assert centre.isfinite().all()


def test_autocast_does_not_lower_the_precision(blobs):
    feat, _ = blobs
    plain, _ = of_one_cloud(feat, 20, 10, generator(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, centre = of_one_cloud(feat, 20, 10, generator(1))
    assert centre.dtype == torch.float32
    assert torch.equal(plain, cast)
