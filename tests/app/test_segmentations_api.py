"""The API of segmentations says what lies in their folders, and changes it as it is allowed to."""

from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load

from app.runs import Runs
from app.segmenting import desktop, export
from app.segmenting.downloads import MAX_IN_LINE
from app.segmenting.methods import add_wanted, offered
from app.segmenting.networks import Networks, network_name
from pointins_engine.baselines import METHODS
from pointins_engine.errors import ConfigError
from pointins_engine.run_log.files import write_json
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.store import RunStore
from tests.app.segment_fixtures import (
    AT,
    BINARY,
    cell_labels,
    found,
    gate,
    segmenter,
    sent,
    shared,
    studio,
)
from tests.app.studio_fixtures import ORIGIN
from tests.recorded_run import write_recorded_run

__all__ = ["gate", "segmenter", "shared", "studio"]

UNKNOWN = f"{AT}/20260101T000000-abcdef"
METHOD_NAMES = ["pointins", *METHODS, "truth"]


def wanted(segmenter, id: str) -> list[str]:
    return [item["layer"] for item in segmenter.store.record(id, "request.json")["wanted"]]


def test_the_list_has_every_segmentation_newest_first(studio, segmenter):
    old = found(segmenter, id="20250102T030405-aaaaaa", name="old.ply")
    new = found(segmenter, id="20260102T030405-bbbbbb", name="new.ply")
    rows = studio.get(AT).json()["segmentations"]
    assert [(row["id"], row["name"]) for row in rows] == [(new, "new.ply"), (old, "old.ply")]
    assert {row["status"] for row in rows} == {"finished"}
    assert rows[0]["instances"] == len(np.unique(cell_labels(segmenter, new))) - 1


def test_a_scan_without_colour_is_offered_no_weight_of_colours():
    def asks_for_colour(facts: dict) -> set[str]:
        return {
            method["method"]
            for method in offered(facts, has_truth=False)
            if any(each["name"] == "color_weight" for each in method["parameters"])
        }

    assert asks_for_colour({"has_color": True}) == {"dbscan", "felzenszwalb"}
    assert asks_for_colour({"has_color": False}) == set()


def test_a_segmentation_tells_its_layers_methods_and_networks(studio, segmenter):
    id = found(segmenter)
    told = studio.get(f"{AT}/{id}").json()
    assert {layer["layer"] for layer in told["layers"]} == {"pointins", "hdbscan", "truth"}
    assert {item["state"] for item in told["wanted"]} == {"made"}
    assert [method["method"] for method in told["methods"]] == METHOD_NAMES
    assert told["points"] == segmenter.store.record(id, "facts.json")["points"]
    assert told["cells"] == len(cell_labels(segmenter, id))
    assert told["edits"] is None and told["has_truth"]
    assert told["progress"]["status"] == "finished"


def test_arrays_come_as_they_lie_on_disk_and_are_kept_under_their_version(studio, segmenter):
    id = found(segmenter)
    told = studio.get(f"{AT}/{id}").json()
    folder = segmenter.store.folder(id)
    layer = next(layer for layer in told["layers"] if layer["layer"] == "pointins")
    for address, path, version in (
        (f"{AT}/{id}/scene", folder / "scene.safetensors", told["scene_v"]),
        (f"{AT}/{id}/layers/pointins/frame", folder / "layers/pointins.safetensors", layer["v"]),
    ):
        answer = studio.get(f"{address}?v={version}")
        assert answer.content == path.read_bytes()
        assert load(answer.content)
        assert "immutable" in answer.headers["cache-control"]
        assert studio.get(f"{address}?v=old").headers["cache-control"] == "no-cache"
        again = studio.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/scene", None),
        ("GET", "/layers/pointins/frame", None),
        ("GET", "/layers/pointins/download/ply", None),
        ("POST", "/layers", {"method": "hdbscan"}),
        ("POST", "/retry", {}),
        ("POST", "/cancel", {}),
        ("POST", "/polyscope", {"layer": "pointins"}),
        ("PUT", "/edits", {"base": "pointins", "version": 0, "labels": ""}),
        ("DELETE", "/edits", None),
        ("DELETE", "", None),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(studio, method, path, body):
    answer = studio.request(method, UNKNOWN + path, json=body)
    assert answer.status_code == 404
    assert "no segmentation" in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/scene",
        "..%2f..%2fruns/scene",
        "ID/layers/..%2f..%2frequest/frame",
        "ID/layers/%2e%2e/frame",
        "ID/layers/nothing/frame",
        "ID/layers/pointins%00/frame",
        "ID/layers/pointins/download/exe",
        "ID/layers/pointins/download/..%2fply",
        "ID/layers/..%2fscene/download/ply",
        "ID/upload",
        "ID/request.json",
    ],
)
def test_no_address_leads_to_another_file(studio, segmenter, path):
    assert studio.get(f"{AT}/{path.replace('ID', found(segmenter))}").status_code == 404


