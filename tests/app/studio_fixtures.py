"""A studio on a folder of recorded runs, asked in process: no port, no browser."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import Access
from app.server import create_app
from pointins_engine.run_log.store import RunStore
from tests.recorded_run import write_recorded_run

with warnings.catch_warnings():  # it asks for another HTTP client, which is not a fault of ours
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
    from starlette.testclient import TestClient, WebSocketDenialResponse

__all__ = ["TestClient", "WebSocketDenialResponse", "access", "client", "folder", "outsider"]

PORT = 8050
ORIGIN = f"http://127.0.0.1:{PORT}"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorded runs; tests of a module share them and must not change them."""
    root = tmp_path_factory.mktemp("runs")
    write_recorded_run(root / "rooms", num_frames=5, num_points=1200)
    write_recorded_run(root / "gray", num_frames=2, num_points=1200, status="failed", color=False)
    return root


@pytest.fixture
def access() -> Access:
    return Access(PORT)


@pytest.fixture
def outsider(folder: Path, access: Access) -> Iterator[TestClient]:
    """A client that has not been let in."""
    app = create_app(RunStore(folder), access, render=lambda scene, frame: PNG)
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(outsider: TestClient, access: Access) -> TestClient:
    """A browser that came in with a launch link."""
    assert outsider.get(access.new_link()).status_code == 303
    return outsider
