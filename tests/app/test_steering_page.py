"""Steering, launching and the states of a run, as far as pages go: places, words, what to do."""

import json

import pytest

from app.run_callbacks import _live_page
from app.runs import Runs
from layouts import ids, launch, live, states, words
from layouts.parts import status_chip
from pointins_engine.run_log.control import COMMANDS
from pointins_engine.run_log.store import RunStore
from pointins_engine.run_log.writer import RunWriter
from tests.recorded_run import open_recorded_run, write_recorded_run

GO_ON = "pointins pretrain indoor_demo --run runs/rooms --resume"
LOG = ["2026-11-21T10:00:00+00:00 failed: out of <b>memory</b>"]


def row(status: str, **changes) -> dict:
    told = {"id": "rooms", "detail": "", "step": 1240, "total_steps": 3000, "age_s": 75.0}
    return {**told, "status": status, **changes}


def text_of(component) -> str:
    return json.dumps(component, default=lambda part: part.to_plotly_json(), ensure_ascii=False)


def parts_of(component) -> dict[str, object]:
    named = ((getattr(part, "id", None), part) for part in component._traverse())
    return {id: part for id, part in named if id}


def test_a_live_page_has_places_for_steering_and_the_log_of_its_run():
    parts = parts_of(live.live_page("rooms"))
    for id in (ids.STEERING_ROOT, ids.LOG_ROOT):
        assert getattr(parts[id], "data-run") == "rooms"
        assert parts[id].children is None  # type: ignore[attr-defined]  # scripts fill it
    assert ids.LAUNCH_ROOT in parts_of(launch.launch_page("runs"))


@pytest.mark.parametrize("status", ["starting", "running", "finished"])
def test_a_run_that_needs_nobody_has_no_banner(status):
    assert states.banner(row(status), GO_ON, LOG) is None


@pytest.mark.parametrize(
    ("status", "happened", "why"),
    [
        ("paused", "Paused at step 1,240", "waits between two steps. Resume it, or take one step"),
        ("stalled", "No sign of life for 1 min", "last heard of at step 1,240"),
        ("lost", "The trainer is gone", "last heard of 1 min ago"),
        ("failed", "The training failed", "It ended at step 1,240"),
        ("stopped", "Stopped", "Stopped at step 1,240 of 3,000"),
    ],
)
def test_each_state_says_what_happened_why_and_what_to_do(status, happened, why):
    banner = states.banner(row(status), GO_ON, LOG)
    assert banner is not None
    text = text_of(banner)
    assert happened in text and why in text
    assert (GO_ON in text) == (status != "paused"), "a paused trainer goes on by itself"
    assert ("out of <b>memory</b>" in text) == (status in ("stalled", "lost", "failed"))
    assert f"banner-{status}" in banner.className  # type: ignore[attr-defined]
    assert status_chip(status).children == words.STATUS_WORDS[status]  # type: ignore[attr-defined]


def test_the_reason_that_a_run_gives_is_its_own():
    banner = states.banner(row("failed", detail="CUDA out of memory."), GO_ON, [])
    assert "CUDA out of memory." in text_of(banner) and "It ended at step" not in text_of(banner)


def test_what_is_left_is_told_only_while_the_trainer_works():
    told = {**row("running"), "eta_s": 600.0, "step_s": 0.5, "device": "cpu", "recipe": "demo"}
    assert "10 min" in text_of(live.live_top(told))
    assert "10 min" not in text_of(live.live_top({**told, "status": "paused"}))


def test_a_fork_says_which_run_and_step_it_comes_from(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=300)
    details = Runs(RunStore(tmp_path)).details("rooms")
    assert "Forked from" not in text_of(live.run_facts(details))
    fork = {**details, "parent": {"run": "first", "step": 1200, "uid": "0"}}
    assert "first, step 1,200" in text_of(live.run_facts(fork))


def test_the_live_page_of_no_run_is_of_one_whose_trainer_is_there(tmp_path):
    paused = open_recorded_run(tmp_path / "paused", num_points=300)
    paused.state("paused")
    write_recorded_run(tmp_path / "ended", num_frames=1, num_points=300)
    page = _live_page(Runs(RunStore(tmp_path)), "")
    assert parts_of(page)[ids.LIVE_RUN].data == "paused"  # type: ignore[attr-defined]
    paused.close("stopped")


def test_a_stalled_trainer_is_told_apart_from_one_that_is_gone(tmp_path):
    writer: RunWriter = open_recorded_run(tmp_path / "rooms", num_points=300)
    writer.close("stopped")
    state = json.loads(writer.paths.state.read_text())
    known = Runs(RunStore(tmp_path))
    writer.paths.state.write_text(json.dumps({**state, "status": "running", "heartbeat": 1.0}))
    assert known.summary("rooms")["status"] == "stalled", "this process is alive"
    gone = {**state, "status": "running", "heartbeat": 1.0, "pid": 2**22 + 1}
    writer.paths.state.write_text(json.dumps(gone))
    assert known.summary("rooms")["status"] == "lost"


def test_every_command_of_the_trainer_has_a_button_or_a_form(request):
    scripts = request.config.rootpath / "assets/steering"
    known = (scripts / "waiting.mjs").read_text()
    buttons = (scripts / "command_bar.mjs").read_text()
    for command in COMMANDS:
        assert f"  {command}:" in known
        assert command == "set" or f"  {command}: {{" in buttons
