"""The demonstration as a person starts it: two processes, one link, nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pointins_engine.run_log.store import Run
from pointins_engine.run_log.writer import process_exists

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120  # two cold starts on a busy machine


def start(runs: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pointins_engine", "demo", "--runs", str(runs), "--no-open"]
    return subprocess.Popen(
        [*command, "--port", "8300", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def link_of(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout is not None
    for line in demo.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise AssertionError("the demo ended without a link")


def test_a_short_demo_ends_by_itself_after_serving_the_run(tmp_path):
    demo = start(tmp_path / "runs", "--steps", "3", "--exit-when-done")
    out, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 0, out
    assert "The studio served demo: finished" in out
    run = Run(tmp_path / "runs" / "demo")
    assert run.state()["status"] == "finished"
    assert run.frames(run.scenes()[0])[-1] == 3


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_demo_that_is_stopped_leaves_no_process_and_a_run_to_go_on_with(tmp_path, number):
    demo = start(tmp_path / "runs", "--steps", "500")
    link = link_of(demo)
    token = link.split("token=")[1]
    api = link.split("/live/")[0] + "/api/runs"
    request = urllib.request.Request(api, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer)["runs"][0]["id"] == "demo"
    run = Run(tmp_path / "runs" / "demo")
    end = time.monotonic() + PATIENCE_S
    while run.state()["step"] < 1 and time.monotonic() < end:  # what comes before takes longest
        time.sleep(0.05)
    trainer = run.state()["pid"]
    os.kill(demo.pid, number)
    demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 130
    assert not process_exists(trainer)
    assert run.state()["status"] == "stopped"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(request, timeout=5)
