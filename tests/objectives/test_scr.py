"""SCR finds the instances that votes and features tell apart, and says what it left out."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pointins_engine.config import OdrConfig, ScrConfig
from pointins_engine.objectives import components, scr
from pointins_engine.objectives import kmeans as kmeans_module
from pointins_engine.objectives.odr import regularize_offsets
from pointins_engine.objectives.priors import Gamma
from pointins_engine.objectives.scr import spatial_clustering
from pointins_engine.objectives.scr_statistics import scr_statistics

# One segment in the feature space, so that only votes decide. Links of 0.3 m.
PLAIN = ScrConfig(grouping="paper", num_segments=2, num_neighbours=20, link_radius=0.3, min_size=10)
GROUPINGS = [
    PLAIN,
    replace(PLAIN, grouping="robust", core_neighbours=4, attach_radius=0.3),
    replace(PLAIN, grouping="affinity", core_neighbours=4, attach_radius=0.3, min_cosine=-1.0),
]
each_grouping = pytest.mark.parametrize("config", GROUPINGS, ids=lambda config: config.grouping)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def blob(centre, count=60, seed=0):
    """Points within 0.2 m of a centre."""
    return torch.tensor(centre) + 0.4 * (torch.rand(count, 3, generator=generator(seed)) - 0.5)


def cluster(coord, config, feat=None, offset=None, batch_index=None, is_plane=None, **kwargs):
    count = len(coord)
    batch_index = torch.zeros(count, dtype=torch.int64) if batch_index is None else batch_index
    batch_size = int(batch_index.max()) + 1 if count else 1
    return spatial_clustering(
        coord,
        torch.zeros_like(coord) if offset is None else offset,
        torch.ones(count, 4) if feat is None else feat,
        batch_index,
        batch_size,
        torch.zeros(count, dtype=torch.bool) if is_plane is None else is_plane,
        config,
        [generator(1) for _ in range(batch_size)],
        **kwargs,
    )


def same_partition(a, b):
    """Whether two labellings split the rows alike, -1 being the rest."""
    pairs = torch.stack([a, b], 1).unique(dim=0)
    return len(pairs) == len(a.unique()) == len(b.unique()) and bool(((a < 0) == (b < 0)).all())


@each_grouping
def test_two_blobs_of_one_segment_are_two_instances(config):
    coord = torch.cat([blob([0.0, 0, 0]), blob([2.0, 0, 0], seed=1)])
    found = cluster(coord, config)
    assert found.pseudo_instance.tolist() == [0] * 60 + [1] * 60
    assert found.size.tolist() == [60, 60]
    torch.testing.assert_close(found.centroid, coord.reshape(2, 60, 3).mean(1))
    assert found.valid.all()


@each_grouping
def test_a_bridge_of_votes_makes_them_one(config):
    bridge = torch.zeros(100, 3)
    bridge[:, 0] = torch.linspace(0, 2, 100)
    coord = torch.cat([blob([0.0, 0, 0]), blob([2.0, 0, 0], seed=1), bridge])
    assert cluster(coord, config).pseudo_instance.eq(0).all()


def test_a_thin_bridge_merges_links_but_not_cores():
    thin = torch.zeros(9, 3)
    thin[:, 0] = torch.linspace(0.2, 1.8, 9)  # links of 0.2 m, two a point
    coord = torch.cat([blob([0.0, 0, 0]), blob([2.0, 0, 0], seed=1), thin])
    paper, robust, affinity = (cluster(coord, config) for config in GROUPINGS)
    assert len(paper.size) == 1
    assert len(robust.size) == len(affinity.size) == 2


def test_a_cell_between_two_objects_joins_one_and_merges_none():
    x = torch.tensor([-0.2] * 9 + [0.0, 0.24, 0.5] + [0.7] * 9)  # two links reach the one between
    coord = torch.stack([x, torch.linspace(0, 0.02, 21), torch.zeros(21)], 1)
    paper, robust, affinity = (cluster(coord, config) for config in GROUPINGS)
    assert paper.size.tolist() == [21]
    assert robust.size.tolist() == affinity.size.tolist() == [11, 10]


@each_grouping
def test_a_component_below_the_minimum_is_ignored(config):
    coord = torch.cat([blob([0.0, 0, 0], count=9), blob([2.0, 0, 0], count=10, seed=1)])
    found = cluster(coord, config)
    assert found.pseudo_instance.tolist() == [-1] * 9 + [0] * 10
    assert found.valid.tolist() == [False] * 9 + [True] * 10
    assert (found.target[:9] == 0).all()


@each_grouping
def test_votes_decide_not_positions(config):
    coord = blob([0.0, 0, 0], count=120)
    left = torch.arange(120) % 2 == 0
    offset = torch.where(left[:, None], -1.0, 1.0) * torch.tensor([1.0, 0, 0])
    found = cluster(coord, config, offset=offset)
    assert same_partition(found.pseudo_instance, left.long())


@each_grouping
@pytest.mark.parametrize("centroid", ["points", "votes"])
def test_targets_of_an_instance_meet_in_its_centroid(config, centroid):
    coord = torch.cat([blob([0.0, 0, 0]), blob([2.0, 0, 0], seed=1)])
    offset = 0.05 * torch.randn(120, 3, generator=generator(2)) + torch.tensor([0.0, 0, 0.5])
    found = cluster(coord, replace(config, centroid=centroid), offset=offset)
    averaged = coord if centroid == "points" else coord + offset
    for number in range(2):
        member = found.pseudo_instance == number
        meeting = (coord + found.target)[member]
        torch.testing.assert_close(meeting, found.centroid[number].expand_as(meeting))
        torch.testing.assert_close(found.centroid[number], averaged[member].mean(0))


@each_grouping
def test_clouds_of_a_batch_do_not_meet(config):
    clouds = [torch.cat([blob([0.0, 0, 0]), blob([2.0, 0, 0], seed=1)]), blob([0.1, 0, 0], seed=2)]
    coord, batch_index = torch.cat(clouds), torch.tensor([0] * 120 + [1] * 60)
    found = cluster(coord, config, batch_index=batch_index)
    assert found.pseudo_instance.tolist() == [0] * 60 + [1] * 60 + [2] * 60
    assert found.centroid_batch_index.tolist() == [0, 0, 1]
    torch.testing.assert_close(found.centroid[2], clouds[1].mean(0))


@each_grouping
def test_an_empty_cloud_is_no_trouble(config):
    coord, batch_index = blob([0.0, 0, 0]), torch.full((60,), 2)
    found = cluster(coord, config, batch_index=batch_index, with_segments=True)
    assert found.centroid_batch_index.tolist() == [2]
    assert len(cluster(coord[:0], config).size) == 0


@each_grouping
def test_order_of_rows_does_not_matter(config):
    coord = torch.rand(300, 3, generator=generator()) * torch.tensor([4.0, 4.0, 0.3])
    order = torch.randperm(300, generator=generator(3))
    plain, shuffled = cluster(coord, config), cluster(coord[order], config)
    assert len(plain.size) > 2
    assert same_partition(plain.pseudo_instance[order], shuffled.pseudo_instance)


@pytest.mark.parametrize("config", GROUPINGS[:2], ids=["paper", "robust"])
def test_segments_cut_what_votes_leave_together(config):
    coord = blob([0.0, 0, 0], count=120)
    kind = torch.arange(120) % 2
    found = cluster(coord, config, feat=torch.eye(2)[kind])
    assert same_partition(found.segment, kind)
    assert same_partition(found.pseudo_instance, kind)


def touching_boxes():
    """Two boxes side by side whose features differ, on top of what the whole cloud shares."""
    coord = torch.cat([blob([0.0, 0, 0], 200), blob([0.4, 0, 0], 200, seed=1)])
    kind = torch.arange(2).repeat_interleave(200)
    rng = generator(4)
    feat = torch.randn(2, 16, generator=rng)[kind] + 0.3 * torch.randn(400, 16, generator=rng) + 5
    return coord, feat, kind


def test_affinity_separates_touching_objects_with_different_features():
    coord, feat, kind = touching_boxes()
    assert len(cluster(coord, GROUPINGS[2], feat=feat).size) == 1  # any cosine will do
    found = cluster(coord, replace(GROUPINGS[2], min_cosine=0.3), feat=feat)
    assert same_partition(found.pseudo_instance, kind)


def test_affinity_attaches_only_to_cores_that_agree():
    coord, feat, _ = touching_boxes()
    straggler = torch.tensor([[0.75, 0.0, 0.0]])  # its vote is far off, its place near box 1
    offset = torch.cat([torch.zeros(400, 3), torch.tensor([[0.0, 0, 5.0]])])
    config = replace(GROUPINGS[2], min_cosine=0.3)
    for row, expected in ((300, 1), (100, -1)):
        found = cluster(
            torch.cat([coord, straggler]), config, torch.cat([feat, feat[row : row + 1]]), offset
        )
        assert found.pseudo_instance[-1] == expected


def test_a_stray_vote_joins_the_nearest_core_in_input_space():
    coord = torch.cat([blob([0.0, 0, 0]), torch.tensor([[0.3, 0.0, 0.0], [3.0, 0.0, 0.0]])])
    offset = torch.zeros(62, 3)
    offset[60:] = torch.tensor([[0.0, 9.0, 0.0], [0.0, -9.0, 0.0]])
    found = cluster(coord, GROUPINGS[1], offset=offset)
    assert found.pseudo_instance[60:].tolist() == [0, -1]


@each_grouping
@pytest.mark.parametrize("planes", ["keep", "drop", "zero"])
def test_planes_are_kept_dropped_or_pinned(config, planes):
    floor = torch.cartesian_prod(torch.arange(-1, 3, 0.1), torch.arange(-1, 1, 0.1))
    floor = torch.cat([floor, torch.full((len(floor), 1), -0.2)], 1)
    coord = torch.cat([blob([0.0, 0, 0]), blob([2.0, 0, 0], seed=1), floor])
    is_plane = torch.arange(len(coord)) >= 120
    found = cluster(coord, replace(config, planes=planes), is_plane=is_plane, with_segments=True)
    if planes == "keep":
        assert len(found.size) == 1  # the floor joins what stands on it
    else:
        assert found.pseudo_instance.tolist() == [0] * 60 + [1] * 60 + [-1] * len(floor)
        assert (found.target[is_plane] == 0).all()
        assert (found.segment[is_plane] == -1).all()
        assert (found.valid[is_plane] == (planes == "zero")).all()
        assert found.valid[:120].all()


def test_affinity_cuts_segments_only_on_request():
    coord = blob([0.0, 0, 0])
    assert (cluster(coord, GROUPINGS[2]).segment == -1).all()
    segment = cluster(coord, GROUPINGS[2], feat=coord, with_segments=True).segment
    assert segment.unique().tolist() == [0, 1]


def test_numbers_describe_the_pieces():
    coord = torch.cat([blob([0.0, 0, 0], 90), blob([2.0, 0, 0], 30, seed=1), blob([4.0, 0, 0], 5)])
    is_plane = torch.zeros(125, dtype=torch.bool)
    found = cluster(coord, GROUPINGS[2])
    numbers = scr_statistics(found, coord, is_plane, batch_size=1)
    boxes = [coord[:90], coord[90:120]]
    assert numbers["components"] == 2
    assert numbers["kept_share"] == pytest.approx(120 / 125)
    assert numbers["largest_share"] == pytest.approx(90 / 125)
    assert numbers["sizes"] == [90, 30]
    diagonals = [(box.amax(0) - box.amin(0)).norm().item() for box in boxes]
    assert numbers["extent_m"] == pytest.approx(np.mean(diagonals))
    lengths = [(box - box.mean(0)).norm(dim=1) for box in boxes]
    assert numbers["target_m"] == pytest.approx(torch.cat(lengths).mean().item(), rel=1e-5)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_planes_count_in_no_number():
    coord = torch.cat([blob([0.0, 0, 0], 40), blob([2.0, 0, 0], 40, seed=1)])
    is_plane = torch.arange(80) >= 40
    found = cluster(coord, replace(GROUPINGS[2], planes="zero"), is_plane=is_plane)
    numbers = scr_statistics(found, coord, is_plane, batch_size=1)
    alone = scr_statistics(cluster(coord[:40], GROUPINGS[2]), coord[:40], is_plane[:40], 1)
    assert numbers == alone
    assert numbers["kept_share"] == numbers["largest_share"] == 1


def test_largest_share_is_taken_segment_by_segment():
    coord = torch.cat([blob([0.0, 0, 0], 60), blob([2.0, 0, 0], 20, seed=1), blob([4.0, 0, 0], 40)])
    kind = torch.tensor([0] * 80 + [1] * 40)
    found = cluster(coord, PLAIN, feat=torch.eye(2)[kind])
    numbers = scr_statistics(found, coord, torch.zeros(120, dtype=torch.bool), batch_size=1)
    assert numbers["largest_share"] == pytest.approx((60 / 80 + 40 / 40) / 2)


def test_numbers_of_nothing_are_zero():
    found = cluster(torch.zeros(0, 3), PLAIN)
    numbers = scr_statistics(found, torch.zeros(0, 3), torch.zeros(0, dtype=torch.bool), 1)
    assert numbers.pop("sizes") == []
    assert set(numbers.values()) == {0.0}


# The printed settings in a room of known instances --------------------------------------------


def box_surface(corner, size, step=0.08):
    """Lattice on the faces of a box, the bottom left out."""
    axes = [np.arange(0, length + 1e-6, step) for length in size]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    last = np.array([axis[-1] for axis in axes])
    on_side = ((grid[:, :2] < 1e-6) | (grid[:, :2] > last[:2] - 1e-6)).any(1)
    return grid[on_side | (grid[:, 2] > last[2] - 1e-6)] + corner


@pytest.fixture(scope="module")
def room():
    """Eight small boxes far apart, and two rows of four tables half a metre apart."""
    pieces = [box_surface([2.0 * (k % 4), 2.0 * (k // 4), 0], [0.5, 0.5, 0.9]) for k in range(8)]
    pieces += [
        box_surface([1.9 * (k % 4), 5 + 2.4 * (k // 4), 0], [1.4, 0.8, 0.75]) for k in range(8)
    ]
    coord = torch.tensor(np.concatenate(pieces), dtype=torch.float32)
    truth = torch.arange(16).repeat_interleave(torch.tensor([len(p) for p in pieces]))
    centre = torch.stack([coord[truth == k].mean(0) for k in range(16)])
    feat = torch.eye(2)[(truth >= 8).long()]  # K-means with K = 2 gives the two true classes
    return coord, centre[truth] - coord, feat, truth


PAPER = ScrConfig(grouping="paper", num_segments=2, num_neighbours=150, link_radius=1.2)
CORES = ScrConfig(
    grouping="robust", num_segments=2, num_neighbours=20, core_neighbours=20, link_radius=0.25
)


def purity(found, truth):
    member = found.pseudo_instance >= 0
    table = torch.zeros(len(found.size), 16)
    table.index_put_(
        (found.pseudo_instance[member], truth[member]), torch.tensor(1.0), accumulate=True
    )
    return (table.amax(1).sum() / member.sum()).item()


def noisy_votes(room, noise):
    coord, offset, _, _ = room
    noisy = offset + noise * torch.randn(len(coord), 3, generator=generator(5))
    cloud = torch.zeros(len(coord), dtype=torch.int64)
    prior = Gamma(0.24, 2.53)
    return regularize_offsets(noisy, cloud, 1, prior, OdrConfig(), [generator(6)]).offset


def test_raw_geometry_under_the_printed_links_merges_tables(room):
    coord, _, feat, truth = room
    found = cluster(coord, PAPER, feat=feat)
    assert len(found.size) == 10  # eight small boxes, and each row of tables in one piece
    short = cluster(coord, replace(PAPER, link_radius=0.4), feat=feat)
    assert same_partition(short.pseudo_instance, truth)


def test_the_tail_of_the_gamma_prior_chains_each_segment_into_one_blob(room):
    coord, _, feat, truth = room
    found = cluster(coord, PAPER, feat=feat, offset=noisy_votes(room, 0.3))
    assert len(found.size) == 2
    numbers = scr_statistics(found, coord, torch.zeros(len(coord), dtype=torch.bool), 1)
    assert numbers["largest_share"] > 0.9
    assert purity(found, truth) < 0.2


def test_the_core_rule_finds_the_instances_in_the_same_votes(room):
    coord, _, feat, truth = room
    found = cluster(coord, CORES, feat=feat, offset=noisy_votes(room, 0.3))
    assert len(found.size) == 16
    assert purity(found, truth) > 0.99
    wanted = torch.stack([coord[truth == k].mean(0) for k in range(16)])
    assert torch.cdist(found.centroid, wanted).amin(1).mean() < 0.15


@pytest.mark.parametrize("config", [PAPER, CORES], ids=["paper", "robust"])
def test_true_offsets_give_back_the_true_instances(room, config):
    coord, offset, feat, truth = room
    # A millimetre of noise: votes at exactly one place list some of each other, not all.
    votes_offset = offset + 0.001 * torch.randn(offset.shape, generator=generator(7))
    found = cluster(coord, config, feat=feat, offset=votes_offset)
    assert same_partition(found.pseudo_instance, truth)
    torch.testing.assert_close(found.target, offset, rtol=0, atol=1e-4)


def test_cosines_by_numpy_and_by_torch_agree(monkeypatch):
    for name in ("COSINE_EDGES", "CACHED_EDGES"):
        monkeypatch.setattr(scr, name, 30)
    unit = torch.nn.functional.normalize(torch.randn(40, 8, generator=generator()), dim=1)
    i, j = torch.randint(0, 40, (2, 100), generator=generator(1))
    found = scr._cosine_on_cpu(unit, i, j)
    torch.testing.assert_close(found, (unit[i] * unit[j]).sum(1))
    torch.testing.assert_close(found, scr._cosine_in_torch(unit, i, j))
    assert scr._cosine_on_cpu(unit, i[:0], j[:0]).shape == (0,)


WAITS = {
    "aten::nonzero",
    "aten::_local_scalar_dense",
    "aten::bincount",
    "aten::_unique2",
    "aten::unique_consecutive",
    "aten::masked_select",
    "aten::equal",
    "aten::repeat_interleave.Tensor",
}


class Waits(TorchDispatchMode):
    """Counts operations whose result the host needs before it can go on."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name()
        by_mask = name == "aten::index.Tensor" and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        if by_mask or (name in WAITS and not (kwargs or {}).get("output_size")):
            self.names.append(name)
        return function(*args, **(kwargs or {}))


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Lets the plain torch that a GPU runs do the work."""
    for module in (components, kmeans_module, scr):
        monkeypatch.setattr(module, "on_host", lambda tensor: False)


def clouds_of_blobs(num_clouds):
    """Each cloud has six blobs of two kinds, and ten stray cells."""
    coord, feat = [], []
    for cloud in range(num_clouds):
        for number in range(6):
            coord.append(blob([3.0 * number, 0, 0], seed=10 * cloud + number))
            feat.append(torch.eye(2)[number % 2].expand(60, 2))
        coord.append(20 * torch.rand(10, 3, generator=generator(cloud)) + 5)
        feat.append(torch.eye(2)[torch.arange(10) % 2])
    batch_index = torch.arange(num_clouds).repeat_interleave(370)
    return torch.cat(coord), torch.cat(feat), batch_index


@each_grouping
def test_plain_torch_cuts_the_same_instances_as_scipy(config, request):
    coord, feat, batch_index = clouds_of_blobs(3)
    is_plane = torch.arange(len(coord)) % 7 == 0
    config = replace(config, planes="zero")
    expected = cluster(coord, config, feat=feat, batch_index=batch_index, is_plane=is_plane)
    request.getfixturevalue("as_on_a_gpu")
    found = cluster(coord, config, feat=feat, batch_index=batch_index, is_plane=is_plane)
    assert len(expected.size) >= 6
    for name in ("segment", "group", "pseudo_instance", "centroid_batch_index", "size", "valid"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    torch.testing.assert_close(found.target, expected.target)


@each_grouping
def test_a_gpu_is_waited_for_as_often_for_many_clouds_as_for_few(config, as_on_a_gpu):
    counts = []
    for num_clouds in (2, 5):
        coord, feat, batch_index = clouds_of_blobs(num_clouds)
        with Waits() as waits:
            cluster(coord, config, feat=feat, batch_index=batch_index)
        counts.append(Counter(waits.names))
    assert counts[0] == counts[1]
    assert 5 <= counts[0].total() <= 12


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("config", [PAPER, CORES], ids=["paper", "robust"])
def test_a_gpu_cuts_the_same_instances(room, config):
    coord, offset, feat, _ = room
    votes_offset = offset + 0.05 * torch.randn(offset.shape, generator=generator(7))
    found, expected = (
        cluster(
            coord.to(d),
            config,
            feat=feat.to(d),
            offset=votes_offset.to(d),
            batch_index=torch.zeros(len(coord), dtype=torch.int64, device=d),
            is_plane=torch.zeros(len(coord), dtype=torch.bool, device=d),
        )
        for d in ("cuda", "cpu")
    )
    assert same_partition(found.pseudo_instance.cpu(), expected.pseudo_instance)
    torch.testing.assert_close(found.target.cpu(), expected.target, rtol=0, atol=1e-4)
