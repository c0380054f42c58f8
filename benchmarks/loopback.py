"""What benchmarks of pages need: a web server of some folders, and a headless Chromium."""

import functools
import http.server
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.app.browsing import CHROMIUM, FLAGS

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the mounted folders, nothing printed."""

    def __init__(self, *args, mounts: Mapping[str, Path], **kwargs) -> None:
        self._mounts = mounts
        super().__init__(*args, **kwargs)

    def translate_path(self, path: str) -> str:
        mount, _, rest = unquote(urlsplit(path).path).lstrip("/").partition("/")
        return str(self._mounts.get(mount, Path("/nowhere")) / rest)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(mounts: Mapping[str, Path]) -> Iterator[str]:
    """Folders under `/<name>/` on loopback; yields the address."""
    handler = functools.partial(_Handler, mounts=mounts)
    handler.extensions_map = {  # type: ignore[attr-defined]
        **_Handler.extensions_map, ".mjs": "text/javascript"
    }  # fmt: skip
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the tests: headless, WebGL2 in software."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def processor_time() -> dict[int, float]:
    """Processor seconds of each living descendant of this process: the browser's, all of it."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        parents[pid] = int(rest[1])
        seconds[pid] = (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")

    def is_ours(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()

    return {pid: spent for pid, spent in seconds.items() if pid != os.getpid() and is_ours(pid)}


def spent_since(before: Mapping[int, float]) -> float:
    """Processor seconds of the descendants since an earlier `processor_time`."""
    now = processor_time()
    return sum(spent - before.get(pid, 0.0) for pid, spent in now.items())
