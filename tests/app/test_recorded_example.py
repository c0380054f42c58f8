"""The recording that is shown besides the runs: as any run, but nobody steers it or goes on."""

import json
import re

import pytest

from app.__main__ import first_link
from app.access import Access
from app.run_callbacks import _live_page
from app.runs import Runs
from app.server import create_app
from layouts import ids, live, recording, runs
from pointins_engine.errors import RunError
from pointins_engine.recording import record
from pointins_engine.run_log.store import RunStore
from tests.app.studio_fixtures import ORIGIN, PNG, PORT, TestClient
from tests.recorded_run import write_recorded_run

ID = "recorded-example"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    root = tmp_path_factory.mktemp("package")
    write_recorded_run(root / "source", num_frames=4, num_points=300)
    record(root / "source", root / ID, max_bytes=10**9, machine="a desk")
    return root / ID


@pytest.fixture
def asked(example, tmp_path):
    access = Access(PORT)
    app = create_app(RunStore(tmp_path), access, render=lambda *_: PNG, example=example)
    with TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN}) as client:
        client.get(access.new_link())
        yield client


def text_of(component) -> str:
    return json.dumps(component.to_plotly_json(), default=lambda part: part.to_plotly_json())


def test_the_example_stands_behind_the_own_runs(example, tmp_path):
    known = Runs(RunStore(tmp_path), example)
    assert known.ids() == [ID] == [known.example]
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=300)
    assert known.ids() == ["rooms", ID]
    assert known.summary(ID)["recording"]["machine"] == "a desk"
    assert known.summary("rooms")["recording"] is None


def test_an_own_run_of_its_name_takes_its_place(example, tmp_path):
    write_recorded_run(tmp_path / ID, num_frames=1, num_points=300)
    known = Runs(RunStore(tmp_path), example)
    assert known.ids() == [ID] and known.example is None
    assert known.summary(ID)["recording"] is None


def test_without_the_package_s_files_there_are_the_own_runs_alone(tmp_path):
    known = Runs(RunStore(tmp_path), tmp_path / "gone")
    assert known.ids() == [] and known.example is None
    with pytest.raises(RunError, match="no run is called"):
        known.summary(ID)


def test_it_is_served_as_any_run(asked):
    run = asked.get(f"/api/runs/{ID}").json()
    scene, _ = run["scenes"]
    assert len(scene["steps"]) == 4
    path = f"/api/runs/{ID}/scenes/{scene['id']}"
    assert asked.get(f"{path}/frames/{scene['steps'][1]}").status_code == 200
    assert asked.get(path).status_code == 200


def test_nobody_steers_it_or_goes_on_with_it(asked, example):
    control = asked.get(f"/api/runs/{ID}/control").json()
    assert control["is_recording"] and not control["accepts"]
    assert "nobody trains it" in control["why"]
    for command in ("pause", "checkpoint", "stop"):
        answer = asked.post(f"/api/runs/{ID}/control", json={"command": command})
        assert answer.status_code == 409 and "nobody trains it" in answer.json()["error"]
    assert asked.delete(f"/api/runs/{ID}").status_code in (404, 405)
    assert not (example / "control").exists()
    resumed = asked.post("/api/launches", json={"run": ID, "resume": True, "recipe": ""})
    assert resumed.status_code >= 400


def test_a_new_user_sees_it_first_and_somebody_with_runs_sees_a_line(example, tmp_path):
    row = {**Runs(RunStore(tmp_path), example).summary(ID), "thumbnail": None}
    first = text_of(runs.run_list([], row, "pointins pretrain indoor_demo --run runs/rooms"))
    assert recording.address(ID) in first and "a desk" in first and "pointins pretrain" in first
    own = {**row, "id": "rooms", "recording": None}
    later = text_of(runs.run_list([own], row, "x"))
    assert later.index("/live/rooms") < later.index(recording.address(ID))
    assert "No runs yet" in text_of(runs.run_list([], None, "x"))


def test_its_page_says_what_was_recorded(example, tmp_path):
    details = Runs(RunStore(tmp_path), example).details(ID)
    banner = text_of(recording.recording_banner(details, "pointins pretrain indoor_demo"))
    assert "8 of 8 frames" in banner and "a desk" in banner
    assert "recording" in text_of(live.html.Div(live.live_top(details)))


def test_a_page_opened_before_its_run_looks_for_it(example, tmp_path):
    known = Runs(RunStore(tmp_path), example)
    waiting = {getattr(part, "id", None) for part in _live_page(known, "rooms")._traverse()}
    assert {ids.AWAITED_TICK, ids.AWAITED_RUN} <= waiting
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=300)
    shown = {getattr(part, "id", None) for part in _live_page(known, "rooms")._traverse()}
    assert ids.VIEWPORT_ROOT in shown and ids.AWAITED_TICK not in shown


def test_the_first_link_of_an_empty_folder_plays_it(example, tmp_path):
    store, access = RunStore(tmp_path), Access(PORT)
    link = first_link(access, store, example)
    assert re.fullmatch(rf"/live/{ID}\?token=[\w-]{{43}}{recording.PLAY}", link)
    assert first_link(access, store, None).startswith("/?token=")
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=300)
    assert first_link(access, store, example).startswith("/?token=")
