"""Training from the browser: typed values become words, one run a device, outliving the studio."""

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import tyro

import app.launching.plan
from app.access import Access
from app.fields import checked_value, field_types
from app.launching.estimate import estimate, memory_gib, num_parameters
from app.launching.launches import MAX_LOG_BYTES, Launches, LaunchRefused
from app.launching.plan import Planner, Wish
from app.runs import Runs
from app.server import create_app
from pointins_engine.config import RunConfig, differences, flat, with_values
from pointins_engine.errors import ConfigError
from pointins_engine.randomness import StepRandom
from pointins_engine.recipes import RECIPES, get_recipe
from pointins_engine.run_log.store import RunStore
from pointins_engine.student_teacher import PointNetwork
from tests.app.studio_fixtures import ORIGIN, PNG, PORT, TestClient
from tests.recorded_run import CONFIG, open_recorded_run, write_recorded_run

PATIENCE_S = 20.0
FAKE = """
import json, os, signal, sys, time
def stop(*_):
    print("saved", flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
told = {"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "sid": os.getsid(0)}
print(json.dumps(told), flush=True)
time.sleep(60)
"""
# For every field a value of its kind that differs from every recipe's and fits beside the others.
OTHERS = {
    "scene.source": "sim:streets",
    "scene.feats": ["coord", "intensity"],
    "view.crop_scale": [0.5, 0.9],
    "view.elastic": [[0.2, 0.4], [0.8, 1.6]],
    "backbone.depths": [1, 2, 1, 1, 1],
    "backbone.channels": [32, 32, 64, 128, 512],
    "backbone.heads": [1, 2, 2, 4, 8],
    "backbone.loss_stage": 3,
    "odr.prior.quantiles": [0.1, 0.2, 0.4],
    "optim.accumulate": 2,
    "scr.num_segments": 11,
}
APART = ("scene.dataset", "scene.splits", "odr.prior.path", "odr.direction_prior")


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    (tmp_path / "runs").mkdir()
    return Runs(RunStore(tmp_path / "runs"))


@pytest.fixture
def planner(runs: Runs) -> Planner:
    return Planner(runs)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the engine a program that says how it was started and waits."""
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    monkeypatch.setattr(app.launching.plan, "CALL", (sys.executable, str(script)))


@pytest.fixture
def launches(runs: Runs) -> Iterator[Launches]:
    launches = Launches(runs)
    yield launches
    end_all(launches)


def end_all(launches: Launches) -> None:
    for told in launches.all():
        if told["alive"]:
            launches.cancel(told["id"])
    wait_for(lambda: not any(told["alive"] for told in launches.all()))


def wait_for(said: Callable[[], object]) -> object:
    end = time.monotonic() + PATIENCE_S
    while not (answer := said()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
    return answer


def wish(**given) -> Wish:
    return Wish(**{"recipe": "indoor_demo", "run": "new", "device": "cpu", **given})


def another(name: str) -> object:
    """A value that is not the demo's."""
    if name in OTHERS:
        return OTHERS[name]
    value, known = flat(CONFIG)[name], field_types()[name]
    match known.kind:
        case "switch":
            return not value
        case "choice":
            return next(choice for choice in known.choices if choice != value)
        case "int":
            return value + 1
        case "number":
            return 0.5 * value if value else 0.25
    return [0.5 * entry if entry else 0.25 for entry in value]


def test_every_field_reaches_the_engine_as_it_was_entered(planner):
    values = {name: another(name) for name in field_types() if name not in APART}
    # What can only be said together with something else.
    values |= {"view.masking": "removed", "semantic.unmask_head": False, "odr.prior.kind": "gamma"}
    values |= {"optim.batch_scenes": 4}
    plan = planner.plan(wish(values=values))
    assert plan.errors == {}
    start = get_recipe("indoor_demo")
    flags = list(plan.argv[plan.argv.index("cpu") + 1 :])
    parsed = tyro.cli(RunConfig, default=start, args=flags)
    assert parsed == plan.config
    changed = differences(start, parsed)
    meant = {
        name for name, value in values.items() if checked_value(name, value) != flat(start)[name]
    }
    assert set(changed) == meant and len(meant) > 90


