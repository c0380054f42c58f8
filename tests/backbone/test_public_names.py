"""Our names of weights against the public ones, and sizes read off shapes."""

import pytest
import torch

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.public_names import (
    EncoderSizes,
    encoder_prefixes,
    expected_shapes,
    export_public,
    import_public,
    infer_sizes,
    own_name,
    public_config,
    public_name,
    read_public_config,
)
from pointins_engine.config import BackboneConfig
from pointins_engine.errors import WeightsError

from .clouds import SMALL

SIZES = {
    "4 M": BackboneConfig(
        depths=(1, 1, 1, 2, 1), channels=(16, 32, 64, 128, 256), heads=(1, 2, 4, 8, 16)
    ),
    "38 M": BackboneConfig(),
    "108 M": BackboneConfig(
        depths=(3, 3, 3, 12, 3), channels=(48, 96, 192, 384, 512), heads=(3, 6, 12, 24, 32)
    ),
}
# Of the released Sonata weights: the stem, and stage 1 with its one block.
PUBLIC = {
    "embedding.mask_token",
    *(
        f"embedding.stem.{part}.{kind}"
        for part in ("linear", "norm")
        for kind in ("weight", "bias")
    ),
    *(
        f"enc.enc1.{part}.{kind}"
        for part in (
            "down.proj",
            "down.norm.0",
            "block0.cpe.0",
            "block0.cpe.1",
            "block0.cpe.2",
            "block0.norm1.0",
            "block0.attn.qkv",
            "block0.attn.proj",
            "block0.norm2.0",
            "block0.mlp.0.fc1",
            "block0.mlp.0.fc2",
        )
        for kind in ("weight", "bias")
    ),
}


def weights(config: BackboneConfig, in_channels: int = 9) -> dict[str, torch.Tensor]:
    """Shapes without memory, by our names."""
    with torch.device("meta"):
        return Encoder(config, in_channels).state_dict()


def test_names_are_those_of_the_release():
    state = weights(BackboneConfig(depths=(1, 1), channels=(16, 32), heads=(1, 2), loss_stage=0))
    public = set(export_public(state))
    assert {name for name in public if ".enc0." not in name} == PUBLIC


@pytest.mark.parametrize("size", SIZES)
def test_out_and_in_again_gives_the_same_weights_and_the_same_size(size):
    state = weights(SIZES[size])
    back, sizes = import_public(export_public(state))
    assert sizes == EncoderSizes(backbone=SIZES[size], in_channels=9)
    assert list(back) == list(state)
    assert all(back[name] is state[name] for name in state)


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_read_off_the_shapes(size):
    state = weights(SIZES[size], in_channels=4)
    assert infer_sizes(state) == EncoderSizes(backbone=SIZES[size], in_channels=4)
    del state["mask_token"]
    assert not infer_sizes(state).backbone.mask_token


def test_expected_shapes_are_those_of_a_real_encoder():
    sizes = EncoderSizes(backbone=SMALL, in_channels=5)
    real = {name: tuple(tensor.shape) for name, tensor in Encoder(SMALL, 5).state_dict().items()}
    assert expected_shapes(sizes) == real


def test_every_name_comes_back_and_foreign_ones_have_no_counterpart():
    for name in weights(SIZES["4 M"]):
        public = public_name(name)
        assert public is not None and own_name(public) == name
    for foreign in ("dec.dec0.up.proj.0.weight", "enc.enc0.block0.ls1.0.gamma", "seg_head.bias"):
        assert own_name(foreign) is None
    for foreign in ("semantic_head.prototypes", "stages.0.blocks.0.mlp.fc3.weight", "stem.weight"):
        assert public_name(foreign) is None
    with pytest.raises(WeightsError, match="without heads"):
        export_public({"offset_head.fc1.weight": torch.zeros(1)})


def test_all_that_is_wrong_is_told_at_once_with_the_size_the_file_looks_like():
    public = export_public(weights(SIZES["4 M"]))
    del public["enc.enc3.block1.attn.qkv.bias"]
    public["enc.enc2.block0.norm2.0.weight"] = torch.zeros(65)
    public["enc.enc0.block0.ls1.0.gamma"] = torch.zeros(16)
    public["embedding.stem.conv.weight"] = torch.zeros(16, 5, 5, 5, 9)
    with pytest.raises(WeightsError) as caught:
        import_public(public)
    for said in (
        "4 of the weights do not fit",
        "in_channels=9 with BackboneConfig(depths=(1, 1, 1, 2, 1), channels=(16, 32, 64, 128, 256)",
        "missing:  enc.enc3.block1.attn.qkv.bias",
        "enc.enc2.block0.norm2.0.weight is (65,), expected (64,)",
        "enc.enc0.block0.ls1.0.gamma (layer scale",
        "embedding.stem.conv.weight (the convolutional stem",
    ):
        assert said in str(caught.value)


def test_a_block_that_is_not_there_is_missed_and_the_one_behind_it_is_unknown():
    public = export_public(weights(SIZES["4 M"]))
    moved = {name.replace("enc3.block1.", "enc3.block7."): value for name, value in public.items()}
    with pytest.raises(WeightsError) as caught:
        import_public(moved)
    assert "missing:  enc.enc3.block1.attn.qkv.bias" in str(caught.value)
    assert "unknown:  enc.enc3.block7.attn.qkv.bias" in str(caught.value)


def test_weights_of_something_else_are_no_encoder():
    with pytest.raises(WeightsError, match="speak of no whole encoder"):
        import_public({"head.weight": torch.zeros(2, 2)})


def test_prefixes_are_found_whatever_stands_in_front():
    names = [
        "embedding.stem.linear.weight",
        "state_dict.module.student.backbone.enc.enc0.block0.attn.qkv.weight",
        "state_dict.module.teacher.backbone.embedding.mask_token",
        "state_dict.module.student.mask_head.mlp.0.weight",
        "optimizer.state.0.exp_avg",
    ]
    assert encoder_prefixes(names) == [
        "",
        "state_dict.module.student.backbone.",
        "state_dict.module.teacher.backbone.",
    ]


def test_a_configuration_goes_out_and_tells_heads_and_patches_when_it_comes_in():
    backbone = BackboneConfig(heads=(1, 2, 4, 8, 16), patch_size=256)
    config = public_config(EncoderSizes(backbone=backbone, in_channels=6))
    assert config["order"] == ("z", "z-trans", "hilbert", "hilbert-trans")
    told = read_public_config(config)
    assert told == {"heads": (1, 2, 4, 8, 16), "patch_size": 256}
    assert infer_sizes(weights(backbone, 6), told).backbone == backbone


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"order": ["z", "z-trans"]}, r"config\.order is \('z', 'z-trans'\)"),
        ({"enable_rpe": True}, r"config\.enable_rpe is True"),
        ({"stride": (2, 2, 4, 2)}, "our stages halve"),
        ({"enc_patch_size": (1024, 1024, 1024, 1024, 48)}, "one for all stages"),
        ({"enc_num_head": "many"}, "expected whole numbers"),
    ],
)
def test_a_configuration_that_our_encoder_would_compute_otherwise_is_refused(change, said):
    config = public_config(EncoderSizes(backbone=BackboneConfig(), in_channels=9))
    with pytest.raises(WeightsError, match=said):
        read_public_config({**config, **change})
