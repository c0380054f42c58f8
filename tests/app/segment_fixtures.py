"""A studio on a folder of segmentations; its jobs are short shell scripts."""

import base64
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from safetensors.numpy import load_file

from app.access import Access
from app.runs import Runs
from app.scenes.api import open_browser
from app.security import Gate
from app.segmenting.segmenter import Segmenter
from app.segmenting.uploads import UploadLimits, Uploads
from app.server import create_app
from pointins_engine.run_log.store import RunStore
from tests.app.studio_fixtures import ORIGIN, PNG, PORT, TestClient
from tests.segmented import write_segmentation

__all__ = ["gate", "segmenter", "shared", "studio"]

AT = "/api/segmentations"
BINARY = {"Origin": ORIGIN, "Content-Type": "application/octet-stream"}
HERE = {"Origin": ORIGIN}
LIMITS = UploadLimits(max_bytes=5 * 1024**2, idle_s=0.2)
# The pid of a shell is that of the process that the studio started.
FINISHES = 'printf \'{"status":"finished","pid":%d}\' $$ > "$1/progress.json"'
SLEEPS = (
    'printf \'{"status":"running","pid":%d,"phase":"network"}\' $$ > "$1/progress.json"; sleep 60'
)


def shell(script: str):
    """A job that runs a script, whose first argument is the folder."""
    return lambda folder: ["sh", "-c", script, "job", str(folder)]


@pytest.fixture(scope="module")
def gate(tmp_path_factory) -> tuple[Gate, Access, Segmenter]:
    """A studio whose jobs finish at once, once they are started; tests of a module share it."""
    folder, access = tmp_path_factory.mktemp("studio"), Access(PORT)
    store = RunStore(folder / "runs")
    scenes = open_browser((), folder / "cache", render=lambda _: PNG)
    limits, command = LIMITS, shell(FINISHES)
    segmenter = Segmenter(folder / "found", Runs(store), scenes.collections, limits, command)
    app = create_app(store, access, render=lambda *_: PNG, scenes=scenes, segmenter=segmenter)
    assert isinstance(app, Gate)
    return app, access, segmenter


@pytest.fixture(scope="module")
def shared(gate) -> Iterator[TestClient]:
    app, _, segmenter = gate
    segmenter.jobs.open = lambda: None  # jobs start only when a test says so
    with TestClient(app, base_url=ORIGIN, follow_redirects=False, headers=HERE) as client:
        yield client


@pytest.fixture
def segmenter(gate) -> Iterator[Segmenter]:
    """Segmentations in an empty folder."""
    segmenter = gate[2]
    yield segmenter
    for id in segmenter.store.ids():
        segmenter.jobs.end(id)
    shutil.rmtree(segmenter.store.root, ignore_errors=True)
    segmenter.uploads = Uploads(LIMITS)


@pytest.fixture
def studio(gate, shared, segmenter) -> TestClient:
    """A browser that came in with a launch link."""
    shared.cookies.clear()
    assert shared.get(gate[1].new_link()).status_code == 303
    return shared


def found(segmenter: Segmenter, **kinds) -> str:
    """The id of a segmentation that is there already."""
    return write_segmentation(segmenter.store.root, num_points=800, **kinds).name


def cell_labels(segmenter: Segmenter, id: str, layer: str = "pointins") -> np.ndarray:
    path = segmenter.store.root / id / "layers" / f"{layer}.safetensors"
    return load_file(path)["pseudo_instance"].astype(np.int32)


def sent(labels: np.ndarray) -> str:
    return base64.b64encode(labels.astype("<i4").tobytes()).decode()