def test_the_command_line_names_recipe_run_and_what_differs_alone(planner, runs):
    same = flat(get_recipe("indoor_demo"))["optim.lr"]
    plan = planner.plan(wish(values={"optim.lr": same, "scr.link_radius": 0.3}))
    folder = runs.root.resolve() / "new"
    assert plan.argv[:3] == (sys.executable, "-m", "pointins_engine")
    expected = f"pointins pretrain indoor_demo --run {folder} --device cpu --scr.link-radius=0.3"
    assert plan.command == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optim.lr", "1e-3"),
        ("optim.lr", True),
        ("optim.lr", float("nan")),
        ("optim.steps", 1.5),
        ("scr.enabled", 1),
        ("scr.grouping", "printed"),
        ("scene.source", "--help"),
        ("scene.source", "a\nb"),
        ("scene.splits", ["--run"]),
        ("view.mask_ratio", [0.1]),
        ("view.mask_ratio", 0.1),
        ("view.elastic", [[1, 2, 3]]),
        ("backbone.depths", [1, 2, "3"]),
        ("scene.feats", ["coord", "smell"]),
        ("__class__", 1),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        checked_value(name, value)


def test_what_is_wrong_stands_beside_its_field(planner, runs):
    write_recorded_run(runs.root / "rooms", num_frames=1, num_points=300)
    values = {"optim.lr": -1.0, "scr.min_size": 0, "offset.weight": 0.1, "nope": 1}
    plan = planner.plan(wish(run="rooms", values=values, device="tpu"))
    assert set(plan.errors) == {"run", "device", "optim.lr", "scr.min_size", "nope"}
    assert "rooms-2" in plan.errors["run"]
    assert plan.argv == ()
    for name in ("../up", "", "a/b", "-rf", ".hidden", "x" * 101):
        assert "run" in planner.plan(wish(run=name)).errors
    assert set(planner.plan(wish(recipe="nope")).errors) == {"recipe"}
    assert set(planner.plan(wish(preset="nope")).errors) == {"preset"}


def test_scans_come_from_where_the_studio_was_told(runs, tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "more" / "rooms").mkdir(parents=True)
    (tmp_path / "more" / "out").symlink_to("/etc")
    planner = Planner(runs, [str(tmp_path / "scans")], [tmp_path / "more"])

    def errors(source: object) -> dict:
        return planner.plan(wish(values={"scene.source": str(source)})).errors

    for allowed in ("sim:streets", tmp_path / "scans", tmp_path / "more" / "rooms"):
        assert errors(allowed) == {}
    for refused in ("/etc", tmp_path, tmp_path / "more/../secret", tmp_path / "more/out", "sim:x"):
        sentence = errors(refused)["scene.source"]
        assert f"pointins studio --scenes {refused}" in sentence
    prior = {"odr.prior.kind": "file", "odr.prior.path": "/etc/passwd"}
    assert set(planner.plan(wish(values=prior)).errors) == {"odr.prior.path"}


def test_a_run_goes_on_by_its_name_and_keeps_its_values(planner, runs):
    write_recorded_run(runs.root / "rooms", num_frames=1, num_points=300, status="stopped")
    write_recorded_run(runs.root / "done", num_frames=1, num_points=300)
    plan = planner.plan(wish(recipe="", run="rooms", resume=True))
    folder = runs.root.resolve() / "rooms"
    assert plan.command == f"pointins pretrain --resume --run {folder} --device cpu"
    assert plan.config == CONFIG
    changed = wish(recipe="", run="rooms", resume=True, values={"optim.lr": 1.0})
    assert "fork" in planner.plan(changed).errors["run"]
    assert "finished" in planner.plan(wish(run="done", resume=True)).errors["run"]
    assert "no run is called" in planner.plan(wish(run="nope", resume=True)).errors["run"]


def test_a_fork_starts_at_a_checkpoint_with_what_changes(planner, runs):
    writer = write_recorded_run(runs.root / "rooms", num_frames=1, num_points=300)
    folder = writer.paths.checkpoint(20)
    folder.mkdir(parents=True)
    (folder / "trainer.json").write_text('{"step": 20}')
    plan = planner.plan(wish(recipe="", fork=("rooms", 20), values={"offset.weight": 0.5}))
    root = runs.root.resolve()
    words = f"--fork {root}/rooms@20 --run {root}/new --device cpu --offset.weight=0.5"
    assert plan.command == f"pointins pretrain {words}"
    assert plan.config == with_values(CONFIG, {"offset.weight": 0.5})
    assert "there are: 20" in planner.plan(wish(fork=("rooms", 30))).errors["fork"]
    assert "no run is called" in planner.plan(wish(fork=("nope", 20))).errors["fork"]


