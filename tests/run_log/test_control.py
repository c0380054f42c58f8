"""Commands in the run folder: what is dropped is read, in order, and damage is told."""

import json
from pathlib import Path

import pytest

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.live_edits import (
    LIVE_FIELDS,
    edit_lines,
    edited,
    edited_prior,
    with_edits,
)
from pointins_engine.offset_prior.record import record_of
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log import tensorboard_mirror
from pointins_engine.run_log.control import (
    ID,
    MAX_AT_ONCE,
    MAX_BYTES,
    drop_command,
    pending,
    read_commands,
    remove_command,
    why_nobody_listens,
)
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import Run
from pointins_engine.run_log.tensorboard_mirror import require_tensorboard
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.steer import parse_values
from tests.recorded_run import CONFIG, open_recorded_run

FIRST = get_recipe("indoor_demo")
UNUSED = "01KAJ6T2V9S4W8ZB0QX3D5N7RM"


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


def test_commands_are_read_in_the_order_of_asking(paths):
    asked = [drop_command(paths, "pause", by="a")]
    asked += [drop_command(paths, "set", {"offset.weight": n}, by="b") for n in range(20)]
    read = read_commands(paths)
    assert [command.id for command in read] == asked == pending(paths)
    assert all(ID.fullmatch(id) for id in asked)
    assert (read[0].command, read[0].by, read[0].problem) == ("pause", "a", "")
    assert [command.values["offset.weight"] for command in read[1:]] == list(range(20))
    for id in asked:
        remove_command(paths, id)
    assert pending(paths) == []


def test_only_some_commands_are_taken_at_once_and_the_oldest_first(paths):
    asked = [drop_command(paths, "frame") for _ in range(MAX_AT_ONCE + 3)]
    assert [command.id for command in read_commands(paths)] == asked[:MAX_AT_ONCE]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"id": "', "is not JSON"),
        ("[1]", "holds a list"),
        (f'{{"id": "{UNUSED}", "command": "format"}}', "'format' is no command; there are pause"),
        (f'{{"id": "{UNUSED}", "command": ["set"]}}', r"\['set'\] is no command"),
        (f'{{"id": "{UNUSED}", "command": "set"}}', "needs values by name, got None"),
        (f'{{"id": "{UNUSED}", "command": "set", "values": [1]}}', "needs values by name"),
        ('{"id": "1", "command": "pause"}', "holds the id '1', expected its own name"),
        ("[" * MAX_BYTES, "cannot be read"),
        (" " * (MAX_BYTES + 1), f"at most {MAX_BYTES} are read"),
    ],
)
def test_a_damaged_command_says_what_is_wrong_with_it(paths, text, problem):
    paths.control.mkdir()
    (paths.control / f"{UNUSED}.json").write_text(text)
    (command,) = read_commands(paths)
    assert command.id == UNUSED
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(command.problem)


def test_what_is_no_command_file_is_left_alone(paths):
    paths.control.mkdir()
    (paths.control / f".{UNUSED}.json.12.tmp").write_text("{")
    (paths.control / "readme.json").write_text("{}")
    (paths.control / f"{UNUSED}.json").mkdir()
    (paths.control / f"{UNUSED[:-1]}K.json").symlink_to("/etc/hostname")
    assert read_commands(paths) == []


def test_a_command_that_cannot_be_dropped_says_why(paths, tmp_path):
    with pytest.raises(RunError, match="'jump' is no command; there are pause, resume"):
        drop_command(paths, "jump")
    with pytest.raises(RunError, match="cannot be written as JSON"):
        drop_command(paths, "set", {"offset.weight": float("nan")})
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        drop_command(RunPaths(tmp_path / "file"), "pause")


def test_only_a_trainer_that_listens_can_be_asked(tmp_path):
    writer = open_recorded_run(tmp_path / "rooms")
    run = Run(tmp_path / "rooms")
    assert "an older version" in why_nobody_listens(run.state())
    writer.listens(True)
    writer.state("paused", "Paused at step 3.")
    assert why_nobody_listens(run.state()) == ""
    assert run.state()["status"] == "paused"
    with pytest.raises(RunError, match="is being written by process"):
        RunWriter.reopen(tmp_path / "rooms", step=0, config=CONFIG)
    writer.close("finished")
    assert why_nobody_listens(run.state()).startswith("The run is finished: there is no trainer")


def test_an_old_heartbeat_of_a_living_process_reads_as_stalled(tmp_path):
    writer = open_recorded_run(tmp_path / "rooms")
    writer.close("stopped")
    state_path = tmp_path / "rooms" / "state.json"
    state = json.loads(state_path.read_text()) | {"status": "running", "heartbeat": 1e9, "step": 7}
    state_path.write_text(json.dumps(state))
    read = Run(tmp_path / "rooms").state()
    assert read["status"] == "stalled"
    assert read["detail"] == (
        "The trainer hangs at step 7: no sign of life, though its process is there."
    )
    state_path.write_text(json.dumps(state | {"host": "elsewhere"}))
    assert Run(tmp_path / "rooms").state()["status"] == "lost"


