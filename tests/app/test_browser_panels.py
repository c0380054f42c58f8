"""ODR and SCR panels in a real browser: brushed charts light up points, selections are drawn."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pointins_engine.run_log.store import RunStore
from tests.app.browsing import Visit, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import write_recorded_run

pytestmark = pytest.mark.browser
PICTURES = Path("test-output")  # for people: what the page looked like
SCENE, NEWEST = "room_0001", 30
CURRENT = "window.pointinsViewport.current()"
LENGTHS = "document.querySelector('#odr-lengths .js-plotly-plot')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_recorded_run(root / "rooms", num_frames=4, num_points=1500, scenes=(SCENE,))
    return root


@pytest.fixture(scope="module")
def studio(folder) -> Iterator[Studio]:
    with Studio(folder) as studio:
        yield studio


@pytest.fixture(scope="module")
def point(folder) -> int:
    """A point whose offset ODR maps; the page opens with it picked."""
    run = RunStore(folder).run("rooms")
    is_mapped = run.load_frame(SCENE, NEWEST)["odr_level"] > 0
    return int(np.flatnonzero(is_mapped[run.load_scene(SCENE).cell_index])[0])


@pytest.fixture(scope="module")
def page(browser, studio, point) -> Iterator[Page]:
    """The run's page, opened once; nothing is complained about or asked for elsewhere."""
    size = {"width": 1280, "height": 800}
    with let_in(browser, studio, viewport=size, color_scheme="dark") as context:
        visit = Visit(context.new_page(), f"http://127.0.0.1:{studio.port}")
        visit.page.goto(f"{visit.base}/live/rooms#picked={point}")
        until(visit.page, f"{CURRENT}?.frame.step === {NEWEST}")
        until(visit.page, f"{LENGTHS}?.layout?.meta?.view === 'density'")
        yield visit.page
    assert visit.complaints == []
    assert visit.elsewhere == []


def lengths_of(folder: Path, step: int, name: str = "offset_teacher") -> np.ndarray:
    """Lengths of the offsets that ODR mapped, one a cell; NaN for the others."""
    frame = RunStore(folder).run("rooms").load_frame(SCENE, step)
    length = np.linalg.norm(frame[name].astype(np.float64), axis=1)
    return np.where(frame["odr_level"] > 0, length, np.nan)


def until(page: Page, expression: str) -> None:
    """Wait for an expression; as a function, because the page's policy forbids evaluating text."""
    page.wait_for_function(f"() => {expression}")


def selected_cells(page: Page) -> int:
    return page.evaluate(f"{CURRENT}.selection?.numCells ?? 0")


def selection_trace(page: Page) -> dict:
    return page.evaluate(f"(({{x, y}}) => ({{x: [...x], y: [...y]}}))({LENGTHS}.data.at(-1))")


def view(page: Page, name: str) -> None:
    page.locator("#odr-view").get_by_role("radio", name=name).click()
    until(page, f"{LENGTHS}.layout.meta.view === '{name.lower()}'")


def drag(page: Page, low: float, high: float) -> None:
    """Drag over the chart of lengths from one length to another, in metres."""
    page.locator("#odr-lengths").scroll_into_view_if_needed()
    left, right, middle = page.evaluate(
        f"""([low, high]) => {{
          const chart = {LENGTHS};
          const box = chart.getBoundingClientRect();
          const {{ xaxis, yaxis }} = chart._fullLayout;
          const at = (length) => box.left + xaxis._offset + xaxis.d2p(length);
          return [at(low), at(high), box.top + yaxis._offset + yaxis._length / 2];
        }}""",
        [low, high],
    )
    page.mouse.move(left, middle)
    page.mouse.down()
    page.mouse.move((left + right) / 2, middle)
    page.mouse.move(right, middle)
    page.mouse.up()


def click_bar(page: Page, chart: str, number: int) -> None:
    """Click the middle of a bar; Plotly takes the mouse through a layer above the bars."""
    bar = page.locator(f"#{chart} .barlayer .trace").first.locator(".point").nth(number)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.up()


