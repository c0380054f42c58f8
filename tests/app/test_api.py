"""The API says what the run folder says, and lets a browser keep what cannot change."""

import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from app.runs import Runs
from app.server import create_app
from app.thumbnails import Thumbnails
from pointins_engine.errors import RunError
from pointins_engine.run_log.store import RunStore
from pointins_engine.run_log.writer import RunWriter
from tests.app.studio_fixtures import ORIGIN, PNG, TestClient
from tests.recorded_run import append_frame, open_recorded_run, write_recorded_run

SCENE = "/api/runs/rooms/scenes/room_0001"


def version_of(client) -> str:
    return client.get("/api/runs/rooms").json()["version"]


def test_the_list_has_every_run_with_its_state(client):
    rows = {row["id"]: row for row in client.get("/api/runs").json()["runs"]}
    assert set(rows) == {"rooms", "gray"}
    assert rows["rooms"]["status"] == "finished"
    assert rows["gray"]["status"] == "failed"
    assert (rows["rooms"]["step"], rows["rooms"]["total_steps"]) == (40, 800)
    assert rows["rooms"]["scenes"] == ["room_0001", "room_0002"]
    assert rows["rooms"]["loss"] == rows["rooms"]["spark"][-1]


def test_a_run_tells_its_configuration_and_marks(client):
    run = client.get("/api/runs/rooms").json()
    assert run["config"]["optim"]["steps"] == 800
    assert run["cell_size"] == pytest.approx(0.12)
    assert run["scenes"][0] == {"id": "room_0001", "steps": [0, 10, 20, 30, 40]}
    assert [mark["step"] for mark in run["marks"]] == [20, 40]
    assert run["version"].endswith("-0")


def test_a_scene_comes_as_it_lies_on_disk(client, folder):
    body = client.get(SCENE).content
    assert body == (folder / "rooms/scenes/room_0001.safetensors").read_bytes()
    assert load(body)["coord_u16"].dtype == np.uint16


def test_a_frame_comes_as_it_lies_on_disk(client, folder):
    body = client.get(f"{SCENE}/frames/10").content
    assert body == (folder / "rooms/frames/room_0001/00000010.safetensors").read_bytes()


@pytest.mark.parametrize("path", [SCENE, f"{SCENE}/frames/10"])
def test_arrays_may_be_kept_for_good_under_the_current_version(client, path):
    current = client.get(path, params={"v": version_of(client)})
    assert "immutable" in current.headers["cache-control"]
    assert "private" in current.headers["cache-control"]
    for other in ({}, {"v": "older-0"}):
        assert client.get(path, params=other).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", [SCENE, f"{SCENE}/frames/10", "/api/runs/rooms/head"])
def test_what_the_browser_has_is_not_sent_again(client, path):
    params = {"v": version_of(client)}
    for _ in range(3):  # the head's age may tick once between two calls
        tag = client.get(path, params=params).headers["etag"]
        again = client.get(path, params=params, headers={"If-None-Match": f'"x", {tag}'})
        if again.status_code == 304:
            break
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_head_names_the_newest_frames(client):
    head = client.get("/api/runs/rooms/head").json()
    assert head["latest"] == {"room_0001": 40, "room_0002": 40}
    assert head["state"]["status"] == "finished"
    assert head["version"] == version_of(client)


def test_frames_and_statistics(client):
    assert client.get(f"{SCENE}/frames").json()["steps"] == [0, 10, 20, 30, 40]
    stats = client.get(f"{SCENE}/stats/20").json()
    assert (stats["step"], stats["scene"]) == (20, "room_0001")
    assert stats["scr"]["components"] == len(stats["scr"]["sizes"]) == 6


def test_scalars_by_key_and_after_a_step(client):
    keys = {"keys": "loss/total,loss/offset,no/such", "after": 20}
    series = client.get("/api/runs/rooms/scalars", params=keys).json()
    assert set(series) == {"loss/total", "loss/offset"}
    assert series["loss/total"]["steps"] == [30, 40]
    assert len(series["loss/total"]["values"]) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/nope",
        "/api/runs/nope/head",
        "/api/runs/rooms/scenes/nope",
        "/api/runs/rooms/scenes/nope/frames",
        f"{SCENE}/frames/11",
        f"{SCENE}/stats/11",
        "/api/nothing",
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert len(answer.json()["error"].split()) > 3


def test_a_step_that_is_not_a_number_is_a_bad_request(client):
    assert client.get(f"{SCENE}/frames/ten").status_code == 400
    assert client.get("/api/runs/rooms/scalars", params={"after": "x"}).status_code == 400