# -- edits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"offset.weight": "0.1"}, r"offset\.weight is '0\.1', expected a number"),
        ({"offset.weight": True}, r"offset\.weight is True, expected a number"),
        ({"offset.weight": float("nan")}, "expected a finite number"),
        ({"offset.weight": -1}, r"offset\.weight must be >= 0, got -1"),
        ({"scr.num_segments": 2.5}, "expected a whole number"),
        ({"scr.num_segments": 10**30}, r"expected a number below 2\*\*63"),
        ({"scr.num_segments": 300}, r"must be in 2\.\.255, got 300"),
        ({"view.mask_ratio": [0.3]}, "expected a list of 2 values"),
        ({"view.mask_ratio": [0.3, 1.0]}, r"two shares in \[0, 1\)"),
        ({"optim.steps": 10}, "stays what it is while a run trains; these may change"),
        ({"scr": {"grouping": "paper"}}, "scr is no field that changes"),
        ({"odr.prior.kind": "file", "odr.prior.path": "/etc/passwd"}, "built-in prior is expected"),
        ({"odr.prior.kind": "empirical"}, "at least two rising lengths"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_by_name(values, message):
    with pytest.raises(ConfigError, match=message):
        edited(FIRST, values)


def test_an_edit_changes_its_fields_and_nothing_else():
    values = {"offset.weight": 2, "view.mask_size": [0.2, 0.5], "odr.prior.kind": "lognormal"}
    after = edited(FIRST, values)
    assert (after.offset.weight, after.view.mask_size) == (2.0, (0.2, 0.5))
    assert edit_lines(FIRST, after, "from the next step") == [
        "view.mask_size 0.42-0.42 → 0.2-0.5 from the next step",
        f"offset.weight {FIRST.offset.weight:g} → 2 from the next step",
        f"odr.prior.kind {FIRST.odr.prior.kind} → lognormal from the next step",
    ]
    assert set(values) <= set(LIVE_FIELDS)
    undone = edited(
        after,
        {
            "offset.weight": FIRST.offset.weight,
            "view.mask_size": list(FIRST.view.mask_size),
            "odr.prior.kind": FIRST.odr.prior.kind,
        },
        first=FIRST,
    )
    assert undone == FIRST


def test_a_prior_that_was_measured_can_be_gone_back_to_and_no_other_is_measured():
    assert FIRST.odr.prior.kind == "hdbscan"
    measured = record_of(get_recipe("indoor_38m").odr.prior)
    away = edited(FIRST, {"odr.prior.kind": "exponential", "odr.prior.scale": 0.4})
    assert edited_prior(away, FIRST, measured).parameters == {"scale": 0.4}
    back = {"odr.prior.kind": "hdbscan", "odr.prior.scale": FIRST.odr.prior.scale}
    assert edited_prior(edited(away, back, first=FIRST), FIRST, measured) is measured
    with pytest.raises(ConfigError, match="measures scenes before the first step"):
        edited(away, back)
    named = edited(FIRST, {"odr.prior.kind": "file", "odr.prior.path": "paper-outdoor"})
    assert edited_prior(named, FIRST, measured).parameters == {"mu": 0.0, "sigma": 0.76}


def test_edits_are_in_force_until_a_resume_goes_back_behind_them(tmp_path):
    writer = open_recorded_run(tmp_path / "rooms")
    for step, weight in ((10, 0.1), (20, 0.2)):
        writer.event("edit", step, id="x", by="", values={"offset.weight": [0, weight]}, text="")
    writer.event("edit", 20, id="x", by="", values="torn", text="")
    writer.close("stopped")
    run = Run(tmp_path / "rooms")
    assert run.config == CONFIG
    assert run.config_now().offset.weight == 0.2
    assert [run.config_at(step).offset.weight for step in (9, 10, 19)] == [
        CONFIG.offset.weight,
        0.1,
        0.1,
    ]
    RunWriter.reopen(tmp_path / "rooms", step=15, config=CONFIG).close("stopped")
    assert run.config_now().offset.weight == 0.1
    assert [mark["kind"] for mark in run.marks()] == ["edit", "edit", "edit", "resume"]
    assert with_edits(CONFIG, run.edits()) == run.config_now()


def test_values_on_the_command_line_are_numbers_lists_or_text():
    assert parse_values(["a.b=1e-3", "c=0.3,0.6", "d=[1, 2]", "e=gamma", "f=7"]) == {
        "a.b": 0.001,
        "c": [0.3, 0.6],
        "d": [1, 2],
        "e": "gamma",
        "f": 7,
    }
    for words in ([], ["offset.weight"], ["=3"]):
        with pytest.raises(ConfigError, match="NAME=VALUE"):
            parse_values(words)


# -- TensorBoard --------------------------------------------------------------------------------


def test_tensorboard_reads_the_scalars_of_a_run_and_drops_what_a_resume_superseded(tmp_path):
    from dataclasses import replace

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = replace(CONFIG, log=replace(CONFIG.log, tensorboard=True))
    root = tmp_path / "rooms"
    writer = RunWriter.create(root, recipe="x", config=config, device="cpu", libraries={})
    for step in (10, 20, 30):
        writer.scalars(step, {"loss/total": step / 100})
    writer.event("edit", 10, id="x", by="", values={}, text="offset.weight 0.2 → 0.1")
    writer.close("stopped")
    writer = RunWriter.reopen(root, step=20, config=config)
    writer.scalars(30, {"loss/total": 0.5, "loss/offset": float("nan")})
    writer.close("finished")

    read = EventAccumulator(str(root / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss/total")] == [
        (step, pytest.approx(value)) for step, value in ((10, 0.1), (20, 0.2), (30, 0.5))
    ]
    (text,) = read.Tensors("edit")
    assert text.tensor_proto.string_val == ["offset.weight 0.2 → 0.1".encode()]


def test_a_missing_tensorboard_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(tensorboard_mirror, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        require_tensorboard()
