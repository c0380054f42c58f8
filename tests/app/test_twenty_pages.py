"""Twenty pages watch one run at once, and all of them come to its newest frame."""

import time
from pathlib import Path

import httpx

from tests.app.studio_process import PATIENCE_S, Studio
from tests.app.watchers import watchers
from tests.recorded_run import append_frame, open_recorded_run

POINTS = 300
NEWEST = 60


def test_twenty_pages_at_once_come_to_the_newest_frame(tmp_path: Path):
    writer = open_recorded_run(tmp_path / "rooms", num_points=POINTS)
    append_frame(writer, 0, num_points=POINTS)
    with Studio(tmp_path) as studio:
        base = f"http://127.0.0.1:{studio.port}"
        with httpx.Client(base_url=base, trust_env=False, timeout=PATIENCE_S) as client:
            client.get(studio.url)
            with watchers(client, "rooms", 20, asks_panels=False) as pages:
                for step in range(10, NEWEST + 1, 10):
                    append_frame(writer, step, num_points=POINTS)
                end = time.monotonic() + PATIENCE_S
                while not all(NEWEST in page.fetched for page in pages):
                    assert time.monotonic() < end, [page.fetched for page in pages]
                    time.sleep(0.05)
    writer.close("stopped")
    for page in pages:
        assert page.fetched == sorted(set(page.fetched)), "nothing comes twice or out of order"
