"""Steering a trainer: pause, one step, edits and forks, and what they leave unchanged."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from pointins_engine.__main__ import main
from pointins_engine.config import RunConfig, with_values
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.fork import find_parent
from pointins_engine.objectives.priors import MagnitudePrior, prior_of
from pointins_engine.offset_prior.record import record_of
from pointins_engine.run_log.control import drop_command
from pointins_engine.run_log.files import append_line
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import Run
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.trainer import pretrain
from pointins_engine.training.recorder import Progress
from pointins_engine.training.steering import Steering
from pointins_engine.watching.inspection import FrameClock
from pointins_engine.watching.watch_share import WatchShare
from pointins_engine.world import ALONE, World
from tests.ranks import on_ranks
from tests.recorded_run import CONFIG
from tests.training.two_ranks import tiny, write_scans

ROOT = Path(__file__).parents[1]
STEPS = 8
EDIT: dict[str, Any] = {
    "offset.weight": 0.7,
    "optim.lr": 4e-4,
    "scr.link_radius": 0.5,
    "odr.prior.kind": "exponential",
    "odr.prior.scale": 0.3,
    "view.mask_ratio": [0.45, 0.45],
}


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("steering") / "scans"
    write_scans(folder)
    return folder


@pytest.fixture(scope="module")
def config(scans) -> RunConfig:
    """Every step is logged; a checkpoint at 4 and at 8."""
    return with_values(
        tiny(scans, batch_scenes=1),
        {
            "optim.steps": STEPS,
            "log.scalars_every": 1,
            "log.checkpoint_every": 4,
            "log.keep_checkpoints": 1,
        },
    )


@pytest.fixture(scope="module")
def untouched(config, tmp_path_factory) -> Path:
    """With frames now and then, and all of its checkpoints."""
    run = tmp_path_factory.mktemp("runs") / "untouched"
    values = {"log.frame_every": 4, "log.watch_budget": 1.0, "log.keep_checkpoints": 2}
    pretrain(with_values(config, values), run, recipe="indoor_demo")
    return run


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory) -> Path:
    """What `edited_run` would have left if it had been killed after step 6."""
    return tmp_path_factory.mktemp("killed") / "killed"


@pytest.fixture(scope="module")
def edited_run(config, killed_run, tmp_path_factory) -> Path:
    """Edited at step 4, where it also has a checkpoint."""
    run = tmp_path_factory.mktemp("runs") / "edited"
    drop = at(run, {4: [("set", EDIT)]})

    def report(now: Progress) -> None:
        drop(now)
        if now.step == 6:
            shutil.copytree(run, killed_run)
            state = json.loads((killed_run / "state.json").read_text())
            (killed_run / "state.json").write_text(json.dumps(state | {"pid": gone_process()}))

    pretrain(config, run, recipe="indoor_demo", report=report)
    return run


def gone_process() -> int:
    """Id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def at(run: Path, wanted: dict[int, list[tuple[str, Any]]]) -> Callable[[Progress], None]:
    """Drop commands when a step is done."""

    def report(now: Progress) -> None:
        for command, values in wanted.get(now.step, []):
            drop_command(RunPaths(run), command, values, by="test")

    return report


def losses(run: Path) -> dict[int, float | None]:
    return dict(zip(*Run(run).scalars()["loss/total"], strict=True))


def answers(run: Path) -> list[tuple[str, bool, str]]:
    events = Run(run).events()
    return [(e["command"], e["ok"], e["text"]) for e in events if e["kind"] == "control"]


def weights(run: Path, step: int) -> dict[str, np.ndarray]:
    return load_file(RunPaths(run).checkpoint(step) / "student.safetensors")


def refused(config: RunConfig, run: Path, fork: str, **more: Any) -> None:
    pretrain(config, run, recipe="x", fork=find_parent(fork, run.parent), **more)


def same_weights(a: Path, b: Path, step: int) -> bool:
    one, other = weights(a, step), weights(b, step)
    return all(np.array_equal(one[name], other[name]) for name in one)


