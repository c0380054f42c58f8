"""The viewport in a real browser, watched as a person would: live frames, t slider, timeline."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pointins_engine.run_log.writer import RunWriter
from tests.app.browsing import Visit, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import append_frame, open_recorded_run

pytestmark = pytest.mark.browser
POINTS = 3000
TIMELINE = "#timeline-root [role=slider]"
STATE = "() => window.pointinsViewport?.state()"


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    """One for all tests: each writes a run of its own."""
    with Studio(tmp_path_factory.mktemp("studio") / "runs") as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser: Browser, studio: Studio) -> Iterator[BrowserContext]:
    size = {"width": 1280, "height": 720}
    with let_in(browser, studio, viewport=size, reduced_motion="reduce") as context:
        yield context


@pytest.fixture
def live(studio: Studio, visit: Visit) -> Iterator[tuple[Visit, RunWriter]]:
    """A run that is still being written, open in a browser."""
    number = len(list(studio.runs.glob("rooms-*")))
    writer = open_recorded_run(studio.runs / f"rooms-{number}", num_points=POINTS)
    visit.page.goto(f"{visit.base}/live/{writer.paths.root.name}")
    yield visit, writer
    writer.close("stopped")


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
    mean = page.locator("#odr-facts tr", has_text="before ODR").locator("td").nth(2)
    append_frame(writer, 0, num_points=POINTS)
    shown_step(page, 0)
    expect(mean).to_be_visible()
    first = mean.inner_text()
    append_frame(writer, 40, num_points=POINTS)
    shown_step(page, 40)
    expect(mean).not_to_have_text(first)
    page.locator(TIMELINE).press("Home")
    shown_step(page, 0)
    expect(mean).to_have_text(first)


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
    pictures = {"instance": picture(page)}
    for colouring in ("height", "segment", "input", "features"):
        page.get_by_label("Colouring").select_option(colouring)
        assert page.evaluate(STATE)["colouring"] == colouring
        pictures[colouring] = picture(page)
    assert len(set(pictures.values())) == len(pictures)


# A view of its own beside the page's, on the same run: what the page builds upon.
OPEN_VIEW = """async () => {
  const from = (name) => import(`/assets/viewport/${name}.mjs`);
  const [{ View }, { Api }, records, { CELL }, { categoryColor, parseColor }] = await Promise.all(
    ["draw/view", "page/api", "draw/records", "draw/cell_flags", "draw/palette"].map(from));
  const api = new Api(window.pointinsViewport.state().run);
  const { version } = await api.run();
  const id = window.pointinsViewport.state().scene;
  const scene = records.decodeScene(await api.scene(id, version, { onProgress() {} }));
  const frames = await Promise.all([0, 40].map(
    async (step) => records.decodeFrame(await api.frame(id, step, version), step)));
  const slots = Int32Array.from({ length: 64 }, (_, k) => k);
  const view = new View({ onDrawn() {}, onContext(isLost) { window.contextIs = isLost; } });
  view.canvas.style.cssText = "position:fixed;inset:0;width:480px;height:320px;z-index:99";
  document.body.append(view.canvas);
  while (view.canvas.width !== 480) await new Promise(requestAnimationFrame); // it learns its size
  view.setScene(scene);
  view.setFrame(frames[1], slots);
  view.setLook({ colouring: "instance", centroids: false, trails: { frames: 0 } });
  Object.assign(window, { view, scene, frames, slots, CELL });
  window.colorOf = (row) => row < 0 ? view.look.unassigned : parseColor(categoryColor(slots[row]));
  window.pixels = () => {
    view.drawStill();
    const { gl } = view.renderer;
    const data = new Uint8Array(480 * 320 * 4);
    gl.readPixels(0, 0, 480, 320, gl.RGBA, gl.UNSIGNED_BYTE, data);
    return (x, y) => [...data.subarray(4 * (480 * (319 - y) + x), 4 * (480 * (319 - y) + x) + 3)];
  };
}"""

# Of a grid of places: how many show a point, and at how many of them another one was picked.
PICK_GRID = """() => {
  const at = pixels();
  const background = String(view.look.background);
  let [shown, wrong] = [0, 0];
  for (let y = 4; y < 316; y += 6) for (let x = 4; x < 476; x += 6) {
    const color = at(x, y);
    if (String(color) === background) continue;
    shown++;
    const found = view.pick(x + 0.5, y + 0.5);
    const own = colorOf(frames[1].instance[found.cell]);
    const light = Math.max(...color) / Math.max(...own); // what the shading takes away
    if (scene.cellIndex[found.point] !== found.cell) wrong++;
    else if (color.some((value, k) => Math.abs(value - own[k] * light) > 2)) wrong++;
  }
  return { shown, wrong };
}"""

HIDE_WHAT_IS_PICKED = """() => {
  const { cell } = view.pick(240, 160);
  const flags = new Uint8Array(scene.numCells);
  flags[cell] = CELL.hidden;
  const whole = [[0, 0], [480, 0], [480, 320], [0, 320]];
  const before = view.cellsInside(whole);
  view.setCells(flags);
  view.drawStill();
  const after = view.cellsInside(whole);
  const again = view.pick(240, 160);
  view.setCells(null);
  return { before: before.length, after: after.length, same: again?.cell === cell };
}"""

FULL_LOOK = """() => {
  view.setLayout(4);
  view.panes[1].setFrame(frames[0], slots);
  view.panes[1].setLook({ colouring: "segment", arrows: ["before", "after", "target"] });
  view.panes[2].setLook({ colouring: "features", t: 0.5, centroids: true });
  view.panes[3].setLook({ votes: "target", t: 1, colouring: "truth" });
  view.setCells(Uint8Array.from(frames[1].instance, (row) => (row === 1 ? 1 : row === 2 ? 4 : 0)));
  view.setTrails(new Map([[0, [[1, 1, 0, 0], [1.5, 1, 0.5, 20], [2, 1, 0.5, 40]]]]));
  return view.pixelHash();
}"""


def test_the_view_keeps_what_the_page_builds_upon(live):
    """Picking, hiding, panes and a lost context, against the pixels of the picture itself."""
    visit, writer = live
    page = visit.page
    for step in (0, 40):
        append_frame(writer, step, num_points=POINTS)
    shown_step(page, 40)
    page.evaluate(OPEN_VIEW)

    picked = page.evaluate(PICK_GRID)
    assert picked["shown"] > 500
    assert picked["wrong"] == 0, "what is picked is what is drawn there"

    hidden = page.evaluate(HIDE_WHAT_IS_PICKED)
    assert hidden["after"] == hidden["before"] - 1
    assert not hidden["same"], "what is hidden cannot be picked"

    alone = page.evaluate("view.pixelHash()")
    assert page.evaluate("view.pixelHash()") == alone, "a picture that is kept is the same"
    four = page.evaluate(FULL_LOOK)
    assert four != alone
    page.evaluate("() => { window.lost = view.renderer.gl.getExtension('WEBGL_lose_context'); }")
    page.evaluate("lost.loseContext()")
    page.wait_for_function("() => window.contextIs === true")
    page.evaluate("lost.restoreContext()")
    page.wait_for_function("() => window.contextIs === false")
    assert page.evaluate("view.pixelHash()") == four, "a lost context leaves no trace"

    page.evaluate("() => { view.setCells(null); view.setTrails(null); view.setLayout(1); }")
    assert page.evaluate("view.pixelHash()") == alone, "and one pane is as it was"