def test_a_damaged_run_does_not_hide_the_others(tmp_path):
    write_recorded_run(tmp_path / "good", num_frames=1, num_points=300)
    for name, text in {
        "torn": '{"schema_version": 1, "id',
        "future": '{"schema_version": 99}',
        "hollow": '{"schema_version": 1}',
        "list": "[]",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    rows = {row["id"]: row for row in Runs(RunStore(tmp_path)).summaries()}
    assert rows.pop("good")["status"] == "finished"
    assert {row["status"] for row in rows.values()} == {"damaged"}
    assert "schema 99" in rows["future"]["detail"]
    assert all(len(row["detail"]) > 20 for row in rows.values())


def test_reading_line_by_line_agrees_with_reading_all_at_once(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=4, num_points=300)
    runs = Runs(RunStore(tmp_path))
    writer = RunWriter.reopen(tmp_path / "rooms", step=10, config=_config(tmp_path / "rooms"))
    for step in (12, 20):
        append_frame(writer, step, num_points=300)
        whole = RunStore(tmp_path).run("rooms")
        assert runs.scalars("rooms") == whole.scalars()
        assert runs.details("rooms")["marks"] == whole.marks()
        assert runs.last_scalar_step("rooms") == step
    writer.close("finished")


def test_a_resume_makes_another_version(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=3, num_points=300)
    runs = Runs(RunStore(tmp_path))
    before = runs.version("rooms")
    assert runs.scalars("rooms")["loss/total"][0] == [0, 10, 20]
    writer = RunWriter.reopen(tmp_path / "rooms", step=10, config=_config(tmp_path / "rooms"))
    append_frame(writer, 15, num_points=300)
    assert runs.version("rooms") == before.removesuffix("0") + "1"
    assert runs.scalars("rooms")["loss/total"][0] == [0, 10, 15]
    writer.close("finished")


def test_a_folder_that_was_replaced_is_read_anew(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=3, num_points=300)
    runs = Runs(RunStore(tmp_path))
    before = runs.version("rooms")
    shutil.rmtree(tmp_path / "rooms")
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=300)
    assert runs.version("rooms") != before
    assert runs.scalars("rooms")["loss/total"][0] == [0]


def test_phases_are_marked_before_they_are_reached(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=3, num_points=300)
    assert Runs(RunStore(tmp_path)).step_marks("rooms") == [(80, "offset loss"), (20, "checkpoint")]


def test_a_torn_line_of_events_is_no_harm(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=2, num_points=300)
    with (tmp_path / "rooms/events.jsonl").open("a") as file:
        file.write('not json\n[1]\n{"kind":"scalars","step":"x"}\n{"step":3}\n{"kind":"scal')
    runs = Runs(RunStore(tmp_path))
    assert runs.summary("rooms")["status"] == "finished"
    assert runs.scalars("rooms")["loss/total"][0] == [0, 10]


def wait_for(condition, seconds: float = 5.0):
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("did not happen in time")


def test_a_picture_is_named_once_it_is_drawn(folder):
    drawn = []
    pictures = Thumbnails(Runs(RunStore(folder)), lambda *paths: drawn.append(paths) or PNG)
    assert pictures.url("rooms") is None
    with pytest.raises(RunError, match="not been drawn yet"):
        pictures.png("rooms")
    url = wait_for(lambda: pictures.url("rooms"))
    assert url.startswith("/api/runs/rooms/thumbnail.png?v=") and url.endswith("&step=40")
    assert pictures.png("rooms") == PNG
    assert len(drawn) == 1, "kept, not drawn again"
    assert drawn[0][1].name == "00000040.safetensors"
    pictures.close()


def test_without_a_renderer_there_is_a_reason_and_no_picture(folder):
    def refuse(*_):
        raise RuntimeError("libEGL is missing.")

    pictures = Thumbnails(Runs(RunStore(folder)), refuse)
    assert pictures.url("rooms") is None
    wait_for(lambda: pictures._reasons)
    assert pictures.url("rooms") is None
    with pytest.raises(RunError, match="libEGL is missing"):
        pictures.png("rooms")
    pictures.close()


def test_the_picture_is_served(client):
    wait_for(lambda: client.get("/api/runs/rooms").json()["thumbnail"])
    answer = client.get(client.get("/api/runs/rooms").json()["thumbnail"])
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"


def test_answers_are_json_that_a_browser_can_parse(client):
    for path in ("/api/runs", "/api/runs/rooms", "/api/runs/rooms/scalars"):
        json.loads(client.get(path).text, parse_constant=lambda name: pytest.fail(name))


def _config(run):
    return RunStore(run).run(run.name).config


def test_a_live_run_is_read_as_it_grows(tmp_path):
    writer = open_recorded_run(tmp_path / "rooms", num_points=300)
    runs = Runs(RunStore(tmp_path))
    assert runs.head("rooms")["latest"] == {}
    append_frame(writer, 0, num_points=300)
    assert runs.head("rooms")["latest"] == {"room_0001": 0}
    assert runs.scalars("rooms")["loss/total"][0] == [0]
    writer.close("stopped")
    assert runs.summary("rooms")["status"] == "stopped"


def test_the_guide_names_addresses_that_there_are(folder, access):
    guide = (Path(__file__).parents[2] / "docs/api.md").read_text()
    named = {path.rstrip("/") for path in re.findall(r"/api/[\w/.{}-]*", guide)}
    server = create_app(RunStore(folder), access, render=lambda *_: PNG, api_docs=True)
    with TestClient(server, base_url=ORIGIN) as client:
        client.headers["Authorization"] = f"Bearer {access.api_token}"
        paths = client.get("/api/openapi.json").json()["paths"]
    known = [re.compile(re.sub(r"\{\w+\}", r"[^/]+", path)) for path in paths]
    unknown = {path for path in named if not any(rule.fullmatch(path) for rule in known)}
    assert unknown == {"/api/docs", "/api/openapi.json"}, "these describe the others"
    assert len(named) > 15