# -- pausing ------------------------------------------------------------------------------------


def test_pausing_and_single_steps_change_nothing_that_is_learned(config, untouched, tmp_path):
    """Paused before step 3, one step, a frame, a checkpoint, then on; every command is answered."""
    run = tmp_path / "paused"
    seen: list[tuple[str, int]] = []

    def steer() -> None:
        for command in ("step", "frame", "checkpoint", "resume"):
            drop_command(RunPaths(run), command, by="other")

    def report(now: Progress) -> None:
        seen.append((Run(run).state()["status"], now.step))
        if now.step == 2:
            drop_command(RunPaths(run), "pause", by="test")
            threading.Timer(0.3, steer).start()

    # Between its log steps a run looks at nothing, but at a step that was asked for alone it does.
    quiet = with_values(config, {"log.scalars_every": 4, "log.checkpoint_every": 100})
    pretrain(quiet, run, recipe="indoor_demo", report=report)
    assert [status for status, step in seen if step == 3] == ["paused"]
    assert [status for status, step in seen if step == 4] == ["running"]
    logged = losses(run)
    assert sorted(logged) == [3, 4, 8]
    assert logged == {step: losses(untouched)[step] for step in logged}
    assert same_weights(run, untouched, STEPS)
    assert [step for step in Run(run).frames(Run(run).scenes()[0])] == [0, 3, 8]
    assert answers(run) == [
        ("pause", True, "Paused at step 2."),
        ("step", True, "Step 3 is done, its frame is written."),
        (
            "frame",
            True,
            "Step 3 has its frame; what was edited since shows after the next step.",
        ),
        (
            "checkpoint",
            True,
            "The checkpoint of step 3 is written and stays until somebody removes it.",
        ),
        ("resume", True, "Goes on from step 3."),
    ]
    assert Run(run).checkpoints() == [
        {"step": 3, "kept": True},
        {"step": 8, "kept": False},
    ], "keep_checkpoints is 1, and the one that was asked for is not counted"
    states = [e["status"] for e in Run(run).events() if e["kind"] == "state"]
    assert states == ["running", "paused", "paused", "running", "finished"]
    assert Run(run).state()["control"] is False
    assert list(RunPaths(run).control.iterdir()) == []


def test_a_stop_saves_and_the_run_goes_on_as_if_nothing_had_happened(config, untouched, tmp_path):
    run = tmp_path / "stopped"
    wanted = {2: [("pause", None), ("stop", None), ("frame", None)]}
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, run, recipe="indoor_demo", report=at(run, wanted))
    assert Run(run).state()["status"] == "stopped"
    assert Run(run).state()["detail"] == "Stopped at step 2 as asked."
    assert answers(run)[1:] == [
        ("stop", True, "Stopped at step 2 as asked."),
        ("frame", False, "Stopped at step 2 as asked."),
    ]
    drop_command(RunPaths(run), "pause", by="late")
    pretrain(config, run, recipe="indoor_demo", resume=True)
    assert answers(run)[-1] == (
        "pause",
        False,
        "It was dropped before this trainer began its steps.",
    )
    assert losses(run) == losses(untouched)
    assert same_weights(run, untouched, STEPS)


# -- edits --------------------------------------------------------------------------------------


def test_an_edit_counts_from_its_step_on_as_if_the_run_had_been_configured_so(
    edited_run, config, untouched, tmp_path
):
    """The same losses and weights, bit for bit, as a fork of the plain run with those values."""
    before, after = losses(untouched), losses(edited_run)
    assert {step: after[step] for step in range(1, 5)} == {s: before[s] for s in range(1, 5)}
    assert all(after[step] != before[step] for step in range(5, STEPS + 1))

    fork = tmp_path / "fork"
    parent = find_parent(f"{untouched}@4", tmp_path)
    pretrain(with_values(config, EDIT), fork, recipe="indoor_demo", fork=parent)
    assert losses(fork) == {step: after[step] for step in range(5, STEPS + 1)}
    assert same_weights(fork, edited_run, STEPS)


