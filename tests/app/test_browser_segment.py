"""Segmenting in a real browser: drop a scan, compare, correct by hand, and take the result away."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open3d as o3d
import pytest
from playwright.sync_api import expect

from tests.app.browsing import PATIENCE_MS, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import boxes_room
from tests.segmented import write_segmentation

pytestmark = pytest.mark.browser
PICTURES = Path("test-output")  # for people: what the pages looked like
JOB_MS = 120_000  # a process starts, loads a network and reads a small scan
ROOM = "20260102T030405-a1b2c3"


@pytest.fixture(scope="module")
def segmentations(tmp_path_factory) -> Path:
    """A room with one merge too many, and states that are no picture."""
    root = tmp_path_factory.mktemp("segmentations")
    write_segmentation(root, ROOM)
    write_segmentation(root, "20260102T030405-000001", name="floor.ply", found=False)
    write_segmentation(
        root,
        "20260102T030405-000002",
        name="torn.las",
        status="failed",
        detail="torn.las ends in the middle of a point. Export it again.",
    )
    write_segmentation(
        root,
        "20260102T030405-000003",
        name="scan.xyz",
        status="failed",
        ask={"units": "mm"},
        detail="The scan would be 4,512 m long.",
    )
    return root


@pytest.fixture(scope="module")
def studio(segmentations, tmp_path_factory) -> Iterator[Studio]:
    PICTURES.mkdir(exist_ok=True)
    root = tmp_path_factory.mktemp("studio")
    flags = ("--segmentations", str(segmentations), "--cache", str(root / "cache"))
    with Studio(root / "runs", *flags) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser, studio):
    look = {"color_scheme": "dark", "reduced_motion": "reduce"}
    size = {"width": 1280, "height": 800}
    with let_in(browser, studio, viewport=size, **look) as context:
        yield context


def state(page) -> dict:
    return page.evaluate("() => pointinsSegment.state()")


def wait_until(page, condition: str, timeout: float = PATIENCE_MS) -> None:
    """Until a condition on the state `s` of the page holds."""
    page.wait_for_function(
        f"() => {{ const s = pointinsSegment.state(); return s && ({condition}); }}",
        timeout=timeout,
    )


def row(page, name: str):
    return page.locator(".sg-list tr", has=page.get_by_role("button", name=name, exact=True))


def test_a_dropped_scan_becomes_objects_that_open3d_reads_back_as_they_were_corrected(
    visit, tmp_path
):
    page = visit.page
    coord, color, *_ = boxes_room(0, 6000)
    scan = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(coord))
    scan.colors = o3d.utility.Vector3dVector(color / 255)
    o3d.io.write_point_cloud(str(tmp_path / "my room.ply"), scan)
    page.goto(visit.base)
    page.get_by_role("link", name="Segment").click()
    expect(page.get_by_role("heading", name="Drop a scan")).to_be_visible()
    expect(page.get_by_role("button", name="Choose a file")).to_be_enabled()
    drop(page, tmp_path / "my room.ply")
    expect(page).to_have_url(re.compile(r"/segment/\w+"))
    wait_until(page, "s.status === 'finished' && s.layer === 'pointins'", JOB_MS)
    found = state(page)["objects"]
    assert found >= 2
    expect(page.locator("#segment-top h1")).to_have_text("my room.ply")

    page.get_by_role("button", name="HDBSCAN").click()
    wait_until(page, "s.beside === 'hdbscan' && s.panes === 2", JOB_MS)
    expect(page.locator(".sg-pane-name").nth(1)).to_contain_text("HDBSCAN")
    wait_until(page, "s.status === 'finished'", JOB_MS)
    page.screenshot(path=PICTURES / "segment-beside-1280-dark.png")
    page.get_by_role("button", name="beside ×").click()

    page.locator(".sg-name").nth(0).click()
    page.locator(".sg-name").nth(1).click(modifiers=["Shift"])
    page.get_by_role("button", name="Merge").click()
    wait_until(page, f"s.layer === 'edited' && s.saved === 'saved' && s.all === {found - 1}")

    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.locator(".menu-item", has_text="PLY").click()
    download.value.save_as(tmp_path / "result.ply")
    ids = o3d.t.io.read_point_cloud(str(tmp_path / "result.ply")).point["instance"].numpy().ravel()
    table = page.evaluate(
        "() => [...document.querySelectorAll('.sg-list tbody tr')]"
        ".map((row) => [Number(row.dataset.id), row.cells[2].textContent.replace(',', '')])"
    )
    assert len(table) == found - 1
    shown = {id: int(points) for id, points in table}
    values, counts = np.unique(ids[ids >= 0], return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == shown
    assert len(ids) == len(coord)


def drop(page, path: Path) -> None:
    """Let a file fall onto the page, as a file manager does."""
    data = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([name, data]) => {
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name));
          return transfer;
        }""",
        [path.name, data],
    )
    for event in ("dragover", "drop"):
        page.dispatch_event(".sg-drop", event, {"dataTransfer": transfer})


