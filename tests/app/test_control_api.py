"""Steering over HTTP: what is offered, what is refused before the trainer, what it said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import Access
from app.control_api import COMMANDS_A_SECOND
from app.limits import RateLimit
from app.server import create_app
from pointins_engine.config import with_values
from pointins_engine.live_edits import LIVE_FIELDS
from pointins_engine.run_log.control import read_commands
from pointins_engine.run_log.store import RunStore
from pointins_engine.run_log.writer import RunWriter
from tests.app.studio_fixtures import ORIGIN, PNG, PORT, TestClient
from tests.recorded_run import CONFIG, open_recorded_run

CONTROL = "/api/runs/rooms/control"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    """A run whose trainer listens, as far as its folder tells."""
    writer = open_recorded_run(tmp_path / "rooms", num_points=300)
    writer.listens(True)
    writer.state("running")
    yield writer
    writer.close("stopped")


@pytest.fixture
def access() -> Access:
    return Access(PORT)


@pytest.fixture
def studio(writer: RunWriter, tmp_path: Path, access: Access) -> Iterator[TestClient]:
    app = create_app(RunStore(tmp_path), access, render=lambda *_: PNG)
    with TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN}) as client:
        client.get(access.new_link(), follow_redirects=False)
        yield client


def order(studio: TestClient, command: str, values: dict | None = None):
    body = {"command": command} if values is None else {"command": command, "values": values}
    return studio.post(CONTROL, json=body)


def test_the_form_says_what_may_change_now_with_meaning_and_source(studio):
    control = studio.get(CONTROL).json()
    assert (control["accepts"], control["why"], control["status"]) == (True, "", "running")
    fields = {field["name"]: field for field in control["fields"]}
    assert tuple(fields) == LIVE_FIELDS
    weight = fields["offset.weight"]
    assert (weight["kind"], weight["value"]) == ("number", CONFIG.offset.weight)
    assert (weight["about"], weight["source"]) == ("lambda_off", "P Tab. 9")
    assert "gamma" in fields["odr.prior.kind"]["choices"]
    assert fields["view.mask_ratio"]["length"] == 2


def test_a_command_lies_in_the_run_folder_signed_with_the_session(studio, writer):
    answer = order(studio, "set", {"offset.weight": 0.1, "view.mask_ratio": [0.2, 0.4]})
    assert answer.status_code == 202
    (command,) = read_commands(writer.paths)
    assert (command.id, command.command) == (answer.json()["id"], "set")
    assert command.values == {"offset.weight": 0.1, "view.mask_ratio": [0.2, 0.4]}
    assert command.by == studio.get("/api/session").json()["id"]


def test_a_command_is_told_as_waiting_and_then_with_its_answer(studio, writer):
    id = order(studio, "set", {"offset.weight": 0.1}).json()["id"]
    (waiting,) = studio.get(CONTROL).json()["commands"]
    assert (waiting["id"], waiting["answered"], waiting["ok"]) == (id, False, None)
    said = "offset.weight 0.25 → 0.1 from step 1 on"
    values = {"offset.weight": [0.25, 0.1]}
    writer.event("edit", 0, id=id, by=waiting["by"], values=values, text=said)
    writer.event("control", 0, id=id, command="set", by=waiting["by"], ok=True, text=said)
    (writer.paths.control / f"{id}.json").unlink()
    control = studio.get(CONTROL).json()
    (told,) = control["commands"]
    assert (told["answered"], told["ok"], told["text"]) == (True, True, said)
    assert told["values"] == values
    assert next(f for f in control["fields"] if f["name"] == "offset.weight")["value"] == 0.1


def test_a_preview_says_what_would_change_and_sends_nothing(studio, writer):
    now = CONFIG.offset.weight
    preview = studio.post(f"{CONTROL}/preview", json={"values": {"offset.weight": 0.1}}).json()
    assert preview == {"lines": [f"offset.weight {now:g} → 0.1 from the next step"], "errors": {}}
    assert read_commands(writer.paths) == []


def test_every_wrong_value_is_told_beside_its_field(studio, writer):
    values = {
        "offset.weight": "much",
        "scr.link_radius": -1.0,
        "scr.min_size": 0,
        "optim.steps": 5,
        "view.mask_ratio": [0.1],
        "no.field": 1,
        "optim.lr": 1e-3,
    }
    errors = studio.post(f"{CONTROL}/preview", json={"values": values}).json()["errors"]
    assert set(errors) == set(values) - {"optim.lr"}
    assert all(name in sentence for name, sentence in errors.items())
    refused = order(studio, "set", values)
    assert refused.status_code == 400
    assert refused.json()["errors"] == errors
    assert read_commands(writer.paths) == []


def test_fields_that_belong_together_are_judged_together(studio):
    def errors(**values) -> dict:
        named = {f"odr.prior.{name}": value for name, value in values.items()}
        return studio.post(f"{CONTROL}/preview", json={"values": named}).json()["errors"]

    assert set(errors(kind="empirical")) == {"odr.prior.kind"}
    assert errors(kind="empirical", quantiles=[0.1, 0.5, 1.0]) == {}


@pytest.mark.parametrize(
    "body", [{}, {"command": "format"}, {"command": "set"}, {"command": "set", "values": {}}, []]
)
def test_what_is_no_command_is_refused(studio, writer, body):
    assert studio.post(CONTROL, json=body).status_code == 400
    assert read_commands(writer.paths) == []


def test_a_run_that_nobody_trains_takes_no_commands_and_says_why(studio, writer):
    writer.listens(False)
    writer.state("running")
    refused = order(studio, "pause")
    assert refused.status_code == 409
    assert refused.json()["error"] == studio.get(CONTROL).json()["why"] != ""
    writer.close("finished")
    assert "finished" in order(studio, "pause").json()["error"]
    assert read_commands(writer.paths) == []
    assert studio.post("/api/runs/nope/control", json={"command": "pause"}).status_code == 404


def test_a_session_gives_so_many_commands_a_second(studio, writer):
    answers = [order(studio, "step").status_code for _ in range(COMMANDS_A_SECOND + 3)]
    assert 429 in answers, "a test that takes a second for these would be another fault"
    assert len(read_commands(writer.paths)) == answers.count(202)


def test_a_limit_counts_within_its_window_and_by_visitor():
    now = 0.0
    limit = RateLimit(2, 1.0, clock=lambda: now)
    assert [limit.allows("a"), limit.allows("a"), limit.allows("a")] == [True, True, False]
    assert limit.allows("b")
    now = 1.0
    assert [limit.allows("a"), limit.allows("a"), limit.allows("a")] == [True, True, False]


def test_events_go_on_where_the_last_answer_ended(studio, writer):
    def kinds(after: int) -> tuple[list[str], int]:
        told = studio.get("/api/runs/rooms/events", params={"after": after}).json()
        return [event["kind"] for event in told["events"]], told["next"]

    before, at = kinds(0)
    assert "scalars" not in before and "state" in before
    writer.scalars(1, {"loss/total": 1.0})
    writer.event("warning", 1, text="mind the gap")
    assert kinds(at) == (["warning"], at + 2)
    assert kinds(at + 2) == ([], at + 2)
    assert kinds(at + 1000)[0] == [*before, "warning"], "a run that was started anew"


def test_a_run_tells_its_checkpoints_and_its_parent(studio, writer):
    folder = writer.paths.checkpoint(20)
    folder.mkdir(parents=True)
    (folder / "trainer.json").write_text('{"step": 20, "asked": true}')
    writer.paths.checkpoint(40).mkdir()  # not whole yet
    run = studio.get("/api/runs/rooms").json()
    assert run["checkpoints"] == [{"step": 20, "kept": True}]
    assert run["parent"] is None


def test_the_values_of_the_form_are_those_in_force(studio, writer):
    edited = with_values(CONFIG, {"scr.num_segments": 7})
    change = {"scr.num_segments": [CONFIG.scr.num_segments, edited.scr.num_segments]}
    writer.event("edit", 3, id="x", by="cli", values=change, text="")
    fields = {f["name"]: f["value"] for f in studio.get(CONTROL).json()["fields"]}
    assert fields["scr.num_segments"] == 7
