"""A job makes what is asked for, ends in words whatever happens, leaves nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.segment.edits import apply_edits
from pointins_engine.segment.files import write_segmentation
from pointins_engine.segment.folder import SegmentationFolder, read_scan, write_scan
from pointins_engine.segment.job import earlier_failures, run_job
from pointins_engine.segment.layers import read_layer
from pointins_engine.segment.watch import JobProgress
from tests.segment.small_scans import folder_of, found, stored, write_request

UPLOAD = {"kind": "upload", "file": "upload/room.ply"}
HANGS = """
import sys, time
from pathlib import Path
from pointins_engine.run_log import files
from pointins_engine.segment import job, make_layer
def hang(*_, **__):
    Path(sys.argv[1], "hangs").touch()
    time.sleep(600)
"""
IN_A_LAYER = HANGS + "make_layer.cluster = hang\nsys.exit(job.main(sys.argv[1:]))"
IN_A_WRITE = HANGS + (
    "write = make_layer.write_layer\n"
    "def slow(*a, **k):\n    files.os.fsync = hang\n    write(*a, **k)\n"
    "make_layer.write_layer = slow\nsys.exit(job.main(sys.argv[1:]))"
)


def done(folder):
    """Run a job in this process; its exit status and last progress."""
    status = run_job(folder, JobProgress(folder.progress, earlier_failures(folder)))
    return status, json.loads(folder.progress.read_text())


def uploaded(root, room, change=lambda coord: coord, **request):
    """A folder with a scan that nobody has read yet."""
    folder = SegmentationFolder(root)
    scan = found(stored(room))
    changed = replace(scan, coord=change(scan.coord).astype(np.float32))
    write_segmentation(root / "upload", "room", changed, ["ply"])
    write_request(folder, {"layer": "pointins"}, source=UPLOAD, checkpoint="auto", **request)
    return folder


@pytest.fixture
def no_network(monkeypatch):
    """Importing what runs networks fails, as it would without torch."""
    monkeypatch.setitem(sys.modules, "pointins_engine.segment.voting", None)


@pytest.fixture
def folder(room, tmp_path):
    return folder_of(room, tmp_path / "s", {"layer": "pointins"})


def test_stored_votes_are_grouped_again_without_a_network(folder, no_network):
    write_request(
        folder,
        {"layer": "pointins"},
        {"layer": "pointins-2", "method": "pointins", "settings": {"min_size": 100_000}},
    )
    status, progress = done(folder)
    assert (status, progress["status"], progress["detail"]) == (0, "finished", "")
    first, second = (folder.read_layer_record(name) for name in ("pointins", "pointins-2"))
    assert first["figures"]["recall50"] == 1
    assert second["instances"] == [] and second["label"] == "PointINS 2"
    offset = read_scan(folder).votes.offset
    np.testing.assert_array_equal(read_layer(folder, "pointins").cell_offset, offset)


def test_classical_methods_and_the_truth_lie_on_the_same_cells(folder, no_network):
    write_request(folder, {"layer": "truth"}, {"layer": "components"})
    assert done(folder)[0] == 0
    truth, components = (read_layer(folder, name) for name in ("truth", "components"))
    assert len(truth.score) == len(components.score) == 6
    assert folder.read_layer_record("truth")["figures"] is None
    record = folder.read_layer_record("components")
    assert record["figures"]["recall50"] == 1
    assert record["settings"]["planes"] == "remove" and record["settings"]["radius"] > 0


def test_a_layer_that_is_there_is_not_made_again(folder, no_network):
    done(folder)
    made = folder.read_layer_record("pointins")["made"]
    write_request(folder, {"layer": "pointins"}, {"layer": "components"})
    assert done(folder)[0] == 0
    assert folder.read_layer_record("pointins")["made"] == made
    assert folder.layer_names() == ["components", "pointins"]


def test_one_layer_that_fails_does_not_take_the_others_along(folder, no_network):
    wanted = [
        {"layer": "dbscan", "settings": {"radius": -1}},
        {"layer": "magic"},
        {"layer": "components"},
    ]
    write_request(folder, *wanted)
    status, progress = done(folder)
    assert (status, progress["status"], progress["layer"]) == (2, "failed", "magic")
    assert "no method is called 'magic'" in progress["detail"]
    assert "radius must be in" in progress["failures"]["dbscan"]
    assert folder.layer_names() == ["components"]
    status, progress = done(folder)
    assert (status, progress["status"]) == (0, "finished")
    assert set(progress["failures"]) == {"dbscan", "magic"}


def test_an_upload_is_read_shown_to_the_built_in_network_and_measured(room, tmp_path):
    folder = uploaded(tmp_path, room)
    status, progress = done(folder)
    assert (status, progress["detail"]) == (0, "")
    facts = json.loads(folder.facts.read_text())
    assert facts["points"] == len(room) and facts["has_truth"] and facts["domain"] == "indoor"
    record = folder.read_layer_record("pointins")
    assert record["provenance"]["network"]["checkpoint"] == "builtin:indoor"
    assert set(record["seconds"]) == {"votes", "grouping"}
    assert record["figures"]["ap"] is not None
    np.testing.assert_array_equal(read_layer(folder, "pointins").coord, room.coord)


def test_another_network_votes_for_the_same_cells(room, tmp_path):
    folder = uploaded(tmp_path, room)
    stored_scan = stored(room, **json.loads(folder.request.read_text()))
    write_scan(folder, stored_scan)
    for path in (folder.scene, folder.facts):
        path.touch()
    item = {"layer": "pointins-2", "method": "pointins", "checkpoint": "builtin:outdoor"}
    write_request(folder, item, source=UPLOAD, checkpoint="auto")
    status, progress = done(folder)
    assert (status, progress["detail"]) == (0, "")
    layer = read_layer(folder, "pointins-2")
    assert layer.provenance["network"]["checkpoint"] == "builtin:outdoor"
    np.testing.assert_array_equal(layer.cell_coord, stored_scan.votes.coord)
    assert np.abs(layer.cell_offset - stored_scan.votes.offset).max() > 0


@pytest.mark.parametrize(
    ("change", "ask"),
    [
        (lambda coord: coord * 100, {"units": "cm"}),
        (lambda coord: coord[:, [1, 2, 0]], {"up": "y"}),
    ],
)
def test_a_scan_in_doubt_is_asked_about_without_naming_flags(room, tmp_path, change, ask):
    status, progress = done(uploaded(tmp_path, room, change))
    assert (status, progress["status"], progress["ask"]) == (2, "failed", ask)
    assert "looks like" in progress["detail"] and "--" not in progress["detail"]


def test_a_changed_request_makes_everything_anew(folder, no_network):
    done(folder)
    write_request(folder, {"layer": "pointins"}, source=UPLOAD, units="mm")
    status, progress = done(folder)
    assert (status, progress["status"]) == (2, "failed")
    assert folder.layer_names() == [] and not folder.points.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ply\nformat ascii 1.0\nelement vertex 9\n", "not a PLY file"),
        (b"", "is empty"),
        (None, "no such file"),
    ],
)
def test_a_scan_that_cannot_be_read_is_told_in_words_without_our_paths(room, tmp_path, data, words):
    folder = uploaded(tmp_path, room)
    scan = tmp_path / "upload" / "room.ply"
    scan.unlink()
    if data is not None:
        scan.write_bytes(data)
    status, progress = done(folder)
    assert (status, progress["status"], progress["ask"]) == (2, "failed", None)
    assert words in progress["detail"] and str(tmp_path) not in progress["detail"]


def test_a_scene_that_its_collection_lost_is_told_in_words(room, tmp_path):
    write_segmentation(tmp_path / "scans", "room", found(stored(room)), ["ply"])
    folder = SegmentationFolder(tmp_path)
    source = {"kind": "scene", "source": str(tmp_path / "scans"), "scene": "hall"}
    write_request(folder, {"layer": "pointins"}, source=source)
    assert "has no scene called 'hall' any more" in done(folder)[1]["detail"]


def test_a_network_that_voted_already_is_not_asked_again(folder, no_network):
    scan = replace(read_scan(folder), provenance={"network": {"checkpoint": "builtin:indoor"}})
    write_scan(folder, scan)
    item = {"layer": "pointins-2", "method": "pointins", "checkpoint": "auto"}
    write_request(folder, item, {**item, "layer": "pointins-3", "checkpoint": "builtin:indoor"})
    assert done(folder)[0] == 0
    assert folder.layer_names() == ["pointins-2", "pointins-3"]


def test_an_error_of_ours_is_told_too(folder, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("pointins_engine.segment.job.read_scan", broken)
    status, progress = done(folder)
    assert (status, progress["status"]) == (2, "failed")
    assert "ZeroDivisionError: of ours" in progress["detail"]
    assert "Traceback" in capsys.readouterr().err


def start(program, folder, *arguments):
    command = [sys.executable, "-c", program, str(folder.root), *arguments]
    return subprocess.Popen(command, start_new_session=True, cwd=os.curdir)


def wait_for(path):
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


def test_a_job_that_is_told_to_stop_says_so_and_leaves_at_once(folder):
    write_request(folder, {"layer": "components"})
    job = start(IN_A_LAYER, folder)
    wait_for(folder.root / "hangs")
    os.kill(job.pid, signal.SIGTERM)
    job.wait(30)
    assert json.loads(folder.progress.read_text())["status"] == "stopped"
    assert folder.layer_names() == []


def test_a_job_killed_while_it_writes_leaves_no_layer_and_the_next_one_goes_on(folder):
    write_request(folder, {"layer": "components"})
    job = start(IN_A_WRITE, folder)
    wait_for(folder.root / "hangs")
    job.kill()
    job.wait()
    assert json.loads(folder.progress.read_text())["pid"] == job.pid
    left = [path.name for path in folder.layers.iterdir()]
    assert left and all(name.endswith(".tmp") for name in left)
    assert done(folder)[0] == 0
    assert sorted(path.name for path in folder.layers.iterdir()) == [
        "components.json",
        "components.safetensors",
    ]


def test_a_job_that_takes_too_much_memory_says_how_much(folder):
    write_request(folder, {"layer": "components"})
    start(IN_A_LAYER, folder, "--memory-mb", "1").wait(120)
    progress = json.loads(folder.progress.read_text())
    assert progress["status"] == "failed"
    assert "needs more memory than the 0.0 GB" in progress["detail"]


def test_edits_of_a_layer_that_a_job_made_are_measured_like_the_others(folder, no_network):
    done(folder)
    labels = read_layer(folder, "pointins").cell_label.astype(np.int32)
    apply_edits(folder.root, "pointins", np.where(labels == 1, 0, labels).astype(np.int32), {}, 0)
    edited = folder.read_layer_record("edited")
    assert edited["figures"]["ap50"] < folder.read_layer_record("pointins")["figures"]["ap50"]
