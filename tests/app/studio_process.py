"""The studio in a process of its own, on a free port."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60  # a cold start on a busy machine
END_S = 10  # far above what it takes; a hang would be for ever


class Studio:
    """A studio in its own process, stopped at the end of the `with`; without the recorded example
    unless that is asked for."""

    def __init__(
        self, runs: Path, *flags: str, env: dict[str, str] | None = None, example: bool = False
    ) -> None:
        command = [sys.executable, "-m", "app", "--runs", str(runs), "--port", "0", "--no-open"]
        command += [] if example else ["--no-example"]
        self.runs = runs
        self.process = subprocess.Popen(
            [*command, *flags],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Studio":
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise AssertionError(self.process.communicate()[1])
        self.view_url = self.process.stdout.readline().strip().removeprefix("View only: ")
        self.port = int(re.findall(r":(\d+)/", self.url)[0])
        wait_until_it_answers(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, the rest of stdout, and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=END_S)
        return self.process.returncode, out, err


def wait_until_it_answers(port: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/runs", timeout=5).close()
            except urllib.error.HTTPError as answer:
                answer.close()
                return
        time.sleep(0.05)
    raise AssertionError("the studio does not answer")
