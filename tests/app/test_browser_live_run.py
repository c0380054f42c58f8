"""One person's visit to a run that really trains: watched, steered, brushed, shared, and stopped.

Pictures of the pages lie in `test-output/` afterwards, by turns dark and light, for people.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from pointins_engine.run_log.store import Run
from tests.app.browsing import CLIPBOARD, Visit, let_in
from tests.app.studio_process import ROOT, Studio

pytestmark = pytest.mark.browser
PICTURES = Path("test-output")
STAGE = ".vp-stage"
CURRENT = "window.pointinsViewport.current()"
PATIENCE_MS = 90_000  # the trainer imports torch and simulates two rooms first
TRAINER = """
import sys
from pathlib import Path
from pointins_engine.trainer import pretrain
from tests.test_trainer import small
config = small(1_000_000, frame_every=10, watch_budget=0.3)
pretrain(config, Path(sys.argv[1]), recipe="indoor_demo")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[Path]:
    """A run in training, until somebody stops it."""
    root = tmp_path_factory.mktemp("runs") / "rooms"
    trainer = subprocess.Popen([sys.executable, "-c", TRAINER, root], cwd=ROOT)
    yield root
    trainer.terminate()
    trainer.wait()


@pytest.fixture(scope="module")
def studio(run) -> Iterator[Studio]:
    with Studio(run.parent) as studio:
        yield studio


@pytest.fixture(scope="module")
def context(browser, studio) -> Iterator[BrowserContext]:
    look = {"color_scheme": "dark", "reduced_motion": "reduce"}
    size = {"width": 1280, "height": 800}
    with let_in(browser, studio, viewport=size, permissions=CLIPBOARD, **look) as context:
        yield context


def until(page: Page, expression: str) -> None:
    page.wait_for_function(f"() => {expression}", timeout=PATIENCE_MS)


def settled(page: Page) -> str:
    """Wait until the picture stays what it is; a hash of its pixels."""
    before = ""
    while (now := page.evaluate("window.pointinsViewport.state().pixelHash()")) != before:
        before = now
        page.wait_for_timeout(300)
    return now


def kept(page: Page, name: str) -> None:
    """A picture of the page for people, by turns dark and light. Not while a trainer has the
    machine: a page that is drawn in software then waits long for its pictures."""
    PICTURES.mkdir(exist_ok=True)
    theme = page.locator("html").get_attribute("data-theme")
    page.screenshot(path=PICTURES / f"live-run-{name}-{theme}.png", timeout=PATIENCE_MS)
    page.locator("#theme-toggle").click()


def drag(page: Page, corners: list[tuple[float, float]]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()


def test_a_run_is_watched_steered_and_shared_as_a_person_does(visit, run, context):
    page, trained = visit.page, Run
    page.goto(visit.base)
    page.locator("a.run-row", has_text="rooms").click(timeout=PATIENCE_MS)
    until(page, "Number.isInteger(window.pointinsViewport?.state()?.step)")
    steering, news = page.locator("#steering-root"), page.locator(".st-news")

    # The newest frame is followed while it trains.
    first = page.evaluate("window.pointinsViewport.state().step")
    until(page, f"window.pointinsViewport.state().step > {first}")
    assert page.evaluate("window.pointinsViewport.state().following") is True

    # Paused, then exactly one step, with its frame.
    steering.get_by_role("button", name="Pause").click()
    expect(steering.get_by_role("button", name="Resume")).to_be_visible(timeout=PATIENCE_MS)
    paused_at = trained(run).state()["step"]
    steering.get_by_role("button", name="One step").click()
    until(page, f"window.pointinsViewport.state().step === {paused_at + 1}")
    state = trained(run).state()
    assert (state["status"], state["step"]) == ("paused", paused_at + 1)
    kept(page, "paused")

    # A value is previewed and sent, and the trainer trains with it.
    steering.locator("summary", has_text="Values").click()
    steering.locator('[data-field="scr.link_radius"] input').fill("0.4")
    expect(steering.locator(".st-effect")).to_contain_text("→ 0.4")
    kept(page, "edit")
    steering.get_by_role("button", name="Apply").click()
    steering.get_by_role("button", name="Send now").click()
    expect(news).to_contain_text("→ 0.4", timeout=PATIENCE_MS)
    assert trained(run).config_now().scr.link_radius == 0.4
    steering.get_by_role("button", name="One step").click()
    until(page, f"window.pointinsViewport.state().step === {paused_at + 2}")

    # Brush the chart of lengths, lasso in the picture, pick a point.
    page.locator("#odr-lengths").scroll_into_view_if_needed()
    chart = page.locator("#odr-lengths .nsewdrag").bounding_box()
    assert chart is not None
    middle = chart["y"] + chart["height"] / 2
    drag(page, [(chart["x"] + chart["width"] * share, middle) for share in (0.05, 0.2, 0.4)])
    until(page, f"{CURRENT}.selection?.rule.kind === 'length'")
    kept(page, "brushed")
    page.locator(STAGE).focus()
    page.keyboard.press("l")
    stage = page.locator(STAGE).bounding_box()
    assert stage is not None
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    drag(page, [(x - 90, y - 90), (x + 90, y - 60), (x + 60, y + 90), (x - 80, y + 60)])
    expect(page.locator(".vp-chip")).to_contain_text(re.compile(r"[\d,]+ points from a lasso"))
    page.keyboard.press("Escape")
    expect(page.locator(".vp-chip")).to_have_count(0)
    page.keyboard.press("Escape")
    for across in range(10, 30):
        page.mouse.click(stage["x"] + stage["width"] * across / 40, y)
        if page.evaluate("window.pointinsViewport.state().picked"):
            break
    card = page.locator("#selection-root .vp-pick")
    expect(card).to_contain_text("Rank u")
    card.scroll_into_view_if_needed()
    kept(page, "picked")

    # Scrub to the first frame, and hand the view on.
    page.locator("#timeline-root [role=slider]").press("Home")
    until(page, "window.pointinsViewport.state().step === 0")
    page.get_by_label("Colouring", exact=True).select_option("features")
    page.locator(STAGE).focus()
    until(page, "location.hash.includes('colouring=features')")
    page.keyboard.press("Control+Shift+c")
    expect(page.locator(".vp-message")).to_contain_text("Link copied")
    link, pixels = page.evaluate("navigator.clipboard.readText()"), settled(page)
    other = Visit(context.new_page(), visit.base)
    other.page.goto(link)
    until(other.page, "window.pointinsViewport?.state()?.step === 0")
    assert settled(other.page) == pixels, "the same picture in another page"
    assert other.complaints == []
    other.page.close()

    # On it goes, and at the newest frame the page follows again; then it is stopped.
    steering.get_by_role("button", name="Resume").click()
    page.locator("#timeline-root [role=slider]").press("End")
    until(page, f"window.pointinsViewport.state().step > {paused_at + 2}")
    steering.get_by_role("button", name="Stop", exact=True).click()
    steering.get_by_role("alertdialog").get_by_role("button").first.click()
    expect(page.locator("#live-banner")).to_contain_text("Stopped", timeout=PATIENCE_MS)
    assert trained(run).state()["status"] == "stopped"
    kept(page, "stopped")
    for name, path, shows in (("list", "/", "a.run-row"), ("launch", "/launch", ".la-facts")):
        page.goto(f"{visit.base}{path}")
        page.locator(shows).wait_for()
        kept(page, name)
