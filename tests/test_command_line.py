"""What a person types: bad input is one sentence, exit code 2, and nothing left behind."""

import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pointins_engine.__main__ import main
from pointins_engine.run_log.store import Run

ROOT = Path(__file__).parents[1]
SMALL = [
    *("--backbone.depths", "1", "1", "--backbone.channels", "16", "32"),
    *("--backbone.heads", "1", "2", "--backbone.patch-size", "64", "--log.num-inspected", "1"),
    *("--semantic.num-prototypes", "32", "--optim.batch-scenes", "1", "--view.max-points", "2048"),
]


def ply(path: Path, coord: np.ndarray, promised: int | None = None) -> Path:
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {promised or len(coord)}\n"
        "property float x\nproperty float y\nproperty float z\nend_header\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + coord.astype("<f4").tobytes())
    return path


@pytest.fixture
def boxes() -> np.ndarray:
    """Three boxes on a floor, 6,000 points, in metres."""
    rng = np.random.default_rng(0)
    floor = np.column_stack([rng.uniform(0, 4, (3000, 2)), np.zeros(3000)])
    corners = np.array([[0.2, 1.0, 0.1], [1.4, 1.0, 0.1], [2.6, 1.0, 0.1]])
    parts = [corner + rng.uniform(0, 0.6, (1000, 3)) for corner in corners]
    return np.concatenate([floor, *parts])


def pretrain(tmp_path: Path, *words: str) -> int:
    return main(["pretrain", "indoor_demo", "--run", str(tmp_path / "run"), "--quiet", *words])


def test_pretraining_on_a_scan_of_ones_own_writes_a_run(tmp_path, boxes, capsys):
    holes = boxes.copy()
    holes[::50] = np.nan
    scan = ply(tmp_path / "scan.ply", holes)
    assert pretrain(tmp_path, "--scenes", str(scan), "--steps", "2", *SMALL) == 0
    run = Run(tmp_path / "run")
    assert run.state()["status"] == "finished"
    assert run.frames("scan")[-1] == 2
    assert len(run.load_scene("scan").coord_u16) == len(boxes) - len(boxes[::50])
    assert run.record["command"].startswith("pointins pretrain indoor_demo --run")
    assert "--optim.batch-scenes 1" in run.record["command"]
    assert "Traceback" not in capsys.readouterr().err


def broken_inputs(tmp_path: Path, boxes: np.ndarray) -> dict[str, tuple[Path, str]]:
    (tmp_path / "empty").mkdir()
    sequence = tmp_path / "kitti" / "sequences" / "00"
    scan = sequence / "velodyne" / "000000.bin"
    label = sequence / "labels" / "000000.label"
    scan.parent.mkdir(parents=True)
    label.parent.mkdir()
    scan.write_bytes(np.zeros((500, 4), "<f4").tobytes())
    label.write_bytes(struct.pack("<499I", *range(499)))
    return {
        "missing": (tmp_path / "nowhere", "no such file or folder"),
        "empty": (tmp_path / "empty", "holds no scan; looked for"),
        "short": (ply(tmp_path / "short.ply", boxes, promised=10**9), "1,?000,?000,?000"),
        "tiny": (ply(tmp_path / "tiny.ply", boxes[:3]), "3 points"),
        "labels": (tmp_path / "kitti", "499"),
        "millimetres": (ply(tmp_path / "mm.ply", boxes * 1000), r"--scene\.units mm"),
    }


@pytest.mark.parametrize("case", ["missing", "empty", "short", "tiny", "labels", "millimetres"])
def test_scans_that_cannot_be_used_leave_nothing_behind(tmp_path, boxes, case, capsys):
    path, message = broken_inputs(tmp_path, boxes)[case]
    assert pretrain(tmp_path, "--scenes", str(path), "--steps", "2", *SMALL) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(message, error), error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