def test_an_edit_leaves_a_mark_with_both_values_and_the_new_prior(edited_run, config):
    run = Run(edited_run)
    (edit,) = run.edits()
    assert edit in run.marks()
    assert edit["values"]["offset.weight"] == [config.offset.weight, 0.7]
    assert edit["values"]["view.mask_ratio"] == [list(config.view.mask_ratio), [0.45, 0.45]]
    assert edit["prior"]["kind"] == "exponential"
    assert edit["by"] == "test"
    assert "optim.lr 0.001 → 0.0004 from step 5 on" in edit["text"]
    assert run.config == config
    assert run.config_now() == with_values(config, EDIT)
    assert run.config_at(3) == config
    now = dict(zip(*run.scalars()["schedule/mask_ratio"], strict=True))
    assert (now[4], now[5]) == (config.view.mask_ratio[1], 0.45)


def test_a_killed_run_keeps_its_edits_up_to_the_checkpoint(
    edited_run, killed_run, config, tmp_path
):
    """Killed after step 6 with a checkpoint at 4; an edit at 5 is gone, and that is told."""
    run = shutil.copytree(killed_run, tmp_path / "killed")
    lost = {"id": "x", "by": "", "values": {"offset.weight": [0.7, 0.9]}, "text": "0.7 → 0.9"}
    append_line(run / "events.jsonl", {"t": 0.0, "step": 5, "kind": "edit", **lost})
    assert Run(run).state()["status"] == "lost"
    assert Run(run).config_now().offset.weight == 0.9
    pretrain(config, run, recipe="indoor_demo", resume=True)
    assert losses(run) == losses(edited_run)
    assert same_weights(run, edited_run, STEPS)
    assert Run(run).config_now() == with_values(config, EDIT)
    (warning,) = [e["text"] for e in Run(run).events() if e["kind"] == "warning"]
    assert warning == "An edit came after the checkpoint and is gone; ask for it again: 0.7 → 0.9."


# -- forks --------------------------------------------------------------------------------------


def test_a_fork_begins_where_its_parent_was_edits_and_all(edited_run, config, tmp_path):
    kept = {file: file.read_bytes() for file in edited_run.rglob("*") if file.is_file()}
    parent = find_parent(str(edited_run), tmp_path)
    assert parent.step == STEPS
    assert parent.config == with_values(config, EDIT)
    assert parent.prior.kind == "exponential"
    run = tmp_path / "fork"
    values = {"optim.steps": STEPS + 2, "offset.weight": 0.1, "log.keep_checkpoints": 2}
    longer = with_values(parent.config, values)
    pretrain(longer, run, recipe=parent.recipe, fork=parent)
    record = Run(run).record
    assert record["parent"] == {
        "run": "edited",
        "step": STEPS,
        "uid": Run(edited_run).record["uid"],
    }
    assert Run(run).config == longer
    assert sorted(losses(run)) == [STEPS + 1, STEPS + 2]
    assert json.loads((run / "prior.json").read_text())["kind"] == "exponential"
    assert kept == {file: file.read_bytes() for file in edited_run.rglob("*") if file.is_file()}

    # It goes on without its parent.
    (run / "checkpoints" / f"{STEPS + 2:08d}" / "trainer.json").unlink()
    shown = losses(run)
    assert main(["pretrain", "--resume", "--run", str(run), "--quiet", "--device", "cpu"]) == 0
    assert losses(run) == shown
    assert Run(run).marks()[-2]["from_step"] == STEPS


