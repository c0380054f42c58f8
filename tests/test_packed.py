import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from pointins_engine.__main__ import main
from pointins_engine.backbone.encoder import Encoder
from pointins_engine.builtin import FOLDER, NETWORKS, builtin_checkpoint
from pointins_engine.errors import RunError, WeightsError
from pointins_engine.heads.offset import OffsetHead
from pointins_engine.packed import pack, read_packed
from pointins_engine.run_log.publishing import training_seconds
from pointins_engine.run_log.store import Run
from tests.recorded_run import append_frame, open_recorded_run

WEIGHTS = {
    "encoder.stem.weight": np.linspace(-3, 3, 12, dtype=np.float32).reshape(3, 4),
    "offset_head.fc2.bias": np.array([0.1, -0.2, 0.3], np.float32),
    "semantic_head.prototypes": np.ones((5, 2), np.float32),
}


def make_run(root, weights=WEIGHTS, steps=(10, 20)):
    """A run whose checkpoints hold some weights."""
    writer = open_recorded_run(root, num_points=300)
    for step in steps:
        append_frame(writer, step, num_points=300)
        folder = writer.paths.checkpoint(step)
        folder.mkdir(parents=True)
        save_file(weights, folder / "teacher.safetensors")
        (folder / "trainer.json").write_text(json.dumps({"step": step}))
    writer.close("finished")
    return root


def test_a_packed_network_comes_back_as_half_floats_without_semantic_heads(tmp_path):
    run = make_run(tmp_path / "rooms")
    pack(run, tmp_path / "net.safetensors", license="MIT", machine="a desk", scores={"ap50": 0.5})
    packed = read_packed(tmp_path / "net.safetensors")
    assert packed.state.keys() == {"encoder.stem.weight", "offset_head.fc2.bias"}
    for name, value in packed.state.items():
        np.testing.assert_array_equal(value, WEIGHTS[name].astype(np.float16))
        assert value.dtype == np.float16
    assert packed.config == Run(run).config
    told = packed.provenance
    assert (told["steps"], told["parameters"], told["recipe"]) == (20, 15, "indoor_demo")
    assert (told["license"], told["machine"], told["scores"]) == ("MIT", "a desk", {"ap50": 0.5})
    assert told["duration_s"] >= 0 and told["data"] == "sim:rooms"


def test_an_earlier_checkpoint_is_packed_by_its_step(tmp_path):
    run = make_run(tmp_path / "rooms")
    assert pack(run, tmp_path / "a.safetensors", step=10).provenance["steps"] == 10
    with pytest.raises(RunError, match=r"no checkpoint of step 15; there are 10, 20"):
        pack(run, tmp_path / "a.safetensors", step=15)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"encoder.stem.weight": np.ones(2, np.float32)}, "no offset head"),
        ({**WEIGHTS, "encoder.a": np.array([7e4], np.float32)}, "encoder.a holds values"),
        ({**WEIGHTS, "encoder.a": np.array([np.nan], np.float32)}, "encoder.a holds values"),
    ],
)
def test_weights_that_would_not_work_are_not_packed(tmp_path, weights, words):
    run = make_run(tmp_path / "rooms", weights)
    with pytest.raises(WeightsError, match=words):
        pack(run, tmp_path / "net.safetensors")
    assert not (tmp_path / "net.safetensors").exists()


def test_other_files_are_named_for_what_they_are(tmp_path):
    run = make_run(tmp_path / "rooms")
    good = tmp_path / "net.safetensors"
    pack(run, good)
    cut, foreign, encoder, newer = (tmp_path / f"{name}.safetensors" for name in "abcd")
    cut.write_bytes(good.read_bytes()[:-9])
    foreign.write_bytes(b"PK\x03\x04 a pickle")
    save_file(WEIGHTS, encoder, {"pointins_encoder": "{}"})
    save_file(WEIGHTS, newer, {"format": "pointins-network-9"})
    plain = run / "checkpoints/00000020/teacher.safetensors"
    for path, words in (
        (cut, "cannot be read as a packed network"),
        (foreign, "cannot be read as a packed network"),
        (tmp_path / "nowhere.safetensors", "cannot be read as a packed network"),
        (encoder, "holds an encoder alone"),
        (newer, "of another version: pointins-network-9"),
        (plain, "is no packed network"),
    ):
        with pytest.raises(WeightsError, match=words):
            read_packed(path)


def test_the_command_packs_and_says_what_it_packed(tmp_path, capsys):
    run = make_run(tmp_path / "rooms")
    scores = tmp_path / "scores.json"
    scores.write_text('{"ap50": 0.25}')
    out = tmp_path / "made/net.safetensors"
    assert main(["pack", str(run), "--out", str(out), "--scores", str(scores)]) == 0
    assert "15 parameters" in capsys.readouterr().out
    assert read_packed(out).provenance["scores"] == {"ap50": 0.25}
    scores.write_text("[1]")
    assert main(["pack", str(run), "--out", str(out), "--scores", str(scores)]) == 2
    assert "expected an object" in capsys.readouterr().err
    assert main(["pack", str(tmp_path), "--out", str(tmp_path / "net.pth")]) == 2


def test_the_time_of_training_leaves_out_the_pause_before_a_resume(tmp_path):
    writer = open_recorded_run(tmp_path / "rooms", num_points=300)
    writer.close("stopped")
    lines = [
        {"t": 100.0, "step": 0, "kind": "state"},
        {"t": 130.0, "step": 10, "kind": "checkpoint"},
        {"t": 900.0, "step": 10, "kind": "resume", "from_step": 10},
        {"t": 925.0, "step": 20, "kind": "checkpoint"},
    ]
    writer.paths.events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = Run(tmp_path / "rooms")
    assert (training_seconds(run, 10), training_seconds(run, 20)) == (30.0, 55.0)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_built_in_network_is_small_and_has_every_weight_of_its_network(name):
    path = builtin_checkpoint(name)
    assert path.stat().st_size <= 8_000_000
    packed = read_packed(path)
    with torch.device("meta"):
        backbone = packed.config.backbone
        encoder = Encoder(backbone, packed.config.scene.in_channels)
        head = OffsetHead(backbone.out_channels, packed.config.offset.hidden)
    wanted = {f"encoder.{key}": value.shape for key, value in encoder.state_dict().items()}
    wanted |= {f"offset_head.{key}": value.shape for key, value in head.state_dict().items()}
    assert {key: value.shape for key, value in packed.state.items()} == wanted
    assert packed.config.scene.domain == name


@pytest.mark.parametrize("name", NETWORKS)
def test_a_built_in_network_says_how_it_was_made(name):
    told = read_packed(builtin_checkpoint(name)).provenance
    assert told["license"] == "MIT" and told["data"].startswith("sim:")
    assert told["command"].startswith("pointins pretrain") and isinstance(told["seed"], int)
    assert told["steps"] > 0 and told["duration_s"] > 0 and told["machine"]
    readme = (FOLDER / "README.md").read_text()
    assert told["command"] in readme and f"{told['steps']:,} of" in readme


def test_a_name_that_is_not_built_in_is_answered_with_those_that_are():
    with pytest.raises(WeightsError, match="builtin:indoor and builtin:outdoor"):
        builtin_checkpoint("underwater")
