"""The demonstration: one process trains, one serves the studio, a browser watches.

The two know each other only through the run folder.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

from pointins_engine.errors import RunError

RECIPE = "indoor_demo"
START_S = 180.0  # simulating the first rooms and starting the studio take seconds, not minutes


def demo(
    runs: Path,
    *,
    run: Path,
    steps: int | None,
    port: int,
    exit_when_done: bool,
    open_browser: bool,
) -> int:
    """Start engine and studio, print the link, and stay until asked to stop.

    Args:
        runs: Folder of run folders, made if missing.
        run: Run folder to train into.
        steps: Optimiser steps; the recipe's if None.
        port: First port to try for the studio.
        exit_when_done: End when training has ended and the studio has been seen to serve the run.
        open_browser: Open the link.

    Returns:
        0, or the exit code of the process that failed.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal must not leave children
        signal.signal(number, _interrupt)
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{runs} cannot be made ({error.strerror}); choose --runs.") from error
    train = [sys.executable, "-m", "pointins_engine", "pretrain", RECIPE, "--run", str(run)]
    if steps is not None:
        train += ["--steps", str(steps)]
    serve = [sys.executable, "-m", "app", "--runs", str(runs), "--port", str(_free_port(port))]
    # One core stays free for the studio and the browser: threads that wait for each other on busy
    # cores cost more than the core gives (benchmarks/README.md).
    threads = str(max((os.cpu_count() or 2) - 1, 1))
    environment = {"OMP_NUM_THREADS": threads, **os.environ}
    with (
        _ended(
            subprocess.Popen([*serve, "--no-open"], stdout=subprocess.PIPE, text=True)
        ) as studio,
        _ended(subprocess.Popen(train, env=environment)) as engine,
    ):
        link = _link(studio, run.name)
        _wait_for(run / "run.json", engine, studio)
        print(f"\nWatch it live:  {link}\n", flush=True)
        if open_browser:
            webbrowser.open(link)
        code = engine.wait()
        if code:
            return code
        if exit_when_done:
            _confirm_served(link, runs, run.name)
            return 0
        print("Training has finished; the studio stays open. Ctrl+C ends it.", flush=True)
        studio.wait()
    return 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class _ended:
    """A child process that never outlives its `with` block."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def __enter__(self) -> subprocess.Popen:
        return self._process

    def __exit__(self, *error: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _free_port(first: int) -> int:
    """`first`, or the next port that nobody listens on."""
    for port in range(first, first + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return 0


def _link(studio: subprocess.Popen, run: str) -> str:
    """The studio's one-use link, turned to the live page of the run."""
    assert studio.stdout is not None, "the studio is started with a pipe"
    for line in studio.stdout:
        found = re.search(r"(http://[^/\s]+)/\S*?\?token=([\w-]+)", line)
        if found:
            return f"{found[1]}/live/{run}?token={found[2]}"
    raise RunError(f"the studio ended with code {studio.wait()} before it printed its link.")


def _wait_for(path: Path, engine: subprocess.Popen, studio: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_S
    while not path.exists():
        if engine.poll() not in (None, 0):
            raise RunError(f"training ended with code {engine.returncode}; see the message above.")
        if studio.poll() is not None:
            raise RunError(f"the studio ended with code {studio.returncode}.")
        if time.monotonic() > deadline:
            raise RunError(f"{path} did not appear within {START_S:.0f} s.")
        time.sleep(0.1)


def _confirm_served(link: str, runs: Path, run: str) -> None:
    """Ask the studio for the run as a program would, and say what it answered."""
    base = link.split("/live/")[0]
    token = link.rsplit("token=", 1)[1]
    request = urllib.request.Request(
        f"{base}/api/runs/{run}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            record = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):  # a browser used the link: the studio was seen to serve
            print(f"The studio served {run} to a browser; the run is in {runs / run}.", flush=True)
            return
        raise RunError(f"the studio answered {error.code} for run {run}.") from error
    frames = {scene["id"]: len(scene["steps"]) for scene in record["scenes"]}
    print(f"The studio served {run}: {record['status']}, frames {frames}.", flush=True)
