"""The encoder as a whole: sizes, invariances, links, drop path, reproducibility."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from pointins_engine.backbone.blocks import draw_keep, init_weights
from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.sparse_conv import find_neighbours
from pointins_engine.config import BackboneConfig
from pointins_engine.errors import ConfigError, SceneError
from pointins_engine.randomness import StepRandom

from .clouds import SMALL, point_batch, surface_voxels

LARGE = BackboneConfig(
    depths=(3, 3, 3, 12, 3), channels=(48, 96, 192, 384, 512), heads=(3, 6, 12, 24, 32)
)
TEST_SIZE = BackboneConfig(
    depths=(1, 1, 1, 2, 1), channels=(16, 32, 64, 128, 256), heads=(1, 2, 4, 8, 16)
)
EXACT = {"rtol": 0, "atol": 0}
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}  # float32, another order of sums, three stages deep


@pytest.mark.parametrize(
    ("config", "in_channels", "count"),
    [
        (BackboneConfig(), 9, 38_648_992),
        (BackboneConfig(), 4, 38_648_832),
        (LARGE, 9, 108_461_376),
        (TEST_SIZE, 9, 4_202_976),
    ],
)
def test_parameter_counts_are_those_of_the_published_sizes(config, in_channels, count):
    """With the mask token of C_0 values; nothing is allocated for the count."""
    with torch.device("meta"):
        encoder = Encoder(config, in_channels)
        without = Encoder(replace(config, mask_token=False), in_channels)
    assert all(p.is_meta for p in encoder.parameters())
    assert sum(p.numel() for p in encoder.parameters()) == count
    assert sum(p.numel() for p in without.parameters()) == count - config.channels[0]


def test_weights_start_small_zero_or_one_and_leave_the_global_state_alone():
    before = torch.get_rng_state()
    encoder = Encoder(SMALL, 6, torch.Generator().manual_seed(5))
    assert torch.get_rng_state().equal(before)
    for name, parameter in encoder.named_parameters():
        if "norm" in name:
            assert (parameter == (1.0 if name.endswith("weight") else 0.0)).all(), name
        elif name.endswith("weight"):
            spread = 0.02 * 6 / math.sqrt(parameter.numel())
            assert abs(parameter.std().item() - 0.02) < spread, name
        else:
            assert (parameter == 0).all(), name


def test_the_rng_decides_the_first_weights():
    a, b, c = (Encoder(SMALL, 6, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert a.state_dict()["stem.linear.weight"].equal(b.state_dict()["stem.linear.weight"])
    assert not a.state_dict()["stem.linear.weight"].equal(c.state_dict()["stem.linear.weight"])
    init_weights(c, torch.Generator().manual_seed(1))
    for name, weight in a.state_dict().items():
        assert weight.equal(c.state_dict()[name]), name


def test_cells_carry_the_means_of_their_voxels(make_encoder):
    batch = point_batch([surface_voxels(200, seed=1), surface_voxels(90, seed=2)])
    cells = make_encoder().eval()(batch)
    assert cells.feat.shape == (len(cells.coord), SMALL.out_channels)
    assert cells.batch_index.equal(cells.batch_index.sort().values)
    assert cells.batch_index[cells.cell_index].equal(batch.batch_index)
    edge = 2**SMALL.loss_stage
    for m in range(len(cells.coord)):
        rows = cells.cell_index == m
        assert len((batch.grid_coord[rows] // edge).unique(dim=0)) == 1
        assert_close(cells.coord[m], batch.coord[rows].mean(dim=0))
        assert_close(cells.origin_coord[m], batch.origin_coord[rows].mean(dim=0))
        assert bool(cells.is_plane[m]) == (float(batch.is_plane[rows].float().mean()) >= 0.5)


@pytest.mark.parametrize("loss_stage", [0, 1, 2])
def test_coarser_features_stand_beside_those_of_the_loss_stage(make_encoder, loss_stage):
    """The first columns are the loss stage's own; coarser ones are equal inside a coarser cell."""
    config = replace(SMALL, loss_stage=loss_stage)
    batch = point_batch([surface_voxels(150, seed=3)])
    cells = make_encoder(config).eval()(batch)
    assert cells.feat.shape[1] == sum(SMALL.channels[loss_stage:])
    first = torch.zeros(len(cells.coord), dtype=torch.long)
    first[cells.cell_index] = torch.arange(len(batch.coord))  # a voxel of each cell
    column = 0
    for stage in range(loss_stage, 3):
        width = SMALL.channels[stage]
        _, parent = (batch.grid_coord[first] // 2**stage).unique(dim=0, return_inverse=True)
        values = cells.feat[:, column : column + width]
        for cell in parent.unique():
            assert (values[parent == cell] == values[parent == cell][0]).all()
        assert len(values.unique(dim=0)) == len(parent.unique())
        column += width
    assert cells.columns is not None
    assert [feat.shape[1] for feat in cells.columns.feats] == list(SMALL.channels[loss_stage:])
    assert torch.equal(cells.columns.rows(), cells.feat)


def test_a_batch_of_two_is_two_batches_of_one(make_encoder):
    """One cloud is larger and reaches further, the other is smaller than a patch at every stage."""
    clouds = [surface_voxels(15, seed=4, extent=7), surface_voxels(300, seed=5, extent=40)]
    encoder = make_encoder().eval()
    together = encoder(point_batch(clouds))
    for b, cloud in enumerate(clouds):
        alone = encoder(point_batch([cloud]))
        assert_close(together.feat[together.batch_index == b], alone.feat, **ROUNDING)
        assert_close(together.coord[together.batch_index == b], alone.coord)


def test_the_order_of_the_voxels_does_not_matter(make_encoder):
    voxels = surface_voxels(250, seed=6)
    shuffle = torch.randperm(250, generator=torch.Generator().manual_seed(7))
    encoder = make_encoder().eval()
    cells, shuffled = encoder(point_batch([voxels])), encoder(point_batch([voxels[shuffle]]))
    assert shuffled.cell_index.equal(cells.cell_index[shuffle])
    assert_close(shuffled.feat, cells.feat, **ROUNDING)


def test_the_same_random_numbers_give_the_same_features_and_gradients(make_encoder):
    batch = point_batch([surface_voxels(200, seed=8), surface_voxels(120, seed=9)])
    encoder = make_encoder()

    def run(seed: int) -> list[torch.Tensor]:
        encoder.zero_grad()
        feat = encoder(batch, StepRandom(seed, 0)).feat
        feat.square().sum().backward()
        used = [p.grad for n, p in encoder.named_parameters() if n != "mask_token"]
        return [feat.detach(), *(grad.clone() for grad in used if grad is not None)]

    first, again, other = run(1), run(1), run(2)
    assert len(first) == len(list(encoder.parameters()))
    for a, b in zip(first, again, strict=True):
        assert a.equal(b)
    assert not first[0].equal(other[0])


def test_evaluation_needs_no_random_numbers_and_ignores_them(make_encoder):
    batch = point_batch([surface_voxels(100, seed=10)])
    encoder = make_encoder().eval()
    assert_close(encoder(batch).feat, encoder(batch, StepRandom(3, 0)).feat, **EXACT)


def test_training_without_random_numbers_is_refused(make_encoder):
    with pytest.raises(AssertionError, match="rng"):
        make_encoder()(point_batch([surface_voxels(20, seed=11)]))


def test_drop_path_rises_over_the_blocks_to_its_rate():
    encoder = Encoder(SMALL, 6)
    assert_close(
        torch.tensor(encoder.drop_rates), torch.linspace(0, SMALL.drop_path, sum(SMALL.depths))
    )


def test_drop_path_drops_branches_of_whole_clouds_and_keeps_the_expectation():
    """4000 clouds: the standard error of a share is below 0.008, the bound is four of them."""
    keep = draw_keep(Encoder(SMALL, 6).drop_rates, StepRandom(0, 0), "drop_path", 4000)
    assert keep.shape == (8, 2, 4000)
    for b, rate in enumerate(torch.linspace(0, 0.5, 8)):
        assert_close(keep[b].unique()[-1], 1 / (1 - rate))
        assert (keep[b] == 0).float().mean(dim=1).sub(rate).abs().max() < 0.032


def test_a_cloud_drops_the_same_branches_whatever_batch_it_is_in():
    rates, rng = Encoder(SMALL, 6).drop_rates, StepRandom(3, 7)
    whole = draw_keep(rates, rng, "drop_path", 5)
    assert draw_keep(rates, rng.starting_at(2), "drop_path", 3).equal(whole[:, :, 2:])


def test_dropping_the_branches_of_one_cloud_leaves_the_other_alone(make_encoder):
    """What is left of the first cloud is its position encoding."""
    config = BackboneConfig(
        depths=(1,), channels=(16,), heads=(1,), loss_stage=0, drop_path=0.0, shuffle_orders=False
    )
    encoder = make_encoder(config)
    batch = point_batch([surface_voxels(40, seed=13), surface_voxels(40, seed=14)])
    whole = encoder(batch)
    encoder._draw_keep = lambda batch, rng: torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    dropped = encoder(batch)

    first = batch.batch_index == 0
    assert dropped.feat[~first].equal(whole.feat[~first])
    stem = encoder.stem(batch.feat)
    neighbours = find_neighbours(batch.grid_coord, batch.batch_index)
    encoded = stem + encoder.stages[0].blocks[0].position(stem, neighbours)
    assert_close(dropped.feat[first], encoded[first], **EXACT)


def test_bfloat16_features_stay_close_and_come_out_in_float32(make_encoder):
    """8 bits of mantissa through 8 blocks: a few per cent."""
    batch = point_batch([surface_voxels(200, seed=15)])
    exact = make_encoder().eval()(batch).feat
    rounded = make_encoder(replace(SMALL, dtype="bfloat16")).eval()(batch).feat
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() / exact.norm() < 0.05


def test_a_view_too_large_for_the_curves_is_refused(make_encoder):
    with pytest.raises(ConfigError, match=r"scene\.grid_size"):
        make_encoder().eval()(point_batch([torch.tensor([[0, 0, 0], [0, 70_000, 0]])]))


def test_a_view_too_large_is_told_in_words_that_name_the_fix(make_encoder):
    with pytest.raises(ConfigError, match="2-fold, cut the scan into tiles, or remove far outl"):
        make_encoder().eval()(point_batch([torch.tensor([[0, 0, 0], [70_000, 0, 0]])]))


@pytest.mark.parametrize("training", [False, True])
def test_an_empty_cloud_in_a_batch_changes_nothing_for_the_others(make_encoder, training):
    """In training drop path is off: an empty cloud moves the numbers of those behind it."""
    encoder = make_encoder(replace(SMALL, drop_path=0.0)).train(training)
    clouds = [surface_voxels(60, seed=16), surface_voxels(40, seed=17)]
    empty = clouds[0][:0]
    rng = StepRandom(0, 0)
    cells = encoder(point_batch(clouds), rng)
    for place in range(3):
        with_empty = encoder(point_batch([*clouds[:place], empty, *clouds[place:]]), rng)
        assert_close(with_empty.feat, cells.feat, **ROUNDING)
        assert with_empty.batch_size == 3
        assert place not in with_empty.batch_index


def test_one_voxel_is_encoded_and_trained_on(make_encoder):
    """All points of a cloud in one voxel come to the same, once they are voxelised."""
    encoder = make_encoder()
    cells = encoder(point_batch([torch.tensor([[3, 1, 2]])]), StepRandom(0, 0))
    cells.feat.square().sum().backward()
    assert cells.feat.shape == (1, SMALL.out_channels)
    assert cells.feat.isfinite().all()
    assert all(p.grad.isfinite().all() for p in encoder.parameters() if p.grad is not None)


def test_a_batch_without_voxels_is_refused(make_encoder):
    with pytest.raises(SceneError, match="2 clouds holds no voxel"):
        make_encoder().eval()(point_batch([surface_voxels(5, seed=18)[:0]] * 2))


def test_a_voxel_that_comes_twice_is_refused_by_name(make_encoder):
    voxels = surface_voxels(30, seed=19)
    batch = point_batch([voxels, torch.cat([voxels, voxels[4:6]])])
    with pytest.raises(SceneError, match=r"2 rows repeat a voxel.* of cloud 1; .*voxelize"):
        make_encoder().eval()(batch)


def test_the_same_voxel_in_two_clouds_is_two_voxels(make_encoder):
    voxels = surface_voxels(30, seed=20)
    cells = make_encoder().eval()(point_batch([voxels, voxels]))
    first = cells.batch_index == 0
    assert_close(cells.feat[first], cells.feat[~first], **ROUNDING)


def test_a_negative_voxel_index_is_refused(make_encoder):
    with pytest.raises(SceneError, match=r"start at \[0, -2, 0\]"):
        make_encoder().eval()(point_batch([torch.tensor([[0, 0, 0], [0, -2, 0]])]))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_checkpointed_blocks_give_the_same_features_and_gradients_bit_for_bit(make_encoder, dtype):
    """With drop path and shuffled curves on; one thread sums in one order."""
    batch = point_batch([surface_voxels(150, seed=21), surface_voxels(70, seed=22)])
    results = []
    for checkpointing in (False, True):
        config = replace(SMALL, activation_checkpointing=checkpointing, dtype=dtype)
        encoder = make_encoder(config)
        feat = encoder(batch, StepRandom(5, 1)).feat
        feat.square().sum().backward()
        gradients = {n: p.grad for n, p in encoder.named_parameters() if p.grad is not None}
        results.append((feat.detach(), gradients))
    (plain, plain_gradients), (recomputed, gradients) = results
    assert recomputed.equal(plain)
    assert gradients.keys() == plain_gradients.keys() and len(gradients) > 100
    for name, gradient in gradients.items():
        assert gradient.equal(plain_gradients[name]), name


def test_checkpointed_blocks_keep_less_than_half_for_the_backward_pass(make_encoder):
    batch = point_batch([surface_voxels(300, seed=23)])

    def kept_bytes(checkpointing: bool) -> int:
        encoder = make_encoder(replace(SMALL, activation_checkpointing=checkpointing))
        weights = {p.data_ptr() for p in encoder.parameters()}
        kept: dict[int, int] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            feat = encoder(batch, StepRandom(0, 0)).feat
        assert feat.requires_grad
        return sum(kept.values())

    assert kept_bytes(True) < kept_bytes(False) / 2
