"""A recorded run opens on a machine without torch: pages, panels and arrays all answer."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import safetensors.numpy

from pointins_engine.run_log.paths import RunPaths
from pointins_engine.run_log.records import FRAME_ARRAYS
from tests.app.asking import page_answers, routes_of
from tests.app.studio_process import PATIENCE_S, Studio
from tests.recorded_run import write_recorded_run

NUM_FRAMES = 500
SCENE = "room_0001"

# Python imports this module at every start, so that no process of the studio finds torch.
NO_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTorch())
"""


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine that has no torch."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(NO_TORCH)
    return {"PYTHONPATH": str(folder)}


def write_long_run(root: Path) -> None:
    """A run of many frames; but for two they are the same frame under other steps."""
    write_recorded_run(root, num_frames=2, num_points=300, scenes=(SCENE,))
    paths = RunPaths(root)
    last = json.loads(paths.stats.read_text().splitlines()[-1])
    steps = range(20, 10 * NUM_FRAMES, 10)
    for step in steps:
        os.link(paths.frame(SCENE, 10), paths.frame(SCENE, step))
    with paths.stats.open("a") as file:
        file.writelines(json.dumps({**last, "step": step}) + "\n" for step in steps)


@pytest.fixture(scope="module")
def client(tmp_path_factory, without_torch) -> Iterator[httpx.Client]:
    """A browser that came in with the link of a studio on one long run."""
    runs = tmp_path_factory.mktemp("runs")
    write_long_run(runs / "rooms")
    with Studio(runs, env=without_torch) as studio:
        base = f"http://127.0.0.1:{studio.port}"
        with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:
            assert client.get(studio.url).status_code == 303
            yield client


def test_torch_cannot_be_imported_there(without_torch):
    done = subprocess.run(
        [sys.executable, "-c", "import torch"], env=without_torch, capture_output=True, text=True
    )
    assert "No module named 'torch'" in done.stderr


def test_the_page_and_its_scripts_are_served(client):
    page = client.get("/live/rooms")
    assert page.status_code == 200 and "PointINS Studio" in page.text
    assert client.get("/assets/viewport/main.mjs").status_code == 200


def test_its_500_frames_are_listed_and_served_whole(client):
    (run,) = client.get("/api/runs").json()["runs"]
    assert (run["id"], run["status"]) == ("rooms", "finished")
    steps = client.get(f"/api/runs/rooms/scenes/{SCENE}/frames").json()["steps"]
    assert steps == list(range(0, 10 * NUM_FRAMES, 10))
    for step in (*steps[:3], *steps[::50], steps[-1]):
        frame = safetensors.numpy.load(
            client.get(f"/api/runs/rooms/scenes/{SCENE}/frames/{step}").content
        )
        assert set(frame) == set(FRAME_ARRAYS)


def test_what_the_pages_ask_is_answered(client):
    for route in routes_of("rooms", SCENE, 2500):
        assert client.get(route).status_code == 200, route
    answers = page_answers(client, str(client.base_url), "rooms", SCENE, 2500)
    for output, answer in answers.items():
        assert answer.status_code in (200, 204), f"{output}: {answer.text[:300]}"
    figures = [output for output, answer in answers.items() if '"layout"' in answer.text]
    assert len(figures) >= 4, "of the losses, the health, ODR and SCR"


def test_the_thumbnail_is_a_picture(client):
    """Polyscope draws it, in a process of its own."""
    end = time.monotonic() + PATIENCE_S
    while (url := client.get("/api/runs/rooms").json()["thumbnail"]) is None:
        assert time.monotonic() < end, "no thumbnail comes"
        time.sleep(0.1)
    answer = client.get(url)
    assert answer.headers["content-type"] == "image/png"
