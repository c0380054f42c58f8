"""A page that is open while things happen to its run says what happened; other runs go on."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.app.browsing import Visit, let_in
from tests.app.studio_process import Studio
from tests.app.test_damage import SCENE, folder, trainer

__all__ = ["folder", "trainer"]
pytestmark = pytest.mark.browser


@pytest.fixture
def visit(browser, folder, trainer) -> Iterator[Visit]:
    """The page of the run that is written, in a studio that shows others as well."""
    size = {"width": 1280, "height": 800}
    with Studio(folder) as studio, let_in(browser, studio, viewport=size) as context:
        visit = Visit(context.new_page(), f"http://127.0.0.1:{studio.port}")
        visit.page.goto(f"{visit.base}/live/live")
        visit.page.wait_for_function("() => window.pointinsViewport?.state()?.step === 0")
        yield visit


@pytest.mark.slow
def test_a_page_tells_what_becomes_of_its_run(visit, trainer, folder):
    page = visit.page
    expect(page.locator("#live-top")).to_contain_text("running")

    trainer.kill()
    trainer.wait()
    expect(page.locator("#live-banner")).to_contain_text("its process has ended")
    expect(page.locator("#live-banner")).to_contain_text("--resume")
    assert page.evaluate("window.pointinsViewport.state().step") == 0, "the picture stays"

    (folder / f"rooms/frames/{SCENE}/00000010.safetensors").write_bytes(b"\xff" * 100)
    page.goto(f"{visit.base}/live/rooms")
    expect(page.locator("#viewport-root")).to_contain_text("Frame 10 cannot be shown")
    page.wait_for_function("() => window.pointinsViewport.state().step === 0")

    assert visit.complaints == []
    shutil.rmtree(folder / "rooms")
    expect(page.locator("#viewport-root")).to_contain_text("The run is gone.")
    page.goto(f"{visit.base}/live/rooms")
    expect(page.locator("#page")).to_contain_text("No run is called “rooms”")
    page.get_by_role("link", name="other").click()
    page.wait_for_function("() => window.pointinsViewport?.state()?.run === 'other'")
    page.wait_for_function("() => window.pointinsViewport.state().step === 10")
