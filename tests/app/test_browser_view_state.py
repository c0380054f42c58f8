"""What one chooses in the picture of a run, in a real browser: it shows, stays, undoes and travels.

One run of few points; the tests open its page anew and share the studio.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.app.browsing import CLIPBOARD, Visit, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import write_recorded_run

pytestmark = pytest.mark.browser
POINTS = 3000
LAST = 30
STAGE = ".vp-stage"


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("runs")
    write_recorded_run(root / "rooms", num_frames=4, num_points=POINTS)
    with Studio(root) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser, studio):
    look = {"color_scheme": "dark", "reduced_motion": "reduce"}
    size = {"width": 1280, "height": 800}
    with let_in(browser, studio, viewport=size, permissions=CLIPBOARD, **look) as context:
        yield context


def opened(visit: Visit, fragment: str = "") -> Page:
    """The run's page at rest, with its last frame or the one that the address asks for."""
    page = visit.page
    page.goto(f"{visit.base}/live/rooms{fragment}")
    page.wait_for_function("() => window.pointinsViewport?.state()?.step >= 0")
    settled(page)
    page.locator(STAGE).focus()
    return page


def settled(page: Page) -> str:
    """Wait until the picture stays what it is; its hash."""
    before = ""
    while (now := picture(page)) != before:
        before = now
        page.wait_for_timeout(250)
    return now


def state(page: Page) -> dict[str, Any]:
    return page.evaluate(
        "() => { const {pixelHash, ...rest} = window.pointinsViewport.state(); return rest; }"
    )


def picture(page: Page) -> str:
    return page.evaluate("() => window.pointinsViewport.state().pixelHash()")


def wait_for_step(page: Page, step: int) -> None:
    page.wait_for_function(f"() => window.pointinsViewport.state().step === {step}")


def drag_over_the_middle(page: Page, modifier: str | None = None) -> None:
    box = page.locator(STAGE).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if modifier:
        page.keyboard.down(modifier)
    page.mouse.move(x - 90, y - 90)
    page.mouse.down()
    page.mouse.move(x, y + 40, steps=4)
    page.mouse.move(x + 90, y + 90, steps=4)
    page.mouse.up()
    if modifier:
        page.keyboard.up(modifier)


@pytest.mark.slow
def test_a_choice_shows_and_stays_and_its_controls_have_room(visit):
    page = opened(visit)
    whole = picture(page)
    page.keyboard.press("b")
    drag_over_the_middle(page)
    chip = page.locator(".vp-chip")
    expect(chip).to_contain_text(re.compile(r"selection: [\d,]+ points from a box"))
    selected = state(page)["selected"]
    assert 0 < selected < POINTS
    assert picture(page) != whole, "the others are dimmed"
    page.keyboard.press("Home")
    wait_for_step(page, 0)
    assert state(page)["selected"] == selected
    drag_over_the_middle(page, "Alt")
    expect(chip).to_have_count(0)
    page.keyboard.press("Control+[")
    expect(chip).to_have_count(1)
    assert state(page)["selected"] == selected
    page.keyboard.press("Escape")
    expect(chip).to_have_count(0)
    assert state(page)["tool"] == "box"
    page.keyboard.press("Escape")
    assert state(page)["tool"] == "orbit"
    page.keyboard.press("End")
    wait_for_step(page, LAST)
    assert settled(page) == whole

    page.evaluate(
        "() => window.pointinsViewport.selectLengths({which: 'before', low: 0.2, high: 0.5})"
    )
    expect(chip).to_contain_text("from length before ODR 0.2–0.5 m")
    counted, told = page.evaluate(
        """() => {
          const {frame, selection, pointsPerCell} = window.pointinsViewport.current();
          let points = 0;
          selection.mask.forEach((on, cell) => points += on * pointsPerCell[cell]);
          const ranked = selection.mask.every((on, cell) => !on || frame.level[cell] > 0);
          return [ranked && points, selection.numPoints];
        }"""
    )
    assert counted == told > 0
    page.get_by_role("button", name="Clear the selection").first.click()

    card = page.locator("#selection-root")
    card.locator("summary", has_text="Objects").click()
    card.get_by_role("button", name=re.compile("^Hide pseudo")).first.click()
    expect(chip).to_contain_text("hidden: pseudo-instance")
    assert picture(page) != whole
    card.get_by_role("button", name="Show all").click()
    expect(chip).to_have_count(0)
    assert settled(page) == whole

    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        sizes = page.evaluate(
            """() => {
              const bar = document.querySelector('.vp-toolbar');
              const small = [...document.querySelectorAll('.viewport button, .vp-selection button')]
                .filter((b) => b.offsetParent && (b.offsetWidth < 24 || b.offsetHeight < 24))
                .map((b) => b.title || b.textContent);
              return {beyond: bar.scrollWidth - bar.clientWidth, small};
            }"""
        )
        assert sizes == {"beyond": 0, "small": []}, width


