"""Networks from runs, from packed files and built in: the same offsets, and words for others."""

import json
import pickle

import numpy as np
import pytest
from safetensors.torch import save_file

from pointins_engine.config import to_dict
from pointins_engine.errors import ConfigError, RunError, WeightsError
from pointins_engine.packed import pack
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.segment.network import open_network
from pointins_engine.views import whole_view
from tests.segment.oracle import small_network
from tests.small_steps import small_config


def state_of(network):
    parts = (("encoder", network.encoder), ("offset_head", network.offset_head))
    return {
        f"{name}.{key}": value for name, part in parts for key, value in part.state_dict().items()
    }


@pytest.fixture
def network():
    return small_network(small_config(scene__grid_size=0.06))


@pytest.fixture
def run(network, tmp_path):
    """A run whose checkpoint of step 20 is the network, and of step 10 one that moves nothing."""
    root = tmp_path / "rooms"
    writer = RunWriter.create(
        root, recipe="indoor_demo", config=network.config, device="cpu", libraries={}
    )
    still = {name: value * ("fc2" not in name) for name, value in state_of(network).items()}
    for step, state in ((10, still), (20, state_of(network))):
        folder = writer.paths.checkpoint(step)
        folder.mkdir(parents=True)
        save_file(state, folder / "teacher.safetensors")
        (folder / "trainer.json").write_text(json.dumps({"step": step}))
    writer.close("finished")
    return root


def offsets(network, room):
    return network.offsets(whole_view(room, network.config.scene, len(room)))[1]


def test_a_run_gives_the_teacher_of_its_newest_checkpoint(run, network, room):
    opened = open_network(str(run), "cpu")
    np.testing.assert_array_equal(offsets(opened, room), offsets(network, room))
    assert opened.provenance["steps"] == 20 and opened.provenance["recipe"] == "indoor_demo"
    assert to_dict(opened.config) == to_dict(network.config)


def test_an_earlier_checkpoint_is_opened_by_its_step(run, room):
    assert not offsets(open_network(f"{run}@10", "cpu"), room).any()
    with pytest.raises(RunError, match=r"no checkpoint of step 15; there are those of 10, 20"):
        open_network(f"{run}@15", "cpu")


def test_a_packed_file_gives_the_offsets_of_its_run_to_half_precision(run, room, tmp_path):
    file = tmp_path / "net.safetensors"
    pack(run, file, license="MIT")
    packed, whole = (open_network(str(path), "cpu") for path in (file, run))
    mine, theirs = offsets(packed, room), offsets(whole, room)
    np.testing.assert_allclose(mine, theirs, atol=2e-2 * np.abs(theirs).max())
    assert packed.provenance["license"] == "MIT"


@pytest.mark.parametrize("name", ["indoor", "outdoor"])
def test_the_built_in_networks_open_and_know_their_domain(name):
    network = open_network(f"builtin:{name}", "cpu")
    assert network.config.scene.domain == name
    assert network.provenance["command"].startswith("pointins pretrain")


def test_what_is_no_network_is_named_with_the_fix(run, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    pickled = tmp_path / "model.pth"
    pickled.write_bytes(pickle.dumps({"a": 1}))
    text = tmp_path / "notes.txt"
    text.write_text("no weights")
    good = tmp_path / "good.safetensors"
    pack(run, good)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(good.read_bytes()[:-100])
    for checkpoint, error, told in (
        (str(empty), RunError, "holds no run.*builtin:indoor"),
        (str(tmp_path / "nowhere"), RunError, "does not exist.*builtin:indoor"),
        (str(pickled), WeightsError, "a pickle runs code"),
        (str(text), WeightsError, "cannot be read as a packed network"),
        (str(cut), WeightsError, "cannot be read as a packed network"),
        ("builtin:kitchen", WeightsError, "kitchen"),
        ("auto", ConfigError, "depends on the scan"),
    ):
        with pytest.raises(error, match=told):
            open_network(checkpoint, "cpu")
    with pytest.raises(ConfigError, match="device 'tpu'"):
        open_network("builtin:indoor", "tpu")


def without_head(state):
    return {name: value for name, value in state.items() if "offset_head" not in name}


def with_another_head(state):
    return {**state, "offset_head.fc2.bias": state["offset_head.fc2.bias"][:2].clone()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_head, "has no offset head"),
        (with_another_head, "does not fit the configuration"),
    ],
)
def test_weights_that_do_not_make_a_network_are_refused(run, network, change, told):
    file = run / "checkpoints" / "00000020" / "teacher.safetensors"
    save_file(change(state_of(network)), file)
    with pytest.raises(WeightsError, match=told):
        open_network(str(run), "cpu")


def test_a_damaged_checkpoint_is_named(run):
    file = run / "checkpoints" / "00000020" / "teacher.safetensors"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(WeightsError, match=r"teacher.safetensors is damaged"):
        open_network(str(run), "cpu")
