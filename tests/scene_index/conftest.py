from pathlib import Path

import pytest

from pointins_engine.scene_index.__main__ import main
from pointins_engine.scene_index.cache import CollectionFolder
from tests.boxed_scans import write_folder


@pytest.fixture(scope="session")
def scans(tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("scans") / "boxes")


@pytest.fixture(scope="session")
def index(scans, tmp_path_factory) -> CollectionFolder:
    """The index of the scans; tests share it and must not change it."""
    cache = tmp_path_factory.mktemp("cache")
    assert main([str(scans), "--cache", str(cache)]) == 0
    return CollectionFolder.of(cache, str(scans))