@pytest.mark.parametrize("part", ["scene.safetensors", "layers/pointins.safetensors", "layers"])
def test_a_link_inside_a_segmentation_is_not_followed(studio, segmenter, tmp_path, part):
    id = found(segmenter)
    path = segmenter.store.folder(id) / part
    elsewhere = path.rename(tmp_path / path.name)
    path.symlink_to(elsewhere)
    address = "scene" if part.startswith("scene") else "layers/pointins/frame"
    assert studio.get(f"{AT}/{id}/{address}").status_code == 404


def test_another_method_is_another_layer_and_the_same_settings_are_the_same(studio, segmenter):
    id = found(segmenter, layers=("pointins",))
    asked = [
        ({"method": "hdbscan", "settings": {}}, "hdbscan"),
        ({"method": "hdbscan", "settings": {"planes": "keep"}}, "hdbscan-2"),
        ({"method": "hdbscan", "settings": {"planes": "remove", "min_size": None}}, "hdbscan"),
        ({"method": "hdbscan", "settings": {"min_size": 7}}, "hdbscan-3"),
    ]
    for body, layer in asked:
        answer = studio.post(f"{AT}/{id}/layers", json=body)
        assert (answer.status_code, answer.json()["layer"]) == (202, layer)
    assert wanted(segmenter, id) == ["pointins", "hdbscan", "hdbscan-2", "hdbscan-3"]
    assert segmenter.jobs.progress(id)["status"] == "waiting"


def test_a_layer_of_another_network_is_another_layer():
    items, first = add_wanted([], "pointins", {}, None)
    items, second = add_wanted(items, "pointins", {}, "builtin:outdoor")
    assert (first, second) == ("pointins", "pointins-2")
    assert items[1]["checkpoint"] == "builtin:outdoor"


def test_a_layer_that_is_there_is_not_made_again(studio, segmenter):
    id = found(segmenter, layers=("pointins", "truth"))
    answer = studio.post(f"{AT}/{id}/layers", json={"method": "truth"})
    assert answer.json() == {"layer": "truth", "made": True}
    assert segmenter.jobs.progress(id)["status"] == "finished"


def test_a_layer_that_failed_is_tried_again_when_somebody_asks(studio, segmenter):
    id = found(segmenter, layers=("pointins",))
    studio.post(f"{AT}/{id}/layers", json={"method": "dbscan"})
    segmenter.jobs.cancel(id)
    said = segmenter.store.record(id, "progress.json") | {"failures": {"dbscan": "Too much."}}
    write_json(segmenter.store.folder(id) / "progress.json", said)
    assert studio.get(f"{AT}/{id}").json()["wanted"][-1]["state"] == "failed"
    studio.post(f"{AT}/{id}/layers", json={"method": "dbscan"})
    assert segmenter.store.record(id, "progress.json")["failures"] == {}
    assert studio.get(f"{AT}/{id}").json()["wanted"][-1]["state"] == "waiting"


