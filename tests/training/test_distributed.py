"""Training on several ranks: the same losses, one writer, one end. Gloo, two processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.errors import ConfigError
from pointins_engine.run_log.store import Run
from pointins_engine.trainer import pretrain
from pointins_engine.training.distributed import own_device
from pointins_engine.training.view_stream import scenes_a_part
from pointins_engine.world import World
from tests.training.two_ranks import (
    EDIT,
    NUM_SCENES,
    STEPS,
    assignments,
    hdbscan,
    steering,
    tiny,
    write_scans,
)

ROOT = Path(__file__).parents[2]
LAST_DRAWN = np.random.default_rng([0, 0]).permutation(NUM_SCENES)[-1]  # of the first epoch
LEFT_OUT = f"room{LAST_DRAWN}.npz"  # so it is the second rank that meets it
# Sums over ranks are taken in another order; float32 keeps seven digits and the optimiser's first
# steps, which divide by the size of a gradient, give some of them away.
CLOSE = 1e-5


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def start_ranks(out: Path, task: str) -> list[subprocess.Popen]:
    """Two processes with the environment that a launcher gives."""
    out.mkdir(parents=True, exist_ok=True)
    given = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.two_ranks", str(out), task],
            env={**os.environ, **given, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for rank in range(2)
    ]


def ends(ranks: list[subprocess.Popen]) -> tuple[list[int], list[str]]:
    """Exit codes, and what was said on stderr."""
    errors = [rank.communicate(timeout=120)[1] for rank in ranks]
    return [rank.returncode for rank in ranks], errors


def scalars(run: Path, key: str = "loss/total") -> list[float]:
    return [float(value) for value in Run(run).scalars()[key][1]]


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ranks") / "scans"
    write_scans(folder)
    return folder


@pytest.fixture(scope="module")
def trained(scans) -> Path:
    """Runs of two ranks, one after another in the same two processes."""
    write_scans(scans.parent / "broken")
    (scans.parent / "broken" / LEFT_OUT).write_bytes(b"no archive")
    out = scans.parent / "two"
    codes, errors = ends(start_ranks(out, "train"))
    assert codes == [0, 0], errors
    return out


@pytest.fixture(scope="module")
def alone(scans) -> Path:
    """The same runs of one rank, on the whole batch."""
    out = scans.parent / "one"
    config = tiny(scans)
    pretrain(config, out / "softmaps", recipe="softmaps")
    run = out / "assignments"
    pretrain(assignments(config), run, recipe="assignments", report=steering(run))
    return out


@pytest.mark.parametrize("objective", ["softmaps", "assignments"])
def test_two_ranks_with_half_the_batch_each_train_like_one(trained, alone, objective):
    for key in ("loss/total", "loss/offset", "match/pairs"):
        ours, theirs = scalars(trained / objective, key), scalars(alone / objective, key)
        assert len(theirs) == STEPS
        np.testing.assert_allclose(ours, theirs, rtol=CLOSE, err_msg=key)


def test_two_ranks_follow_the_same_commands(trained, alone):
    """Paused, one step, an edit, on: what only one rank reads counts for both."""
    ours, theirs = Run(trained / "assignments"), Run(alone / "assignments")
    assert [edit["values"] for edit in ours.edits()] == [edit["values"] for edit in theirs.edits()]
    assert {name: now for name, (_, now) in ours.edits()[0]["values"].items()} == EDIT
    answers = [e["ok"] for e in ours.events() if e["kind"] == "control"]
    assert answers == [True] * 4


def test_parts_one_after_another_train_like_the_whole_batch(alone, scans, tmp_path):
    pretrain(tiny(scans, accumulate=2), tmp_path / "parts", recipe="parts")
    for key in ("loss/total", "loss/offset", "optim/grad_norm"):
        np.testing.assert_allclose(
            scalars(tmp_path / "parts", key), scalars(alone / "softmaps", key), rtol=CLOSE
        )


def test_a_run_of_two_ranks_goes_on_with_one(trained, tmp_path):
    run = tmp_path / "softmaps"
    shutil.copytree(trained / "softmaps", run)
    shutil.rmtree(run / "checkpoints" / f"{STEPS:08}")
    config = tiny(trained.parent / "scans")
    pretrain(config, run, recipe="softmaps", resume=True)
    assert [mark["from_step"] for mark in Run(run).marks() if mark["kind"] == "resume"] == [3]
    np.testing.assert_allclose(scalars(run), scalars(trained / "softmaps"), rtol=CLOSE)


def test_gradients_are_summed_also_where_one_rank_has_none(trained):
    for rank in range(2):
        found = json.loads((trained / f"reductions{rank}.json").read_text())
        assert found["sum_gradients"] == [[3.0, 6.0], [1.0, 1.0], None]
        assert found["any"] == [True, False]
        assert found["agrees"] == [True, False]
        assert found["share"] == {"from": 0}


def test_one_rank_fits_the_prior_for_all(trained, scans):
    config = hdbscan(tiny(scans))
    record = json.loads((trained / "hdbscan" / "prior.json").read_text())
    assert config.odr.prior.kind == "hdbscan"
    assert record["kind"] == "empirical"
    assert record["provenance"]["method"] == "hdbscan"


def test_a_scan_that_one_rank_cannot_read_is_told_by_the_rank_that_writes(trained):
    events = (trained / "left_out" / "events.jsonl").read_text().splitlines()
    (warning,) = (e["text"] for e in map(json.loads, events) if e["kind"] == "warning")
    assert warning.startswith("rank 1: left out: ")
    assert LEFT_OUT in warning


def test_one_rank_that_is_asked_to_stop_stops_all_with_a_checkpoint(trained):
    assert (trained / "stopped0").exists()
    assert (trained / "stopped1").exists()
    state = Run(trained / "stopped").state()
    assert (state["status"], state["detail"]) == ("stopped", "Stopped at step 2 as asked.")
    assert (trained / "stopped" / "checkpoints" / "00000002" / "trainer.json").exists()


def test_only_the_first_rank_writes(trained):
    """One state a change of status: a second writer would double them."""
    events = (trained / "softmaps" / "events.jsonl").read_text().splitlines()
    statuses = [e["status"] for e in map(json.loads, events) if e["kind"] == "state"]
    assert statuses == ["running", "finished"]


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("fail", "rank 1: SceneError: a scan went away."),
        ("kill", "rank 0: another rank ended without a word"),
    ],
)
def test_a_rank_that_fails_ends_all_with_its_reason(scans, task, reason):
    out = scans.parent / "ends"
    started = time.monotonic()
    codes, errors = ends(start_ranks(out, task))
    assert all(code != 0 for code in codes), errors
    state = Run(out / task).state()
    assert state["status"] == "failed"
    assert reason in state["detail"]
    assert time.monotonic() - started < 60, "no reduction was waited for"
    if task == "fail":
        assert "a scan went away" in errors[1]
        assert "Traceback" not in errors[0], "one rank tells it, not all"


def test_torchrun_trains_and_a_signal_stops_it_with_a_checkpoint(scans, tmp_path):
    run = tmp_path / "run"
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    words = [
        "pretrain",
        "indoor_demo",
        "--scenes",
        str(scans),
        "--run",
        str(run),
        "--device",
        "cpu",
    ]
    words += ["--backbone.depths", "1", "1", "--backbone.channels", "16", "32"]
    words += ["--backbone.heads", "1", "2", "--log.probe-every", "0", "--log.num-inspected", "1"]
    words += ["--log.max-inspected-voxels", "500", "--odr.prior.kind", "gamma", "--steps", "9999"]
    port = ["--master-port", str(free_port())]
    launched = subprocess.Popen(
        [sys.executable, *launcher, *port, "-m", "pointins_engine", "--", *words],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    deadline = time.monotonic() + 90
    while not (run / "state.json").exists() or Run(run).state()["step"] < 1:
        assert launched.poll() is None, launched.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    launched.send_signal(signal.SIGTERM)
    _, errors = launched.communicate(timeout=60)
    assert launched.returncode != 0
    state = Run(run).state()
    assert state["status"] == "stopped", errors
    assert (run / "checkpoints" / f"{state['step']:08}" / "trainer.json").exists()
    assert (
        Run(run)
        .record["command"]
        .startswith("torchrun --nproc-per-node 2 -m pointins_engine -- pretrain")
    )


def test_scenes_that_cannot_be_shared_out_are_refused(scans):
    config = tiny(scans)
    with pytest.raises(ConfigError, match=r"= 4 cannot .* to 8 ranks\. .*batch_scenes to 8"):
        scenes_a_part(config, World(0, 8))
    with pytest.raises(ConfigError, match=r"to 3 ranks\. .*set optim\.batch_scenes to 3"):
        scenes_a_part(config, World(0, 3))
    halves = replace(config, optim=replace(config.optim, accumulate=4))
    with pytest.raises(ConfigError, match=r"2 ranks of 4 parts each \(optim\.accumulate\)"):
        pretrain(halves, scans / "run", recipe="x", world=World(0, 2))
    assert not (scans / "run").exists()


def test_a_rank_cannot_be_given_one_named_gpu(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"'cuda:0' is one GPU.*CUDA_VISIBLE_DEVICES"):
        own_device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "200")
    with pytest.raises(ConfigError, match=r"local rank 200 has no GPU.*--device cpu"):
        own_device("cuda")
    assert own_device("cpu").type == "cpu"