def test_a_link_opens_the_same_picture_and_changes_are_undone(visit, context):
    page = opened(visit)
    first = picture(page)
    page.keyboard.press("p")
    page.wait_for_function("() => location.hash.includes('walls=hidden')")  # and in the history
    second = settled(page)
    assert second != first
    page.keyboard.press("Control+z")
    page.wait_for_function("() => window.pointinsViewport.state().walls === 'cut'")
    assert settled(page) == first
    page.keyboard.press("Control+y")
    page.wait_for_function("() => window.pointinsViewport.state().walls === 'hidden'")
    assert settled(page) == second

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Command").fill("step 10")
    page.keyboard.press("Enter")
    wait_for_step(page, 10)
    page.mouse.move(500, 400)
    page.mouse.wheel(0, -240)
    page.get_by_label("Colouring", exact=True).select_option("instance")
    page.get_by_role("radio", name="After ODR").click()
    page.get_by_label("Points to centroids").fill("0.5")
    page.evaluate("() => window.pointinsViewport.selectCells([1, 2, 3, 500, 501], 'a test')")
    page.evaluate("() => window.pointinsViewport.isolate({instance: 1})")
    page.keyboard.press("Control+Shift+c")
    expect(page.locator(".vp-message")).to_contain_text("Link copied")
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert "token" not in link
    here, pixels = state(page), settled(page)
    other = context.new_page()
    other.goto(link)
    other.wait_for_function("() => window.pointinsViewport?.state()?.selected > 0")
    there = state(other)
    assert settled(other) == pixels
    other.close()
    for name in ("scene", "step", "following", "t", "votes", "walls", "colouring", "selected"):
        assert there[name] == here[name], name
    assert there["isolated"] == here["isolated"]


def test_a_point_is_picked_and_two_frames_are_compared_and_saved(visit):
    page = opened(visit)
    box = page.locator(STAGE).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    card = page.locator("#selection-root .vp-pick")
    expect(card).to_contain_text("Point in pseudo-instance")
    expect(card).to_contain_text(f"since the frame of step {LAST - 10}")
    expect(card).to_contain_text("of 30 are also near in space")
    expect(card.locator("svg.vp-map")).to_have_count(1)
    picked, text = state(page)["picked"], card.inner_text()
    page.locator(STAGE).press("ArrowLeft")
    wait_for_step(page, LAST - 10)
    expect(card).to_contain_text(f"since the frame of step {LAST - 20}")
    assert card.inner_text() != text
    assert state(page)["picked"] == picked, "the point stays picked"

    page.locator(STAGE).press("End")
    wait_for_step(page, LAST)
    page.keyboard.press("m")
    page.wait_for_function("() => window.pointinsViewport.state().panes === 2")
    assert state(page)["difference"] == {"ari": 1, "share": 0}, "a frame is like itself"
    page.keyboard.press("Home")
    wait_for_step(page, 0)
    difference = state(page)["difference"]
    assert difference["ari"] < 1
    assert 0 < difference["share"] <= 1
    expect(page.locator(".vp-chip")).to_contain_text(f"compared with step {LAST}")
    plain = settled(page)
    page.get_by_label("Colouring", exact=True).select_option("difference")
    assert settled(page) != plain
    with page.expect_download() as download:
        page.get_by_role("button", name="Save picture as PNG").click()
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as image:
        image.load()
        texts = image.text  # type: ignore[attr-defined]
    assert (texts["Run"], texts["Scene"], texts["Step"]) == ("rooms", "room_0001", "0")
    assert texts["Colouring"] == "difference"
    assert texts["View"].startswith("/live/rooms#scene=room_0001&step=0")
    page.locator(STAGE).press("m")
    page.wait_for_function("() => window.pointinsViewport.state().panes === 1")