def test_one_object_too_many_is_split_named_undone_and_kept_over_a_reload(visit):
    page = visit.page
    page.goto(f"{visit.base}/segment/{ROOM}")
    wait_until(page, "s.layer === 'pointins'")
    assert state(page)["all"] == 7
    row(page, "Object 6").get_by_role("button").click()
    page.locator(".vp-stage").focus()
    page.keyboard.press("x")
    wait_until(page, "s.all === 8 && s.layer === 'edited' && s.saved === 'saved'")
    page.keyboard.press("Control+z")
    wait_until(page, "s.all === 7 && s.saved === 'saved'")
    page.keyboard.press("Control+y")
    wait_until(page, "s.all === 8 && s.saved === 'saved'")
    row(page, "Object 7").get_by_role("button").dblclick()
    page.get_by_label("Name of the object").fill("armchair <b>")
    page.keyboard.press("Enter")
    wait_until(page, "s.saved === 'saved'")
    expect(row(page, "armchair <b>")).to_contain_text("by hand")
    page.screenshot(path=PICTURES / "segment-1280-dark.png")
    page.wait_for_function("() => location.hash.includes('layer=edited')")
    page.reload()
    wait_until(page, "s.layer === 'edited' && s.all === 8")
    expect(row(page, "armchair <b>")).to_be_visible()
    page.get_by_role("button", name="Back to what was found").click()
    page.get_by_role("button", name="Yes").click()
    wait_until(page, "s.layer === 'pointins' && s.all === 7")
    expect(page.locator("tr[data-layer=edited]")).to_have_count(0)


def test_list_and_picture_point_at_the_same_object(visit):
    page = visit.page
    page.goto(f"{visit.base}/segment/{ROOM}#layer=hdbscan")
    wait_until(page, "s.layer === 'hdbscan'")
    before = page.evaluate("() => pointinsSegment.state().pixelHash()")
    row(page, "Object 3").hover()
    page.wait_for_function(f"() => pointinsSegment.state().pixelHash() !== {before!r}")
    x, y = page.evaluate("() => pointinsSegment.state().placeOf(2)")
    page.mouse.move(x, y)
    expect(page.locator(".sg-list tr[data-hovered]")).to_have_attribute("data-id", "2")
    expect(page.locator(".sg-tip")).to_contain_text("Object 2")
    page.mouse.click(x, y)
    assert state(page)["chosen"] == [2]
    page.locator(".vp-stage").focus()
    page.keyboard.press("Escape")
    assert state(page)["chosen"] == []


def test_thresholds_and_the_way_to_the_centroids_are_in_the_address(visit):
    page = visit.page
    page.goto(f"{visit.base}/segment/{ROOM}#layer=pointins&beside=truth&score=0.7&t=1")
    wait_until(page, "s.beside === 'truth' && s.t === 1")
    expect(page.locator(".sg-pane-name").first).to_contain_text("4 of 7 objects")
    expect(page.locator(".sg-pane-name").first).to_contain_text("of all: AP50")
    expect(page.locator(".sg-pane-name").nth(1)).to_have_text("Ground truth 8 objects")
    page.get_by_role("slider", name="Least score").fill("0.9")
    wait_until(page, "s.objects === 2")
    page.wait_for_function("() => location.hash.includes('score=0.9')")
    page.get_by_label("Colouring").select_option("score")
    wait_until(page, "s.colouring === 'score'")
    page.screenshot(path=PICTURES / "segment-truth-1280-dark.png")


