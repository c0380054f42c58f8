"""Scenes in a real browser: find the one that breaks the prior, open it, and come back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.browsing import let_in
from tests.app.studio_process import Studio
from tests.boxed_scans import write_folder

pytestmark = pytest.mark.browser
PICTURES = Path("test-output")  # for people: what the pages looked like
READ_MS = 60_000  # a job starts, and reads four small scans


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("scenes")
    scans = write_folder(root / "boxes")
    PICTURES.mkdir(exist_ok=True)
    with Studio(root / "runs", "--scenes", str(scans), "--cache", str(root / "cache")) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser, studio):
    look = {"color_scheme": "dark", "reduced_motion": "reduce"}
    size = {"width": 1280, "height": 720}
    with let_in(browser, studio, viewport=size, **look) as context:
        yield context


def cards(page):
    return page.locator(".scene-name").all_inner_texts()


def look(page) -> dict:
    """State of the picture, with a hash of its pixels."""
    return page.evaluate(
        "() => { const s = pointinsViewport.state(); return {...s, pixelHash: s.pixelHash()} }"
    )


def wait_for_picture(page) -> None:
    page.wait_for_function("() => pointinsViewport.state()?.phase === 'ready'")


def test_scans_are_read_and_shown_with_a_reason_where_that_failed(visit):
    page = visit.page
    page.goto(visit.base)
    page.get_by_role("link", name="Scenes").click()
    expect(page).to_have_url(f"{visit.base}/scenes")
    expect(page.get_by_role("link", name="boxes")).to_be_visible()
    expect(page.locator(".scene-card.is-ready")).to_have_count(3, timeout=READ_MS)
    expect(page.locator(".scene-card.is-failed")).to_contain_text("coord.npy")
    expect(page.locator("#scenes-status")).to_contain_text("1 scan could not be read")
    expect(page.locator(".scene-picture img")).to_have_count(3, timeout=READ_MS)
    page.screenshot(path=PICTURES / "scenes-1280-dark.png")


def test_another_prior_puts_another_scene_first_and_the_address_keeps_it(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes")
    expect(page.locator(".scene-card.is-ready")).to_have_count(3, timeout=READ_MS)
    page.get_by_text("Prior", exact=True).click()
    page.get_by_role("link", name="paper-outdoor").click()
    expect(page).to_have_url(f"{visit.base}/scenes/boxes?prior=paper-outdoor")
    third = page.locator(".scene-name").nth(2)
    expect(third).to_have_text("large")  # the prior's mean is 1.3 m: the large boxes are nearest
    page.get_by_role("link", name="largest first").click()
    expect(page.locator(".scene-name").first).to_have_text("large")
    before = cards(page)
    page.reload()
    expect(page.locator(".scene-name").first).to_have_text("large")
    assert cards(page) == before
    page.go_back()
    expect(third).to_have_text("large")


def test_a_filter_is_typed_and_goes_with_the_address(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes?sort=name")
    expect(page.locator(".scene-card")).to_have_count(4, timeout=READ_MS)
    box = page.get_by_placeholder("Filter by name, class, split")
    box.fill("lar")
    expect(page.locator(".scene-name")).to_have_text(["large"])
    expect(page).to_have_url(f"{visit.base}/scenes/boxes?sort=name&q=lar")
    expect(page.locator("#scenes-count")).to_have_text("1 of 4 scenes")
    page.go_back()
    expect(page.locator(".scene-card")).to_have_count(4)
    expect(box).to_have_value("")
    box.fill("nothing")
    expect(page.get_by_text("Nothing matches “nothing”")).to_be_visible()
    page.get_by_role("link", name="Show all scenes").click()
    expect(page.locator(".scene-card")).to_have_count(4)


def test_from_a_card_to_the_scene_by_key_and_back_to_the_same_card(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes?sort=name")
    expect(page.locator(".scene-card.is-ready")).to_have_count(3, timeout=READ_MS)
    page.locator(".scene-card").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.base}/scenes/boxes/small?sort=name")
    expect(page.locator("#scene-top h1")).to_have_text("small")
    wait_for_picture(page)
    page.go_back()
    expect(page).to_have_url(f"{visit.base}/scenes/boxes?sort=name&at=small")
    expect(page.locator(".scene-card.is-at .scene-name")).to_have_text("small")
    expect(page.locator(".scene-card.is-at")).to_be_focused()


def test_points_collapse_onto_true_centroids_and_the_address_opens_the_same_picture(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes/large")
    wait_for_picture(page)
    expect(page.locator("#scene-facts")).to_contain_text("20,000")
    expect(page.locator("#scene-distance")).to_contain_text("W₁ to prior")
    expect(page.locator("#scene-shares .js-plotly-plot")).to_be_visible()
    assert look(page)["instances"] == 2
    apart = look(page)["pixelHash"]
    page.locator(".vp-stage").focus()
    page.keyboard.press("t")
    page.get_by_label("Colouring").select_option("truth")
    page.wait_for_function("() => /colouring=truth.*t=1/.test(location.hash)")
    together = look(page)
    assert together["t"] == 1 and together["colouring"] == "truth"
    assert together["pixelHash"] != apart
    page.screenshot(path=PICTURES / "scene-1280-dark.png")
    page.reload()
    wait_for_picture(page)
    page.wait_for_function("() => pointinsViewport.state().t === 1")
    assert look(page)["pixelHash"] == together["pixelHash"]


def test_a_turned_camera_is_in_the_address(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes/small#colouring=plane&walls=all")
    wait_for_picture(page)
    assert look(page)["colouring"] == "plane"
    expect(page.locator(".vp-legend")).to_contain_text("floor, walls, ceiling or ground")
    canvas = page.locator(".vp-canvas").bounding_box()
    page.mouse.move(canvas["x"] + 200, canvas["y"] + 200)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 320, canvas["y"] + 240, steps=4)
    page.mouse.up()
    page.wait_for_function("() => location.hash.includes('camera=')")
    page.reload()
    wait_for_picture(page)
    turned = look(page)["pixelHash"]
    page.goto(f"{visit.base}/scenes")
    page.go_back()
    wait_for_picture(page)
    assert look(page)["pixelHash"] == turned
    page.get_by_role("button", name="Reset view").click()
    page.wait_for_function("() => !location.hash.includes('camera=')")
    assert look(page)["pixelHash"] != turned


def test_a_scan_without_labels_cannot_collapse_and_says_so(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes/bare")
    wait_for_picture(page)
    expect(page.get_by_label("Points to true centroids")).to_be_disabled()
    expect(page.locator("#scene-classes")).to_contain_text("no labels")
    options = page.get_by_label("Colouring").locator("option").all_inner_texts()
    assert options == ["Colour", "Height", "Planes"]


def test_a_broken_scan_has_a_page_with_the_reason(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes/torn")
    expect(page.locator("#scene-notes")).to_contain_text("coord.npy", timeout=READ_MS)
    expect(page.locator(".vp-panel")).to_contain_text("torn cannot be read")


def test_next_and_previous_follow_the_order_of_the_collection(visit):
    page = visit.page
    page.goto(f"{visit.base}/scenes/boxes/bare?sort=name")
    wait_for_picture(page)
    page.locator(".vp-stage").focus()
    page.keyboard.press("]")
    expect(page).to_have_url(f"{visit.base}/scenes/boxes/large?sort=name")
    expect(page.locator("#scene-top h1")).to_have_text("large")
    page.get_by_title("Previous scene").click()
    expect(page.locator("#scene-top h1")).to_have_text("bare")


def test_a_light_table_shows_all_scenes(context, studio):
    page = context.new_page()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"http://127.0.0.1:{studio.port}/scenes/boxes?view=table")
    expect(page.locator(".scene-table tbody tr")).to_have_count(4, timeout=READ_MS)
    page.get_by_role("link", name="Points").click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Points")
    page.screenshot(path=PICTURES / "scenes-1920-light.png")
    page.close()