def test_a_layer_that_was_given_up_does_not_come_before_the_next(studio, segmenter):
    id = found(segmenter, layers=("pointins",))
    studio.post(f"{AT}/{id}/layers", json={"method": "mean_shift"})
    assert studio.post(f"{AT}/{id}/cancel").json() == {"status": "finished"}
    assert wanted(segmenter, id) == ["pointins"]
    studio.post(f"{AT}/{id}/layers", json={"method": "mean_shift"})
    segmenter.jobs.cancel(id)  # as if its process had ended in the middle
    assert studio.get(f"{AT}/{id}").json()["wanted"][-1]["state"] == "failed"
    studio.post(f"{AT}/{id}/layers", json={"method": "dbscan"})
    assert wanted(segmenter, id) == ["pointins", "dbscan"]


@pytest.mark.parametrize(
    "body",
    [
        {"method": "magic"},
        {"method": "truth", "settings": {"planes": "keep"}},
        {"method": "hdbscan", "settings": {"planes": "both"}},
        {"method": "hdbscan", "settings": {"path": "/etc"}},
        {"method": "hdbscan", "settings": {"min_size": "many"}},
        {"method": "pointins", "settings": {"colour": 1}},
        {"method": "pointins", "checkpoint": "/etc/passwd"},
        {"method": "pointins", "checkpoint": "run:../../etc"},
    ],
)
def test_what_no_method_takes_is_refused(studio, segmenter, body):
    id = found(segmenter)
    before = wanted(segmenter, id)
    answer = studio.post(f"{AT}/{id}/layers", json=body)
    assert answer.status_code == 422 and len(answer.json()["error"].split()) > 3
    assert wanted(segmenter, id) == before


def test_a_question_is_answered_by_trying_again(studio, segmenter):
    ask = {"units": "mm"}
    id = found(segmenter, status="failed", ask=ask, detail="Is this in millimetres?")
    assert studio.get(f"{AT}/{id}").json()["status"] == "asking"
    assert studio.post(f"{AT}/{id}/layers", json={"method": "dbscan"}).status_code == 409
    answer = studio.post(f"{AT}/{id}/retry", json=ask | {"domain": "outdoor"})
    assert answer.json() == {"status": "waiting"}
    request = segmenter.store.record(id, "request.json")
    assert request["units"] == "mm" and request["settings"]["domain"] == "outdoor"
    assert studio.post(f"{AT}/{id}/retry", json={}).status_code == 409
    assert studio.post(f"{AT}/{id}/cancel").json() == {"status": "stopped"}
    assert studio.post(f"{AT}/{id}/retry", json={"up": "sideways"}).status_code == 422


def test_edits_are_kept_as_a_layer_and_taken_back(studio, segmenter):
    id = found(segmenter)
    labels = cell_labels(segmenter, id)
    labels[labels == 1] = 0
    body = {"base": "pointins", "version": 0, "labels": sent(labels), "names": {"0": "<b>sofa</b>"}}
    saved = studio.put(f"{AT}/{id}/edits", json=body)
    assert saved.status_code == 200 and saved.json()["version"] == 1
    assert np.array_equal(cell_labels(segmenter, id, "edited"), labels)
    told = studio.get(f"{AT}/{id}").json()
    assert told["edits"] == {"version": 1, "base": "pointins"}
    edited = next(layer for layer in told["layers"] if layer["layer"] == "edited")
    assert edited["instances"][0]["name"] == "<b>sofa</b>", "text; pages make no markup of it"
    assert studio.delete(f"{AT}/{id}/edits").status_code == 200
    assert studio.get(f"{AT}/{id}").json()["edits"] is None


