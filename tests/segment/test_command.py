"""`pointins segment`: files and a table for what can be segmented, a sentence for what cannot."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from pointins_engine.__main__ import main
from pointins_engine.scenes.readers import read_scene
from pointins_engine.segment.files import read_segmentation
from pointins_engine.segment_command import Row, summary


def ply(path, coord):
    """A file of points without colours."""
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(coord)}\n"
        "property float x\nproperty float y\nproperty float z\nend_header\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + coord.astype("<f4").tobytes())
    return path


@pytest.fixture
def scan(room):
    """A room with walls to stand in, so that unit and up axis are plain."""
    rng = np.random.default_rng(1)
    walls = [
        np.column_stack([rng.uniform(0, 4, 1500), np.zeros(1500), rng.uniform(0, 2.5, 1500)]),
        np.column_stack([np.zeros(1500), rng.uniform(0, 3, 1500), rng.uniform(0, 2.5, 1500)]),
    ]
    return np.concatenate([room.coord, *walls]).astype(np.float32)


def segment(*words):
    return main(["segment", *map(str, words), "--device", "cpu"])


def test_a_scan_becomes_files_that_can_be_read_back(scan, tmp_path, capsys):
    file, out = ply(tmp_path / "my room.ply", scan), tmp_path / "out"
    assert segment(file, "--out", out, "--domain", "indoor") == 0
    told = capsys.readouterr()
    assert re.search(r"my-room\s+12,000\s+\d+", told.out)
    assert "The scan has no colour" in told.err
    assert sorted(path.name for path in out.iterdir()) == [
        f"my-room.{kind}" for kind in ("json", "npz", "ply")
    ]
    found = read_segmentation(out / "my-room.npz")
    assert len(found.score) > 0 and np.abs(found.cell_offset).max() > 0
    again = read_scene(out / "my-room.ply")
    np.testing.assert_array_equal(again.instance_label, found.label)
    kept = json.loads((out / "my-room.json").read_text())
    assert kept["provenance"]["network"]["checkpoint"] == "builtin:indoor"
    assert len(kept["instances"]) == len(found.score)


def test_a_folder_goes_on_past_a_scan_that_cannot_be_read(scan, tmp_path, capsys):
    folder, out = tmp_path / "scans", tmp_path / "out"
    ply(folder / "good.ply", scan)
    ply(folder / "few.ply", scan[:10])
    (folder / "torn.ply").write_bytes((folder / "good.ply").read_bytes()[:5000])
    assert segment(folder, tmp_path / "nowhere", "--out", out, "--format", "json") == 2
    told = capsys.readouterr()
    assert [path.name for path in out.iterdir()] == ["good.json"]
    assert "10 of 10 points have a finite position; a scene needs at least 100" in told.err
    assert "torn.ply" in told.err and "nowhere: no such file or folder" in told.err
    assert "3 of 4 scans could not be segmented" in told.err
    assert "Traceback" not in told.err


def test_scans_of_one_name_do_not_overwrite_each_other(scan, tmp_path):
    files = [ply(tmp_path / folder / "scan.ply", scan) for folder in "ab"]
    out = tmp_path / "out"
    words = ["--out", out, "--format", "json", "--method", "components"]
    assert segment(*files, *words) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["scan-2-components.json", "scan-components.json"]


def test_a_scan_in_millimetres_or_on_its_side_is_asked_about_in_flags_of_this_command(
    scan, tmp_path, capsys
):
    out = tmp_path / "out"
    large = ply(tmp_path / "large.ply", 1000 * scan)
    assert segment(large, "--out", out) == 2
    assert "--units mm" in capsys.readouterr().err
    assert segment(large, "--out", out, "--units", "mm", "--format", "json") == 0
    flat = 4 * scan[:, [0, 2, 1]] * np.float32([1, 0.2, 1])
    assert segment(ply(tmp_path / "flat.ply", flat), "--out", out) == 2
    told = capsys.readouterr().err
    assert "--up y" in told and "--scene" not in told


def test_methods_stand_beside_each_other(scan, tmp_path, capsys):
    out = tmp_path / "out"
    methods = ["--method", "pointins", "dbscan"]
    assert segment(ply(tmp_path / "room.ply", scan), "--out", out, *methods) == 0
    assert re.search(r"room .*\nroom-dbscan ", capsys.readouterr().out)
    assert {path.stem for path in out.iterdir()} == {"room", "room-dbscan"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "xyz"], "--format xyz: expected some of ply, npz, json"),
        (["--format", ""], "--format : expected some of"),
        (["--method", "magic"], "--method magic: no such method"),
        (["--radius", "-1"], "radius is -1.0, expected a number > 0"),
        (["--least-score", "2"], "least_score is 2.0, expected a number in 0..1"),
        (["--method", "dbscan", "--least-score", "0"], "--least-score is a setting of the method"),
        (["--limit", "0"], "--limit must be >= 1"),
        (["--checkpoint", "nowhere"], "nowhere does not exist"),
        (["--method", "dbscan", "--min-size", "3"], "--min-size is a setting of the method"),
        (["--what"], "unknown argument '--what'"),
    ],
)
def test_a_wrong_word_is_one_sentence_before_anything_is_done(words, told, scan, tmp_path, capsys):
    out = tmp_path / "out"
    assert segment(ply(tmp_path / "room.ply", scan), "--out", out, *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and told in error and error.count("\n") == 1
    assert not out.exists()


def test_help_and_bad_words_come_without_torch(tmp_path):
    code = (
        "import sys; from pointins_engine.__main__ import main\n"
        f"assert main(['segment', '{tmp_path}/none.ply', '--out', '{tmp_path}/o']) == 2\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "none.ply: no such file or folder" in done.stderr


def test_the_table_lines_up_and_leaves_out_what_is_not_there():
    row = Row(name="room", points=12_000, instances=0, median_size=0, mean_score=0.0, seconds=1.25)
    head, first, second = summary(
        [row, replace(row, name="a longer name", instances=3, median_size=40, mean_score=0.5)]
    ).splitlines()
    assert len(head) == len(first) == len(second)
    assert first.split() == ["room", "12,000", "0", "-", "-", "1.2"]
    assert second.split()[-4:] == ["3", "40", "0.50", "1.2"]
