"""The API of scenes says what the index says, in the order asked for, and keeps to the gate."""

import time

import numpy as np
import pytest
from safetensors.numpy import load

from app.scenes.collections import Collections
from app.scenes.thumbnails import SceneThumbnails
from pointins_engine.errors import SceneError
from tests.app.scene_fixtures import browser, cache, priors, scans, studio
from tests.app.studio_fixtures import PNG, TestClient
from tests.boxed_scans import write_folder

__all__ = ["browser", "cache", "priors", "scans", "studio"]

SCENES = "/api/collections/boxes/scenes"
SMALL = f"{SCENES}/small"
PATIENCE_S = 60  # a cold start on a busy machine


def ids_at(studio, search: str = "") -> list[str]:
    return [row["id"] for row in studio.get(f"{SCENES}{search}").json()["scenes"]]


def key_of(studio, scene: str = "small") -> str:
    return studio.get(f"{SCENES}/{scene}/facts").json()["key"]


def test_collections_are_what_was_named_and_the_simulators(studio):
    rows = studio.get("/api/collections").json()["collections"]
    assert [row["id"] for row in rows] == ["boxes", "sim-rooms", "sim-streets"]
    assert rows[0]["progress"]["status"] == "waiting"  # nobody has looked at it


def test_priors_are_the_built_in_ones_and_files(studio):
    rows = {row["name"]: row for row in studio.get("/api/priors").json()["priors"]}
    assert {"paper-indoor", "paper-outdoor", "boxes", "torn"} <= set(rows)
    assert "JSON" in rows["torn"]["fault"] and not rows["boxes"]["fault"]


def test_scenes_that_break_the_prior_come_first(studio):
    page = studio.get(f"{SCENES}?prior=boxes").json()
    order = [row["id"] for row in page["scenes"]]
    assert (order[0], order[-1]) == ("large", "torn")
    by_id = {row["id"]: row["w1_m"] for row in page["scenes"]}
    assert by_id["small"] < 0.02 and by_id["large"] > 0.3  # their boxes are 0.4 m and 1 m wide
    assert by_id["torn"] is None
    assert page["prior"] == "boxes" and page["total"] == 4


def test_without_a_prior_it_is_the_papers_for_this_kind(studio):
    assert studio.get(SCENES).json()["prior"] == "paper-indoor"


def test_scenes_can_be_put_in_order_and_filtered(studio):
    assert ids_at(studio, "?sort=name") == ["bare", "large", "small", "torn"]
    assert ids_at(studio, "?sort=name&order=down") == ["torn", "small", "large", "bare"]
    assert ids_at(studio, "?sort=points")[:3] == ["small", "large", "bare"]
    assert ids_at(studio, "?sort=instances")[:2] == ["small", "large"]
    assert ids_at(studio, "?sort=name&q=AR") == ["bare", "large"]
    assert ids_at(studio, "?q=failed") == ["torn"]
    assert ids_at(studio, "?q=nothing") == []


def test_a_scan_that_failed_says_why_and_has_no_arrays(studio):
    facts = studio.get(f"{SCENES}/torn/facts").json()
    assert facts["state"] == "failed" and "coord.npy" in facts["error"]
    answer = studio.get(f"{SCENES}/torn/arrays")
    assert answer.status_code == 404 and "coord.npy" in answer.json()["error"]


def test_facts_hold_the_distance_to_the_prior_that_is_named(studio):
    near = studio.get(f"{SMALL}/facts?prior=boxes").json()["offsets"]
    far = studio.get(f"{SMALL}/facts?prior=paper-outdoor").json()["offsets"]
    assert near["prior"] == "boxes" and near["w1_m"] < far["w1_m"]
    assert near["ks"] < far["ks"] <= 1
    assert near["mean_m"] == pytest.approx(0.25, abs=0.03)


def test_arrays_are_the_index_and_may_be_kept_for_good(studio, browser):
    key = key_of(studio)
    answer = studio.get(f"{SMALL}/arrays", params={"v": key})
    folder = browser.collections.get("boxes").folder
    assert answer.content == folder.scene("small", key).read_bytes()
    assert load(answer.content)["coord_u16"].dtype == np.uint16
    assert "immutable" in answer.headers["cache-control"]
    assert studio.get(f"{SMALL}/arrays").headers["cache-control"] == "no-cache"
    truth = load(studio.get(f"{SMALL}/truth", params={"v": key}).content)
    assert truth["centroid"].shape == (3, 3)
    assert studio.get(f"{SCENES}/bare/truth").status_code == 404