def test_edits_that_build_on_older_ones_are_refused(studio, segmenter):
    id = found(segmenter)
    body = {"base": "pointins", "version": 0, "labels": sent(cell_labels(segmenter, id))}
    assert studio.put(f"{AT}/{id}/edits", json=body).status_code == 200
    stale = studio.put(f"{AT}/{id}/edits", json=body)
    assert stale.status_code == 409 and stale.json()["version"] == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"labels": sent(np.zeros(3))}, 422),
        ({"labels": "not base64!"}, 422),
        ({"names": {"x": "a"}}, 422),
        ({"names": {"0": "a\nb"}}, 422),
        ({"base": "nothing"}, 404),
        ({"version": -1}, 400),
    ],
)
def test_edits_that_do_not_fit_are_refused(studio, segmenter, change, status):
    id = found(segmenter)
    body = {"base": "pointins", "version": 0, "labels": sent(cell_labels(segmenter, id))}
    refused = studio.put(f"{AT}/{id}/edits", json=body | change)
    assert refused.status_code == status, refused.text
    assert not (segmenter.store.folder(id) / "layers/edited.json").exists()


def test_ids_below_none_are_refused(studio, segmenter):
    id = found(segmenter)
    labels = cell_labels(segmenter, id) - 5
    body = {"base": "pointins", "version": 0, "labels": sent(labels)}
    assert studio.put(f"{AT}/{id}/edits", json=body).status_code == 422


def test_a_scene_of_a_collection_is_segmented_by_its_name(studio, segmenter):
    rooms = segmenter._collections.get("sim-rooms")
    rooms.folder.root.mkdir(parents=True, exist_ok=True)
    write_json(rooms.folder.collection, {"ids": ["room_1"], "keys": {"room_1": "k"}})
    asked = {"collection": "sim-rooms", "scene": "room_1", "settings": {"planes": "keep"}}
    id = studio.post(AT, json=asked).json()["id"]
    request = segmenter.store.record(id, "request.json")
    assert request["source"] == {"kind": "scene", "source": "sim:rooms", "scene": "room_1"}
    assert request["wanted"][0]["settings"]["planes"] == "keep"
    assert studio.post(AT, json=asked | {"scene": "../x"}).status_code == 404
    assert studio.post(AT, json=asked | {"collection": "/etc"}).status_code == 404
    assert studio.post(AT, json=asked | {"settings": {"x": 1}}).status_code == 422


def test_what_is_deleted_is_gone_with_its_scan(studio, segmenter):
    answer = studio.post(f"{AT}/uploads?name=a.ply", content=b"ply\n", headers=BINARY)
    id = answer.json()["id"]
    assert studio.delete(f"{AT}/{id}").json() == {"deleted": id}
    assert studio.get(f"{AT}/{id}").status_code == 404
    assert [path.name for path in segmenter.store.root.iterdir()] == [".lock"]


def test_starts_are_counted(studio, segmenter, monkeypatch):
    id = found(segmenter)
    statuses = [
        studio.post(f"{AT}/{id}/layers", json={"method": "truth"}).status_code for _ in range(21)
    ]
    assert statuses[0] == 202 and statuses[-1] == 429


def test_a_download_is_a_file_with_a_name_of_ours(studio, segmenter):
    id = found(segmenter, name='room "1"; x=\u202e.ply')
    address = f"{AT}/{id}/layers/pointins/download"
    made = segmenter.store.folder(id) / "downloads"
    made.mkdir()
    (made / "pointins-18ea-7f.ply").write_bytes(b"of an older layer")
    (made / "pointins-2-18ea-7f.ply").write_bytes(b"of another layer")
    answer = studio.get(f"{address}/ply")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"ply\n")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="room--1---x-pointins.ply"'
    )
    names = {path.name for path in made.iterdir()}
    assert "pointins-18ea-7f.ply" not in names
    assert "pointins-2-18ea-7f.ply" in names and len(names) == 2


def test_only_a_few_wait_for_a_download(studio, segmenter):
    id, line = found(segmenter), segmenter.downloads._line
    taken = [line.acquire(blocking=False) for _ in range(MAX_IN_LINE)]
    refused = studio.get(f"{AT}/{id}/layers/pointins/download/ply")
    assert all(taken) and refused.status_code == 429
    line.release(MAX_IN_LINE)