def test_a_scan_in_millimetres_is_warned_about_with_the_fix(tmp_path, boxes, capsys):
    scan = ply(tmp_path / "mm.ply", boxes * 1000)
    assert main(["scenes", "show", str(scan)]) == 0
    shown = capsys.readouterr()
    assert "--scene.units mm" in shown.out + shown.err
    assert main(["scenes", "show", str(scan), "--units", "mm"]) == 0
    shown = capsys.readouterr()
    assert "--scene.units" not in shown.out + shown.err
    assert "4.00 x 4.00" in shown.out


def test_a_scan_that_lies_on_its_side_is_shown_with_a_warning_and_not_trained_on(
    tmp_path, boxes, capsys
):
    scan = ply(tmp_path / "side.ply", np.c_[boxes[:, 0], boxes[:, 2], -boxes[:, 1]])
    assert main(["scenes", "show", str(scan)]) == 0
    assert "Confirm with --scene.up y" in capsys.readouterr().out
    assert pretrain(tmp_path, "--scenes", str(scan), "--steps", "2", *SMALL) == 2
    assert "Confirm with --scene.up y" in capsys.readouterr().err
    assert main(["scenes", "show", str(scan), "--up", "y"]) == 0
    assert "--scene.up" not in capsys.readouterr().out


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path, boxes, capsys):
    scan = ply(tmp_path / "scan.ply", boxes)
    (tmp_path / "run").write_text("a file")
    assert pretrain(tmp_path, "--scenes", str(scan), "--steps", "2", *SMALL) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert (tmp_path / "run").read_text() == "a file"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pretrain", "indor_demo"], "there are: indoor_demo, outdoor_demo"),
        (["pretrain", "indoor_demo", "--device", "cuda:7"], "--device cpu"),
        (["pretrain", "indoor_demo", "--scr.num-segments", "1"], "must be in 2..255, got 1"),
        (["demo", "--colour", "red"], "unknown argument '--colour'"),
        (["scenes", "show", "sim:moon"], "there are: sim:rooms, sim:streets"),
    ],
)
def test_a_wrong_word_is_one_sentence(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_override_names_the_list_of_fields(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        pretrain(tmp_path, "--scr.num-clusters", "3")
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "--scr.num-clusters" in error
    assert "--fields" in error
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_not_overwritten(tmp_path, boxes, capsys):
    scan = ply(tmp_path / "scan.ply", boxes)
    words = ["--scenes", str(scan), "--steps", "1", *SMALL]
    assert pretrain(tmp_path, *words) == 0
    capsys.readouterr()
    assert pretrain(tmp_path, *words) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert pretrain(tmp_path, *words, "--resume") == 0


def test_simulated_scenes_can_be_looked_at(capsys):
    assert main(["scenes", "show", "sim:rooms", "--limit", "1"]) == 0
    shown = capsys.readouterr().out
    assert "48,000" in shown
    assert "instances" in shown


def test_the_doctor_names_machine_and_backends(capsys):
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for name in ("python", "torch", "attention", "sparse conv", "rendering", "open3d"):
        assert any(line.startswith(name) for line in shown.splitlines()), name
    assert re.search(r"rendering +openGL3_egl: \S", shown)


def test_help_comes_without_torch():
    code = (
        "import sys\n"
        "from pointins_engine.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_a_run_outlives_the_reader_of_its_output(tmp_path, boxes):
    """`pointins pretrain ... 2>&1 | head -1` ends the pipe, not the training."""
    scan = ply(tmp_path / "scan.ply", boxes)
    words = ["pretrain", "indoor_demo", "--scenes", str(scan), "--run", str(tmp_path / "run")]
    done = subprocess.Popen(
        [sys.executable, "-m", "pointins_engine", *words, "--steps", "3", *SMALL],
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert done.stderr is not None
    done.stderr.close()
    done.wait(timeout=120)
    assert Run(tmp_path / "run").state()["status"] == "finished"
