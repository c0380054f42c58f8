"""What being watched costs the trainer, and what a page that stops reading costs anybody.

One training of `indoor_demo` on one thread goes on while watchers come and go in turns: nobody, a
watcher that draws nothing (the websocket, every frame, every panel), twenty of them, and a page in
headless Chromium. A turn's steps are compared with those of the turn of nobody before it. On two
cores the page's software rendering takes processor time of its own; it runs with niceness 10, and
the watcher that draws nothing tells what watching itself costs.
"""

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from benchmarks.loopback import VIEWPORT, processor_time
from pointins_engine.run_log.store import Run
from tests.app.browsing import CHROMIUM, FLAGS
from tests.app.studio_process import Studio
from tests.app.watchers import Watcher, watchers

WARM_UP = 20  # steps that simulate the scenes and fill the caches
TURN_S = 8
SETTLE_S = 2  # of a turn, left out of its steps
LEAST_STEPS = 8
ROUNDS = 4
MANY = 20
STALL_S = 60
PATIENCE_S = 120
SHOWN = "() => window.pointinsViewport?.state()?.step ?? null"


def table(folder: Path) -> str:
    """Ratios of step times, and what a stalled page costs, as Markdown."""
    with training(folder / "runs/rooms") as trainer, Studio(folder / "runs") as studio:
        run = Run(folder / "runs/rooms")
        with httpx.Client(base_url=f"http://127.0.0.1:{studio.port}", trust_env=False) as client:
            client.get(studio.url)
            turns = take_turns(run, client, folder)
            stalled = stall(run, client, trainer.pid, studio.process.pid, folder)
    return f"{turns}\n\n{stalled}"


@contextlib.contextmanager
def training(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A trainer on one thread, past its first steps."""
    command = [sys.executable, "-m", "pointins_engine", "pretrain", "indoor_demo", "--quiet"]
    options = ["--run", root, "--steps", 100_000, "--scene.num-simulated", 4]
    logging = ["--log.scalars-every", 1, "--log.checkpoint-every", 100_000]
    trainer = subprocess.Popen(
        [*command, *map(str, [*options, *logging])], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while not (root / "run.json").exists() or Run(root).history().scalar_step < WARM_UP:
            if trainer.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the trainer did not come to step {WARM_UP}.")
            time.sleep(0.5)
        yield trainer
    finally:
        trainer.terminate()
        trainer.wait()


@contextlib.contextmanager
def open_page(client: httpx.Client, run: str, folder: Path) -> Iterator:
    """The page of a run in Chromium, with niceness 10."""
    start = folder / "nice-chromium"
    chromium = CHROMIUM or shutil.which("chromium")
    start.write_text(f'#!/bin/sh\nexec nice -n 10 "{chromium}" "$@"\n')
    start.chmod(0o755)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=start, args=FLAGS)
        context = browser.new_context(viewport=VIEWPORT)
        base = str(client.base_url).rstrip("/")
        context.add_cookies(
            [{"name": n, "value": v, "url": base} for n, v in client.cookies.items()]
        )
        page = context.new_page()
        page.goto(f"{base}/live/{run}")
        page.wait_for_function(SHOWN, timeout=1000 * PATIENCE_S)
        yield page
        browser.close()


# -- turns ----------------------------------------------------------------------------------------


def take_turns(run: Run, client: httpx.Client, folder: Path) -> str:
    ratios: dict[str, list[float]] = {"one watcher": [], f"{MANY} watchers": [], "a page": []}
    alone: list[float] = []
    fetched: dict[str, list[Watcher]] = {name: [] for name in ratios}
    for _ in range(ROUNDS):
        for name in ratios:
            nobody = turn(run)
            alone.append(nobody)
            if name == "a page":
                with open_page(client, run.id, folder):
                    ratios[name].append(turn(run) / nobody)
            else:
                count = 1 if name == "one watcher" else MANY
                with watchers(client, run.id, count, asks_panels=True) as them:
                    ratios[name].append(turn(run) / nobody)
                fetched[name] += them
    rows = [
        f"Step, median, nobody watching: {statistics.median(alone):.3f} s.\n",
        "| watched by | step over unwatched step, median | lowest | highest | frames each |",
        "|---|---|---|---|---|",
    ]
    for name, values in ratios.items():
        each = [len(watcher.fetched) for watcher in fetched[name]]
        seen = f"{min(each)} to {max(each)}" if each else ""
        rows.append(
            f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} | {max(values):.3f} "
            f"| {seen} |"
        )
    return "\n".join(rows)


def turn(run: Run) -> float:
    """Median step time of the next seconds, and of `LEAST_STEPS` at least."""
    time.sleep(SETTLE_S)
    begun, end = len(run.events()), time.monotonic() + TURN_S - SETTLE_S
    steps: list[float] = []
    while time.monotonic() < end or len(steps) < LEAST_STEPS:
        time.sleep(0.5)
        steps = [
            event["values"]["time/step_s"]
            for event in run.events()[begun:]
            if event["kind"] == "scalars" and "time/step_s" in event["values"]
        ]
    return statistics.median(steps)


# -- a page that stops reading --------------------------------------------------------------------


def stall(run: Run, client: httpx.Client, trainer: int, studio: int, folder: Path) -> str:
    """What memory grows by in a minute of nobody, and in one of a page that does not read."""

    def memory() -> list[float]:
        return [resident_mb(pid) for pid in (trainer, studio)]

    at_first = memory()
    time.sleep(STALL_S)
    alone = memory()
    (scene, *_) = run.scenes()
    with open_page(client, run.id, folder) as page:
        browser = [pid for pid in processor_time() if "chrom" in process_name(pid)]
        before, first = memory(), run.latest_frame(scene)
        for pid in browser:
            os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(STALL_S)
        finally:
            for pid in browser:
                os.kill(pid, signal.SIGCONT)
        after, newest = memory(), run.latest_frame(scene)
        begun = time.monotonic()
        page.wait_for_function(f"() => ({SHOWN})() >= {newest}", timeout=1000 * PATIENCE_S)
        took = time.monotonic() - begun
    rows = [
        "| memory | a minute of nobody | a minute of a page that does not read | at the end |",
        "|---|---|---|---|",
    ]
    for number, name in enumerate(("trainer", "studio")):
        rows.append(
            f"| {name} | {alone[number] - at_first[number]:+.1f} MB "
            f"| {after[number] - before[number]:+.1f} MB | {after[number]:.0f} MB |"
        )
    rows.append(
        f"\nWhile the page did not read, the frames of steps {first} to {newest} were written; "
        f"the newest was on screen {took:.1f} s after it went on."
    )
    return "\n".join(rows)


def resident_mb(pid: int) -> float:
    """Memory of a process that is in use, without what it shares of files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (size,) = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(size) / 1024


def process_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
