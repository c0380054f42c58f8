"""The example that reads a run folder: its arrays are the frame's, and it needs no torch."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.run_log.store import Run
from tests.recorded_run import write_recorded_run

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "read_a_run.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "rooms"
    write_recorded_run(root, num_frames=3, num_points=1200)
    return root


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("read_a_run", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_prints_a_run_without_torch(folder):
    code = (
        "import runpy, sys\n"
        "sys.modules['torch'] = None\n"  # importing it fails
        f"sys.argv = ['read_a_run.py', {str(folder)!r}]\n"
        f"runpy.run_path({str(EXAMPLE)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    stats = Run(folder).stats("room_0001", 20)["odr"]
    assert "rooms: finished at step 20 of" in done.stdout
    assert f"before: W1 {stats['w1_before_m']:.3f} m, KS {stats['ks_before']:.3f}" in done.stdout
    assert "student: W1" in done.stdout


def test_votes_of_points_are_where_their_cells_offsets_lead(folder, example):
    run = Run(folder)
    points = example.frame_of_points(run, "room_0001", 10)
    shown, frame = run.load_scene("room_0001"), run.load_frame("room_0001", 10)
    moved = points["vote_after"] - points["coord"]
    wanted = frame["offset_regularized"][shown.cell_index].astype(np.float32)
    np.testing.assert_allclose(moved, wanted, atol=1e-3)


def test_a_curve_and_histograms_are_ready_to_plot(folder, example):
    run = Run(folder)
    steps, values = example.curve(run, "loss/total")
    assert steps.tolist() == [0, 10, 20]
    assert np.isfinite(values).all()
    shares = example.lengths_against_prior(run.stats("room_0001", 0)["odr"])
    assert set(shares) == {"edges_m", "prior", "before", "after", "student"}
    assert all(len(shares["edges_m"]) == len(shares[name]) + 1 for name in ("prior", "student"))
    assert shares["before"].sum() == pytest.approx(1, abs=1e-3)


def test_cells_of_one_box_are_alike_and_floor_is_not(folder, example):
    """At the last frame of a recorded run a box has features of its own."""
    run = Run(folder)
    frame, shown = run.load_frame("room_0001", 20), run.load_scene("room_0001")
    cell = int(np.flatnonzero(frame["pseudo_instance"] == 0)[0])
    like = example.similar_cells(frame, cell)
    assert like[cell] == pytest.approx(1, abs=1e-5)
    floor = shown.cell_is_plane == 1
    assert like[frame["pseudo_instance"] == 0].mean() > like[floor].mean() + 0.2
