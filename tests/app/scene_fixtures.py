"""A studio that shows a folder of small scans, whose index is there already."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import Access
from app.scenes.api import SceneBrowser, open_browser
from app.server import create_app
from pointins_engine.offset_prior.files import write_prior
from pointins_engine.offset_prior.record import PriorRecord, Provenance
from pointins_engine.run_log.store import RunStore
from pointins_engine.scene_index.__main__ import main
from tests.app.studio_fixtures import ORIGIN, PNG, PORT, TestClient
from tests.boxed_scans import write_folder

__all__ = ["browser", "cache", "priors", "scans", "studio"]


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("scans") / "boxes")


@pytest.fixture(scope="module")
def cache(scans, tmp_path_factory) -> Path:
    """A cache with the index of the scans; tests of a module share it and must not change it."""
    cache = tmp_path_factory.mktemp("cache")
    assert main([str(scans), "--cache", str(cache)]) == 0
    return cache


@pytest.fixture(scope="module")
def priors(tmp_path_factory) -> Path:
    """A folder with a prior of lengths near 0.25 m, those of the small boxes, and a torn file."""
    folder = tmp_path_factory.mktemp("priors")
    made = Provenance(method="labels", source="boxes", labels_used=True)
    record = PriorRecord(
        name="boxes", kind="empirical", quantiles=(0.2, 0.25, 0.3), provenance=made
    )
    write_prior(folder / "boxes.json", record)
    (folder / "torn.json").write_text("{")
    return folder


@pytest.fixture
def browser(scans, cache, priors, tmp_path, monkeypatch) -> Iterator[SceneBrowser]:
    """What pages and API ask; no job is started, so that nothing changes under a test."""
    browser = open_browser([str(scans)], cache, [priors], runs=tmp_path, render=lambda _: PNG)
    monkeypatch.setattr(browser.collections, "attend", lambda *_, **__: None)
    yield browser
    browser.close()


@pytest.fixture
def studio(browser, tmp_path) -> Iterator[TestClient]:
    """A browser that came in with a launch link."""
    access = Access(PORT)
    app = create_app(RunStore(tmp_path), access, render=lambda *_: PNG, scenes=browser)
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        assert client.get(access.new_link()).status_code == 303
        yield client
