"""Headless Chromium for the tests, and a page that remembers what the browser complained about."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from tests.app.studio_process import Studio

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")  # None: playwright's own
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL2 without a GPU
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-gpu-compositing",  # only WebGL needs what stands in for a GPU, pages do not
    "--renderer-process-limit=1",  # pages find the process of the one before, and what that has
    "--disable-site-isolation-trials",  # compiled already
]
CLIPBOARD = ["clipboard-read", "clipboard-write"]
PATIENCE_MS = 60_000  # other tests keep the cores busy; only a hang takes as long
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Visit:
    """A page, and what the browser complained about while it was open."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.elsewhere.append(request.url)


class Chromium:
    """One browser for the tests of all files, started when the first of them asks for it."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def running(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self.close()
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return self._browser

    def close(self) -> None:
        """Other tests run event loops, which playwright's would be in the way of."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._browser = self._playwright = None


chromium = Chromium()


@pytest.fixture(scope="module")
def browser() -> Browser:
    return chromium.running()


@contextlib.contextmanager
def let_in(
    browser: Browser, studio: Studio, link: str = "", **options: Any
) -> Iterator[BrowserContext]:
    """Pages that came in with a link of the studio, the one to control where no other is given.

    A page without anything stays open, so that the process of all pages does.
    """
    with browser.new_context(**options) as context:
        page = context.new_page()
        assert page.request.get(link or studio.url).ok
        page.goto(f"http://127.0.0.1:{studio.port}/assets/favicon.svg")
        yield context


@pytest.fixture
def visit(context, studio) -> Iterator[Visit]:
    """A fresh page; at its end nothing was complained about and nothing asked for elsewhere."""
    visit = Visit(context.new_page(), f"http://127.0.0.1:{studio.port}")
    yield visit
    visit.page.close()
    assert visit.complaints == []
    assert visit.elsewhere == []