def test_a_fork_that_cannot_be_says_what_is_there(edited_run, untouched, config, tmp_path):
    with pytest.raises(RunError, match=r"no checkpoint of step 3; there are those of 8"):
        find_parent(f"{edited_run}@3", tmp_path)
    with pytest.raises(RunError, match=r"neither nowhere nor .*nowhere holds a run"):
        find_parent("nowhere@4", tmp_path)
    RunWriter.create(
        tmp_path / "young", recipe="x", config=CONFIG, device="cpu", libraries={}
    ).close("stopped")
    with pytest.raises(RunError, match="holds no checkpoint yet"):
        find_parent("young", tmp_path)
    with pytest.raises(ConfigError, match=r"optim\.steps is 8, and untouched has 8 steps done"):
        refused(config, tmp_path / "new", str(untouched))
    other = with_values(
        config, {"optim.steps": 20, "backbone.channels": [32, 32], "offset.hidden": 16}
    )
    with pytest.raises(RunError, match="holds another network"):
        refused(other, tmp_path / "new", str(untouched))
    assert not (tmp_path / "new").exists()


# -- the command line ---------------------------------------------------------------------------


def test_a_shell_forks_steers_and_hears_why_not(untouched, scans, tmp_path, capsys):
    run = tmp_path / "fork"
    words = ["pretrain", "--fork", f"{untouched}@8", "--run", str(run), "--steps", "10000"]
    words += ["--log.checkpoint-every", "100000", "--offset.weight", "0.5", "--quiet"]
    trainer = subprocess.Popen(
        [sys.executable, "-m", "pointins_engine", *words, "--device", "cpu"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        while not (run / "state.json").exists() or not Run(run).state().get("control"):
            assert trainer.poll() is None
            time.sleep(0.05)
        assert main(["steer", str(run), "step"]) == 0
        assert "is done, its frame is written" in capsys.readouterr().out
        assert Run(run).state()["status"] == "paused"
        assert main(["steer", str(run), "set", "offset.weight=0.1"]) == 0
        assert capsys.readouterr().out.startswith("offset.weight 0.5 → 0.1 from step")
        assert main(["steer", str(run), "set", "offset.weight=lots"]) == 1
        assert "offset.weight is 'lots', expected a number" in capsys.readouterr().err
        assert main(["steer", str(run), "pause"]) == 1
        assert "paused already" in capsys.readouterr().err
        trainer.send_signal(signal.SIGSTOP)
        assert main(["steer", str(run), "frame", "--wait", "0.2"]) == 1
        assert "has not answered within 0.2 s" in capsys.readouterr().err
        trainer.send_signal(signal.SIGCONT)
        assert main(["steer", str(run), "stop"]) == 0
        assert trainer.wait(timeout=60) == 130
    finally:
        trainer.kill()
        trainer.wait()
    assert Run(run).record["command"].startswith(f"pointins pretrain --run {run} --fork")
    assert Run(run).config.offset.weight == 0.5
    assert main(["steer", str(run), "pause"]) == 2
    assert "The run is stopped: there is no trainer" in capsys.readouterr().err
    assert main(["steer", str(tmp_path / "none"), "pause"]) == 2
    assert "holds a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["indoor_demo", "--fork", "x"], "leave out indoor_demo"),
        (["--fork", "x", "--preset", "paper"], "leave out --preset"),
        (["--resume", "--run", "none"], "--resume without a recipe needs --run"),
    ],
)
def test_words_that_do_not_go_together_are_refused(words, message, capsys):
    assert main(["pretrain", *words]) == 2
    assert message in capsys.readouterr().err


# -- several ranks, and the budget --------------------------------------------------------------


@dataclass
class Follower:
    """What a trainer does when it is steered, written down."""

    config: RunConfig
    prior: MagnitudePrior
    did: list[str] = field(default_factory=list)

    def follow(self, config: RunConfig, prior: MagnitudePrior) -> None:
        self.config, self.prior = config, prior
        self.did.append(f"weight {config.offset.weight}")

    def check(self, done: int) -> None:
        self.did.append(f"check {done}")

    def save(self, done: int, *, asked: bool) -> None:
        self.did.append(f"save {done} {asked}")

    def show(self, done: int) -> bool:
        self.did.append(f"show {done}")
        return True


