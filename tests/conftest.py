"""Small scenes shared by the tests of views, networks and trainer."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from pointins_engine.types import Scene

BROWSER_TESTS = "test_browser"  # beginning of the names of their files
LONG = ("test_distributed.py", "test_trainer.py", "test_demo.py", "test_start.py")  # files

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start, too
torch.set_num_threads(1)  # sums do not depend on how a machine shares them out, and small tensors
# gain nothing from a second thread


class OneBrowser(LoadScopeScheduling):
    """Workers take a file at a time, but all files of browser tests go to one of them: two browsers
    that draw in software on two cores would wait for each other."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return "browser" if Path(path).name.startswith(BROWSER_TESTS) else path


def pytest_xdist_make_scheduler(config, log) -> OneBrowser:
    return OneBrowser(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that the workers end together."""
    items.sort(key=lambda item: 0 if is_browser_test(item) else 2 - (item.path.name in LONG))


def is_browser_test(item: pytest.Item) -> bool:
    return item.path.name.startswith(BROWSER_TESTS)


@pytest.fixture(autouse=True, scope="session")
def priority() -> Iterator[None]:
    """The tests keep theirs where a job that makes room for others is called in their process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "nice", lambda _: 0)
        yield


def box_surface(
    low: tuple[float, float, float],
    size: tuple[float, float, float],
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points on the faces of a box."""
    points = rng.uniform(0, 1, (count, 3))
    face = rng.integers(0, 3, count)
    points[np.arange(count), face] = rng.integers(0, 2, count)
    return (np.array(low) + points * np.array(size)).astype(np.float32)


@pytest.fixture
def room() -> Scene:
    """Six boxes on a floor, one colour each, labelled, 9,000 points."""
    rng = np.random.default_rng(7)
    floor = np.column_stack(
        [rng.uniform(0, 4, 3000), rng.uniform(0, 3, 3000), np.zeros(3000)]
    ).astype(np.float32)
    boxes = [
        box_surface((0.4 + 1.2 * (n % 3), 0.5 + 1.4 * (n // 3), 0.05), (0.6, 0.6, 0.8), 1000, rng)
        for n in range(6)
    ]
    instance = np.repeat([-1, *range(6)], [3000, *[1000] * 6]).astype(np.int32)
    palette = rng.integers(40, 215, (7, 3)).astype(np.uint8)
    normal = rng.normal(size=(9000, 3)).astype(np.float32)
    return Scene(
        id="room",
        coord=np.concatenate([floor, *boxes]),
        color=palette[instance],
        normal=normal / np.linalg.norm(normal, axis=1, keepdims=True),
        instance_label=instance,
        is_plane=instance < 0,
    )
