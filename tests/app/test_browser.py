"""The studio in a real browser: from the printed link to a live run, without a complaint."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.browsing import Visit, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import append_frame, open_recorded_run, write_recorded_run

pytestmark = pytest.mark.browser
LENGTH_AXIS = "offset length (m)"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_recorded_run(root / "rooms", num_frames=4, num_points=1500)
    writer = open_recorded_run(root / "inert", num_points=300)
    for step in (0, 10):
        append_frame(writer, step, num_points=300)
    alarm = {"name": "scr_inert", "state": "raised", "text": "SCR is inert: <i>all</i>. Do this."}
    writer.event("alarm", 8, **alarm)
    writer.close("finished")
    (root / "torn").mkdir()
    (root / "torn/run.json").write_text("{")
    return root


@pytest.fixture(scope="module")
def studio(runs) -> Iterator[Studio]:
    with Studio(runs) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser, studio):
    """A browser that came in with the printed link, once for all tests."""
    size = {"width": 1280, "height": 720}
    with let_in(browser, studio, viewport=size, color_scheme="dark") as context:
        yield context


def test_from_the_list_to_a_run(visit):
    page = visit.page
    page.goto(visit.base)
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    row = page.locator("a.run-row", has_text="rooms")
    expect(row).to_contain_text("finished")
    expect(page.locator("a.run-row", has_text="torn")).to_contain_text("is not JSON")
    row.click()
    expect(page).to_have_url(f"{visit.base}/live/rooms")
    expect(page.locator("#viewport-root")).to_have_attribute("data-run", "rooms")
    expect(page.locator("#live-top")).to_contain_text("30 / 800")


def test_the_panels_show_the_newest_frame_and_follow_the_cursor(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/rooms")
    expect(page.locator("#odr-lengths svg.main-svg").first).to_be_visible()
    expect(page.locator("#odr-lengths")).to_contain_text(LENGTH_AXIS)
    expect(page.locator("#scr-sizes svg.main-svg").first).to_be_visible()
    mean = page.locator("#odr-facts tr", has_text="before ODR").locator("td").nth(2)
    newest = mean.inner_text()
    page.evaluate(
        "dash_clientside.set_props('live-cursor',"
        " {data: {run: 'rooms', scene: 'room_0001', step: 0, following: false}})"
    )
    expect(mean).not_to_have_text(newest)


def test_the_line_of_the_curves_stands_at_the_time_cursor(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/rooms")
    expect(page.locator("#losses svg.main-svg").first).to_be_attached()
    page.locator("#losses").scroll_into_view_if_needed()
    line = "document.querySelector('#losses .js-plotly-plot')?.layout?.shapes?.[0]"
    page.wait_for_function(f"() => {line} !== undefined")
    page.evaluate("document.querySelector('#losses').scrollIntoView()")
    page.evaluate(
        "dash_clientside.set_props('live-cursor',"
        " {data: {run: 'rooms', scene: 'room_0001', step: 20, following: false}})"
    )
    page.wait_for_function(f"() => {line}.x0 === 20 && {line}.visible")


def test_an_alarm_is_told_beside_the_charts_and_marked_on_the_timeline(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/inert")
    alarm = page.locator(".alarm")
    expect(alarm.get_by_role("heading")).to_contain_text("SCR is inert")
    expect(alarm).to_contain_text("since step 8")
    expect(alarm.locator("p")).to_have_text("<i>all</i>. Do this.")  # text of a run stays text
    expect(page.locator('.tl-marks .tl-mark[data-kind="alarm"]')).to_have_count(1)
    expect(page.locator("#health")).to_contain_text("Collapse: effective rank of the features")


def test_the_theme_is_switched_and_kept(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/rooms")
    prior = page.locator("#odr-lengths .scatterlayer .trace").first.locator("path.js-line")
    expect(prior).to_have_css("stroke", "rgb(230, 159, 0)")
    page.locator("#theme-toggle").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(prior).to_have_css("stroke", "rgb(185, 119, 0)")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.locator("#theme-toggle").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_run_that_is_not_there_offers_the_others(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/nope")
    expect(page.get_by_role("heading", name="No run is called “nope”")).to_be_visible()
    page.get_by_role("link", name="rooms").click()
    expect(page.locator("#viewport-root")).to_be_visible()


def test_the_page_is_keyboard_reachable_and_folds(visit):
    page = visit.page
    page.goto(f"{visit.base}/live/rooms")
    heading = page.get_by_role("heading", name="Pseudo-instances (SCR)")
    card = page.locator("details.card", has=heading)
    card.locator("> summary").focus()
    page.keyboard.press("Enter")
    expect(card).not_to_have_attribute("open", "")


def test_without_the_link_there_is_a_page_that_says_what_to_do(browser, studio):
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://127.0.0.1:{studio.port}/live/rooms")
    assert answer is not None and answer.status == 401
    expect(page.get_by_role("heading", name="Open the studio with its link")).to_be_visible()
    assert page.goto(studio.url).status == 403  # type: ignore[union-attr]
    expect(page.locator("pre")).to_contain_text("--link")
    context.close()


def test_a_first_start_plays_a_training_and_says_how_to_start_one(browser, tmp_path):
    with Studio(tmp_path / "runs", example=True) as studio:
        context = browser.new_context()
        visit = Visit(context.new_page(), studio.url)
        visit.page.goto(studio.url)
        assert "token" not in visit.page.url
        visit.page.wait_for_function(
            "() => { const at = window.pointinsViewport?.state(); "
            "return at?.following === false && at.step < at.latest; }"
        )
        expect(visit.page.locator(".steering-root")).to_contain_text("nobody trains it")
        visit.page.locator("#rail-runs").click()
        expect(visit.page.get_by_text("Play the recording")).to_be_visible()
        expect(visit.page.locator("code")).to_contain_text("pointins pretrain indoor_demo --run")
        write_recorded_run(tmp_path / "runs/rooms", num_frames=1, num_points=300)
        expect(visit.page.locator("a.run-row")).to_contain_text("rooms")
        assert visit.complaints == []
        studio.stop()
        expect(visit.page.locator("html")).to_have_attribute("data-studio", "gone")
        context.close()