def test_all_ranks_follow_what_one_of_them_reads(tmp_path):
    """Only the first rank has a folder; a signal to the second ends both, paused as they are."""
    writer = RunWriter.create(
        tmp_path / "run", recipe="x", config=CONFIG, device="cpu", libraries={}
    )
    stopped = threading.Event()
    record = record_of(with_values(CONFIG, {"odr.prior.kind": "gamma"}).odr.prior)

    def steered(world: World) -> Follower:
        follower = Follower(CONFIG, prior_of(record))
        stop = stopped if world.rank == 1 else threading.Event()
        own = writer if world.is_main else None
        steering = Steering(follower, CONFIG, record, stop, world, own)
        steering.start(0)
        if world.is_main:
            for command in ("pause", "checkpoint", "step"):
                drop_command(writer.paths, command)
            drop_command(writer.paths, "set", {"offset.weight": 0.125})
            drop_command(writer.paths, "set", {"offset.weight": "x"})
            drop_command(writer.paths, "resume")
        steering.before_step(0)
        assert steering.is_single_step
        steering.before_step(1)
        assert not steering.is_single_step
        if world.is_main:
            drop_command(writer.paths, "pause")
        else:
            threading.Timer(0.3, stopped.set).start()
        with pytest.raises(KeyboardInterrupt):
            steering.before_step(2)
        return follower

    first, second = on_ranks(2, steered)
    assert first.did == second.did
    assert first.did == [
        "check 0",
        "save 0 True",
        "show 1",
        "weight 0.125",
        "check 2",
        "save 2 False",
    ]
    assert [ok for _, ok, _ in answers(tmp_path / "run")] == [
        *(True, True, True),  # pause, checkpoint, step
        *(True, False, True, True),  # two edits, resume, pause
    ]
    assert Run(tmp_path / "run").state()["status"] == "stopped"


def test_a_checkpoint_that_cannot_be_written_does_not_end_a_run_when_it_was_asked_for(tmp_path):
    class FullDisk(Follower):
        def save(self, done: int, *, asked: bool) -> None:
            raise RunError("no space left.")

    writer = RunWriter.create(
        tmp_path / "run", recipe="x", config=CONFIG, device="cpu", libraries={}
    )
    record = record_of(with_values(CONFIG, {"odr.prior.kind": "gamma"}).odr.prior)
    follower = FullDisk(CONFIG, prior_of(record))
    steering = Steering(follower, CONFIG, record, threading.Event(), ALONE, writer)
    steering.start(0)
    drop_command(writer.paths, "checkpoint")
    drop_command(writer.paths, "set", {"odr.prior.kind": "lognormal", "odr.prior.sigma": 1e4})
    steering.before_step(0)
    steering.finish(1)
    writer.close("finished")
    checkpoint, edit = answers(tmp_path / "run")
    assert checkpoint == ("checkpoint", False, "no space left.")
    assert not edit[1] and "lengths without end" in edit[2]
    assert follower.config == CONFIG


def test_another_budget_moves_the_frame_that_is_planned():
    """Frames of 0.3 s between steps of 0.6 s: at 10 % after 5 steps, at 2 % after 25."""
    log = replace(CONFIG.log, frame_every=1, watch_budget=0.1)
    clock = FrameClock(log)
    clock.took(10, frame_s=0.3, step_s=0.6)
    assert clock.is_due(15)
    clock.follow(replace(log, watch_budget=0.02))
    assert not clock.is_due(34)
    assert clock.is_due(35)


def test_the_measured_share_is_that_of_whole_periods_and_leaves_pauses_out(monkeypatch):
    """Frames of 1 s that end every 10 s; a pause of an hour in between changes nothing."""
    clock = iter([100.0, 110.0, 3720.0, 3730.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    share = WatchShare()
    assert share.frame(5.0) is None, "the first frame is dear, and no period yet"
    assert share.frame(1.0) == pytest.approx(0.1)
    share.leave_out(3600.0)
    assert share.frame(1.0) == pytest.approx(0.1)
    assert share.frame(1.0) == pytest.approx(0.1)


def test_a_run_says_what_its_frames_cost(untouched):
    steps, shares = Run(untouched).scalars()["time/watch_share"]
    assert steps == [4, 8]
    assert all(share is not None and 0 < share < 1 for share in shares)