def test_a_layer_that_cannot_be_written_is_said_in_a_sentence(segmenter, capsys):
    folder = segmenter.store.folder(found(segmenter))
    (folder / "points.npz").write_bytes(b"torn")
    assert export.main([str(folder), "pointins", "npz", str(folder), "out"]) == 2
    said = capsys.readouterr().err
    assert "points.npz" in said and len(said.splitlines()) == 1
    assert not list(folder.glob("out*"))


@pytest.mark.parametrize(
    ("client", "environment", "word"),
    [
        ("192.168.1.7", {"DISPLAY": ":0"}, "another machine"),
        ("127.0.0.1", {"DISPLAY": ":0", "SSH_CONNECTION": "x"}, "SSH"),
        ("127.0.0.1", {}, "no screen"),
    ],
)
def test_a_window_opens_only_where_somebody_sits_before_it(
    monkeypatch, tmp_path, client, environment, word
):
    started = patched(monkeypatch, environment)
    assert word in desktop.open_window(tmp_path / "a.ply", client)
    assert started == []


def test_a_window_shows_the_file_by_instance(monkeypatch, tmp_path):
    started = patched(monkeypatch, {"DISPLAY": ":0", "AWS_SECRET": "x"})
    assert desktop.open_window(tmp_path / "a b.ply", "127.0.0.1") == ""
    (words, env) = started[0]
    assert words[-3:] == [str(tmp_path / "a b.ply"), "--colour", "instance"]
    assert env["DISPLAY"] == ":0" and "AWS_SECRET" not in env
    assert desktop.view_command(tmp_path / "a b.ply").startswith("pointins view '")


def patched(monkeypatch, environment: dict[str, str]) -> list:
    """Processes that would have been started, under an environment."""
    started: list = []
    monkeypatch.setattr(desktop.os, "environ", environment)
    popen = lambda words, env, **_: started.append((words, env))  # noqa: E731
    monkeypatch.setattr(desktop, "subprocess", SimpleNamespace(Popen=popen, DEVNULL=-3))
    monkeypatch.setattr(desktop.sys, "platform", "linux")
    return started


def test_who_may_look_sees_everything_and_starts_nothing(studio, segmenter, gate):
    id = found(segmenter)
    studio.cookies.clear()
    studio.get(gate[1].new_link(rights="view"))
    for path in ("", f"/{id}", f"/{id}/scene", f"/{id}/layers/pointins/frame"):
        assert studio.get(f"{AT}{path}").status_code == 200
    assert not studio.get(AT).json()["can_upload"]
    for method, path in (
        ("POST", "/uploads?name=a.ply"),
        ("POST", f"/{id}/layers"),
        ("POST", f"/{id}/polyscope"),
        ("PUT", f"/{id}/edits"),
        ("DELETE", f"/{id}"),
    ):
        headers = {**BINARY, "Origin": ORIGIN} if "uploads" in path else {}
        content = {"content": b"ply\n"} if "uploads" in path else {"json": {}}
        refused = studio.request(method, f"{AT}{path}", headers=headers, **content)
        assert refused.status_code == 403, path
    assert segmenter.store.ids() == [id]


def test_the_network_of_a_run_is_chosen_by_its_name_and_never_by_a_path(tmp_path):
    write_recorded_run(tmp_path / "rooms", num_frames=1, num_points=200)
    networks = Networks(Runs(RunStore(tmp_path)))
    with pytest.raises(ConfigError, match="no network"):
        networks.checkpoint("run:rooms")  # it has no checkpoint yet
    checkpoint = RunPaths(tmp_path / "rooms").checkpoint(20)
    checkpoint.mkdir(parents=True)
    write_json(checkpoint / "trainer.json", {"step": 20})
    assert networks.names()[-1] == "run:rooms"
    place = networks.checkpoint("run:rooms")
    assert place == str(tmp_path / "rooms") and network_name(place) == "run:rooms"
    with pytest.raises(ConfigError, match="no network"):
        networks.checkpoint(place)