def test_outlined_points_become_an_object(visit):
    page = visit.page
    page.goto(f"{visit.base}/segment/{ROOM}#layer=hdbscan")
    wait_until(page, "s.layer === 'hdbscan'")
    box = page.locator(".vp-canvas").bounding_box()
    page.locator(".vp-stage").focus()
    page.keyboard.press("b")
    page.mouse.move(box["x"] + 120, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 330, box["y"] + 330, steps=4)
    page.mouse.up()
    assert state(page)["outlined"] > 0
    page.keyboard.press("n")
    wait_until(page, "s.all === 8 && s.layer === 'edited' && s.saved === 'saved'")
    page.get_by_role("button", name="Back to what was found").click()
    page.get_by_role("button", name="Yes").click()
    wait_until(page, "s.layer === 'hdbscan'")


def test_states_without_a_picture_say_what_to_do(visit):
    page = visit.page
    page.goto(f"{visit.base}/segment")
    expect(page.locator(".sg-past-row", has_text="floor.ply")).to_contain_text("0 objects")
    expect(page.locator(".sg-past-row", has_text="torn.las")).to_contain_text("Export it again")
    page.get_by_role("link", name="scan.xyz").click()
    expect(page.locator(".vp-panel")).to_contain_text("Is this scan in millimetres?")
    expect(page.get_by_role("button", name="Yes, millimetres")).to_be_visible()
    page.goto(f"{visit.base}/segment/20260102T030405-000001")
    expect(page.locator(".vp-panel")).to_contain_text("No objects found")
    page.locator(".vp-panel").get_by_role("button", name="Group again").click()
    expect(page.get_by_label("Radius, m")).to_be_focused()


def test_a_scan_that_is_dropped_before_the_studio_has_answered_is_kept(visit, tmp_path):
    page, held = visit.page, []
    (tmp_path / "early.ply").write_text("solid nothing")
    page.route(re.compile(r"/api/segmentations$"), lambda route: held.append(route))
    page.goto(f"{visit.base}/segment")
    expect(page.get_by_role("heading", name="Drop a scan")).to_be_visible()
    drop(page, tmp_path / "early.ply")
    expect(page.get_by_text("early.ply is sent as soon as the studio answers.")).to_be_visible()
    with page.expect_request(lambda request: request.method == "POST") as sent:
        for route in held:
            route.continue_()
    assert "early.ply" in sent.value.url


def test_what_cannot_be_a_scan_is_refused_before_it_is_sent(visit, tmp_path):
    page = visit.page
    (tmp_path / "photo.jpeg").write_bytes(b"\xff\xd8")
    page.goto(f"{visit.base}/segment")
    expect(page.get_by_role("button", name="Choose a file")).to_be_enabled()
    drop(page, tmp_path / "photo.jpeg")
    expect(page.get_by_role("alert").first).to_contain_text("photo.jpeg is of a kind")


def test_a_visitor_who_may_only_look_sees_all_and_changes_nothing(browser, studio):
    look = {"color_scheme": "light", "reduced_motion": "reduce"}
    with let_in(browser, studio, studio.view_url, **look) as context:
        page = context.new_page()
        base = f"http://127.0.0.1:{studio.port}"
        page.goto(f"{base}/segment")
        expect(page.locator(".sg-past-row", has_text="room.ply").first).to_be_visible()
        expect(page.get_by_role("button", name="Choose a file")).to_be_disabled()
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        page.goto(f"{base}/segment/{ROOM}")
        wait_until(page, "s.layer === 'pointins'")
        page.locator(".sg-name").first.click()
        expect(page.get_by_role("button", name="Remove")).to_be_disabled()
        expect(page.locator(".sg-chosen")).to_contain_text("view link")