@pytest.mark.parametrize("path", [f"{SMALL}/arrays", f"{SMALL}/facts", SCENES, "/api/priors"])
def test_what_the_browser_has_is_not_sent_again(studio, path):
    tag = studio.get(path).headers["etag"]
    again = studio.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_thumbnail_is_drawn_in_the_background_and_then_kept(studio, browser):
    address = f"{SMALL}/thumbnail.png?v={key_of(studio)}"
    end = time.monotonic() + PATIENCE_S
    while studio.get(address).status_code == 404 and time.monotonic() < end:
        time.sleep(0.02)
    answer = studio.get(address)
    assert answer.content == PNG and answer.headers["content-type"] == "image/png"
    assert browser.collections.get("boxes").folder.picture("small", key_of(studio)).is_file()


def test_a_picture_that_cannot_be_drawn_says_why(browser):
    def broken(_):
        raise RuntimeError("no driver.")

    thumbnails = SceneThumbnails(broken)
    collection = browser.collections.get("boxes")
    row = collection.row("large")
    end = time.monotonic() + PATIENCE_S
    while thumbnails.ask(collection, [row])["large"] is None and time.monotonic() < end:
        time.sleep(0.02)
    with pytest.raises(SceneError, match="no driver"):
        thumbnails.path(collection, row)
    thumbnails.close()


@pytest.mark.parametrize(
    "path",
    [
        "/api/collections/none/scenes",
        f"{SCENES}/none/facts",
        f"{SCENES}/none/arrays",
        f"{SCENES}?prior=none",
        f"{SMALL}/facts?prior=torn",
        f"{SCENES}/..%2F..%2Fetc/arrays",
        f"{SCENES}/small/arrays/../../secret",
    ],
)
def test_what_is_not_there_is_a_404_with_a_reason(studio, path):
    answer = studio.get(path)
    assert answer.status_code == 404 and answer.json()["error"]


def test_the_gate_stands_in_front_of_scenes_too(studio):
    stranger = TestClient(studio.app, base_url="http://127.0.0.1:8050", follow_redirects=False)
    for path in ("/api/collections", SCENES, f"{SMALL}/arrays", "/scenes"):
        assert stranger.get(path).status_code == 401
    rebound = studio.get("/api/collections", headers={"Host": "evil.example"})
    assert rebound.status_code == 400


def test_a_collection_is_read_by_a_process_of_its_own(tmp_path):
    source = write_folder(tmp_path / "scans")
    collections = Collections([str(source)], tmp_path / "cache")
    collection = collections.get("scans")
    assert collections.progress(collection)["status"] == "waiting"
    collections.attend(collection)
    end = time.monotonic() + PATIENCE_S
    while collections.progress(collection)["status"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
    said = collections.progress(collection)
    assert (said["status"], said["done"], said["total"]) == ("finished", 4, 4)
    assert collection.rows()["torn"].error and collection.rows()["small"].lengths
    collections.close()
    later = Collections([str(source)], tmp_path / "cache").get("scans")
    assert set(later.rows()) == {"small", "large", "bare", "torn"}  # a second start has them


def test_a_process_that_was_killed_is_told_and_the_next_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("app.scenes.collections.LOOK_AGAIN_S", 0.0)
    source = write_folder(tmp_path / "scans")
    collections = Collections([str(source)], tmp_path / "cache")
    collection = collections.get("scans")
    collections.attend(collection)
    job = collections._jobs["scans"]
    job.kill()
    job.wait()
    said = collections.progress(collection)
    assert said["status"] == "lost" and "status -9" in said["detail"]
    collections.attend(collection)
    end = time.monotonic() + PATIENCE_S
    while collections.progress(collection)["status"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert len(collection.rows()) == 4
    collections.close()


def test_a_source_that_went_away_says_so(tmp_path):
    collections = Collections([str(tmp_path / "gone")], tmp_path / "cache")
    collection = collections.get("gone")
    collections.attend(collection)
    end = time.monotonic() + PATIENCE_S
    while collections.progress(collection)["status"] == "running" and time.monotonic() < end:
        time.sleep(0.05)
    said = collections.progress(collection)
    assert said["status"] == "failed" and "no such file" in said["detail"]
    collections.close()


def test_two_folders_of_one_name_are_two_collections(tmp_path):
    collections = Collections(["a/scans", "b/scans", "sim:rooms"], tmp_path)
    ids = [one.id for one in collections.all()]
    assert ids == ["scans", "scans-2", "sim-rooms", "sim-streets"]
