"""Milliseconds from a frame's file being written to its points being drawn in the browser.

A real studio process, headless Chromium with software rendering, and a writer that adds frames to
a run of 48,000 points; both clocks are this machine's.
"""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.recorded_run import append_frame, open_recorded_run

FRAMES = 20
POINTS = 48_000
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
WATCH = """() => {
  window.drawnAt = {};
  const look = () => {
    const step = window.pointinsViewport?.state()?.step;
    if (step != null && !(step in window.drawnAt)) window.drawnAt[step] = Date.now();
    requestAnimationFrame(look);
  };
  look();
}"""


def table(folder: Path) -> str:
    writer = open_recorded_run(folder / "rooms", num_points=POINTS)
    append_frame(writer, 0, num_points=POINTS)
    serve = [sys.executable, "-m", "app", "--runs", str(folder), "--port", "0", "--no-open"]
    studio = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        assert studio.stdout is not None, "the studio is started with a pipe"
        found = next(m for line in studio.stdout if (m := re.search(r"http://\S+", line)))
        base, token = found[0].split("/?token=")
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{base}/live/rooms?token={token}")
            page.wait_for_function("() => window.pointinsViewport?.state()?.step === 0")
            page.evaluate(WATCH)
            gaps = [_gap(page, writer, step) for step in range(1, FRAMES + 1)]
            browser.close()
    finally:
        studio.terminate()
        studio.wait()
        writer.close("finished")
    gaps.sort()
    return (
        f"| frames | points | median | 90 % | worst |\n|---|---|---|---|---|\n"
        f"| {FRAMES} | {POINTS:,} | {statistics.median(gaps):.0f} ms "
        f"| {gaps[int(0.9 * len(gaps))]:.0f} ms | {gaps[-1]:.0f} ms |"
    )


def _gap(page: Page, writer, step: int) -> float:
    append_frame(writer, step, num_points=POINTS)
    written = time.time()
    page.wait_for_function(f"() => {step} in window.drawnAt")
    return page.evaluate(f"() => window.drawnAt[{step}]") - written * 1000
