"""The decoder: sizes, what it does to stages, drop path, invariances, learning."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from pointins_engine.backbone.decoder import SONATA_DECODER, Decoder, DecoderConfig, Unpool
from pointins_engine.backbone.encoder import Encoder, EncoderStages
from pointins_engine.config import BackboneConfig
from pointins_engine.errors import ConfigError
from pointins_engine.randomness import StepRandom

from .clouds import SMALL, point_batch, surface_voxels

LARGE = BackboneConfig(
    depths=(3, 3, 3, 12, 3), channels=(48, 96, 192, 384, 512), heads=(3, 6, 12, 24, 32)
)
SMALL_DECODER = DecoderConfig(depths=(2, 1), channels=(16, 32), heads=(1, 2), drop_path=0.5)
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}  # float32, another order of sums


def stages_of(encoder: Encoder, clouds: list[torch.Tensor]) -> EncoderStages:
    with torch.no_grad():
        return encoder.eval().encode_stages(point_batch(clouds))


@pytest.fixture
def decoder() -> Decoder:
    """Weights well away from their small initial values."""
    decoder = Decoder(SMALL_DECODER, SMALL)
    rng = torch.Generator().manual_seed(12)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng), alpha=0.05)
    return decoder


@pytest.mark.parametrize(
    ("config", "encoder", "count"),
    [
        (SONATA_DECODER, LARGE, 16_331_520),
        (DecoderConfig(), BackboneConfig(), 7_493_632),
    ],
)
def test_parameter_counts_are_those_of_the_published_decoders(config, encoder, count):
    """The first on the encoder of 108 M, the second on that of 38 M; norms are LayerNorms."""
    with torch.device("meta"):
        decoder = Decoder(config, encoder)
    assert sum(p.numel() for p in decoder.parameters()) == count


def test_the_stages_end_in_the_cells_that_the_encoder_gives(make_encoder):
    batch = point_batch([surface_voxels(120, seed=1), surface_voxels(60, seed=2)])
    encoder = make_encoder(replace(SMALL, loss_stage=2)).eval()
    stages = encoder.encode_stages(batch).stages
    assert [stage.feat.shape[1] for stage in stages] == list(SMALL.channels)
    assert [len(stage.grid) for stage in stages] == [len(stage.feat) for stage in stages]
    assert stages[-1].feat.equal(encoder(batch).feat)


def test_every_voxel_gets_a_row_in_the_order_of_the_input(make_encoder, decoder):
    voxels = surface_voxels(130, seed=3)
    shuffle = torch.randperm(130, generator=torch.Generator().manual_seed(4))
    encoder, decoder = make_encoder(), decoder.eval()
    feat = decoder(stages_of(encoder, [voxels]))
    assert feat.shape == (130, SMALL_DECODER.channels[0])
    assert len(feat.unique(dim=0)) == 130
    assert_close(decoder(stages_of(encoder, [voxels[shuffle]])), feat[shuffle], **ROUNDING)


def test_unpooling_adds_what_the_cell_says_to_what_the_voxel_had():
    """Against the definition, row by row."""
    rng = torch.Generator().manual_seed(5)
    unpool = Unpool(6, 4, 8)
    coarse, skip = torch.randn(3, 6, generator=rng), torch.randn(5, 4, generator=rng)
    cell_index = torch.tensor([2, 0, 2, 1, 0])
    out = unpool(coarse, skip, cell_index)
    for row, cell in enumerate(cell_index.tolist()):
        theirs = F.gelu(F.layer_norm(unpool.proj(coarse[cell]), (8,)))
        own = F.gelu(F.layer_norm(unpool.skip_proj(skip[row]), (8,)))
        assert_close(out[row], theirs + own)


def test_a_batch_of_two_is_two_batches_of_one(make_encoder, decoder):
    clouds = [surface_voxels(15, seed=6, extent=7), surface_voxels(200, seed=7, extent=40)]
    encoder, decoder = make_encoder(), decoder.eval()
    together = decoder(stages_of(encoder, clouds))
    alone = torch.cat([decoder(stages_of(encoder, [cloud])) for cloud in clouds])
    assert_close(together, alone, **ROUNDING)


def test_the_coarsest_block_drops_most_often_and_rates_fall_towards_the_voxels():
    config = replace(SMALL_DECODER, depths=(2, 3), drop_path=0.4)
    rates = Decoder(config, SMALL).drop_rates
    assert_close(torch.tensor(rates), torch.tensor([0.1, 0.0, 0.4, 0.3, 0.2]))


def test_training_draws_drop_path_from_the_random_numbers_it_is_given(make_encoder, decoder):
    encoded = stages_of(make_encoder(), [surface_voxels(50, seed=8)] * 6)
    first, again, other = (decoder(encoded, StepRandom(seed, 0)) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)
    with pytest.raises(AssertionError, match="rng"):
        decoder(encoded)


def test_checkpointed_blocks_give_the_same_gradients_bit_for_bit(make_encoder, decoder):
    encoded = stages_of(make_encoder(), [surface_voxels(80, seed=9)])
    gradients = []
    for checkpointing in (False, True):
        decoder.encoder_config = replace(SMALL, activation_checkpointing=checkpointing)
        decoder.zero_grad()
        decoder(encoded, StepRandom(1, 1)).square().sum().backward()
        gradients.append([p.grad for p in decoder.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        assert plain is not None and plain.equal(recomputed)


def test_gradients_reach_the_encoder_when_it_is_fine_tuned(make_encoder, decoder):
    encoder = make_encoder()
    batch, rng = point_batch([surface_voxels(60, seed=10)]), StepRandom(0, 0)
    decoder(encoder.encode_stages(batch, rng), rng).square().sum().backward()
    without = [n for n, p in encoder.named_parameters() if p.grad is None]
    assert without == ["mask_token"]


def test_a_decoder_of_the_wrong_number_of_stages_is_refused():
    with pytest.raises(ConfigError, match=r"3 encoder stages has 2 stages, .* has 4"):
        Decoder(DecoderConfig(), SMALL)
    with pytest.raises(ConfigError, match=r"divisors of decoder\.channels"):
        DecoderConfig(heads=(3, 4, 8, 16))
    with pytest.raises(ConfigError, match="one depth, channel count and head count"):
        DecoderConfig(depths=(2, 2))
