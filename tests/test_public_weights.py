"""Weights of other programs: what is taken, what is refused, and that nothing foreign runs."""

import argparse
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pointins_engine import convert
from pointins_engine.backbone.encoder import Encoder
from pointins_engine.backbone.public_names import export_public
from pointins_engine.batch import PointBatch
from pointins_engine.config import BackboneConfig, to_dict
from pointins_engine.errors import WeightsError
from pointins_engine.public_weights import (
    METADATA_KEY,
    convert_pth,
    load_encoder,
    write_public,
)

TINY = BackboneConfig(
    depths=(1, 1, 2), channels=(16, 32, 32), heads=(1, 2, 2), patch_size=1024, loss_stage=2
)


def encoder(seed: int, config: BackboneConfig = TINY) -> Encoder:
    return Encoder(config, 6, torch.Generator().manual_seed(seed)).eval()


def prefixed(prefix: str, network: Encoder) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in export_public(network.state_dict()).items()}


@pytest.fixture
def cloud() -> PointBatch:
    rng = torch.Generator().manual_seed(0)
    grid_coord = torch.unique(torch.randint(0, 9, (80, 3), generator=rng), dim=0)
    return PointBatch(
        coord=grid_coord * 0.05,
        origin_coord=grid_coord * 0.05,
        grid_coord=grid_coord,
        feat=torch.randn(len(grid_coord), 6, generator=rng),
        batch_index=torch.zeros(len(grid_coord), dtype=torch.long),
        is_plane=torch.zeros(len(grid_coord), dtype=torch.bool),
        batch_size=1,
    )


def test_a_converted_encoder_says_of_a_cloud_what_the_original_says(tmp_path, cloud):
    original = encoder(1)
    torch.save({"state_dict": prefixed("module.backbone.", original)}, tmp_path / "a.pth")
    convert_pth(tmp_path / "a.pth", tmp_path / "out" / "a.safetensors")
    loaded = load_encoder(tmp_path / "out" / "a.safetensors")
    assert not loaded.training
    assert loaded.config == TINY
    assert loaded(cloud).feat.equal(original(cloud).feat)


def test_the_file_tells_where_it_comes_from(tmp_path):
    source, out = tmp_path / "sonata.pth", tmp_path / "sonata.safetensors"
    torch.save(
        {"config": {"enc_num_head": (2, 2, 4)}, "state_dict": prefixed("", encoder(1))}, source
    )
    done = convert_pth(source, out, license="CC-BY-NC 4.0")
    with safe_open(out, framework="pt") as file:
        origin = json.loads(file.metadata()[METADATA_KEY])
    assert origin["source"] == "sonata.pth"
    assert origin["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert origin["license"] == "CC-BY-NC 4.0"
    assert origin["branch"] == "plain"
    assert origin["in_channels"] == 6
    assert origin["backbone"]["heads"] == [2, 2, 4]
    assert done.num_parameters == sum(p.numel() for p in encoder(1).parameters())
    assert not list(tmp_path.glob(".*")), "no temporary file stays"


@pytest.mark.parametrize(
    ("branch", "seed", "kind"),
    [("auto", 1, "student"), ("student", 1, "student"), ("teacher", 2, "teacher")],
)
def test_student_and_teacher_are_told_apart(tmp_path, branch, seed, kind):
    content = {
        "epoch": 3,
        "state_dict": {
            **prefixed("module.student.backbone.", encoder(1)),
            **prefixed("module.teacher.backbone.", encoder(2)),
            "module.student.mask_head.prototype.weight": torch.zeros(4, 2),
            "module.student.backbone.dec.dec0.up.proj.0.weight": torch.zeros(2, 2),
        },
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}},
    }
    torch.save(content, tmp_path / "both.pth")
    done = convert_pth(tmp_path / "both.pth", tmp_path / "one.safetensors", branch=branch)
    assert done.origin.branch == kind
    assert {"student.dec", "student.mask_head", "optimizer"} < set(done.left_out)
    state = load_encoder(tmp_path / "one.safetensors").state_dict()
    for name, value in encoder(seed).state_dict().items():
        assert value.equal(state[name]), name