def test_training_runs_apart_from_the_studio(fake, planner, launches, runs, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    started = launches.start(wish(), planner.plan(wish()), by="3f2a91bc")
    told = json.loads(wait_for(lambda: launches.one(started["id"])["log"])[0])
    assert told["argv"][1:] == ["pretrain", "indoor_demo", *told["argv"][3:]]
    assert "SECRET_OF_THE_SHELL" not in told["env"] and told["env"]["PATH"] == os.environ["PATH"]
    assert told["sid"] == started["pid"] != os.getsid(0), "signals of our terminal miss it"
    assert (Path(told["cwd"]) / "pointins_engine/__main__.py").is_file()
    for file in (runs.root / ".launches").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert launches.one(started["id"])["by"] == "3f2a91bc"


def test_a_studio_that_starts_later_knows_what_still_trains(fake, planner, launches, runs):
    started = launches.start(wish(), planner.plan(wish()), by="")
    wait_for(lambda: launches.one(started["id"])["log"])
    later = Launches(runs)
    (told,) = later.all()
    assert (told["id"], told["alive"], told["state"]) == (started["id"], True, "starting")
    with pytest.raises(LaunchRefused, match="Run new trains on cpu"):
        later.start(wish(run="other"), planner.plan(wish(run="other")), by="")
    assert "saves a checkpoint" in later.cancel(started["id"])
    assert later.one(started["id"])["state"] in ("stopping", "stopped")
    wait_for(lambda: not launches.one(started["id"])["alive"])
    (told,) = launches.all()
    assert (told["state"], told["exit_code"], told["log"][-1]) == ("stopped", 130, "saved")
    with pytest.raises(LaunchRefused, match="does not train any more"):
        launches.cancel(started["id"])


def test_a_process_that_only_took_over_the_number_is_not_taken_for_the_training(
    fake, planner, launches, runs
):
    started = launches.start(wish(), planner.plan(wish()), by="")
    end_all(launches)
    path = runs.root / f".launches/{started['id']}.json"
    record = json.loads(path.read_text()) | {"pid": os.getpid(), "exit_code": None}
    path.write_text(json.dumps(record))
    later = Launches(runs)
    assert not later.one(started["id"])["alive"]
    with pytest.raises(LaunchRefused):
        later.cancel(started["id"])  # or this test would end here


def test_a_process_that_does_not_stop_is_ended_at_the_second_request(
    planner, launches, tmp_path, monkeypatch
):
    script = tmp_path / "deaf.py"
    script.write_text(FAKE.replace("signal.SIGTERM, stop", "signal.SIGTERM, signal.SIG_IGN"))
    monkeypatch.setattr(app.launching.plan, "CALL", (sys.executable, str(script)))
    monkeypatch.setattr("app.launching.launches.KILL_AFTER_S", 0.05)
    started = launches.start(wish(), planner.plan(wish()), by="")
    wait_for(lambda: launches.one(started["id"])["log"])
    launches.cancel(started["id"])
    time.sleep(0.1)
    assert "last checkpoint" in launches.cancel(started["id"])
    wait_for(lambda: not launches.one(started["id"])["alive"])
    assert launches.one(started["id"])["exit_code"] == -signal.SIGKILL


def test_a_run_of_the_command_line_holds_its_device_too(launches, runs):
    writer = open_recorded_run(runs.root / "rooms", num_points=300)
    assert launches.holder("cpu") == "rooms"
    assert launches.holder("cuda:0") == ""
    writer.close("stopped")
    assert launches.holder("cpu") == ""


def test_a_full_disk_starts_nothing_and_a_fuller_one_is_told(launches, monkeypatch):
    gib = 1024**3
    usage = SimpleNamespace(total=100 * gib, free=10 * gib)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert launches.refusal("cpu") == ""
    assert launches.notes() == ["The disk of the runs is 90% full; 10.0 GiB are left."]
    usage.free = gib - 1
    assert "Free some space" in launches.refusal("cpu")


def test_a_launch_that_fails_says_why(planner, launches, tmp_path, monkeypatch):
    script = tmp_path / "failing.py"
    script.write_text("import sys\nprint('error: no such folder')\nsys.exit(2)")
    monkeypatch.setattr(app.launching.plan, "CALL", (sys.executable, str(script)))
    started = launches.start(wish(), planner.plan(wish()), by="")
    wait_for(lambda: not launches.one(started["id"])["alive"])
    told = launches.one(started["id"])
    assert (told["state"], told["exit_code"]) == ("failed", 2)
    assert told["detail"] == "error: no such folder"


def test_a_log_stays_within_bounds_while_it_is_written(fake, planner, launches, runs):
    started = launches.start(wish(), planner.plan(wish()), by="")
    wait_for(lambda: launches.one(started["id"])["log"])
    log = runs.root / f".launches/{started['id']}.log"
    with log.open("ab") as file:
        file.write(b"a line of sixteen\n" * (MAX_LOG_BYTES // 16))
    assert launches.one(started["id"])["log"][-1] == "a line of sixteen"
    assert log.stat().st_size < MAX_LOG_BYTES
    end_all(launches)
    assert launches.one(started["id"])["log"][-1] == "saved", "it went on at the new end"


@pytest.mark.parametrize("recipe", ["outdoor_38m", "indoor_sonata"])
def test_parameters_are_those_of_the_networks(recipe):
    small = {"backbone.channels": [16, 32, 48, 64, 80], "backbone.heads": [1, 2, 3, 4, 5]}
    config = with_values(get_recipe(recipe), {**small, "semantic.hidden": 32})
    network = PointNetwork(config, StepRandom(0, 0).shared("weights"))
    assert num_parameters(config) == sum(p.numel() for p in network.parameters())


def test_memory_follows_what_is_trained():
    def gib(**changes) -> float:
        named = {name.replace("__", "."): value for name, value in changes.items()}
        return memory_gib(with_values(get_recipe("indoor_38m"), named))

    base = gib()
    assert gib(optim__accumulate=4) < base < gib(view__max_points=80_000)
    assert gib(backbone__activation_checkpointing=True) < base < gib(backbone__dtype="float32")


def test_the_time_of_a_step_is_that_of_a_run_of_the_same_shape(runs):
    assert estimate(CONFIG, "cpu", runs).step_s is None
    write_recorded_run(runs.root / "rooms", num_frames=2, num_points=300)
    same = estimate(with_values(CONFIG, {"optim.lr": 1e-4}), "cpu", runs)
    assert (same.step_s, same.like) == (0.5, "rooms")
    assert estimate(with_values(CONFIG, {"view.max_points": 500}), "cpu", runs).step_s is None
    assert estimate(CONFIG, "cuda", runs).step_s is None


@pytest.fixture
def studio(runs: Runs, launches: Launches, fake: None) -> Iterator[TestClient]:
    access = Access(PORT)
    server = create_app(RunStore(runs.root), access, render=lambda *_: PNG)
    with TestClient(server, base_url=ORIGIN, headers={"Origin": ORIGIN}) as client:
        client.get(access.new_link(), follow_redirects=False)
        yield client


def test_a_recipe_is_a_form_with_the_source_of_every_value(studio):
    assert [recipe["name"] for recipe in studio.get("/api/recipes").json()] == list(RECIPES)
    form = studio.get("/api/recipes/indoor_38m").json()
    fields = {field["name"]: field for field in form["fields"]}
    assert {name: field["value"] for name, field in fields.items()} == json.loads(
        json.dumps(flat(get_recipe("indoor_38m")))
    )
    assert fields["offset.weight"]["source"] == "P Tab. 9"
    assert fields["backbone.dtype"]["choices"] == ["float32", "bfloat16"]
    robust = studio.get("/api/recipes/indoor_38m", params={"preset": "robust"}).json()
    assert robust["preset"] == "robust" != form["preset"]
    assert studio.get("/api/recipes/nope").status_code == 404


def test_the_whole_way_over_http(studio):
    body = {"recipe": "indoor_demo", "run": "new", "device": "cpu", "values": {"optim.steps": 80}}
    checked = studio.post("/api/launches/check", json=body).json()
    assert checked["errors"] == {}
    assert checked["command"].endswith("--device cpu --optim.steps=80")
    assert checked["parameters"] == 4_202_976 and checked["step_s"] is None
    assert studio.get("/api/launches").json() == {"launches": []}
    started = studio.post("/api/launches", json=body)
    assert (started.status_code, started.json()["run"]) == (201, "new")
    again = studio.post("/api/launches", json={**body, "run": "other"})
    assert again.status_code == 409 and "Run new trains on cpu" in again.json()["error"]
    taken = studio.post("/api/launches/check", json={**body, "run": "other"}).json()
    assert "Run new trains on cpu" in taken["errors"]["launch"]
    id = started.json()["id"]
    wait_for(lambda: studio.get(f"/api/launches/{id}").json()["log"])
    assert studio.post(f"/api/launches/{id}/cancel").status_code == 202
    wait_for(lambda: studio.get(f"/api/launches/{id}").json()["state"] == "stopped")
    assert studio.post(f"/api/launches/{id}/cancel").status_code == 409
    assert studio.post("/api/launches/nope/cancel").status_code == 404
    wrong = studio.post("/api/launches", json={**body, "values": {"optim.steps": 0}})
    assert (wrong.status_code, set(wrong.json()["errors"])) == (400, {"optim.steps"})


def test_a_studio_may_be_told_to_start_nothing(runs):
    access = Access(PORT)
    server = create_app(RunStore(runs.root), access, render=lambda *_: PNG, can_launch=False)
    bearer = {"Authorization": f"Bearer {access.api_token}"}
    body = {"recipe": "indoor_demo", "run": "new"}
    with TestClient(server, base_url=ORIGIN, headers=bearer) as client:
        assert client.get("/api/session").json()["launch"] is False
        assert client.post("/api/launches", json=body).status_code == 403
        checked = client.post("/api/launches/check", json=body).json()
        assert "--no-launch" in checked["errors"]["launch"] and checked["command"]
