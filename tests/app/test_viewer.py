"""The desktop viewer's command line, its window on a mock screen, and following a growing run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.pictures.exhibit import Exhibit, read_scan
from app.pictures.viewer import main, open_exhibit
from pointins_engine.run_log.store import Run
from tests.recorded_run import append_frame, boxes_room, open_recorded_run, write_recorded_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "rooms"
    write_recorded_run(root, num_frames=2, num_points=1500)
    return root


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory) -> Path:
    coord, color, _, _ = boxes_room(seed=3, num_points=1500)
    path = tmp_path_factory.mktemp("scans") / "boxes.ply"
    rows = [
        f"{x:.4f} {y:.4f} {z:.4f} {r} {g} {b}"
        for (x, y, z), (r, g, b) in zip(coord.tolist(), color.tolist(), strict=True)
    ]
    header = ["ply", "format ascii 1.0", f"element vertex {len(coord)}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"property uchar {name}" for name in ("red", "green", "blue")]
    path.write_text("\n".join([*header, "end_header", *rows]) + "\n")
    return path


def view(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, as Polyscope wants one context a process."""
    command = [sys.executable, "-m", "app.pictures.viewer", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_screenshot_of_a_run_and_of_a_scan_is_a_picture_of_the_size(
    run_folder, scan_file, tmp_path
):
    size = ("--width", "160", "--height", "100")
    for target, options in (
        (run_folder, ("--scene", "room_0002", "--step", "0", "--t", "0.5", "--marks")),
        (scan_file, ()),
    ):
        picture = tmp_path / f"{target.stem}.png"
        done = view(target, "--screenshot", picture, *size, *options)
        assert (done.returncode, done.stderr) == (0, "")
        image = np.asarray(Image.open(picture)).astype(int)
        assert image.shape == (100, 160, 3)
        assert (np.abs(image - image[0, 0]).sum(axis=2) > 12).mean() > 0.1


def test_without_a_screen_the_fix_is_told(run_folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main([str(run_folder)]) == 2
    assert "--screenshot" in capsys.readouterr().err


def test_a_bad_target_is_a_sentence_and_exit_code_2(run_folder, scan_file, tmp_path, capsys):
    picture = str(tmp_path / "p.png")
    (tmp_path / "notes.txt").write_text("no scan")
    for arguments, said in (
        ([str(tmp_path / "nowhere")], "does not exist"),
        ([str(tmp_path / "notes.txt")], "notes.txt"),
        ([str(run_folder.parent)], "name one of them: rooms"),
        ([str(run_folder), "--scene", "attic"], "room_0001, room_0002"),
        ([str(run_folder), "--step", "7"], "no frame of step 7"),
        ([str(scan_file), "--step", "7"], "has no steps"),
        ([str(run_folder), "--t", "3"], "from 0 (points) to 1"),
    ):
        assert main([*arguments, "--screenshot", picture]) == 2
        assert said in capsys.readouterr().err
    assert not Path(picture).exists()


def test_a_scan_becomes_cells_that_hold_its_points(scan_file):
    coord, color, _, _ = boxes_room(seed=3, num_points=1500)
    scene = read_scan(scan_file)
    assert len(scene.coord_u16) == len(coord)
    assert scene.color is not None
    assert scene.color.astype(int).sum() == color.astype(int).sum()
    distance = np.abs(scene.coord - scene.cell_coord[scene.cell_index]).max()
    assert distance <= scene.cell_size + 1e-3
    assert open_exhibit(scan_file).frame is None


def test_a_growing_run_is_followed_from_before_its_first_frame(tmp_path):
    writer = open_recorded_run(tmp_path / "live", num_points=600)
    exhibit = Exhibit(run=Run(tmp_path / "live"))
    assert exhibit.poll() and exhibit.scene is not None and exhibit.frame is None
    assert not exhibit.poll()
    for step in (0, 10):
        append_frame(writer, step, num_points=600)
        assert exhibit.poll() and exhibit.step == step
    exhibit.seek(0)
    append_frame(writer, 20, num_points=600)
    assert not exhibit.poll()
    assert (exhibit.step, exhibit.steps) == (0, [0, 10, 20])
    writer.close("stopped", "")


def test_the_window_shows_the_layers_and_moves_on_with_the_run(tmp_path):
    write_recorded_run(tmp_path / "live", num_frames=2, num_points=600, scenes=("room_0001",))
    code = """
import sys
from pathlib import Path
import polyscope as ps
from app.pictures.exhibit import Exhibit, Look
from app.pictures.window import LAYERS, Panel, open_window
from pointins_engine.run_log.store import Run
exhibit = Exhibit(run=Run(Path(sys.argv[1])))
exhibit.poll()
exhibit.seek(0)
exhibit.follow()
look = Look(t=0.5, marks=True)
open_window(exhibit, look, backend="openGL_mock", frames=3)
print(exhibit.step, [ps.has_point_cloud(name) for name in LAYERS])
look.marks = False
Panel(exhibit, look, width=640, height=400).redraw()
print([ps.has_point_cloud(name) for name in LAYERS])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "live")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["10 [True, True, True]", "[True, False, False]"]
