"""Every page in every state that a run can be in, dark and light, at both widths.

What each state says is claimed here; what it looks like lies in `test-output/` for people.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.browsing import Visit, let_in
from tests.app.studio_process import Studio
from tests.recorded_run import append_frame, open_recorded_run, write_recorded_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PICTURES = Path("test-output")
NOBODY = 2**22 + 1  # above the largest process id
# Address, and what the page must say there.
STATES = {
    "runs": ("/", "finished"),
    "finished": ("/live/finished", "there is nothing to steer"),
    "stopped": ("/live/stopped", "Stopped"),
    "failed": ("/live/failed", "out of memory"),
    "lost": ("/live/lost", "The trainer is gone"),
    "stalled": ("/live/stalled", "No sign of life"),
    "paused": ("/live/paused", "Paused"),
    "waiting": ("/live/waiting", "The first frame comes after the first steps."),
    "damaged": ("/live/damaged", "is not JSON"),
    "unknown": ("/live/nobody", "No run is called"),
    "launch": ("/launch", "What will be started"),
    "scenes": ("/scenes", "Scenes"),
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory) -> Iterator[Studio]:
    root = tmp_path_factory.mktemp("runs")
    write_recorded_run(root / "finished", num_frames=3, num_points=2000)
    write_recorded_run(root / "stopped", num_frames=2, num_points=600, status="stopped")
    writers = {}
    for name in ("failed", "lost", "stalled", "paused", "waiting"):
        writers[name] = writer = open_recorded_run(root / name, num_points=600)
        if name != "waiting":
            append_frame(writer, 10, num_points=600)
    writers["failed"].close("failed", "RuntimeError: out of memory")
    writers["paused"].listens(True)
    writers["paused"].state("paused", "Paused at step 10.")
    for name, pid in (("lost", NOBODY), ("stalled", None)):
        writer = writers[name]
        writer.close("stopped")
        state = json.loads(writer.paths.state.read_text())
        state |= {"status": "running", "heartbeat": 1.0, **({"pid": pid} if pid else {})}
        writer.paths.state.write_text(json.dumps(state))
    (root / "damaged").mkdir()
    (root / "damaged/run.json").write_text("{")
    with Studio(root) as studio:
        yield studio
    for name in ("paused", "waiting"):
        writers[name].close("stopped")


@pytest.fixture(scope="module")
def context(browser, studio):
    PICTURES.mkdir(exist_ok=True)
    look = {"color_scheme": "dark", "reduced_motion": "reduce"}
    size = {"width": 1280, "height": 800}
    with let_in(browser, studio, viewport=size, **look) as context:
        yield context


@pytest.mark.parametrize(("theme", "width", "height"), [("dark", 1280, 800), ("light", 1920, 1080)])
def test_every_state_says_what_happened(visit: Visit, theme, width, height):
    page = visit.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(visit.base)
    if page.locator("html").get_attribute("data-theme") != theme:
        page.locator("#theme-toggle").click()
    for name, (address, words) in STATES.items():
        page.goto(visit.base + address)
        expect(page.get_by_text(words).first).to_be_visible()
        if name == "finished":
            page.wait_for_function("() => window.pointinsViewport.state().step === 20")
        page.wait_for_timeout(300)  # charts draw themselves in
        page.screenshot(path=PICTURES / f"state-{name}-{width}-{theme}.png")
        needed = page.evaluate("document.documentElement.scrollWidth")
        assert needed <= width, f"{name} is wider than the window"


def test_the_lists_of_commands_and_keys_open_and_close(visit: Visit):
    page = visit.page
    page.goto(f"{visit.base}/live/finished")
    page.wait_for_function("() => window.pointinsViewport?.state()?.step === 20")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.screenshot(path=PICTURES / "state-palette-1280-dark.png")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator(".vp-stage").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.screenshot(path=PICTURES / "state-help-1280-dark.png")