def test_a_branch_that_is_not_there_or_not_alone_is_refused(tmp_path):
    torch.save(prefixed("", encoder(1)), tmp_path / "plain.pth")
    with pytest.raises(WeightsError, match=r"no teacher encoder; it has plain"):
        convert_pth(tmp_path / "plain.pth", tmp_path / "x.safetensors", branch="teacher")
    two = {**prefixed("model.", encoder(1)), **prefixed("model_ema.", encoder(2))}
    torch.save(two, tmp_path / "two.pth")
    with pytest.raises(WeightsError, match=r"several plain encoders, under 'model\.', 'model_ema"):
        convert_pth(tmp_path / "two.pth", tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()


class Payload:
    """What a hostile file would do to the machine that unpickles it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path, zipped):
    marker, source = tmp_path / "ran", tmp_path / "hostile.pth"
    content = {"state_dict": prefixed("", encoder(1)), "extra": Payload(marker)}
    torch.save(content, source, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="could run code, so it is never loaded"):
        convert_pth(source, tmp_path / "x.safetensors")
    assert not marker.exists()
    assert not (tmp_path / "x.safetensors").exists()
    torch.load(source, weights_only=False)
    assert marker.exists(), "the payload was live"


def test_numbers_that_only_a_full_unpickler_can_read_are_refused_with_the_way_out(tmp_path):
    content = {"state_dict": prefixed("", encoder(1)), "best_metric": np.float64(0.7)}
    torch.save(content, tmp_path / "full.pth")
    with pytest.raises(WeightsError, match=r"torch\.save\(checkpoint\['state_dict'\]"):
        convert_pth(tmp_path / "full.pth", tmp_path / "x.safetensors")


def test_damaged_missing_and_foreign_files_are_told_apart(tmp_path):
    out = tmp_path / "x.safetensors"
    torch.save(prefixed("", encoder(1)), tmp_path / "whole.pth")
    data = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.pth").write_text("not weights")
    (tmp_path / "empty.pth").touch()
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    for name in ("cut", "text", "empty"):
        with pytest.raises(WeightsError, match=rf"{name}\.pth cannot be read as plain weights"):
            convert_pth(tmp_path / f"{name}.pth", out)
    with pytest.raises(WeightsError, match=r"holds no PTv3 encoder.*got fc\.weight"):
        convert_pth(tmp_path / "other.pth", out)
    with pytest.raises(WeightsError, match="is not a file"):
        convert_pth(tmp_path / "nowhere.pth", out)
    with pytest.raises(WeightsError, match=r"are a \.safetensors file"):
        convert_pth(tmp_path / "whole.pth", tmp_path / "x.bin")
    assert not out.exists()


def test_a_failed_conversion_leaves_an_earlier_result_alone(tmp_path):
    source, out = tmp_path / "a.pth", tmp_path / "a.safetensors"
    torch.save(prefixed("", encoder(1)), source)
    convert_pth(source, out)
    before = out.read_bytes()
    broken = prefixed("", encoder(2))
    broken.popitem()
    torch.save(broken, source)
    with pytest.raises(WeightsError, match=r"a\.pth: 1 of the weights do not fit"):
        convert_pth(source, out)
    assert out.read_bytes() == before


def test_half_precision_weights_become_float32(tmp_path):
    halves = {name: value.half() for name, value in prefixed("", encoder(1)).items()}
    torch.save(halves, tmp_path / "half.pth")
    convert_pth(tmp_path / "half.pth", tmp_path / "half.safetensors")
    assert all(
        p.dtype == torch.float32 for p in load_encoder(tmp_path / "half.safetensors").parameters()
    )


def test_public_names_in_safetensors_are_taken_too(tmp_path):
    save_file(prefixed("backbone.", encoder(1)), tmp_path / "public.safetensors")
    with pytest.raises(WeightsError, match="is the source itself"):
        convert_pth(tmp_path / "public.safetensors", tmp_path / "public.safetensors")
    convert_pth(tmp_path / "public.safetensors", tmp_path / "ours.safetensors")
    assert load_encoder(tmp_path / "ours.safetensors").stem.linear.weight.equal(
        encoder(1).stem.linear.weight
    )


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """A checkpoint folder of a run whose heads are not 16 wide."""
    config = replace(TINY, heads=(2, 4, 4), patch_size=64)
    folder = tmp_path / "runs" / "a" / "checkpoints" / "00000010"
    folder.mkdir(parents=True)
    for seed, name in ((1, "student"), (2, "teacher")):
        state = encoder(seed, config).state_dict()
        own = {f"encoder.{key}": value for key, value in state.items()}
        own["offset_head.fc1.weight"] = torch.zeros(3)
        save_file(own, folder / f"{name}.safetensors")
    (tmp_path / "runs" / "a" / "run.json").write_text(
        json.dumps({"config": {"backbone": to_dict(config)}})
    )
    return folder


def test_an_encoder_comes_out_of_a_checkpoint_as_the_run_had_it(checkpoint):
    for branch, seed in (("student", 1), ("teacher", 2), ("auto", 2)):
        loaded = load_encoder(checkpoint, branch=branch)
        assert loaded.config.heads == (2, 4, 4) and loaded.config.patch_size == 64
        for name, value in encoder(seed, loaded.config).state_dict().items():
            assert value.equal(loaded.state_dict()[name]), name


def test_what_goes_out_comes_in_again(checkpoint, tmp_path):
    write_public(checkpoint, tmp_path / "public.pth")
    convert_pth(tmp_path / "public.pth", tmp_path / "back.safetensors")
    back, student = (
        load_encoder(tmp_path / "back.safetensors"),
        load_encoder(checkpoint, branch="student"),
    )
    assert back.config.heads == (2, 4, 4) and back.config.patch_size == 64
    for name, value in student.state_dict().items():
        assert value.equal(back.state_dict()[name]), name
    with pytest.raises(WeightsError, match=r"are a \.pth file"):
        write_public(checkpoint, tmp_path / "public.bin")


def test_files_that_are_no_encoder_of_ours_are_refused(checkpoint, tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(WeightsError, match="was not written by `pointins convert`"):
        load_encoder(tmp_path / "foreign.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    for path in (tmp_path / "broken.safetensors", tmp_path / "nowhere.safetensors"):
        with pytest.raises(WeightsError, match="cannot be read as converted weights"):
            load_encoder(path)
    with pytest.raises(WeightsError, match=r"plain\.safetensors cannot be read"):
        load_encoder(checkpoint, branch="plain")


def test_the_command_converts_both_ways_and_says_what_it_left_out(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    convert.add_arguments(parser)
    content = {**prefixed("backbone.", encoder(1)), "seg_head.weight": torch.zeros(20, 80)}
    torch.save(content, tmp_path / "a.pth")
    ours, public = tmp_path / "a.safetensors", tmp_path / "b.pth"
    args = parser.parse_args([str(tmp_path / "a.pth"), "--out", str(ours), "--license", "MIT"])
    assert convert.run(args) == 0
    said = capsys.readouterr().out
    assert "depths=(1, 1, 2)" in said and "licence: MIT" in said and "seg_head (1)" in said
    assert convert.run(parser.parse_args([str(ours), "--out", str(public), "--to-public"])) == 0
    written = torch.load(public, weights_only=True)
    assert written["config"]["enc_channels"] == (16, 32, 32)
    for name, value in export_public(encoder(1).state_dict()).items():
        assert written["state_dict"][name].equal(value)