def test_brushed_lengths_light_up_their_points_and_are_drawn_over_the_prior(page, folder, point):
    before = lengths_of(folder, NEWEST)
    meta = page.evaluate(f"{LENGTHS}.layout.meta")
    width = meta["max_m"] / meta["num_bins"]
    drag(page, 4.3 * width, 7.6 * width)  # bins 4 to 7
    until(page, f"{CURRENT}.selection !== null")
    inside = (before >= 4 * width) & (before < 8 * width)
    assert selected_cells(page) == inside.sum() > 0
    until(page, f"{LENGTHS}.data.at(-1).y.length > 0")
    shares = selection_trace(page)["y"][:-1]
    assert sum(shares) == pytest.approx(1)
    assert sum(shares[4:8]) == pytest.approx(1, abs=0.02)  # half floats lie near an edge
    row = page.locator("#odr-selection tr").first
    expect(row).to_contain_text("selection")
    expect(page.locator("#odr-selection")).to_contain_text(f"in {inside.sum():,} cells")
    page.screenshot(path=PICTURES / "panels-brushed-1280-dark.png")

    view(page, "CDF")
    until(page, f"{LENGTHS}.data.at(-1).x.length === 101")
    quantiles = selection_trace(page)["x"]
    assert min(quantiles) >= 4 * width - 1e-3 and max(quantiles) <= 8 * width + 1e-3
    view(page, "Map")
    until(page, f"{LENGTHS}.data.at(-1).x.length > 0")
    assert len(selection_trace(page)["x"]) == min(inside.sum(), 300) + 1  # and the picked point
    cell = RunStore(folder).run("rooms").load_scene(SCENE).cell_index[point]
    after = lengths_of(folder, NEWEST, "offset_regularized")
    picked = selection_trace(page)["x"][-1], selection_trace(page)["y"][-1]
    assert picked == pytest.approx((before[cell], after[cell]), abs=1e-3)
    assert "slope" in page.evaluate(f"{LENGTHS}.data.at(-1).text.at(-1)")
    page.screenshot(path=PICTURES / "panels-map-1280-dark.png")

    page.get_by_label("Lengths of").select_option("after")
    page.get_by_label("From, in metres").fill("0.5")
    page.get_by_label("To, in metres").fill("0.9")
    page.keyboard.press("Enter")
    inside = int(((after >= 0.5) & (after < 0.9)).sum())
    until(page, f"{CURRENT}.selection?.numCells === {inside}")
    page.locator("#odr-brush").get_by_role("button", name="Clear").click()
    until(page, f"{CURRENT}.selection === null")
    expect(page.locator("#odr-selection")).to_be_empty()
    until(page, f"{LENGTHS}.data.at(-1).x.length === 1")  # the picked point stays


def test_a_click_on_a_segment_isolates_it_and_the_table_does_the_same(page, folder):
    page.locator("#scr-segments").scroll_into_view_if_needed()
    click_bar(page, "scr-segments", 1)
    until(page, "window.pointinsViewport.isolated()?.segment === 1")
    outline = "document.querySelector('#scr-segments .js-plotly-plot').data[0].marker.line?.width"
    until(page, f"{outline}?.[1] > 0 && {outline}[0] === 0")
    page.get_by_text("As a table").click()
    page.locator("#scr-table button").nth(2).click()
    until(page, "window.pointinsViewport.isolated()?.segment === 2")
    page.locator("#scr-table button").nth(2).click()
    until(page, "window.pointinsViewport.isolated() === null")
    frame = RunStore(folder).run("rooms").load_frame(SCENE, NEWEST)
    largest = int(np.bincount(frame["pseudo_instance"][frame["pseudo_instance"] >= 0]).argmax())
    page.locator("#scr-sizes").scroll_into_view_if_needed()
    click_bar(page, "scr-sizes", 0)
    until(page, f"window.pointinsViewport.isolated()?.instance === {largest}")


def test_one_cursor_runs_through_all_charts_and_a_click_on_any_of_them_moves_it(page):
    charts = "[...document.querySelectorAll('.over-steps .js-plotly-plot')]"
    until(page, f"{charts}.length === 4 && {charts}.every((c) => c.layout?.shapes)")
    chart = page.locator("#odr-steps .js-plotly-plot")
    chart.scroll_into_view_if_needed()
    x, y = page.evaluate(
        """() => {
          const chart = document.querySelector('#odr-steps .js-plotly-plot');
          const box = chart.getBoundingClientRect();
          const { xaxis, yaxis } = chart._fullLayout;
          return [box.left + xaxis._offset + xaxis.d2p(10), box.top + yaxis._offset + 30];
        }"""
    )
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.up()
    until(page, f"{CURRENT}.frame.step === 10")
    for name in ("odr-steps", "scr-steps", "losses", "health"):  # drawn when they are in sight
        page.locator(f"#{name}").scroll_into_view_if_needed()
        until(page, f"{charts}.find((c) => c.closest('#{name}')).layout.shapes[0].x0 === 10")


def test_panels_stand_still_while_a_hand_is_on_them_and_the_last_frame_wins(page):
    facts = page.locator("#odr-facts")
    page.evaluate(f"window.pointinsViewport.seek({NEWEST})")
    expect(page.locator("#scr-changes")).to_contain_text("since step20")
    page.locator("#odr-lengths").scroll_into_view_if_needed()
    newest = facts.inner_text()
    box = page.locator("#odr-lengths").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    for step in (0, 20, 10):
        page.evaluate(f"window.pointinsViewport.seek({step})")
        until(page, f"{CURRENT}.frame.step === {step}")
    page.wait_for_timeout(600)
    assert facts.inner_text() == newest
    page.mouse.up()
    expect(facts).not_to_have_text(newest)
    expect(page.locator("#scr-changes")).to_contain_text("since step0")  # of step 10, the last
