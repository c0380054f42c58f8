"""Scans for the tests: rooms from the simulator, and real ones where they lie on this disk."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.scenes.simulate.outdoor.streets import simulate_street
from pointins_engine.types import Scene

REAL = Path(os.environ.get("POINTINS_DATA") or Path(__file__).parents[3] / "shared" / "data")


def write_sweep(root: Path, frame: str, coord: np.ndarray, intensity: np.ndarray) -> Path:
    """One sweep in KITTI's layout, without labels."""
    path = root / "sequences" / "00" / "velodyne" / f"{frame}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.c_[coord, intensity].astype("<f4").tofile(path)
    return path


def write_labels(sweep: Path, raw_class: np.ndarray, raw_instance: np.ndarray) -> Path:
    path = sweep.parent.parent / "labels" / f"{sweep.stem}.label"
    path.parent.mkdir(exist_ok=True)
    (raw_class.astype(np.uint32) | (raw_instance.astype(np.uint32) << 16)).tofile(path)
    return path


@pytest.fixture(scope="session")
def room() -> Scene:
    return simulate_room(3)


@pytest.fixture(scope="session")
def street() -> Scene:
    return simulate_street(4)


@pytest.fixture(scope="session")
def kitti_root(tmp_path_factory, street) -> Path:
    """Real SemanticKITTI sweeps if they are there, else a simulated street in the same layout."""
    real = REAL / "semantickitti"
    if real.is_dir():
        return real
    root = tmp_path_factory.mktemp("kitti")
    # The last, 0, is for label -1: no class.
    raw_id = np.array(
        [10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81, 0]
    )
    for frame in ("000000", "000001"):
        path = write_sweep(root, frame, street.coord, street.intensity)
        write_labels(path, raw_id[street.semantic_label], street.instance_label + 1)
    return root


@pytest.fixture(scope="session")
def depth_image(tmp_path_factory) -> Path:
    """A real organised PCD if one is there, else a table seen from above, in camera axes."""
    real = REAL / "mosd" / "learn" / "learn0.pcd"
    return real if real.is_file() else write_table_view(tmp_path_factory.mktemp("pcd") / "t.pcd")


@pytest.fixture
def table_view() -> Callable[[Path], Path]:
    return write_table_view


def write_table_view(path: Path) -> Path:
    """An organised, uncompressed PCD: a table 40 degrees below the camera, and a box on it."""
    v, u = np.mgrid[0:60, 0:80]
    ray = np.stack([(u - 40) / 70, (v - 30) / 70, np.ones_like(u, float)], axis=-1)
    lean = np.deg2rad(40)
    up = np.array([0.0, -np.cos(lean), -np.sin(lean)])  # of the table, in camera axes
    depth = np.full(u.shape, 0.9 * up[1] * 0 + 0.8) / -(ray @ up)
    box = (abs(u - 40) < 8) & (abs(v - 30) < 6)
    depth[box] *= 0.85
    coord = (ray * depth[..., None]).astype("<f4").reshape(-1, 3)
    coord[::50] = np.nan
    label = np.where(box, 10, 0).astype("<u4").ravel()
    header = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z label\n"
        "SIZE 4 4 4 4\nTYPE F F F U\nCOUNT 1 1 1 1\nWIDTH 80\nHEIGHT 60\n"
        "VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 4800\nDATA binary\n"
    )
    table = np.rec.fromarrays([*coord.T, label], names="x,y,z,label")
    path.write_bytes(header.encode() + table.tobytes())
    return path
