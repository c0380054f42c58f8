"""The viewport in a real browser, watched as a person would: live frames, t slider, timeline."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.browsing import PATIENCE_MS, Visit
from tests.app.studio_process import Studio
from tests.recorded_run import append_frame, open_recorded_run

pytestmark = pytest.mark.browser
POINTS = 3000
TIMELINE = "#timeline-root [role=slider]"
STATE = "() => window.pointinsViewport?.state()"


@pytest.fixture
def live(tmp_path: Path, browser: Browser) -> Iterator[tuple[Visit, object]]:
    """A run that is still being written, open in a browser that came in with the link."""
    writer = open_recorded_run(tmp_path / "runs" / "rooms", num_points=POINTS)
    with Studio(tmp_path / "runs") as studio:
        context = browser.new_context(
            viewport={"width": 1280, "height": 720}, reduced_motion="reduce"
        )
        visit = Visit(context.new_page(), f"http://127.0.0.1:{studio.port}")
        token = studio.url.split("token=")[1]
        visit.page.goto(f"{visit.base}/live/rooms?token={token}")
        assert "token" not in visit.page.url
        yield visit, writer
        context.close()
    writer.close("stopped")
    assert visit.complaints == []
    assert visit.elsewhere == []


def shown_step(page: Page, step: int) -> None:
    """Wait until a frame is drawn."""
    page.wait_for_function(f"() => window.pointinsViewport?.state()?.step === {step}")


def picture(page: Page) -> str:
    """A hash of the pixels of the canvas, drawn anew."""
    return page.evaluate("() => window.pointinsViewport.state().pixelHash()")


def test_a_run_is_watched_from_before_its_first_frame(live):
    visit, writer = live
    page = visit.page
    expect(page.locator("#viewport-root")).to_contain_text(re.compile("first frame", re.I))
    append_frame(writer, 0, num_points=POINTS)
    shown_step(page, 0)
    first = picture(page)
    append_frame(writer, 20, num_points=POINTS)
    shown_step(page, 20)
    assert page.evaluate(STATE)["following"] is True
    assert picture(page) != first, "the votes have moved"
    expect(page.locator("#live-top")).to_contain_text("20 / 800")


def test_the_t_slider_moves_the_points_to_their_centroids(live):
    visit, writer = live
    page = visit.page
    append_frame(writer, 60, num_points=POINTS)
    shown_step(page, 60)
    slider = page.get_by_role("slider", name=re.compile("centroid", re.I))
    points = picture(page)
    slider.fill("1")
    assert page.evaluate(STATE)["t"] == 1
    centroids = picture(page)
    assert centroids != points
    slider.fill("0")
    assert picture(page) == points, "and back again"


def test_the_timeline_moves_the_votes_and_lets_go_of_the_newest_frame(live):
    visit, writer = live
    page = visit.page
    for step in (0, 20, 40):
        append_frame(writer, step, num_points=POINTS)
        shown_step(page, step)
    newest = picture(page)
    page.evaluate("() => window.pointinsViewport.seek(0)")
    shown_step(page, 0)
    assert picture(page) != newest
    assert page.evaluate(STATE)["following"] is False
    append_frame(writer, 60, num_points=POINTS)
    page.wait_for_function("() => window.pointinsViewport.state().latest === 60")
    assert page.evaluate(STATE)["step"] == 0, "new frames do not pull the cursor along"
    page.locator(TIMELINE).press("End")
    shown_step(page, 60)
    assert page.evaluate(STATE)["following"] is True


def test_the_arrow_keys_step_through_the_frames(live):
    visit, writer = live
    page = visit.page
    for step in (0, 20, 40):
        append_frame(writer, step, num_points=POINTS)
        shown_step(page, step)
    page.locator(TIMELINE).press("Home")
    shown_step(page, 0)
    page.locator(TIMELINE).press("ArrowRight")
    shown_step(page, 20)


def test_the_timeline_and_the_panels_share_one_cursor(live):
    visit, writer = live
    page = visit.page
    for step in (0, 40):
        append_frame(writer, step, num_points=POINTS)
        shown_step(page, step)
    mean = page.locator("#odr-facts .fact", has_text="mean").locator(".fact-value")
    expect(mean).to_be_visible(timeout=PATIENCE_MS)
    newest = mean.inner_text()
    page.locator(TIMELINE).press("Home")
    shown_step(page, 0)
    expect(mean).not_to_have_text(newest)


def test_frames_that_come_at_once_all_reach_the_timeline(live):
    """Notices of a burst are merged into the newest; the older frames can still be gone to."""
    visit, writer = live
    page = visit.page
    for step in (0, 10, 20, 30, 40):
        append_frame(writer, step, num_points=POINTS)
    shown_step(page, 40)
    page.wait_for_function("() => window.pointinsViewport.state().frames === 5")
    page.locator(TIMELINE).press("ArrowLeft")
    shown_step(page, 30)
    page.locator(TIMELINE).press("Home")
    shown_step(page, 0)


def test_every_colouring_changes_the_picture(live):
    visit, writer = live
    page = visit.page
    append_frame(writer, 40, num_points=POINTS)
    shown_step(page, 40)
    pictures = {"input": picture(page)}
    for colouring in ("height", "segment", "instance", "features"):
        page.get_by_label("Colouring").select_option(colouring)
        assert page.evaluate(STATE)["colouring"] == colouring
        pictures[colouring] = picture(page)
    assert len(set(pictures.values())) == len(pictures)
